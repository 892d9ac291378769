//! What USD-M's market streams tell.

use serde::Serialize;

use super::views::levels;
use crate::simulator::binance::feed::{Changes, tell};
use crate::simulator::binance::numbers::Fixed;
use crate::simulator::binance::route::json_text;
use crate::simulator::binance::topic::Topic;
use crate::simulator::ledger::history::TradeRecord;
use crate::simulator::state::{Snapshot, State, Symbol};

#[derive(Serialize)]
struct TradeEvent<'a> {
    e: &'static str,
    #[serde(rename = "E")]
    event_time: i64,
    #[serde(rename = "T")]
    time: i64,
    s: &'a str,
    t: u64,
    p: Fixed,
    q: Fixed,
    #[serde(rename = "X")]
    kind: &'static str,
    m: bool,
}

/// Tells a trade.
pub(in crate::simulator) fn trade(state: &State, record: &TradeRecord) {
    tell(state, record.symbol, Topic::Trade, |symbol| {
        json_text(&TradeEvent {
            e: "trade",
            event_time: record.time_ms,
            time: record.time_ms,
            s: &symbol.spec.name,
            t: record.id,
            p: symbol.price(record.price),
            q: symbol.qty(record.qty),
            kind: "MARKET",
            m: record.buyer_is_maker,
        })
    });
}

#[derive(Serialize)]
struct AggTradeEvent<'a> {
    e: &'static str,
    #[serde(rename = "E")]
    event_time: i64,
    s: &'a str,
    a: u64,
    p: Fixed,
    q: Fixed,
    nq: Fixed,
    f: u64,
    l: u64,
    #[serde(rename = "T")]
    time: i64,
    m: bool,
}

/// Tells an aggregate trade: `lots` from the trade `first` to `last`.
pub(in crate::simulator) fn agg_trade(state: &State, first: &TradeRecord, last: &TradeRecord, lots: i128) {
    tell(state, last.symbol, Topic::AggTrade, |symbol| {
        json_text(&AggTradeEvent {
            e: "aggTrade",
            event_time: last.time_ms,
            s: &symbol.spec.name,
            a: last.aggregate,
            p: symbol.price(last.price),
            q: symbol.base_amount(lots),
            nq: symbol.base_amount(lots),
            f: first.id,
            l: last.id,
            time: last.time_ms,
            m: last.buyer_is_maker,
        })
    });
}

#[derive(Serialize)]
struct BookTickerEvent<'a> {
    e: &'static str,
    u: u64,
    #[serde(rename = "E")]
    event_time: i64,
    #[serde(rename = "T")]
    time: i64,
    s: &'a str,
    b: Fixed,
    #[serde(rename = "B")]
    bid_qty: Fixed,
    a: Fixed,
    #[serde(rename = "A")]
    ask_qty: Fixed,
}

/// The top of a book; an empty side is two zeros.
pub(in crate::simulator) fn book_ticker(symbol: &Symbol, top: &Snapshot, now_ms: i64) -> String {
    let [bid, ask] = [&top.bids, &top.asks].map(|side| side.first().copied().unwrap_or_default());
    json_text(&BookTickerEvent {
        e: "bookTicker",
        u: top.update_id,
        event_time: now_ms,
        time: now_ms,
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
    event_time: i64,
    #[serde(rename = "T")]
    time: i64,
    s: &'a str,
    #[serde(rename = "U")]
    first: u64,
    u: u64,
    pu: u64,
    b: Vec<[Fixed; 2]>,
    a: Vec<[Fixed; 2]>,
}

/// A depth diff.
pub(in crate::simulator) fn diff(symbol: &Symbol, changes: &Changes, now_ms: i64) -> String {
    json_text(&DepthUpdate {
        e: "depthUpdate",
        event_time: now_ms,
        time: now_ms,
        s: &symbol.spec.name,
        first: changes.first,
        u: changes.last,
        pu: changes.before,
        b: levels(symbol, &changes.bids),
        a: levels(symbol, &changes.asks),
    })
}

/// The best levels, in the form of a diff.
pub(in crate::simulator) fn top_levels(symbol: &Symbol, top: &Snapshot, now_ms: i64) -> String {
    let changes = Changes {
        first: top.update_id,
        last: top.update_id,
        before: top.update_id.saturating_sub(1),
        bids: top.bids.clone(),
        asks: top.asks.clone(),
    };
    diff(symbol, &changes, now_ms)
}
