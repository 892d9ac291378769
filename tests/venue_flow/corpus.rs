//! What the fuzzers begin with, and what they once found, as plain tests.

use std::path::{Path, PathBuf};

#[path = "../../fuzz/src/venue.rs"]
mod venue;

fn inputs(target: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut inputs: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    inputs.sort();
    assert!(inputs.len() > 4, "the corpus of {target} is there");
    inputs
}

#[test]
fn no_rest_request_of_the_corpus_brings_the_venue_down() {
    for input in inputs("rest") {
        println!("{}", input.display());
        venue::rest(&std::fs::read(input).unwrap());
    }
}

#[test]
fn no_frame_of_the_corpus_brings_the_venue_down() {
    for input in inputs("ws_api") {
        println!("{}", input.display());
        venue::frames(&std::fs::read(input).unwrap());
    }
}
