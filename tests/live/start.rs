//! The start-up gate: each step is blocked in turn; readiness names it, and no order leaves.

use serde_json::{Value, json};

use crate::process::{RunProcess, VenueProcess, folder, instrument, now, request, until};

/// On the embedded venue a start takes no longer.
const START_MAX_S: u64 = 30;

/// What readiness says of the only instrument: its step and why.
fn blocked(run: &RunProcess) -> Option<(String, String)> {
    let (status, body) = request(run.admin, "GET", "/readyz", "");
    let body: Value = serde_json::from_str(&body).unwrap();
    let text = |name: &str| body["blocked"][0][name].as_str().map(str::to_owned);
    assert!(status == 503 || text("step").is_none(), "{body}");
    text("step").zip(text("why"))
}

/// It comes to that step and stays there while so many looks find it so, and at last for that reason: where the machine
/// stood still it may be another one for a moment.
fn stands_at(run: &RunProcess, step: &str, reason: &str) {
    until(step, || blocked(run).filter(|(at, _)| at == step));
    let from = now();
    until(&format!("it stays there: {reason}"), || {
        let (at, why) = blocked(run).expect("it is not ready");
        assert_eq!(at, step, "{why}");
        (from.elapsed().as_millis() > 700 && why.contains(reason)).then_some(())
    });
}

fn orders(venue: &VenueProcess) -> usize {
    venue.ledger("orders").as_array().unwrap().len()
}

fn config(venue: &VenueProcess) -> Value {
    json!({ "Feed": "synthetic:9", "instruments": [instrument(venue.addr, "BTCUSDT")] })
}

fn comes_through(run: &mut RunProcess, venue: &VenueProcess) {
    let began = now();
    run.wait_until_ready();
    assert!(began.elapsed().as_secs() < START_MAX_S, "{:?}", began.elapsed());
    let before = venue.trades();
    until("it trades", || (venue.trades() > before + 3).then_some(()));
    let (code, summary) = run.stop();
    assert_eq!((code.code(), &summary["open_orders"]), (Some(0), &json!(0)), "{summary}");
}

/// Promise P15.
#[test]
fn a_venue_that_does_not_tell_its_filters_is_named() {
    let dir = folder();
    let venue = VenueProcess::start(dir.path());
    venue.fault(
        &json!({ "fault": "reject", "preset": "unavailable", "operation": "GET /api/v3/exchangeInfo" }),
    );
    let mut run = RunProcess::start(dir.path(), "run", &config(&venue), &[]);
    stands_at(&run, "filters", "");
    assert_eq!(orders(&venue), 0);
    let off = json!({
        "fault": "reject", "preset": "unavailable", "operation": "GET /api/v3/exchangeInfo", "on": false
    });
    venue.fault(&off);
    comes_through(&mut run, &venue);
}

/// Promise P15, P25.
/// Fault C1.
#[test]
fn a_venue_whose_clock_is_off_is_named() {
    let dir = folder();
    let venue = VenueProcess::start(dir.path());
    venue.fault(&json!({ "fault": "skew_clock", "offset_ms": 5_000 }));
    let mut run = RunProcess::start(dir.path(), "run", &config(&venue), &[]);
    stands_at(&run, "clock", " ms from ours");
    assert_eq!(orders(&venue), 0);
    venue.fault(&json!({ "fault": "skew_clock", "on": false }));
    comes_through(&mut run, &venue);
}

/// Promise P15, P25.
/// Fault C2.
#[test]
fn a_clock_that_is_told_late_is_named() {
    let dir = folder();
    let venue = VenueProcess::start(dir.path());
    let late = json!({ "fault": "delay_answers", "ms": 1_300, "operation": "GET /api/v3/time" });
    venue.fault(&late);
    let mut run = RunProcess::start(dir.path(), "run", &config(&venue), &[]);
    stands_at(&run, "clock", "is known to");
    assert_eq!(orders(&venue), 0);
    let mut off = late;
    off["on"] = json!(false);
    venue.fault(&off);
    comes_through(&mut run, &venue);
}

