//! What an account is told of its orders, its wallet and its positions.

use schemas::order::{OrderStatus, PositionSide};
use serde::Serialize;

use super::desk::Particulars;
use super::positions;
use super::views::{NOUGHT, amount, or_nought, quotient, stp_word, type_words};
use crate::simulator::binance::numbers::Fixed;
use crate::simulator::binance::route::json_text;
use crate::simulator::engine::{
    AccountId, AssetId, EndReason, Fill, Order, Position, Prevented, SymbolId, Trade,
};
use crate::simulator::faults::{Stream, Target};
use crate::simulator::state::{State, Symbol};

/// Digits after the point of an average price at most.
const AVERAGE_DIGITS: u8 = 5;

/// A position that a command changed.
#[derive(Clone, Copy, Debug)]
pub(in crate::simulator) struct ChangedPosition {
    pub(in crate::simulator) account: AccountId,
    pub(in crate::simulator) symbol: SymbolId,
    pub(in crate::simulator) side: PositionSide,
    pub(in crate::simulator) position: Position,
}

#[derive(Serialize)]
struct OrderEvent<'a> {
    e: &'static str,
    #[serde(rename = "E")]
    event_time: i64,
    #[serde(rename = "T")]
    time: i64,
    o: OrderBody<'a>,
}

/// The dialect's short names, in its order.
#[derive(Serialize)]
struct OrderBody<'a> {
    s: &'a str,
    c: &'a str,
    #[serde(rename = "S")]
    side: &'static str,
    o: &'static str,
    f: &'static str,
    q: Fixed,
    p: Fixed,
    ap: Fixed,
    sp: Fixed,
    x: &'static str,
    #[serde(rename = "X")]
    status: &'static str,
    i: u64,
    l: Fixed,
    z: Fixed,
    #[serde(rename = "L")]
    last_price: Fixed,
    #[serde(rename = "N", skip_serializing_if = "Option::is_none")]
    commission_asset: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    n: Option<Fixed>,
    #[serde(rename = "T")]
    time: i64,
    t: u64,
    b: Fixed,
    a: Fixed,
    m: bool,
    #[serde(rename = "R")]
    reduce_only: bool,
    wt: &'static str,
    ot: &'static str,
    ps: &'static str,
    cp: bool,
    rp: Fixed,
    #[serde(rename = "pP")]
    price_protect: bool,
    si: u8,
    ss: u8,
    #[serde(rename = "V")]
    stp: &'static str,
    pm: &'static str,
    gtd: i64,
    er: &'static str,
}

impl<'a> OrderBody<'a> {
    /// A report of kind `x` in which nothing has traded just now.
    fn new(
        symbol: &'a Symbol,
        order: &'a Order,
        particulars: Particulars,
        x: &'static str,
        now_ms: i64,
    ) -> Self {
        let (o, f) = type_words(order, &particulars);
        let average = quotient(symbol, order.quote, order.filled, AVERAGE_DIGITS);
        Self {
            s: &symbol.spec.name,
            c: order.client.as_str(),
            side: order.side.as_str(),
            o,
            f,
            q: symbol.qty(order.qty),
            p: or_nought(symbol.price(order.price)),
            ap: or_nought(average.trimmed(symbol.spec.price_decimals)),
            sp: NOUGHT,
            x,
            status: order.status.as_str(),
            i: order.id.0,
            l: NOUGHT,
            z: or_nought(symbol.qty(order.filled)),
            last_price: NOUGHT,
            commission_asset: None,
            n: None,
            time: now_ms,
            t: 0,
            b: NOUGHT,
            a: NOUGHT,
            m: false,
            reduce_only: order.reduce_only,
            wt: "CONTRACT_PRICE",
            ot: o,
            ps: order.position.as_str(),
            cp: false,
            rp: NOUGHT,
            price_protect: false,
            si: 0,
            ss: 0,
            stp: stp_word(particulars.stp.unwrap_or(order.stp)),
            pm: particulars.price_match.unwrap_or("NONE"),
            gtd: particulars.good_till_ms.unwrap_or(0),
            er: expiry_reason(order),
        }
    }
}

