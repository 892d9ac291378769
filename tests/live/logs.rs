//! What a run logs, and where to.

use std::path::Path;

use serde_json::{Value, json};

use crate::process::{Process, VenueProcess, folder, instrument};

/// A run of a second, with its standard output.
fn run(dir: &Path, config: &Value, more: &[&str], env: &[(&str, &str)]) -> String {
    let file = dir.join("config.json");
    std::fs::write(&file, config.to_string()).unwrap();
    let args = [&["run", file.to_str().unwrap(), "--for", "2s"], more].concat();
    let mut process = Process::start_with(dir, "run", &args, env);
    assert_eq!(process.wait().code(), Some(0), "{}\n{}", process.out(), process.err());
    assert_eq!(process.err(), "");
    process.out()
}

fn one_instrument(venue: &VenueProcess) -> Value {
    json!({ "Feed": "synthetic:3", "instruments": [instrument(venue.addr, "BTCUSDT")] })
}

#[test]
fn json_is_all_that_standard_output_holds() {
    let dir = folder();
    let venue = VenueProcess::start(dir.path());
    let out = run(dir.path(), &one_instrument(&venue), &["--log-format", "json"], &[]);
    let lines: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    assert!(lines.iter().all(|line| line["timestamp"].is_string() && line["level"].is_string()));
    let stop = lines.iter().find(|line| line["message"] == "stopping").unwrap();
    assert_eq!(stop["reason"], "TimeIsUp");
    let last = lines.last().unwrap();
    assert_eq!((&last["message"], &last["books_balance"]), (&json!("summary"), &json!(true)));
    assert_eq!(last["matched"], venue.trades());
}

#[test]
fn a_file_a_day_leaves_standard_output_to_the_summary() {
    let dir = folder();
    let venue = VenueProcess::start(dir.path());
    let logs = dir.path().join("logs");
    let file = logs.join("trader.log");
    let out = run(dir.path(), &one_instrument(&venue), &["--log-file", file.to_str().unwrap()], &[]);
    assert!(out.starts_with("pairs "), "{out}");
    let files: Vec<_> = std::fs::read_dir(&logs).unwrap().map(|entry| entry.unwrap()).collect();
    let [only] = files.as_slice() else { panic!("{files:?}") };
    let name = only.file_name().into_string().unwrap();
    assert!(
        name.starts_with("trader.2") && name.ends_with(".log") && name.len() == "trader.2026-01-01.log".len()
    );
    let text = std::fs::read_to_string(only.path()).unwrap();
    assert!(text.contains("stopping") && !text.contains('\u{1b}'), "{text}");
}

#[test]
fn each_pair_is_a_line_for_those_who_ask_for_debug_lines() {
    let dir = folder();
    let venue = VenueProcess::start(dir.path());
    let debug = [("RUST_LOG", "self_trader::telemetry=debug")];
    let out = run(dir.path(), &one_instrument(&venue), &["--log-format", "json"], &debug);
    let lines = out.lines().map(|line| serde_json::from_str::<Value>(line).expect(line));
    let pairs: Vec<Value> = lines.filter(|line| line["message"] == "pair").collect();
    let matched = pairs.iter().filter(|pair| pair["outcome"] == "matched").count();
    assert!(matched > 0 && matched as u64 == venue.trades(), "{matched} of {}", pairs.len());
    for pair in &pairs {
        assert_eq!((&pair["level"], &pair["symbol"]), (&json!("DEBUG"), &json!("BTCUSDT")));
        assert!(pair["maker"] != pair["taker"] && pair["tick_to_maker_us"].is_number(), "{pair}");
    }
    let quiet = run(dir.path(), &one_instrument(&venue), &["--log-format", "json"], &[]);
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
    let out = run(dir.path(), &json!({ "Feed": "synthetic:1", "instruments": instruments }), &[], &[]);
    let told = out.lines().filter(|line| line.contains("Position Side")).count();
    assert_eq!(told, 20, "{out}");
    assert!(out.contains("lines were left out suppressed=10"), "{out}");
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
