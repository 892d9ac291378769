//! Rows of the fault matrix that need a process of their own: what a feed, a host or an attacker does to the real
//! program, and where secrets go while it happens.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![expect(clippy::print_stdout, reason = "a test that is skipped says why")]

#[path = "../support/process.rs"]
#[expect(dead_code, reason = "shared with tests that use more of it")]
mod process;
#[path = "../support/redis.rs"]
#[expect(dead_code, reason = "shared with tests that use more of it")]
mod redis;
#[path = "../support/stalls.rs"]
mod stalls;

mod canary;
mod feed;
mod hardening;
mod host;
mod market;
mod search;
mod venue;
