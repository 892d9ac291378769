//! Candles as both dialects write them: a list of rows, and a stream for each interval.

use serde::Serialize;
use serde_json::value::RawValue;

use super::candles::{Candle, Candles, next};
use super::error::ApiError;
use super::feed::tell;
use super::numbers::Fixed;
use super::route::{Answer, Request, json, json_text};
use super::time::{LastOf, Moment};
use super::topic::{INTERVALS, Topic};
use crate::simulator::engine::SymbolId;
use crate::simulator::state::{State, Symbol};

/// What a stream has told of the candle that is open.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::simulator) struct Told {
    /// When that candle opened; 0 if nothing has been told.
    open_ms: i64,
    trades: u64,
    at_ms: i64,
}

type Row<'a> = (Moment, Fixed, Fixed, Fixed, Fixed, Fixed, LastOf, Fixed, u64, Fixed, Fixed, &'a RawValue);

/// `klines`: at most `most` rows, oldest first. `timeZone` is taken and not looked at: candles open in UTC.
pub(in crate::simulator) fn klines(state: &State, request: &Request<'_>, most: usize) -> Answer {
    let symbol = state.symbol(request.symbol(state)?);
    let params = request.params;
    let interval = params.required("interval")?;
    let interval = INTERVALS.iter().position(|own| *own == interval).ok_or(ApiError::bad_interval())?;
    let limit = params.limit("limit", 500, most)?;
    let span = (params.number("startTime")?, params.number("endTime")?.unwrap_or(i64::MAX));
    let candles = state.candles[symbol.id.index()].list(interval, span, limit, request.now_ms);
    let unused: Box<RawValue> = RawValue::from_string("\"0\"".to_owned()).expect("a JSON text");
    let rows: Vec<Row<'_>> = candles.iter().map(|candle| row(symbol, interval, candle, &unused)).collect();
    json(&rows)
}

fn row<'a>(symbol: &Symbol, interval: usize, candle: &Candle, unused: &'a RawValue) -> Row<'a> {
    (
        Moment(candle.open_ms),
        symbol.price(candle.open),
        symbol.price(candle.high),
        symbol.price(candle.low),
        symbol.price(candle.close),
        symbol.base_amount(candle.qty),
        LastOf { end_ms: next(interval, candle.open_ms) },
        symbol.quote(candle.quote),
        candle.trades,
        symbol.base_amount(candle.taker_qty),
        symbol.quote(candle.taker_quote),
        unused,
    )
}

/// Tells the streams of one symbol what is due: the open candle every `pace_ms` (that of a second every second)
/// where it has changed, and each candle once more when it closes.
pub(in crate::simulator) fn tick(state: &mut State, symbol: SymbolId, pace_ms: i64, now_ms: i64) {
    for (interval, name) in INTERVALS.iter().enumerate() {
        let pace_ms = if *name == "1s" { pace_ms.min(1_000) } else { pace_ms };
        for continuous in [false, true] {
            if state.hub.is_heard(symbol, topic(interval, continuous)) {
                tick_stream(state, symbol, (interval, continuous), pace_ms, now_ms);
            }
        }
    }
}

const fn topic(interval: usize, continuous: bool) -> Topic {
    if continuous { Topic::ContinuousKline(interval) } else { Topic::Kline(interval) }
}

fn tick_stream(state: &mut State, symbol: SymbolId, stream: (usize, bool), pace_ms: i64, now_ms: i64) {
    let (interval, continuous) = stream;
    let Some(open) = state.candles[symbol.index()].at(interval, now_ms) else { return };
    let mut told = state.hub.feeds[symbol.index()].klines[usize::from(continuous)][interval];
    if told.open_ms != 0 && told.open_ms < open.open_ms {
        let closed = closed(&state.candles[symbol.index()], interval, told.open_ms);
        tell_candle(state, symbol, stream, &closed, true, now_ms);
        told = Told::default();
    }
    let is_new = told.open_ms == 0;
    if is_new || (told.trades != open.trades && now_ms - told.at_ms >= pace_ms) {
        tell_candle(state, symbol, stream, &open, false, now_ms);
        told = Told { open_ms: open.open_ms, trades: open.trades, at_ms: now_ms };
    }
    state.hub.feeds[symbol.index()].klines[usize::from(continuous)][interval] = told;
}

fn closed(candles: &Candles, interval: usize, open_ms: i64) -> Candle {
    candles.at(interval, open_ms).expect("it has been told, so there were trades")
}

#[derive(Serialize)]
struct KlineEvent<'a> {
    e: &'static str,
    #[serde(rename = "E")]
    event_time: Moment,
    s: &'a str,
    k: Kline<'a>,
}

/// USD-M: of a pair's perpetual contract.
#[derive(Serialize)]
struct ContinuousEvent<'a> {
    e: &'static str,
    #[serde(rename = "E")]
    event_time: Moment,
    ps: &'a str,
    ct: &'static str,
    k: Kline<'a>,
}

#[derive(Serialize)]
struct Kline<'a> {
    t: Moment,
    #[serde(rename = "T")]
    end: LastOf,
    /// Not in a continuous candle.
    #[serde(skip_serializing_if = "Option::is_none")]
    s: Option<&'a str>,
    i: &'static str,
    f: i64,
    #[serde(rename = "L")]
    last: i64,
    o: Fixed,
    c: Fixed,
    h: Fixed,
    l: Fixed,
    v: Fixed,
    n: u64,
    x: bool,
    q: Fixed,
    #[serde(rename = "V")]
    taker_qty: Fixed,
    #[serde(rename = "Q")]
    taker_quote: Fixed,
    #[serde(rename = "B")]
    unused: &'static str,
}

fn tell_candle(
    state: &State,
    symbol: SymbolId,
    (interval, continuous): (usize, bool),
    candle: &Candle,
    is_closed: bool,
    now_ms: i64,
) {
    tell(state, symbol, topic(interval, continuous), |symbol| {
        let (name, event_time) = (&*symbol.spec.name, Moment(now_ms));
        let kline = kline(symbol, interval, candle, is_closed);
        if continuous {
            let k = Kline { s: None, ..kline };
            json_text(&ContinuousEvent { e: "continuous_kline", event_time, ps: name, ct: "PERPETUAL", k })
        } else {
            json_text(&KlineEvent { e: "kline", event_time, s: name, k: kline })
        }
    });
}

fn kline<'a>(symbol: &'a Symbol, interval: usize, candle: &Candle, is_closed: bool) -> Kline<'a> {
    let id = |id: u64| if candle.trades == 0 { -1 } else { i64::try_from(id).unwrap_or(i64::MAX) };
    Kline {
        t: Moment(candle.open_ms),
        end: LastOf { end_ms: next(interval, candle.open_ms) },
        s: Some(&symbol.spec.name),
        i: INTERVALS[interval],
        f: id(candle.ids.0),
        last: id(candle.ids.1),
        o: symbol.price(candle.open),
        c: symbol.price(candle.close),
        h: symbol.price(candle.high),
        l: symbol.price(candle.low),
        v: symbol.base_amount(candle.qty),
        n: candle.trades,
        x: is_closed,
        q: symbol.quote(candle.quote),
        taker_qty: symbol.base_amount(candle.taker_qty),
        taker_quote: symbol.quote(candle.taker_quote),
        unused: "0",
    }
}
