//! What an account is told of its orders and balances.

use schemas::order::OrderStatus;
use serde::Serialize;

use super::order_rules::received;
use super::views::{amount, expiry_reason, stp_word, type_words};
use crate::simulator::binance::numbers::Fixed;
use crate::simulator::binance::route::json_text;
use crate::simulator::engine::{AccountId, AssetId, ClientId, Fill, Life, Order, Prevented, SymbolId, Trade};
use crate::simulator::faults::Stream;
use crate::simulator::state::{State, Symbol};

/// The dialect's one-letter names, in its order.
#[derive(Serialize)]
struct ExecutionReport<'a> {
    e: &'static str,
    #[serde(rename = "E")]
    event_time: i64,
    s: &'a str,
    c: &'a str,
    #[serde(rename = "S")]
    side: &'static str,
    o: &'static str,
    f: &'static str,
    q: Fixed,
    p: Fixed,
    #[serde(rename = "P")]
    stop_price: Fixed,
    #[serde(rename = "F")]
    iceberg_qty: Fixed,
    g: i64,
    #[serde(rename = "C")]
    original_client: &'a str,
    x: &'static str,
    #[serde(rename = "X")]
    status: &'static str,
    r: &'static str,
    i: u64,
    l: Fixed,
    z: Fixed,
    #[serde(rename = "L")]
    last_price: Fixed,
    n: Fixed,
    #[serde(rename = "N")]
    commission_asset: Option<&'a str>,
    #[serde(rename = "T")]
    time: i64,
    t: i64,
    #[serde(rename = "I")]
    execution: u64,
    w: bool,
    m: bool,
    #[serde(rename = "M")]
    ignore: bool,
    #[serde(rename = "O")]
    created: i64,
    #[serde(rename = "Z")]
    quote: Fixed,
    #[serde(rename = "Y")]
    last_quote: Fixed,
    #[serde(rename = "Q")]
    quote_order_qty: Fixed,
    #[serde(rename = "W", skip_serializing_if = "Option::is_none")]
    working_time: Option<i64>,
    #[serde(rename = "V")]
    stp: &'static str,
    #[serde(rename = "eR", skip_serializing_if = "Option::is_none")]
    expiry_reason: Option<&'static str>,
    #[serde(rename = "v", skip_serializing_if = "Option::is_none")]
    prevented_match: Option<u64>,
    #[serde(rename = "A", skip_serializing_if = "Option::is_none")]
    prevented_qty: Option<Fixed>,
    #[serde(rename = "B", skip_serializing_if = "Option::is_none")]
    last_prevented_qty: Option<Fixed>,
    #[serde(rename = "u", skip_serializing_if = "Option::is_none")]
    trade_group: Option<i64>,
    #[serde(rename = "U", skip_serializing_if = "Option::is_none")]
    counter_order: Option<u64>,
}

impl<'a> ExecutionReport<'a> {
    /// A report of kind `x` in which nothing has traded just now.
    fn new(symbol: &'a Symbol, order: &'a Order, execution: u64, x: &'static str, now_ms: i64) -> Self {
        let (o, f) = type_words(order.life);
        Self {
            e: "executionReport",
            event_time: now_ms,
            s: &symbol.spec.name,
            c: order.client.as_str(),
            side: order.side.as_str(),
            o,
            f,
            q: symbol.qty(order.qty),
            p: symbol.price(order.price),
            stop_price: Fixed::ZERO,
            iceberg_qty: Fixed::ZERO,
            g: -1,
            original_client: "",
            x,
            status: order.status.as_str(),
            r: "NONE",
            i: order.id.0,
            l: Fixed::ZERO,
            z: symbol.qty(order.filled),
            last_price: Fixed::ZERO,
            n: Fixed::ZERO,
            commission_asset: None,
            time: now_ms,
            t: -1,
            execution,
            w: matches!(order.status, OrderStatus::New | OrderStatus::PartiallyFilled),
            m: false,
            ignore: false,
            created: order.created_ms,
            quote: symbol.quote(order.quote),
            last_quote: Fixed::ZERO,
            quote_order_qty: Fixed::ZERO,
            working_time: (order.life != Life::Ioc).then_some(order.created_ms),
            stp: stp_word(order.stp),
            expiry_reason: expiry_reason(order),
            prevented_match: None,
            prevented_qty: None,
            last_prevented_qty: None,
            trade_group: None,
            counter_order: None,
        }
    }
}

