//! What a run refuses before its first order: one clear line, exit code 2.

use serde_json::{Value, json};

use crate::process::{Process, VenueProcess, folder, instrument};

fn refused(config: &Value, want: &[&str]) {
    let dir = folder();
    let file = dir.path().join("config.json");
    std::fs::write(&file, config.to_string()).unwrap();
    let mut process = Process::start(dir.path(), "run", &["run", file.to_str().unwrap()]);
    assert_eq!(process.wait().code(), Some(2), "{}", process.err());
    let err = process.err();
    let line = err.lines().find(|line| want.iter().all(|word| line.contains(word)));
    assert!(line.is_some(), "want one line with {want:?} in\n{err}");
}

#[test]
fn decimals_finer_than_the_venues_filters_name_both() {
    let dir = folder();
    let venue = VenueProcess::start(dir.path());
    let mut fine = instrument(venue.addr, "BTCUSDT");
    fine["Price Decimals"] = json!(3);
    let config = json!({ "Feed": "synthetic:1", "instruments": [fine] });
    refused(&config, &["CFG-009", "Price Decimals", "got 3", "want at most 2"]);
    let mut fine = instrument(venue.addr, "BTCUSDT");
    fine["Qty Decimals"] = json!(8);
    refused(
        &json!({ "Feed": "synthetic:1", "instruments": [fine] }),
        &["CFG-009", "Qty Decimals", "got 8", "want at most 6"],
    );
}

#[test]
fn a_venue_that_prevents_self_trades_stands_in_the_way() {
    let dir = folder();
    let process = Process::start(dir.path(), "venue", &["venue", "--profile", "strict"]);
    let addr = crate::process::until("the venue prints its address", || {
        process.out().split_once("http://")?.1.split_once(' ')?.0.parse().ok()
    });
    let config = json!({ "Feed": "synthetic:1", "instruments": [instrument(addr, "BTCUSDT")] });
    refused(&config, &["CFG-009", "self-trade prevention", "BTCUSDT", "EXPIRE_MAKER"]);
}

#[test]
fn futures_and_unknown_symbols_and_missing_feeds_are_refused() {
    let dir = folder();
    let venue = VenueProcess::start(dir.path());
    let mut future = instrument(venue.addr, "BTCUSDT");
    future["Maker Exchange"] = json!("simulated");
    future["Term type"] = json!("FUTURE");
    for key in ["Dialect", "Address"] {
        future.as_object_mut().unwrap().remove(key);
    }
    refused(&json!({ "Feed": "synthetic:1", "instruments": [future] }), &["CFG-016", "BTCUSDT", "FUTURE"]);
    let unknown = instrument(venue.addr, "NOSUCHUSDT");
    refused(&json!({ "Feed": "synthetic:1", "instruments": [unknown] }), &["CFG-009", "NOSUCHUSDT"]);
    refused(&json!([instrument(venue.addr, "BTCUSDT")]), &["/Feed", "no feed"]);
}
