//! Halts, judged by the venue's own ledger: by the admin address, a signal, a file and an instrument's own finding; over
//! a restart; released by name alone.

use std::net::SocketAddr;
use std::path::Path;

use self_trader::clock::wall_ms;
use serde_json::{Value, json};

use crate::process::{
    RunProcess, Standstill, VenueProcess, folder, get_json, instrument, millis, request, until,
};

/// What may leave after a halt was asked for.
const SHUT_WITHIN_MS: i64 = 50;
/// Nothing of ours is open after this.
const CLOSED_WITHIN_MS: i64 = 2_000;

fn both(venue: &VenueProcess) -> Value {
    json!([instrument(venue.addr, "BTCUSDT"), instrument(venue.addr, "ETHUSDT")])
}

/// The last tick again and again, each millisecond: as many pairs as the venue takes.
fn flood(venue: &VenueProcess) -> Value {
    let mut both = both(venue);
    for one in both.as_array_mut().unwrap() {
        one["On Quiet"] = json!("repeat");
        one["Max Tick Age"] = json!(60);
    }
    both
}

fn post(admin: SocketAddr, path: &str, body: &Value) -> (u16, Value) {
    let (status, body) = request(admin, "POST", path, &body.to_string());
    (status, serde_json::from_str(&body).unwrap())
}

/// When the venue took the newest order of a symbol, and how many it took.
fn newest(venue: &VenueProcess, symbol: &str) -> (i64, usize) {
    let orders = venue.ledger(&format!("orders?symbol={symbol}"));
    let orders = orders.as_array().unwrap();
    (orders.iter().map(|order| order["time"].as_i64().unwrap()).max().unwrap_or(0), orders.len())
}

/// When the venue last changed anything about an order of a symbol.
fn last_change(venue: &VenueProcess, symbol: &str) -> i64 {
    let orders = venue.ledger(&format!("orders?symbol={symbol}"));
    let orders = orders.as_array().unwrap().iter();
    orders.map(|order| order["updateTime"].as_i64().unwrap()).max().unwrap_or(0)
}

/// Every pair of a symbol that began has ended: nothing of it is on its way to the venue any more.
fn has_settled(run: &RunProcess, symbol: &str) -> bool {
    let status = run.status();
    let all = status["instruments"].as_array().unwrap();
    let one = all.iter().find(|one| one["maker_symbol"] == symbol).unwrap();
    let ended: u64 = one["outcomes"].as_object().unwrap().values().filter_map(Value::as_u64).sum();
    one["pairs"].as_u64() == Some(ended)
}

/// Ticks go on coming, and for so many of them the venue hears of no new order.
fn stays_silent(run: &RunProcess, venue: &VenueProcess, symbol: &str, ticks: u64) {
    // What left before the halt may still be on its way.
    until("what had begun is over", || has_settled(run, symbol).then_some(()));
    let before = newest(venue, symbol).1;
    let seen = || run.status()["feed"]["messages"].as_u64().unwrap();
    let from = seen();
    until("ticks come", || (seen() > from + ticks).then_some(()));
    assert_eq!(newest(venue, symbol).1, before, "{symbol} was traded while halted");
}

/// A run that trades.
fn trading(dir: &Path, venue: &VenueProcess, config: &Value) -> RunProcess {
    let run = RunProcess::start(dir, "first", config, &[]);
    run.wait_until_ready();
    until("it trades", || (venue.trades() > 10).then_some(()));
    run
}

/// The next run of that configuration trades nothing, and ends in order.
fn stays_halted_over_the_restart(dir: &Path, venue: &VenueProcess, config: &Value) {
    let mut next = RunProcess::start(dir, "second", config, &[]);
    next.wait_until_ready();
    stays_silent(&next, venue, "BTCUSDT", 20);
    assert_eq!(next.stop().0.code(), Some(0));
}

fn closed(venue: &VenueProcess, symbol: &str) -> bool {
    venue.open_orders().iter().all(|order| order["symbol"] != symbol)
}

