//! Orders, trades and balances as the dialect writes them.

use schemas::order::{OrderStatus, Side};
use serde::Serialize;

use super::tags::Tag;
use crate::simulator::binance::numbers::Fixed;
use crate::simulator::binance::time::Moment;
use crate::simulator::engine::{
    AMOUNT_DECIMALS, AccountId, AssetId, EndReason, Life, Order, OrderKind, StpMode,
};
use crate::simulator::ledger::history::{OrderRecord, TradeRecord};
use crate::simulator::state::{State, Symbol};
use crate::simulator::symbols::Product;

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

/// The dialect's order type and time in force: post-only is a type here.
pub(super) const fn type_words(order: &Order) -> (&'static str, &'static str) {
    match (order.kind, order.life) {
        (OrderKind::Market, _) => ("MARKET", "GTC"),
        (OrderKind::Limit, Life::Gtc) => ("LIMIT", "GTC"),
        (OrderKind::Limit, Life::Ioc) => ("LIMIT", "IOC"),
        (OrderKind::Limit, Life::Fok) => ("LIMIT", "FOK"),
        (OrderKind::Limit, Life::Gtx) => ("LIMIT_MAKER", "GTC"),
    }
}

/// Why an order expired, where it did.
pub(super) fn expiry_reason(order: &Order) -> Option<&'static str> {
    if order.status != OrderStatus::Expired {
        return None;
    }
    match order.end? {
        EndReason::IocRest => Some("UNFILLED_IOC_QUANTITY_EXPIRED"),
        EndReason::FokUnfilled => Some("UNFILLED_FOK_ORDER_EXPIRED"),
        EndReason::NoLiquidity => Some("INSUFFICIENT_LIQUIDITY"),
        EndReason::Canceled
        | EndReason::SelfTrade
        | EndReason::Modified
        | EndReason::ReduceOnly
        | EndReason::Venue => Some("EXCHANGE_CANCELED"),
    }
}

/// What a MARKET order was to spend or to earn; zero of others.
pub(super) fn original_quote_qty(symbol: &Symbol, order: &Order) -> Fixed {
    order.quote_qty.map_or(Fixed::ZERO, |tick_lots| symbol.quote(tick_lots))
}

/// An order as `order.status` shows it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::simulator) struct OrderView<'a> {
    symbol: &'a str,
    order_id: u64,
    order_list_id: i64,
    client_order_id: &'a str,
    price: Fixed,
    orig_qty: Fixed,
    executed_qty: Fixed,
    cummulative_quote_qty: Fixed,
    status: &'static str,
    time_in_force: &'static str,
    r#type: &'static str,
    side: &'static str,
    stop_price: Fixed,
    iceberg_qty: Fixed,
    time: Moment,
    update_time: Moment,
    is_working: bool,
    working_time: Moment,
    orig_quote_order_qty: Fixed,
    self_trade_prevention_mode: &'static str,
    #[serde(flatten)]
    tag: Tag,
    #[serde(skip_serializing_if = "Option::is_none")]
    prevented_match_id: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prevented_quantity: Option<Fixed>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expiry_reason: Option<&'static str>,
}

/// Shows a remembered order.
pub(in crate::simulator) fn order_view<'a>(symbol: &'a Symbol, record: &'a OrderRecord) -> OrderView<'a> {
    let order = &record.order;
    let (r#type, time_in_force) = type_words(order);
    OrderView {
        symbol: &symbol.spec.name,
        order_id: order.id.0,
        order_list_id: -1,
        client_order_id: order.client.as_str(),
        price: symbol.price(order.price),
        orig_qty: symbol.qty(order.qty),
        executed_qty: symbol.qty(order.filled),
        cummulative_quote_qty: symbol.quote(order.quote),
        status: order.status.as_str(),
        time_in_force,
        r#type,
        side: order.side.as_str(),
        stop_price: Fixed::ZERO,
        iceberg_qty: Fixed::ZERO,
        time: Moment(order.created_ms),
        update_time: Moment(record.updated_ms),
        is_working: true,
        working_time: Moment(order.created_ms),
        orig_quote_order_qty: original_quote_qty(symbol, order),
        self_trade_prevention_mode: stp_word(order.stp),
        tag: Tag::default(),
        prevented_match_id: None,
        prevented_quantity: (order.prevented > 0).then(|| symbol.qty(order.prevented)),
        expiry_reason: expiry_reason(order),
    }
}

/// Shows a remembered order with its client's marks and what prevented it.
pub(super) fn whole_order_view<'a>(state: &'a State, record: &'a OrderRecord) -> OrderView<'a> {
    OrderView {
        tag: state.tags.of(record.order.id),
        prevented_match_id: state.prevented.last_of(&record.order),
        ..order_view(state.symbol(record.order.symbol), record)
    }
}

/// A trade as the public sees it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::simulator) struct PublicTrade {
    id: u64,
    price: Fixed,
    qty: Fixed,
    quote_qty: Fixed,
    time: Moment,
    is_buyer_maker: bool,
    is_best_match: bool,
}

impl PublicTrade {
    pub(in crate::simulator) fn new(symbol: &Symbol, trade: &TradeRecord) -> Self {
        Self {
            id: trade.id,
            price: symbol.price(trade.price),
            qty: symbol.qty(trade.qty),
            quote_qty: symbol.quote(i128::from(trade.price) * i128::from(trade.qty)),
            time: Moment(trade.time_ms),
            is_buyer_maker: trade.buyer_is_maker,
            is_best_match: true,
        }
    }
}

/// What an account holds of an asset.
#[derive(Debug, Serialize)]
pub(in crate::simulator) struct BalanceView<'a> {
    asset: &'a str,
    free: Fixed,
    locked: Fixed,
    #[serde(skip)]
    is_zero: bool,
}

impl BalanceView<'_> {
    pub(super) const fn is_zero(&self) -> bool {
        self.is_zero
    }
}

/// All balances of an account.
pub(in crate::simulator) fn balances(
    state: &State,
    account: AccountId,
) -> impl Iterator<Item = BalanceView<'_>> {
    let ids: std::collections::BTreeSet<AssetId> =
        state.symbols_of(Product::Spot).flat_map(|symbol| [symbol.base, symbol.quote]).collect();
    ids.into_iter().map(move |id| {
        let (asset, held) = (state.asset(id), state.engine().balance(account, id));
        BalanceView {
            asset: &asset.name,
            free: amount(held.free, asset.decimals),
            locked: amount(held.locked, asset.decimals),
            is_zero: held.free == 0 && held.locked == 0,
        }
    })
}

/// An amount as the engine keeps it, with as many digits as the asset can have.
pub(super) fn amount(steps: i128, decimals: u8) -> Fixed {
    Fixed::shortened(steps, AMOUNT_DECIMALS, decimals)
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
