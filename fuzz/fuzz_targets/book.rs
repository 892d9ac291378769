//! Market streams and snapshots into one book.
#![no_main]

#[path = "../src/parsers.rs"]
#[expect(dead_code, reason = "the other targets' parts")]
mod parsers;

libfuzzer_sys::fuzz_target!(|data: &[u8]| parsers::book(data));
