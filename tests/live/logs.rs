//! What a run logs, and where to.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::process::{Process, VenueProcess, folder, instrument};

/// A run of a moment, with its standard output; longer where the machine was too slow to come to `seen` in it.
fn run(
    dir: &Path,
    config: &Value,
    more: &[&str],
    env: &[(&str, &str)],
    seen: impl Fn(&str) -> bool,
) -> String {
    let file = dir.join("config.json");
    std::fs::write(&file, config.to_string()).unwrap();
    let run_for = |length: &str| {
        let args = [&["run", file.to_str().unwrap(), "--for", length], more].concat();
        let mut process = Process::start_with(dir, "run", &args, env);
        let code = process.wait_within(Duration::from_secs(60)).code();
        assert_eq!(code, Some(0), "{}\n{}", process.out(), process.err());
        assert_eq!(process.err(), "");
        process.out()
    };
    ["2s", "8s", "30s"].into_iter().map(run_for).find(|out| seen(out)).expect("it came to it")
}

fn one_instrument(venue: &VenueProcess) -> Value {
    json!({ "Feed": "synthetic:3", "instruments": [instrument(venue.addr, "BTCUSDT")] })
}

#[test]
fn json_is_all_that_standard_output_holds() {
    let dir = folder();
    let venue = VenueProcess::start(dir.path());
    let stops = |out: &str| out.contains("\"stopping\"");
    let out = run(dir.path(), &one_instrument(&venue), &["--log-format", "json"], &[], stops);
    let lines: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    assert!(lines.iter().all(|line| line["timestamp"].is_string() && line["level"].is_string()));
    let stop = lines.iter().find(|line| line["message"] == "stopping").unwrap();
    assert_eq!(stop["reason"], "TimeIsUp");
    let last = lines.last().unwrap();
    assert_eq!((&last["message"], &last["books_balance"]), (&json!("summary"), &json!(true)));
    // A machine that stood still may leave a pair that has traded without the names of its trades.
    let count = |name: &str| last[name].as_u64().unwrap();
    assert!((count("matched")..=count("pairs")).contains(&venue.trades()), "{last}");
}

#[test]
fn a_file_a_day_leaves_standard_output_to_the_summary() {
    let dir = folder();
    let venue = VenueProcess::start(dir.path());
    let logs = dir.path().join("logs");
    let file = logs.join("trader.log");
    let text = || {
        let files = std::fs::read_dir(&logs).into_iter().flatten();
        files.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap()).collect::<String>()
    };
    let stops = |_: &str| text().contains("stopping");
    let out = run(dir.path(), &one_instrument(&venue), &["--log-file", file.to_str().unwrap()], &[], stops);
    assert!(out.starts_with("pairs "), "{out}");
    let files: Vec<_> = std::fs::read_dir(&logs).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    // Two where the day ends meanwhile.
    assert!((1..=2).contains(&files.len()), "{files:?}");
    for name in files {
        let name = name.into_string().unwrap();
        let dated = name.starts_with("trader.2") && name.ends_with(".log");
        assert!(dated && name.len() == "trader.2026-01-01.log".len(), "{name}");
    }
    assert!(!text().contains('\u{1b}'), "{}", text());
}

#[test]
fn each_pair_is_a_line_for_those_who_ask_for_debug_lines() {
    let dir = folder();
    let venue = VenueProcess::start(dir.path());
    let debug = [("RUST_LOG", "self_trader::telemetry=debug")];
    let matches = |out: &str| out.contains("\"outcome\":\"matched\"");
    let out = run(dir.path(), &one_instrument(&venue), &["--log-format", "json"], &debug, matches);
    let lines = out.lines().map(|line| serde_json::from_str::<Value>(line).expect(line));
    let pairs: Vec<Value> = lines.filter(|line| line["message"] == "pair").collect();
    let matched = pairs.iter().filter(|pair| pair["outcome"] == "matched").count();
    // A machine that stood still may leave a pair that has traded without the names of its trades.
    let traded = matched as u64..=pairs.len() as u64;
    assert!(matched > 0 && traded.contains(&venue.trades()), "{} not in {traded:?}", venue.trades());
    for pair in &pairs {
        assert_eq!((&pair["level"], &pair["symbol"]), (&json!("DEBUG"), &json!("BTCUSDT")));
        assert!(pair["maker"] != pair["taker"] && pair["tick_to_maker_us"].is_number(), "{pair}");
    }
    let before = venue.trades();
    let trades = |_: &str| venue.trades() > before;
    let quiet = run(dir.path(), &one_instrument(&venue), &["--log-format", "json"], &[], trades);
    assert!(!quiet.contains("\"pair\""));
}

#[test]
fn no_call_site_fills_the_log() {
    let dir = folder();
    let warned = |number: usize| {
        let symbol = format!("S{number:02}USDT");
        json!({
            "Maker Exchange": "simulated", "API KEY": "k", "Secret": "s", "Position Side": "LONG",
            "Follow Exchange": "binance", "Follow Symbol": symbol, "Maker Symbol": symbol, "Term type": "SPOT",
            "Price Decimals": 2, "Qty Decimals": 5, "Interval": 0, "Qty Multiplier": 1,
            "Price Divergence": 0.05, "Max Amt Per Order": 10_000_000,
        })
    };
    let instruments: Vec<Value> = (0..30).map(warned).collect();
    let config = json!({ "Feed": "synthetic:1", "instruments": instruments });
    let out = run(dir.path(), &config, &[], &[], |_| true);
    let told = out.lines().filter(|line| line.contains("Position Side")).count();
    let numbers =
        out.split("suppressed=").skip(1).map(|rest| rest.split(|end: char| !end.is_ascii_digit()).next());
    let left_out: usize = numbers.map(|number| number.unwrap().parse::<usize>().unwrap()).sum();
    // 20 at once, then one a second: a few more where the machine stood still in between.
    assert!((20..30).contains(&told) && told + left_out >= 30, "{out}");
}

#[test]
fn a_log_file_that_cannot_be_written_is_one_line() {
    let dir = folder();
    let config = dir.path().join("config.json");
    let nobody = "127.0.0.1:1".parse().unwrap();
    std::fs::write(&config, json!([instrument(nobody, "BTCUSDT")]).to_string()).unwrap();
    let below_a_file = config.join("log");
    let args = [
        "run",
        config.to_str().unwrap(),
        "--feed",
        "synthetic:1",
        "--log-file",
        below_a_file.to_str().unwrap(),
    ];
    let mut process = Process::start(dir.path(), "run", &args);
    assert_eq!(process.wait().code(), Some(2));
    let err = process.err();
    assert!(
        err.starts_with("CFG-001 /Log File: failed to write a log file in ") && err.lines().count() == 1,
        "{err}"
    );
}
