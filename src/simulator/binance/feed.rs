//! What the depth and top-of-book streams of a symbol have told, and when they speak again. What they say is
//! the dialects' to write.

use schemas::order::Side;

use super::klines;
use super::topic::{INTERVALS, MarketTopic, Pace, TOP_LEVELS, Topic};
use crate::simulator::engine::SymbolId;
use crate::simulator::state::{Snapshot, State, Symbol};
use crate::simulator::symbols::Product;
use crate::simulator::{binance_spot, binance_usdm};

/// How often [`tick`] is to be called.
pub(in crate::simulator) const TICK_MS: u64 = 50;
/// How often a candle that is open is told.
const KLINE_MS: i64 = 2_000;
const USDM_KLINE_MS: i64 = 250;
/// More pending changes than this are looked through for repeated levels.
const PENDING_SOFT_MAX: usize = 4_096;

/// What one symbol's streams have told so far.
#[derive(Debug, Default)]
pub(in crate::simulator) struct MarketFeed {
    touch: Touch,
    /// By [`Pace::index`].
    diffs: [Diff; Pace::ALL.len()],
    /// The update that each partial depth stream showed last, by pace and place in [`TOP_LEVELS`].
    top_told: [[u64; TOP_LEVELS.len()]; Pace::ALL.len()],
    /// Of plain and of continuous candles, by place in [`INTERVALS`].
    pub(super) klines: [[klines::Told; INTERVALS.len()]; 2],
    /// What Spot's tickers told last.
    pub(in crate::simulator) tickers: binance_spot::ticker_streams::Told,
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

/// What a diff tells.
#[derive(Debug)]
pub(in crate::simulator) struct Changes {
    /// The first update in it.
    pub(in crate::simulator) first: u64,
    /// The last update in it.
    pub(in crate::simulator) last: u64,
    /// The last update of the diff before.
    pub(in crate::simulator) before: u64,
    /// Prices in ticks and quantities in lots.
    pub(in crate::simulator) bids: Vec<(i64, i64)>,
    /// As `bids`.
    pub(in crate::simulator) asks: Vec<(i64, i64)>,
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
    /// Nothing has been told since that update of the book.
    pub(in crate::simulator) fn after(update_id: u64) -> Self {
        let mut feed = Self::default();
        feed.diffs.iter_mut().for_each(|diff| diff.last = update_id);
        feed
    }

    /// The stream's first listener: its diffs begin after the book as it stands.
    pub(in crate::simulator) fn begin(&mut self, topic: Topic, update_id: u64) {
        if let Topic::Diff(pace) = topic {
            self.diffs[pace.index()] = Diff { pending: Vec::new(), last: update_id };
        }
        if let Topic::Kline(interval) = topic {
            self.klines[0][interval] = klines::Told::default();
        }
        if let Topic::ContinuousKline(interval) = topic {
            self.klines[1][interval] = klines::Told::default();
        }
        self.tickers.forget(topic);
    }
}

/// Notes a changed level for the depth streams that somebody listens to.
pub(in crate::simulator) fn level(state: &mut State, symbol: SymbolId, side: Side, price: i64) {
    for pace in Pace::ALL {
        if state.hub.is_heard(symbol, Topic::Diff(pace)) {
            state.hub.feeds[symbol.index()].diffs[pace.index()].add(side == Side::Buy, price);
        }
    }
}

/// Tells the top of the book if it is another one.
pub(in crate::simulator) fn book_ticker(state: &mut State, symbol: SymbolId, now_ms: i64) {
    if state.symbol(symbol).frozen.is_some() {
        return;
    }
    let touch = [Side::Buy, Side::Sell].map(|side| state.engine().best(symbol, side));
    let told = &mut state.hub.feeds[symbol.index()].touch;
    if *told == touch {
        return;
    }
    *told = touch;
    let view = |rules: &Symbol| {
        let top = state.snapshot(symbol, 1);
        match rules.spec.product {
            Product::Spot => binance_spot::market_streams::book_ticker(rules, &top, now_ms),
            Product::UsdM => binance_usdm::market_streams::book_ticker(rules, &top, now_ms),
        }
    };
    tell(state, symbol, Topic::BookTicker, view);
    let rules = state.symbol(symbol);
    let whole = (rules.spec.product, MarketTopic::BookTickers);
    if state.hub.is_whole_heard(whole.0, whole.1)
        && !state.faults.is_muted(symbol, Topic::BookTicker.muted_as())
    {
        state.hub.send_whole(whole.0, whole.1, || view(rules));
    }
}

/// Every [`TICK_MS`]: the depth streams that are due. `tick` counts from 1.
pub(in crate::simulator) fn tick(state: &mut State, tick: u64, now_ms: i64) {
    let due: Vec<Pace> =
        Pace::ALL.into_iter().filter(|pace| (tick * TICK_MS).is_multiple_of(pace.ms())).collect();
    if due.contains(&Pace::Ms1000) {
        binance_spot::ticker_streams::tick(state, now_ms);
    }
    for at in 0..state.symbols.len() {
        let symbol = state.symbols[at].id;
        let pace_ms = match state.symbols[at].spec.product {
            Product::Spot => KLINE_MS,
            Product::UsdM => USDM_KLINE_MS,
        };
        klines::tick(state, symbol, pace_ms, now_ms);
        if state.symbols[at].frozen.is_some() {
            continue;
        }
        for pace in &due {
            diff(state, symbol, *pace, now_ms);
            for (top, count) in TOP_LEVELS.into_iter().enumerate() {
                top_levels(state, symbol, *pace, (top, count), now_ms);
            }
        }
    }
}

/// Tells the depth streams what they have not been told yet.
pub(in crate::simulator) fn catch_up(state: &mut State, symbol: SymbolId, now_ms: i64) {
    if state.symbol(symbol).frozen.is_none() {
        for pace in Pace::ALL {
            diff(state, symbol, pace, now_ms);
        }
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
                book_ticker(state, symbol, now_ms);
            }
            (true, true) | (false, false) => {}
        }
    }
}

