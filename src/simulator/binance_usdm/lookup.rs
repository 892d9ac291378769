//! Which order is meant, and what became of it.

use super::order_rules::client_id;
use super::views::{OrderView, Shown, order_view};
use crate::simulator::binance::error::ApiError;
use crate::simulator::binance::route::{Answer, Request, json};
use crate::simulator::engine::{AccountId, Order, OrderId, SymbolId, Target};
use crate::simulator::ledger::history::OrderRecord;
use crate::simulator::state::State;
use crate::simulator::symbols::Product;

/// Most orders of one answer.
const LIMIT_MAX: usize = 1_000;

/// `order.status`.
pub(super) fn status(state: &mut State, request: &Request<'_>) -> Answer {
    let symbol = request.symbol(state)?;
    let record = find(state, request.account(), symbol, target(request)?).ok_or(ApiError::no_such_order())?;
    json(&order_view(state, &record, Shown::Queried))
}

/// `openOrder`: the same, and only while it is open.
pub(super) fn open_order(state: &mut State, request: &Request<'_>) -> Answer {
    let order = find_open(state, request)?.ok_or(ApiError::no_such_order())?;
    json(&order_view(state, &record(state, order), Shown::Queried))
}

/// `openOrders`, of one symbol or of all.
pub(super) fn open_orders(state: &mut State, request: &Request<'_>) -> Answer {
    let symbol = request.params.get("symbol").map(|_| request.symbol(state)).transpose()?;
    let is_meant = |order: &&Order| {
        symbol.map_or_else(
            || state.symbol(order.symbol).spec.product == Product::UsdM,
            |symbol| order.symbol == symbol,
        )
    };
    let own = state.engine().open_orders_of_account(request.account());
    let mut open: Vec<_> = own.filter(is_meant).map(|order| record(state, *order)).collect();
    open.sort_unstable_by_key(|record| record.order.id);
    list(state, open.iter())
}

/// `allOrders`: the latest, or those from an order number or a time on.
pub(super) fn all_orders(state: &mut State, request: &Request<'_>) -> Answer {
    let symbol = request.symbol(state)?;
    let params = request.params;
    let limit = params.number("limit")?.unwrap_or(500_usize).min(LIMIT_MAX);
    let from: Option<u64> = params.number("orderId")?;
    let (start, end): (Option<i64>, Option<i64>) = (params.number("startTime")?, params.number("endTime")?);
    let is_meant = |record: &&OrderRecord| {
        let order = &record.order;
        order.account == request.account()
            && order.symbol == symbol
            && start.is_none_or(|start| order.created_ms >= start)
            && end.is_none_or(|end| order.created_ms <= end)
    };
    if let Some(from) = from {
        let all = state.history.orders_from(from.saturating_sub(1)).map(|(_, record)| record);
        return list(state, all.filter(is_meant).take(limit));
    }
    let mut latest: Vec<_> = state.history.orders_newest_first().filter(is_meant).take(limit).collect();
    latest.reverse();
    list(state, latest.into_iter())
}

fn list<'a>(state: &'a State, records: impl Iterator<Item = &'a OrderRecord>) -> Answer {
    let views: Vec<OrderView<'_>> = records.map(|record| order_view(state, record, Shown::Queried)).collect();
    json(&views)
}

/// The open order that a request means, if it is open; -1102 if it names none.
pub(super) fn find_open(state: &State, request: &Request<'_>) -> Result<Option<Order>, ApiError> {
    let symbol = request.symbol(state)?;
    Ok(state.engine().find(request.account(), symbol, target(request)?))
}

/// Which order is meant: the venue's number counts before the client's id.
fn target(request: &Request<'_>) -> Result<Target, ApiError> {
    if let Some(id) = request.params.number("orderId")? {
        return Ok(Target::Id(OrderId(id)));
    }
    client_id(request.params.required("origClientOrderId")?).map(Target::Client)
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
pub(super) fn record(state: &State, order: Order) -> OrderRecord {
    let updated_ms = state.history.order(order.id).map_or(order.created_ms, |record| record.updated_ms);
    OrderRecord { order, updated_ms }
}