/// Why an order expired; `0` where it did not, or for no reason that has a number.
fn expiry_reason(order: &Order) -> &'static str {
    match (order.status, order.end) {
        (OrderStatus::ExpiredInMatch, _) | (OrderStatus::Expired, Some(EndReason::SelfTrade)) => "1",
        (OrderStatus::Expired, Some(EndReason::IocRest | EndReason::NoLiquidity)) if order.prevented > 0 => {
            "3"
        }
        (OrderStatus::Expired, Some(EndReason::IocRest | EndReason::NoLiquidity)) => "2",
        (OrderStatus::Expired, Some(EndReason::ReduceOnly)) => "4",
        _ => "0",
    }
}

/// An order was accepted.
pub(in crate::simulator) fn accepted(state: &State, order: &Order, now_ms: i64) {
    tell(state, order, now_ms, |symbol, particulars| {
        OrderBody::new(symbol, order, particulars, "NEW", now_ms)
    });
}

/// An order got another price or quantity.
pub(in crate::simulator) fn modified(state: &State, order: &Order, now_ms: i64) {
    tell(state, order, now_ms, |symbol, particulars| {
        OrderBody::new(symbol, order, particulars, "AMENDMENT", now_ms)
    });
}

/// An order was cancelled or expired.
pub(in crate::simulator) fn ended(state: &State, order: &Order, now_ms: i64) {
    let x = if order.status == OrderStatus::Canceled { "CANCELED" } else { "EXPIRED" };
    tell(state, order, now_ms, |symbol, particulars| OrderBody::new(symbol, order, particulars, x, now_ms));
}

/// Orders that ended instead of trading with their own account.
pub(in crate::simulator) fn prevented(state: &State, prevented: &Prevented, now_ms: i64) {
    for leg in [&prevented.maker, &prevented.taker] {
        if leg.taken.is_some() && leg.order.status == OrderStatus::ExpiredInMatch {
            ended(state, &leg.order, now_ms);
        }
    }
}

/// One order's side of a trade: the short notice, then the report.
pub(in crate::simulator) fn traded(state: &State, trade: &Trade, fill: &Fill, now_ms: i64) {
    let order = &fill.order;
    trade_lite(state, trade, order, now_ms);
    tell(state, order, now_ms, |symbol, particulars| OrderBody {
        l: symbol.qty(trade.qty),
        last_price: symbol.price(trade.price),
        commission_asset: Some(&state.asset(fill.fee_asset).name),
        n: Some(or_nought(amount(fill.fee))),
        t: trade.id,
        m: order.id == trade.maker.order.id,
        rp: or_nought(amount(fill.realised)),
        ..OrderBody::new(symbol, order, particulars, "TRADE", now_ms)
    });
}

#[derive(Serialize)]
struct TradeLite<'a> {
    e: &'static str,
    #[serde(rename = "E")]
    event_time: i64,
    #[serde(rename = "T")]
    time: i64,
    s: &'a str,
    q: Fixed,
    p: Fixed,
    m: bool,
    c: &'a str,
    #[serde(rename = "S")]
    side: &'static str,
    #[serde(rename = "L")]
    last_price: Fixed,
    l: Fixed,
    t: u64,
    i: u64,
}

fn trade_lite(state: &State, trade: &Trade, order: &Order, now_ms: i64) {
    let symbol = state.symbol(order.symbol);
    send(state, order.account, order.symbol, "TRADE_LITE", || {
        json_text(&TradeLite {
            e: "TRADE_LITE",
            event_time: now_ms,
            time: now_ms,
            s: &symbol.spec.name,
            q: symbol.qty(order.qty),
            p: or_nought(symbol.price(order.price)),
            m: order.id == trade.maker.order.id,
            c: order.client.as_str(),
            side: order.side.as_str(),
            last_price: symbol.price(trade.price),
            l: symbol.qty(trade.qty),
            t: trade.id,
            i: order.id.0,
        })
    });
}

#[derive(Serialize)]
struct AccountUpdate<'a> {
    e: &'static str,
    #[serde(rename = "E")]
    event_time: i64,
    #[serde(rename = "T")]
    time: i64,
    a: AccountChanges<'a>,
}

#[derive(Serialize)]
struct AccountChanges<'a> {
    m: &'static str,
    #[serde(rename = "B")]
    balances: Vec<ChangedBalance<'a>>,
    #[serde(rename = "P")]
    positions: Vec<PositionBody<'a>>,
}

