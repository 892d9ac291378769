//! What runs beside the lanes fails in its own code: the run ends in order, and says so. It must not go on without what
//! nobody else would miss: the sync of the journal, the watch over the halt file, the renewal of a switch or a lease.

use self_trader::assign::owner;
use serde_json::{Value, json};

use crate::futures::{SYMBOLS, future};
use crate::process::{RunProcess, VenueProcess, folder, instrument};
use crate::redis::Redis;

/// Runs with everything that this configuration adds, until the part fails in that turn.
fn breaks(part: &str, turn: u32, dialect: &str, more: &Value, args: &[&str]) {
    let dir = folder();
    let symbols = dir.path().join("symbols.json");
    std::fs::write(&symbols, SYMBOLS).unwrap();
    let venue = VenueProcess::start_with(dir.path(), &["--symbols", symbols.to_str().unwrap()]);
    let one = match dialect {
        "spot" => instrument(venue.addr, "BTCUSDT"),
        _ => future(venue.addr, "BTCUSDT", "BOTH"),
    };
    let mut config = json!({
        "Feed": "synthetic:5", "instruments": [one],
        "Journal": dir.path().join("journal"), "Halt File": dir.path().join("halt"),
    });
    config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let broken = format!("{part}:{turn}");
    let mut run = RunProcess::start_with(dir.path(), part, &config, args, &[("SELF_TRADER_BREAK", &broken)]);
    let code = run.process.wait().code();
    let (log, errors, summary) = (run.process.out(), run.process.err(), run.summary());
    assert!(errors.contains("self-trader: panic in thread") && errors.contains("a broken part"), "{errors}");
    assert!(log.contains(" ended: "), "{part}: {log}");
    let open: Vec<String> = serde_json::from_value(summary["open_order_ids"].clone()).unwrap();
    let left = venue.open_orders();
    let listed = left.iter().all(|order| open.iter().any(|id| order["clientOrderId"] == id.as_str()));
    assert!(listed, "{part}: {left:?} {summary}");
    // Without its gateway a run cannot cancel: what it says may be open is all that can be.
    let expected = if open.is_empty() && summary["unconfirmed"] == json!([]) { 1 } else { 3 };
    assert_eq!(code, Some(expected), "{part}: {summary}");
    assert!(expected == 1 || ["gateway", "user_stream", "lists"].contains(&part), "{part}: {summary}");
    assert_eq!(summary["books_balance"], true, "{part}: {summary}");
}

/// Fault H5.
/// Promise P18.
#[test]
fn a_thread_that_fails_ends_the_run_in_order() {
    breaks("journal", 9, "spot", &json!({}), &[]);
    breaks("journal", 9, "spot", &json!({ "Journal Sync": "always" }), &[]);
    breaks("drop_copy", 9, "spot", &json!({}), &[]);
    breaks("labels", 9, "spot", &json!({}), &[]);
    breaks("halt_file", 9, "spot", &json!({}), &[]);
}

/// Fault H5.
/// Promise P18.
#[test]
fn a_task_that_fails_ends_the_run_in_order() {
    for (part, turn) in [
        ("books", 9),
        ("clock", 2),
        ("feed", 9),
        ("filters", 2),
        ("gateway", 99),
        ("prices", 2),
        ("switch", 2),
    ] {
        breaks(part, turn, "spot", &json!({}), &[]);
    }
}

/// Fault H5, H9.
/// Promise P18.
#[test]
fn tasks_that_not_every_run_has_end_the_run_in_order() {
    breaks("user_stream", 9, "usdm", &json!({}), &[]);
    breaks("lists", 2, "usdm", &json!({}), &[]);
    let Some(redis) = Redis::start(&[]) else { return };
    let leases = json!({ "Lease Store": redis.url(), "Sharding": "static", "Shards": 2 });
    let ordinal = owner("BTCUSDT", 2);
    breaks("leases", 9, "spot", &leases, &["--shard", &format!("{ordinal}/2")]);
}
