//! Leases in Redis: what proves the ownership of a fleet's shards. The decisions are `pipeline::lease`'s; here
//! are the connection, the scripts and the holds.
//!
//! The store is one Redis server (6 or newer). Two that both take writes would both give the lease out: where a
//! replica may be promoted, `min-replicas-to-write 1` keeps the old one from that.

use std::sync::Arc;

use pipeline::lease::Times;
use pipeline::time::{Nanos, Now};
use tokio::sync::watch;

mod keeper;
mod names;
mod store;

pub use names::{LeaseName, unique_owner};

use super::Hold;
use crate::clock::Clock;

/// The most owners that a status names.
const OWNERS_SHOWN_MAX: usize = 16;

/// What is to be held, and where.
pub struct LeasePlan {
    /// The store: `redis://` or `rediss://`; may carry a password.
    pub store: String,
    /// Who we are, unlike every other process: see [`unique_owner`].
    pub owner: String,
    /// One lease an instrument.
    pub names: Vec<LeaseName>,
    /// The instruments' holds, in the same order.
    pub holds: Vec<Arc<Hold>>,
}

/// An address that the client cannot use.
#[derive(Debug, thiserror::Error)]
#[error("LEASE-001 Lease Store {url}: not usable ({why}, want redis:// or rediss://)")]
pub struct StoreError {
    /// The address, masked.
    url: String,
    /// What is wrong, without a secret.
    why: String,
}

/// What is known of the leases.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeaseStatus {
    /// The store answers.
    pub connected: bool,
    /// Leases that are ours.
    pub held: usize,
    /// Leases that are wanted, and not ours.
    pub waiting: usize,
    /// Who holds those, as far as known; at most 16.
    pub owners: Vec<String>,
    /// Why the store cannot be used, without a secret.
    pub error: Option<String>,
    /// Requests and connections that failed.
    pub errors: u64,
    /// Terms that ended against our will.
    pub lost: u64,
    /// When the first of those held ends, unless it is renewed.
    pub until: Option<Nanos>,
}

impl LeaseStatus {
    /// How long the ownership is proved of whatever is held; `None` while nothing is.
    #[must_use]
    pub fn seconds_left(&self, now: Now) -> Option<f64> {
        self.until.map(|until| until.since(now.mono).as_secs_f64())
    }
}

/// Says before the start whether the address can be used at all.
///
/// # Errors
/// [`StoreError`], one line, without a secret.
pub fn check(store: &str) -> Result<(), StoreError> {
    store::Address::new(store).map(|_| ())
}

/// Takes and renews the leases and drives the holds with them until `stop`; then hands over what is held: each
/// hold leaves, and once it is quiet its lease is given back, within 6 s. Gives how many were not given back.
///
/// Dropped before its end, it gives nothing back: the holds shut by themselves, and the leases run out.
///
/// # Panics
/// If there are not as many holds as names.
pub async fn run(
    plan: LeasePlan,
    clock: Clock,
    status: watch::Sender<LeaseStatus>,
    stop: watch::Receiver<bool>,
) -> usize {
    assert_eq!(plan.names.len(), plan.holds.len(), "one hold a lease");
    let address = match store::Address::new(&plan.store) {
        Ok(address) => address,
        Err(error) => return keeper::refused(&error, &plan, &status, stop).await,
    };
    keeper::Keeper::new(address, plan, clock, status, Times::default()).run(stop).await
}
