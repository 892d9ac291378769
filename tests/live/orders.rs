//! Each fault of orders on a symbol of its own, all at once: no order is sent twice, each comes to its end by evidence,
//! and trading comes back; answers that contradict what was sent halt their symbol and no other.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use crate::process::{PATIENCE, RunProcess, VenueProcess, folder, instrument, until, until_within};

/// How long the faults last at most.
const FAULTS_MS: u64 = 5_000;
/// Longer than an order may stay in doubt: recvWindow + 10 s, then recvWindow + 2 s.
const SETTLED_WITHIN: Duration = Duration::from_secs(60);

/// A symbol's fault, for as many orders as it says.
const FAULTS: &[(&str, &str)] = &[
    ("LOSTUSDT", r#"{"fault": "lose_requests", "operation": "order.place", "count": 2}"#),
    ("MUTEUSDT", r#"{"fault": "lose_answers", "operation": "order.place", "count": 3}"#),
    ("LATEUSDT", r#"{"fault": "delay_answers", "operation": "order.place", "ms": 3000, "count": 3}"#),
    ("HELDUSDT", r#"{"fault": "hold_requests", "operation": "order.place", "ms": 1500, "count": 3}"#),
    ("WINDUSDT", r#"{"fault": "hold_requests", "operation": "order.place", "ms": 4000, "count": 2}"#),
    (
        "DONEUSDT",
        r#"{"fault": "reject", "preset": "timeout", "executed": true, "operation": "order.place", "count": 3}"#,
    ),
    ("POORUSDT", r#"{"fault": "reject", "preset": "no_balance", "operation": "order.place", "count": 3}"#),
    // Without events a maker is cancelled whose taker has traded.
    ("DUMBUSDT", r#"{"fault": "mute_stream", "stream": "user"}"#),
    ("DUMBUSDT", r#"{"fault": "lose_answers", "operation": "order.cancel"}"#),
    ("TWICUSDT", r#"{"fault": "duplicate_answers", "count": 9}"#),
    ("EVENUSDT", r#"{"fault": "duplicate_messages", "stream": "user", "count": 20}"#),
    ("SWAPUSDT", r#"{"fault": "reorder_messages", "stream": "user"}"#),
    ("SLOWUSDT", r#"{"fault": "delay_messages", "stream": "user", "ms": 400, "count": 20}"#),
];

/// Whose answers name another client's order.
const CONTRADICTED: &str = "LIESUSDT";
const LIES: &str =
    r#"{"fault": "wrong_answers", "field": "client_id", "operation": "order.place", "count": 1}"#;

fn symbols() -> Vec<&'static str> {
    let mut symbols: Vec<_> = FAULTS.iter().map(|(symbol, _)| *symbol).chain([CONTRADICTED]).collect();
    symbols.dedup();
    symbols
}

fn of_symbol(run: &RunProcess, symbol: &str) -> Value {
    let status = run.status();
    let all = status["instruments"].as_array().unwrap();
    all.iter().find(|one| one["maker_symbol"] == symbol).unwrap().clone()
}

/// Fault O1, O2, O3, O4, O5, O6, O13, O15, O20.
/// Promise P2, P14.
#[test]
fn orders_come_to_their_end_once_whatever_becomes_of_their_messages() {
    let dir = folder();
    let list = dir.path().join("symbols");
    std::fs::write(&list, symbols().iter().map(|symbol| format!("{symbol} 2 6 65000\n")).collect::<String>())
        .unwrap();
    let venue = VenueProcess::start_with(dir.path(), &["--symbols", list.to_str().unwrap()]);
    let instruments: Vec<Value> = symbols().iter().map(|symbol| instrument(venue.addr, symbol)).collect();
    let config = json!({ "Feed": "synthetic:6", "instruments": instruments });
    let mut run = RunProcess::start(dir.path(), "run", &config, &[]);
    run.wait_until_ready();
    let trades = |symbol: &str| venue.ledger("totals")["symbols"][symbol]["trades"].as_u64().unwrap();
    for symbol in symbols() {
        until_within(PATIENCE, symbol, || (trades(symbol) > 1).then_some(()));
    }
    let faults: Vec<Value> = FAULTS
        .iter()
        .chain(&[(CONTRADICTED, LIES)])
        .map(|(symbol, fault)| {
            let mut fault: Value = serde_json::from_str(fault).unwrap();
            fault["symbol"] = json!(symbol);
            // The lie waits for its one order, however long a slow machine takes to come to it.
            if *symbol != CONTRADICTED {
                fault["for_ms"] = json!(FAULTS_MS);
            }
            fault
        })
        .collect();
    venue.fault(&json!(faults));
    until("the contradicted symbol is halted", || {
        let halted = of_symbol(&run, CONTRADICTED)["halted"].clone();
        halted["reason"].as_str().is_some_and(|reason| reason.contains("mismatch")).then_some(())
    });
    until_within(SETTLED_WITHIN, "the faults are over", || {
        let on = crate::process::get_json(venue.addr, "/venue/faults");
        on.as_array().unwrap().is_empty().then_some(())
    });
    for (symbol, _) in FAULTS {
        let before = trades(symbol);
        until_within(SETTLED_WITHIN, symbol, || (trades(symbol) > before + 2).then_some(()));
    }
    let before = trades(CONTRADICTED);
    let (status, summary) = run.stop();
    assert_eq!(status.code(), Some(0), "{summary}");
    assert_eq!((&summary["books_balance"], &summary["open_orders"]), (&json!(true), &json!(0)));
    assert!(venue.open_orders().is_empty());
    assert_eq!(trades(CONTRADICTED), before, "it went on trading");
    assert_each_order_once(&venue, &run);
}

/// The venue never saw an id twice, and no reference trade made two pairs.
fn assert_each_order_once(venue: &VenueProcess, run: &RunProcess) {
    let orders = venue.ledger("orders?limit=1000000");
    let mut seen = BTreeSet::new();
    for order in orders.as_array().unwrap() {
        let id = order["clientOrderId"].as_str().unwrap().to_owned();
        assert!(seen.insert(id.clone()), "{id} was placed twice");
    }
    let mut causes = BTreeSet::new();
    for label in run.labels().into_iter().filter(|label| !label["tick"]["id"].is_null()) {
        let cause = (label["follow_key"].to_string(), label["tick"]["id"].to_string());
        assert!(causes.insert(cause.clone()), "{cause:?} made two pairs");
    }
}
