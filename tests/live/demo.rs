//! The first thing that a newcomer types.

use std::time::Duration;

use serde_json::{Value, json};

use crate::process::{Process, data, folder};

/// Pairs that a machine which stands still may cost.
const STALLED: u64 = 6;

fn demo(more: &[&str]) -> (i32, Value, String) {
    let dir = folder();
    let summary = dir.path().join("summary.json");
    let mut args = vec!["demo", "--headless", "--summary", summary.to_str().unwrap()];
    args.extend(more);
    let mut process = Process::start(dir.path(), "demo", &args);
    let code = process.wait_within(Duration::from_secs(90)).code().unwrap();
    let text = std::fs::read_to_string(summary).unwrap_or_else(|_| panic!("no summary: {}", process.err()));
    (code, serde_json::from_str(&text).unwrap(), process.out())
}

fn alive_and_clean(summary: &Value) {
    let count = |name: &str| summary[name].as_u64().unwrap();
    let (pairs, matched, trades) = (count("pairs"), count("matched"), count("venue_trades"));
    // A machine that stands still may cost each symbol the pair that is in flight; no trade is anybody else's.
    assert!(pairs > 0 && (matched + STALLED) * 100 > pairs * 99, "matched {matched} of {pairs}: {summary}");
    assert!((matched..=pairs).contains(&trades), "{matched} <= {trades} <= {pairs}");
    assert_eq!(summary["open_orders"], 0);
    assert_eq!(summary["books_balance"], true);
}

#[test]
fn an_empty_venue_comes_alive() {
    // A machine that stands still may let that time pass before the first pair.
    let (code, summary, out) = ["6s", "30s"]
        .into_iter()
        .map(|length| demo(&["--for", length, "--seed", "7"]))
        .find(|(_, summary, _)| summary["pairs"] != 0)
        .expect("it never traded");
    assert_eq!(code, 0);
    alive_and_clean(&summary);
    assert!(out.contains("following synthetic:7"), "{out}");
}

#[test]
fn a_tape_ends_the_demo_when_it_ends() {
    let Some(tape) = data("cf-binance-spot-20210404/BINANCE-ee25be.0.gz") else { return };
    let (code, summary, _) = demo(&["--tape", &tape, "--speed", "30"]);
    assert_eq!(code, 0);
    assert_eq!(summary["messages"], json!(1_910));
    alive_and_clean(&summary);
}
