//! What a run refuses before its first order: one clear line, exit code 2.

use serde_json::{Value, json};

use crate::futures::future;
use crate::process::{Process, VenueProcess, folder, instrument};

fn refused(config: &Value, want: &[&str]) {
    refused_with(config, &[], want);
}

/// What else the program said on standard error.
fn refused_with(config: &Value, more: &[&str], want: &[&str]) -> String {
    let dir = folder();
    let file = dir.path().join("config.json");
    std::fs::write(&file, config.to_string()).unwrap();
    let args = [&["run", file.to_str().unwrap()], more].concat();
    let mut process = Process::start(dir.path(), "run", &args);
    assert_eq!(process.wait().code(), Some(2), "{}", process.err());
    let err = process.err();
    let line = err.lines().find(|line| want.iter().all(|word| line.contains(word)));
    assert!(line.is_some(), "want one line with {want:?} in\n{err}");
    err.lines().filter(|other| Some(*other) != line).map(|other| format!("{other}\n")).collect()
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
fn the_same_is_found_out_of_a_venue_that_does_not_say_so() {
    let dir = folder();
    let symbols = dir.path().join("symbols.json");
    std::fs::write(&symbols, crate::futures::SYMBOLS).unwrap();
    let args = ["--profile", "strict", "--symbols", symbols.to_str().unwrap()];
    let venue = VenueProcess::start_with(dir.path(), &args);
    let config = json!({ "Feed": "synthetic:1", "instruments": [future(venue.addr, "ETHUSDT", "BOTH")] });
    refused(&config, &["CFG-009", "self-trade prevention", "ETHUSDT refuses orders with NONE"]);
}

#[test]
fn a_position_side_that_the_account_refuses_is_named_with_what_to_do() {
    let dir = folder();
    let symbols = dir.path().join("symbols.json");
    std::fs::write(&symbols, crate::futures::SYMBOLS).unwrap();
    let venue = VenueProcess::start_with(dir.path(), &["--symbols", symbols.to_str().unwrap()]);
    let config = json!({ "Feed": "synthetic:1", "instruments": [future(venue.addr, "ETHUSDT", "")] });
    refused(&config, &["CFG-009", "Position Side", "one-way mode", "want \"BOTH\""]);
}

/// Fault B9.
#[test]
fn venues_without_a_client_and_unknown_symbols_and_missing_feeds_are_refused() {
    let dir = folder();
    let venue = VenueProcess::start(dir.path());
    let mut okx = instrument(venue.addr, "BTCUSDT");
    okx["Dialect"] = json!("okx");
    okx["Passphrase"] = json!("p");
    refused(&json!({ "Feed": "synthetic:1", "instruments": [okx] }), &["CFG-016", "BTCUSDT", "no client"]);
    let unknown = instrument(venue.addr, "NOSUCHUSDT");
    refused(&json!({ "Feed": "synthetic:1", "instruments": [unknown] }), &["CFG-009", "NOSUCHUSDT"]);
    refused(&json!([instrument(venue.addr, "BTCUSDT")]), &["/Feed", "no feed"]);
}

#[test]
fn a_feed_that_can_never_work_is_one_line_before_anything_starts() {
    // Nobody listens at the venue: whoever asked it first would wait for ever.
    let nobody = "127.0.0.1:1".parse().unwrap();
    let config = json!([instrument(nobody, "BTCUSDT")]);
    let only_warnings = |rest: String| assert!(rest.lines().all(|line| line.contains("CFG-007")), "{rest}");
    let missing = ["--feed", "tape:/there/is/no/such.csv"];
    only_warnings(refused_with(&config, &missing, &["TAPE-001", "/there/is/no/such.csv"]));
    let dir = folder();
    let no_tape = dir.path().join("config.json");
    std::fs::write(&no_tape, config.to_string()).unwrap();
    let feed = format!("tape:{}", no_tape.display());
    refused_with(&config, &["--feed", &feed], &["TAPE-002", "not shown"]);
}

#[test]
fn what_the_command_line_makes_of_a_file_is_checked_as_well() {
    let nobody = "127.0.0.1:1".parse().unwrap();
    let grouped = ["--feed", "kafka://127.0.0.1:1/trades?group=g"];
    let config = json!([instrument(nobody, "BTCUSDT")]);
    refused_with(&config, &grouped, &["CFG-011 /Feed: ", "group=g", "Sharding \"alone\""]);
    let fleet = json!({ "Sharding": "static", "Shards": 2, "instruments": config });
    refused_with(&fleet, &["--feed", "synthetic:1"], &["CFG-011 /Lease Store: ", "Shards 2"]);
    let found = json!({ "Feed": { "env": "THERE_IS_NO_SUCH_FEED" }, "instruments": config });
    refused(&found, &["CFG-012 /Feed: ", "THERE_IS_NO_SUCH_FEED is not set"]);
    let hidden = ["--feed", "kafka://user:canary-of-a-password@127.0.0.1:1/trades"];
    let rest = refused_with(&config, &hidden, &["CFG-004 --feed: ", "not shown"]);
    assert!(!rest.contains("canary"), "{rest}");
}

#[test]
fn an_account_has_one_secret() {
    let nobody = "127.0.0.1:1".parse().unwrap();
    let mut other = instrument(nobody, "ETHUSDT");
    other["Secret"] = json!("canary-of-another-secret");
    let config = json!({ "Feed": "synthetic:1", "instruments": [instrument(nobody, "BTCUSDT"), other] });
    let rest = refused_with(
        &config,
        &[],
        &["CFG-010 /instruments/1/Secret: ", "ETHUSDT", "BTCUSDT (/instruments/0)"],
    );
    assert!(!rest.contains("canary"), "{rest}");
}
