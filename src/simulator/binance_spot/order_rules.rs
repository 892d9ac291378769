//! An order's parameters, and everything that is checked before the engine sees it.

use schemas::order::Side;
use schemas::units::Decimal;

use super::views::parse_side;
use crate::simulator::binance::error::{ApiError, legal};
use crate::simulator::binance::params::Params;
use crate::simulator::binance::route::Request;
use crate::simulator::engine::{ClientId, Life, NewOrder, StpMode};
use crate::simulator::profile::{STEPS_MAX, SymbolRules};
use crate::simulator::state::{State, Symbol};
use crate::simulator::symbols::Product;

/// Digits that the assets have at most; more are "too much precision", fewer than that a filter's business.
const ASSET_DECIMALS: u8 = 8;

/// How much an answer tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Detail {
    Ack,
    Result,
    Full,
}

/// Reads an order and checks it against the symbol's rules. Nothing has changed if it fails.
pub(super) fn read(state: &mut State, request: &Request<'_>) -> Result<(NewOrder, Detail), ApiError> {
    let symbol = request.symbol(state)?;
    let params = request.params;
    let account = request.account();
    let side = parse_side(params.required("side")?).ok_or(ApiError::bad_side())?;
    let life = life(params)?;
    let detail = detail(params, life)?;
    let client = match params.get("newClientOrderId") {
        None => state.make_client_id(),
        Some(text) => client_id("newClientOrderId", text)?,
    };
    let listed = state.symbol(symbol);
    let rules = &listed.rules;
    let (price, qty) = numbers(params, listed)?;
    check_filters(listed, price, qty)?;
    if state.engine().open_orders_of(account, symbol) >= rules.max_orders {
        return Err(ApiError::filter("MAX_NUM_ORDERS"));
    }
    let stp = stp(rules, params)?;
    state.orders_mut(account, Product::Spot).check(request.now_ms)?;
    let new = NewOrder {
        stp,
        now_ms: request.now_ms,
        ..NewOrder::limit(account, symbol, client, side, (price, qty), life)
    };
    Ok((new, detail))
}

/// A client order id, or -1100.
pub(super) fn client_id(name: &str, text: &str) -> Result<ClientId, ApiError> {
    let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    ClientId::new(text).filter(|_| plain).ok_or_else(|| ApiError::illegal_in(name, legal::CLIENT_ID))
}

fn life(params: &Params<'_>) -> Result<Life, ApiError> {
    let time_in_force = params.get("timeInForce");
    match (params.required("type")?, time_in_force) {
        ("LIMIT", None) => Err(ApiError::mandatory("timeInForce")),
        ("LIMIT", Some("GTC")) => Ok(Life::Gtc),
        ("LIMIT", Some("IOC")) => Ok(Life::Ioc),
        ("LIMIT", Some(_)) => Err(ApiError::bad_time_in_force()),
        ("LIMIT_MAKER", None) => Ok(Life::Gtx),
        ("LIMIT_MAKER", Some(_)) => Err(ApiError::not_required("timeInForce")),
        _ => Err(ApiError::bad_type()),
    }
}

fn detail(params: &Params<'_>, life: Life) -> Result<Detail, ApiError> {
    match params.get("newOrderRespType") {
        Some("ACK") => Ok(Detail::Ack),
        Some("RESULT") => Ok(Detail::Result),
        Some("FULL") => Ok(Detail::Full),
        Some(_) => Err(ApiError::not_valid("newOrderRespType")),
        None if life == Life::Gtx => Ok(Detail::Ack),
        None => Ok(Detail::Full),
    }
}

/// Price in ticks and quantity in lots.
fn numbers(params: &Params<'_>, symbol: &Symbol) -> Result<(i64, i64), ApiError> {
    let read = |name| params.decimal(name)?.ok_or_else(|| ApiError::mandatory(name));
    let (qty, price) = (read("quantity")?, read("price")?);
    let price = steps(price, symbol.spec.price_decimals, "price", "PRICE_FILTER")?;
    let qty = steps(qty, symbol.spec.qty_decimals, "quantity", "LOT_SIZE")?;
    Ok((price, qty))
}

fn steps(number: Decimal, decimals: u8, name: &str, filter: &str) -> Result<i64, ApiError> {
    if number.decimals() > u32::from(ASSET_DECIMALS.max(decimals)) {
        return Err(ApiError::too_precise(name));
    }
    number
        .to_steps_exact(decimals)
        .and_then(|steps| i64::try_from(steps).ok())
        .filter(|steps| (1..=STEPS_MAX).contains(steps))
        .ok_or_else(|| ApiError::filter(filter))
}

fn check_filters(symbol: &Symbol, price: i64, qty: i64) -> Result<(), ApiError> {
    let tick_lots = i128::from(price) * i128::from(qty);
    let notional = Decimal::from_steps(tick_lots, symbol.spec.price_decimals + symbol.spec.qty_decimals);
    let least = symbol.rules.notional.as_ref().map(|notional| notional.min);
    if least.is_some_and(|least| notional < least) { Err(ApiError::filter("NOTIONAL")) } else { Ok(()) }
}

fn stp(rules: &SymbolRules, params: &Params<'_>) -> Result<StpMode, ApiError> {
    let mode = match params.get("selfTradePreventionMode") {
        None => return Ok(rules.default_stp),
        Some("NONE") => StpMode::None,
        Some("EXPIRE_TAKER") => StpMode::ExpireTaker,
        Some("EXPIRE_MAKER") => StpMode::ExpireMaker,
        Some("EXPIRE_BOTH") => StpMode::ExpireBoth,
        Some("DECREMENT") => StpMode::Decrement,
        Some("TRANSFER") => StpMode::Transfer,
        Some(_) => return Err(ApiError::not_valid("selfTradePreventionMode")),
    };
    if rules.allowed_stp.contains(&mode) { Ok(mode) } else { Err(ApiError::stp_not_allowed()) }
}

/// The asset that an order's own side receives: what a commission would be paid in.
pub(super) fn received(symbol: &Symbol, side: Side) -> &str {
    match side {
        Side::Buy => &symbol.spec.base,
        Side::Sell => &symbol.spec.quote,
    }
}
