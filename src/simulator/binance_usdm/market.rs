//! What anybody may ask of the market: books, trades, tickers.

use serde::Serialize;

use super::refusal;
use super::views::{PublicTrade, levels};
use crate::simulator::binance::error::ApiError;
use crate::simulator::binance::feed::catch_up;
use crate::simulator::binance::numbers::Fixed;
use crate::simulator::binance::params::Params;
use crate::simulator::binance::route::{Answer, Request, json};
use crate::simulator::engine::SymbolId;
use crate::simulator::ledger::history::TradeRecord;
use crate::simulator::state::{State, Symbol};
use crate::simulator::symbols::Product;

/// How many levels a snapshot may have, and what that costs.
const DEPTHS: [(usize, u64); 7] = [(5, 2), (10, 2), (20, 2), (50, 2), (100, 5), (500, 10), (1_000, 20)];
const DEPTH_DEFAULT: usize = 500;
/// Most trades of one answer.
const TRADES_MAX: usize = 1_000;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Depth {
    last_update_id: u64,
    #[serde(rename = "E")]
    event_time: i64,
    #[serde(rename = "T")]
    time: i64,
    bids: Vec<[Fixed; 2]>,
    asks: Vec<[Fixed; 2]>,
}

/// What `depth` costs.
pub(super) fn depth_weight(params: &Params<'_>) -> u64 {
    let limit = params.get("limit").and_then(|text| text.parse().ok()).unwrap_or(DEPTH_DEFAULT);
    DEPTHS.iter().find(|(levels, _)| *levels >= limit).map_or(20, |(_, weight)| *weight)
}

/// `depth`. What the depth streams have not told yet is told first, so that the snapshot's `lastUpdateId` is
/// the `u` of the last diff.
pub(super) fn depth(state: &mut State, request: &Request<'_>) -> Answer {
    let symbol = request.symbol(state)?;
    let limit = match request.params.get("limit") {
        None => DEPTH_DEFAULT,
        Some(text) => {
            let known = text.parse().ok().filter(|limit| DEPTHS.iter().any(|(levels, _)| levels == limit));
            known.ok_or_else(|| refusal::depth_limit(text))?
        }
    };
    catch_up(state, symbol, request.now_ms);
    let snapshot = state.snapshot(symbol, limit);
    let rules = state.symbol(symbol);
    json(&Depth {
        last_update_id: snapshot.update_id,
        event_time: request.now_ms,
        time: request.now_ms,
        bids: levels(rules, &snapshot.bids),
        asks: levels(rules, &snapshot.asks),
    })
}

/// `trades`, and `historicalTrades` from an id on.
pub(super) fn trades(state: &mut State, request: &Request<'_>) -> Answer {
    let symbol = request.symbol(state)?;
    let limit = request.params.number("limit")?.unwrap_or(500_usize).min(TRADES_MAX);
    let from: Option<u64> = request.params.number("fromId")?;
    let rules = state.symbol(symbol);
    let own = |trade: &&TradeRecord| trade.symbol == symbol;
    if let Some(from) = from {
        let all = state.history.trades_from(from.saturating_sub(1)).map(|(_, trade)| trade).filter(own);
        return json(&all.take(limit).map(|trade| PublicTrade::new(rules, trade)).collect::<Vec<_>>());
    }
    // Knowing how many there are saves the search for more.
    let there = usize::try_from(state.history.volume(symbol).trades).unwrap_or(usize::MAX);
    let latest = state.history.trades_newest_first().filter(own).take(limit.min(there));
    let mut trades: Vec<_> = latest.map(|trade| PublicTrade::new(rules, trade)).collect();
    trades.reverse();
    json(&trades)
}

/// Trades of one taker at one price, in a row.
#[derive(Debug, Serialize)]
struct AggTrade {
    a: u64,
    p: Fixed,
    q: Fixed,
    f: u64,
    l: u64,
    #[serde(rename = "T")]
    time: i64,
    m: bool,
}

