//! The gateway's permit: an order leaves only under a hold that is proved at that moment.

use std::sync::Arc;

use pipeline::command::PlaceLeg;
use pipeline::gateway::{LaneId, Permit};
use pipeline::time::Now;
use schemas::ids::ClientOrderId;

use super::Hold;

/// The holds of one gateway's lanes, by [`LaneId`].
#[derive(Debug)]
pub struct Fence {
    holds: Vec<Arc<Hold>>,
}

impl Fence {
    /// Fences these lanes.
    #[must_use]
    pub fn new(holds: Vec<Arc<Hold>>) -> Self {
        Self { holds }
    }
}

impl Permit for Fence {
    fn grant(&mut self, lane: LaneId, leg: &PlaceLeg, now: Now) -> bool {
        self.holds.get(lane.0).is_some_and(|hold| hold.grants(leg.id.epoch(), leg.generation, now.mono))
    }

    fn hears(&self, lane: LaneId, id: ClientOrderId) -> bool {
        self.holds.get(lane.0).is_some_and(|hold| hold.is_claimed() || hold.epoch() == id.epoch())
    }
}
