//! The venue's dead man's switch with real processes, judged by the venue's own ledger: how long was a maker open, and
//! when did the last order come?

use std::net::SocketAddr;
use std::time::Duration;

use schemas::wire::binance::request::Sign;
use self_trader::clock::wall_ms;
use self_trader::venue::binance::sign::HmacSigner;
use serde_json::{Value, json};

use crate::futures::{SYMBOLS, future};
use crate::process::{
    RunProcess, Standstill, VenueProcess, folder, instrument, millis, request, request_by, until,
    until_within,
};

/// In-doubt limit and countdown, and the venue's step.
const OPEN_MAX_MS: i64 = 3_000 + 5_000 + 100;
/// The same where the venue has only USD-M's own.
const OPEN_MAX_BY_SYMBOL_MS: i64 = 3_000 + 30_000 + 100;
/// Two periods after the last renewal that was acknowledged, one of which had begun; and a request on its way.
const STOPS_WITHIN_MS: i64 = 2_000 + 200;

/// A signed request of the test account.
pub(crate) fn signed(venue: SocketAddr, method: &str, path: &str, query: &str) -> (u16, String) {
    let query = format!("{query}&timestamp={}", wall_ms());
    let mut hex = [0; 64];
    HmacSigner::new(b"test-secret").sign(query.as_bytes(), &mut hex);
    let signature = std::str::from_utf8(&hex).unwrap();
    request_by("test-key", venue, method, &format!("{path}?{query}&signature={signature}"), "")
}

/// An order far from any price that carries no prefix of ours.
pub(crate) fn place_alien(venue: SocketAddr, path: &str, symbol: &str) {
    let query = format!(
        "symbol={symbol}&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=1000.00&newClientOrderId=web_{symbol}"
    );
    let (status, body) = signed(venue, "POST", path, &query);
    assert_eq!(status, 200, "{body}");
}

/// Makes the next maker rest: its answer is late, nothing else tells of it, and it cannot be cancelled by its owner.
pub(crate) fn let_a_maker_rest(venue: &VenueProcess) -> Value {
    let_a_maker_of_these_rest(venue, &["BTCUSDT", "ETHUSDT"])
}

/// The same of one of these symbols.
fn let_a_maker_of_these_rest(venue: &VenueProcess, symbols: &[&str]) -> Value {
    venue.fault(&json!({ "fault": "refuse_cancels" }));
    venue.fault(&json!({ "fault": "delay_answers", "ms": 30_000, "operation": "order.place" }));
    venue.fault(&json!({ "fault": "mute_stream", "stream": "user" }));
    venue.resting(|order| order["symbol"].as_str().is_some_and(|symbol| symbols.contains(&symbol)))
}

/// Orders of ours by the venue's ledger.
pub(crate) fn ours(venue: &VenueProcess) -> Vec<Value> {
    let orders = venue.ledger("orders");
    let ours = |order: &&Value| order["clientOrderId"].as_str().unwrap().starts_with("stmain");
    orders.as_array().unwrap().iter().filter(ours).cloned().collect()
}

pub(crate) fn is_open(order: &Value) -> bool {
    matches!(order["status"].as_str(), Some("NEW" | "PARTIALLY_FILLED"))
}

/// How long each order of ours was open, the longest; none may be open any more.
pub(crate) fn longest_open_ms(venue: &VenueProcess) -> i64 {
    let orders = ours(venue);
    assert!(!orders.iter().any(is_open));
    let open_ms = |order: &Value| order["updateTime"].as_i64().unwrap() - order["time"].as_i64().unwrap();
    orders.iter().map(open_ms).max().unwrap()
}

fn switch_of(run: &RunProcess, symbol: &str) -> String {
    let status = run.status();
    let instruments = status["instruments"].as_array().unwrap();
    let one = instruments.iter().find(|one| one["maker_symbol"] == symbol).unwrap();
    one["switch"].as_str().unwrap().to_owned()
}

fn metric(admin: SocketAddr, series: &str) -> Option<f64> {
    let (_, page) = request(admin, "GET", "/metrics", "");
    page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' ')?.parse().ok())
}

