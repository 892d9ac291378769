//! Orders, trades and numbers as the dialect writes them.

use schemas::order::{OrderStatus, PositionSide, Side};
use serde::Serialize;

use super::desk::Particulars;
use crate::simulator::binance::numbers::Fixed;
use crate::simulator::engine::{AMOUNT_DECIMALS, Life, Order, OrderKind, StpMode};
use crate::simulator::ledger::history::{OrderRecord, TradeRecord};
use crate::simulator::state::{State, Symbol};

/// Digits after the point of amounts of money.
const AMOUNT_DIGITS: u8 = 8;
/// Digits after the point of an average price.
const AVERAGE_DIGITS: u8 = 5;
/// `0`.
pub(super) const NOUGHT: Fixed = Fixed::exact(0, 0);

/// An amount as the engine keeps it, with 8 digits after the point.
pub(super) const fn amount(steps: i128) -> Fixed {
    Fixed::exact(steps / 10_i128.pow((AMOUNT_DECIMALS - AMOUNT_DIGITS) as u32), AMOUNT_DIGITS)
}

/// The number, or a plain `0`.
pub(super) const fn or_nought(number: Fixed) -> Fixed {
    if number.is_zero() { NOUGHT } else { number }
}

/// A price in ticks with 8 digits after the point.
pub(super) fn mark(symbol: &Symbol, ticks: i64) -> Fixed {
    Fixed::new(ticks.into(), symbol.spec.price_decimals)
}

/// Tick-lots as an amount of money with 8 digits after the point.
pub(super) fn notional(symbol: &Symbol, tick_lots: i128) -> Fixed {
    let decimals = symbol.spec.price_decimals + symbol.spec.qty_decimals;
    match AMOUNT_DIGITS.checked_sub(decimals) {
        Some(missing) => Fixed::exact(tick_lots * 10_i128.pow(missing.into()), AMOUNT_DIGITS),
        None => Fixed::exact(tick_lots / 10_i128.pow((decimals - AMOUNT_DIGITS).into()), AMOUNT_DIGITS),
    }
}

/// Tick-lots as amount steps.
pub(super) fn in_steps(symbol: &Symbol, tick_lots: i128) -> i128 {
    let missing = AMOUNT_DECIMALS - symbol.spec.price_decimals - symbol.spec.qty_decimals;
    tick_lots.saturating_mul(10_i128.pow(missing.into()))
}

/// `tick_lots` divided by `lots`, a price with so many digits after the point, rounded half up; 0 of no lots.
pub(super) fn quotient(symbol: &Symbol, tick_lots: i128, lots: i64, digits: u8) -> Fixed {
    let lots = i128::from(lots);
    if lots == 0 {
        return Fixed::exact(0, digits);
    }
    let fine = 10_i128.pow(digits.saturating_sub(symbol.spec.price_decimals).into());
    let (scaled, lots) = (tick_lots.saturating_mul(fine).abs(), lots.abs());
    Fixed::exact((scaled + lots / 2) / lots, digits.max(symbol.spec.price_decimals))
}

/// What an order has traded at on average; without a trade 0 in the digits of a price.
pub(super) fn average(symbol: &Symbol, order: &Order) -> Fixed {
    match order.filled {
        0 => symbol.price(0),
        filled => quotient(symbol, order.quote, filled, AVERAGE_DIGITS),
    }
}

/// The dialect's word for a self-trade prevention mode.
pub(super) const fn stp_word(mode: StpMode) -> &'static str {
    match mode {
        StpMode::None => "NONE",
        StpMode::ExpireTaker => "EXPIRE_TAKER",
        StpMode::ExpireMaker => "EXPIRE_MAKER",
        StpMode::ExpireBoth => "EXPIRE_BOTH",
        StpMode::Decrement => "DECREMENT",
        StpMode::Transfer => "TRANSFER",
    }
}

/// The dialect's order type and time in force.
pub(super) const fn type_words(order: &Order, particulars: &Particulars) -> (&'static str, &'static str) {
    let life = match (order.life, particulars.good_till_ms) {
        (Life::Gtc, Some(_)) => "GTD",
        (Life::Gtc, None) => "GTC",
        (Life::Ioc, _) => "IOC",
        (Life::Fok, _) => "FOK",
        (Life::Gtx, _) => "GTX",
    };
    match order.kind {
        OrderKind::Limit => ("LIMIT", life),
        // What it does with its rest is not the client's choice and not shown.
        OrderKind::Market => ("MARKET", "GTC"),
    }
}

