//! What anybody may ask of the market.

use serde::Serialize;

use super::views::{PublicTrade, levels};
use crate::simulator::binance::error::ApiError;
use crate::simulator::binance::feed::catch_up;
use crate::simulator::binance::numbers::Fixed;
use crate::simulator::binance::route::{Answer, Request, json};
use crate::simulator::engine::SymbolId;
use crate::simulator::ledger::history::TradeRecord;
use crate::simulator::state::{State, Symbol};
use crate::simulator::symbols::Product;

/// Most levels of one side that a snapshot has.
const LEVELS_MAX: usize = 5_000;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Depth {
    last_update_id: u64,
    bids: Vec<[Fixed; 2]>,
    asks: Vec<[Fixed; 2]>,
}

/// `depth`. What the depth streams have not told yet is told first, so that the snapshot's `lastUpdateId` is
/// the `u` of the last diff.
pub(super) fn depth(state: &mut State, request: &Request<'_>) -> Answer {
    let symbol = request.symbol(state)?;
    let limit = request.params.number("limit")?.unwrap_or(100).min(LEVELS_MAX);
    catch_up(state, symbol, request.now_ms);
    let snapshot = state.snapshot(symbol, limit);
    let rules = state.symbol(symbol);
    json(&Depth {
        last_update_id: snapshot.update_id,
        bids: levels(rules, &snapshot.bids),
        asks: levels(rules, &snapshot.asks),
    })
}

/// `trades.recent`.
pub(super) fn trades(state: &mut State, request: &Request<'_>) -> Answer {
    let symbol = request.symbol(state)?;
    let limit = request.params.number("limit")?.unwrap_or(500_u64).min(1_000);
    // Knowing how many there are saves the search for more.
    let limit = limit.min(state.history.volume(symbol).trades);
    let mut trades: Vec<_> = state
        .history
        .trades_newest_first()
        .filter(|trade| trade.symbol == symbol)
        .take(usize::try_from(limit).unwrap_or(usize::MAX))
        .map(|trade| PublicTrade::new(state.symbol(symbol), trade))
        .collect();
    trades.reverse();
    json(&trades)
}

/// Trades of one taker at one price, in a row.
#[derive(Debug, Serialize)]
pub(super) struct AggTrade {
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

/// `trades.aggregate`: the latest, or those from an id or a time on.
pub(super) fn agg_trades(state: &mut State, request: &Request<'_>) -> Answer {
    let symbol = request.symbol(state)?;
    let params = request.params;
    let limit = params.number("limit")?.unwrap_or(500_usize).min(1_000);
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
            best: true,
        });
    }
    out
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
pub(super) fn ticker_book(state: &mut State, request: &Request<'_>) -> Answer {
    let view = |id| {
        let (symbol, top) = (state.symbol(id), state.snapshot(id, 1));
        let [bid, ask] = [&top.bids, &top.asks].map(|side| side.first().copied().unwrap_or_default());
        BookTicker {
            symbol: &symbol.spec.name,
            bid_price: symbol.price(bid.0),
            bid_qty: symbol.qty(bid.1),
            ask_price: symbol.price(ask.0),
            ask_qty: symbol.qty(ask.1),
        }
    };
    one_or_many(state, request, view)
}

#[derive(Serialize)]
struct PriceTicker<'a> {
    symbol: &'a str,
    price: Fixed,
}

/// `ticker.price`: the last trade's, before the first trade the start price.
pub(super) fn ticker_price(state: &mut State, request: &Request<'_>) -> Answer {
    let view = |id| {
        let symbol = state.symbol(id);
        let last = state.history.volume(id).last_price.map(|ticks| symbol.price(ticks));
        PriceTicker { symbol: &symbol.spec.name, price: last.unwrap_or_else(|| symbol.start_price()) }
    };
    one_or_many(state, request, view)
}

/// One object for `symbol`, an array for `symbols` or for none.
fn one_or_many<V: Serialize>(state: &State, request: &Request<'_>, view: impl Fn(SymbolId) -> V) -> Answer {
    if request.params.get("symbol").is_some() {
        return json(&view(request.symbol(state)?));
    }
    let ids = match request.params.list("symbols")? {
        None => state.symbols_of(Product::Spot).map(|symbol| symbol.id).collect(),
        Some(names) => named(state, &names)?,
    };
    json(&ids.into_iter().map(view).collect::<Vec<_>>())
}

/// The symbols of those names, or -1121.
pub(super) fn named(state: &State, names: &[String]) -> Result<Vec<SymbolId>, ApiError> {
    names.iter().map(|name| state.symbol_named(Product::Spot, name).ok_or(ApiError::bad_symbol())).collect()
}

impl Symbol {
    fn start_price(&self) -> Fixed {
        let steps = self
            .spec
            .start_price
            .and_then(|price| price.to_steps(self.spec.price_decimals, schemas::units::Rounding::HalfEven));
        Fixed::new(steps.unwrap_or(0), self.spec.price_decimals)
    }
}
