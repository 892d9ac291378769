//! Journals, whole and damaged.
#![no_main]

#[path = "../src/parsers.rs"]
#[expect(dead_code, reason = "the other targets' parts")]
mod parsers;

libfuzzer_sys::fuzz_target!(|data: &[u8]| parsers::journal(data));
