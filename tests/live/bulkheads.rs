//! One instrument's code fails: it is replaced, sweeps and trades again; the others do not notice.

use std::time::Duration;

use serde_json::{Value, json};

use crate::process::{RunProcess, Standstill, VenueProcess, folder, instrument, request, until};

fn rig(poison: &str) -> (tempfile::TempDir, VenueProcess, RunProcess) {
    let dir = folder();
    let venue = VenueProcess::start(dir.path());
    // In a queue each tick becomes a pair: what comes in bursts is not conflated.
    let both = ["BTCUSDT", "ETHUSDT"].map(|symbol| {
        let mut one = instrument(venue.addr, symbol);
        (one["Conflate"], one["Max Tick Age"]) = (json!("queue"), json!(60));
        one
    });
    let journal = dir.path().join("journal");
    let config = json!({ "Feed": "synthetic:13", "Journal": journal, "instruments": both });
    let run = RunProcess::start_with(dir.path(), "run", &config, &[], &[("SELF_TRADER_POISON", poison)]);
    run.wait_until_ready();
    (dir, venue, run)
}

fn of(run: &RunProcess, symbol: &str) -> Value {
    let status = run.status();
    let all = status["instruments"].as_array().unwrap();
    all.iter().find(|one| one["maker_symbol"] == symbol).unwrap().clone()
}

fn panics(run: &RunProcess) -> u64 {
    let (_, page) = request(run.admin, "GET", "/metrics", "");
    let count = page.lines().find_map(|line| line.strip_prefix("st_panics_total{task=\"lane\"} "));
    count.unwrap().parse().unwrap()
}

fn count(one: &Value, name: &str) -> u64 {
    one[name].as_u64().unwrap()
}

/// Of a hundred ticks of the other symbol that no longer wait, how many became pairs from here on, until so many did.
fn share_of_pairs(run: &RunProcess, ticks: u64) -> u64 {
    let ended = |at: &Value| count(at, "ticks").saturating_sub(count(at, "waiting"));
    let from = of(run, "ETHUSDT");
    let to = until("ticks come", || {
        let now = of(run, "ETHUSDT");
        (ended(&now) >= ended(&from) + ticks).then_some(now)
    });
    100 * (count(&to, "pairs") - count(&from, "pairs")) / (ended(&to) - ended(&from))
}

/// Promise P18.
/// Fault H5.
#[test]
fn an_instrument_that_fails_is_replaced_and_the_others_go_on() {
    let (_dir, venue, mut run) = rig("BTCUSDT:60:2");
    let before = share_of_pairs(&run, 40);
    let stood = Standstill::watch_at(venue.addr);
    until("it has failed", || (panics(&run) > 0).then_some(()));
    let failed = share_of_pairs(&run, 40);
    // Where the machine itself stood still, all books were old for a while: then the shares say nothing.
    let lost = stood.most_within(Duration::from_secs(2));
    assert!(
        failed + 5 >= before || lost > Duration::from_millis(500),
        "of 100 ticks of the other symbol {before}, then {failed} became pairs, with {lost:?} lost"
    );
    until("it has failed twice", || (panics(&run) == 2).then_some(()));
    let pairs = count(&of(&run, "BTCUSDT"), "pairs");
    until("it trades again", || (count(&of(&run, "BTCUSDT"), "pairs") > pairs + 10).then_some(()));
    let (code, summary) = run.stop();
    assert!(run.process.out().contains("its lane failed"));
    assert_eq!(code.code(), Some(0), "{summary}");
    assert_eq!((&summary["books_balance"], &summary["open_orders"]), (&json!(true), &json!(0)), "{summary}");
    assert!(venue.open_orders().is_empty());
    let mut ids: Vec<String> = venue
        .ledger("orders")
        .as_array()
        .unwrap()
        .iter()
        .map(|order| order["clientOrderId"].as_str().unwrap().to_owned())
        .collect();
    let all = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), all, "an id was used twice");
}

/// Promise P1, P18.
/// Fault H5.
#[test]
fn a_maker_that_its_failed_machine_left_is_cancelled() {
    let (_dir, venue, mut run) = rig("BTCUSDT:25:1");
    // Makers rest and are heard of late: one is open when the machine fails.
    venue.fault(&json!({ "fault": "delay_answers", "ms": 400, "symbol": "BTCUSDT" }));
    venue.fault(&json!({ "fault": "delay_messages", "stream": "user", "ms": 400 }));
    until("it has failed", || (panics(&run) > 0).then_some(()));
    until("nothing of it is open", || {
        venue.open_orders().iter().all(|order| order["symbol"] != "BTCUSDT").then_some(())
    });
    venue.fault(&json!({ "fault": "delay_answers", "on": false, "symbol": "BTCUSDT" }));
    venue.fault(&json!({ "fault": "delay_messages", "stream": "user", "on": false }));
    let pairs = count(&of(&run, "BTCUSDT"), "pairs");
    until("it trades again", || (count(&of(&run, "BTCUSDT"), "pairs") > pairs + 5).then_some(()));
    assert_eq!(run.stop().0.code(), Some(0));
    assert!(venue.open_orders().is_empty());
}

/// Promise P18.
/// Fault H5.
#[test]
fn an_instrument_that_fails_again_and_again_stays_halted() {
    let (_dir, venue, mut run) = rig("BTCUSDT:5:9");
    let halts = until("it is halted", || Some(run.halts()).filter(|halts| !halts.is_empty()));
    assert_eq!(
        (&halts[0]["symbol"], &halts[0]["by"], &halts[0]["reason"]),
        (&json!("BTCUSDT"), &json!("alarm"), &json!("panics"))
    );
    assert!(panics(&run) >= 4);
    let before = count(&of(&run, "ETHUSDT"), "pairs");
    until("the other goes on", || (count(&of(&run, "ETHUSDT"), "pairs") > before + 10).then_some(()));
    // What its last machine left is swept once that cannot arrive any more.
    until("nothing of it is open", || {
        venue.open_orders().iter().all(|order| order["symbol"] != "BTCUSDT").then_some(())
    });
    assert_eq!(run.stop().0.code(), Some(0));
}
