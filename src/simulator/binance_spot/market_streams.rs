//! What Spot's market streams tell.

use serde::Serialize;

use super::views::levels;
use crate::simulator::binance::feed::{Changes, tell};
use crate::simulator::binance::numbers::Fixed;
use crate::simulator::binance::route::json_text;
use crate::simulator::binance::time::Moment;
use crate::simulator::binance::topic::Topic;
use crate::simulator::ledger::history::TradeRecord;
use crate::simulator::state::{Snapshot, State, Symbol};

#[derive(Serialize)]
struct TradeEvent<'a> {
    e: &'static str,
    #[serde(rename = "E")]
    event_time: Moment,
    s: &'a str,
    t: u64,
    p: Fixed,
    q: Fixed,
    #[serde(rename = "T")]
    time: Moment,
    m: bool,
    #[serde(rename = "M")]
    best: bool,
}

/// Tells a trade.
pub(in crate::simulator) fn trade(state: &State, record: &TradeRecord) {
    tell(state, record.symbol, Topic::Trade, |symbol| {
        json_text(&TradeEvent {
            e: "trade",
            event_time: Moment(record.time_ms),
            s: &symbol.spec.name,
            t: record.id,
            p: symbol.price(record.price),
            q: symbol.qty(record.qty),
            time: Moment(record.time_ms),
            m: record.buyer_is_maker,
            best: true,
        })
    });
}

#[derive(Serialize)]
struct AggTradeEvent<'a> {
    e: &'static str,
    #[serde(rename = "E")]
    event_time: Moment,
    s: &'a str,
    a: u64,
    p: Fixed,
    q: Fixed,
    f: u64,
    l: u64,
    #[serde(rename = "T")]
    time: Moment,
    m: bool,
    #[serde(rename = "M")]
    best: bool,
}

/// Tells an aggregate trade: `lots` from the trade `first` to `last`.
pub(in crate::simulator) fn agg_trade(state: &State, first: &TradeRecord, last: &TradeRecord, lots: i128) {
    tell(state, last.symbol, Topic::AggTrade, |symbol| {
        json_text(&AggTradeEvent {
            e: "aggTrade",
            event_time: Moment(last.time_ms),
            s: &symbol.spec.name,
            a: last.aggregate,
            p: symbol.price(last.price),
            q: symbol.base_amount(lots),
            f: first.id,
            l: last.id,
            time: Moment(last.time_ms),
            m: last.buyer_is_maker,
            best: true,
        })
    });
}

#[derive(Serialize)]
struct BookTickerEvent<'a> {
    u: u64,
    s: &'a str,
    b: Fixed,
    #[serde(rename = "B")]
    bid_qty: Fixed,
    a: Fixed,
    #[serde(rename = "A")]
    ask_qty: Fixed,
}

/// The top of a book; an empty side is two zeros.
pub(in crate::simulator) fn book_ticker(symbol: &Symbol, top: &Snapshot, _now_ms: i64) -> String {
    let [bid, ask] = [&top.bids, &top.asks].map(|side| side.first().copied().unwrap_or_default());
    json_text(&BookTickerEvent {
        u: top.update_id,
        s: &symbol.spec.name,
        b: symbol.price(bid.0),
        bid_qty: symbol.qty(bid.1),
        a: symbol.price(ask.0),
        ask_qty: symbol.qty(ask.1),
    })
}

#[derive(Serialize)]
struct DepthUpdate<'a> {
    e: &'static str,
    #[serde(rename = "E")]
    event_time: Moment,
    s: &'a str,
    #[serde(rename = "U")]
    first: u64,
    u: u64,
    b: Vec<[Fixed; 2]>,
    a: Vec<[Fixed; 2]>,
}

/// A depth diff.
pub(in crate::simulator) fn diff(symbol: &Symbol, changes: &Changes, now_ms: i64) -> String {
    json_text(&DepthUpdate {
        e: "depthUpdate",
        event_time: Moment(now_ms),
        s: &symbol.spec.name,
        first: changes.first,
        u: changes.last,
        b: levels(symbol, &changes.bids),
        a: levels(symbol, &changes.asks),
    })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TopLevels {
    last_update_id: u64,
    bids: Vec<[Fixed; 2]>,
    asks: Vec<[Fixed; 2]>,
}

/// The best levels.
pub(in crate::simulator) fn top_levels(symbol: &Symbol, top: &Snapshot, _now_ms: i64) -> String {
    json_text(&TopLevels {
        last_update_id: top.update_id,
        bids: levels(symbol, &top.bids),
        asks: levels(symbol, &top.asks),
    })
}
