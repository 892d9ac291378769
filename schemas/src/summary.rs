//! What a run did, in one JSON object.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The summary of a run (`--summary FILE`).
///
/// Where `books_balance` is true, `messages = rejected + duplicates + ticks` and `ticks + repeats = pairs +
/// skips + conflated + overflow + waiting`, exactly.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    /// How long the run lasted, milliseconds.
    pub run_ms: u64,
    /// Messages of the feed; one that feeds several instruments counts for each.
    pub messages: u64,
    /// Messages that were refused, with any reason.
    pub rejected: u64,
    /// The same by reason.
    pub rejected_by_reason: BTreeMap<String, u64>,
    /// Messages whose trade id had been seen.
    pub duplicates: u64,
    /// Ticks handed to instruments.
    pub ticks: u64,
    /// Fires of On Quiet `repeat`.
    pub repeats: u64,
    /// Pairs decided.
    pub pairs: u64,
    /// Pairs whose legs traded everything with each other.
    pub matched: u64,
    /// Ended pairs by outcome.
    pub outcomes: BTreeMap<String, u64>,
    /// Ticks that made no pair, by reason.
    pub skips: BTreeMap<String, u64>,
    /// Ticks that a newer one replaced while they waited.
    pub conflated: u64,
    /// Ticks for which there was no room to wait.
    pub overflow: u64,
    /// Ticks that still waited at the end.
    pub waiting: u64,
    /// Messages that the feed's client lost to a lag.
    pub lagged: u64,
    /// Probe pairs: no other count holds them, but the venue's trades do.
    #[serde(default)]
    pub probes: u64,
    /// Trades that the venue printed during the run: by its own ledger where it keeps one, else the distinct
    /// trades of our legs.
    pub venue_trades: u64,
    /// Orders of ours that may still be open.
    pub open_orders: u64,
    /// Their client order ids.
    pub open_order_ids: Vec<String>,
    /// Maker symbols of which the venue did not confirm, at the end, that no order of ours is open.
    pub unconfirmed: Vec<String>,
    /// Labels that were not written, or not known to be: none is tried after the first failure.
    pub labels_lost: u64,
    /// Orders of a predecessor that were cancelled at the start.
    pub swept: u64,
    /// The longest that any maker stayed open, milliseconds.
    pub oldest_open_maker_ms: u64,
    /// Receipt of the tick to the maker's frame written, microseconds.
    pub tick_to_maker_us: Percentiles,
    /// Receipt of the tick to both legs ended, microseconds.
    pub tick_to_done_us: Percentiles,
    /// The two equations hold, and what the feed handed over is what the instruments received.
    pub books_balance: bool,
}

/// A distribution in three numbers; zeros without samples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Percentiles {
    /// The median.
    pub p50: u64,
    /// 99 of 100 are at most this.
    pub p99: u64,
    /// The largest.
    pub max: u64,
    /// How many samples.
    pub count: u64,
}