/// `aggTrades`: the latest, or those from an id or a time on.
pub(super) fn agg_trades(state: &mut State, request: &Request<'_>) -> Answer {
    let symbol = request.symbol(state)?;
    let params = request.params;
    let limit = params.number("limit")?.unwrap_or(500_usize).min(TRADES_MAX);
    let from: Option<u64> = params.number("fromId")?;
    let (start, end): (Option<i64>, Option<i64>) = (params.number("startTime")?, params.number("endTime")?);
    let meant = |trade: &&TradeRecord| {
        trade.symbol == symbol
            && from.is_none_or(|from| trade.aggregate >= from)
            && start.is_none_or(|start| trade.time_ms >= start)
            && end.is_none_or(|end| trade.time_ms <= end)
    };
    let rules = state.symbol(symbol);
    if state.history.volume(symbol).trades == 0 {
        return json(&[(); 0]);
    }
    if from.is_some() || start.is_some() {
        let forward = state.history.trades_from(0).map(|(_, trade)| trade).filter(meant);
        return json(&aggregate(rules, forward, limit));
    }
    let mut latest = aggregate(rules, state.history.trades_newest_first().filter(meant), limit);
    latest.reverse();
    json(&latest)
}

/// Adds up neighbours of one aggregate trade, whichever way they come.
fn aggregate<'a>(
    symbol: &Symbol,
    trades: impl Iterator<Item = &'a TradeRecord>,
    limit: usize,
) -> Vec<AggTrade> {
    let mut out: Vec<AggTrade> = Vec::new();
    let mut lots = 0_i128;
    for trade in trades {
        if let Some(last) = out.last_mut().filter(|last| last.a == trade.aggregate) {
            lots += i128::from(trade.qty);
            last.q = symbol.base_amount(lots);
            (last.f, last.l) = (last.f.min(trade.id), last.l.max(trade.id));
            continue;
        }
        if out.len() == limit {
            break;
        }
        lots = trade.qty.into();
        out.push(AggTrade {
            a: trade.aggregate,
            p: symbol.price(trade.price),
            q: symbol.base_amount(lots),
            f: trade.id,
            l: trade.id,
            time: trade.time_ms,
            m: trade.buyer_is_maker,
        });
    }
    out
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BookTicker<'a> {
    last_update_id: u64,
    symbol: &'a str,
    bid_price: Fixed,
    bid_qty: Fixed,
    ask_price: Fixed,
    ask_qty: Fixed,
    time: i64,
}

/// `ticker.book`. An empty side is two zeros.
pub(super) fn ticker_book(state: &mut State, request: &Request<'_>) -> Answer {
    one_or_all(state, request, |symbol| {
        let top = state.snapshot(symbol.id, 1);
        let [bid, ask] = [&top.bids, &top.asks].map(|side| side.first().copied().unwrap_or_default());
        BookTicker {
            last_update_id: top.update_id,
            symbol: &symbol.spec.name,
            bid_price: symbol.price(bid.0),
            bid_qty: symbol.qty(bid.1),
            ask_price: symbol.price(ask.0),
            ask_qty: symbol.qty(ask.1),
            time: request.now_ms,
        }
    })
}

#[derive(Serialize)]
struct PriceTicker<'a> {
    symbol: &'a str,
    price: Fixed,
    time: i64,
}

/// `ticker.price`: the last trade's, before the first trade the start price.
pub(super) fn ticker_price(state: &mut State, request: &Request<'_>) -> Answer {
    one_or_all(state, request, |symbol| PriceTicker {
        symbol: &symbol.spec.name,
        price: symbol.price(last_price(state, symbol.id)),
        time: request.now_ms,
    })
}

/// The last trade's price in ticks, before the first trade the start price, else 0.
pub(super) fn last_price(state: &State, symbol: SymbolId) -> i64 {
    state.history.volume(symbol).last_price.or_else(|| state.symbol(symbol).start_ticks()).unwrap_or(0)
}

/// One object for `symbol`, an array for none.
pub(super) fn one_or_all<'a, V: Serialize>(
    state: &'a State,
    request: &Request<'_>,
    view: impl Fn(&'a Symbol) -> V,
) -> Answer {
    match symbol_if_named(state, request)? {
        Some(symbol) => json(&view(symbol)),
        None => json(&state.symbols_of(Product::UsdM).map(view).collect::<Vec<_>>()),
    }
}

/// The symbol that a request names, if it names one; -1121 if there is none of that name.
pub(super) fn symbol_if_named<'a>(
    state: &'a State,
    request: &Request<'_>,
) -> Result<Option<&'a Symbol>, ApiError> {
    request.params.get("symbol").map(|_| request.symbol(state).map(|id| state.symbol(id))).transpose()
}
