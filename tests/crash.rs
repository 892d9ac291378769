//! kill -9 at named points of a pair's life, again and again on one venue: each start recovers what the last kill left,
//! and is what the next one hits (P1, P2, P12, P13, H1).
//!
//! `SELF_TRADER_KILLS` is how often each point is hit (20), `SELF_TRADER_KILL_POINTS` which ones (all, by comma), and
//! `SELF_TRADER_KILL_LOG` a file that gets one JSON line a point; `scripts/kills` adds them up.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]
#![expect(clippy::print_stdout, reason = "a test that is skipped says why")]

#[path = "support/process.rs"]
#[expect(dead_code, reason = "shared with tests that use more of it")]
mod process;
#[path = "support/redis.rs"]
#[expect(dead_code, reason = "shared with tests that use more of it")]
mod redis;
#[path = "support/venue_client.rs"]
#[expect(dead_code, reason = "shared with tests that use more of it")]
mod venue_client;

#[path = "crash/books.rs"]
mod books;
#[path = "crash/chain.rs"]
mod chain;
#[path = "crash/damage.rs"]
mod damage;
#[path = "crash/drop_copy.rs"]
mod drop_copy;
#[path = "crash/market.rs"]
mod market;
#[path = "crash/points.rs"]
mod points;
