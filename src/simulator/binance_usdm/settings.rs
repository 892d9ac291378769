//! What an account sets for itself: position mode, leverage, countdowns; and what it can only read.

use serde_json::json;

use super::account::trade_group;
use super::market::symbol_if_named;
use super::positions::{MAINTENANCE_PPM, NOTIONAL_MAX};
use super::refusal;
use super::reports;
use crate::simulator::binance::error::ApiError;
use crate::simulator::binance::numbers::Fixed;
use crate::simulator::binance::route::{self, Answer, Request};
use crate::simulator::engine::{AccountId, Command, Reject, SymbolId};
use crate::simulator::state::{State, Symbol};
use crate::simulator::symbols::Product;
use schemas::order::PositionSide;

fn done() -> Answer {
    route::json(&json!({"code": 200, "msg": "success"}))
}

/// A parameter that is `true` or `false`, in either case.
fn flag(request: &Request<'_>, name: &'static str) -> Result<bool, ApiError> {
    let word = request.params.required(name)?;
    word.to_ascii_lowercase().parse().map_err(|_| ApiError::not_valid(name))
}

/// `GET positionSide/dual`.
pub(super) fn position_mode(state: &mut State, request: &Request<'_>) -> Answer {
    route::json(&json!({"dualSidePosition": state.engine().is_hedged(request.account())}))
}

/// `POST positionSide/dual`.
pub(super) fn set_position_mode(state: &mut State, request: &Request<'_>) -> Answer {
    let (account, hedge) = (request.account(), flag(request, "dualSidePosition")?);
    if state.engine().is_hedged(account) == hedge {
        return Err(refusal::same_position_side());
    }
    state.apply(&Command::PositionMode { account, hedge }).map_err(refusal::of_engine)?;
    done()
}

/// `POST leverage`.
pub(super) fn set_leverage(state: &mut State, request: &Request<'_>) -> Answer {
    let symbol = request.symbol(state)?;
    let account = request.account();
    let text = request.params.required("leverage")?;
    let bad = || refusal::bad_leverage(text);
    let most = state.symbol(symbol).rules.contract.max_leverage;
    let leverage = text.parse().ok().filter(|leverage| *leverage <= most).ok_or_else(bad)?;
    let before = state.engine().leverage(account, symbol);
    match state.apply(&Command::Leverage { account, symbol, leverage }) {
        Ok(_) => {}
        Err(Reject::OutOfBounds) => return Err(bad()),
        Err(Reject::InsufficientMargin) => return Err(refusal::leverage_too_low()),
        Err(reject) => return Err(refusal::of_engine(reject)),
    }
    if before != leverage {
        reports::leverage(state, account, symbol, leverage, request.now_ms);
    }
    route::json(&json!({
        "symbol": state.symbol(symbol).spec.name,
        "leverage": leverage,
        "maxNotionalValue": NOTIONAL_MAX.to_string(),
    }))
}

/// `POST marginType`: all is crossed.
pub(super) fn set_margin_type(state: &mut State, request: &Request<'_>) -> Answer {
    let symbol = request.symbol(state)?;
    match request.params.required("marginType")? {
        "CROSSED" => Err(refusal::same_margin_type()),
        "ISOLATED" => Err(why_not_isolated(state, request.account(), symbol)),
        _ => Err(ApiError::not_valid("marginType")),
    }
}

fn why_not_isolated(state: &State, account: AccountId, symbol: SymbolId) -> ApiError {
    let engine = state.engine();
    let sides = [PositionSide::Both, PositionSide::Long, PositionSide::Short];
    if engine.open_orders_of(account, symbol) > 0 {
        refusal::margin_type_with_orders()
    } else if sides.iter().any(|side| engine.position(account, symbol, *side).qty != 0) {
        refusal::margin_type_with_position()
    } else {
        refusal::not_here()
    }
}

/// `GET multiAssetsMargin`.
pub(super) fn assets_mode() -> Answer {
    route::json(&json!({"multiAssetsMargin": false}))
}

/// `POST multiAssetsMargin`: there is none.
pub(super) fn set_assets_mode(request: &Request<'_>) -> Answer {
    match flag(request, "multiAssetsMargin")? {
        false => Err(refusal::same_assets_mode()),
        true => Err(refusal::not_here()),
    }
}

/// `accountConfig`.
pub(super) fn account_config(state: &mut State, request: &Request<'_>) -> Answer {
    let account = request.account();
    route::json(&json!({
        "feeTier": 0,
        "canTrade": true,
        "canDeposit": true,
        "canWithdraw": true,
        "dualSidePosition": state.engine().is_hedged(account),
        "updateTime": 0,
        "multiAssetsMargin": false,
        "tradeGroupId": trade_group(state, account),
    }))
}

