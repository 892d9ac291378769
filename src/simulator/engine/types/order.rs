//! Orders, before and after the engine took them in.

use schemas::order::{OrderStatus, PositionSide, Side};
use serde::{Deserialize, Serialize};

use super::ids::{AccountId, ClientId, OrderId, SymbolId};

/// What an order does with what does not trade at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Life {
    /// Rests until cancelled.
    Gtc,
    /// The rest expires.
    Ioc,
    /// All of it trades at once, or nothing does.
    Fok,
    /// Post-only: refused if any of it would trade at once.
    Gtx,
}

/// What bounds an order's price.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum OrderKind {
    /// Its price.
    #[default]
    Limit,
    /// Nothing; it never rests, whatever its [`Life`].
    Market,
}

/// Self-trade prevention: what becomes of an incoming order and one that rests, of one account or of two in one
/// trade group. The mode of the incoming order decides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum StpMode {
    /// They trade.
    #[default]
    None,
    /// The incoming order expires, the resting one stays.
    ExpireTaker,
    /// The resting order expires, the incoming one goes on.
    ExpireMaker,
    /// Both expire.
    ExpireBoth,
    /// The smaller quantity is taken off both; who has nothing left expires.
    Decrement,
    /// As `Decrement`; and if both orders carry it and belong to two accounts, the balances change hands as if
    /// they had traded, without a trade and without a fee.
    Transfer,
}

/// Why an order ended otherwise than by being filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum EndReason {
    /// Cancelled by its owner.
    Canceled,
    /// The rest of an IOC order.
    IocRest,
    /// A FOK order that could not be filled whole.
    FokUnfilled,
    /// The rest of a MARKET order: nobody was left to trade with.
    NoLiquidity,
    /// Self-trade prevention.
    SelfTrade,
    /// Modified to no more than what had been filled, or a post-only order to a price at which it would trade.
    Modified,
    /// A reduce-only order with no position left to reduce.
    ReduceOnly,
    /// Taken out by the venue.
    Venue,
}

/// An order to place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewOrder {
    /// Whose.
    pub account: AccountId,
    /// Where.
    pub symbol: SymbolId,
    /// Unique among the account's open orders.
    pub client: ClientId,
    /// Buy or sell.
    pub side: Side,
    /// LIMIT or MARKET.
    pub kind: OrderKind,
    /// In ticks; 0 for MARKET.
    pub price: i64,
    /// In lots; 0 where `quote_qty` is given.
    pub qty: i64,
    /// Spot MARKET only: how much of the quote asset to spend or to earn, in tick-lots.
    pub quote_qty: Option<i128>,
    /// What becomes of the rest. A MARKET order never rests: give it `Ioc` or `Fok`.
    pub life: Life,
    /// What to do where it meets an order of the same account or trade group.
    pub stp: StpMode,
    /// Which position it changes; `None` on spot, `Both` in one-way mode, `Long` or `Short` in hedge mode.
    pub position: PositionSide,
    /// One-way mode: may only make the position smaller.
    pub reduce_only: bool,
    /// Passed through into [`Order::created_ms`].
    pub now_ms: i64,
}

impl NewOrder {
    /// A spot LIMIT order without self-trade prevention.
    #[must_use]
    pub const fn limit(
        account: AccountId,
        symbol: SymbolId,
        client: ClientId,
        side: Side,
        (price, qty): (i64, i64),
        life: Life,
    ) -> Self {
        Self {
            account,
            symbol,
            client,
            side,
            kind: OrderKind::Limit,
            price,
            qty,
            quote_qty: None,
            life,
            stp: StpMode::None,
            position: PositionSide::None,
            reduce_only: false,
            now_ms: 0,
        }
    }
}

