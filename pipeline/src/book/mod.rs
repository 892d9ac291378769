//! The order book kept from snapshots, diffs and best quotes; sans-IO.

pub use schemas::wire::market::{Best, Diff, Level, Snapshot, TopAnswer};

pub mod own;

use crate::time::Now;

/// The best quotes of a book that is in sequence, as the venue shows them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Top {
    /// Best bid; `None` = that side is empty, which is legal.
    pub bid: Option<Level>,
    /// Best ask; `None` = that side is empty, which is legal.
    pub ask: Option<Level>,
    /// The venue's update id of it.
    pub update_id: u64,
    /// When the venue last said so: an update, or an answer about its top that agrees. Readers compare it
    /// with Max Book Age; a heartbeat does not move it.
    pub confirmed: Now,
}
