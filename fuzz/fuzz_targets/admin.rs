//! Requests to halt and release, and the state of halts on disk.
#![no_main]

#[path = "../src/parsers.rs"]
#[expect(dead_code, reason = "the other targets' parts")]
mod parsers;

libfuzzer_sys::fuzz_target!(|data: &[u8]| parsers::admin(data));
