//! What leases and their owners are called in the store.

use std::hash::{BuildHasher, RandomState};

use fred::types::Key;

/// One instrument's lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseName {
    /// The venue's name.
    pub venue: String,
    /// The symbol on the venue.
    pub symbol: String,
    /// The instance: processes of different ones do not share anything.
    pub instance: String,
}

impl LeaseName {
    /// The key whose value is the owner.
    #[must_use]
    pub fn lease_key(&self) -> String {
        format!("self-trader:lease:{}:{}:{}", self.instance, self.venue, self.symbol)
    }

    /// The key of what outlives an owner: the epoch, and until when it may be trusted.
    #[must_use]
    pub fn epoch_key(&self) -> String {
        format!("self-trader:epoch:{}:{}:{}", self.instance, self.venue, self.symbol)
    }

    pub(super) fn keys(&self) -> [Key; 2] {
        [self.lease_key().into(), self.epoch_key().into()]
    }
}

/// An owner's name that no other process has: the pod's or host's name, cut to 63 bytes of plain characters, the
/// process id, and chance.
#[must_use]
pub fn unique_owner(pod: &str) -> String {
    let plain = |char: &char| char.is_ascii_alphanumeric() || matches!(char, '-' | '.' | '_');
    let pod: String = pod.chars().filter(plain).take(63).collect();
    // In containers names and process ids may be the same.
    let chance = RandomState::new().hash_one(crate::clock::wall_ns());
    format!("{pod}:{}:{chance:016x}", std::process::id())
}
