//! A symbol's filters, and what does not pass them.

use schemas::order::Side;
use schemas::units::Decimal;

use super::refusal;
use crate::simulator::binance::error::ApiError;
use crate::simulator::binance::params::Params;
use crate::simulator::engine::{AccountId, OrderKind, SymbolId};
use crate::simulator::state::{State, Symbol};
use crate::simulator::symbols::Product;

/// Most ticks in a price and lots in a quantity: their product stays far inside 128 bits.
const STEPS_MAX: i64 = 1_000_000_000_000_000;

/// Least, most and step of a price or a quantity; steps count from the least.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) min: i64,
    pub(super) max: i64,
    pub(super) step: i64,
}

/// A symbol's filters: prices in ticks and quantities in lots, as the engine counts them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Filters {
    pub(super) price: Range,
    pub(super) lot: Range,
    /// MARKET orders.
    pub(super) market_lot: Range,
    /// The most of the mark price that a buyer may offer, and the least that a seller may ask.
    pub(super) percent: Option<(Decimal, Decimal)>,
    /// Least price times quantity, in the quote asset.
    pub(super) least_notional: Decimal,
    /// Open orders of an account.
    pub(super) max_orders: usize,
}

/// The filters of a symbol.
pub(super) fn of(state: &State, _symbol: &Symbol) -> Filters {
    let market = state.profile.market(Product::UsdM);
    let all = Range { min: 1, max: STEPS_MAX, step: 1 };
    Filters {
        price: all,
        lot: all,
        market_lot: all,
        percent: None,
        least_notional: market.least_notional,
        max_orders: market.open_orders,
    }
}

/// What an order is about, as far as filters ask.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sized {
    pub(super) side: Side,
    pub(super) kind: OrderKind,
    /// In ticks; 0 for MARKET.
    pub(super) price: i64,
    /// In lots.
    pub(super) qty: i64,
    pub(super) reduce_only: bool,
}

/// A price in ticks, or why it is none.
pub(super) fn price(params: &Params<'_>, symbol: &Symbol) -> Result<i64, ApiError> {
    let decimals = symbol.spec.price_decimals;
    let ticks = steps(params, "price", decimals)?;
    if ticks <= 0 {
        return Err(refusal::price_not_positive());
    }
    i64::try_from(ticks).ok().filter(|ticks| *ticks <= STEPS_MAX).ok_or(refusal::price_too_high())
}

/// A quantity in lots, or why it is none.
pub(super) fn qty(params: &Params<'_>, symbol: &Symbol) -> Result<i64, ApiError> {
    let lots = steps(params, "quantity", symbol.spec.qty_decimals)?;
    if lots <= 0 {
        return Err(refusal::not_positive());
    }
    i64::try_from(lots).ok().filter(|lots| *lots <= STEPS_MAX).ok_or(refusal::qty_too_large())
}

fn steps(params: &Params<'_>, name: &'static str, decimals: u8) -> Result<i128, ApiError> {
    let number = params.decimal(name)?.ok_or_else(|| ApiError::mandatory(name))?;
    if number.decimals() > u32::from(decimals) {
        return Err(refusal::bad_precision());
    }
    if number.mantissa() < 0 {
        return Ok(-1);
    }
    // What is too long to count is far beyond any filter.
    Ok(number.to_steps_exact(decimals).unwrap_or(i128::MAX))
}

/// Checks a new or changed order against the symbol's filters.
pub(super) fn check(state: &State, symbol: SymbolId, order: &Sized) -> Result<(), ApiError> {
    let rules = state.symbol(symbol);
    let filters = of(state, rules);
    if order.kind == OrderKind::Limit {
        check_price(order.price, filters.price)?;
    }
    check_qty(order.qty, filters.lot)?;
    if order.kind == OrderKind::Market {
        check_qty(order.qty, filters.market_lot)?;
    }
    let mark = state.engine().mark(symbol);
    check_notional(rules, &filters, order, mark)?;
    match (filters.percent, mark) {
        (Some(bounds), Some(mark)) => check_percent(state, rules, order, bounds, mark),
        (Some(_) | None, _) => Ok(()),
    }
}

/// Whether the account may have one more open order on the symbol.
pub(super) fn check_count(state: &State, account: AccountId, symbol: SymbolId) -> Result<(), ApiError> {
    let most = of(state, state.symbol(symbol)).max_orders;
    if state.engine().open_orders_of(account, symbol) < most {
        Ok(())
    } else {
        Err(refusal::too_many_open_orders())
    }
}

fn check_price(price: i64, range: Range) -> Result<(), ApiError> {
    if price < range.min {
        return Err(refusal::price_too_low());
    }
    if range.max > 0 && price > range.max {
        return Err(refusal::price_too_high());
    }
    if range.step > 0 && (price - range.min) % range.step != 0 {
        return Err(refusal::price_off_tick());
    }
    Ok(())
}

fn check_qty(qty: i64, range: Range) -> Result<(), ApiError> {
    if qty < range.min {
        return Err(refusal::qty_too_small());
    }
    if range.max > 0 && qty > range.max {
        return Err(refusal::qty_too_large());
    }
    if range.step > 0 && (qty - range.min) % range.step != 0 {
        return Err(refusal::qty_off_step());
    }
    Ok(())
}

/// A MARKET order is valued at the mark price. Orders that only reduce are free of it.
fn check_notional(
    symbol: &Symbol,
    filters: &Filters,
    order: &Sized,
    mark: Option<i64>,
) -> Result<(), ApiError> {
    let price = match order.kind {
        OrderKind::Limit => Some(order.price),
        OrderKind::Market => mark,
    };
    let Some(price) = price.filter(|_| !order.reduce_only) else { return Ok(()) };
    let decimals = symbol.spec.price_decimals + symbol.spec.qty_decimals;
    let notional = Decimal::from_steps(i128::from(price) * i128::from(order.qty), decimals);
    if notional < filters.least_notional {
        return Err(refusal::notional_too_small(filters.least_notional));
    }
    Ok(())
}

fn check_percent(
    state: &State,
    symbol: &Symbol,
    order: &Sized,
    (up, down): (Decimal, Decimal),
    mark: i64,
) -> Result<(), ApiError> {
    let (most, least) = (multiple(mark, up, false), multiple(mark, down, true));
    match (order.kind, order.side) {
        (OrderKind::Limit, Side::Buy) if order.price > most => {
            Err(refusal::above_mark(symbol.price(most).trimmed(0)))
        }
        (OrderKind::Limit, Side::Sell) if order.price < least => {
            Err(refusal::below_mark(symbol.price(least).trimmed(0)))
        }
        (OrderKind::Limit, Side::Buy | Side::Sell) => Ok(()),
        (OrderKind::Market, side) => {
            let best = state.engine().best(symbol.id, side.opposite()).map(|(price, _)| price);
            let fits = best.is_none_or(|best| match side {
                Side::Buy => best <= most,
                Side::Sell => best >= least,
            });
            if fits { Ok(()) } else { Err(refusal::market_too_far()) }
        }
    }
}

/// A multiple of a price, rounded to whole ticks.
fn multiple(price: i64, factor: Decimal, is_up: bool) -> i64 {
    let whole = 10_i128.pow(factor.scale());
    let product = i128::from(price).saturating_mul(factor.mantissa());
    let ticks = if is_up { product.saturating_add(whole - 1) / whole } else { product / whole };
    i64::try_from(ticks).unwrap_or(i64::MAX)
}
