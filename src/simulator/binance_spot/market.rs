//! What anybody may ask of the market.

use serde::Serialize;

use super::chosen;
use super::views::{PublicTrade, levels};
use crate::simulator::binance::error::ApiError;
use crate::simulator::binance::feed::catch_up;
use crate::simulator::binance::numbers::Fixed;
use crate::simulator::binance::params::Params;
use crate::simulator::binance::route::{Answer, Request, json};
use crate::simulator::binance::time::Moment;
use crate::simulator::ledger::history::TradeRecord;
use crate::simulator::state::{State, Symbol};

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
    let symbol = chosen::one(state, request)?;
    let limit = request.params.limit("limit", 100, LEVELS_MAX)?;
    catch_up(state, symbol, request.now_ms);
    let snapshot = state.snapshot(symbol, limit);
    let rules = state.symbol(symbol);
    json(&Depth {
        last_update_id: snapshot.update_id,
        bids: levels(rules, &snapshot.bids),
        asks: levels(rules, &snapshot.asks),
    })
}

/// What `depth` weighs: the deeper the dearer.
pub(super) fn depth_weight(params: &Params<'_>) -> u64 {
    match params.limit("limit", 100, LEVELS_MAX) {
        Ok(0..=100) | Err(_) => 5,
        Ok(101..=500) => 25,
        Ok(501..=1_000) => 50,
        Ok(_) => 250,
    }
}

/// `trades.recent`.
pub(super) fn trades(state: &mut State, request: &Request<'_>) -> Answer {
    let symbol = request.symbol(state)?;
    let limit = request.params.limit("limit", 500, 1_000)? as u64;
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

/// `trades.historical`: from an id on, or the latest.
pub(super) fn historical_trades(state: &mut State, request: &Request<'_>) -> Answer {
    let Some(from) = request.params.number::<u64>("fromId")? else { return trades(state, request) };
    let symbol = request.symbol(state)?;
    let limit = request.params.limit("limit", 500, 1_000)?;
    let later = state.history.trades_from(from.saturating_sub(1)).map(|(_, trade)| trade);
    let meant = later.filter(|trade| trade.symbol == symbol && trade.id >= from).take(limit);
    let rules = state.symbol(symbol);
    json(&meant.map(|trade| PublicTrade::new(rules, trade)).collect::<Vec<_>>())
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
    time: Moment,
    m: bool,
    #[serde(rename = "M")]
    best: bool,
}

/// `trades.aggregate`: the latest, or those from an id or a time on.
pub(super) fn agg_trades(state: &mut State, request: &Request<'_>) -> Answer {
    let symbol = request.symbol(state)?;
    let params = request.params;
    let limit = params.limit("limit", 500, 1_000)?;
    let from: Option<u64> = params.number("fromId")?;
    let (start, end): (Option<i64>, Option<i64>) = (params.number("startTime")?, params.number("endTime")?);
    if from.is_some() && (start.is_some() || end.is_some()) {
        return Err(ApiError::bad_combination());
    }
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
            time: Moment(trade.time_ms),
            m: trade.buyer_is_maker,
            best: true,
        });
    }
    out
}
