//! What symbols did in the last 24 hours, asked for and told; and candles.

use serde::Serialize;

use super::market::one_or_all;
use crate::simulator::binance::error::ApiError;
use crate::simulator::binance::feed::tell;
use crate::simulator::binance::klines::klines as shared_klines;
use crate::simulator::binance::numbers::Fixed;
use crate::simulator::binance::params::Params;
use crate::simulator::binance::route::{Answer, Request, json_text};
use crate::simulator::binance::tickers::Window;
use crate::simulator::binance::topic::{MarketTopic, Topic};
use crate::simulator::state::{State, Symbol};
use crate::simulator::symbols::Product;

/// Most candles of one answer.
const KLINES_MAX: usize = 1_500;
const KLINES_DEFAULT: usize = 500;

/// What candles cost, by how many there may be.
pub(super) fn klines_weight(params: &Params<'_>) -> u64 {
    match params.get("limit").and_then(|text| text.parse().ok()).unwrap_or(KLINES_DEFAULT) {
        0..100 => 1,
        100..500 => 2,
        500..=1_000 => 5,
        _ => 10,
    }
}

/// `klines`, and those of mark and index prices, which are the same: both follow the trades.
pub(super) fn klines(state: &State, request: &Request<'_>) -> Answer {
    shared_klines(state, request, KLINES_MAX)
}

/// `continuousKlines` and `indexPriceKlines`: the same of a pair, whose one contract bears its name.
pub(super) fn pair_klines(state: &State, request: &Request<'_>) -> Answer {
    if !matches!(request.params.get("contractType"), None | Some("PERPETUAL")) {
        return Err(ApiError::new(400, -4104, "Invalid contract type."));
    }
    let pair = request.params.required("pair")?;
    let other = ["interval", "startTime", "endTime", "limit"];
    let other = other.iter().filter_map(|name| Some(format!("&{name}={}", request.params.get(name)?)));
    let query = format!("symbol={pair}{}", other.collect::<String>());
    klines(state, &request.item(&Params::of_form(&query, "")))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Day<'a> {
    symbol: &'a str,
    price_change: Fixed,
    price_change_percent: Fixed,
    weighted_avg_price: Fixed,
    last_price: Fixed,
    last_qty: Fixed,
    open_price: Fixed,
    high_price: Fixed,
    low_price: Fixed,
    volume: Fixed,
    quote_volume: Fixed,
    open_time: i64,
    close_time: i64,
    first_id: i64,
    last_id: i64,
    count: u64,
}

/// `ticker/24hr`.
pub(super) fn day(state: &mut State, request: &Request<'_>) -> Answer {
    one_or_all(state, request, |symbol| {
        let window = Window::day(state, symbol.id, request.now_ms);
        let (first_id, last_id) = window.ids();
        Day {
            symbol: &symbol.spec.name,
            price_change: window.change(symbol),
            price_change_percent: window.change_percent(),
            weighted_avg_price: window.average(symbol),
            last_price: symbol.price(window.sum.close),
            last_qty: last_qty(symbol, &window),
            open_price: symbol.price(window.sum.open),
            high_price: symbol.price(window.sum.high),
            low_price: symbol.price(window.sum.low),
            volume: symbol.base_amount(window.sum.qty),
            quote_volume: symbol.quote(window.sum.quote),
            open_time: window.open_ms,
            close_time: window.close_ms,
            first_id,
            last_id,
            count: window.sum.trades,
        }
    })
}

fn last_qty(symbol: &Symbol, window: &Window) -> Fixed {
    symbol.qty(window.last.map_or(0, |last| last.qty))
}

#[derive(Serialize)]
struct MiniTicker<'a> {
    e: &'static str,
    #[serde(rename = "E")]
    event_time: i64,
    s: &'a str,
    c: Fixed,
    o: Fixed,
    h: Fixed,
    l: Fixed,
    v: Fixed,
    q: Fixed,
}

#[derive(Serialize)]
struct Ticker<'a> {
    e: &'static str,
    #[serde(rename = "E")]
    event_time: i64,
    s: &'a str,
    p: Fixed,
    #[serde(rename = "P")]
    percent: Fixed,
    w: Fixed,
    c: Fixed,
    #[serde(rename = "Q")]
    last_qty: Fixed,
    o: Fixed,
    h: Fixed,
    l: Fixed,
    v: Fixed,
    q: Fixed,
    #[serde(rename = "O")]
    open_time: i64,
    #[serde(rename = "C")]
    close_time: i64,
    #[serde(rename = "F")]
    first_id: i64,
    #[serde(rename = "L")]
    last_id: i64,
    n: u64,
}

fn mini<'a>(state: &State, symbol: &'a Symbol, now_ms: i64) -> MiniTicker<'a> {
    let sum = Window::day(state, symbol.id, now_ms).sum;
    MiniTicker {
        e: "24hrMiniTicker",
        event_time: now_ms,
        s: &symbol.spec.name,
        c: symbol.price(sum.close),
        o: symbol.price(sum.open),
        h: symbol.price(sum.high),
        l: symbol.price(sum.low),
        v: symbol.base_amount(sum.qty),
        q: symbol.quote(sum.quote),
    }
}

fn ticker<'a>(state: &State, symbol: &'a Symbol, now_ms: i64) -> Ticker<'a> {
    let window = Window::day(state, symbol.id, now_ms);
    let (first_id, last_id) = window.ids();
    Ticker {
        e: "24hrTicker",
        event_time: now_ms,
        s: &symbol.spec.name,
        p: window.change(symbol),
        percent: window.change_percent(),
        w: window.average(symbol),
        c: symbol.price(window.sum.close),
        last_qty: last_qty(symbol, &window),
        o: symbol.price(window.sum.open),
        h: symbol.price(window.sum.high),
        l: symbol.price(window.sum.low),
        v: symbol.base_amount(window.sum.qty),
        q: symbol.quote(window.sum.quote),
        open_time: window.open_ms,
        close_time: window.close_ms,
        first_id,
        last_id,
        n: window.sum.trades,
    }
}

/// Every second: tells the tickers of the symbols that have traded, changed or not.
pub(super) fn tell_streams(state: &State, now_ms: i64) {
    let traded = || {
        let all = state.symbols_of(Product::UsdM);
        all.filter(|symbol| state.history.volume(symbol.id).trades > 0)
    };
    for symbol in traded() {
        tell(state, symbol.id, Topic::MiniTicker, |symbol| json_text(&mini(state, symbol, now_ms)));
        tell(state, symbol.id, Topic::Ticker, |symbol| json_text(&ticker(state, symbol, now_ms)));
    }
    if traded().next().is_none() {
        return;
    }
    let heard = |topic| state.hub.is_whole_heard(Product::UsdM, topic);
    if heard(MarketTopic::MiniTickers) {
        let all = || traded().map(|symbol| mini(state, symbol, now_ms)).collect::<Vec<_>>();
        state.hub.send_whole(Product::UsdM, MarketTopic::MiniTickers, || json_text(&all()));
    }
    if heard(MarketTopic::Tickers) {
        let all = || traded().map(|symbol| ticker(state, symbol, now_ms)).collect::<Vec<_>>();
        state.hub.send_whole(Product::UsdM, MarketTopic::Tickers, || json_text(&all()));
    }
}
