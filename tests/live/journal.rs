//! The journal of real processes: kill -9, restarts, and what another process says of it (P2, P12).

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use crate::process::{Process, RunProcess, VenueProcess, folder, instrument, until, until_within};
use crate::redis::Redis;

/// `self-trader journal PATH`: its lines, what it complained of, its exit code.
fn print(path: &Path) -> (Vec<Value>, String, Option<i32>) {
    let output = Command::new(env!("CARGO_BIN_EXE_self-trader")).arg("journal").arg(path).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    (lines, String::from_utf8(output.stderr).unwrap(), output.status.code())
}

fn of_kind<'a>(records: &'a [Value], kind: &'a str) -> impl Iterator<Item = &'a Value> {
    records.iter().filter_map(move |record| record.get(kind))
}

/// Orders that were to leave and of which no end is known.
fn in_doubt(records: &[Value]) -> Vec<Value> {
    let mut open: Vec<Value> = of_kind(records, "intent").map(|intent| intent["id"].clone()).collect();
    for outcome in of_kind(records, "outcome") {
        open.retain(|id| *id != outcome["id"]);
    }
    open
}

/// Fault H1.
/// Promise P12, P13.
#[test]
fn every_order_of_a_killed_run_is_in_its_journal_and_the_next_run_closes_it_out() {
    let dir = folder();
    let journal = dir.path().join("journal");
    let venue = VenueProcess::start(dir.path());
    let config = json!({
        "Feed": "synthetic:11", "Journal": journal,
        "instruments": [instrument(venue.addr, "BTCUSDT"), instrument(venue.addr, "ETHUSDT")],
    });
    venue.fault(&json!({ "fault": "delay_answers", "ms": 40 }));
    for moment in 0..4 {
        let mut run = RunProcess::start(dir.path(), &format!("run{moment}"), &config, &[]);
        run.wait_until_ready();
        let before = venue.trades();
        until("it trades", || (venue.trades() > before + 3).then_some(()));
        run.process.kill();
    }
    // Nothing was kept from being read by the kill: no byte is missing.
    let (records, wrong, code) = print(&journal);
    assert_eq!((wrong.as_str(), code), ("", Some(0)));
    let intents: Vec<&Value> = of_kind(&records, "intent").collect();
    for order in venue.ledger("orders").as_array().unwrap() {
        let id = &order["clientOrderId"];
        assert!(intents.iter().any(|intent| intent["id"] == *id), "{order} is in no journal");
    }
    venue.fault(&json!({ "fault": "delay_answers", "on": false }));

    let doubts = in_doubt(&records);
    let mut last = RunProcess::start(dir.path(), "last", &config, &[]);
    last.wait_until_ready();
    until("it trades", || (last.status()["instruments"][0]["pairs"].as_u64()? > 3).then_some(()));
    // An order that never arrived is proved not to exist only once it could not arrive any more.
    until_within(Duration::from_secs(60), "what was in doubt has an end", || {
        let open = in_doubt(&print(&journal).0);
        doubts.iter().all(|id| !open.contains(id)).then_some(())
    });
    assert_eq!(last.stop().0.code(), Some(0));
    let (records, _, _) = print(&journal);
    let open = in_doubt(&records);
    assert!(open.is_empty(), "in doubt for ever: {open:?}");
    let ends: Vec<&Value> = of_kind(&records, "run_ended").map(|end| &end["how"]).collect();
    assert_eq!(
        ends,
        ["crashed_recovered", "crashed_recovered", "crashed_recovered", "crashed_recovered", "ended"]
    );
    assert!(venue.open_orders().is_empty());
}

/// The book can be traded on: a value that comes once must not meet one that a machine which stood still has left old.
fn is_fresh(run: &RunProcess) {
    let age = || run.status()["instruments"][0]["book"]["age_ms"].as_u64();
    until("the book is fresh", || age().filter(|age| *age < 500));
}

/// Fault F21.
/// Promise P2.
#[test]
fn a_value_that_was_traded_is_not_traded_again_after_a_restart() {
    let Some(redis) = Redis::start(&[]) else { return };
    let dir = folder();
    let venue = VenueProcess::start(dir.path());
    let mut config = json!({
        "Feed": redis.url(), "Journal": dir.path().join("journal"),
        "instruments": [instrument(venue.addr, "BTCUSDT")],
    });
    // Long enough for what was traded before a restart to be young after it.
    config["instruments"][0]["Max Tick Age"] = json!(60);
    let payload = |id: u64| {
        let time = self_trader::clock::wall_ms();
        json!({ "price": "65000.12", "qty": "0.01", "id": id, "time": time }).to_string()
    };
    let (first, second) = (payload(500), payload(501));
    let publish = |payload: &str| {
        redis.ask(&["SET", "binance_ticker_BTCUSDT", payload]);
        redis.ask(&["PUBLISH", "binance_ticker_BTCUSDT", payload]);
    };
    let mut run = RunProcess::start(dir.path(), "first", &config, &[]);
    run.wait_until_ready();
    is_fresh(&run);
    publish(&first);
    until("the pair is made", || (venue.trades() == 1).then_some(()));
    run.process.kill();

    // The value is still there, and it is published once more.
    let mut run = RunProcess::start(dir.path(), "second", &config, &[]);
    run.wait_until_ready();
    // Twice: the one that is there may be too old by now to be looked at.
    publish(&first);
    publish(&first);
    is_fresh(&run);
    publish(&second);
    until("the next trade's pair is made", || (venue.trades() >= 2).then_some(()));
    until("all are counted", || (run.status()["feed"]["duplicates"].as_u64()? >= 2).then_some(()));
    let (status, summary) = run.stop();
    assert_eq!(status.code(), Some(0));
    assert_eq!(summary["pairs"], 1, "{summary}");
    assert_eq!(venue.trades(), 2);
}

/// Fault D3, D4.
#[test]
fn a_journal_in_use_a_strangers_file_and_no_file_are_told_in_one_line() {
    let dir = folder();
    let journal = dir.path().join("journal");
    let venue = VenueProcess::start(dir.path());
    let config = json!({
        "Feed": "synthetic:11", "Journal": journal, "instruments": [instrument(venue.addr, "BTCUSDT")],
    });
    let mut run = RunProcess::start(dir.path(), "run", &config, &[]);
    run.wait_until_ready();
    let file = dir.path().join("run.config.json");
    let second = |config: &Path, name: &str| {
        let mut process = Process::start(dir.path(), name, &["run", config.to_str().unwrap()]);
        (process.wait().code(), process.err())
    };
    let (code, err) = second(&file, "second");
    assert_eq!(code, Some(2));
    assert!(err.starts_with("JRN-007 ") && err.contains("locked by pid "), "{err}");

    // A journal that is being written can be read.
    until("there are records", || (print(&journal).0.len() > 3).then_some(()));
    assert_eq!(run.stop().0.code(), Some(0));

    let other = dir.path().join("other.json");
    let mut foreign = config.clone();
    foreign["Instance"] = json!("blue");
    std::fs::write(&other, foreign.to_string()).unwrap();
    let (code, err) = second(&other, "other");
    assert_eq!(code, Some(2));
    assert!(err.starts_with("JRN-003 ") && err.contains("instance \"main\""), "{err}");

    for path in [file.as_path(), Path::new("/nowhere/at/all"), dir.path()] {
        let (lines, err, code) = print(path);
        assert_eq!((lines.len(), code), (0, Some(2)), "{}", path.display());
        assert!(err.starts_with("JRN-002 "), "{err}");
    }
}
