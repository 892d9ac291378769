//! `order.amend.keepPriority`: an open order becomes smaller and stays where it is in the queue; and what is
//! remembered of it, `order.amendments`.

use std::collections::VecDeque;

use serde::Serialize;

use super::filters::{self, AMENDS_MAX};
use super::order_rules::steps;
use super::orders::{named_or_made, same_client, target};
use super::views::{original_quote_qty, stp_word, type_words};
use crate::simulator::binance::error::ApiError;
use crate::simulator::binance::numbers::Fixed;
use crate::simulator::binance::route::{Answer, Request, json};
use crate::simulator::binance::time::Moment;
use crate::simulator::engine::{ClientId, Command, Done, Event, Order, OrderId};
use crate::simulator::state::{State, Symbol};

/// Amendments that are remembered; then the oldest are forgotten.
const KEPT: usize = 100_000;

/// One of them.
#[derive(Clone, Copy, Debug)]
struct Record {
    order: Order,
    before: ClientId,
    qty_before: i64,
    execution: u64,
    time_ms: i64,
}

/// The latest of them, oldest first.
#[derive(Debug, Default)]
pub(in crate::simulator) struct Amendments(VecDeque<Record>);

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Amendment<'a> {
    symbol: &'a str,
    order_id: u64,
    execution_id: u64,
    orig_client_order_id: &'a str,
    new_client_order_id: &'a str,
    orig_qty: Fixed,
    new_qty: Fixed,
    time: Moment,
}

/// `order.amendments`: those of one order, from a report's number on.
pub(super) fn amendments(state: &mut State, request: &Request<'_>) -> Answer {
    let params = request.params;
    let symbol = request.symbol(state)?;
    let order: u64 = params.number("orderId")?.ok_or_else(|| ApiError::mandatory("orderId"))?;
    let from: u64 = params.number("fromExecutionId")?.unwrap_or(0);
    let limit = params.limit("limit", 500, 1_000)?;
    let meant = |record: &&Record| {
        let own = &record.order;
        own.account == request.account()
            && (own.symbol, own.id.0) == (symbol, order)
            && record.execution >= from
    };
    let rules = state.symbol(symbol);
    let told = state.amendments.0.iter().filter(meant).take(limit).map(|record| Amendment {
        symbol: &rules.spec.name,
        order_id: record.order.id.0,
        execution_id: record.execution,
        orig_client_order_id: record.before.as_str(),
        new_client_order_id: record.order.client.as_str(),
        orig_qty: rules.qty(record.qty_before),
        new_qty: rules.qty(record.order.qty),
        time: Moment(record.time_ms),
    });
    json(&told.collect::<Vec<_>>())
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Amended<'a> {
    transact_time: Moment,
    execution_id: u64,
    amended_order: View<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct View<'a> {
    symbol: &'a str,
    order_id: u64,
    order_list_id: i64,
    orig_client_order_id: &'a str,
    client_order_id: &'a str,
    price: Fixed,
    qty: Fixed,
    executed_qty: Fixed,
    prevented_qty: Fixed,
    quote_order_qty: Fixed,
    cumulative_quote_qty: Fixed,
    status: &'static str,
    time_in_force: &'static str,
    r#type: &'static str,
    side: &'static str,
    working_time: Moment,
    self_trade_prevention_mode: &'static str,
}

/// Carries it out.
pub(super) fn amend(state: &mut State, request: &Request<'_>) -> Answer {
    let params = request.params;
    let symbol = request.symbol(state)?;
    let target = target(params, "orderId", "origClientOrderId")?;
    let target = target.ok_or_else(|| ApiError::neither("origClientOrderId", "orderId"))?;
    let qty = params.decimal("newQty")?.ok_or_else(|| ApiError::mandatory("newQty"))?;
    let qty = steps(qty, state.symbol(symbol).spec.qty_decimals, "newQty", "LOT_SIZE")?;
    let order = state.engine().find(request.account(), symbol, target);
    let order = order.ok_or_else(|| ApiError::amend_refused("Unknown order sent."))?;
    same_client(params, "origClientOrderId", &order)?;
    filters::qty(&state.symbol(symbol).rules, true, qty)?;
    if order.amends >= AMENDS_MAX {
        return Err(ApiError::filter("MAX_NUM_ORDER_AMENDS"));
    }
    if qty == order.qty {
        let words = "The requested action would change no state; rejecting.";
        return Err(ApiError::amend_refused(words));
    }
    let client = named_or_made(state, params, "newClientOrderId")?;
    let command = Command::Amend { id: order.id, qty, client: Some(client), now_ms: request.now_ms };
    let Done::Order(after) = state.apply(&command)? else {
        unreachable!("an amendment is answered with the order")
    };
    let execution = execution(&state.events, after.id);
    if state.amendments.0.len() >= KEPT {
        state.amendments.0.pop_front();
    }
    state.amendments.0.push_back(Record {
        order: after,
        before: order.client,
        qty_before: order.qty,
        execution,
        time_ms: request.now_ms,
    });
    let amended = view(state.symbol(symbol), &after, &order.client);
    json(&Amended { transact_time: Moment(request.now_ms), execution_id: execution, amended_order: amended })
}

/// The number of the amendment's report.
fn execution(events: &[Event], order: OrderId) -> u64 {
    let of_amendment = |event: &Event| match event {
        Event::Amended { order: own, execution, .. } => (own.id == order).then_some(*execution),
        Event::Accepted { .. }
        | Event::Traded(_)
        | Event::Prevented(_)
        | Event::Modified { .. }
        | Event::Ended { .. }
        | Event::Level { .. }
        | Event::Position { .. }
        | Event::Balance { .. }
        | Event::Wiped => None,
    };
    events.iter().find_map(of_amendment).unwrap_or(0)
}

fn view<'a>(symbol: &'a Symbol, order: &'a Order, before: &'a ClientId) -> View<'a> {
    let (r#type, time_in_force) = type_words(order);
    View {
        symbol: &symbol.spec.name,
        order_id: order.id.0,
        order_list_id: -1,
        orig_client_order_id: before.as_str(),
        client_order_id: order.client.as_str(),
        price: symbol.price(order.price),
        qty: symbol.qty(order.qty),
        executed_qty: symbol.qty(order.filled),
        prevented_qty: symbol.qty(order.prevented),
        quote_order_qty: original_quote_qty(symbol, order),
        cumulative_quote_qty: symbol.quote(order.quote),
        status: order.status.as_str(),
        time_in_force,
        r#type,
        side: order.side.as_str(),
        working_time: Moment(order.created_ms),
        self_trade_prevention_mode: stp_word(order.stp),
    }
}
