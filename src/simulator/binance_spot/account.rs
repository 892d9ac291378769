//! An account's balances and trades.

use serde::Serialize;

use super::order_rules::received;
use super::views::{BalanceView, balances};
use crate::simulator::binance::numbers::Fixed;
use crate::simulator::binance::route::{Answer, Request, json};
use crate::simulator::ledger::history::{Leg, TradeRecord};
use crate::simulator::state::{State, Symbol};
use schemas::order::Side;

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
    update_time: i64,
    account_type: &'static str,
    balances: Vec<BalanceView<'a>>,
    permissions: [&'static str; 1],
    uid: usize,
}

#[derive(Default, Serialize)]
struct CommissionRates {
    maker: Fixed,
    taker: Fixed,
    buyer: Fixed,
    seller: Fixed,
}

/// `account.status`. There are no fees, and nothing moves in or out.
pub(super) fn account(state: &mut State, request: &Request<'_>) -> Answer {
    let account = request.account();
    let omit_zero = request.params.flag("omitZeroBalances").unwrap_or(false);
    let zero = || Fixed::ZERO;
    json(&AccountView {
        maker_commission: 0,
        taker_commission: 0,
        buyer_commission: 0,
        seller_commission: 0,
        commission_rates: CommissionRates { maker: zero(), taker: zero(), buyer: zero(), seller: zero() },
        can_trade: true,
        can_withdraw: false,
        can_deposit: false,
        brokered: false,
        require_self_trade_prevention: false,
        prevent_sor: false,
        update_time: state.accounts[account.index()].updated_ms,
        account_type: "SPOT",
        balances: balances(state, account).filter(|balance| !omit_zero || !balance.is_zero()).collect(),
        permissions: ["SPOT"],
        uid: 100_001 + account.index(),
    })
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
    time: i64,
    is_buyer: bool,
    is_maker: bool,
    is_best_match: bool,
}

/// `myTrades`: both legs of a trade that the account made with itself.
pub(super) fn my_trades(state: &mut State, request: &Request<'_>) -> Answer {
    let symbol = request.symbol(state)?;
    let account = request.account();
    let params = request.params;
    let limit = params.number("limit")?.unwrap_or(500_usize).min(1_000);
    let order: Option<u64> = params.number("orderId")?;
    let from: Option<u64> = params.number("fromId")?;
    let (start, end): (Option<i64>, Option<i64>) = (params.number("startTime")?, params.number("endTime")?);
    let meant = |trade: &&TradeRecord| {
        trade.symbol == symbol
            && from.is_none_or(|from| trade.id >= from)
            && start.is_none_or(|start| trade.time_ms >= start)
            && end.is_none_or(|end| trade.time_ms <= end)
    };
    let own = |leg: &Leg| leg.account == account && order.is_none_or(|order| leg.order.0 == order);
    let rules = state.symbol(symbol);
    let mut trades: Vec<_> = state
        .history
        .trades_newest_first()
        .filter(meant)
        .flat_map(|trade| [(trade, &trade.taker, false), (trade, &trade.maker, true)])
        .filter(|(_, leg, _)| own(leg))
        .map(|(trade, leg, is_maker)| my_trade(rules, trade, leg, is_maker))
        .take(limit)
        .collect();
    trades.reverse();
    json(&trades)
}

fn my_trade<'a>(symbol: &'a Symbol, trade: &TradeRecord, leg: &Leg, is_maker: bool) -> MyTrade<'a> {
    let is_buyer = trade.buyer_is_maker == is_maker;
    MyTrade {
        symbol: &symbol.spec.name,
        id: trade.id,
        order_id: leg.order.0,
        order_list_id: -1,
        price: symbol.price(trade.price),
        qty: symbol.qty(trade.qty),
        quote_qty: symbol.quote(i128::from(trade.price) * i128::from(trade.qty)),
        commission: Fixed::ZERO,
        commission_asset: received(symbol, if is_buyer { Side::Buy } else { Side::Sell }),
        time: trade.time_ms,
        is_buyer,
        is_maker,
        is_best_match: true,
    }
}
