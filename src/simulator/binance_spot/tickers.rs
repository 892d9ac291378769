//! What symbols did in a window of time, and what they cost now.

use serde::Serialize;

use super::chosen::{few, one_or_many};
use crate::simulator::binance::error::ApiError;
use crate::simulator::binance::numbers::Fixed;
use crate::simulator::binance::params::Params;
use crate::simulator::binance::route::{Answer, Request, json};
use crate::simulator::binance::tickers::{DAY_MS, Window};
use crate::simulator::binance::time::Moment;
use crate::simulator::engine::SymbolId;
use crate::simulator::state::{State, Symbol};

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
/// What an average price is made of, unless the symbol's filters say otherwise.
pub(super) const AVERAGE_MINS: u32 = 5;

/// How much of a window is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Extent {
    Full,
    Mini,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Mini<'a> {
    symbol: &'a str,
    open_price: Fixed,
    high_price: Fixed,
    low_price: Fixed,
    last_price: Fixed,
    volume: Fixed,
    quote_volume: Fixed,
    open_time: Moment,
    close_time: Moment,
    first_id: i64,
    last_id: i64,
    count: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Full<'a> {
    price_change: Fixed,
    price_change_percent: Fixed,
    weighted_avg_price: Fixed,
    #[serde(flatten)]
    mini: Mini<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Day<'a> {
    prev_close_price: Fixed,
    last_qty: Fixed,
    bid_price: Fixed,
    bid_qty: Fixed,
    ask_price: Fixed,
    ask_qty: Fixed,
    #[serde(flatten)]
    full: Full<'a>,
}

/// One of the three, by what is asked for.
#[derive(Serialize)]
#[serde(untagged)]
enum Ticker<'a> {
    Mini(Mini<'a>),
    Full(Full<'a>),
    Day(Box<Day<'a>>),
}

/// `ticker.24hr`: of one symbol, of some, or of all.
pub(super) fn day(state: &mut State, request: &Request<'_>) -> Answer {
    let extent = extent(request.params)?;
    one_or_many(state, request, |id| {
        let (symbol, window) = (state.symbol(id), Window::day(state, id, request.now_ms));
        match extent {
            Extent::Mini => Ticker::Mini(mini(symbol, &window)),
            Extent::Full => Ticker::Day(Box::new(whole_day(state, id, &window))),
        }
    })
}

/// `ticker`: of one symbol or of some, over a window of their own choice that begins with a minute.
pub(super) fn rolling(state: &mut State, request: &Request<'_>) -> Answer {
    let length_ms = window_ms(request.params.get("windowSize").unwrap_or("1d"))?;
    let open_ms = (request.now_ms - length_ms).div_euclid(MINUTE_MS) * MINUTE_MS;
    since(state, request, open_ms)
}

/// `ticker.tradingDay`: of one symbol or of some, since midnight.
pub(super) fn trading_day(state: &mut State, request: &Request<'_>) -> Answer {
    let ahead_ms = zone_ms(request.params.get("timeZone").unwrap_or("0"))?;
    let open_ms = (request.now_ms + ahead_ms).div_euclid(DAY_MS) * DAY_MS - ahead_ms;
    since(state, request, open_ms)
}

fn since(state: &mut State, request: &Request<'_>, open_ms: i64) -> Answer {
    let params = request.params;
    if params.get("symbol").is_none() && params.get("symbols").is_none() {
        return Err(ApiError::neither("symbol", "symbols"));
    }
    few(request)?;
    let extent = extent(params)?;
    one_or_many(state, request, |id| {
        let (symbol, window) = (state.symbol(id), Window::since(state, id, open_ms, request.now_ms));
        match extent {
            Extent::Mini => Ticker::Mini(mini(symbol, &window)),
            Extent::Full => Ticker::Full(full(symbol, &window)),
        }
    })
}

fn extent(params: &Params<'_>) -> Result<Extent, ApiError> {
    match params.get("type") {
        None | Some("FULL") => Ok(Extent::Full),
        Some("MINI") => Ok(Extent::Mini),
        Some(_) => Err(ApiError::bad_ticker_type()),
    }
}

/// `1m` to `59m`, `1h` to `23h`, `1d` to `7d`.
fn window_ms(size: &str) -> Result<i64, ApiError> {
    let wrong = || ApiError::not_valid("windowSize");
    let (count, unit) = size.split_at_checked(size.len().saturating_sub(1)).ok_or_else(wrong)?;
    let (most, unit_ms) = match unit {
        "m" => (59, MINUTE_MS),
        "h" => (23, HOUR_MS),
        "d" => (7, DAY_MS),
        _ => return Err(wrong()),
    };
    let count: i64 = count.parse().map_err(|_| wrong())?;
    if (1..=most).contains(&count) { Ok(count * unit_ms) } else { Err(wrong()) }
}

/// How far a time zone (`8`, `-1:00`, `05:45`) is ahead of UTC: -12 to +14 hours.
fn zone_ms(zone: &str) -> Result<i64, ApiError> {
    let wrong = || ApiError::not_valid("timeZone");
    let (sign, plain) = match zone.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, zone),
    };
    let (hours, minutes) = plain.split_once(':').unwrap_or((plain, "0"));
    let number = |text: &str| text.parse::<u8>().map(i64::from).map_err(|_| wrong());
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    let ahead_ms = sign * (hours * HOUR_MS + minutes * MINUTE_MS);
    let legal = minutes < 60 && (-12 * HOUR_MS..=14 * HOUR_MS).contains(&ahead_ms);
    if legal { Ok(ahead_ms) } else { Err(wrong()) }
}

