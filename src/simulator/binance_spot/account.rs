//! An account's balances, fees and trades.

use serde::Serialize;
use serde_json::json as value;

use super::answers::commission;
use super::filters;
use super::lookup::span;
use super::views::{BalanceView, balances};
use crate::simulator::binance::error::ApiError;
use crate::simulator::binance::numbers::Fixed;
use crate::simulator::binance::params::Params;
use crate::simulator::binance::route::{Answer, Request, json};
use crate::simulator::binance::time::Moment;
use crate::simulator::engine::SymbolId;
use crate::simulator::ledger::history::{Leg, TradeRecord};
use crate::simulator::state::{State, Symbol};
use schemas::order::Side;

/// Digits of a fee rate that count millionths.
const PPM_DIGITS: u8 = 6;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AccountView<'a> {
    maker_commission: u32,
    taker_commission: u32,
    buyer_commission: u32,
    seller_commission: u32,
    commission_rates: CommissionRates,
    can_trade: bool,
    can_withdraw: bool,
    can_deposit: bool,
    brokered: bool,
    require_self_trade_prevention: bool,
    prevent_sor: bool,
    update_time: Moment,
    account_type: &'static str,
    balances: Vec<BalanceView<'a>>,
    permissions: [&'static str; 1],
    uid: usize,
}

#[derive(Clone, Copy, Serialize)]
struct CommissionRates {
    maker: Fixed,
    taker: Fixed,
    buyer: Fixed,
    seller: Fixed,
}

impl CommissionRates {
    const NONE: Self =
        Self { maker: Fixed::ZERO, taker: Fixed::ZERO, buyer: Fixed::ZERO, seller: Fixed::ZERO };
}

/// The discount on fees that there is not.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Discount {
    enabled_for_account: bool,
    enabled_for_symbol: bool,
    discount_asset: &'static str,
    discount: Fixed,
}

impl Discount {
    pub(super) const NONE: Self = Self {
        enabled_for_account: false,
        enabled_for_symbol: false,
        discount_asset: "BNB",
        discount: Fixed::ZERO,
    };
}

/// `account.status`. Fees are those of the profile; a symbol may have others.
pub(super) fn account(state: &mut State, request: &Request<'_>) -> Answer {
    let account = request.account();
    let omit_zero = request.params.flag("omitZeroBalances").unwrap_or(false);
    let profile = &state.profile.spot;
    let [maker, taker] = [profile.maker_fee_ppm, profile.taker_fee_ppm].map(rate);
    json(&AccountView {
        // The older form: ten-thousandths.
        maker_commission: profile.maker_fee_ppm / 100,
        taker_commission: profile.taker_fee_ppm / 100,
        buyer_commission: 0,
        seller_commission: 0,
        commission_rates: CommissionRates { maker, taker, ..CommissionRates::NONE },
        can_trade: true,
        can_withdraw: false,
        can_deposit: false,
        brokered: false,
        require_self_trade_prevention: state.accounts[account.index()].require_stp,
        prevent_sor: false,
        update_time: Moment(state.accounts[account.index()].updated_ms),
        account_type: "SPOT",
        balances: balances(state, account).filter(|balance| !omit_zero || !balance.is_zero()).collect(),
        permissions: ["SPOT"],
        uid: 100_001 + account.index(),
    })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Commission<'a> {
    symbol: &'a str,
    standard_commission: CommissionRates,
    special_commission: CommissionRates,
    tax_commission: CommissionRates,
    discount: Discount,
}

/// `account.commission`.
pub(super) fn commissions(state: &mut State, request: &Request<'_>) -> Answer {
    let symbol = request.symbol(state)?;
    let (maker, taker) = rates(state, symbol);
    json(&Commission {
        symbol: &state.symbol(symbol).spec.name,
        standard_commission: CommissionRates { maker, taker, ..CommissionRates::NONE },
        special_commission: CommissionRates::NONE,
        tax_commission: CommissionRates::NONE,
        discount: Discount::NONE,
    })
}

