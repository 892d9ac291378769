//! An instrument against what its venue said: what keeps it from trading, and what will be refused often.

use schemas::config::{Code, Fault, Instrument, TermType};
use schemas::order::PositionSide;
use schemas::units::{Decimal, MAX_DECIMALS};

use crate::venue::binance::start::SymbolFacts;

/// What keeps an instrument from trading on its venue; what only costs refused orders is logged. `hedge_mode` is
/// the account's, where it has positions.
pub(super) fn check(
    pointer: &str,
    instrument: &Instrument,
    facts: Option<&SymbolFacts>,
    hedge_mode: Option<bool>,
) -> Vec<Fault> {
    let symbol = &instrument.maker_symbol;
    let fault = |key: &str, message: String| Fault::new(Code::Filters, format!("{pointer}/{key}"), message);
    let Some(facts) = facts else {
        return vec![fault("Maker Symbol", format!("the venue has no such symbol (got {symbol:?})"))];
    };
    let rules = &instrument.rules;
    let price = finer(symbol, rules.price_decimals, facts.tick).map(|what| fault("Price Decimals", what));
    let qty = match rules.term {
        TermType::Spot => {
            finer(symbol, rules.qty_decimals, facts.step).map(|what| fault("Qty Decimals", what))
        }
        TermType::Future => {
            no_multiple(symbol, rules.contract_size, facts.step).map(|what| fault("Contract Size", what))
        }
    };
    let mode = hedge_mode.and_then(|hedge| wrong_mode(rules.position_side, hedge));
    let mode = mode.map(|what| fault("Position Side", what));
    let mut faults: Vec<Fault> = [price, qty, mode].into_iter().flatten().collect();
    if !facts.none_allowed {
        faults.push(fault("Maker Symbol", prevention(symbol, facts)));
    }
    if !facts.trading {
        faults.push(fault("Maker Symbol", format!("{symbol} does not trade now")));
    }
    warn_of_small_orders(pointer, instrument, facts);
    faults
}

/// What to say of decimals whose unit is no multiple of the venue's step.
fn finer(symbol: &str, ours: u8, step: Decimal) -> Option<String> {
    match most_decimals(step) {
        Some(most) if ours <= most => None,
        Some(most) => Some(format!(
            "finer than the venue's filter for {symbol} (got {ours}, want at most {most}: its step is {step})"
        )),
        None => Some(format!(
            "no number of decimals fits the venue's filter for {symbol} (got {ours}: its step is {step})"
        )),
    }
}

/// What to say of contracts that are no whole number of the venue's steps.
fn no_multiple(symbol: &str, contract_size: Decimal, step: Decimal) -> Option<String> {
    let decimals = u8::try_from(contract_size.decimals().max(step.decimals())).ok()?;
    let (ours, step_there) = (contract_size.to_steps_exact(decimals)?, step.to_steps_exact(decimals)?);
    let fits = step_there == 0 || ours % step_there == 0;
    (!fits).then(|| {
        format!(
            "no multiple of the venue's step for {symbol} (got {contract_size}, want a multiple of {step})"
        )
    })
}

/// Whether an account must keep long and short apart for an instrument's orders.
pub(super) const fn wants_hedge_mode(side: PositionSide) -> bool {
    match side {
        PositionSide::None | PositionSide::Long | PositionSide::Short => true,
        PositionSide::Both => false,
    }
}

/// What to say of a Position Side that the account's mode refuses.
fn wrong_mode(side: PositionSide, hedge_mode: bool) -> Option<String> {
    let got = side.as_str();
    match (wants_hedge_mode(side), hedge_mode) {
        (true, false) => Some(format!(
            "the account is in one-way mode (got {got:?}, want \"BOTH\"; or switch the account to hedge mode while nothing is open)"
        )),
        (false, true) => Some(format!(
            "the account is in hedge mode (got {got:?}, want \"\"; or switch the account to one-way mode while nothing is open)"
        )),
        (true, true) | (false, false) => None,
    }
}

/// The most digits after the point whose unit is a whole number of steps: 2 for 0.01, 1 for 0.05, none for
/// 0.03 and for 10.
fn most_decimals(step: Decimal) -> Option<u8> {
    if step.is_zero() {
        return Some(MAX_DECIMALS);
    }
    let fits = |decimals: u8| {
        let unit = step.scale().checked_sub(u32::from(decimals)).and_then(|zeros| 10_i128.checked_pow(zeros));
        unit.is_some_and(|unit| unit % step.mantissa() == 0)
    };
    (0..=MAX_DECIMALS).rev().find(|decimals| fits(*decimals))
}

fn prevention(symbol: &str, facts: &SymbolFacts) -> String {
    let why = if facts.allowed_stp.is_empty() && !facts.account_requires_stp {
        format!("{symbol} refuses orders with NONE")
    } else if facts.account_requires_stp {
        "the account requires self-trade prevention".to_owned()
    } else {
        format!("{symbol} allows {} and not NONE", facts.allowed_stp.join(", "))
    };
    format!(
        "self-trade prevention stands in the way: {why}; the venue's operator, or the embedded venue, can allow it"
    )
}

/// Orders that the venue finds too small are refused one by one, outcome `maker_refused`.
fn warn_of_small_orders(pointer: &str, instrument: &Instrument, facts: &SymbolFacts) {
    let rules = &instrument.rules;
    let least_qty = match rules.term {
        TermType::Spot => rules.min_qty.max(Decimal::from_steps(1, rules.qty_decimals)),
        TermType::Future => rules.contract_size,
    };
    for (key, ours, theirs) in
        [("Min Qty", least_qty, facts.min_qty), ("Min Amt", rules.min_amount, facts.min_notional)]
    {
        if ours < theirs {
            tracing::warn!(
                "{pointer}/{key}: smaller orders of {} will be refused by the venue (got {ours}, want at least {theirs})",
                instrument.maker_symbol
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_fit_a_step_when_their_unit_is_a_multiple_of_it() {
        for (step, most) in [
            ("0", Some(18)),
            ("0.01", Some(2)),
            ("0.0100", Some(2)),
            ("1", Some(0)),
            ("0.05", Some(1)),
            ("0.25", Some(0)),
            ("0.5", Some(0)),
            ("0.03", None),
            ("10", None),
            ("1e-18", Some(18)),
        ] {
            assert_eq!(most_decimals(Decimal::parse(step).unwrap()), most, "{step}");
        }
    }
}
