//! An order's parameters, and everything that is checked before the engine sees it.

use schemas::order::{PositionSide, Side};

use super::desk::Particulars;
use super::filters::{self, Sized};
use super::refusal;
use super::views::{parse_position_side, parse_side};
use crate::simulator::binance::error::ApiError;
use crate::simulator::binance::params::Params;
use crate::simulator::binance::route::Request;
use crate::simulator::engine::{
    AccountId, CLIENT_ID_LEN_MAX, ClientId, Life, NewOrder, OrderKind, StpMode, SymbolId,
};
use crate::simulator::profile::SymbolStatus;
use crate::simulator::state::State;

/// How far ahead the end of a GTD order must be.
const GOOD_TILL_AHEAD_MS: i64 = 600_000;
/// The last moment of the year 9999.
const GOOD_TILL_MAX_MS: i64 = 253_402_300_799_000;

/// Orders that live elsewhere on the public venue, and nowhere here.
const CONDITIONAL: [&str; 5] =
    ["STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET", "TRAILING_STOP_MARKET"];

/// How much an answer tells of what became of the order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Detail {
    /// That it was taken in.
    Ack,
    /// How it stands.
    Result,
}

/// An order that may go to the engine.
#[derive(Clone, Copy, Debug)]
pub(super) struct Read {
    pub(super) new: NewOrder,
    pub(super) detail: Detail,
    pub(super) particulars: Particulars,
}

/// Reads an order and checks it against the symbol's rules. Nothing has changed if it fails.
pub(super) fn read(state: &mut State, request: &Request<'_>) -> Result<Read, ApiError> {
    let symbol = request.symbol(state)?;
    check_status(state.symbol(symbol).rules.status)?;
    let params = request.params;
    let account = request.account();
    let side = parse_side(params.required("side")?).ok_or(ApiError::bad_side())?;
    let (kind, life, good_till_ms) = kind_and_life(params, request.now_ms)?;
    let position = position(state, params, account)?;
    let reduce_only = reduce_only(params, position)?;
    let detail = detail(params)?;
    let client = match params.get("newClientOrderId") {
        None => state.make_client_id(),
        Some(text) => client_id(text)?,
    };
    let qty = filters::qty(params, state.symbol(symbol))?;
    let (price, price_match) = match kind {
        OrderKind::Limit => limit_price(state, params, symbol, side)?,
        OrderKind::Market => market_price(params)?,
    };
    filters::check(state, symbol, &Sized { side, kind, price, qty, reduce_only })?;
    filters::check_count(state, account, symbol)?;
    let stp = stp(state, params, account, symbol)?;
    // Self-trade prevention has no effect on FOK orders; a GTX order never takes.
    let effective = if life == Life::Fok { StpMode::None } else { stp };
    let particulars = Particulars { good_till_ms, price_match, stp: (effective != stp).then_some(stp) };
    let new = NewOrder {
        kind,
        stp: effective,
        position,
        reduce_only,
        now_ms: request.now_ms,
        ..NewOrder::limit(account, symbol, client, side, (price, qty), life)
    };
    Ok(Read { new, detail, particulars })
}

/// A client order id, or -4015.
pub(super) fn client_id(text: &str) -> Result<ClientId, ApiError> {
    if text.len() > CLIENT_ID_LEN_MAX {
        return Err(refusal::long_client_id());
    }
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b':' | b'/' | b'_' | b'-');
    ClientId::new(text).filter(|_| text.bytes().all(plain)).ok_or(refusal::bad_client_id())
}

/// Whether a symbol takes orders: -4140, -4141.
pub(super) fn check_status(status: SymbolStatus) -> Result<(), ApiError> {
    match status {
        SymbolStatus::Trading => Ok(()),
        SymbolStatus::Halt => Err(refusal::symbol_halted()),
        SymbolStatus::Break => Err(refusal::symbol_closed()),
    }
}

fn kind_and_life(params: &Params<'_>, now_ms: i64) -> Result<(OrderKind, Life, Option<i64>), ApiError> {
    let order_type = params.required("type")?;
    if matches!(order_type, "LIMIT" | "MARKET") && params.flag("closePosition") == Some(true) {
        return Err(refusal::close_position(order_type));
    }
    match order_type {
        "LIMIT" => {}
        "MARKET" if params.get("timeInForce").is_some() => return Err(ApiError::not_required("timeinforce")),
        "MARKET" => return Ok((OrderKind::Market, Life::Ioc, None)),
        conditional if CONDITIONAL.contains(&conditional) => return Err(refusal::conditional()),
        _ => return Err(ApiError::bad_type()),
    }
    let life = match params.required("timeInForce")? {
        "GTC" => Life::Gtc,
        "IOC" => Life::Ioc,
        "FOK" => Life::Fok,
        "GTX" => Life::Gtx,
        "GTD" => return Ok((OrderKind::Limit, Life::Gtc, Some(good_till(params, now_ms)?))),
        _ => return Err(ApiError::bad_time_in_force()),
    };
    Ok((OrderKind::Limit, life, None))
}

