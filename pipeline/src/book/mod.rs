//! The order book of one symbol, kept from a snapshot, diffs and best quotes; sans-IO.
//!
//! Diffs are buffered until a snapshot bridges them, then applied in sequence; a gap throws the book away and
//! asks for another snapshot. The top is the newest of two accounts: the best quote's and the diffs'. A book
//! must never show a top while it does not know that it is in sequence.

mod buffer;
mod counts;
pub mod own;
mod request;
mod side;
mod sync;

pub use counts::BookCounts;
pub use request::BookRequest;
pub use schemas::wire::market::{Best, Diff, Level, Snapshot, TopAnswer};
pub use sync::Book;

use std::time::Duration;

use crate::time::Now;

/// A book whose top was not confirmed for longer counts as stale in [`Book::state`]. Whoever trades on a top
/// compares [`Top::confirmed`] with its own Max Book Age.
pub const STALE_AFTER: Duration = Duration::from_secs(2);
/// Most levels that are kept of a side; the worst go first.
pub const LEVELS_MAX: usize = 5_000;
/// Most diffs that wait for a snapshot; the oldest go first, and a newer snapshot is then needed.
pub const BUFFERED_DIFFS_MAX: usize = 1_000;
/// Most levels in the diffs that wait for a snapshot; the oldest diffs go first.
pub const BUFFERED_LEVELS_MAX: usize = 100_000;

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

impl Top {
    /// Both sides are there and the bid is not below the ask.
    #[must_use]
    pub fn is_crossed(&self) -> bool {
        matches!((self.bid, self.ask), (Some(bid), Some(ask)) if bid.price >= ask.price)
    }
}

/// How far a book can be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BookState {
    /// No connection, or no snapshot that bridges the diffs yet.
    Syncing,
    /// In sequence and confirmed.
    Live,
    /// In sequence, but not confirmed for [`STALE_AFTER`].
    Stale,
    /// In sequence, but the best bid is not below the best ask.
    Crossed,
}

/// What a book shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TopView {
    /// How far it can be trusted.
    pub state: BookState,
    /// The top; `None` exactly while syncing.
    pub top: Option<Top>,
}