/// An order was accepted.
pub(in crate::simulator) fn accepted(state: &State, order: &Order, execution: u64, now_ms: i64) {
    tell(state, order, |symbol| ExecutionReport::new(symbol, order, execution, "NEW", now_ms));
}

/// One order's side of a trade.
pub(in crate::simulator) fn traded(state: &State, trade: &Trade, fill: &Fill, now_ms: i64) {
    let order = &fill.order;
    tell(state, order, |symbol| ExecutionReport {
        l: symbol.qty(trade.qty),
        last_price: symbol.price(trade.price),
        last_quote: symbol.quote(i128::from(trade.price) * i128::from(trade.qty)),
        commission_asset: Some(received(symbol, order.side)),
        t: i64::try_from(trade.id).unwrap_or(i64::MAX),
        m: order.id == trade.maker.order.id,
        ignore: true,
        ..ExecutionReport::new(symbol, order, fill.execution, "TRADE", now_ms)
    });
}

/// A resting order ended instead of trading with its own account.
pub(in crate::simulator) fn prevented(state: &State, prevented: &Prevented, now_ms: i64) {
    let order = &prevented.maker.order;
    let Some(taken) = prevented.maker.taken else { return };
    tell(state, order, |symbol| ExecutionReport {
        m: true,
        prevented_match: Some(prevented.id),
        prevented_qty: Some(symbol.qty(order.prevented)),
        last_prevented_qty: Some(symbol.qty(taken.qty)),
        trade_group: Some(-1),
        counter_order: Some(prevented.taker.order.id.0),
        ..ExecutionReport::new(symbol, order, taken.execution, "TRADE_PREVENTION", now_ms)
    });
}

/// An order was cancelled, by the cancel of that id, or expired.
pub(in crate::simulator) fn ended(
    state: &State,
    order: &Order,
    execution: u64,
    cancel_id: Option<ClientId>,
    now_ms: i64,
) {
    tell(state, order, |symbol| match &cancel_id {
        None => ExecutionReport::new(symbol, order, execution, "EXPIRED", now_ms),
        Some(cancel_id) => ExecutionReport {
            c: cancel_id.as_str(),
            original_client: order.client.as_str(),
            ..ExecutionReport::new(symbol, order, execution, "CANCELED", now_ms)
        },
    });
}

#[derive(Serialize)]
struct AccountPosition<'a> {
    e: &'static str,
    #[serde(rename = "E")]
    event_time: i64,
    u: i64,
    #[serde(rename = "B")]
    balances: Vec<Changed<'a>>,
}

#[derive(Serialize)]
struct Changed<'a> {
    a: &'a str,
    f: Fixed,
    l: Fixed,
}

/// The balances that a command changed.
pub(in crate::simulator) fn balances(
    state: &State,
    account: AccountId,
    symbol: SymbolId,
    assets: &[AssetId],
    now_ms: i64,
) {
    if !is_heard(state, account, symbol) {
        return;
    }
    let changed = |id: &AssetId| {
        let (asset, held) = (state.asset(*id), state.engine().balance(account, *id));
        Changed {
            a: &asset.name,
            f: amount(held.free, asset.decimals),
            l: amount(held.locked, asset.decimals),
        }
    };
    let position = AccountPosition {
        e: "outboundAccountPosition",
        event_time: now_ms,
        u: now_ms,
        balances: assets.iter().map(changed).collect(),
    };
    state.hub.send_user(account, || json_text(&position));
}

fn is_heard(state: &State, account: AccountId, symbol: SymbolId) -> bool {
    state.hub.is_user_heard(account) && !state.faults.is_muted(symbol, Stream::User)
}

fn tell<'a, P: Serialize>(state: &'a State, order: &Order, report: impl FnOnce(&'a Symbol) -> P) {
    if is_heard(state, order.account, order.symbol) {
        let report = report(state.symbol(order.symbol));
        state.hub.send_user(order.account, || json_text(&report));
    }
}
