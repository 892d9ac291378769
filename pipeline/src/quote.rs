//! Stage 1: the price (rules 3 to 9).

use schemas::config::{EmptyBook, Placement, SamePolicy};
use schemas::units::{Decimal, Price, Rounding, ratio};

use crate::rules::{BestPrices, LastPair, Rule, RuleSet, Rules};
use crate::skip::Skip;

/// The top of book in whole ticks: a bid rounded up, an ask rounded down, none at or below zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct TickTop {
    pub(crate) bid: Option<Price>,
    pub(crate) ask: Option<Price>,
}

/// Brings the top to ticks, and skips where it lacks a side (3) or is crossed (4).
pub(crate) fn tick_top(rules: &Rules, top: BestPrices) -> Result<TickTop, Skip> {
    let decimals = rules.params.price_decimals;
    let to_ticks = |price: Option<Decimal>, rounding| {
        price.and_then(|price| Price::round(price, decimals, rounding)).filter(|price| *price > Price::ZERO)
    };
    let top = TickTop { bid: to_ticks(top.bid, Rounding::Up), ask: to_ticks(top.ask, Rounding::Down) };
    match (top.bid, top.ask) {
        (Some(bid), Some(ask)) if bid >= ask => Err(Skip::CrossedBook),
        (Some(_), Some(_)) => Ok(top),
        _ if rules.params.empty_book == EmptyBook::Skip => Err(Skip::NoBook),
        _ => Ok(top),
    }
}

/// The price of the pair: the tick's, nudged, capped, opened and clamped.
pub(crate) fn price(
    rules: &Rules,
    last: Option<LastPair>,
    tick_price: Decimal,
    top: &TickTop,
    now_ms: i64,
    fired: &mut RuleSet,
) -> Result<Price, Skip> {
    let price = Price::round(tick_price, rules.params.price_decimals, Rounding::HalfEven)
        .ok_or(Skip::InvalidPrice)?;
    let price = match last {
        Some(last) => after_last(rules, last, price, top, now_ms, fired),
        None => price,
    };
    let price = clamp(rules, price, top, fired)?;
    if price > Price::ZERO { Ok(price) } else { Err(Skip::InvalidPrice) }
}

/// The minute that a candle belongs to: whole minutes since the epoch.
pub(crate) fn minute(now_ms: i64) -> i64 {
    now_ms.div_euclid(60_000)
}

/// 6 and 7: what the last pair's price means for this one's.
fn after_last(
    rules: &Rules,
    last: LastPair,
    price: Price,
    top: &TickTop,
    now_ms: i64,
    fired: &mut RuleSet,
) -> Price {
    let price = if price == last.price {
        same_price(rules, price, top, fired)
    } else {
        divergence_cap(rules, last.price, price, fired)
    };
    if minute(now_ms) == last.minute {
        return price;
    }
    fired.insert(Rule::MinuteOpen);
    last.price
}

/// 6a.
fn same_price(rules: &Rules, price: Price, top: &TickTop, fired: &mut RuleSet) -> Price {
    if rules.params.same_price == SamePolicy::Keep {
        return price;
    }
    fired.insert(Rule::SamePrice);
    if top.ask == Some(price) { price.plus(-1) } else { price.plus(1) }
}

/// 6b. `last * (1 + d)` rounded down is `last + floor(last * d)`, and `last * (1 - d)` rounded up is
/// `last - floor(last * d)`; a whole number of ticks exceeds `last * d` just if it exceeds its floor.
fn divergence_cap(rules: &Rules, last: Price, price: Price, fired: &mut RuleSet) -> Price {
    let divergence = rules.params.price_divergence;
    let exponent = -i32::try_from(divergence.scale()).unwrap_or(0);
    let Some(most) = ratio([last.steps(), divergence.mantissa(), 1], 1, exponent, Rounding::Down) else {
        return price;
    };
    let moved = price.steps() - last.steps();
    if moved.abs() <= most {
        return price;
    }
    fired.insert(Rule::DivergenceCap);
    last.plus(if moved > 0 { most } else { -most })
}

/// 8 and 8b.
fn clamp(rules: &Rules, price: Price, top: &TickTop, fired: &mut RuleSet) -> Result<Price, Skip> {
    let margin = match rules.params.placement {
        Placement::Touch => 0,
        Placement::Inside => 1,
    };
    let (floor, ceiling) = (top.bid.map(|bid| bid.plus(margin)), top.ask.map(|ask| ask.plus(-margin)));
    if let (Some(floor), Some(ceiling)) = (floor, ceiling)
        && floor > ceiling
    {
        return Err(Skip::NoRoom);
    }
    let raised = floor.map_or(price, |floor| price.max(floor));
    let clamped = ceiling.map_or(raised, |ceiling| raised.min(ceiling));
    if clamped != price {
        fired.insert(Rule::BookClamp);
    }
    Ok(clamped)
}