/// Sends a payload to a symbol's stream if anybody listens and no fault mutes it.
pub(in crate::simulator) fn tell(
    state: &State,
    symbol: SymbolId,
    topic: Topic,
    payload: impl Fn(&Symbol) -> String,
) {
    if !state.hub.is_heard(symbol, topic) || state.faults.is_muted(symbol, topic.muted_as()) {
        return;
    }
    let rules = state.symbol(symbol);
    state.hub.send(symbol, (rules.spec.product, &rules.spec.name), topic, || payload(rules));
}

fn diff(state: &mut State, symbol: SymbolId, pace: Pace, now_ms: i64) {
    let last = state.engine().update_id(symbol);
    let feed = &mut state.hub.feeds[symbol.index()].diffs[pace.index()];
    if feed.pending.is_empty() {
        return;
    }
    feed.tidy();
    let (before, mut pending) = (feed.last, std::mem::take(&mut feed.pending));
    feed.last = last;
    let changed = |side: Side| -> Vec<(i64, i64)> {
        let own = pending.iter().filter(|(is_bid, _)| *is_bid == (side == Side::Buy));
        own.map(|(_, price)| (*price, state.engine().quantity_at(symbol, side, *price))).collect()
    };
    let changes =
        Changes { first: before + 1, last, before, bids: changed(Side::Buy), asks: changed(Side::Sell) };
    tell(state, symbol, Topic::Diff(pace), |rules| match rules.spec.product {
        Product::Spot => binance_spot::market_streams::diff(rules, &changes, now_ms),
        Product::UsdM => binance_usdm::market_streams::diff(rules, &changes, now_ms),
    });
    pending.clear();
    state.hub.feeds[symbol.index()].diffs[pace.index()].pending = pending;
}

fn top_levels(state: &mut State, symbol: SymbolId, pace: Pace, (at, count): (usize, usize), now_ms: i64) {
    let topic = Topic::Top(pace, at);
    let update_id = state.engine().update_id(symbol);
    let heard = state.hub.is_heard(symbol, topic);
    let told = &mut state.hub.feeds[symbol.index()].top_told[pace.index()][at];
    if !heard || *told == update_id {
        return;
    }
    *told = update_id;
    let top: Snapshot = state.snapshot(symbol, count);
    tell(state, symbol, topic, |rules| match rules.spec.product {
        Product::Spot => binance_spot::market_streams::top_levels(rules, &top, now_ms),
        Product::UsdM => binance_usdm::market_streams::top_levels(rules, &top, now_ms),
    });
}
