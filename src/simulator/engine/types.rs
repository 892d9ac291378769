//! What goes into the engine and what comes out.

use std::fmt;

use schemas::order::{OrderStatus, Side, TimeInForce};

/// Longest client order id in bytes.
pub const CLIENT_ID_LEN_MAX: usize = 36;

macro_rules! index {
    ($name:ident, $doc:literal) => {
        #[doc = $doc]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub(super) u16);

        impl $name {
            /// Its place in the order of creation, from 0.
            #[must_use]
            pub fn index(self) -> usize {
                usize::from(self.0)
            }
        }
    };
}

index!(AccountId, "An account.");
index!(AssetId, "An asset.");
index!(SymbolId, "A symbol.");

/// An order's number: strictly rising over the whole venue, from 1, without gaps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OrderId(pub u64);

/// A client order id, kept without allocating.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClientId {
    len: u8,
    bytes: [u8; CLIENT_ID_LEN_MAX],
}

impl ClientId {
    /// `None` if the text is empty or longer than [`CLIENT_ID_LEN_MAX`] bytes.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let len = u8::try_from(text.len()).ok().filter(|len| *len > 0)?;
        let mut bytes = [0; CLIENT_ID_LEN_MAX];
        bytes.get_mut(..text.len())?.copy_from_slice(text.as_bytes());
        Some(Self { len, bytes })
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..usize::from(self.len)]).unwrap_or_default()
    }
}

impl fmt::Debug for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Self-trade prevention; the mode of the incoming order decides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum StpMode {
    /// An account may trade with itself.
    #[default]
    None,
    /// The resting order expires, the incoming one goes on.
    ExpireMaker,
}

/// An order to place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewOrder {
    /// Whose.
    pub account: AccountId,
    /// Where.
    pub symbol: SymbolId,
    /// Unique among the account's open orders.
    pub client: ClientId,
    /// Buy or sell.
    pub side: Side,
    /// In ticks.
    pub price: i64,
    /// In lots.
    pub qty: i64,
    /// GTC rests, the rest of IOC expires, GTX is post-only.
    pub life: TimeInForce,
    /// What to do where it meets an order of the same account.
    pub stp: StpMode,
    /// Passed through into [`Order::created_ms`].
    pub now_ms: i64,
}

/// An order as it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
    /// GTC, IOC or GTX.
    pub life: TimeInForce,
    /// Its self-trade prevention mode.
    pub stp: StpMode,
    /// Where it stands.
    pub status: OrderStatus,
    /// In ticks.
    pub price: i64,
    /// In lots.
    pub qty: i64,
    /// Lots traded.
    pub filled: i64,
    /// Lots that self-trade prevention took.
    pub prevented: i64,
    /// Sum of price times quantity over its trades, in tick-lots.
    pub quote: i128,
    /// As [`NewOrder::now_ms`] said.
    pub created_ms: i64,
}

impl Order {
    pub(super) fn open(id: OrderId, new: &NewOrder) -> Self {
        Self {
            id,
            account: new.account,
            symbol: new.symbol,
            client: new.client,
            side: new.side,
            life: new.life,
            stp: new.stp,
            status: OrderStatus::New,
            price: new.price,
            qty: new.qty,
            filled: 0,
            prevented: 0,
            quote: 0,
            created_ms: new.now_ms,
        }
    }

    /// Lots that may still trade.
    #[must_use]
    pub const fn remaining(&self) -> i64 {
        self.qty - self.filled - self.prevented
    }

    pub(super) fn fill(&mut self, price: i64, qty: i64) {
        self.filled += qty;
        self.quote += i128::from(price) * i128::from(qty);
        self.status = if self.remaining() == 0 { OrderStatus::Filled } else { OrderStatus::PartiallyFilled };
    }
}

/// Which open order is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// By the venue's number.
    Id(OrderId),
    /// By the client's id.
    Client(ClientId),
}

/// Why an order was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reject {
    /// Price or quantity is not above zero.
    #[error("price and quantity must be above zero")]
    NotPositive,
    /// The account has an open order with that client id.
    #[error("duplicate client order id")]
    DuplicateClientId,
    /// Post-only, and it would trade at once.
    #[error("post-only order would match")]
    WouldMatch,
    /// More than the account has free.
    #[error("insufficient balance")]
    InsufficientBalance,
}

/// One order's side of a trade: the order after it, and the number of its report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fill {
    /// The order after the trade.
    pub order: Order,
    /// Strictly rising over all reports of the venue.
    pub execution: u64,
}

/// Two orders met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

/// A match that self-trade prevention stopped; the resting order ended by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prevented {
    /// Strictly rising over the whole venue.
    pub id: u64,
    /// The lots taken off the resting order.
    pub qty: i64,
    /// The resting order, ended.
    pub maker: Fill,
    /// The order that came.
    pub taker: OrderId,
}

/// What happened, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
    /// Two orders of one account would have met.
    Prevented(Prevented),
    /// An order was cancelled or expired.
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
    /// An account's balance is a different one; once for each at the end of a command.
    Balance {
        /// Whose.
        account: AccountId,
        /// Of what.
        asset: AssetId,
        /// The balance now.
        balance: super::Balance,
    },
}
