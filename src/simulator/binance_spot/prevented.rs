//! Matches that self-trade prevention stopped: what is remembered of them, and `myPreventedMatches`.

use std::collections::VecDeque;

use serde::Serialize;

use super::views::stp_word;
use crate::simulator::binance::error::ApiError;
use crate::simulator::binance::numbers::Fixed;
use crate::simulator::binance::params::Params;
use crate::simulator::binance::route::{Answer, Request, json};
use crate::simulator::binance::time::Moment;
use crate::simulator::engine::{AccountId, Order, OrderId, Prevented, StpMode, SymbolId};
use crate::simulator::state::{State, Symbol};

/// Matches that are remembered; then the oldest are forgotten.
const KEPT: usize = 100_000;

/// One of them.
#[derive(Clone, Copy, Debug)]
struct Record {
    id: u64,
    symbol: SymbolId,
    mode: StpMode,
    price: i64,
    maker: Side,
    taker: Side,
    group: i64,
    time_ms: i64,
}

/// One order's part in it.
#[derive(Clone, Copy, Debug)]
struct Side {
    account: AccountId,
    order: OrderId,
    /// Lots that were taken off it.
    taken: Option<i64>,
}

/// The latest of them, oldest first.
#[derive(Debug, Default)]
pub(in crate::simulator) struct PreventedMatches(VecDeque<Record>);

impl PreventedMatches {
    /// Remembers one.
    pub(in crate::simulator) fn add(&mut self, prevented: &Prevented, now_ms: i64) {
        if self.0.len() >= KEPT {
            self.0.pop_front();
        }
        let side =
            |order: &Order, taken: Option<i64>| Side { account: order.account, order: order.id, taken };
        self.0.push_back(Record {
            id: prevented.id,
            symbol: prevented.symbol,
            mode: prevented.mode,
            price: prevented.price,
            maker: side(&prevented.maker.order, prevented.maker.taken.map(|taken| taken.qty)),
            taker: side(&prevented.taker.order, prevented.taker.taken.map(|taken| taken.qty)),
            group: group(prevented.trade_group),
            time_ms: now_ms,
        });
    }

    /// The last one that took something off that order.
    pub(super) fn last_of(&self, order: &Order) -> Option<u64> {
        if order.prevented == 0 {
            return None;
        }
        let meant = |side: &Side| side.order == order.id && side.taken.is_some();
        let mut newest = self.0.iter().rev();
        newest.find(|record| meant(&record.maker) || meant(&record.taker)).map(|record| record.id)
    }
}

/// A trade group's number as the dialect writes it; -1 for none.
pub(super) fn group(group: Option<u32>) -> i64 {
    group.map_or(-1, i64::from)
}

/// Matches by number or by order are cheaper or dearer to find.
pub(super) fn weight(params: &Params<'_>) -> u64 {
    if params.get("orderId").is_some() { 20 } else { 2 }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct View<'a> {
    symbol: &'a str,
    prevented_match_id: u64,
    taker_order_id: u64,
    maker_symbol: &'a str,
    maker_order_id: u64,
    trade_group_id: i64,
    self_trade_prevention_mode: &'static str,
    price: Fixed,
    #[serde(skip_serializing_if = "Option::is_none")]
    taker_prevented_quantity: Option<Fixed>,
    #[serde(skip_serializing_if = "Option::is_none")]
    maker_prevented_quantity: Option<Fixed>,
    transact_time: Moment,
}

/// `myPreventedMatches`: by the match's number, or by an order's, then also from a match on.
pub(super) fn my_prevented_matches(state: &mut State, request: &Request<'_>) -> Answer {
    let symbol = request.symbol(state)?;
    let (params, account) = (request.params, request.account());
    let id: Option<u64> = params.number("preventedMatchId")?;
    let order: Option<u64> = params.number("orderId")?;
    let from: Option<u64> = params.number("fromPreventedMatchId")?;
    let legal = match (id, order, from) {
        (Some(_), None, None) => params.get("limit").is_none(),
        (None, Some(_), None) => params.get("limit").is_none(),
        (None, Some(_), Some(_)) => true,
        (Some(_) | None, _, _) => false,
    };
    if !legal {
        return Err(ApiError::bad_combination());
    }
    let limit = params.limit("limit", 500, 1_000)?;
    let meant = |record: &&Record| {
        let sides = [&record.maker, &record.taker];
        record.symbol == symbol
            && sides.iter().any(|side| side.account == account)
            && id.is_none_or(|id| record.id == id)
            && order.is_none_or(|order| sides.iter().any(|side| side.order.0 == order))
            && from.is_none_or(|from| record.id >= from)
    };
    let rules = state.symbol(symbol);
    let records = state.prevented.0.iter().filter(meant).take(limit);
    json(&records.map(|record| view(rules, record)).collect::<Vec<_>>())
}

fn view<'a>(symbol: &'a Symbol, record: &Record) -> View<'a> {
    View {
        symbol: &symbol.spec.name,
        prevented_match_id: record.id,
        taker_order_id: record.taker.order.0,
        maker_symbol: &symbol.spec.name,
        maker_order_id: record.maker.order.0,
        trade_group_id: record.group,
        self_trade_prevention_mode: stp_word(record.mode),
        price: symbol.price(record.price),
        taker_prevented_quantity: record.taker.taken.map(|lots| symbol.qty(lots)),
        maker_prevented_quantity: record.maker.taken.map(|lots| symbol.qty(lots)),
        transact_time: Moment(record.time_ms),
    }
}
