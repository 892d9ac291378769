//! Looking orders up.

use super::orders::{same_client, target};
use super::views::{OrderView, whole_order_view};
use crate::simulator::binance::error::ApiError;
use crate::simulator::binance::params::Params;
use crate::simulator::binance::route::{Answer, Request, json};
use crate::simulator::engine::{AccountId, Order, SymbolId, Target};
use crate::simulator::ledger::history::OrderRecord;
use crate::simulator::state::State;

/// Longest time between `startTime` and `endTime` of lists that are an account's.
const SPAN_HOURS: i64 = 24;

/// `order.status`.
pub(super) fn status(state: &mut State, request: &Request<'_>) -> Answer {
    let symbol = request.symbol(state)?;
    let target = target(request.params, "orderId", "origClientOrderId")?;
    let target = target.ok_or_else(|| ApiError::neither("origClientOrderId", "orderId"))?;
    let record = find(state, request.account(), symbol, target).ok_or(ApiError::no_such_order())?;
    same_client(request.params, "origClientOrderId", &record.order)?;
    json(&whole_order_view(state, &record))
}

/// `openOrders.status`, of one symbol or of all.
pub(super) fn open_orders(state: &mut State, request: &Request<'_>) -> Answer {
    let symbol = request.params.get("symbol").map(|_| request.symbol(state)).transpose()?;
    let own = state.engine().open_orders_of_account(request.account());
    let meant = own.filter(|order| symbol.is_none_or(|symbol| order.symbol == symbol));
    let mut open: Vec<OrderRecord> = meant.map(|order| record(state, *order)).collect();
    open.sort_unstable_by_key(|record| record.order.id);
    json(&open.iter().map(|record| whole_order_view(state, record)).collect::<Vec<_>>())
}

/// `allOrders`: the latest, or those from an order number on.
pub(super) fn all_orders(state: &mut State, request: &Request<'_>) -> Answer {
    let symbol = request.symbol(state)?;
    let limit = request.params.limit("limit", 500, 1_000)?;
    let from: Option<u64> = request.params.number("orderId")?;
    let (start, end) = span(request.params)?;
    let own = |record: &&OrderRecord| {
        let order = &record.order;
        order.account == request.account()
            && order.symbol == symbol
            && start.is_none_or(|start| order.created_ms >= start)
            && end.is_none_or(|end| order.created_ms <= end)
    };
    let forward = from.or(start.map(|_| 0));
    let records: Vec<&OrderRecord> = match forward {
        Some(from) => {
            let all = state.history.orders_from(from.saturating_sub(1)).map(|(_, record)| record);
            all.filter(own).take(limit).collect()
        }
        None => {
            let mut latest: Vec<_> = state.history.orders_newest_first().filter(own).take(limit).collect();
            latest.reverse();
            latest
        }
    };
    let views: Vec<OrderView<'_>> =
        records.into_iter().map(|record| whole_order_view(state, record)).collect();
    json(&views)
}

/// What is asked of the time: `startTime` and `endTime`, no further apart than a day where both are given.
pub(super) fn span(params: &Params<'_>) -> Result<(Option<i64>, Option<i64>), ApiError> {
    let (start, end): (Option<i64>, Option<i64>) = (params.number("startTime")?, params.number("endTime")?);
    match start.zip(end) {
        Some((start, end)) if end - start > SPAN_HOURS * 3_600_000 => {
            Err(ApiError::span_too_long(SPAN_HOURS))
        }
        Some(_) | None => Ok((start, end)),
    }
}

/// What `openOrders.status` weighs.
pub(super) fn open_orders_weight(params: &Params<'_>) -> u64 {
    if params.get("symbol").is_some() { 6 } else { 80 }
}

/// An order of the account, open or ended. The engine knows every open one; history may have forgotten it.
fn find(state: &State, account: AccountId, symbol: SymbolId, target: Target) -> Option<OrderRecord> {
    if let Some(order) = state.engine().find(account, symbol, target) {
        return Some(record(state, order));
    }
    let record = match target {
        Target::Id(id) => state.history.order(id)?,
        Target::Client(client) => state.history.order_of_client(account, client)?,
    };
    (record.order.account == account && record.order.symbol == symbol).then_some(*record)
}

/// An open order with what history knows beside it.
fn record(state: &State, order: Order) -> OrderRecord {
    let updated_ms = state.history.order(order.id).map_or(order.created_ms, |record| record.updated_ms);
    OrderRecord { order, updated_ms }
}
