//! Payloads of a feed in every shape, and simd-json against serde_json.
#![no_main]

#[path = "../src/parsers.rs"]
#[expect(dead_code, reason = "the other targets' parts")]
mod parsers;

libfuzzer_sys::fuzz_target!(|data: &[u8]| parsers::ticks(data));