/// Fault H1.
/// Promise P1.
#[test]
fn a_killed_owners_maker_is_closed_by_the_venue() {
    let dir = folder();
    let symbols = dir.path().join("symbols.json");
    std::fs::write(&symbols, SYMBOLS).unwrap();
    for usdm in [false, true] {
        let dir = folder();
        let venue = VenueProcess::start_with(dir.path(), &["--symbols", symbols.to_str().unwrap()]);
        let entry =
            if usdm { future(venue.addr, "BTCUSDT", "BOTH") } else { instrument(venue.addr, "BTCUSDT") };
        let config = json!({ "Feed": "synthetic:11", "instruments": [entry] });
        let mut run = RunProcess::start(dir.path(), "run", &config, &[]);
        run.wait_until_ready();
        until("it trades", || (venue.trades() > 2).then_some(()));
        until("its switch is armed", || (switch_of(&run, "BTCUSDT") == "armed").then_some(()));
        let path = if usdm { "/fapi/v1/order" } else { "/api/v3/order" };
        place_alien(venue.addr, path, "BTCUSDT");
        let stood = Standstill::watch_at(venue.addr);
        let maker = let_a_maker_rest(&venue);
        run.process.kill();
        until("the venue has closed it", || ours(&venue).iter().all(|order| !is_open(order)).then_some(()));
        let closed = ours(&venue).into_iter().find(|order| order["orderId"] == maker["orderId"]).unwrap();
        assert_eq!(closed["status"], "CANCELED");
        let lost = millis(stood.lost());
        assert!(longest_open_ms(&venue) <= OPEN_MAX_MS + lost, "{closed}, {lost} ms lost");
        // Nobody else's order was.
        let left = venue.open_orders();
        assert_eq!((left.len(), &left[0]["clientOrderId"]), (1, &json!("web_BTCUSDT")));
    }
}

/// Fault O14.
/// Promise P1.
#[test]
fn an_owner_that_cannot_cancel_lets_the_switch_fire_and_goes_on_afterwards() {
    let dir = folder();
    let venue = VenueProcess::start(dir.path());
    let config = json!({ "Feed": "synthetic:11", "instruments": [instrument(venue.addr, "BTCUSDT")] });
    let mut run = RunProcess::start(dir.path(), "run", &config, &[]);
    run.wait_until_ready();
    let stood = Standstill::watch_at(venue.addr);
    let maker = let_a_maker_rest(&venue);
    // The process lives and is connected; a switch renewed for that would keep the maker open.
    until("the switch is not renewed", || {
        let off = switch_of(&run, "BTCUSDT") == "off" && metric(run.admin, "st_dms_armed") == Some(0.0);
        off.then_some(())
    });
    until("the venue has closed it", || {
        let orders = ours(&venue);
        let one = orders.iter().find(|order| order["orderId"] == maker["orderId"]).unwrap();
        (one["status"] == "CANCELED").then_some(())
    });
    for fault in ["refuse_cancels", "delay_answers", "mute_stream"] {
        let stream = if fault == "mute_stream" { json!("user") } else { Value::Null };
        let operation = if fault == "delay_answers" { json!("order.place") } else { Value::Null };
        let mut off = json!({ "fault": fault, "on": false });
        for (key, value) in [("stream", stream), ("operation", operation)] {
            if !value.is_null() {
                off[key] = value;
            }
        }
        venue.fault(&off);
    }
    let before = venue.trades();
    until("it trades again", || (venue.trades() > before + 2).then_some(()));
    let (status, _) = run.stop();
    assert_eq!(status.code(), Some(0), "{}", run.process.err());
    let lost = millis(stood.most_within(Duration::from_secs(10)));
    assert!(longest_open_ms(&venue) <= OPEN_MAX_MS + lost, "{lost} ms lost");
}

/// Fault O28.
#[test]
fn without_an_armed_switch_no_order_leaves() {
    let dir = folder();
    let venue = VenueProcess::start(dir.path());
    let config = json!({ "Feed": "synthetic:11", "instruments": [instrument(venue.addr, "BTCUSDT")] });
    let mut run = RunProcess::start(dir.path(), "run", &config, &[]);
    run.wait_until_ready();
    until("it trades", || (venue.trades() > 2).then_some(()));
    // What a page of a proxy says does not make the venue one that has no switch.
    let no_such_page = json!({ "status": 404, "msg": "Not Found" });
    for (kind, more) in
        [("reject", None), ("reject", Some(no_such_page)), ("lose_requests", None), ("lose_answers", None)]
    {
        let operation = "POST /api/v3/countdownCancelPrefix";
        let (stood, began) = (Standstill::watch_at(venue.addr), wall_ms());
        let mut fault = json!({ "fault": kind, "operation": operation });
        fault
            .as_object_mut()
            .unwrap()
            .extend(more.iter().flat_map(Value::as_object).flatten().map(|(k, v)| (k.clone(), v.clone())));
        venue.fault(&fault);
        until("the switch is off", || (switch_of(&run, "BTCUSDT") == "off").then_some(()));
        let messages = |run: &RunProcess| run.status()["feed"]["messages"].as_u64().unwrap();
        let fed = messages(&run);
        until("ticks go on", || (messages(&run) > fed + 20).then_some(()));
        let newest = ours(&venue).iter().map(|order| order["time"].as_i64().unwrap()).max().unwrap();
        let (later, lost) = (newest - began, millis(stood.lost()));
        assert!(
            later <= STOPS_WITHIN_MS + lost,
            "{kind}: an order came {later} ms later, {lost} ms of them lost"
        );
        assert!(metric(run.admin, "st_dms_renew_age_seconds").unwrap() > 1.0);
        until("failures are counted", || {
            (metric(run.admin, "st_dms_failures_total") >= Some(1.0)).then_some(())
        });
        let before = venue.trades();
        venue.fault(&json!({ "fault": kind, "operation": operation, "on": false }));
        until("it trades again", || (venue.trades() > before).then_some(()));
    }
    let (status, summary) = run.stop();
    assert_eq!((status.code(), &summary["books_balance"]), (Some(0), &json!(true)));
}

