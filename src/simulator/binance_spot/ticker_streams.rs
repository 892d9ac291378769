//! Streams that speak every second: tickers, average and reference prices.

use serde::Serialize;

use super::tickers::{AVERAGE_MINS, average_price};
use crate::simulator::binance::feed::tell;
use crate::simulator::binance::numbers::Fixed;
use crate::simulator::binance::route::json_text;
use crate::simulator::binance::tickers::Window;
use crate::simulator::binance::time::Moment;
use crate::simulator::binance::topic::{MarketTopic, Topic, WINDOWS};
use crate::simulator::engine::SymbolId;
use crate::simulator::state::{Snapshot, State, Symbol};
use crate::simulator::symbols::Product;

/// What the tickers of a symbol told last: how many trades there were then, and which update of the book.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::simulator) struct Told {
    mini: Option<u64>,
    /// In the stream of all symbols.
    mini_of_all: Option<u64>,
    day: Option<(u64, u64)>,
    windows: [Option<u64>; WINDOWS.len()],
}

impl Told {
    /// A topic's first listener has not been told anything yet.
    pub(in crate::simulator) fn forget(&mut self, topic: Topic) {
        match topic {
            Topic::MiniTicker => self.mini = None,
            Topic::Ticker => self.day = None,
            Topic::Window(at) => self.windows[at] = None,
            Topic::Trade
            | Topic::AggTrade
            | Topic::BookTicker
            | Topic::Diff(_)
            | Topic::Top(..)
            | Topic::Kline(_)
            | Topic::ContinuousKline(_)
            | Topic::AvgPrice
            | Topic::ReferencePrice
            | Topic::MarkPrice(_) => {}
        }
    }
}

/// Every second: tells what has changed. A symbol without a trade has no ticker.
pub(in crate::simulator) fn tick(state: &mut State, now_ms: i64) {
    let ids: Vec<SymbolId> = state.symbols_of(Product::Spot).map(|symbol| symbol.id).collect();
    for id in &ids {
        tick_symbol(state, *id, now_ms);
    }
    mini_of_all(state, &ids, now_ms);
}

fn tick_symbol(state: &mut State, id: SymbolId, now_ms: i64) {
    let heard = |topic| state.hub.is_heard(id, topic);
    if heard(Topic::AvgPrice) {
        average(state, id, now_ms);
    }
    if heard(Topic::ReferencePrice) {
        reference(state, id, now_ms);
    }
    let trades = state.history.volume(id).trades;
    let mut told = state.hub.feeds[id.index()].tickers;
    if heard(Topic::MiniTicker) && told.mini.replace(trades) != Some(trades) {
        let window = Window::day(state, id, now_ms);
        tell(state, id, Topic::MiniTicker, |symbol| json_text(&mini(symbol, &window, now_ms)));
    }
    let book = state.engine().update_id(id);
    if heard(Topic::Ticker) && told.day.replace((trades, book)) != Some((trades, book)) {
        let (window, top) = (Window::day(state, id, now_ms), state.snapshot(id, 1));
        tell(state, id, Topic::Ticker, |symbol| json_text(&day(symbol, &window, &top, now_ms)));
    }
    for (at, (_, length_ms)) in WINDOWS.into_iter().enumerate() {
        let topic = Topic::Window(at);
        if heard(topic) && told.windows[at].replace(trades) != Some(trades) {
            let window = Window::since(state, id, now_ms - length_ms, now_ms);
            tell(state, id, topic, |symbol| json_text(&rolling(symbol, at, &window, now_ms)));
        }
    }
    state.hub.feeds[id.index()].tickers = told;
}

/// The tickers that have changed, if there are any.
fn mini_of_all(state: &mut State, ids: &[SymbolId], now_ms: i64) {
    if !state.hub.is_whole_heard(Product::Spot, MarketTopic::MiniTickers) {
        return;
    }
    let mut changed = Vec::new();
    for id in ids {
        let trades = state.history.volume(*id).trades;
        let told = &mut state.hub.feeds[id.index()].tickers.mini_of_all;
        if trades > 0 && told.replace(trades) != Some(trades) {
            changed.push((*id, Window::day(state, *id, now_ms)));
        }
    }
    if changed.is_empty() {
        return;
    }
    state.hub.send_whole(Product::Spot, MarketTopic::MiniTickers, || {
        let tickers = changed.iter().map(|(id, window)| mini(state.symbol(*id), window, now_ms));
        json_text(&tickers.collect::<Vec<_>>())
    });
}

#[derive(Serialize)]
struct MiniTicker<'a> {
    e: &'static str,
    #[serde(rename = "E")]
    event_time: Moment,
    s: &'a str,
    c: Fixed,
    o: Fixed,
    h: Fixed,
    l: Fixed,
    v: Fixed,
    q: Fixed,
}

