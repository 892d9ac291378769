//! The first thing that a newcomer types.

use serde_json::{Value, json};

use crate::process::{Process, data, folder};

fn demo(more: &[&str]) -> (i32, Value, String) {
    let dir = folder();
    let summary = dir.path().join("summary.json");
    let mut args = vec!["demo", "--headless", "--summary", summary.to_str().unwrap()];
    args.extend(more);
    let mut process = Process::start(dir.path(), "demo", &args);
    let code = process.wait().code().unwrap();
    let text = std::fs::read_to_string(summary).unwrap_or_else(|_| panic!("no summary: {}", process.err()));
    (code, serde_json::from_str(&text).unwrap(), process.out())
}

fn alive_and_clean(summary: &Value) {
    let (pairs, matched) = (summary["pairs"].as_u64().unwrap(), summary["matched"].as_u64().unwrap());
    assert!(pairs > 0 && matched * 100 > pairs * 99, "matched {matched} of {pairs}");
    assert_eq!(summary["venue_trades"], summary["matched"]);
    assert_eq!(summary["open_orders"], 0);
    assert_eq!(summary["books_balance"], true);
}

#[test]
fn an_empty_venue_comes_alive() {
    let (code, summary, out) = demo(&["--for", "6s", "--seed", "7"]);
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
