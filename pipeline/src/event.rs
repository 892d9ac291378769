//! What comes to an instrument.

use schemas::tick::Tick;

use crate::time::Now;

/// A follow tick on its way from the feed to a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeedTick {
    /// The trade of the reference market.
    pub tick: Tick,
    /// When the message was received.
    pub received: Now,
}
