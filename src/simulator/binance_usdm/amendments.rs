//! What orders were before they were modified.

use std::collections::VecDeque;

use serde::Serialize;

use super::desk::Desk;
use crate::simulator::binance::numbers::Fixed;
use crate::simulator::binance::route::{Answer, Request, json};
use crate::simulator::engine::{ClientId, Order, OrderId};
use crate::simulator::state::{State, Symbol};

/// Modifications that are kept; older ones are forgotten.
const KEPT: usize = 10_000;
/// Most modifications of one answer.
const LIMIT_MAX: usize = 100;

/// One modification.
#[derive(Clone, Copy, Debug)]
struct Amendment {
    id: u64,
    before: Order,
    after: Order,
    time_ms: i64,
}

/// The latest modifications of all orders.
#[derive(Debug, Default)]
pub(super) struct Amendments {
    made: u64,
    kept: VecDeque<Amendment>,
}

impl Desk {
    /// Keeps what an order was before it was modified.
    pub(super) fn amended(&mut self, before: Order, after: Order, time_ms: i64) {
        let list = &mut self.amendments;
        list.made += 1;
        if list.kept.len() == KEPT {
            list.kept.pop_front();
        }
        list.kept.push_back(Amendment { id: list.made, before, after, time_ms });
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AmendmentView<'a> {
    amendment_id: u64,
    symbol: &'a str,
    pair: &'a str,
    order_id: u64,
    client_order_id: &'a str,
    time: i64,
    amendment: Changes,
    price_match: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Changes {
    price: Change,
    orig_qty: Change,
    count: u32,
}

#[derive(Serialize)]
struct Change {
    before: Fixed,
    after: Fixed,
}

/// `orderAmendment`: those of a symbol or of one order, the latest first.
pub(super) fn list(state: &mut State, request: &Request<'_>) -> Answer {
    let symbol = request.symbol(state)?;
    let params = request.params;
    let order = params.number("orderId")?.map(OrderId);
    let client = params.get("origClientOrderId").and_then(ClientId::new);
    let limit = params.limit("limit", 50, LIMIT_MAX)?;
    let (start, end): (Option<i64>, Option<i64>) = (params.number("startTime")?, params.number("endTime")?);
    let is_meant = |own: &&Amendment| {
        own.after.symbol == symbol
            && own.after.account == request.account()
            && order.is_none_or(|order| own.after.id == order)
            && client.is_none_or(|client| own.after.client == client)
            && start.is_none_or(|start| own.time_ms >= start)
            && end.is_none_or(|end| own.time_ms <= end)
    };
    let rules = state.symbol(symbol);
    let latest = state.usdm.amendments.kept.iter().rev().filter(is_meant).take(limit);
    json(&latest.map(|own| view(rules, own)).collect::<Vec<_>>())
}

fn view<'a>(symbol: &'a Symbol, own: &'a Amendment) -> AmendmentView<'a> {
    let Amendment { before, after, .. } = own;
    AmendmentView {
        amendment_id: own.id,
        symbol: &symbol.spec.name,
        pair: &symbol.spec.name,
        order_id: after.id.0,
        client_order_id: after.client.as_str(),
        time: own.time_ms,
        amendment: Changes {
            price: Change { before: symbol.price(before.price), after: symbol.price(after.price) },
            orig_qty: Change { before: symbol.qty(before.qty), after: symbol.qty(after.qty) },
            count: after.amends,
        },
        price_match: "NONE",
    }
}