fn mini<'a>(symbol: &'a Symbol, window: &Window) -> Mini<'a> {
    let (sum, (first_id, last_id)) = (&window.sum, window.ids());
    Mini {
        symbol: &symbol.spec.name,
        open_price: symbol.price(sum.open),
        high_price: symbol.price(sum.high),
        low_price: symbol.price(sum.low),
        last_price: symbol.price(sum.close),
        volume: symbol.base_amount(sum.qty),
        quote_volume: symbol.quote(sum.quote),
        open_time: Moment(window.open_ms),
        close_time: Moment(window.close_ms),
        first_id,
        last_id,
        count: sum.trades,
    }
}

fn full<'a>(symbol: &'a Symbol, window: &Window) -> Full<'a> {
    Full {
        price_change: window.change(symbol),
        price_change_percent: window.change_percent(),
        weighted_avg_price: window.average(symbol),
        mini: mini(symbol, window),
    }
}

fn whole_day<'a>(state: &'a State, id: SymbolId, window: &Window) -> Day<'a> {
    let (symbol, top) = (state.symbol(id), state.snapshot(id, 1));
    let [bid, ask] = [&top.bids, &top.asks].map(|side| side.first().copied().unwrap_or_default());
    Day {
        prev_close_price: symbol.price(window.before),
        last_qty: symbol.qty(window.last.map_or(0, |last| last.qty)),
        bid_price: symbol.price(bid.0),
        bid_qty: symbol.qty(bid.1),
        ask_price: symbol.price(ask.0),
        ask_qty: symbol.qty(ask.1),
        full: full(symbol, window),
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BookTicker<'a> {
    symbol: &'a str,
    bid_price: Fixed,
    bid_qty: Fixed,
    ask_price: Fixed,
    ask_qty: Fixed,
}

/// `ticker.book`. An empty side is two zeros.
pub(super) fn book(state: &mut State, request: &Request<'_>) -> Answer {
    one_or_many(state, request, |id| {
        let (symbol, top) = (state.symbol(id), state.snapshot(id, 1));
        let [bid, ask] = [&top.bids, &top.asks].map(|side| side.first().copied().unwrap_or_default());
        BookTicker {
            symbol: &symbol.spec.name,
            bid_price: symbol.price(bid.0),
            bid_qty: symbol.qty(bid.1),
            ask_price: symbol.price(ask.0),
            ask_qty: symbol.qty(ask.1),
        }
    })
}

#[derive(Serialize)]
struct PriceTicker<'a> {
    symbol: &'a str,
    price: Fixed,
}

/// `ticker.price`: the last trade's, before the first trade the start price.
pub(super) fn price(state: &mut State, request: &Request<'_>) -> Answer {
    one_or_many(state, request, |id| {
        let symbol = state.symbol(id);
        PriceTicker { symbol: &symbol.spec.name, price: symbol.price(last_price(state, id).unwrap_or(0)) }
    })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AveragePrice {
    mins: u32,
    price: Fixed,
    close_time: Moment,
}

/// `avgPrice`: that of the last minutes' trades; without any, the last price.
pub(super) fn average(state: &mut State, request: &Request<'_>) -> Answer {
    let id = request.symbol(state)?;
    let (ticks, close_ms) = average_price(state, id, request.now_ms);
    json(&AveragePrice {
        mins: AVERAGE_MINS,
        price: state.symbol(id).price(ticks),
        close_time: Moment(close_ms),
    })
}

/// The average price in ticks, and when the last trade was.
pub(super) fn average_price(state: &State, symbol: SymbolId, now_ms: i64) -> (i64, i64) {
    let candles = &state.candles[symbol.index()];
    let average = candles.average(i64::from(AVERAGE_MINS) * 60, now_ms);
    let ticks = average.or_else(|| state.symbol(symbol).start_ticks()).unwrap_or(0);
    (ticks, candles.last().map_or(now_ms, |last| last.time_ms))
}

/// What an order's price is measured by: the average of so many minutes' trades, or the last price for 0; none
/// as long as the symbol has no price.
pub(super) fn reference(state: &State, symbol: SymbolId, minutes: u32, now_ms: i64) -> Option<i64> {
    let average = match minutes {
        0 => None,
        minutes => state.candles[symbol.index()].average(i64::from(minutes) * 60, now_ms),
    };
    average.or_else(|| last_price(state, symbol))
}

/// The last trade's price, before the first trade the start price, in ticks.
pub(super) fn last_price(state: &State, symbol: SymbolId) -> Option<i64> {
    state.history.volume(symbol).last_price.or_else(|| state.symbol(symbol).start_ticks())
}

impl Symbol {
    /// The price that it is listed at, in ticks.
    pub(in crate::simulator) fn start_ticks(&self) -> Option<i64> {
        let decimals = self.spec.price_decimals;
        let steps = self.spec.start_price?.to_steps(decimals, schemas::units::Rounding::HalfEven)?;
        i64::try_from(steps).ok().filter(|ticks| *ticks > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_and_time_zones_have_bounds() {
        let size = |text| window_ms(text).ok();
        assert_eq!(
            (size("1m"), size("23h"), size("7d")),
            (Some(60_000), Some(82_800_000), Some(604_800_000))
        );
        for wrong in ["", "m", "0m", "60m", "24h", "8d", "1w", "1d2h", "-1m", "ä"] {
            assert_eq!(size(wrong), None, "{wrong}");
        }
        let zone = |text| zone_ms(text).ok();
        assert_eq!((zone("0"), zone("-1:00"), zone("05:45")), (Some(0), Some(-3_600_000), Some(20_700_000)));
        assert_eq!(
            (zone("14"), zone("-12:00"), zone("14:01"), zone("-13")),
            (Some(50_400_000), Some(-43_200_000), None, None)
        );
    }
}
