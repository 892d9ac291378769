//! Placing, cancelling and looking up orders.

use serde::Serialize;

use super::order_rules::{self, Detail, client_id, received};
use super::views::{OrderView, expiry_reason, order_view, stp_word, type_words};
use crate::simulator::binance::error::ApiError;
use crate::simulator::binance::numbers::Fixed;
use crate::simulator::binance::route::{Answer, Request, json};
use crate::simulator::engine::{AccountId, ClientId, Event, Life, Order, OrderId, SymbolId, Target};
use crate::simulator::ledger::history::OrderRecord;
use crate::simulator::publish::publish;
use crate::simulator::state::{State, Symbol};
use crate::simulator::symbols::Product;

/// Answer to a placed order at its shortest.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Ack<'a> {
    symbol: &'a str,
    order_id: u64,
    order_list_id: i64,
    client_order_id: &'a str,
    transact_time: i64,
}

/// Answer to a placed or cancelled order.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OrderResult<'a> {
    symbol: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    orig_client_order_id: Option<&'a str>,
    order_id: u64,
    order_list_id: i64,
    client_order_id: &'a str,
    transact_time: i64,
    price: Fixed,
    orig_qty: Fixed,
    executed_qty: Fixed,
    orig_quote_order_qty: Fixed,
    cummulative_quote_qty: Fixed,
    status: &'static str,
    time_in_force: &'static str,
    r#type: &'static str,
    side: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    working_time: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fills: Option<Vec<FillView<'a>>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    prevented_matches: Vec<PreventedView>,
    self_trade_prevention_mode: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    expiry_reason: Option<&'static str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FillView<'a> {
    price: Fixed,
    qty: Fixed,
    commission: Fixed,
    commission_asset: &'a str,
    trade_id: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PreventedView {
    prevented_match_id: u64,
    maker_order_id: u64,
    price: Fixed,
    maker_prevented_quantity: Fixed,
}

/// `order.place`.
pub(super) fn place(state: &mut State, request: &Request<'_>) -> Answer {
    let (new, detail) = order_rules::read(state, request)?;
    let order = state.place(&new)?;
    state.orders_mut(new.account, Product::Spot).accepted(request.now_ms);
    let symbol = state.symbol(order.symbol);
    if detail == Detail::Ack {
        return json(&Ack {
            symbol: &symbol.spec.name,
            order_id: order.id.0,
            order_list_id: -1,
            client_order_id: order.client.as_str(),
            transact_time: request.now_ms,
        });
    }
    let mut result = order_result(symbol, &order, request.now_ms);
    result.working_time = Some(order.created_ms);
    result.prevented_matches = prevented_matches(symbol, &state.events);
    if detail == Detail::Full {
        result.fills = Some(fills(symbol, &order, &state.events));
    }
    json(&result)
}

/// `order.test`: all checks, no order.
pub(super) fn test(state: &mut State, request: &Request<'_>) -> Answer {
    order_rules::read(state, request)?;
    Ok(b"{}".to_vec())
}

/// `order.cancel`.
pub(super) fn cancel(state: &mut State, request: &Request<'_>) -> Answer {
    let symbol = request.symbol(state)?;
    let target = target(request)?.ok_or_else(|| ApiError::mandatory("orderId"))?;
    let restriction = request.params.get("cancelRestrictions");
    let order = state.engine().find(request.account(), symbol, target).ok_or(ApiError::unknown_order())?;
    same_client(request, &order)?;
    match restriction {
        Some("ONLY_NEW") if order.filled > 0 => return Err(ApiError::cancel_restricted()),
        Some("ONLY_PARTIALLY_FILLED") if order.filled == 0 => return Err(ApiError::cancel_restricted()),
        None | Some("ONLY_NEW" | "ONLY_PARTIALLY_FILLED") => {}
        Some(_) => return Err(ApiError::bad_cancel_restrictions()),
    }
    if state.faults.refuses_cancels(symbol) {
        return Err(ApiError::overloaded());
    }
    let (order, cancel_id) = cancel_open(state, request, order.id)?;
    json(&cancelled(state.symbol(symbol), &order, &cancel_id, request.now_ms))
}

/// `openOrders.cancelAll`, on one symbol.
pub(super) fn cancel_all(state: &mut State, request: &Request<'_>) -> Answer {
    let symbol = request.symbol(state)?;
    if state.faults.refuses_cancels(symbol) {
        return Err(ApiError::overloaded());
    }
    let mut ids: Vec<OrderId> = state
        .engine()
        .open_orders()
        .filter(|order| order.account == request.account() && order.symbol == symbol)
        .map(|order| order.id)
        .collect();
    if ids.is_empty() {
        return Err(ApiError::unknown_order());
    }
    ids.sort_unstable();
    let mut done = Vec::with_capacity(ids.len());
    for id in ids {
        done.push(cancel_open(state, request, id)?);
        publish(state, request.now_ms);
    }
    let symbol = state.symbol(symbol);
    let views: Vec<_> =
        done.iter().map(|(order, cancel_id)| cancelled(symbol, order, cancel_id, request.now_ms)).collect();
    json(&views)
}

/// `order.status`.
pub(super) fn status(state: &mut State, request: &Request<'_>) -> Answer {
    let symbol = request.symbol(state)?;
    let target = target(request)?.ok_or_else(|| ApiError::mandatory("orderId"))?;
    let record = find(state, request.account(), symbol, target).ok_or(ApiError::no_such_order())?;
    same_client(request, &record.order)?;
    json(&order_view(state.symbol(symbol), &record))
}

/// `openOrders.status`, of one symbol or of all.
pub(super) fn open_orders(state: &mut State, request: &Request<'_>) -> Answer {
    let symbol = request.params.get("symbol").map(|_| request.symbol(state)).transpose()?;
    let mut open: Vec<OrderRecord> = state
        .engine()
        .open_orders()
        .filter(|order| {
            order.account == request.account() && symbol.is_none_or(|symbol| order.symbol == symbol)
        })
        .map(|order| record(state, *order))
        .collect();
    open.sort_unstable_by_key(|record| record.order.id);
    let views: Vec<_> =
        open.iter().map(|record| order_view(state.symbol(record.order.symbol), record)).collect();
    json(&views)
}

/// `allOrders`: the latest, or those from an order number on.
pub(super) fn all_orders(state: &mut State, request: &Request<'_>) -> Answer {
    let symbol = request.symbol(state)?;
    let limit = request.params.number("limit")?.unwrap_or(500_usize).min(1_000);
    let from: Option<u64> = request.params.number("orderId")?;
    let start: Option<i64> = request.params.number("startTime")?;
    let end: Option<i64> = request.params.number("endTime")?;
    let own = |record: &&OrderRecord| {
        let order = &record.order;
        order.account == request.account()
            && order.symbol == symbol
            && start.is_none_or(|start| order.created_ms >= start)
            && end.is_none_or(|end| order.created_ms <= end)
    };
    let records: Vec<&OrderRecord> = match from {
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
        records.into_iter().map(|record| order_view(state.symbol(symbol), record)).collect();
    json(&views)
}

/// Which order is meant: the venue's number counts before the client's id.
fn target(request: &Request<'_>) -> Result<Option<Target>, ApiError> {
    if let Some(id) = request.params.number("orderId")? {
        return Ok(Some(Target::Id(OrderId(id))));
    }
    let client = request.params.get("origClientOrderId");
    client.map(|text| client_id("origClientOrderId", text).map(Target::Client)).transpose()
}

/// Where both ids are given, they must be one order's.
fn same_client(request: &Request<'_>, order: &Order) -> Result<(), ApiError> {
    match request.params.get("origClientOrderId") {
        Some(client) if client != order.client.as_str() => Err(ApiError::client_id_differs()),
        Some(_) | None => Ok(()),
    }
}

fn cancel_open(state: &mut State, request: &Request<'_>, id: OrderId) -> Result<(Order, ClientId), ApiError> {
    let cancel_id = match request.params.get("newClientOrderId") {
        Some(text) => client_id("newClientOrderId", text)?,
        None => state.make_client_id(),
    };
    let order = state.cancel(id, request.now_ms).ok_or(ApiError::unknown_order())?;
    state.cancel_id = Some(cancel_id);
    Ok((order, cancel_id))
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

fn order_result<'a>(symbol: &'a Symbol, order: &'a Order, now_ms: i64) -> OrderResult<'a> {
    let (r#type, time_in_force) = type_words(order.life);
    OrderResult {
        symbol: &symbol.spec.name,
        orig_client_order_id: None,
        order_id: order.id.0,
        order_list_id: -1,
        client_order_id: order.client.as_str(),
        transact_time: now_ms,
        price: symbol.price(order.price),
        orig_qty: symbol.qty(order.qty),
        executed_qty: symbol.qty(order.filled),
        orig_quote_order_qty: Fixed::ZERO,
        cummulative_quote_qty: symbol.quote(order.quote),
        status: order.status.as_str(),
        time_in_force,
        r#type,
        side: order.side.as_str(),
        working_time: None,
        fills: None,
        prevented_matches: Vec::new(),
        self_trade_prevention_mode: stp_word(order.stp),
        expiry_reason: expiry_reason(order),
    }
}

fn cancelled<'a>(
    symbol: &'a Symbol,
    order: &'a Order,
    cancel_id: &'a ClientId,
    now_ms: i64,
) -> OrderResult<'a> {
    let mut result = order_result(symbol, order, now_ms);
    result.orig_client_order_id = Some(order.client.as_str());
    result.client_order_id = cancel_id.as_str();
    result
}

fn fills<'a>(symbol: &'a Symbol, order: &Order, events: &[Event]) -> Vec<FillView<'a>> {
    if order.life == Life::Gtx {
        return Vec::new();
    }
    let fill = |event: &Event| match event {
        Event::Traded(trade) => Some(FillView {
            price: symbol.price(trade.price),
            qty: symbol.qty(trade.qty),
            commission: Fixed::ZERO,
            commission_asset: received(symbol, order.side),
            trade_id: trade.id,
        }),
        Event::Accepted { .. }
        | Event::Prevented(_)
        | Event::Amended { .. }
        | Event::Modified { .. }
        | Event::Ended { .. }
        | Event::Level { .. }
        | Event::Position { .. }
        | Event::Balance { .. }
        | Event::Wiped => None,
    };
    events.iter().filter_map(fill).collect()
}

fn prevented_matches(symbol: &Symbol, events: &[Event]) -> Vec<PreventedView> {
    let view = |event: &Event| match event {
        Event::Prevented(prevented) => prevented.maker.taken.map(|taken| PreventedView {
            prevented_match_id: prevented.id,
            maker_order_id: prevented.maker.order.id.0,
            price: symbol.price(prevented.price),
            maker_prevented_quantity: symbol.qty(taken.qty),
        }),
        Event::Accepted { .. }
        | Event::Traded(_)
        | Event::Amended { .. }
        | Event::Modified { .. }
        | Event::Ended { .. }
        | Event::Level { .. }
        | Event::Position { .. }
        | Event::Balance { .. }
        | Event::Wiped => None,
    };
    events.iter().filter_map(view).collect()
}