/// Promise P17.
#[test]
fn a_halt_in_a_flood_is_over_in_50_ms_and_what_is_open_in_2_s() {
    let dir = folder();
    let venue = VenueProcess::start(dir.path());
    let config = json!({ "Feed": "synthetic:7", "instruments": flood(&venue) });
    let mut run = RunProcess::start(dir.path(), "run", &config, &[]);
    run.wait_until_ready();
    until("it trades much", || (venue.trades() > 200).then_some(()));
    let (stood, asked) = (Standstill::watch_at(venue.addr), wall_ms());
    let (status, answer) = post(run.admin, "/halt", &json!({ "symbol": "BTCUSDT", "reason": "drill" }));
    assert_eq!((status, &answer["result"], &answer["lasting"]), (200, &json!("halted"), &json!(false)));
    let lost_then = millis(stood.lost());
    until("nothing of it is open", || closed(&venue, "BTCUSDT").then_some(()));
    let lost = millis(stood.lost());
    drop(stood);
    let others = newest(&venue, "ETHUSDT").1;
    stays_silent(&run, &venue, "BTCUSDT", 40);
    // By the venue's own stamps: when we hear of it does not count.
    let (last, closed) = (newest(&venue, "BTCUSDT").0 - asked, last_change(&venue, "BTCUSDT") - asked);
    assert!(
        last <= SHUT_WITHIN_MS + lost_then,
        "an order {last} ms after the halt, {lost_then} ms of them lost"
    );
    assert!(closed < CLOSED_WITHIN_MS + lost, "open for {closed} ms after the halt, {lost} ms of them lost");
    until("the other symbol goes on", || (newest(&venue, "ETHUSDT").1 > others + 10).then_some(()));
    let skipped = || run.status()["instruments"][0]["skips"]["halted"].as_u64();
    until("ticks skip", || (skipped() > Some(0)).then_some(()));

    let (status, answer) = post(run.admin, "/release", &json!({ "symbol": "BTCUSDT", "reason": "done" }));
    assert_eq!((status, &answer["result"]), (200, &json!("released")));
    let before = newest(&venue, "BTCUSDT").1;
    until("it trades again", || (newest(&venue, "BTCUSDT").1 > before + 10).then_some(()));
    let (code, summary) = run.stop();
    assert_eq!((code.code(), &summary["books_balance"]), (Some(0), &json!(true)), "{summary}");
}

/// Promise P17.
/// Fault K6.
#[test]
fn what_is_halted_stays_so_through_a_kill_and_trades_again_only_when_released() {
    let dir = folder();
    let venue = VenueProcess::start(dir.path());
    let journal = dir.path().join("journal");
    let config = json!({ "Feed": "synthetic:7", "Journal": journal, "instruments": both(&venue) });
    let mut run = trading(dir.path(), &venue, &config);
    let answer = post(run.admin, "/halt", &json!({ "reason": "the venue is being moved" }));
    assert_eq!((answer.0, &answer.1["lasting"]), (200, &json!(true)));
    // The answer waits for the state that lasts, not for the journal, which notes it beside.
    let noted = "\"halt\":{\"reason\":\"the venue is being moved\"";
    until("the journal notes it", || printed(&journal).contains(noted).then_some(()));
    run.process.kill();

    let mut next = RunProcess::start(dir.path(), "second", &config, &[]);
    let halts = get_json(next.admin, "/halts");
    assert_eq!(halts["halts"][0]["reason"], "the venue is being moved", "{halts}");
    next.wait_until_ready();
    stays_silent(&next, &venue, "BTCUSDT", 30);
    stays_silent(&next, &venue, "ETHUSDT", 30);
    let (status, page) = request(next.admin, "GET", "/metrics", "");
    assert!(status == 200 && page.contains("st_halted{by=\"operator\"} 2\n"), "{page}");
    // One symbol of what was halted as a whole cannot be released; nor anything without a reason.
    assert_eq!(post(next.admin, "/release", &json!({ "symbol": "BTCUSDT", "reason": "go" })).0, 409);
    assert_eq!(post(next.admin, "/release", &json!({ "reason": " " })).0, 400);
    let release = || post(next.admin, "/release", &json!({ "reason": "it was moved" }));
    let released = until("its sweep is done", || Some(release()).filter(|(status, _)| *status == 200));
    assert_eq!(released.1["result"], "released");
    let before = venue.trades();
    until("it trades again", || (venue.trades() > before + 10).then_some(()));
    assert_eq!(next.stop().0.code(), Some(0));
    assert!(printed(&journal).contains("\"release\":{\"reason\":\"it was moved\""));
}

/// A journal as the command prints it.
fn printed(journal: &Path) -> String {
    let lines =
        std::process::Command::new(env!("CARGO_BIN_EXE_self-trader")).arg("journal").arg(journal).output();
    String::from_utf8(lines.unwrap().stdout).unwrap()
}

