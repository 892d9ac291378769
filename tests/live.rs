//! The whole program in processes of its own: real sockets, a real Redis, signals, crashes and faults.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]
#![expect(clippy::print_stdout, reason = "a test that is skipped says why")]

#[path = "support/process.rs"]
#[expect(dead_code, reason = "shared with tests that use more of it")]
mod process;
#[path = "support/redis.rs"]
#[expect(dead_code, reason = "shared with tests that use more of it")]
mod redis;

#[path = "live/admin.rs"]
mod admin;
#[path = "live/admin_bad_input.rs"]
mod admin_bad_input;
#[path = "live/bad_input.rs"]
mod bad_input;
#[path = "live/bulkheads.rs"]
mod bulkheads;
#[path = "live/clock.rs"]
mod clock;
#[path = "live/crash.rs"]
mod crash;
#[path = "live/demo.rs"]
mod demo;
#[path = "live/faults.rs"]
mod faults;
#[path = "live/futures.rs"]
mod futures;
#[path = "live/halt.rs"]
mod halt;
#[path = "live/journal.rs"]
mod journal;
#[path = "live/logs.rs"]
mod logs;
#[path = "live/orders.rs"]
mod orders;
#[path = "live/reap.rs"]
mod reap;
#[path = "live/refused.rs"]
mod refused;
#[path = "live/start.rs"]
mod start;
#[path = "live/stop.rs"]
mod stop;
#[path = "live/switch.rs"]
mod switch;
#[path = "live/tape.rs"]
mod tape;
#[path = "live/vital.rs"]
mod vital;
