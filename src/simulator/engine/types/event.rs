//! What happened.

use schemas::order::{PositionSide, Side};
use serde::{Deserialize, Serialize};

use super::ids::{AccountId, AssetId, ClientId, SymbolId};
use super::order::{Order, StpMode};
use crate::simulator::engine::Balance;

/// One order's side of a trade: the order after it, and the number of its report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fill {
    /// The order after the trade.
    pub order: Order,
    /// Strictly rising over all reports of the venue.
    pub execution: u64,
    /// What the fee is paid in: on spot what the order receives, on a perpetual the margin asset.
    pub fee_asset: AssetId,
    /// The fee in amount steps, rounded down.
    pub fee: i128,
    /// Profit that the fill realised, in amount steps of the margin asset, before the fee; 0 on spot.
    pub realised: i128,
}

/// Two orders met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trade {
    /// Strictly rising over the whole venue, from 1, without gaps.
    pub id: u64,
    /// Where.
    pub symbol: SymbolId,
    /// The resting order's price, in ticks.
    pub price: i64,
    /// In lots.
    pub qty: i64,
    /// The order that rested.
    pub maker: Fill,
    /// The order that came.
    pub taker: Fill,
}

impl Trade {
    /// The order that rested was the buyer's.
    #[must_use]
    pub fn buyer_is_maker(&self) -> bool {
        self.maker.order.side == Side::Buy
    }
}

/// What self-trade prevention took off an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    /// In lots.
    pub qty: i64,
    /// The number of the order's report.
    pub execution: u64,
}

/// One order's side of a prevented match.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreventedLeg {
    /// The order after it. One that has nothing left ended by it: no [`Event::Ended`] follows.
    pub order: Order,
    /// None if the mode spares this side.
    pub taken: Option<Taken>,
}

/// A match that self-trade prevention stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prevented {
    /// Strictly rising over the whole venue, from 1.
    pub id: u64,
    /// Where.
    pub symbol: SymbolId,
    /// The mode of the order that came; TRANSFER also where it acted as DECREMENT.
    pub mode: StpMode,
    /// The resting order's price, in ticks.
    pub price: i64,
    /// The order that rested.
    pub maker: PreventedLeg,
    /// The order that came.
    pub taker: PreventedLeg,
    /// The trade group that both accounts are in; none where they are one account in no group.
    pub trade_group: Option<u32>,
    /// Balances changed hands without a trade: TRANSFER between two accounts.
    pub transferred: bool,
}

/// A perpetual position.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// In lots; below zero if short.
    pub qty: i64,
    /// What it cost, in tick-lots, with the sign of `qty`; divided by `qty` it is the entry price in ticks.
    pub cost: i128,
    /// Profit realised so far, in amount steps of the margin asset, before fees.
    pub realised: i128,
}

/// What happened, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// An order got its number; it has not traded yet.
    Accepted {
        /// The order.
        order: Order,
        /// The report's number.
        execution: u64,
    },
    /// Two orders met.
    Traded(Trade),
    /// Two orders of one account or group would have met.
    Prevented(Prevented),
    /// An order became smaller and kept its place.
    Amended {
        /// The order after it.
        order: Order,
        /// Its client id before.
        client_before: ClientId,
        /// The report's number.
        execution: u64,
    },
    /// An order got another price or quantity and lost its place; it has not traded at it yet.
    Modified {
        /// The order after it.
        order: Order,
        /// The report's number.
        execution: u64,
    },
    /// An order was cancelled or expired; [`Order::end`] says why.
    Ended {
        /// The order at its end.
        order: Order,
        /// The report's number.
        execution: u64,
    },
    /// A level's quantity is a different one.
    Level {
        /// Where.
        symbol: SymbolId,
        /// Bids (buy) or asks (sell).
        side: Side,
        /// In ticks.
        price: i64,
        /// In lots; 0 = the level is gone.
        qty: i64,
        /// Rises by one with each change of the symbol's book.
        update: u64,
    },
    /// A position is a different one; once for each at the end of a command.
    Position {
        /// Whose.
        account: AccountId,
        /// Where.
        symbol: SymbolId,
        /// `Both`, `Long` or `Short`.
        side: PositionSide,
        /// The position now.
        position: Position,
    },
    /// An account's balance or wallet is a different one; once for each at the end of a command.
    Balance {
        /// Whose.
        account: AccountId,
        /// Of what.
        asset: AssetId,
        /// The balance now.
        balance: Balance,
    },
    /// The monthly reset happened: no order, no balance, no position, and all numbers start again.
    Wiped,
}
