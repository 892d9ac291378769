//! What an account is told of its orders and balances.

use schemas::order::OrderStatus;
use serde::Serialize;

use super::answers::commission;
use super::prevented::group;
use super::views::{amount, expiry_reason, original_quote_qty, stp_word, type_words};
use crate::simulator::binance::numbers::Fixed;
use crate::simulator::binance::route::json_text;
use crate::simulator::binance::time::Moment;
use crate::simulator::engine::{
    AccountId, AssetId, ClientId, EndReason, Fill, Life, Order, OrderKind, Prevented, SymbolId, Trade,
};
use crate::simulator::faults::Stream;
use crate::simulator::state::{State, Symbol};

/// The dialect's one-letter names, in its order.
#[derive(Serialize)]
struct ExecutionReport<'a> {
    e: &'static str,
    #[serde(rename = "E")]
    event_time: Moment,
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
    time: Moment,
    t: i64,
    #[serde(rename = "I")]
    execution: u64,
    w: bool,
    m: bool,
    #[serde(rename = "M")]
    ignore: bool,
    #[serde(rename = "O")]
    created: Moment,
    #[serde(rename = "Z")]
    quote: Fixed,
    #[serde(rename = "Y")]
    last_quote: Fixed,
    #[serde(rename = "Q")]
    quote_order_qty: Fixed,
    #[serde(rename = "W", skip_serializing_if = "Option::is_none")]
    working_time: Option<Moment>,
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
    #[serde(rename = "Cs", skip_serializing_if = "Option::is_none")]
    counter_symbol: Option<&'a str>,
    #[serde(rename = "pl", skip_serializing_if = "Option::is_none")]
    prevented_execution_qty: Option<Fixed>,
    #[serde(rename = "pL", skip_serializing_if = "Option::is_none")]
    prevented_execution_price: Option<Fixed>,
    #[serde(rename = "pY", skip_serializing_if = "Option::is_none")]
    prevented_execution_quote: Option<Fixed>,
    #[serde(rename = "j", skip_serializing_if = "Option::is_none")]
    strategy_id: Option<i64>,
    #[serde(rename = "J", skip_serializing_if = "Option::is_none")]
    strategy_type: Option<i64>,
}

