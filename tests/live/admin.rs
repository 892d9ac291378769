//! What an operator sees.

use self_trader::telemetry::metrics::TABLE;
use serde_json::json;

use crate::process::{RunProcess, VenueProcess, folder, instrument, request, until};

#[test]
fn probes_metrics_and_status_tell_what_happens() {
    let dir = folder();
    let venue = VenueProcess::start(dir.path());
    let config = json!({ "Feed": "synthetic:3", "instruments": [instrument(venue.addr, "BTCUSDT")] });
    let mut run = RunProcess::start(dir.path(), "run", &config, &[]);
    run.wait_until_ready();
    until("a pair has traded", || (venue.trades() > 0).then_some(()));

    assert_eq!(request(run.admin, "GET", "/livez", "").0, 200);
    assert_eq!(request(run.admin, "GET", "/nothing", "").0, 404);
    let (_, page) = request(run.admin, "GET", "/metrics", "");
    let series = |line: &str| !line.starts_with('#') && !line.is_empty();
    for line in page.lines().filter(|line| series(line)) {
        let name = line.split(['{', ' ']).next().unwrap();
        assert!(TABLE.iter().any(|metric| metric.name == name), "{name} is not in the table");
    }
    for metric in ["st_pairs_total{symbol=\"BTCUSDT\"}", "st_feed_messages_total", "st_book_live"] {
        assert!(page.contains(metric), "no {metric} in\n{page}");
    }
    let status = run.status();
    assert_eq!(status["instruments"][0]["phase"], "live");

    let (code, summary) = run.stop();
    assert_eq!((code.code(), &summary["open_orders"]), (Some(0), &json!(0)));
}

#[test]
fn not_ready_names_what_it_waits_for() {
    let dir = folder();
    let venue = VenueProcess::start(dir.path());
    // Nobody listens there: the feed goes on trying.
    let config = json!({ "Feed": "redis://127.0.0.1:1", "instruments": [instrument(venue.addr, "BTCUSDT")] });
    let mut run = RunProcess::start(dir.path(), "run", &config, &[]);
    let body = until("readiness names the feed", || {
        let (status, body) = request(run.admin, "GET", "/readyz", "");
        (status == 503 && body.contains("feed: reconnecting")).then_some(body)
    });
    assert!(!body.contains("book:"), "{body}");
    assert_eq!(request(run.admin, "GET", "/livez", "").0, 200);
    assert_eq!(run.stop().0.code(), Some(0));
}
