//! An instrument against what its venue said: what keeps it from trading, and what will be refused often.

use schemas::config::{Code, Fault, Instrument};
use schemas::units::{Decimal, MAX_DECIMALS};

use crate::venue::binance_spot::start::SymbolFacts;

/// What keeps an instrument from trading on its venue; what only costs refused orders is logged.
pub(super) fn check(pointer: &str, instrument: &Instrument, facts: Option<&SymbolFacts>) -> Vec<Fault> {
    let symbol = &instrument.maker_symbol;
    let fault = |key: &str, message: String| Fault::new(Code::Filters, format!("{pointer}/{key}"), message);
    let Some(facts) = facts else {
        return vec![fault("Maker Symbol", format!("the venue has no such symbol (got {symbol:?})"))];
    };
    let rules = &instrument.rules;
    let steps = [
        ("Price Decimals", rules.price_decimals, facts.tick),
        ("Qty Decimals", rules.qty_decimals, facts.step),
    ];
    let finer =
        steps.into_iter().filter_map(|(key, ours, step)| Some(fault(key, finer(symbol, ours, step)?)));
    let mut faults: Vec<Fault> = finer.collect();
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
    let why = if facts.account_requires_stp {
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
    let least_qty = rules.min_qty.max(Decimal::from_steps(1, rules.qty_decimals));
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