/// Promise P17.
#[test]
fn a_signal_halts_everything_and_that_lasts() {
    let dir = folder();
    let venue = VenueProcess::start(dir.path());
    let state = dir.path().join("halts.json");
    let config = json!({ "Feed": "synthetic:7", "Halt State": state, "instruments": both(&venue) });
    let mut run = trading(dir.path(), &venue, &config);
    run.process.signal("USR1");
    until("it is halted", || (!run.halts().is_empty()).then_some(()));
    assert_eq!(run.halts()[0]["by"], "signal");
    until("nothing is open", || venue.open_orders().is_empty().then_some(()));
    stays_silent(&run, &venue, "ETHUSDT", 20);
    assert_eq!(run.stop().0.code(), Some(0));
    stays_halted_over_the_restart(dir.path(), &venue, &config);
}

/// Promise P17.
#[test]
fn a_file_halts_everything_while_it_is_there() {
    let dir = folder();
    let venue = VenueProcess::start(dir.path());
    let file = dir.path().join("halt");
    let config = json!({ "Feed": "synthetic:7", "Halt File": file, "instruments": both(&venue) });
    // It is there before the start: not one order leaves.
    std::fs::write(&file, "maintenance until noon\nsecond line").unwrap();
    let mut run = RunProcess::start(dir.path(), "run", &config, &[]);
    run.wait_until_ready();
    stays_silent(&run, &venue, "BTCUSDT", 20);
    assert_eq!(newest(&venue, "BTCUSDT").1 + newest(&venue, "ETHUSDT").1, 0);
    assert_eq!(run.halts()[0]["reason"], "maintenance until noon");
    let release = post(run.admin, "/release", &json!({ "reason": "noon" }));
    assert_eq!((release.0, &release.1["code"]), (409, &json!("ADM-004")), "the file is still there");
    std::fs::remove_file(&file).unwrap();
    until("it trades", || (venue.trades() > 10).then_some(()));

    let (stood, asked) = (Standstill::watch_at(venue.addr), wall_ms());
    std::fs::write(&file, "").unwrap();
    until("it is halted", || (!run.halts().is_empty()).then_some(()));
    let lost = millis(stood.lost());
    until("nothing is open", || venue.open_orders().is_empty().then_some(()));
    drop(stood);
    stays_silent(&run, &venue, "ETHUSDT", 20);
    for symbol in ["BTCUSDT", "ETHUSDT"] {
        let last = newest(&venue, symbol).0 - asked;
        assert!(last <= SHUT_WITHIN_MS + lost, "an order {last} ms after the file, {lost} ms of them lost");
    }
    assert_eq!(run.stop().0.code(), Some(0));
}

#[test]
fn halts_that_cannot_be_read_halt_everything() {
    let dir = folder();
    let venue = VenueProcess::start(dir.path());
    let state = dir.path().join("halts.json");
    std::fs::write(&state, "{\"format\":1,\"halts\":[{\"reason\":").unwrap();
    let config = json!({ "Feed": "synthetic:7", "Halt State": state, "instruments": both(&venue) });
    let mut run = RunProcess::start(dir.path(), "run", &config, &[]);
    run.wait_until_ready();
    stays_silent(&run, &venue, "BTCUSDT", 20);
    let halts = run.halts();
    assert_eq!(halts[0]["by"], "state");
    assert!(halts[0]["reason"].as_str().unwrap().contains("HALT-002"), "{halts:?}");
    assert_eq!(post(run.admin, "/release", &json!({ "reason": "looked at" })).0, 200);
    until("it trades", || (venue.trades() > 10).then_some(()));
    assert_eq!(run.stop().0.code(), Some(0));
}

/// An instrument's own finding halts it as an operator does.
#[test]
fn an_alarm_halts_its_instrument_alone_and_that_lasts() {
    let dir = folder();
    let venue = VenueProcess::start(dir.path());
    let state = dir.path().join("halts.json");
    let config = json!({ "Feed": "synthetic:7", "Halt State": state, "instruments": both(&venue) });
    let mut run = trading(dir.path(), &venue, &config);
    venue.fault(&json!({ "fault": "wrong_answers", "field": "client_id", "symbol": "BTCUSDT" }));
    until("it is halted", || (!run.halts().is_empty()).then_some(()));
    venue.fault(&json!({ "fault": "wrong_answers", "on": false, "symbol": "BTCUSDT" }));
    let halts = run.halts();
    assert_eq!((&halts[0]["by"], &halts[0]["symbol"]), (&json!("alarm"), &json!("BTCUSDT")), "{halts:?}");
    until("nothing of it is open", || closed(&venue, "BTCUSDT").then_some(()));
    stays_silent(&run, &venue, "BTCUSDT", 20);
    let before = newest(&venue, "ETHUSDT").1;
    until("the other goes on", || (newest(&venue, "ETHUSDT").1 > before + 10).then_some(()));
    run.process.kill();
    stays_halted_over_the_restart(dir.path(), &venue, &config);
}
