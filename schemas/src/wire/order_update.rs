//! What a venue says of one order, whatever its dialect: answers and user events both become this.

use crate::ids::ClientOrderId;
use crate::order::{OrderStatus, Side};
use crate::units::Decimal;

/// One statement of a venue about one order of ours.
///
/// Statements may come twice, in either order, and over two ways (the answer and the user stream): whoever
/// merges them goes by `executed`, which only grows, and by the trade id of a fill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderUpdate {
    /// The order's own client id; for a cancel the cancelled order's, not the cancel's.
    pub client_id: ClientOrderId,
    /// The venue's id of the order.
    pub venue_order_id: u64,
    /// What has become of it.
    pub status: OrderStatus,
    /// Cumulative executed quantity in the base asset.
    pub executed: Decimal,
    /// What it repeats of the order.
    pub terms: Terms,
    /// The fill that this statement tells of. An answer with n fills becomes n updates in the fills' order
    /// (`executed` summed up, all but the last `PartiallyFilled`); one without fills becomes one update.
    pub last_fill: Option<Fill>,
    /// Self-trade prevention took a part of the order.
    pub prevented: bool,
    /// The venue's time of the statement, milliseconds since the epoch, where it gives one.
    pub event_time_ms: Option<i64>,
}

/// What a statement repeats of the order that it is about, where it does: to hold against what was sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// Buy or sell.
    pub side: Option<Side>,
    /// The limit price.
    pub price: Option<Decimal>,
    /// The quantity ordered, in the base asset.
    pub qty: Option<Decimal>,
}

/// One execution of an order of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fill {
    /// The venue's trade id, unique within a symbol.
    pub trade_id: u64,
    /// The price it traded at.
    pub price: Decimal,
    /// The quantity in the base asset.
    pub qty: Decimal,
    /// Our order was the resting one.
    pub is_maker: bool,
}