/// Fault H1, O23.
/// Promise P1.
#[test]
fn usd_ms_own_switch_is_armed_only_where_it_hits_nobody_else() {
    let dir = folder();
    let symbols = dir.path().join("symbols.json");
    std::fs::write(&symbols, SYMBOLS).unwrap();
    let args = ["--symbols", symbols.to_str().unwrap(), "--no-switch"];
    let venue = VenueProcess::start_with(dir.path(), &args);
    place_alien(venue.addr, "/fapi/v1/order", "ETHUSDT");
    let instruments = ["BTCUSDT", "ETHUSDT"].map(|symbol| future(venue.addr, symbol, "BOTH"));
    let config = json!({ "Feed": "synthetic:11", "instruments": instruments });
    let mut run = RunProcess::start(dir.path(), "run", &config, &[]);
    run.wait_until_ready();
    until("both trade", || {
        let orders = ours(&venue);
        let trades =
            |symbol| orders.iter().any(|order| order["symbol"] == symbol && order["status"] == "FILLED");
        (trades("BTCUSDT") && trades("ETHUSDT")).then_some(())
    });
    until("the switch of one is armed", || (switch_of(&run, "BTCUSDT") == "armed").then_some(()));
    until("that of the other is waived", || (switch_of(&run, "ETHUSDT") == "waived").then_some(()));
    let stood = Standstill::watch_at(venue.addr);
    let maker = let_a_maker_of_these_rest(&venue, &["BTCUSDT"]);
    run.process.kill();
    until_within(Duration::from_secs(60), "the venue has closed it", || {
        let orders = ours(&venue);
        orders.iter().all(|order| order["symbol"] != "BTCUSDT" || !is_open(order)).then_some(())
    });
    let closed = ours(&venue).into_iter().find(|order| order["orderId"] == maker["orderId"]).unwrap();
    let open_ms = closed["updateTime"].as_i64().unwrap() - closed["time"].as_i64().unwrap();
    let lost = millis(stood.lost());
    assert_eq!(closed["status"], "CANCELED", "{closed}");
    assert!(open_ms <= OPEN_MAX_BY_SYMBOL_MS + lost, "{closed}, {lost} ms lost");
    let left = venue.open_orders();
    assert!(left.iter().any(|order| order["clientOrderId"] == "web_ETHUSDT"), "{left:?}");
}

/// Fault O28.
#[test]
fn a_switch_that_is_demanded_and_not_there_keeps_everything_back() {
    let dir = folder();
    let venue = VenueProcess::start_with(dir.path(), &["--no-switch"]);
    let mut config = json!({ "Feed": "synthetic:11", "instruments": [instrument(venue.addr, "BTCUSDT")] });
    config["Dead Man Switch"] = json!("on");
    let run = RunProcess::start(dir.path(), "demanded", &config, &[]);
    until("it says what it waits for", || {
        let (status, body) = request(run.admin, "GET", "/readyz", "");
        (status == 503 && body.contains("switch: BTCUSDT is not armed")).then_some(())
    });
    until("ticks come", || (run.status()["feed"]["messages"].as_u64() > Some(20)).then_some(()));
    assert!(ours(&venue).is_empty());
    drop(run);
    config["Dead Man Switch"] = json!("auto");
    let run = RunProcess::start(dir.path(), "auto", &config, &[]);
    until("it trades", || (venue.trades() > 2).then_some(()));
    assert_eq!(switch_of(&run, "BTCUSDT"), "none");
}