/// Promise P15.
#[test]
fn orders_of_an_earlier_run_that_will_not_go_are_named() {
    let dir = folder();
    // Its switch would close them where the next start is slow.
    let venue = VenueProcess::start_with(dir.path(), &["--no-switch"]);
    let mut first = RunProcess::start(dir.path(), "first", &config(&venue), &[]);
    first.wait_until_ready();
    let blind = [
        json!({ "fault": "refuse_cancels" }),
        json!({ "fault": "lose_answers", "operation": "order.place" }),
        json!({ "fault": "mute_stream", "stream": "user" }),
    ];
    venue.fault(&json!(blind));
    venue.resting(|_| true);
    first.process.kill();
    let before = orders(&venue);
    let mut run = RunProcess::start(dir.path(), "second", &config(&venue), &[]);
    stands_at(&run, "sweep", "");
    assert_eq!(orders(&venue), before);
    for mut fault in blind {
        fault["on"] = json!(false);
        venue.fault(&fault);
    }
    comes_through(&mut run, &venue);
}

/// Promise P15.
#[test]
fn a_book_that_does_not_come_is_named() {
    let dir = folder();
    let venue = VenueProcess::start(dir.path());
    venue.fault(&json!({ "fault": "refuse_connections", "how": "unavailable", "connection": "streams" }));
    let mut run = RunProcess::start(dir.path(), "run", &config(&venue), &[]);
    stands_at(&run, "book", "");
    assert_eq!(orders(&venue), 0);
    venue.fault(&json!({
        "fault": "refuse_connections", "how": "unavailable", "connection": "streams", "on": false
    }));
    comes_through(&mut run, &venue);
}

fn probing(venue: &VenueProcess) -> Value {
    let mut config = config(venue);
    config["instruments"][0]["Probe Pair"] = json!("on");
    config
}

/// Promise P15.
/// Fault O12, K5.
#[test]
fn a_probe_that_the_venue_refuses_is_named_with_its_code() {
    let dir = folder();
    let venue = VenueProcess::start(dir.path());
    let refuse = json!({ "fault": "reject", "preset": "no_balance", "operation": "order.place" });
    venue.fault(&refuse);
    let mut run = RunProcess::start(dir.path(), "run", &probing(&venue), &[]);
    until("the refusal is named", || {
        blocked(&run).filter(|(step, why)| step == "probe" && why.contains("-2010"))
    });
    assert_eq!(orders(&venue), 0);
    let mut off = refuse;
    off["on"] = json!(false);
    venue.fault(&off);
    comes_through(&mut run, &venue);
}

/// Promise P2, P15.
#[test]
fn the_probe_is_one_small_pair_that_no_count_and_no_tick_knows_of() {
    let dir = folder();
    let venue = VenueProcess::start(dir.path());
    let run_once = |name: &str, config: &Value| {
        let mut run = RunProcess::start(dir.path(), name, config, &[]);
        run.wait_until_ready();
        until("it trades", || (run.status()["instruments"][0]["pairs"].as_u64()? > 5).then_some(()));
        let (code, summary) = run.stop();
        assert_eq!((code.code(), &summary["books_balance"]), (Some(0), &json!(true)), "{summary}");
        (summary, run.labels())
    };
    let before = venue.trades();
    let (summary, labels) = run_once("probing", &probing(&venue));
    let probes: Vec<&Value> = labels.iter().filter(|label| label["probe"] == true).collect();
    assert_eq!(probes.len(), 1, "{labels:?}");
    assert_eq!(probes[0]["outcome"], "matched");
    assert_eq!(labels[0]["probe"], true, "it goes before all others");
    let pairs = summary["pairs"].as_u64().unwrap();
    assert_eq!(labels.len() as u64, pairs + 1);
    // A machine that stood still may leave a pair that has traded without the names of its trades.
    let traded = summary["matched"].as_u64().unwrap() + 1..=pairs + 1;
    assert!(traded.contains(&(venue.trades() - before)), "{summary}");
    let least = labels.iter().map(|label| label["maker"]["qty"].as_str().unwrap().parse::<f64>().unwrap());
    let probe: f64 = probes[0]["maker"]["qty"].as_str().unwrap().parse().unwrap();
    assert!(least.fold(f64::MAX, f64::min) >= probe);
    // The numbers of pairs begin where they would without it.
    assert_eq!(labels[1]["owner"]["sequence"], 0);
}