/// An order as it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Its number.
    pub id: OrderId,
    /// Whose.
    pub account: AccountId,
    /// Where.
    pub symbol: SymbolId,
    /// The client's id.
    pub client: ClientId,
    /// Buy or sell.
    pub side: Side,
    /// LIMIT or MARKET.
    pub kind: OrderKind,
    /// GTC, IOC, FOK or GTX.
    pub life: Life,
    /// Its self-trade prevention mode.
    pub stp: StpMode,
    /// Which position it changes.
    pub position: PositionSide,
    /// May only make the position smaller.
    pub reduce_only: bool,
    /// Where it stands.
    pub status: OrderStatus,
    /// Why it ended, where it ended otherwise than by being filled.
    pub end: Option<EndReason>,
    /// In ticks; 0 for MARKET.
    pub price: i64,
    /// In lots. Of an order by `quote_qty`: what it came to so far.
    pub qty: i64,
    /// As [`NewOrder::quote_qty`] said.
    pub quote_qty: Option<i128>,
    /// Lots traded.
    pub filled: i64,
    /// Lots that self-trade prevention took.
    pub prevented: i64,
    /// Sum of price times quantity over its trades, in tick-lots.
    pub quote: i128,
    /// As [`NewOrder::now_ms`] said.
    pub created_ms: i64,
    /// The `now_ms` of the command that last amended or modified it; at first that of its creation.
    pub amended_ms: i64,
    /// How often it was amended or modified.
    pub amends: u32,
}

impl Order {
    pub(in super::super) fn open(id: OrderId, new: &NewOrder) -> Self {
        Self {
            id,
            account: new.account,
            symbol: new.symbol,
            client: new.client,
            side: new.side,
            kind: new.kind,
            life: new.life,
            stp: new.stp,
            position: new.position,
            reduce_only: new.reduce_only,
            status: OrderStatus::New,
            end: None,
            price: new.price,
            qty: new.qty,
            quote_qty: new.quote_qty,
            filled: 0,
            prevented: 0,
            quote: 0,
            created_ms: new.now_ms,
            amended_ms: new.now_ms,
            amends: 0,
        }
    }

    /// Lots that may still trade; 0 of an order by `quote_qty`.
    #[must_use]
    pub const fn remaining(&self) -> i64 {
        self.qty - self.filled - self.prevented
    }

    /// It closes a position: reduce-only, or against its side in hedge mode.
    #[must_use]
    pub const fn closes(&self) -> bool {
        closes(self.reduce_only, self.position, self.side)
    }

    /// Self-trade prevention took `qty` lots off it while it rested.
    pub(in super::super) fn prevent(&mut self, qty: i64) {
        self.prevented += qty;
        if self.remaining() == 0 {
            self.status = OrderStatus::ExpiredInMatch;
            self.end = Some(EndReason::SelfTrade);
        }
    }

    pub(in super::super) const fn amended(&mut self, now_ms: i64) {
        self.amended_ms = now_ms;
        self.amends += 1;
    }

    /// Whether it would trade at that price.
    pub(in super::super) const fn accepts(&self, price: i64) -> bool {
        match self.kind {
            OrderKind::Market => true,
            OrderKind::Limit => reaches(self.side, self.price, price),
        }
    }

    pub(in super::super) fn fill(&mut self, price: i64, qty: i64) {
        self.filled += qty;
        self.quote += i128::from(price) * i128::from(qty);
        self.status = if self.remaining() == 0 { OrderStatus::Filled } else { OrderStatus::PartiallyFilled };
    }
}

/// Whether such an order may only make a position smaller.
const fn closes(reduce_only: bool, position: PositionSide, side: Side) -> bool {
    match position {
        PositionSide::None | PositionSide::Both => reduce_only,
        PositionSide::Long => matches!(side, Side::Sell),
        PositionSide::Short => matches!(side, Side::Buy),
    }
}

/// Whether an order of `side` at `price` accepts `other`.
pub(in super::super) const fn reaches(side: Side, price: i64, other: i64) -> bool {
    match side {
        Side::Buy => other <= price,
        Side::Sell => other >= price,
    }
}
