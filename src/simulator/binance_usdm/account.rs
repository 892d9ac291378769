//! An account's wallet, margins and trades.

use std::collections::BTreeSet;

use serde::Serialize;

use super::positions::{self, Held, NOTIONAL_MAX, pending};
use super::views::{NOUGHT, amount, notional, or_nought};
use crate::simulator::binance::numbers::Fixed;
use crate::simulator::binance::route::{Answer, Request, json};
use crate::simulator::engine::{AccountId, AssetId};
use crate::simulator::ledger::history::{Leg, TradeRecord};
use crate::simulator::state::{State, Symbol};
use crate::simulator::symbols::Product;
use schemas::order::Side;

/// Most trades of one answer.
const TRADES_MAX: usize = 1_000;
/// The asset that totals are in.
const TOTALS_IN: &str = "USDT";

/// What an account has of one margin asset, in amount steps.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    wallet: i128,
    unrealised: i128,
    maintenance: i128,
    positions: i128,
    orders: i128,
    available: i128,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct AssetView<'a> {
    asset: &'a str,
    wallet_balance: Fixed,
    unrealized_profit: Fixed,
    margin_balance: Fixed,
    maint_margin: Fixed,
    initial_margin: Fixed,
    position_initial_margin: Fixed,
    open_order_initial_margin: Fixed,
    cross_wallet_balance: Fixed,
    cross_un_pnl: Fixed,
    available_balance: Fixed,
    max_withdraw_amount: Fixed,
    margin_available: bool,
    update_time: i64,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Totals {
    total_initial_margin: Fixed,
    total_maint_margin: Fixed,
    total_wallet_balance: Fixed,
    total_unrealized_profit: Fixed,
    total_margin_balance: Fixed,
    total_position_initial_margin: Fixed,
    total_open_order_initial_margin: Fixed,
    total_cross_wallet_balance: Fixed,
    total_cross_un_pnl: Fixed,
    available_balance: Fixed,
    max_withdraw_amount: Fixed,
}

impl Sums {
    fn of(state: &State, account: AccountId, asset: AssetId) -> Self {
        let engine = state.engine();
        let own = state.symbols_of(Product::UsdM).filter(|symbol| symbol.quote == asset);
        let mut sums = Self {
            wallet: engine.balance(account, asset).free,
            unrealised: engine.unrealised(account, asset),
            available: engine.available(account, asset),
            ..Self::default()
        };
        for held in positions::of_account(state, account, own) {
            sums.positions += held.margin;
            sums.orders += held.order_margin;
            sums.maintenance += held.maintenance();
        }
        sums
    }

    const fn initial(&self) -> i128 {
        self.positions + self.orders
    }

    /// No less than nothing.
    fn free(&self) -> Fixed {
        amount(self.available.max(0))
    }

    fn totals(&self) -> Totals {
        Totals {
            total_initial_margin: amount(self.initial()),
            total_maint_margin: amount(self.maintenance),
            total_wallet_balance: amount(self.wallet),
            total_unrealized_profit: amount(self.unrealised),
            total_margin_balance: amount(self.wallet + self.unrealised),
            total_position_initial_margin: amount(self.positions),
            total_open_order_initial_margin: amount(self.orders),
            total_cross_wallet_balance: amount(self.wallet),
            total_cross_un_pnl: amount(self.unrealised),
            available_balance: self.free(),
            max_withdraw_amount: self.free(),
        }
    }

    fn view<'a>(&self, state: &'a State, account: AccountId, asset: AssetId) -> AssetView<'a> {
        AssetView {
            asset: &state.asset(asset).name,
            wallet_balance: amount(self.wallet),
            unrealized_profit: amount(self.unrealised),
            margin_balance: amount(self.wallet + self.unrealised),
            maint_margin: amount(self.maintenance),
            initial_margin: amount(self.initial()),
            position_initial_margin: amount(self.positions),
            open_order_initial_margin: amount(self.orders),
            cross_wallet_balance: amount(self.wallet),
            cross_un_pnl: amount(self.unrealised),
            available_balance: self.free(),
            max_withdraw_amount: self.free(),
            margin_available: true,
            update_time: updated_ms(state, account, asset),
        }
    }
}