/// What a symbol's trades cost the maker and the taker, as parts of the amount.
pub(super) fn rates(state: &State, symbol: SymbolId) -> (Fixed, Fixed) {
    let (maker, taker) = state.engine().fees(symbol);
    (rate(maker), rate(taker))
}

fn rate(ppm: u32) -> Fixed {
    Fixed::new(ppm.into(), PPM_DIGITS)
}

/// `myFilters`: the symbol's, since no account has filters of its own.
pub(super) fn my_filters(state: &mut State, request: &Request<'_>) -> Answer {
    let symbol = request.symbol(state)?;
    json(&value!({
        "exchangeFilters": [],
        "symbolFilters": filters::list(state.symbol(symbol)),
        "assetFilters": [],
    }))
}

/// What `myTrades` weighs: one order's trades are found quickly.
pub(super) fn my_trades_weight(params: &Params<'_>) -> u64 {
    if params.get("orderId").is_some() { 5 } else { 20 }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MyTrade<'a> {
    symbol: &'a str,
    id: u64,
    order_id: u64,
    order_list_id: i64,
    price: Fixed,
    qty: Fixed,
    quote_qty: Fixed,
    commission: Fixed,
    commission_asset: &'a str,
    time: Moment,
    is_buyer: bool,
    is_maker: bool,
    is_best_match: bool,
}

/// `myTrades`: both legs of a trade that the account made with itself.
pub(super) fn my_trades(state: &mut State, request: &Request<'_>) -> Answer {
    let symbol = request.symbol(state)?;
    let account = request.account();
    let params = request.params;
    let limit = params.limit("limit", 500, 1_000)?;
    let order: Option<u64> = params.number("orderId")?;
    let from: Option<u64> = params.number("fromId")?;
    let (start, end) = span(params)?;
    if (from.is_some() || order.is_some()) && (start.is_some() || end.is_some()) {
        return Err(ApiError::bad_combination());
    }
    let meant = |trade: &&TradeRecord| {
        trade.symbol == symbol
            && from.is_none_or(|from| trade.id >= from)
            && start.is_none_or(|start| trade.time_ms >= start)
            && end.is_none_or(|end| trade.time_ms <= end)
    };
    let own = |leg: &Leg| leg.account == account && order.is_none_or(|order| leg.order.0 == order);
    let rules = state.symbol(symbol);
    let legs = |trade: &'_ TradeRecord| [(*trade, false), (*trade, true)];
    let view = |(trade, is_maker): &(TradeRecord, bool)| {
        let leg = if *is_maker { &trade.maker } else { &trade.taker };
        own(leg).then(|| my_trade(rules, trade, leg, *is_maker))
    };
    // From an id or a moment on they are told forward; otherwise the latest.
    if from.is_some() || start.is_some() {
        let trades = state.history.trades_from(0).map(|(_, trade)| trade).filter(meant);
        return json(&trades.flat_map(legs).filter_map(|leg| view(&leg)).take(limit).collect::<Vec<_>>());
    }
    let newest = state.history.trades_newest_first().filter(meant);
    let mut trades: Vec<_> = newest.flat_map(legs).filter_map(|leg| view(&leg)).take(limit).collect();
    trades.reverse();
    json(&trades)
}

fn my_trade<'a>(symbol: &'a Symbol, trade: &TradeRecord, leg: &Leg, is_maker: bool) -> MyTrade<'a> {
    let is_buyer = trade.buyer_is_maker == is_maker;
    let side = if is_buyer { Side::Buy } else { Side::Sell };
    let (commission, commission_asset) = commission(symbol, side, leg.fee);
    MyTrade {
        symbol: &symbol.spec.name,
        id: trade.id,
        order_id: leg.order.0,
        order_list_id: -1,
        price: symbol.price(trade.price),
        qty: symbol.qty(trade.qty),
        quote_qty: symbol.quote(i128::from(trade.price) * i128::from(trade.qty)),
        commission,
        commission_asset,
        time: Moment(trade.time_ms),
        is_buyer,
        is_maker,
        is_best_match: true,
    }
}
