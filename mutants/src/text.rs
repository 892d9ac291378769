//! The source written anew, with a branch for each mutant.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::ops::Range;

/// What a mutant puts in the place of a part of the source; in that of nothing: at the beginning of a function.
#[derive(Clone, Debug)]
pub(crate) struct Edit {
    pub(crate) whole: Range<usize>,
    pub(crate) mutated: String,
    /// The field's name, where the source has it only once for name and value.
    pub(crate) field: Option<String>,
}

/// A source with mutants in it.
#[derive(Debug, Default)]
pub(crate) struct Woven {
    pub(crate) text: String,
    /// Where each mutant's own branch stands.
    pub(crate) ranges: BTreeMap<usize, (usize, usize)>,
    /// Those whose operator joins `let`s.
    pub(crate) in_let: BTreeSet<usize>,
}

/// The source with all edits, each behind its number; functions lose the `const` that begins at those bytes.
pub(crate) fn weave(source: &str, edits: Vec<(usize, Edit)>, constant: &BTreeSet<usize>) -> Woven {
    let mut groups: BTreeMap<(usize, usize), Vec<(usize, Edit)>> = BTreeMap::new();
    for (number, edit) in edits {
        groups.entry((edit.whole.start, edit.whole.end)).or_default().push((number, edit));
    }
    let mut opening: BTreeMap<usize, Vec<(usize, usize)>> = BTreeMap::new();
    let mut closing: BTreeMap<usize, usize> = BTreeMap::new();
    for (start, end) in groups.keys() {
        opening.entry(*start).or_default().push((*start, *end));
        if start != end {
            *closing.entry(*end).or_default() += 1;
        }
    }
    let mut woven = Woven::default();
    for (at, character) in source.char_indices() {
        // Functions first, then what is around the most.
        let mut here = opening.remove(&at).unwrap_or_default();
        here.sort_by_key(|(start, end)| (start != end, std::cmp::Reverse(*end)));
        (0..closing.remove(&at).unwrap_or_default()).for_each(|_| woven.text.push_str(" })"));
        here.iter().for_each(|place| woven.open(&groups[place]));
        let unwanted = constant.range(..=at).next_back().is_some_and(|start| at < start + "const ".len());
        if !unwanted {
            woven.text.push(character);
        }
    }
    woven
}

impl Woven {
    fn open(&mut self, mutants: &[(usize, Edit)]) {
        let whole = &mutants[0].1.whole;
        let is_body = whole.is_empty();
        if let Some(name) = &mutants[0].1.field {
            let _ = write!(self.text, "{name}: ");
        }
        if !is_body {
            self.text.push('(');
        }
        for (number, edit) in mutants {
            let start = self.text.len();
            let word = if is_body { "return " } else { "" };
            let end = if is_body { ";" } else { "" };
            let _ = write!(self.text, "if crate::mutant::is({number}) {{ {word}{}{end} }}", edit.mutated);
            self.ranges.insert(*number, (start, self.text.len()));
            self.text.push_str(if is_body { " " } else { " else " });
        }
        if !is_body {
            self.text.push_str("{ ");
        }
    }
}
