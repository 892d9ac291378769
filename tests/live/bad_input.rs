//! Bad payloads through a real Redis: counted, skipped, and the next good one trades.

use std::cell::Cell;

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
        // What nobody heard was not sent: the feed may connect anew where the machine stood still.
        until("it is heard", || (redis.ask(&["PUBLISH", KEY, payload]) == "1").then_some(()));
    };
    let sent = Cell::new(0);
    // Wait for each: with Conflate newest a waiting tick would otherwise give way to the next.
    let count = |payload: &str| {
        send(payload);
        sent.set(sent.get() + 1);
        until("the message is counted", || {
            (run.status()["feed"]["messages"] == json!(sent.get())).then_some(())
        });
    };
    rejected.iter().for_each(|payload| count(payload));
    let of = |name: &str| run.status()["instruments"][0][name].clone();
    let skips = |reason: &str| of("skips")[reason].as_u64().unwrap_or(0);
    // Where the machine stood still the book is old for a moment, and that reason comes first: it is sent again.
    for (before, payload) in (0..).zip(skipped) {
        until("it is skipped for what it is", || {
            let old = skips("stale_book");
            count(payload);
            until("it is skipped", || {
                (skips("stale_book") > old || skips("invalid_tick") > before).then_some(())
            });
            (skips("invalid_tick") > before).then_some(())
        });
    }
    let mut id = 0;
    until("a good one is a pair", || {
        let old = skips("stale_book");
        id += 1;
        count(&format!(r#"{{"price":"64000.10","qty":"0.5","side":"buy","id":"{id}"}}"#));
        until("it is over", || (skips("stale_book") > old || of("pairs") == 1).then_some(()));
        (of("pairs") == 1).then_some(())
    });
    until("the good one trades", || (venue.trades() == 1).then_some(()));
    let (status, summary) = run.stop();
    assert_eq!(status.code(), Some(0));
    assert_eq!(summary["rejected"], rejected.len() as u64, "{summary}");
    assert_eq!(summary["skips"]["invalid_tick"], skipped.len() as u64, "{summary}");
    let known = |reason: &String| reason == "invalid_tick" || reason == "stale_book";
    assert!(summary["skips"].as_object().unwrap().keys().all(known), "{summary}");
    assert_eq!(summary["books_balance"], true);
    for code in ["FEED-001", "FEED-004", "FEED-006", "FEED-007", "FEED-008", "FEED-010"] {
        assert!(run.process.out().contains(code), "no {code} in\n{}", run.process.out());
    }
}
