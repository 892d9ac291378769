//! The last step before an order leaves.

use schemas::ids::{ClientOrderId, Epoch};

use super::machine::LaneId;
use crate::command::PlaceLeg;
use crate::event::Denial;
use crate::time::Now;

/// Says, at the last moment, whether an order may leave: the one door for ownership, halts and the journal.
pub trait Permit {
    /// Whether the order may leave now.
    ///
    /// # Errors
    /// Why it may not.
    fn grant(&mut self, lane: LaneId, leg: &PlaceLeg, now: Now) -> Result<(), Denial>;

    /// Whether the lane is to hear what the venue says of that order: processes that share an account see
    /// each other's.
    fn hears(&self, lane: LaneId, id: ClientOrderId) -> bool;

    /// The venue showed an order of the lane's instrument that an owner of that epoch has placed.
    fn saw(&mut self, lane: LaneId, epoch: Epoch);

    /// The venue refused an order of the lane's because an owner of that later epoch has placed.
    fn superseded(&mut self, lane: LaneId, newest: Epoch);
}

/// One process owns everything: always granted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Alone;

impl Permit for Alone {
    fn grant(&mut self, _lane: LaneId, _leg: &PlaceLeg, _now: Now) -> Result<(), Denial> {
        Ok(())
    }

    fn hears(&self, _lane: LaneId, _id: ClientOrderId) -> bool {
        true
    }

    fn saw(&mut self, _lane: LaneId, _epoch: Epoch) {}

    fn superseded(&mut self, _lane: LaneId, _newest: Epoch) {}
}
