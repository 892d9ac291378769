//! Bad payloads through a real Redis: counted, skipped, and the next good one trades.

use serde_json::json;

use crate::process::{RunProcess, VenueProcess, folder, instrument, until};
use crate::redis::Redis;

const KEY: &str = "binance_ticker_BTCUSDT";

/// Promise P13, P18.
#[test]
fn nothing_stops_or_is_lost() {
    let Some(redis) = Redis::start(&[]) else { return };
    let dir = folder();
    let venue = VenueProcess::start(dir.path());
    let config = json!({ "Feed": redis.url(), "instruments": [instrument(venue.addr, "BTCUSDT")] });
    let mut run = RunProcess::start(dir.path(), "run", &config, &[]);
    run.wait_until_ready();
    let rejected = [
        "",
        "{",
        "[1]",
        "null",
        r#"{"price":"1"}"#,
        r#"{"price":"1","qty":"1","price":"2"}"#,
        "\u{1f}\u{8b}",
    ];
    let skipped = [
        r#"{"price":"abc","qty":"1"}"#,
        r#"{"price":"0","qty":"1"}"#,
        r#"{"price":"-5","qty":"1"}"#,
        r#"{"price":"1e400","qty":"1"}"#,
        r#"{"price":"64000","qty":"0"}"#,
    ];
    let send = |payload: &str| {
        let receivers = redis.ask(&["PUBLISH", KEY, payload]);
        assert_eq!(receivers, "1");
    };
    for (before, payload) in rejected.iter().chain(&skipped).enumerate() {
        send(payload);
        let sent = before + 1;
        // Wait for each: with Conflate newest a waiting tick would otherwise give way to the next.
        until("the message is counted", || (run.status()["feed"]["messages"] == json!(sent)).then_some(()));
    }
    send(r#"{"price":"64000.10","qty":"0.5","side":"buy","id":"1"}"#);
    until("the good one trades", || (venue.trades() == 1).then_some(()));
    let (status, summary) = run.stop();
    assert_eq!(status.code(), Some(0));
    assert_eq!(summary["rejected"], rejected.len() as u64, "{summary}");
    assert_eq!(summary["skips"], json!({ "invalid_tick": skipped.len() }));
    assert_eq!(summary["books_balance"], true);
    for code in ["FEED-001", "FEED-004", "FEED-006", "FEED-007", "FEED-008", "FEED-010"] {
        assert!(run.process.out().contains(code), "no {code} in\n{}", run.process.out());
    }
}
