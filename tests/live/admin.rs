//! What an operator sees.

use std::io::Write;
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::time::Duration;

use self_trader::telemetry::metrics::{Metric, PROCESS_SERIES_MAX, SYMBOL_SERIES_MAX, TABLE};
use serde_json::{Value, json};

use crate::process::{RunProcess, VenueProcess, folder, instrument, now, request, until};

/// The age of a book, before its value.
const BOOK_AGE: &str = "st_book_age_seconds{symbol=\"ETHUSDT\"} ";

/// The series of a page, without comments.
fn series(page: &str) -> Vec<&str> {
    page.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).collect()
}

/// The table's metric that a series belongs to.
fn metric(series: &str) -> &'static Metric {
    let name = series.split(['{', ' ']).next().unwrap();
    let of = |metric: &&Metric| {
        let part = name.strip_prefix(metric.name);
        part.is_some_and(|part| {
            metric.kind.series() == 1 && part.is_empty()
                || metric.kind.series() > 1 && ["_bucket", "_sum", "_count"].contains(&part)
        })
    };
    TABLE.iter().find(of).unwrap_or_else(|| panic!("{name} is not in the table"))
}

fn value(page: &str, name: &str) -> f64 {
    let found = series(page).into_iter().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    found.unwrap_or_else(|| panic!("no {name} in\n{page}")).parse().unwrap()
}

fn readiness(admin: SocketAddr) -> (u16, Value) {
    let (status, body) = request(admin, "GET", "/readyz", "");
    (status, serde_json::from_str(&body).unwrap())
}

#[test]
fn probes_metrics_and_status_tell_what_happens() {
    let dir = folder();
    let venue = VenueProcess::start(dir.path());
    let both = [instrument(venue.addr, "BTCUSDT"), instrument(venue.addr, "ETHUSDT")];
    let config = json!({ "Feed": "synthetic:3", "instruments": both });
    let mut run = RunProcess::start(dir.path(), "run", &config, &[]);
    run.wait_until_ready();
    // A machine that stood still leaves a book old, or out, and the thread late, for a moment.
    let page = until("a pair is recorded, and all is fresh", || {
        let (_, page) = request(run.admin, "GET", "/metrics", "");
        let age = series(&page).into_iter().find_map(|line| line.strip_prefix(BOOK_AGE)?.parse::<f64>().ok());
        let fresh = age.is_some_and(|age| age < 10.0) && value(&page, "st_loop_lag_seconds") < 5.0;
        (fresh && value(&page, "st_tick_to_done_seconds_count") > 0.0).then_some(page)
    });

    until("it lives", || (request(run.admin, "GET", "/livez", "").0 == 200).then_some(()));
    until("it has started", || (request(run.admin, "GET", "/startupz", "").0 == 200).then_some(()));
    assert_eq!(request(run.admin, "GET", "/nothing", "").0, 404);
    assert_eq!(value(&page, "st_symbols_owned"), 2.0);
    assert_eq!(value(&page, "st_symbols_configured"), 2.0);
    assert_eq!(value(&page, "st_symbol_owned{symbol=\"BTCUSDT\"}"), 1.0);
    assert!(value(&page, "st_symbol_epoch{symbol=\"BTCUSDT\"}") > 0.0);
    assert!(value(&page, "st_feed_last_tick_timestamp_seconds") >= value(&page, "st_start_time_seconds"));
    assert_eq!(value(&page, "st_shard{sharding=\"alone\",shard=\"0\",shards=\"1\"}"), 1.0);
    until("it is live", || (run.status()["instruments"][0]["phase"] == "live").then_some(()));

    let (code, summary) = run.stop();
    assert_eq!((code.code(), &summary["open_orders"]), (Some(0), &json!(0)));
}

/// What Prometheus' own tool has to say of a page; nothing is right.
fn lint(page: &str) {
    let tool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut tool) = tool else {
        println!("skipped: promtool is not installed");
        return;
    };
    tool.stdin.take().unwrap().write_all(page.as_bytes()).unwrap();
    let output = tool.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Fault K11.
/// Promise P22.
#[test]
fn the_series_of_a_run_are_the_tables_and_bounded() {
    let dir = folder();
    let venue = VenueProcess::start(dir.path());
    let both = [instrument(venue.addr, "BTCUSDT"), instrument(venue.addr, "ETHUSDT")];
    let config = json!({ "Feed": "synthetic:3", "instruments": both });
    let mut run = RunProcess::start(dir.path(), "run", &config, &[]);
    run.wait_until_ready();
    let (_, page) = request(run.admin, "GET", "/metrics", "");
    let (of_symbols, of_process): (Vec<&str>, Vec<&str>) =
        series(&page).into_iter().partition(|series| metric(series).is_per_symbol());
    lint(&page);
    assert!(of_process.len() <= PROCESS_SERIES_MAX, "{}", of_process.len());
    assert!(of_symbols.len() <= 2 * SYMBOL_SERIES_MAX, "{}", of_symbols.len());
    let labels =
        page.split(['{', ',']).skip(1).filter_map(|part| part.split_once("=\"").map(|(name, _)| name));
    let taken = ["namespace", "pod", "job", "service", "container", "instance"];
    assert_eq!(labels.filter(|label| taken.contains(label)).count(), 0);
    let mut distinct =
        series(&page).into_iter().map(|line| line.rsplit_once(' ').unwrap().0).collect::<Vec<_>>();
    let all = distinct.len();
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!(distinct.len(), all, "a series stands there twice");
    for line in series(&page) {
        let (name, kind) = (metric(line).name, metric(line).kind.name());
        assert!(page.contains(&format!("# TYPE {name} {kind}\n")), "{name} has no type");
        assert!(page.contains(&format!("# HELP {name} ")), "{name} has no help");
    }
    assert_eq!(run.stop().0.code(), Some(0));
}