/// When a wallet last changed. One that never did shows when its account was opened: clients skip assets without
/// a time.
fn updated_ms(state: &State, account: AccountId, _asset: AssetId) -> i64 {
    state.accounts[account.index()].updated_ms.max(1)
}

/// The assets that perpetuals are margined in.
pub(super) fn margin_assets(state: &State) -> BTreeSet<AssetId> {
    state.symbols_of(Product::UsdM).map(|symbol| symbol.quote).collect()
}

fn totals(state: &State, account: AccountId) -> Totals {
    let assets = margin_assets(state);
    let asset = assets.iter().find(|id| state.asset(**id).name == TOTALS_IN).or(assets.first());
    asset.map_or_else(Sums::default, |asset| Sums::of(state, account, *asset)).totals()
}

fn assets(state: &State, account: AccountId) -> Vec<AssetView<'_>> {
    let view = |asset| Sums::of(state, account, asset).view(state, account, asset);
    margin_assets(state).into_iter().map(view).collect()
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PositionView<'a> {
    symbol: &'a str,
    position_side: &'static str,
    position_amt: Fixed,
    unrealized_profit: Fixed,
    isolated_margin: Fixed,
    notional: Fixed,
    isolated_wallet: Fixed,
    initial_margin: Fixed,
    maint_margin: Fixed,
    update_time: i64,
}

#[derive(Serialize)]
struct AccountView<'a> {
    #[serde(flatten)]
    totals: Totals,
    assets: Vec<AssetView<'a>>,
    positions: Vec<PositionView<'a>>,
}

/// `account` v3: positions, and where open orders may make one.
pub(super) fn account_v3(state: &mut State, request: &Request<'_>) -> Answer {
    let account = request.account();
    let shown = positions::of_account(state, account, state.symbols_of(Product::UsdM)).filter(Held::is_shown);
    let positions = shown.map(|held| PositionView {
        symbol: &held.symbol.spec.name,
        position_side: held.side.as_str(),
        position_amt: held.amt(),
        unrealized_profit: amount(held.unrealised),
        isolated_margin: Fixed::ZERO,
        notional: held.notional(),
        isolated_wallet: Fixed::ZERO,
        initial_margin: amount(held.margin + held.order_margin),
        maint_margin: amount(held.maintenance()),
        update_time: held.updated_ms,
    });
    json(&AccountView {
        totals: totals(state, account),
        assets: assets(state, account),
        positions: positions.collect(),
    })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OldPositionView<'a> {
    symbol: &'a str,
    initial_margin: Fixed,
    maint_margin: Fixed,
    unrealized_profit: Fixed,
    position_initial_margin: Fixed,
    open_order_initial_margin: Fixed,
    leverage: String,
    isolated: bool,
    entry_price: Fixed,
    break_even_price: Fixed,
    max_notional: String,
    bid_notional: Fixed,
    ask_notional: Fixed,
    position_side: &'static str,
    position_amt: Fixed,
    notional: Fixed,
    isolated_wallet: Fixed,
    update_time: i64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OldAccountView<'a> {
    fee_tier: u8,
    fee_burn: bool,
    can_trade: bool,
    can_deposit: bool,
    can_withdraw: bool,
    update_time: i64,
    multi_assets_margin: bool,
    trade_group_id: i64,
    #[serde(flatten)]
    totals: Totals,
    assets: Vec<AssetView<'a>>,
    positions: Vec<OldPositionView<'a>>,
}

/// `account` v2: every symbol.
pub(super) fn account_v2(state: &mut State, request: &Request<'_>) -> Answer {
    let account = request.account();
    let all = positions::of_account(state, account, state.symbols_of(Product::UsdM));
    json(&OldAccountView {
        fee_tier: 0,
        fee_burn: false,
        can_trade: true,
        can_deposit: true,
        can_withdraw: true,
        update_time: 0,
        multi_assets_margin: false,
        trade_group_id: trade_group(state, account),
        totals: totals(state, account),
        assets: assets(state, account),
        positions: all.map(|held| old_position(state, account, &held)).collect(),
    })
}

