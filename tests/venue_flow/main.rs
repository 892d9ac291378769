//! The venue under mixed flow: the same seed gives the same events, a recorded run replays to them, the books add up
//! under every fault, and no input brings it down.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

#[path = "../support/venue_client.rs"]
#[expect(dead_code, reason = "other tests use the rest of it")]
mod client;
mod flow;
mod process;
mod recording;
mod same_seed;
mod sockets;
