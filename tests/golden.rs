//! Every case of the decision rules has its answer, from the configuration's text to the order's text.

#![expect(clippy::unwrap_used, reason = "a test may fail where it stands")]

use std::collections::BTreeMap;

use schemas::config::Config;
use self_trader::cli::decide::Decider;
use serde_json::Value;
use serde_json::value::RawValue;

type Case = BTreeMap<String, Box<RawValue>>;

/// Fault F13.
#[test]
fn every_case_has_its_answer() {
    let text = std::fs::read_to_string("tests/golden/rules.jsonl").unwrap();
    let mut events = 0;
    for line in text.lines() {
        let case: Case = serde_json::from_str(line).unwrap();
        events += check(&case);
    }
    assert_eq!(text.lines().count(), 150);
    assert!(events > 4_000, "{events} events");
}

fn check(case: &Case) -> usize {
    let config = Config::parse(case["param"].get().as_bytes()).unwrap();
    let mut decider = Decider::new(&config.instruments[0], 0);
    let events: Vec<Box<RawValue>> = serde_json::from_str(case["events"].get()).unwrap();
    let expect: Vec<Value> = serde_json::from_str(case["expect"].get()).unwrap();
    assert_eq!(events.len(), expect.len());
    for (number, (event, want)) in events.iter().zip(&expect).enumerate() {
        let got = serde_json::to_value(decider.answer(event.get()).unwrap()).unwrap();
        assert_eq!(&got, want, "{} event {number}: {}", case["name"].get(), event.get());
    }
    events.len()
}
