//! Ground truth: one JSON line a pair, so that whoever tests on the venue can tell our trades from others.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::order::Side;

/// Version of the label's form; grows when a field changes its meaning or goes.
pub const LABEL_VERSION: u32 = 1;

/// One pair: why, from which tick, the ids of both legs, what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Label {
    /// Version of this form: 1.
    pub v: u32,
    /// Which instance, owner's epoch and pair this is.
    pub owner: Owner,
    /// A probe pair: it goes before all others, re-creates no trade and counts nowhere. Left out where false.
    #[serde(default, skip_serializing_if = "is_false")]
    pub probe: bool,
    /// The venue: `simulated`, `binance_spot`, `staging` and so on.
    pub venue: String,
    /// The symbol on the venue.
    pub maker_symbol: String,
    /// The follow key that the tick came under.
    pub follow_key: String,
    /// The tick that the pair re-creates.
    pub tick: LabelTick,
    /// Names of the decision rules that fired, in the order of the steps.
    pub rules: Vec<String>,
    /// The post-only leg.
    pub maker: LabelLeg,
    /// The IOC leg; null if it was never sent.
    pub taker: Option<LabelLeg>,
    /// What became of the pair.
    pub outcome: LabelOutcome,
    /// When things happened.
    pub times: LabelTimes,
}

/// Who made a pair.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Owner {
    /// `Instance` of the configuration.
    pub instance: String,
    /// The owner's epoch; it grows with every owner.
    pub epoch: u32,
    /// The pair's number within the epoch, from 0.
    pub sequence: u64,
}

/// The reference market's trade.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LabelTick {
    /// Price, exact text.
    pub price: String,
    /// Quantity, exact text.
    pub qty: String,
    /// The taker's side, where known.
    pub side: Option<Side>,
    /// Trade id, where known.
    pub id: Option<String>,
    /// Event time, milliseconds since the epoch, where known.
    pub time_ms: Option<i64>,
    /// When it was received, milliseconds since the epoch.
    pub received_ms: i64,
}

/// One order of a pair.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LabelLeg {
    /// Our client order id.
    pub client_id: String,
    /// The venue's order id; null if the venue never acknowledged it.
    pub venue_id: Option<u64>,
    /// BUY or SELL.
    pub side: Side,
    /// The limit price, as sent.
    pub price: String,
    /// The quantity, as sent.
    pub qty: String,
    /// What of it traded.
    pub executed: String,
    /// Its trades, as far as the venue reported them one by one.
    pub fills: Vec<LabelFill>,
    /// How it ended: the venue's final status, or `REFUSED:code`, `DENIED:reason`, `NEVER_ARRIVED`, `GONE`.
    pub end: String,
}

/// One execution.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LabelFill {
    /// The venue's trade id.
    pub trade_id: u64,
    /// Price.
    pub price: String,
    /// Quantity.
    pub qty: String,
}

/// What became of a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LabelOutcome {
    /// Both legs traded everything, with each other.
    Matched,
    /// The maker never rested.
    MakerRefused,
    /// Neither leg traded.
    TakerMissed,
    /// A stranger took from the maker.
    Sniped,
    /// Traded in part.
    Partial,
    /// Self-trade prevention took a leg.
    Prevented,
    /// A leg's outcome was unknown for a time, and the pair did not match.
    UnknownResolved,
}

/// Microseconds since the tick was received; null if it did not come to that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LabelTimes {
    /// The pair was decided.
    pub decided_us: u64,
    /// The maker's frame was written.
    pub maker_sent_us: Option<u64>,
    /// The venue first spoke of the maker.
    pub maker_acknowledged_us: Option<u64>,
    /// The taker's frame was written.
    pub taker_sent_us: Option<u64>,
    /// Both legs had ended.
    pub done_us: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants it so")]
const fn is_false(flag: &bool) -> bool {
    !*flag
}
