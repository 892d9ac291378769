//! The whole order path in virtual time.
//!
//! Processes made of the program's own machines (instruments, gateways, holds, leases, limiters, journals, dedupe) trade
//! on the embedded venue's own matching engine, over a network, a clock, a disk and a lease store that fail by a list of
//! faults drawn from one seed. After every event the [`oracle`] looks at what the venue accepted and what is open there.
//!
//! Read [`world`] first: it owns the queue of events and everything in it. It must never read a clock, iterate a hash
//! map or start a thread: the same seed gives the same run, event by event.

pub mod campaign;
pub mod clock;
pub mod coverage;
pub mod dice;
pub mod disk;
pub mod fault;
pub mod market;
pub mod oracle;
pub mod plan;
pub mod process;
pub mod record;
pub mod run;
pub mod sabotage;
pub mod setup;
pub mod shrink;
pub mod store;
pub mod venue;
pub mod world;

/// Nanoseconds of a millisecond.
pub const MS: u64 = 1_000_000;
/// Nanoseconds of a second.
pub const SEC: u64 = 1_000 * MS;
/// The true wall clock when a run begins, milliseconds since the epoch.
pub const START_MS: i64 = 1_790_000_000_000;

/// The true wall clock, so many nanoseconds after the beginning of a run.
#[must_use]
pub fn wall_ms(at: u64) -> i64 {
    START_MS.saturating_add(i64::try_from(at / MS).unwrap_or(i64::MAX))
}
