//! Puts all mutants into the source at once, each behind a switch: one build then serves them all.
//!
//! `weave LIST SKIP IN OUT RANGES`: `LIST` is what `cargo mutants --list --json` prints; `SKIP` holds numbers of
//! mutants that are left out, one a line; the files are read below `IN` and written below `OUT`. `RANGES` takes a line a
//! mutant: its number, its file, and where in the written file it stands, or `-` where it could not be put in.

mod places;
mod text;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context as _, ensure};
use serde::Deserialize;

/// One mutant, as `cargo mutants` lists it.
#[derive(Deserialize)]
pub(crate) struct Mutant {
    file: String,
    genre: String,
    replacement: String,
    span: Lines,
    function: Option<Function>,
}

#[derive(Deserialize)]
struct Function {
    span: Lines,
}

/// From one place to another.
#[derive(Clone, Copy, Deserialize)]
struct Lines {
    start: Place,
    end: Place,
}

/// Both count from one; columns are characters.
#[derive(Clone, Copy, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    line: usize,
    column: usize,
}

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    ensure!(arguments.len() == 5, "usage: weave LIST SKIP IN OUT RANGES");
    let mutants: Vec<Mutant> = serde_json::from_str(&std::fs::read_to_string(&arguments[0])?)?;
    let skip: BTreeSet<usize> =
        std::fs::read_to_string(&arguments[1])?.lines().flat_map(str::parse).collect();
    let mut files: BTreeMap<&str, Vec<(usize, &Mutant)>> = BTreeMap::new();
    for (number, mutant) in mutants.iter().enumerate() {
        let of_file = files.entry(&mutant.file).or_default();
        if !skip.contains(&number) {
            of_file.push((number, mutant));
        }
    }
    let mut ranges = String::new();
    for (file, mutants) in files {
        let source = std::fs::read_to_string(Path::new(&arguments[2]).join(file))?;
        let woven = weave(&source, &mutants).with_context(|| file.to_owned())?;
        for (number, _) in mutants {
            match woven.ranges.get(&number) {
                Some((start, end)) => writeln!(ranges, "{number} {file} {start} {end}")?,
                // Nothing can be put around a chain of `let`s, and no operator but `&&` can stand in one.
                None if woven.in_let.contains(&number) => writeln!(ranges, "{number} {file} let")?,
                None => writeln!(ranges, "{number} {file} -")?,
            }
        }
        write_changed(&Path::new(&arguments[3]).join(file), &woven.text)?;
    }
    Ok(std::fs::write(&arguments[4], ranges)?)
}

/// What is as it was keeps its time, so that it is not built anew.
fn write_changed(path: &Path, text: &str) -> anyhow::Result<()> {
    if std::fs::read_to_string(path).is_ok_and(|old| old == text) {
        return Ok(());
    }
    Ok(std::fs::write(path, text)?)
}

/// The source with those mutants in it.
fn weave(source: &str, mutants: &[(usize, &Mutant)]) -> anyhow::Result<text::Woven> {
    let places = places::Places::of(&syn::parse_file(source)?);
    let mut edits = Vec::new();
    let (mut constant, mut in_let) = (BTreeSet::new(), BTreeSet::new());
    for (number, mutant) in mutants {
        match places.find(mutant) {
            Some(places::Spot::InLet) => drop(in_let.insert(*number)),
            Some(spot) => edits.push((*number, spot.edit(source, &mutant.replacement))),
            None => {}
        }
        if let Some(start) = mutant.function.as_ref().and_then(|function| places.constant(function.span.end))
        {
            constant.insert(start);
        }
    }
    Ok(text::Woven { in_let, ..text::weave(source, edits, &constant) })
}
