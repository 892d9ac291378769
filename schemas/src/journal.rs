//! What a journal says: one record for each order that was about to leave, and for what became of it.
//!
//! No type in it can hold a secret: ids, symbols, numbers and moments are all there is. On disk each record is one
//! JSON object with one member, named after its kind.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::halt::Halt;
use crate::ids::{ClientOrderId, Leg};
use crate::order::{OrderStatus, PositionSide, Side, TimeInForce};
use crate::tick::{TickId, TradeKey};
use crate::units::Decimal;

/// Version of the journal's form; grows when a record changes its meaning or goes.
pub const JOURNAL_FORMAT: u32 = 1;

/// One record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Record<'a> {
    /// Whose journal this is: the first record of each file.
    Header(Header),
    /// The reference trades of one follow key that pairs were decided on in earlier files.
    Traded(Traded),
    /// An order is about to leave.
    Intent(Intent<'a>),
    /// A cancel is about to leave.
    Cancel(Cancel),
    /// What became of an order.
    Outcome(Outcome),
    /// The venue holds no order of an instrument's earlier owners any more.
    SweepDone(SweepDone<'a>),
    /// Nothing new is to leave, until released.
    Halt(Halt),
    /// A halt is over.
    Release(Halt),
    /// The run came to its end; nothing follows.
    RunEnded(RunEnded),
}

/// Whose journal a file is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// [`JOURNAL_FORMAT`] of whoever wrote it.
    pub format: u32,
    /// `self-trader`.
    pub program: String,
    /// The program's version.
    pub version: String,
    /// `Instance` of the configuration.
    pub instance: String,
    /// This process's ordinal.
    pub shard: u32,
    /// Among how many.
    pub shards: u32,
    /// The venues that orders go to; a private one with its address.
    pub venues: Vec<String>,
    /// The run, the same in all of its files.
    pub run: String,
    /// Which file of the run, from 0.
    pub part: u32,
    /// When the file was begun, milliseconds since the epoch.
    pub started_ms: i64,
    /// The latest epoch so far, this run's own among them: it outlives the files that told of its orders, and is there
    /// before the first of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub highest_epoch: Option<u32>,
}

/// The reference trades of one follow key that pairs were decided on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traded {
    /// The follow key: source and symbol.
    pub key: String,
    /// The newest event time, milliseconds since the epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub newest_ms: Option<i64>,
    /// Numbers up to this one are no longer told apart: all count as traded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub floor: Option<u64>,
    /// The last ones, oldest first.
    pub trades: Vec<TradeKey>,
}

/// An order that is about to leave: on disk before its first byte is on the wire.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent<'a> {
    /// Our id of it.
    #[serde(with = "as_text")]
    pub id: ClientOrderId,
    /// The venue's name.
    pub venue: Cow<'a, str>,
    /// The symbol on the venue.
    pub symbol: Cow<'a, str>,
    /// The owner's epoch.
    pub epoch: u32,
    /// The pair's number within the epoch.
    pub pair: u64,
    /// Which leg of the pair.
    pub leg: LegName,
    /// Buy or sell.
    pub side: Side,
    /// The limit.
    #[serde(with = "as_text")]
    pub price: Decimal,
    /// The quantity.
    #[serde(with = "as_text")]
    pub qty: Decimal,
    /// How long it lives.
    pub tif: TimeInForce,
    /// Which position it changes.
    #[serde(default, skip_serializing_if = "is_spot")]
    pub position_side: PositionSide,
    /// The follow key that the tick came under.
    pub key: Cow<'a, str>,
    /// Which reference trade it was decided on, where that can be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trade: Option<TradeKey>,
    /// The tick's event time, milliseconds since the epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_ms: Option<i64>,
    /// The venue's clock, milliseconds since the epoch.
    pub venue_ms: i64,
    /// The venue refuses it from that moment on, by its own clock.
    pub not_after_ms: i64,
}

