//! What the market streams tell, and when.

use schemas::order::Side;
use serde::Serialize;

use super::numbers::Fixed;
use super::operation::json_text;
use super::stream_names::{KINDS, Kind, Pace, TOP_LEVELS};
use super::views::levels;
use crate::simulator::engine::SymbolId;
use crate::simulator::history::TradeRecord;
use crate::simulator::state::{State, Symbol};

/// More pending changes than this are looked through for repeated levels.
const PENDING_SOFT_MAX: usize = 4_096;

/// What one symbol's streams have told so far.
#[derive(Debug, Default)]
pub(super) struct MarketFeed {
    touch: Touch,
    fast: Diff,
    slow: Diff,
    /// The update that each partial depth stream showed last, by [`Kind::index`].
    top_told: [u64; KINDS.len()],
}

/// The best bid and ask, price and quantity.
type Touch = [Option<(i64, i64)>; 2];

/// One depth stream's changes since its last diff.
#[derive(Debug, Default)]
struct Diff {
    /// Side and price of what changed; its quantity is looked up when it is told.
    pending: Vec<(bool, i64)>,
    /// `u` of the last diff.
    last: u64,
}

impl Diff {
    fn add(&mut self, is_bid: bool, price: i64) {
        self.pending.push((is_bid, price));
        if self.pending.len() >= PENDING_SOFT_MAX && self.pending.len().is_power_of_two() {
            self.tidy();
        }
    }

    fn tidy(&mut self) {
        self.pending.sort_unstable();
        self.pending.dedup();
    }
}

impl MarketFeed {
    fn diff(&mut self, pace: Pace) -> &mut Diff {
        match pace {
            Pace::Fast => &mut self.fast,
            Pace::Slow => &mut self.slow,
        }
    }

    /// The stream's first listener: its diffs begin after the book as it stands.
    pub(super) fn begin(&mut self, kind: Kind, update_id: u64) {
        if let Kind::Diff(pace) = kind {
            *self.diff(pace) = Diff { pending: Vec::new(), last: update_id };
        }
    }
}

#[derive(Serialize)]
struct TradeEvent<'a> {
    e: &'static str,
    #[serde(rename = "E")]
    event_time: i64,
    s: &'a str,
    t: u64,
    p: Fixed,
    q: Fixed,
    #[serde(rename = "T")]
    time: i64,
    m: bool,
    #[serde(rename = "M")]
    best: bool,
}