fn mini<'a>(symbol: &'a Symbol, window: &Window, now_ms: i64) -> MiniTicker<'a> {
    let sum = &window.sum;
    MiniTicker {
        e: "24hrMiniTicker",
        event_time: Moment(now_ms),
        s: &symbol.spec.name,
        c: symbol.price(sum.close),
        o: symbol.price(sum.open),
        h: symbol.price(sum.high),
        l: symbol.price(sum.low),
        v: symbol.base_amount(sum.qty),
        q: symbol.quote(sum.quote),
    }
}

/// What the ticker of a day and those of other windows have in common.
#[derive(Serialize)]
struct Rolling<'a> {
    e: String,
    #[serde(rename = "E")]
    event_time: Moment,
    s: &'a str,
    p: Fixed,
    #[serde(rename = "P")]
    percent: Fixed,
    w: Fixed,
    c: Fixed,
    o: Fixed,
    h: Fixed,
    l: Fixed,
    v: Fixed,
    q: Fixed,
    #[serde(rename = "O")]
    open_time: Moment,
    #[serde(rename = "C")]
    close_time: Moment,
    #[serde(rename = "F")]
    first: i64,
    #[serde(rename = "L")]
    last: i64,
    n: u64,
}

fn rolling<'a>(symbol: &'a Symbol, at: usize, window: &Window, now_ms: i64) -> Rolling<'a> {
    of_window(symbol, format!("{}Ticker", WINDOWS[at].0), window, now_ms)
}

fn of_window<'a>(symbol: &'a Symbol, e: String, window: &Window, now_ms: i64) -> Rolling<'a> {
    let (sum, (first, last)) = (&window.sum, window.ids());
    Rolling {
        e,
        event_time: Moment(now_ms),
        s: &symbol.spec.name,
        p: window.change(symbol),
        percent: window.change_percent(),
        w: window.average(symbol),
        c: symbol.price(sum.close),
        o: symbol.price(sum.open),
        h: symbol.price(sum.high),
        l: symbol.price(sum.low),
        v: symbol.base_amount(sum.qty),
        q: symbol.quote(sum.quote),
        open_time: Moment(window.open_ms),
        close_time: Moment(window.close_ms),
        first,
        last,
        n: sum.trades,
    }
}

#[derive(Serialize)]
struct DayTicker<'a> {
    #[serde(flatten)]
    window: Rolling<'a>,
    x: Fixed,
    #[serde(rename = "Q")]
    last_qty: Fixed,
    b: Fixed,
    #[serde(rename = "B")]
    bid_qty: Fixed,
    a: Fixed,
    #[serde(rename = "A")]
    ask_qty: Fixed,
}

fn day<'a>(symbol: &'a Symbol, window: &Window, top: &Snapshot, now_ms: i64) -> DayTicker<'a> {
    let [bid, ask] = [&top.bids, &top.asks].map(|side| side.first().copied().unwrap_or_default());
    DayTicker {
        window: of_window(symbol, "24hrTicker".to_owned(), window, now_ms),
        x: symbol.price(window.before),
        last_qty: symbol.qty(window.last.map_or(0, |last| last.qty)),
        b: symbol.price(bid.0),
        bid_qty: symbol.qty(bid.1),
        a: symbol.price(ask.0),
        ask_qty: symbol.qty(ask.1),
    }
}

#[derive(Serialize)]
struct AveragePrice<'a> {
    e: &'static str,
    #[serde(rename = "E")]
    event_time: Moment,
    s: &'a str,
    i: String,
    w: Fixed,
    #[serde(rename = "T")]
    time: Moment,
}

fn average(state: &State, id: SymbolId, now_ms: i64) {
    let (ticks, close_ms) = average_price(state, id, now_ms);
    tell(state, id, Topic::AvgPrice, |symbol| {
        json_text(&AveragePrice {
            e: "avgPrice",
            event_time: Moment(now_ms),
            s: &symbol.spec.name,
            i: format!("{AVERAGE_MINS}m"),
            w: symbol.price(ticks),
            time: Moment(close_ms),
        })
    });
}

#[derive(Serialize)]
struct ReferencePrice<'a> {
    e: &'static str,
    s: &'a str,
    r: Option<Fixed>,
    t: Moment,
}

fn reference(state: &State, id: SymbolId, now_ms: i64) {
    tell(state, id, Topic::ReferencePrice, |symbol| {
        json_text(&ReferencePrice { e: "referencePrice", s: &symbol.spec.name, r: None, t: Moment(now_ms) })
    });
}
