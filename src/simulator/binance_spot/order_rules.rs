//! An order's parameters, and everything that is checked before the engine sees it.

use schemas::order::Side;
use schemas::units::{Decimal, Rounding};

use super::filters;
use super::tags::Tag;
use super::views::parse_side;
use crate::simulator::binance::error::{ApiError, legal};
use crate::simulator::binance::params::Params;
use crate::simulator::binance::route::Request;
use crate::simulator::engine::{AccountId, ClientId, Life, NewOrder, OrderKind, StpMode};
use crate::simulator::profile::{OrderType, STEPS_MAX, SymbolRules, SymbolStatus};
use crate::simulator::state::{State, Symbol};

/// Digits that the assets have at most; more are "too much precision", fewer than that a filter's business.
const ASSET_DECIMALS: u8 = 8;

/// Orders that the venue knows and does not have, each with what it says of them.
const UNSUPPORTED: [(&str, &str); 4] = [
    ("STOP_LOSS", "Stop loss orders are not supported for this symbol."),
    ("STOP_LOSS_LIMIT", "Stop loss limit orders are not supported for this symbol."),
    ("TAKE_PROFIT", "Take profit orders are not supported for this symbol."),
    ("TAKE_PROFIT_LIMIT", "Take profit limit orders are not supported for this symbol."),
];
/// Parameters of orders that the venue does not have, each with what it says of them.
const UNSUPPORTED_PARAMS: [(&str, &str); 3] = [
    ("icebergQty", "Iceberg orders are not supported for this symbol."),
    ("trailingDelta", "Trailing stop orders are not supported for this symbol."),
    ("pegPriceType", "Pegged orders are not supported for this symbol."),
];

/// How much an answer tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Detail {
    Ack,
    Result,
    Full,
}

/// An order that has passed all checks but the count of orders and the engine's.
#[derive(Debug)]
pub(super) struct Placement {
    pub(super) new: NewOrder,
    pub(super) detail: Detail,
    pub(super) tag: Option<Tag>,
}

/// Reads an order and checks it against the symbol's rules. Nothing has changed if it fails.
pub(super) fn read(state: &mut State, request: &Request<'_>) -> Result<Placement, ApiError> {
    let symbol = request.symbol(state)?;
    let params = request.params;
    let account = request.account();
    let side = parse_side(params.required("side")?).ok_or(ApiError::bad_side())?;
    let kind = order_type(state.symbol(symbol), params)?;
    let life = life(params, kind)?;
    let detail = detail(params, kind)?;
    let tag = Tag::read(params)?;
    let client = match params.get("newClientOrderId") {
        None => state.make_client_id(),
        Some(text) => client_id("newClientOrderId", text)?,
    };
    let new =
        NewOrder { now_ms: request.now_ms, ..NewOrder::limit(account, symbol, client, side, (0, 0), life) };
    let new = match kind {
        OrderType::Market => market(params, state.symbol(symbol), new),
        OrderType::Limit | OrderType::LimitMaker => limit(params, state.symbol(symbol), new),
    }?;
    filters::check(state, &new)?;
    let stp = stp(state, account, &state.symbol(symbol).rules, params)?;
    Ok(Placement { new: NewOrder { stp, ..new }, detail, tag })
}

/// Whether the symbol trades.
pub(super) fn is_open(state: &State, new: &NewOrder) -> Result<(), ApiError> {
    match state.symbol(new.symbol).rules.status {
        SymbolStatus::Trading => Ok(()),
        SymbolStatus::Halt | SymbolStatus::Break => Err(ApiError::order_refused("Market is closed.")),
    }
}

/// A client order id, or -1100.
pub(super) fn client_id(name: &str, text: &str) -> Result<ClientId, ApiError> {
    let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    ClientId::new(text).filter(|_| plain).ok_or_else(|| ApiError::illegal_in(name, legal::CLIENT_ID))
}

fn order_type(symbol: &Symbol, params: &Params<'_>) -> Result<OrderType, ApiError> {
    let word = params.required("type")?;
    if let Some((_, words)) = UNSUPPORTED.iter().find(|(own, _)| *own == word) {
        return Err(ApiError::order_refused(words));
    }
    let all = [OrderType::Limit, OrderType::LimitMaker, OrderType::Market];
    let kind = all.into_iter().find(|kind| kind.as_str() == word).ok_or(ApiError::bad_type())?;
    if symbol.rules.order_types.contains(&kind) {
        return Ok(kind);
    }
    Err(match kind {
        OrderType::Market => ApiError::order_refused("Market orders are not supported for this symbol."),
        OrderType::Limit | OrderType::LimitMaker => ApiError::bad_type(),
    })
}

fn life(params: &Params<'_>, kind: OrderType) -> Result<Life, ApiError> {
    if params.get("stopPrice").is_some() {
        return Err(ApiError::not_required("stopPrice"));
    }
    let unsupported = UNSUPPORTED_PARAMS.iter().find(|(name, _)| params.get(name).is_some());
    if let Some((_, words)) = unsupported {
        return Err(ApiError::order_refused(words));
    }
    match (kind, params.get("timeInForce")) {
        (OrderType::Limit, None) => Err(ApiError::mandatory("timeInForce")),
        (OrderType::Limit, Some("GTC")) => Ok(Life::Gtc),
        (OrderType::Limit, Some("IOC")) => Ok(Life::Ioc),
        (OrderType::Limit, Some("FOK")) => Ok(Life::Fok),
        (OrderType::Limit, Some(_)) => Err(ApiError::bad_time_in_force()),
        (OrderType::LimitMaker, None) => Ok(Life::Gtx),
        (OrderType::Market, None) => Ok(Life::Ioc),
        (OrderType::LimitMaker | OrderType::Market, Some(_)) => Err(ApiError::not_required("timeInForce")),
    }
}

