//! Words that every venue's orders share.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Buy or sell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Side {
    /// Takes base, gives quote.
    Buy,
    /// Gives base, takes quote.
    Sell,
}

impl Side {
    /// The other side.
    #[must_use]
    pub const fn opposite(self) -> Self {
        match self {
            Self::Buy => Self::Sell,
            Self::Sell => Self::Buy,
        }
    }

    /// `BUY` or `SELL`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Buy => "BUY",
            Self::Sell => "SELL",
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How long an order lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum TimeInForce {
    /// Until cancelled.
    Gtc,
    /// What does not trade at once expires.
    Ioc,
    /// Post only: refused if it would trade at once.
    Gtx,
}

impl TimeInForce {
    /// The venue's word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gtc => "GTC",
            Self::Ioc => "IOC",
            Self::Gtx => "GTX",
        }
    }
}

/// Which position a futures order changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum PositionSide {
    /// None: spot.
    #[default]
    #[serde(rename = "")]
    None,
    /// One-way mode.
    Both,
    /// Hedge mode, the long position.
    Long,
    /// Hedge mode, the short position.
    Short,
}

impl PositionSide {
    /// The venue's word; empty for spot.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Both => "BOTH",
            Self::Long => "LONG",
            Self::Short => "SHORT",
        }
    }
}

/// What a venue says of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum OrderStatus {
    /// Rests, nothing traded.
    New,
    /// Rests, part of it traded.
    PartiallyFilled,
    /// All of it traded.
    Filled,
    /// Cancelled; what had traded stays traded.
    Canceled,
    /// Never got into the book.
    Rejected,
    /// The rest of an IOC order.
    Expired,
    /// Ended by self-trade prevention.
    ExpiredInMatch,
    /// A word that this program does not know; treated as open.
    #[serde(other)]
    Other,
}

impl OrderStatus {
    /// No more can happen to the order.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Filled | Self::Canceled | Self::Rejected | Self::Expired | Self::ExpiredInMatch)
    }

    /// The venue's word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::New => "NEW",
            Self::PartiallyFilled => "PARTIALLY_FILLED",
            Self::Filled => "FILLED",
            Self::Canceled => "CANCELED",
            Self::Rejected => "REJECTED",
            Self::Expired => "EXPIRED",
            Self::ExpiredInMatch => "EXPIRED_IN_MATCH",
            Self::Other => "OTHER",
        }
    }
}