/// What an answer is to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::simulator) enum Shown {
    /// To a request that placed or modified it.
    Placed,
    /// To one that cancelled it.
    Cancelled,
    /// To a query.
    Queried,
}

/// An order in an answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::simulator) struct OrderView<'a> {
    order_id: u64,
    symbol: &'a str,
    status: &'static str,
    client_order_id: &'a str,
    price: Fixed,
    avg_price: Fixed,
    orig_qty: Fixed,
    executed_qty: Fixed,
    #[serde(skip_serializing_if = "Option::is_none")]
    cum_qty: Option<Fixed>,
    cum_quote: Fixed,
    time_in_force: &'static str,
    r#type: &'static str,
    reduce_only: bool,
    close_position: bool,
    side: &'static str,
    position_side: &'static str,
    stop_price: Fixed,
    working_type: &'static str,
    price_protect: bool,
    orig_type: &'static str,
    price_match: &'static str,
    self_trade_prevention_mode: &'static str,
    good_till_date: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<i64>,
    update_time: i64,
}

/// Shows an order as it stands in a record.
pub(in crate::simulator) fn order_view<'a>(
    state: &'a State,
    record: &'a OrderRecord,
    shown: Shown,
) -> OrderView<'a> {
    let order = &record.order;
    let symbol = state.symbol(order.symbol);
    let particulars = state.usdm.particulars(order.id);
    let (r#type, time_in_force) = type_words(order, &particulars);
    let (nought, cum_quote) = match shown {
        Shown::Placed => (symbol.price(0), symbol.quote(order.quote)),
        Shown::Cancelled | Shown::Queried => (NOUGHT, or_nought(symbol.quote(order.quote))),
    };
    OrderView {
        order_id: order.id.0,
        symbol: &symbol.spec.name,
        status: order.status.as_str(),
        client_order_id: order.client.as_str(),
        price: symbol.price(order.price),
        avg_price: average(symbol, order),
        orig_qty: symbol.qty(order.qty),
        executed_qty: symbol.qty(order.filled),
        cum_qty: (shown != Shown::Queried).then(|| symbol.qty(order.filled)),
        cum_quote,
        time_in_force,
        r#type,
        reduce_only: order.reduce_only,
        close_position: false,
        side: order.side.as_str(),
        position_side: order.position.as_str(),
        stop_price: nought,
        working_type: "CONTRACT_PRICE",
        price_protect: false,
        orig_type: r#type,
        price_match: particulars.price_match.unwrap_or("NONE"),
        self_trade_prevention_mode: stp_word(particulars.stp.unwrap_or(order.stp)),
        good_till_date: particulars.good_till_ms.unwrap_or(0),
        time: (shown == Shown::Queried).then_some(order.created_ms),
        update_time: record.updated_ms,
    }
}

/// An order as it was when it was taken in, whatever has become of it since.
pub(super) const fn at_acceptance(order: Order) -> Order {
    Order { status: OrderStatus::New, end: None, filled: 0, prevented: 0, quote: 0, ..order }
}

/// A trade as the public sees it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::simulator) struct PublicTrade {
    id: u64,
    price: Fixed,
    qty: Fixed,
    quote_qty: Fixed,
    time: i64,
    is_buyer_maker: bool,
}

impl PublicTrade {
    pub(in crate::simulator) fn new(symbol: &Symbol, trade: &TradeRecord) -> Self {
        Self {
            id: trade.id,
            price: symbol.price(trade.price),
            qty: symbol.qty(trade.qty),
            quote_qty: symbol.quote(i128::from(trade.price) * i128::from(trade.qty)),
            time: trade.time_ms,
            is_buyer_maker: trade.buyer_is_maker,
        }
    }
}

/// One side's levels as pairs of price and quantity.
pub(super) fn levels(symbol: &Symbol, levels: &[(i64, i64)]) -> Vec<[Fixed; 2]> {
    levels.iter().map(|(price, qty)| [symbol.price(*price), symbol.qty(*qty)]).collect()
}

/// The word of a side.
pub(super) fn parse_side(word: &str) -> Option<Side> {
    match word {
        "BUY" => Some(Side::Buy),
        "SELL" => Some(Side::Sell),
        _ => None,
    }
}

/// The word of a position side.
pub(super) fn parse_position_side(word: &str) -> Option<PositionSide> {
    match word {
        "BOTH" => Some(PositionSide::Both),
        "LONG" => Some(PositionSide::Long),
        "SHORT" => Some(PositionSide::Short),
        _ => None,
    }
}