impl<'a> ExecutionReport<'a> {
    /// A report of kind `x` in which nothing has traded just now.
    fn new(
        state: &State,
        symbol: &'a Symbol,
        (order, execution): (&'a Order, u64),
        x: &'static str,
        now_ms: i64,
    ) -> Self {
        let tag = state.tags.of(order.id);
        let (o, f) = type_words(order);
        Self {
            e: "executionReport",
            event_time: Moment(now_ms),
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
            time: Moment(now_ms),
            t: -1,
            execution,
            w: matches!(order.status, OrderStatus::New | OrderStatus::PartiallyFilled),
            m: false,
            ignore: false,
            created: Moment(order.created_ms),
            quote: symbol.quote(order.quote),
            last_quote: Fixed::ZERO,
            quote_order_qty: original_quote_qty(symbol, order),
            working_time: rests(order).then_some(Moment(order.created_ms)),
            stp: stp_word(order.stp),
            expiry_reason: expiry_reason(order),
            prevented_match: None,
            prevented_qty: None,
            last_prevented_qty: None,
            trade_group: None,
            counter_order: None,
            counter_symbol: None,
            prevented_execution_qty: None,
            prevented_execution_price: None,
            prevented_execution_quote: None,
            strategy_id: tag.strategy_id,
            strategy_type: tag.strategy_type,
        }
    }
}

/// An order was accepted.
pub(in crate::simulator) fn accepted(state: &State, order: &Order, execution: u64, now_ms: i64) {
    tell(state, order, |symbol| ExecutionReport::new(state, symbol, (order, execution), "NEW", now_ms));
}

/// One order's side of a trade.
pub(in crate::simulator) fn traded(state: &State, trade: &Trade, fill: &Fill, now_ms: i64) {
    let order = &fill.order;
    tell(state, order, |symbol| ExecutionReport {
        l: symbol.qty(trade.qty),
        last_price: symbol.price(trade.price),
        last_quote: symbol.quote(i128::from(trade.price) * i128::from(trade.qty)),
        n: commission(symbol, order.side, fill.fee).0,
        commission_asset: Some(commission(symbol, order.side, fill.fee).1),
        t: i64::try_from(trade.id).unwrap_or(i64::MAX),
        m: order.id == trade.maker.order.id,
        ignore: true,
        ..ExecutionReport::new(state, symbol, (order, fill.execution), "TRADE", now_ms)
    });
}

/// Self-trade prevention took something off an order, or off both.
pub(in crate::simulator) fn prevented(state: &State, prevented: &Prevented, now_ms: i64) {
    let legs = [(&prevented.maker, &prevented.taker), (&prevented.taker, &prevented.maker)];
    for (is_maker, (leg, other)) in [true, false].into_iter().zip(legs) {
        let (Some(taken), order) = (leg.taken, &leg.order) else { continue };
        tell(state, order, |symbol| ExecutionReport {
            m: is_maker,
            prevented_match: Some(prevented.id),
            prevented_qty: Some(symbol.qty(order.prevented)),
            last_prevented_qty: Some(symbol.qty(taken.qty)),
            trade_group: Some(group(prevented.trade_group)),
            counter_order: Some(other.order.id.0),
            counter_symbol: Some(&symbol.spec.name),
            prevented_execution_qty: Some(symbol.qty(taken.qty)),
            prevented_execution_price: Some(symbol.price(prevented.price)),
            prevented_execution_quote: Some(
                symbol.quote(i128::from(prevented.price) * i128::from(taken.qty)),
            ),
            ..ExecutionReport::new(state, symbol, (order, taken.execution), "TRADE_PREVENTION", now_ms)
        });
    }
}

/// An order became smaller.
pub(in crate::simulator) fn amended(
    state: &State,
    order: &Order,
    before: &ClientId,
    execution: u64,
    now_ms: i64,
) {
    tell(state, order, |symbol| ExecutionReport {
        original_client: before.as_str(),
        ..ExecutionReport::new(state, symbol, (order, execution), "REPLACED", now_ms)
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
    let cancel_id = cancel_id.filter(|_| order.end == Some(EndReason::Canceled));
    tell(state, order, |symbol| match &cancel_id {
        None if order.end == Some(EndReason::Canceled) => {
            ExecutionReport::new(state, symbol, (order, execution), "CANCELED", now_ms)
        }
        None => ExecutionReport::new(state, symbol, (order, execution), "EXPIRED", now_ms),
        Some(cancel_id) => ExecutionReport {
            c: cancel_id.as_str(),
            original_client: order.client.as_str(),
            ..ExecutionReport::new(state, symbol, (order, execution), "CANCELED", now_ms)
        },
    });
}

/// Whether an order is of those that stand in the book.
const fn rests(order: &Order) -> bool {
    matches!(order.kind, OrderKind::Limit) && matches!(order.life, Life::Gtc | Life::Gtx)
}

#[derive(Serialize)]
struct BalanceUpdate<'a> {
    e: &'static str,
    #[serde(rename = "E")]
    event_time: Moment,
    a: &'a str,
    d: Fixed,
    #[serde(rename = "T")]
    time: Moment,
}

/// An amount came from outside.
pub(in crate::simulator) fn deposited(
    state: &State,
    account: AccountId,
    (id, steps): (AssetId, i128),
    now_ms: i64,
) {
    if !state.hub.is_user_heard(account) {
        return;
    }
    let asset = state.asset(id);
    state.hub.send_user(account, || json_text(&position(state, account, &[id], now_ms)));
    state.hub.send_user(account, || {
        json_text(&BalanceUpdate {
            e: "balanceUpdate",
            event_time: Moment(now_ms),
            a: &asset.name,
            d: amount(steps, asset.decimals),
            time: Moment(now_ms),
        })
    });
}

#[derive(Serialize)]
struct AccountPosition<'a> {
    e: &'static str,
    #[serde(rename = "E")]
    event_time: Moment,
    u: Moment,
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
    state.hub.send_user(account, || json_text(&position(state, account, assets, now_ms)));
}

fn position<'a>(
    state: &'a State,
    account: AccountId,
    assets: &[AssetId],
    now_ms: i64,
) -> AccountPosition<'a> {
    let changed = |id: &AssetId| {
        let (asset, held) = (state.asset(*id), state.engine().balance(account, *id));
        Changed {
            a: &asset.name,
            f: amount(held.free, asset.decimals),
            l: amount(held.locked, asset.decimals),
        }
    };
    AccountPosition {
        e: "outboundAccountPosition",
        event_time: Moment(now_ms),
        u: Moment(now_ms),
        balances: assets.iter().map(changed).collect(),
    }
}

fn is_heard(state: &State, account: AccountId, symbol: SymbolId) -> bool {
    state.hub.is_user_heard(account) && !state.faults.is_muted(symbol, Stream::User)
}

fn tell<'a, P: Serialize>(state: &'a State, order: &Order, report: impl Fn(&'a Symbol) -> P) {
    if is_heard(state, order.account, order.symbol) {
        state.hub.send_user(order.account, || json_text(&report(state.symbol(order.symbol))));
    }
}