/// Tells a trade.
pub(super) fn trade(state: &State, record: &TradeRecord) {
    tell(state, record.symbol, Kind::Trade, |symbol| TradeEvent {
        e: "trade",
        event_time: record.time_ms,
        s: &symbol.spec.name,
        t: record.id,
        p: symbol.price(record.price),
        q: symbol.qty(record.qty),
        time: record.time_ms,
        m: record.buyer_is_maker,
        best: true,
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
    f: u64,
    l: u64,
    #[serde(rename = "T")]
    time: i64,
    m: bool,
    #[serde(rename = "M")]
    best: bool,
}

/// Tells an aggregate trade: `lots` from the trade `first` to `last`.
pub(super) fn agg_trade(state: &State, first: &TradeRecord, last: &TradeRecord, lots: i128) {
    tell(state, last.symbol, Kind::AggTrade, |symbol| AggTradeEvent {
        e: "aggTrade",
        event_time: last.time_ms,
        s: &symbol.spec.name,
        a: last.aggregate,
        p: symbol.price(last.price),
        q: symbol.base_amount(lots),
        f: first.id,
        l: last.id,
        time: last.time_ms,
        m: last.buyer_is_maker,
        best: true,
    });
}

/// Notes a changed level for the depth streams that somebody listens to.
pub(super) fn level(state: &mut State, symbol: SymbolId, side: Side, price: i64) {
    for pace in [Pace::Fast, Pace::Slow] {
        if state.hub.is_heard(symbol, Kind::Diff(pace)) {
            state.hub.feeds[symbol.index()].diff(pace).add(side == Side::Buy, price);
        }
    }
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

/// Tells the top of the book if it is another one. An empty side is two zeros.
pub(super) fn book_ticker(state: &mut State, symbol: SymbolId) {
    if state.symbol(symbol).frozen.is_some() {
        return;
    }
    let touch = [Side::Buy, Side::Sell].map(|side| state.engine.best(symbol, side));
    let told = &mut state.hub.feeds[symbol.index()].touch;
    if *told == touch {
        return;
    }
    *told = touch;
    let u = state.engine.update_id(symbol);
    let [bid, ask] = touch.map(Option::unwrap_or_default);
    tell(state, symbol, Kind::BookTicker, |symbol| BookTickerEvent {
        u,
        s: &symbol.spec.name,
        b: symbol.price(bid.0),
        bid_qty: symbol.qty(bid.1),
        a: symbol.price(ask.0),
        ask_qty: symbol.qty(ask.1),
    });
}

/// Every 100 ms: the depth streams that are due. `tick` counts from 1.
pub(in crate::simulator) fn tick(state: &mut State, tick: u64, now_ms: i64) {
    let paces: &[Pace] = if tick.is_multiple_of(10) { &[Pace::Fast, Pace::Slow] } else { &[Pace::Fast] };
    for at in 0..state.symbols.len() {
        let symbol = state.symbols[at].id;
        if state.symbols[at].frozen.is_some() {
            continue;
        }
        for pace in paces {
            diff(state, symbol, *pace, now_ms);
            for (top, count) in TOP_LEVELS.into_iter().enumerate() {
                top_levels(state, symbol, Kind::Top(*pace, top), count);
            }
        }
    }
}

/// Tells the depth streams what they have not been told yet.
pub(super) fn catch_up(state: &mut State, symbol: SymbolId, now_ms: i64) {
    if state.symbol(symbol).frozen.is_none() {
        diff(state, symbol, Pace::Fast, now_ms);
        diff(state, symbol, Pace::Slow, now_ms);
    }
}

/// Freezes the shown books that a fault stops, and lets go those that none stops any more.
pub(in crate::simulator) fn freeze(state: &mut State, now_ms: i64) {
    for at in 0..state.symbols.len() {
        let symbol = state.symbols[at].id;
        match (state.faults.stops_book(symbol), state.symbols[at].frozen.is_some()) {
            (true, false) => {
                catch_up(state, symbol, now_ms);
                state.symbols[at].frozen = Some(state.snapshot(symbol, usize::MAX));
            }
            (false, true) => {
                state.symbols[at].frozen = None;
                catch_up(state, symbol, now_ms);
                book_ticker(state, symbol);
            }
            (true, true) | (false, false) => {}
        }
    }
}

#[derive(Serialize)]
struct DepthUpdate<'a> {
    e: &'static str,
    #[serde(rename = "E")]
    event_time: i64,
    s: &'a str,
    #[serde(rename = "U")]
    first: u64,
    u: u64,
    b: Vec<[Fixed; 2]>,
    a: Vec<[Fixed; 2]>,
}

fn diff(state: &mut State, symbol: SymbolId, pace: Pace, now_ms: i64) {
    let feed = state.hub.feeds[symbol.index()].diff(pace);
    if feed.pending.is_empty() {
        return;
    }
    feed.tidy();
    let u = state.engine.update_id(symbol);
    let (first, mut pending) = (feed.last + 1, std::mem::take(&mut feed.pending));
    feed.last = u;
    let changed = |side: Side| -> Vec<(i64, i64)> {
        let own = pending.iter().filter(|(is_bid, _)| *is_bid == (side == Side::Buy));
        own.map(|(_, price)| (*price, state.engine.quantity_at(symbol, side, *price))).collect()
    };
    let (bids, asks) = (changed(Side::Buy), changed(Side::Sell));
    tell(state, symbol, Kind::Diff(pace), |symbol| DepthUpdate {
        e: "depthUpdate",
        event_time: now_ms,
        s: &symbol.spec.name,
        first,
        u,
        b: levels(symbol, &bids),
        a: levels(symbol, &asks),
    });
    pending.clear();
    state.hub.feeds[symbol.index()].diff(pace).pending = pending;
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TopLevels {
    last_update_id: u64,
    bids: Vec<[Fixed; 2]>,
    asks: Vec<[Fixed; 2]>,
}

fn top_levels(state: &mut State, symbol: SymbolId, kind: Kind, count: usize) {
    let update_id = state.engine.update_id(symbol);
    let heard = state.hub.is_heard(symbol, kind);
    let told = &mut state.hub.feeds[symbol.index()].top_told[kind.index()];
    if !heard || *told == update_id {
        return;
    }
    *told = update_id;
    let snapshot = state.snapshot(symbol, count);
    tell(state, symbol, kind, |symbol| TopLevels {
        last_update_id: update_id,
        bids: levels(symbol, &snapshot.bids),
        asks: levels(symbol, &snapshot.asks),
    });
}

/// Sends a payload if anybody listens and no fault mutes it.
fn tell<'a, P: Serialize>(
    state: &'a State,
    symbol: SymbolId,
    kind: Kind,
    payload: impl FnOnce(&'a Symbol) -> P,
) {
    if !state.hub.is_heard(symbol, kind) || state.faults.is_muted(symbol, kind.muted_as()) {
        return;
    }
    let rules = state.symbol(symbol);
    let payload = json_text(&payload(rules));
    state.hub.send(symbol, &rules.spec.name, kind, payload);
}
