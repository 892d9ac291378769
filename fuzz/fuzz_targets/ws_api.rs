//! Websocket frames of both dialects, of the WS API and of the streams, against a fresh venue.
#![no_main]

#[path = "../src/venue.rs"]
#[expect(dead_code, reason = "the other target's half")]
mod venue;

libfuzzer_sys::fuzz_target!(|data: &[u8]| venue::frames(data));
