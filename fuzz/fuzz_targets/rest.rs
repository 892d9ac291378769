//! REST requests of both dialects against a fresh venue.
#![no_main]

#[path = "../src/venue.rs"]
#[expect(dead_code, reason = "the other target's half")]
mod venue;

libfuzzer_sys::fuzz_target!(|data: &[u8]| venue::rest(data));
