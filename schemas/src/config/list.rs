//! The file as a whole: its three forms, and what only two instruments together can get wrong.

use std::borrow::Cow;
use std::collections::HashMap;

use super::entry::{self, Instrument};
use super::fault::{Code, Fault, Faults, member};
use super::node::{Node, Object};
use super::process::{self, Process};
use super::reader::Reader;
use super::venue::Venue;
use super::{Config, keys, together};
use crate::ids::InstrumentPrefix;

/// Most instruments of one configuration.
pub const INSTRUMENTS_MAX: usize = 10_000;

/// Reads any of the three forms.
pub(super) fn read(node: &Node<'_>) -> Result<Config, Vec<Fault>> {
    let mut faults = Faults::default();
    let (process, found) = match node {
        Node::List(items) => (Some(Process::default()), entries(items, "", &mut faults)),
        Node::Object(object) if is_instrument(object) => {
            let found = one(object, String::new(), &mut faults).into_iter().collect();
            (Some(Process::default()), found)
        }
        Node::Object(object) => whole(object, &mut faults),
        Node::Null | Node::Flag(_) | Node::Number(_) | Node::Text(_) => {
            let kind = node.kind();
            let message = || format!("wrong type (got {kind}, want a list of instruments or an object)");
            faults.add(Code::Type, "", message);
            (None, Vec::new())
        }
    };
    let default = Process::default();
    distinct(&found, &process.as_ref().unwrap_or(&default).instance, &mut faults);
    if let Some(process) = &process {
        let instruments = found.iter().map(|found| (found.pointer.as_str(), &found.instrument));
        together::check(process, instruments, &mut faults);
    }
    let warnings = faults.finish()?;
    let process = process.expect("without a fault there are settings");
    let (pointers, instruments) = found.into_iter().map(|found| (found.pointer, found.instrument)).unzip();
    Ok(Config { process, instruments, pointers, warnings })
}

/// An instrument and where it stands.
struct Found {
    pointer: String,
    instrument: Instrument,
}

/// One instrument alone: no list in it, but keys of an instrument.
fn is_instrument(object: &Object<'_>) -> bool {
    let mut names = object.keys();
    object.get("instruments").is_none()
        && names.any(|name| keys::INSTRUMENT.iter().any(|key| key.name == name))
}

/// The object form.
fn whole(object: &Object<'_>, faults: &mut Faults) -> (Option<Process>, Vec<Found>) {
    let mut reader = Reader::new(object, "", keys::PROCESS, faults);
    let process = process::read(&mut reader);
    let found = match reader.list("instruments") {
        Some(items) => entries(items, "/instruments", faults),
        None => Vec::new(),
    };
    (process, found)
}

fn entries(items: &[Node<'_>], pointer: &str, faults: &mut Faults) -> Vec<Found> {
    if items.is_empty() || items.len() > INSTRUMENTS_MAX {
        let count = items.len();
        faults.add(Code::Count, pointer, || {
            format!("number of instruments out of range (got {count}, want 1 to {INSTRUMENTS_MAX})")
        });
        return Vec::new();
    }
    let mut found = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let pointer = format!("{pointer}/{index}");
        if let Node::Object(object) = item {
            found.extend(one(object, pointer, faults));
        } else {
            let message = || format!("wrong type (got {}, want an instrument)", item.kind());
            faults.add(Code::Type, &pointer, message);
        }
    }
    found
}

fn one(object: &Object<'_>, pointer: String, faults: &mut Faults) -> Option<Found> {
    let instrument = entry::read(&mut Reader::new(object, &pointer, keys::INSTRUMENT, faults))?;
    Some(Found { pointer, instrument })
}

/// No symbol twice on a venue, and no two symbols whose orders could not be told apart.
fn distinct(found: &[Found], instance: &str, faults: &mut Faults) {
    let mut symbols: HashMap<(&Venue, Cow<'_, str>), &str> = HashMap::new();
    let mut prefixes: HashMap<InstrumentPrefix, (&str, Cow<'_, str>)> = HashMap::new();
    for Found { pointer, instrument } in found {
        let key = instrument.order_key();
        let place = member(pointer, "Maker Symbol");
        if let Some(first) = symbols.insert((&instrument.venue, key.clone()), pointer) {
            faults.add(Code::Duplicate, &place, || format!("the same symbol on the same venue as {first}"));
        }
        let prefix = instrument.prefix(instance);
        let (first, other) = prefixes.entry(prefix).or_insert_with(|| (pointer.as_str(), key.clone()));
        if *other != key {
            let message =
                || format!("its client order ids would begin as those of {first}; rename one of them");
            faults.add(Code::Duplicate, &place, message);
        }
    }
}