/// Which leg of a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LegName {
    /// The post-only order that rests first.
    Maker,
    /// The IOC order that meets it.
    Taker,
}

impl From<Leg> for LegName {
    fn from(leg: Leg) -> Self {
        match leg {
            Leg::Maker => Self::Maker,
            Leg::Taker => Self::Taker,
        }
    }
}

/// A cancel that is about to leave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cancel {
    /// The order.
    #[serde(with = "as_text")]
    pub id: ClientOrderId,
    /// The venue's clock, milliseconds since the epoch.
    pub venue_ms: i64,
}

/// What became of an order, and how that is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// The order.
    #[serde(with = "as_text")]
    pub id: ClientOrderId,
    /// How it is known.
    pub evidence: Evidence,
    /// The final status, where the venue named one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<OrderStatus>,
    /// The venue's code of a refusal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<i64>,
    /// How much of it traded.
    #[serde(with = "as_text")]
    pub executed: Decimal,
    /// The venue's ids of its fills, as far as they were told.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fills: Vec<u64>,
    /// When, by our clock, milliseconds since the epoch.
    pub at_ms: i64,
}

/// How an order's end is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Evidence {
    /// The venue named a final status: an answer, an event or the answer to a question.
    Venue,
    /// The venue refused it.
    Refused,
    /// It never left this process.
    DeniedLocally,
    /// The venue said repeatedly that it knows no such order, after the last moment at which it could arrive.
    NotFound,
    /// It had been acknowledged, and the venue said repeatedly that it knows it no longer.
    Gone,
}

/// A sweep of an instrument found nothing open any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SweepDone<'a> {
    /// The symbol on the venue.
    pub symbol: Cow<'a, str>,
    /// Orders that were cancelled since the run began.
    pub swept: u64,
    /// When, milliseconds since the epoch.
    pub at_ms: i64,
}

/// The end of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunEnded {
    /// How.
    pub how: RunEnd,
    /// When, milliseconds since the epoch.
    pub at_ms: i64,
}

/// How a file came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunEnd {
    /// The run stopped in order.
    Ended,
    /// The run goes on in its next file.
    Continued,
    /// The run did not end in order; a later one has taken over what it left.
    CrashedRecovered,
}

const fn is_spot(side: &PositionSide) -> bool {
    matches!(side, PositionSide::None)
}

/// Ids and numbers as the text that they have everywhere else.
mod as_text {
    use std::fmt::Display;

    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    use super::{ClientOrderId, Decimal};

    pub(super) trait Text: Sized {
        fn read(text: &str) -> Option<Self>;
    }

    impl Text for ClientOrderId {
        fn read(text: &str) -> Option<Self> {
            Self::parse(text)
        }
    }

    impl Text for Decimal {
        fn read(text: &str) -> Option<Self> {
            Self::parse(text).ok()
        }
    }

    pub(super) fn serialize<T: Display, S: Serializer>(value: &T, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(value)
    }

    pub(super) fn deserialize<'de, T: Text, D: Deserializer<'de>>(from: D) -> Result<T, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(from)?;
        T::read(&text).ok_or_else(|| D::Error::custom("not an id or number of ours"))
    }
}

/// Trade keys as short text: `n` and a number, `t` and a text, `c` and a hash.
impl Serialize for TradeKey {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Number(number) => to.collect_str(&format_args!("n{number}")),
            Self::Text(id) => to.collect_str(&format_args!("t{}", id.as_str())),
            Self::Content(hash) => to.collect_str(&format_args!("c{hash:016x}")),
        }
    }
}

impl<'de> Deserialize<'de> for TradeKey {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(from)?;
        let key = match text.split_at_checked(1) {
            Some(("n", number)) => number.parse().ok().map(Self::Number),
            Some(("t", id)) => Some(Self::Text(TickId::new(id))),
            Some(("c", hash)) => u64::from_str_radix(hash, 16).ok().map(Self::Content),
            _ => None,
        };
        key.ok_or_else(|| serde::de::Error::custom("not a trade key"))
    }
}
