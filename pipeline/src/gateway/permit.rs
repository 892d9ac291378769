//! The last step before an order leaves.

use schemas::ids::ClientOrderId;

use crate::time::Now;

/// Says, at the last moment, whether an order may leave: the one door for ownership, halts and the journal.
pub trait Permit {
    /// Whether the order may leave now.
    fn grant(&mut self, id: ClientOrderId, now: Now) -> bool;
}

/// One process owns everything: always granted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Alone;

impl Permit for Alone {
    fn grant(&mut self, _id: ClientOrderId, _now: Now) -> bool {
        true
    }
}
