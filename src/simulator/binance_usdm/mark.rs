//! Mark prices: the last trade's price, followed at most once a second, and before the first trade the start price.
//! The index is the same number. There is no funding.

use serde::Serialize;

use super::market::one_or_all;
use super::views;
use crate::simulator::binance::feed::tell;
use crate::simulator::binance::numbers::Fixed;
use crate::simulator::binance::route::{Answer, Request, json, json_text};
use crate::simulator::binance::topic::{MarketTopic, Pace, Topic};
use crate::simulator::engine::{AccountId, Command, SymbolId};
use crate::simulator::state::{State, Symbol};
use crate::simulator::symbols::Product;
use schemas::order::PositionSide;

/// Funding would come this often.
const FUNDING_EVERY_MS: i64 = 8 * 3_600 * 1_000;
/// A rate of nothing.
const NO_RATE: Fixed = Fixed::ZERO;

/// Marks every perpetual at its start price.
pub(in crate::simulator) fn begin(state: &mut State) {
    for symbol in ids(state) {
        if let Some(price) = state.symbol(symbol).start_ticks() {
            follow(state, symbol, price);
        }
    }
}

/// Once a second: marks follow the last trades. A mark that was set by a command stands until the next trade.
pub(super) fn follow_trades(state: &mut State) {
    for symbol in ids(state) {
        let volume = state.history.volume(symbol);
        if let Some(price) = volume.last_price
            && state.usdm.followed.insert(symbol, volume.trades) != Some(volume.trades)
        {
            follow(state, symbol, price);
        }
    }
}

fn ids(state: &State) -> Vec<SymbolId> {
    state.symbols_of(Product::UsdM).map(|symbol| symbol.id).collect()
}

fn follow(state: &mut State, symbol: SymbolId, price: i64) {
    if state.engine().mark(symbol) == Some(price) {
        return;
    }
    if let Err(reject) = state.apply(&Command::Mark { symbol, price }) {
        // Prices of trades and start prices are above zero, and the symbol is a perpetual.
        tracing::error!(%reject, "a mark price stays behind its trades");
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PremiumIndex<'a> {
    symbol: &'a str,
    mark_price: Fixed,
    index_price: Fixed,
    estimated_settle_price: Fixed,
    last_funding_rate: Fixed,
    interest_rate: Fixed,
    next_funding_time: i64,
    time: i64,
}

/// `premiumIndex`.
pub(super) fn premium_index(state: &mut State, request: &Request<'_>) -> Answer {
    one_or_all(state, request, |symbol| {
        let mark = mark_of(state, symbol);
        PremiumIndex {
            symbol: &symbol.spec.name,
            mark_price: mark,
            index_price: mark,
            estimated_settle_price: mark,
            last_funding_rate: NO_RATE,
            interest_rate: NO_RATE,
            next_funding_time: next_funding_ms(request.now_ms),
            time: request.now_ms,
        }
    })
}

fn mark_of(state: &State, symbol: &Symbol) -> Fixed {
    views::mark(symbol, state.engine().mark(symbol.id).unwrap_or(0))
}

const fn next_funding_ms(now_ms: i64) -> i64 {
    (now_ms.div_euclid(FUNDING_EVERY_MS) + 1) * FUNDING_EVERY_MS
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OpenInterest<'a> {
    open_interest: Fixed,
    symbol: &'a str,
    time: i64,
}

/// `openInterest`: what all accounts are long, which is what all are short.
pub(super) fn open_interest(state: &mut State, request: &Request<'_>) -> Answer {
    let symbol = request.symbol(state)?;
    let long = |account: AccountId| -> i128 {
        [PositionSide::Both, PositionSide::Long]
            .map(|side| i128::from(state.engine().position(account, symbol, side).qty.max(0)))
            .iter()
            .sum()
    };
    let lots: i128 = state.engine().accounts().map(long).sum();
    let rules = state.symbol(symbol);
    json(&OpenInterest {
        open_interest: rules.base_amount(lots),
        symbol: &rules.spec.name,
        time: request.now_ms,
    })
}

#[derive(Serialize)]
struct MarkPriceUpdate<'a> {
    e: &'static str,
    #[serde(rename = "E")]
    event_time: i64,
    s: &'a str,
    p: Fixed,
    i: Fixed,
    #[serde(rename = "P")]
    settle: Fixed,
    r: Fixed,
    #[serde(rename = "T")]
    next_funding: i64,
}

/// Tells the mark prices to the streams of that pace.
pub(super) fn tell_streams(state: &State, pace: Pace, now_ms: i64) {
    for symbol in state.symbols_of(Product::UsdM) {
        tell(state, symbol.id, Topic::MarkPrice(pace), |symbol| json_text(&update(state, symbol, now_ms)));
    }
    let whole = MarketTopic::MarkPrices(pace);
    if state.hub.is_whole_heard(Product::UsdM, whole) {
        let all: Vec<_> =
            state.symbols_of(Product::UsdM).map(|symbol| update(state, symbol, now_ms)).collect();
        state.hub.send_whole(Product::UsdM, whole, || json_text(&all));
    }
}

fn update<'a>(state: &State, symbol: &'a Symbol, now_ms: i64) -> MarkPriceUpdate<'a> {
    let mark = mark_of(state, symbol);
    MarkPriceUpdate {
        e: "markPriceUpdate",
        event_time: now_ms,
        s: &symbol.spec.name,
        p: mark,
        i: mark,
        settle: mark,
        r: NO_RATE,
        next_funding: next_funding_ms(now_ms),
    }
}

/// `fundingRate`, `fundingInfo`, `income`, `forceOrders`: there has never been any.
pub(super) fn nothing() -> Answer {
    Ok(b"[]".to_vec())
}

/// `adlQuantile`: nobody is ever deleveraged.
pub(super) fn adl_quantile(state: &mut State, request: &Request<'_>) -> Answer {
    let view = |symbol: &Symbol| serde_json::json!({"symbol": symbol.spec.name, "adlQuantile": {"LONG": 0, "SHORT": 0, "BOTH": 0}});
    one_or_all(state, request, view)
}