fn old_position<'a>(state: &State, account: AccountId, held: &Held<'a>) -> OldPositionView<'a> {
    let [bid, ask] = [Side::Buy, Side::Sell]
        .map(|side| or_nought(notional(held.symbol, pending(state, account, held, side))));
    OldPositionView {
        symbol: &held.symbol.spec.name,
        initial_margin: amount(held.margin + held.order_margin),
        maint_margin: amount(held.maintenance()),
        unrealized_profit: amount(held.unrealised),
        position_initial_margin: amount(held.margin),
        open_order_initial_margin: amount(held.order_margin),
        leverage: held.leverage.to_string(),
        isolated: false,
        entry_price: held.entry(),
        break_even_price: held.break_even(),
        max_notional: NOTIONAL_MAX.to_string(),
        bid_notional: bid,
        ask_notional: ask,
        position_side: held.side.as_str(),
        position_amt: held.amt(),
        notional: held.notional(),
        isolated_wallet: NOUGHT,
        update_time: held.updated_ms,
    }
}

/// -1: in no group.
pub(super) fn trade_group(state: &State, account: AccountId) -> i64 {
    state.engine().trade_group(account).map_or(-1, i64::from)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BalanceView<'a> {
    account_alias: String,
    asset: &'a str,
    balance: Fixed,
    cross_wallet_balance: Fixed,
    cross_un_pnl: Fixed,
    available_balance: Fixed,
    max_withdraw_amount: Fixed,
    margin_available: bool,
    update_time: i64,
}

/// `balance`, v2 and v3.
pub(super) fn balance(state: &mut State, request: &Request<'_>) -> Answer {
    let account = request.account();
    let view = |asset| {
        let sums = Sums::of(state, account, asset);
        BalanceView {
            account_alias: format!("st{}", account.index()),
            asset: &state.asset(asset).name,
            balance: amount(sums.wallet),
            cross_wallet_balance: amount(sums.wallet),
            cross_un_pnl: amount(sums.unrealised),
            available_balance: sums.free(),
            max_withdraw_amount: sums.free(),
            margin_available: true,
            update_time: updated_ms(state, account, asset),
        }
    };
    json(&margin_assets(state).into_iter().map(view).collect::<Vec<_>>())
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct UserTrade<'a> {
    symbol: &'a str,
    id: u64,
    order_id: u64,
    side: &'static str,
    price: Fixed,
    qty: Fixed,
    realized_pnl: Fixed,
    quote_qty: Fixed,
    commission: Fixed,
    commission_asset: &'a str,
    time: i64,
    position_side: &'static str,
    buyer: bool,
    maker: bool,
}

/// `userTrades`: both legs of a trade that the account made with itself.
pub(super) fn user_trades(state: &mut State, request: &Request<'_>) -> Answer {
    let symbol = request.symbol(state)?;
    let account = request.account();
    let params = request.params;
    let limit = params.number("limit")?.unwrap_or(500_usize).min(TRADES_MAX);
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
        .map(|(trade, leg, maker)| user_trade(rules, trade, leg, maker))
        .take(limit)
        .collect();
    trades.reverse();
    json(&trades)
}

fn user_trade<'a>(symbol: &'a Symbol, trade: &TradeRecord, leg: &Leg, maker: bool) -> UserTrade<'a> {
    let buyer = trade.buyer_is_maker == maker;
    UserTrade {
        symbol: &symbol.spec.name,
        id: trade.id,
        order_id: leg.order.0,
        side: if buyer { Side::Buy } else { Side::Sell }.as_str(),
        price: symbol.price(trade.price),
        qty: symbol.qty(trade.qty),
        realized_pnl: or_nought(amount(leg.realised)),
        quote_qty: symbol.quote(i128::from(trade.price) * i128::from(trade.qty)),
        commission: or_nought(amount(leg.fee)),
        commission_asset: &symbol.spec.quote,
        time: trade.time_ms,
        position_side: leg.position.as_str(),
        buyer,
        maker,
    }
}
