//! A symbol's filters, and what does not pass them.

use schemas::order::Side;
use schemas::units::Decimal;

use super::refusal;
use crate::simulator::binance::error::ApiError;
use crate::simulator::binance::params::Params;
use crate::simulator::engine::{AccountId, OrderKind, SymbolId};
use crate::simulator::profile::{Range, STEPS_MAX, SideMultipliers, SymbolRules};
use crate::simulator::state::{State, Symbol};

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
    let listed = state.symbol(symbol);
    let rules = &listed.rules;
    if order.kind == OrderKind::Limit {
        check_price(order.price, rules.price)?;
    }
    check_qty(order.qty, rules.lot)?;
    if order.kind == OrderKind::Market {
        check_qty(order.qty, rules.market_lot)?;
    }
    let mark = state.engine().mark(symbol);
    check_notional(listed, order, mark)?;
    match (&rules.percent_price, mark) {
        (Some(percent), Some(mark)) => check_percent(state, listed, order, percent.bounds, mark),
        (Some(_) | None, _) => Ok(()),
    }
}

/// Whether the account may have one more open order on the symbol.
pub(super) fn check_count(state: &State, account: AccountId, symbol: SymbolId) -> Result<(), ApiError> {
    let most = state.symbol(symbol).rules.max_orders;
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
fn check_notional(symbol: &Symbol, order: &Sized, mark: Option<i64>) -> Result<(), ApiError> {
    let SymbolRules { notional: Some(rule), .. } = &symbol.rules else { return Ok(()) };
    let price = match order.kind {
        OrderKind::Limit => Some(order.price),
        OrderKind::Market => mark,
    };
    let is_free = order.reduce_only || order.kind == OrderKind::Market && !rule.min_to_market;
    let Some(price) = price.filter(|_| !is_free) else { return Ok(()) };
    let decimals = symbol.spec.price_decimals + symbol.spec.qty_decimals;
    let notional = Decimal::from_steps(i128::from(price) * i128::from(order.qty), decimals);
    if notional < rule.min { Err(refusal::notional_too_small(rule.min)) } else { Ok(()) }
}

fn check_percent(
    state: &State,
    symbol: &Symbol,
    order: &Sized,
    bounds: SideMultipliers,
    mark: i64,
) -> Result<(), ApiError> {
    let (most, least) = (multiple(mark, bounds.bid_up, false), multiple(mark, bounds.ask_down, true));
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
