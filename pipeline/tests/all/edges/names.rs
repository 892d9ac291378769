//! Names that leave the process: labels of metrics, words in answers and in the journal.

use std::collections::BTreeSet;

use pipeline::alarm::Alarm;
use pipeline::readiness::Step;
use pipeline::trade::Outcome;

/// `SelfTradePrevented` is `self_trade_prevented`: names change only with what they name.
fn snake(camel: &str) -> String {
    camel.chars().fold(String::new(), |mut text, letter| {
        if letter.is_uppercase() && !text.is_empty() {
            text.push('_');
        }
        text.extend(letter.to_lowercase());
        text
    })
}

#[test]
fn names_are_those_of_what_they_name() {
    for alarm in Alarm::ALL {
        assert_eq!(alarm.name(), snake(&format!("{alarm:?}")));
    }
    for outcome in Outcome::ALL {
        assert_eq!(outcome.name(), snake(&format!("{outcome:?}")));
    }
    for step in Step::ALL {
        assert_eq!(step.name(), snake(&format!("{step:?}")));
    }
}

#[test]
fn places_in_lists_are_their_own() {
    let places: BTreeSet<usize> = Step::ALL.iter().map(|step| step.index()).collect();
    assert!(places.into_iter().eq(0..Step::ALL.len()));
}
