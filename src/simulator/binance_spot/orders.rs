//! Placing, testing and cancelling orders.

use serde::Serialize;

use super::answers::{cancelled, placed};
use super::order_rules::{self, Placement, client_id, is_open};
use super::tags::Tag;
use crate::simulator::binance::error::ApiError;
use crate::simulator::binance::numbers::Fixed;
use crate::simulator::binance::params::Params;
use crate::simulator::binance::route::{Answer, Request, json};
use crate::simulator::engine::{ClientId, Order, OrderId, SymbolId, Target};
use crate::simulator::publish::publish;
use crate::simulator::state::State;
use crate::simulator::symbols::Product;

/// `order.place`.
pub(super) fn place(state: &mut State, request: &Request<'_>) -> Answer {
    let placement = order_rules::read(state, request)?;
    state.orders_mut(request.account(), Product::Spot).check(request.now_ms)?;
    place_checked(state, request, &placement)
}

/// Places an order that has passed all checks but the engine's.
pub(super) fn place_checked(state: &mut State, request: &Request<'_>, placement: &Placement) -> Answer {
    is_open(state, &placement.new)?;
    let new = &placement.new;
    state.owners.admit(new.account, new.symbol, &new.client)?;
    let order = state.place(new)?;
    state.orders_mut(order.account, Product::Spot).accepted(request.now_ms);
    state.tags.put(order.id, placement.tag);
    placed(state, &order, placement.detail, placement.tag.unwrap_or_default(), request.now_ms)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TestedOrder {
    standard_commission_for_order: Rates,
    special_commission_for_order: Rates,
    tax_commission_for_order: Rates,
    discount: super::account::Discount,
}

#[derive(Serialize)]
struct Rates {
    maker: Fixed,
    taker: Fixed,
}

/// `order.test`: all checks, no order; with `computeCommissionRates`, what a trade of it would cost.
pub(super) fn test(state: &mut State, request: &Request<'_>) -> Answer {
    let placement = order_rules::read(state, request)?;
    if request.params.flag("computeCommissionRates") != Some(true) {
        return Ok(b"{}".to_vec());
    }
    let (maker, taker) = super::account::rates(state, placement.new.symbol);
    let none = || Rates { maker: Fixed::ZERO, taker: Fixed::ZERO };
    json(&TestedOrder {
        standard_commission_for_order: Rates { maker, taker },
        special_commission_for_order: none(),
        tax_commission_for_order: none(),
        discount: super::account::Discount::NONE,
    })
}

/// What `order.test` weighs.
pub(super) fn test_weight(params: &Params<'_>) -> u64 {
    if params.flag("computeCommissionRates") == Some(true) { 20 } else { 1 }
}

/// `order.cancel`.
pub(super) fn cancel(state: &mut State, request: &Request<'_>) -> Answer {
    let symbol = request.symbol(state)?;
    let target = target(request.params, "orderId", "origClientOrderId")?;
    let target = target.ok_or_else(|| ApiError::neither("origClientOrderId", "orderId"))?;
    let open = cancellable(state, request, (symbol, target), "origClientOrderId")?;
    let cancel_id = named_or_made(state, request.params, "newClientOrderId")?;
    let order = cancel_open(state, request, open.id, cancel_id)?;
    json(&cancelled(state.symbol(symbol), &order, (&cancel_id, state.tags.of(order.id)), request.now_ms))
}

/// The open order that is meant, if its owner may cancel it now.
pub(super) fn cancellable(
    state: &State,
    request: &Request<'_>,
    (symbol, target): (SymbolId, Target),
    client_param: &str,
) -> Result<Order, ApiError> {
    let restriction = request.params.get("cancelRestrictions");
    if !matches!(restriction, None | Some("ONLY_NEW" | "ONLY_PARTIALLY_FILLED")) {
        return Err(ApiError::bad_cancel_restrictions());
    }
    let order = state.engine().find(request.account(), symbol, target).ok_or(ApiError::unknown_order())?;
    same_client(request.params, client_param, &order)?;
    let fits = match restriction {
        Some("ONLY_NEW") => order.filled == 0,
        Some("ONLY_PARTIALLY_FILLED") => order.filled > 0,
        Some(_) | None => true,
    };
    if !fits {
        return Err(ApiError::cancel_restricted());
    }
    if state.faults.refuses_cancels(symbol) {
        return Err(ApiError::overloaded());
    }
    Ok(order)
}

/// `openOrders.cancelAll`, on one symbol.
pub(super) fn cancel_all(state: &mut State, request: &Request<'_>) -> Answer {
    let symbol = request.symbol(state)?;
    if state.faults.refuses_cancels(symbol) {
        return Err(ApiError::overloaded());
    }
    let own = state.engine().open_orders_of_account(request.account());
    let mut ids: Vec<OrderId> = own.filter(|order| order.symbol == symbol).map(|order| order.id).collect();
    if ids.is_empty() {
        return Err(ApiError::unknown_order());
    }
    ids.sort_unstable();
    let mut done: Vec<(Order, ClientId, Tag)> = Vec::with_capacity(ids.len());
    for id in ids {
        let cancel_id = state.make_client_id();
        let order = cancel_open(state, request, id, cancel_id)?;
        done.push((order, cancel_id, state.tags.of(id)));
        publish(state, request.now_ms);
    }
    let symbol = state.symbol(symbol);
    let view = |(order, cancel_id, tag)| cancelled(symbol, order, (cancel_id, tag), request.now_ms);
    json(&done.iter().map(|(order, cancel_id, tag)| view((order, cancel_id, *tag))).collect::<Vec<_>>())
}

/// Which order is meant: the venue's number counts before the client's id.
pub(super) fn target(
    params: &Params<'_>,
    id: &'static str,
    client: &'static str,
) -> Result<Option<Target>, ApiError> {
    if let Some(id) = params.number(id)? {
        return Ok(Some(Target::Id(OrderId(id))));
    }
    params.get(client).map(|text| client_id(client, text).map(Target::Client)).transpose()
}

/// Where both ids are given, they must be one order's.
pub(super) fn same_client(params: &Params<'_>, client: &str, order: &Order) -> Result<(), ApiError> {
    match params.get(client) {
        Some(client) if client != order.client.as_str() => Err(ApiError::client_id_differs()),
        Some(_) | None => Ok(()),
    }
}

/// The client id that a parameter gives, or one of the venue's making.
pub(super) fn named_or_made(
    state: &mut State,
    params: &Params<'_>,
    name: &str,
) -> Result<ClientId, ApiError> {
    match params.get(name) {
        Some(text) => client_id(name, text),
        None => Ok(state.make_client_id()),
    }
}

pub(super) fn cancel_open(
    state: &mut State,
    request: &Request<'_>,
    id: OrderId,
    cancel_id: ClientId,
) -> Result<Order, ApiError> {
    let order = state.cancel(id, request.now_ms).ok_or(ApiError::unknown_order())?;
    state.cancel_id = Some(cancel_id);
    Ok(order)
}
