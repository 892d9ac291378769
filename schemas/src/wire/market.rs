//! Order-book words, whatever the dialect: levels, best quotes, diffs, snapshots.

use crate::units::Decimal;

/// One price of one side. In a diff a quantity of zero removes the price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level {
    /// The price, above zero.
    pub price: Decimal,
    /// The quantity in the base asset, zero or more.
    pub qty: Decimal,
}

/// The venue's best quotes at one update id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Best {
    /// Update id, of the same count as the diffs'.
    pub update_id: u64,
    /// Best bid; `None` = that side is empty.
    pub bid: Option<Level>,
    /// Best ask; `None` = that side is empty.
    pub ask: Option<Level>,
}

/// The venue's answer about its best quotes; it carries no update id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TopAnswer {
    /// Best bid; `None` = that side is empty.
    pub bid: Option<Level>,
    /// Best ask; `None` = that side is empty.
    pub ask: Option<Level>,
}

/// Changes of a book: absolute quantities. Made to be decoded into again and again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diff {
    /// Update id of the first change.
    pub first_id: u64,
    /// Update id of the last change.
    pub last_id: u64,
    /// Update id of the last change of the diff before, where the dialect chains them (USD-M's `pu`).
    pub previous_id: Option<u64>,
    /// Event time, milliseconds since the epoch, where known.
    pub event_time_ms: Option<i64>,
    /// Changed bids.
    pub bids: Vec<Level>,
    /// Changed asks.
    pub asks: Vec<Level>,
}

/// A whole book (as deep as it was asked for) at one update id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Update id of the last change in it.
    pub last_id: u64,
    /// Bids, as the venue ordered them.
    pub bids: Vec<Level>,
    /// Asks, as the venue ordered them.
    pub asks: Vec<Level>,
}