/// The end of a GTD order, in whole seconds.
fn good_till(params: &Params<'_>, now_ms: i64) -> Result<i64, ApiError> {
    let date: i64 = params.number("goodTillDate")?.ok_or_else(|| ApiError::mandatory("goodTillDate"))?;
    if date <= now_ms + GOOD_TILL_AHEAD_MS || date >= GOOD_TILL_MAX_MS {
        return Err(refusal::good_till());
    }
    Ok(date - date % 1_000)
}

fn position(state: &State, params: &Params<'_>, account: AccountId) -> Result<PositionSide, ApiError> {
    let side = match params.get("positionSide") {
        None => PositionSide::Both,
        Some(word) => parse_position_side(word).ok_or(refusal::bad_position_side())?,
    };
    let is_hedge = side != PositionSide::Both;
    if is_hedge == state.engine().is_hedged(account) { Ok(side) } else { Err(refusal::position_side()) }
}

fn reduce_only(params: &Params<'_>, position: PositionSide) -> Result<bool, ApiError> {
    match params.get("reduceOnly") {
        None => Ok(false),
        Some(_) if position != PositionSide::Both => Err(ApiError::not_required("reduceonly")),
        Some(word) => word.to_ascii_lowercase().parse().map_err(|_| ApiError::not_valid("reduceOnly")),
    }
}

fn detail(params: &Params<'_>) -> Result<Detail, ApiError> {
    match params.get("newOrderRespType") {
        None | Some("ACK") => Ok(Detail::Ack),
        Some("RESULT") => Ok(Detail::Result),
        Some(_) => Err(ApiError::not_valid("newOrderRespType")),
    }
}

/// Its own price, or the one that the book gives it.
fn limit_price(
    state: &State,
    params: &Params<'_>,
    symbol: SymbolId,
    side: Side,
) -> Result<(i64, Option<&'static str>), ApiError> {
    let word = match params.get("priceMatch") {
        None | Some("NONE") => {
            return filters::price(params, state.symbol(symbol)).map(|price| (price, None));
        }
        Some(word) => word,
    };
    let (word, side, level) = match word {
        "OPPONENT" => ("OPPONENT", side.opposite(), 1),
        "OPPONENT_5" => ("OPPONENT_5", side.opposite(), 5),
        "OPPONENT_10" => ("OPPONENT_10", side.opposite(), 10),
        "OPPONENT_20" => ("OPPONENT_20", side.opposite(), 20),
        "QUEUE" => ("QUEUE", side, 1),
        "QUEUE_5" => ("QUEUE_5", side, 5),
        "QUEUE_10" => ("QUEUE_10", side, 10),
        "QUEUE_20" => ("QUEUE_20", side, 20),
        _ => return Err(refusal::bad_price_match()),
    };
    if params.get("price").is_some() {
        return Err(ApiError::not_required("price"));
    }
    let found = state.engine().levels(symbol, side).nth(level - 1);
    found.map(|(price, _)| (price, Some(word))).ok_or(refusal::no_depth_for_price_match())
}

fn market_price(params: &Params<'_>) -> Result<(i64, Option<&'static str>), ApiError> {
    if params.get("price").is_some() {
        return Err(ApiError::not_required("price"));
    }
    match params.get("priceMatch") {
        None | Some("NONE") => Ok((0, None)),
        Some(_) => Err(refusal::price_match_with_market()),
    }
}

/// An account that must not trade with itself cannot ask for NONE, and does not get it by default.
fn stp(
    state: &State,
    params: &Params<'_>,
    account: AccountId,
    symbol: SymbolId,
) -> Result<StpMode, ApiError> {
    let (rules, is_bound) = (&state.symbol(symbol).rules, state.accounts[account.index()].require_stp);
    let mode = match params.get("selfTradePreventionMode") {
        None if is_bound && rules.default_stp == StpMode::None => return Ok(StpMode::ExpireMaker),
        None => return Ok(rules.default_stp),
        Some("NONE") => StpMode::None,
        Some("EXPIRE_TAKER") => StpMode::ExpireTaker,
        Some("EXPIRE_MAKER") => StpMode::ExpireMaker,
        Some("EXPIRE_BOTH") => StpMode::ExpireBoth,
        Some(_) => return Err(refusal::bad_stp()),
    };
    let is_allowed = rules.allowed_stp.contains(&mode) && !(is_bound && mode == StpMode::None);
    if is_allowed { Ok(mode) } else { Err(refusal::stp_not_available()) }
}