/// `symbolConfig`: an array, of one or of all.
pub(super) fn symbol_config(state: &mut State, request: &Request<'_>) -> Answer {
    let account = request.account();
    let config = |symbol: &Symbol| {
        json!({
            "symbol": symbol.spec.name,
            "marginType": "CROSSED",
            "isAutoAddMargin": false,
            "leverage": state.engine().leverage(account, symbol.id),
            "maxNotionalValue": NOTIONAL_MAX.to_string(),
        })
    };
    let one = symbol_if_named(state, request)?;
    let all = state.symbols_of(Product::UsdM).filter(|symbol| one.is_none_or(|one| one.id == symbol.id));
    route::json(&all.map(config).collect::<Vec<_>>())
}

/// `leverageBracket`: one bracket for everything; an array, of one or of all.
pub(super) fn leverage_bracket(state: &mut State, request: &Request<'_>) -> Answer {
    let bracket = |symbol: &Symbol| {
        json!({
            "bracket": 1,
            "initialLeverage": symbol.rules.contract.max_leverage,
            "notionalCap": NOTIONAL_MAX,
            "notionalFloor": 0,
            "maintMarginRatio": number(Fixed::exact(MAINTENANCE_PPM, 6).trimmed(1)),
            "cum": number(Fixed::exact(0, 1)),
        })
    };
    let one = symbol_if_named(state, request)?;
    let all = state.symbols_of(Product::UsdM).filter(|symbol| one.is_none_or(|one| one.id == symbol.id));
    let view = |symbol: &Symbol| json!({"symbol": symbol.spec.name, "brackets": [bracket(symbol)]});
    route::json(&all.map(view).collect::<Vec<_>>())
}

/// As a JSON number: brackets are the one place where the dialect writes no strings.
fn number(number: Fixed) -> serde_json::Value {
    serde_json::from_str(&number.to_string()).expect("a decimal number is JSON")
}

/// `commissionRate`.
pub(super) fn commission_rate(state: &mut State, request: &Request<'_>) -> Answer {
    let symbol = request.symbol(state)?;
    let (maker, taker) = state.engine().fees(symbol);
    let rate = |ppm: u32| Fixed::exact(ppm.into(), 6);
    route::json(&json!({
        "symbol": state.symbol(symbol).spec.name,
        "makerCommissionRate": rate(maker),
        "takerCommissionRate": rate(taker),
    }))
}

/// `rateLimit/order`.
pub(super) fn order_limits(state: &mut State, request: &Request<'_>) -> Answer {
    let limits = state.orders_mut(request.account(), Product::UsdM).shown(request.now_ms);
    route::json(&limits.map(crate::simulator::binance::limits::RateLimit::without_count))
}

/// `countdownCancelAll`: sets, restarts or stops a symbol's timer.
pub(super) fn count_down(state: &mut State, request: &Request<'_>) -> Answer {
    let symbol = request.symbol(state)?;
    let text = request.params.required("countdownTime")?;
    let bad = || ApiError::illegal("countdownTime");
    let ms: i64 = text.parse().ok().filter(|ms| *ms >= 0).ok_or_else(bad)?;
    let due = (ms > 0).then(|| request.now_ms.saturating_add(ms));
    state.usdm.count_down(request.account(), symbol, due);
    route::json(&json!({"symbol": state.symbol(symbol).spec.name, "countdownTime": ms.to_string()}))
}

/// `listenKey` and `userDataStream.start`.
pub(super) fn open_listen_key(state: &mut State, request: &Request<'_>) -> Answer {
    let key = state.usdm.listen_keys.open(request.account(), request.now_ms);
    route::json(&json!({"listenKey": key}))
}

/// `PUT listenKey` and `userDataStream.ping`.
pub(super) fn prolong_listen_key(state: &mut State, request: &Request<'_>) -> Answer {
    let key = state.usdm.listen_keys.prolong(request.account(), request.now_ms)?;
    route::json(&json!({"listenKey": key}))
}

/// `DELETE listenKey` and `userDataStream.stop`.
pub(super) fn close_listen_key(state: &mut State, request: &Request<'_>) -> Answer {
    state.usdm.listen_keys.close(request.account())?;
    Ok(b"{}".to_vec())
}

/// `feeBurn`: fees are paid in the margin asset.
pub(super) fn fee_burn() -> Answer {
    route::json(&json!({"feeBurn": false}))
}
