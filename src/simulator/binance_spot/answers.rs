//! What is answered about an order that was placed or cancelled.

use schemas::order::Side;
use serde::Serialize;

use super::order_rules::{Detail, received};
use super::prevented::group;
use super::tags::Tag;
use super::views::{amount, expiry_reason, original_quote_qty, stp_word, type_words};
use crate::simulator::binance::numbers::Fixed;
use crate::simulator::binance::route::{Answer, json};
use crate::simulator::binance::time::Moment;
use crate::simulator::engine::{ClientId, Event, Fill, Order, OrderId, Prevented, Trade};
use crate::simulator::state::{State, Symbol};

/// Answer to a placed order at its shortest.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Ack<'a> {
    symbol: &'a str,
    order_id: u64,
    order_list_id: i64,
    client_order_id: &'a str,
    transact_time: Moment,
}

/// Answer to a placed or cancelled order.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OrderResult<'a> {
    symbol: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    orig_client_order_id: Option<&'a str>,
    order_id: u64,
    order_list_id: i64,
    client_order_id: &'a str,
    transact_time: Moment,
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
    working_time: Option<Moment>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fills: Option<Vec<FillView<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    strategy_id: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    strategy_type: Option<i64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    prevented_matches: Vec<PreventedView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prevented_match_id: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prevented_quantity: Option<Fixed>,
    self_trade_prevention_mode: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    trade_group_id: Option<i64>,
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
    #[serde(skip_serializing_if = "Option::is_none")]
    taker_prevented_quantity: Option<Fixed>,
    #[serde(skip_serializing_if = "Option::is_none")]
    maker_prevented_quantity: Option<Fixed>,
}

/// The answer to an order that was taken in. What became of it is in the events that wait to be told.
pub(super) fn placed(state: &State, order: &Order, detail: Detail, tag: Tag, now_ms: i64) -> Answer {
    let symbol = state.symbol(order.symbol);
    if detail == Detail::Ack {
        return json(&Ack {
            symbol: &symbol.spec.name,
            order_id: order.id.0,
            order_list_id: -1,
            client_order_id: order.client.as_str(),
            transact_time: Moment(now_ms),
        });
    }
    let mut result = result(symbol, order, tag, now_ms);
    result.working_time = Some(Moment(order.created_ms));
    if order.prevented > 0 {
        result.prevented_quantity = Some(symbol.qty(order.prevented));
    }
    prevention(state, symbol, order, &mut result);
    if detail == Detail::Full {
        result.fills = Some(fills(state, symbol, order));
    }
    json(&result)
}

/// The answer to an order that was cancelled, by the cancel of that id.
pub(super) fn cancelled<'a>(
    symbol: &'a Symbol,
    order: &'a Order,
    (cancel_id, tag): (&'a ClientId, Tag),
    now_ms: i64,
) -> OrderResult<'a> {
    OrderResult {
        orig_client_order_id: Some(order.client.as_str()),
        client_order_id: cancel_id.as_str(),
        ..result(symbol, order, tag, now_ms)
    }
}

fn result<'a>(symbol: &'a Symbol, order: &'a Order, tag: Tag, now_ms: i64) -> OrderResult<'a> {
    let (r#type, time_in_force) = type_words(order);
    OrderResult {
        symbol: &symbol.spec.name,
        orig_client_order_id: None,
        order_id: order.id.0,
        order_list_id: -1,
        client_order_id: order.client.as_str(),
        transact_time: Moment(now_ms),
        price: symbol.price(order.price),
        orig_qty: symbol.qty(order.qty),
        executed_qty: symbol.qty(order.filled),
        orig_quote_order_qty: original_quote_qty(symbol, order),
        cummulative_quote_qty: symbol.quote(order.quote),
        status: order.status.as_str(),
        time_in_force,
        r#type,
        side: order.side.as_str(),
        working_time: None,
        fills: None,
        strategy_id: tag.strategy_id,
        strategy_type: tag.strategy_type,
        prevented_matches: Vec::new(),
        prevented_match_id: None,
        prevented_quantity: None,
        self_trade_prevention_mode: stp_word(order.stp),
        trade_group_id: None,
        expiry_reason: expiry_reason(order),
    }
}

/// What self-trade prevention did to the order, or for it.
fn prevention(state: &State, symbol: &Symbol, order: &Order, result: &mut OrderResult<'_>) {
    let own = |event: &&Event| prevented(event).is_some_and(|own| own.taker.order.id == order.id);
    for prevented in state.events.iter().filter(own).filter_map(prevented) {
        result.prevented_matches.push(PreventedView {
            prevented_match_id: prevented.id,
            maker_order_id: prevented.maker.order.id.0,
            price: symbol.price(prevented.price),
            taker_prevented_quantity: prevented.taker.taken.map(|taken| symbol.qty(taken.qty)),
            maker_prevented_quantity: prevented.maker.taken.map(|taken| symbol.qty(taken.qty)),
        });
        result.trade_group_id = Some(group(prevented.trade_group));
        if prevented.taker.taken.is_some() {
            result.prevented_match_id = Some(prevented.id);
        }
    }
}

fn fills<'a>(state: &State, symbol: &'a Symbol, order: &Order) -> Vec<FillView<'a>> {
    let own = state.events.iter().filter_map(|event| own_fill(event, order.id));
    own.map(|(trade, fill)| FillView {
        price: symbol.price(trade.price),
        qty: symbol.qty(trade.qty),
        commission: amount(fill.fee, 0),
        commission_asset: received(symbol, order.side),
        trade_id: trade.id,
    })
    .collect()
}

/// The fee in the asset that a side receives, and that asset.
pub(super) fn commission(symbol: &Symbol, side: Side, fee: i128) -> (Fixed, &str) {
    (amount(fee, 0), received(symbol, side))
}

fn prevented(event: &Event) -> Option<&Prevented> {
    match event {
        Event::Prevented(prevented) => Some(prevented),
        Event::Accepted { .. }
        | Event::Traded(_)
        | Event::Amended { .. }
        | Event::Modified { .. }
        | Event::Ended { .. }
        | Event::Level { .. }
        | Event::Position { .. }
        | Event::Balance { .. }
        | Event::Wiped => None,
    }
}

/// A trade of an order that came.
fn own_fill(event: &Event, order: OrderId) -> Option<(&Trade, &Fill)> {
    match event {
        Event::Traded(trade) => (trade.taker.order.id == order).then_some((trade, &trade.taker)),
        Event::Accepted { .. }
        | Event::Prevented(_)
        | Event::Amended { .. }
        | Event::Modified { .. }
        | Event::Ended { .. }
        | Event::Level { .. }
        | Event::Position { .. }
        | Event::Balance { .. }
        | Event::Wiped => None,
    }
}
