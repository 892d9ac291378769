//! Placing, modifying and cancelling orders.

use schemas::order::OrderStatus;
use serde_json::json;

use super::filters::{self, Sized};
use super::lookup::find_open;
use super::order_rules::{self, Detail, Read};
use super::refusal;
use super::views::{Shown, at_acceptance, order_view, parse_side};
use crate::simulator::binance::error::ApiError;
use crate::simulator::binance::route::{self, Answer, Request};
use crate::simulator::engine::{AccountId, Command, Done, Order, OrderId, SymbolId};
use crate::simulator::ledger::history::OrderRecord;
use crate::simulator::publish::publish;
use crate::simulator::state::State;
use crate::simulator::symbols::Product;

/// `order.place`.
pub(super) fn place(state: &mut State, request: &Request<'_>) -> Answer {
    let account = request.account();
    let read = order_rules::read(state, request)?;
    state.orders_mut(account, Product::UsdM).check(request.now_ms)?;
    let answer = take_in(state, &read, request.now_ms)?;
    state.orders_mut(account, Product::UsdM).accepted(request.now_ms);
    Ok(answer)
}

/// Places an order that something else counts.
pub(super) fn place_uncounted(state: &mut State, request: &Request<'_>) -> Answer {
    let read = order_rules::read(state, request)?;
    take_in(state, &read, request.now_ms)
}

fn take_in(state: &mut State, read: &Read, now_ms: i64) -> Answer {
    state.owners.admit(read.new.account, read.new.symbol, &read.new.client)?;
    let order = state.place(&read.new).map_err(refusal::of_engine)?;
    state.usdm.note(order.id, read.particulars);
    let shown = match read.detail {
        Detail::Ack => at_acceptance(order),
        Detail::Result => order,
    };
    show(state, shown, Shown::Placed, now_ms)
}

/// `order/test`: all checks, no order.
pub(super) fn test(state: &mut State, request: &Request<'_>) -> Answer {
    order_rules::read(state, request)?;
    Ok(b"{}".to_vec())
}

/// `order.modify`.
pub(super) fn modify(state: &mut State, request: &Request<'_>) -> Answer {
    let account = request.account();
    state.orders_mut(account, Product::UsdM).check(request.now_ms)?;
    let answer = modify_uncounted(state, request)?;
    state.orders_mut(account, Product::UsdM).accepted(request.now_ms);
    Ok(answer)
}

/// Modifies an order; something else counts it. Its self-trade prevention stays as it is.
pub(super) fn modify_uncounted(state: &mut State, request: &Request<'_>) -> Answer {
    let before = find_open(state, request)?.ok_or(ApiError::no_such_order())?;
    // It may trade at its new price.
    order_rules::check_status(state.symbol(before.symbol).rules.status)?;
    let side = parse_side(request.params.required("side")?).ok_or(ApiError::bad_side())?;
    if side != before.side {
        return Err(ApiError::bad_side());
    }
    let rules = state.symbol(before.symbol);
    let qty = filters::qty(request.params, rules)?;
    let price = filters::price(request.params, rules)?;
    let (kind, reduce_only) = (before.kind, before.reduce_only);
    filters::check(state, before.symbol, &Sized { side, kind, price, qty, reduce_only })?;
    let command = Command::Modify { id: before.id, price, qty, now_ms: request.now_ms };
    match state.apply(&command).map_err(refusal::of_engine)? {
        Done::Order(order) => {
            if order.amends > before.amends {
                state.usdm.amended(before, order, request.now_ms);
            }
            show(state, order, Shown::Placed, request.now_ms)
        }
        Done::Nothing | Done::Asset(_) | Done::Account(_) | Done::Symbol(_) => {
            unreachable!("an order is answered with an order")
        }
    }
}

/// `order.cancel`.
pub(super) fn cancel(state: &mut State, request: &Request<'_>) -> Answer {
    let order = find_open(state, request)?.ok_or(ApiError::unknown_order())?;
    cancel_found(state, &order, request.now_ms)
}

/// Cancels an open order and shows it.
pub(super) fn cancel_found(state: &mut State, order: &Order, now_ms: i64) -> Answer {
    if state.faults.refuses_cancels(order.symbol) {
        return Err(ApiError::overloaded());
    }
    let order = state.cancel(order.id, now_ms).ok_or(ApiError::unknown_order())?;
    show(state, order, Shown::Cancelled, now_ms)
}

/// `allOpenOrders`: all of a symbol, none of them named.
pub(super) fn cancel_all(state: &mut State, request: &Request<'_>) -> Answer {
    let symbol = request.symbol(state)?;
    if state.faults.refuses_cancels(symbol) {
        return Err(ApiError::overloaded());
    }
    cancel_symbol(state, request.account(), symbol, request.now_ms);
    route::json(&json!({"code": 200, "msg": "The operation of cancel all open order is done."}))
}

/// Cancels all of an account's orders on a symbol, the oldest first.
pub(super) fn cancel_symbol(state: &mut State, account: AccountId, symbol: SymbolId, now_ms: i64) {
    let own = state.engine().open_orders_of_account(account).filter(|order| order.symbol == symbol);
    let mut ids: Vec<OrderId> = own.map(|order| order.id).collect();
    ids.sort_unstable();
    for id in ids {
        if state.cancel(id, now_ms).is_some() {
            publish(state, now_ms);
        }
    }
}

/// Expires the GTD orders whose time is over.
pub(super) fn expire_due(state: &mut State, now_ms: i64) {
    for id in state.usdm.ends_due(now_ms) {
        let is_open = state
            .engine()
            .order(id)
            .is_some_and(|order| matches!(order.status, OrderStatus::New | OrderStatus::PartiallyFilled));
        if is_open && state.apply(&Command::Expire { id }).is_ok() {
            publish(state, now_ms);
        }
    }
}

fn show(state: &State, order: Order, shown: Shown, now_ms: i64) -> Answer {
    route::json(&order_view(state, &OrderRecord { order, updated_ms: now_ms }, shown))
}