/// What waits for its venue is alive; it would not get better by being started again.
#[test]
fn a_start_that_waits_for_its_venue_is_alive_and_not_ready() {
    let dir = folder();
    let nobody = "127.0.0.1:1".parse().unwrap();
    let config = json!({ "Feed": "synthetic:1", "instruments": [instrument(nobody, "BTCUSDT")] });
    let mut run = RunProcess::start(dir.path(), "run", &config, &[]);
    for probe in ["/livez", "/startupz"] {
        until(probe, || (request(run.admin, "GET", probe, "").0 == 200).then_some(()));
    }
    let (status, body) = readiness(run.admin);
    assert_eq!((status, &body["ready"]), (503, &json!(false)));
    assert!(body["waits_for"][0].as_str().unwrap().contains("venue"), "{body}");
    assert_eq!(run.status()["ready"], false);
    run.process.signal("TERM");
    assert_eq!(run.process.wait().code(), Some(0));
}

#[test]
fn readiness_holds_through_an_outage_and_ends_with_the_run() {
    let dir = folder();
    let venue = VenueProcess::start(dir.path());
    let config = json!({ "Feed": "synthetic:3", "instruments": [instrument(venue.addr, "BTCUSDT")] });
    let mut run = RunProcess::start(dir.path(), "run", &config, &[]);
    run.wait_until_ready();
    drop(venue);
    let body = until("the outage is named", || {
        let (status, body) = readiness(run.admin);
        assert_eq!(status, 200, "{body}");
        (!body["waits_for"].as_array().unwrap().is_empty()).then_some(body)
    });
    assert_eq!(body["ready"], true);
    assert_eq!(run.status()["ready"], false, "the page of the present moment");
    run.process.signal("TERM");
    // Without its venue the run cannot confirm its end, and takes its time.
    until("readiness ends", || (readiness(run.admin).0 == 503).then_some(()));
    run.process.wait();
}

#[test]
fn a_trading_thread_that_stands_still_is_counted_and_told() {
    let dir = folder();
    let venue = VenueProcess::start(dir.path());
    let config = json!({ "Feed": "synthetic:3", "instruments": [instrument(venue.addr, "BTCUSDT")] });
    let mut run = RunProcess::start(dir.path(), "run", &config, &[]);
    run.wait_until_ready();
    run.process.signal("STOP");
    let frozen = now();
    until("it stood still for long enough", || {
        (frozen.elapsed() > Duration::from_millis(2_500)).then_some(())
    });
    run.process.signal("CONT");
    // Each is counted once and told once. The machine may have stood still besides.
    until("the stall is counted and told", || {
        let (_, page) = request(run.admin, "GET", "/metrics", "");
        let told = run.process.out().matches("the trading thread stood still").count();
        (told > 0 && value(&page, "st_loop_stalls_total") == told as f64).then_some(())
    });
    run.stop();
}

/// Promise P11.
#[test]
fn no_page_and_no_log_shows_a_secret() {
    let dir = folder();
    let venue = VenueProcess::start(dir.path());
    let one = instrument(venue.addr, "BTCUSDT");
    let secrets = ["canary-password", one["API KEY"].as_str().unwrap(), one["Secret"].as_str().unwrap()];
    let feed = format!("redis://user:{}@127.0.0.1:1", secrets[0]);
    let config = json!({ "Feed": feed, "instruments": [&one] });
    let mut run = RunProcess::start(dir.path(), "run", &config, &["--log-format", "json"]);
    let pages = until("the feed was tried", || {
        let page = |path| request(run.admin, "GET", path, "").1;
        let pages = ["/readyz", "/status", "/metrics"].map(page).concat();
        pages.contains("feed: reconnecting").then_some(pages)
    });
    run.stop();
    for text in [pages, run.process.out(), run.process.err()] {
        assert!(!secrets.iter().any(|secret| text.contains(secret)), "{text}");
    }
}

#[test]
fn not_ready_names_what_it_waits_for() {
    let dir = folder();
    let venue = VenueProcess::start(dir.path());
    // Nobody listens there: the feed goes on trying.
    let config = json!({ "Feed": "redis://127.0.0.1:1", "instruments": [instrument(venue.addr, "BTCUSDT")] });
    let mut run = RunProcess::start(dir.path(), "run", &config, &[]);
    // The feed alone: the book, which may come after it on a slow machine, is not named for ever.
    until("readiness names the feed alone", || {
        let (status, body) = request(run.admin, "GET", "/readyz", "");
        (status == 503 && body.contains("feed: reconnecting") && !body.contains("book:")).then_some(())
    });
    until("it lives", || (request(run.admin, "GET", "/livez", "").0 == 200).then_some(()));
    assert_eq!(run.stop().0.code(), Some(0));
}
