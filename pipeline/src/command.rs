//! What an instrument asks of its gateway.

use schemas::ids::ClientOrderId;
use schemas::order::{PositionSide, Side};
use schemas::tick::{Tick, TradeKey};
use schemas::units::{Price, Qty};

use crate::ownership::Generation;
use crate::time::Nanos;

/// An effect that the lane must have carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Send the post-only leg.
    PlaceMaker(PlaceLeg),
    /// Send the IOC leg.
    PlaceTaker(PlaceLeg),
    /// Cancel an order; overtakes places.
    Cancel(OrderHandle),
    /// Ask what became of an order; overtakes places.
    Query(OrderHandle),
    /// List the open orders of the instrument's symbol.
    ListOpen,
}

impl Command {
    /// It would bring an order into the book.
    #[must_use]
    pub const fn is_place(&self) -> bool {
        matches!(self, Self::PlaceMaker(_) | Self::PlaceTaker(_))
    }
}

/// One order to place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlaceLeg {
    /// Our id of it.
    pub id: ClientOrderId,
    /// Buy or sell.
    pub side: Side,
    /// The limit, in ticks.
    pub price: Price,
    /// The quantity, in steps of `10^-qty_decimals`.
    pub qty: Qty,
    /// Digits after the quantity's point.
    pub qty_decimals: u8,
    /// Which position it changes.
    pub position_side: PositionSide,
    /// It must not leave after this moment: what it was decided on is stale by then.
    pub not_after: Nanos,
    /// The assignment that the tick came under: it must still hold when the order leaves.
    pub generation: Generation,
    /// The reference trade that it was decided on.
    pub cause: Cause,
}

/// Which reference trade an order goes back to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cause {
    /// What tells the trade from others, where anything does.
    pub trade: Option<TradeKey>,
    /// Its event time, milliseconds since the epoch, where known.
    pub time_ms: Option<i64>,
}

impl From<&Tick> for Cause {
    fn from(tick: &Tick) -> Self {
        Self { trade: tick.key(), time_ms: tick.time_ms }
    }
}

/// An order to cancel or to ask about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderHandle {
    /// Our id of it.
    pub id: ClientOrderId,
    /// The venue's id, where known.
    pub venue_id: Option<u64>,
}
