//! A journal for people: one JSON line a record. A file that is being written or was torn is printed as far as it goes.

use std::io::{self, Write};

use serde_json::value::RawValue;

use super::codec::{self, Damage, Start};
use super::error::JournalError;
use super::recovery::header;

/// Prints a journal's records; what is wrong with the file, if anything.
///
/// # Errors
/// [`JournalError`] where it is none, or where nothing can be printed.
pub fn print(bytes: &[u8], place: &str, out: &mut impl Write) -> Result<Option<String>, JournalError> {
    let foreign =
        || JournalError::Foreign { place: place.to_owned(), got: "other bytes at its beginning".into() };
    match codec::start(bytes) {
        Start::Journal => {}
        Start::Cut => return Ok(Some(format!("JRN-001 {place}: empty run file"))),
        Start::Foreign => return Err(foreign()),
        Start::Newer => {
            let want = schemas::journal::JOURNAL_FORMAT;
            return Err(JournalError::Newer { place: place.to_owned(), got: "unknown".to_owned(), want });
        }
    }
    let scan = codec::scan(bytes);
    if let Some(first) = scan.frames.first() {
        header(first, place)?;
    }
    for frame in scan.frames.iter().chain(&scan.salvaged) {
        line(frame.seq, frame.payload, out).map_err(JournalError::io("standard output"))?;
    }
    Ok(scan.damage.map(|damage| match damage {
        Damage::Tail { at } => format!("JRN-005 {place}: {} bytes of tail are no record", bytes.len() - at),
        Damage::Middle { seq, at } => format!("JRN-006 {place}: record {seq} at offset {at}"),
    }))
}

/// The record with its number in front; a record that is no JSON is shown as text.
fn line(seq: u64, payload: &[u8], out: &mut impl Write) -> io::Result<()> {
    match serde_json::from_slice::<&RawValue>(payload) {
        Ok(record) => {
            let members = record.get().trim_start().trim_start_matches('{');
            writeln!(out, "{{\"seq\":{seq},{members}")
        }
        Err(_) => writeln!(out, "{{\"seq\":{seq},\"unreadable\":{}}}", payload.len()),
    }
}
