//! Stage 2: the quantity (rules 10 to 16).

use schemas::config::{SamePolicy, TermType};
use schemas::units::{Decimal, Price, Qty, Rounding, ratio};

use crate::limits::{BEYOND, PriceLimits};
use crate::rules::{Rule, RuleSet, Rules};
use crate::skip::Skip;

/// The quantity of the pair in lots: scaled, brought within the limits, nudged.
pub(crate) fn qty(
    rules: &Rules,
    last: Option<Qty>,
    tick_qty: Decimal,
    price: Price,
    coefficient: Decimal,
    fired: &mut RuleSet,
) -> Result<Qty, Skip> {
    let limits = rules.limits.at(&rules.params, price);
    let least = rules.limits.least.max(limits.min_amount);
    let mut qty = scaled(rules, tick_qty, coefficient);
    if qty < rules.limits.least {
        qty = rules.limits.least;
        fired.insert(Rule::MinQty);
    }
    if qty < limits.min_amount {
        qty = limits.min_amount;
        fired.insert(Rule::MinAmount);
    }
    if qty > limits.most {
        qty = limits.most;
        fired.insert(Rule::MaxAmount);
    }
    if qty < least {
        return Err(Skip::LimitsConflict);
    }
    if rules.params.same_qty == SamePolicy::Nudge && last == Some(qty) {
        qty = same_qty(qty, least, &limits, fired);
    }
    Ok(qty)
}

/// 16: what goes on the wire, and its digits after the point.
pub(crate) fn order_qty(rules: &Rules, qty: Qty) -> Result<(Qty, u8), Skip> {
    let params = &rules.params;
    if params.term == TermType::Spot {
        return Ok((qty, params.qty_decimals));
    }
    let scale = |number: Decimal| i32::try_from(number.scale()).unwrap_or(0);
    let exponent = scale(params.contract_size) - scale(params.leverage) - i32::from(params.qty_decimals);
    let factors = [qty.steps(), params.leverage.mantissa(), 1];
    match ratio(factors, params.contract_size.mantissa(), exponent, Rounding::Down) {
        Some(contracts) if contracts > 0 => Ok((Qty::from_steps(contracts), 0)),
        _ => Err(Skip::ZeroContracts),
    }
}

/// 10: tick quantity * Qty Multiplier * coefficient, rounded once.
fn scaled(rules: &Rules, tick_qty: Decimal, coefficient: Decimal) -> Qty {
    let multiplier = rules.params.qty_multiplier;
    let scale = tick_qty.scale() + multiplier.scale() + coefficient.scale();
    let exponent = i32::from(rules.params.qty_decimals) - i32::try_from(scale).unwrap_or(0);
    let factors = [tick_qty.mantissa(), multiplier.mantissa(), coefficient.mantissa()];
    ratio(factors, 1, exponent, Rounding::HalfEven).map_or(BEYOND, Qty::from_steps)
}

/// 15.
fn same_qty(qty: Qty, least: Qty, limits: &PriceLimits, fired: &mut RuleSet) -> Qty {
    let grown =
        ratio([qty.steps(), 10_001, 1], 10_000, 0, Rounding::HalfEven).map_or(BEYOND, Qty::from_steps);
    let up = if grown == qty { qty.plus(1) } else { grown };
    let candidate = if up > limits.most { qty.plus(-1) } else { up };
    if candidate < least || candidate <= Qty::ZERO {
        return qty;
    }
    fired.insert(Rule::SameQty);
    candidate
}