#[derive(Serialize)]
struct ChangedBalance<'a> {
    a: &'a str,
    wb: Fixed,
    cw: Fixed,
    bc: Fixed,
}

#[derive(Serialize)]
struct PositionBody<'a> {
    s: &'a str,
    pa: Fixed,
    ep: Fixed,
    bep: Fixed,
    cr: Fixed,
    up: Fixed,
    mt: &'static str,
    iw: Fixed,
    ps: &'static str,
    ma: &'a str,
}

/// What a command changed of wallets and positions: one event for each account.
pub(in crate::simulator) fn account_updates(
    state: &mut State,
    symbol: SymbolId,
    balances: &[(AccountId, AssetId)],
    positions: &[ChangedPosition],
    now_ms: i64,
) {
    let mut accounts: Vec<AccountId> = positions.iter().map(|changed| changed.account).collect();
    accounts.extend(balances.iter().map(|(account, _)| *account));
    accounts.sort_unstable();
    accounts.dedup();
    for changed in positions {
        state.usdm.position_changed((changed.account, changed.symbol, changed.side), now_ms);
    }
    for account in accounts {
        state.account_mut(account).updated_ms = now_ms;
        let own = positions.iter().filter(|changed| changed.account == account);
        send(state, account, symbol, "ACCOUNT_UPDATE", || {
            json_text(&AccountUpdate {
                e: "ACCOUNT_UPDATE",
                event_time: now_ms,
                time: now_ms,
                a: AccountChanges {
                    m: "ORDER",
                    balances: vec![balance(state, account, state.symbol(symbol).quote)],
                    positions: own.map(|changed| position(state, changed)).collect(),
                },
            })
        });
    }
}

/// A trade's profit and fee are no change of the balance by this event's meaning: `bc` is 0.
fn balance(state: &State, account: AccountId, asset: AssetId) -> ChangedBalance<'_> {
    let wallet = amount(state.engine().balance(account, asset).free);
    ChangedBalance { a: &state.asset(asset).name, wb: wallet, cw: wallet, bc: NOUGHT }
}

fn position<'a>(state: &'a State, changed: &ChangedPosition) -> PositionBody<'a> {
    let symbol = state.symbol(changed.symbol);
    let held = positions::held(state, changed.account, symbol, changed.side);
    PositionBody {
        s: &symbol.spec.name,
        pa: or_nought(held.amt()),
        ep: held.entry(),
        bep: held.break_even(),
        cr: or_nought(amount(changed.position.realised)),
        up: or_nought(amount(held.unrealised)),
        mt: "cross",
        iw: NOUGHT,
        ps: changed.side.as_str(),
        ma: &symbol.spec.quote,
    }
}

/// An account's leverage on a symbol is another one.
pub(super) fn leverage(state: &State, account: AccountId, symbol: SymbolId, leverage: u32, now_ms: i64) {
    let name = &state.symbol(symbol).spec.name;
    send(state, account, symbol, "ACCOUNT_CONFIG_UPDATE", || {
        json_text(&serde_json::json!({
            "e": "ACCOUNT_CONFIG_UPDATE",
            "E": now_ms,
            "T": now_ms,
            "ac": {"s": name, "l": leverage},
        }))
    });
}

fn tell<'a>(
    state: &'a State,
    order: &'a Order,
    now_ms: i64,
    body: impl FnOnce(&'a Symbol, Particulars) -> OrderBody<'a>,
) {
    let name = "ORDER_TRADE_UPDATE";
    send(state, order.account, order.symbol, name, || {
        let o = body(state.symbol(order.symbol), state.usdm.particulars(order.id));
        json_text(&OrderEvent { e: name, event_time: now_ms, time: now_ms, o })
    });
}

fn send(state: &State, account: AccountId, symbol: SymbolId, name: &str, event: impl FnOnce() -> String) {
    if state.usdm.listen_keys.is_heard(account) && !state.faults.is_muted(symbol, Stream::User) {
        if state.faults.is_on() {
            let (faults, symbol) = (&state.faults, state.faults.symbol(symbol));
            let target = Target { account: faults.account(account), stream: Some(Stream::User), ..symbol };
            return state.usdm.listen_keys.send_troubled((faults, &target), account, name, &event());
        }
        state.usdm.listen_keys.send(account, name, event());
    }
}