fn detail(params: &Params<'_>, kind: OrderType) -> Result<Detail, ApiError> {
    match params.get("newOrderRespType") {
        Some("ACK") => Ok(Detail::Ack),
        Some("RESULT") => Ok(Detail::Result),
        Some("FULL") => Ok(Detail::Full),
        Some(_) => Err(ApiError::not_valid("newOrderRespType")),
        None => match kind {
            OrderType::LimitMaker => Ok(Detail::Ack),
            OrderType::Limit | OrderType::Market => Ok(Detail::Full),
        },
    }
}

fn limit(params: &Params<'_>, symbol: &Symbol, new: NewOrder) -> Result<NewOrder, ApiError> {
    if params.get("quoteOrderQty").is_some() {
        return Err(ApiError::not_required("quoteOrderQty"));
    }
    let read = |name| params.decimal(name)?.ok_or_else(|| ApiError::mandatory(name));
    let (qty, price) = (read("quantity")?, read("price")?);
    let price = steps(price, symbol.spec.price_decimals, "price", "PRICE_FILTER")?;
    let qty = steps(qty, symbol.spec.qty_decimals, "quantity", "LOT_SIZE")?;
    Ok(NewOrder { price, qty, ..new })
}

fn market(params: &Params<'_>, symbol: &Symbol, new: NewOrder) -> Result<NewOrder, ApiError> {
    if params.get("price").is_some() {
        return Err(ApiError::not_required("price"));
    }
    let new = NewOrder { kind: OrderKind::Market, ..new };
    match (params.decimal("quantity")?, params.decimal("quoteOrderQty")?) {
        (Some(_), Some(_)) => Err(ApiError::bad_combination()),
        (None, None) => Err(ApiError::neither("quantity", "quoteOrderQty")),
        (Some(qty), None) => {
            Ok(NewOrder { qty: steps(qty, symbol.spec.qty_decimals, "quantity", "LOT_SIZE")?, ..new })
        }
        (None, Some(quote)) => Ok(NewOrder { quote_qty: Some(quote_steps(quote, symbol)?), ..new }),
    }
}

/// A price in ticks or a quantity in lots.
pub(super) fn steps(number: Decimal, decimals: u8, name: &str, filter: &str) -> Result<i64, ApiError> {
    if number.decimals() > u32::from(ASSET_DECIMALS.max(decimals)) {
        return Err(ApiError::too_precise(name));
    }
    number
        .to_steps_exact(decimals)
        .and_then(|steps| i64::try_from(steps).ok())
        .filter(|steps| (1..=STEPS_MAX).contains(steps))
        .ok_or_else(|| ApiError::filter(filter))
}

/// An amount of the quote asset in tick-lots; what is finer than those is left out.
fn quote_steps(amount: Decimal, symbol: &Symbol) -> Result<i128, ApiError> {
    let decimals = symbol.spec.price_decimals + symbol.spec.qty_decimals;
    if amount.decimals() > u32::from(ASSET_DECIMALS.max(decimals)) {
        return Err(ApiError::too_precise("quoteOrderQty"));
    }
    let most = i128::from(STEPS_MAX) * i128::from(STEPS_MAX);
    let steps = amount.to_steps(decimals, Rounding::Down).filter(|steps| (1..=most).contains(steps));
    steps.ok_or_else(|| ApiError::filter("NOTIONAL"))
}

fn stp(
    state: &State,
    account: AccountId,
    rules: &SymbolRules,
    params: &Params<'_>,
) -> Result<StpMode, ApiError> {
    let must = state.accounts[account.index()].require_stp;
    let mode = match params.get("selfTradePreventionMode") {
        None if must && rules.default_stp == StpMode::None => StpMode::ExpireMaker,
        None => return Ok(rules.default_stp),
        Some("NONE") => StpMode::None,
        Some("EXPIRE_TAKER") => StpMode::ExpireTaker,
        Some("EXPIRE_MAKER") => StpMode::ExpireMaker,
        Some("EXPIRE_BOTH") => StpMode::ExpireBoth,
        Some("DECREMENT") => StpMode::Decrement,
        Some("TRANSFER") => StpMode::Transfer,
        Some(_) => return Err(ApiError::not_valid("selfTradePreventionMode")),
    };
    let refused = must && mode == StpMode::None;
    if rules.allowed_stp.contains(&mode) && !refused { Ok(mode) } else { Err(ApiError::stp_not_allowed()) }
}

/// The asset that an order's own side receives: what a commission is paid in.
pub(super) fn received(symbol: &Symbol, side: Side) -> &str {
    match side {
        Side::Buy => &symbol.spec.base,
        Side::Sell => &symbol.spec.quote,
    }
}
