//! What the fuzzers begin with, and what they once found, as plain tests.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a failing test shows its input")]

use std::path::{Path, PathBuf};

#[path = "../fuzz/src/parsers.rs"]
mod parsers;
#[path = "../fuzz/src/venue.rs"]
mod venue;

fn replay(target: &str, harness: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut inputs: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    inputs.sort();
    assert!(inputs.len() > 4, "the corpus of {target} is there");
    for input in inputs {
        println!("{}", input.display());
        harness(&std::fs::read(input).unwrap());
    }
}

#[test]
fn no_rest_request_of_the_corpus_brings_the_venue_down() {
    replay("rest", venue::rest);
}

#[test]
fn no_frame_of_the_corpus_brings_the_venue_down() {
    replay("ws_api", venue::frames);
}

#[test]
fn two_readers_of_json_find_the_same_in_every_payload_of_the_corpus() {
    replay("ticks", parsers::ticks);
}

#[test]
fn no_stream_of_the_corpus_disorders_a_book() {
    replay("book", parsers::book);
}

#[test]
fn no_answer_of_the_corpus_is_read_as_what_cannot_be() {
    replay("orders", parsers::orders);
}

#[test]
fn every_refused_configuration_of_the_corpus_is_told_why() {
    replay("config", parsers::config);
}

#[test]
fn no_journal_of_the_corpus_is_read_beyond_its_damage() {
    replay("journal", parsers::journal);
}
