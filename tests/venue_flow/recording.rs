//! Command logs, as files: what is in them, and what becomes of broken ones.

use std::path::{Path, PathBuf};

use futures_util::SinkExt;
use self_trader::simulator::{self, LedgerOptions, ReplayError, Summary, VenueOptions};
use serde_json::Value;
use tempfile::TempDir;
use tokio_tungstenite::tungstenite::Message;

use crate::client::{Socket, get, http, limit, with};

/// A recorded run over sockets of a few orders; its log, and what it says of itself.
async fn recorded() -> (TempDir, PathBuf, Summary) {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("commands");
    let ledger = LedgerOptions {
        record: Some(log.clone()),
        event_log: Some(folder.path().join("events")),
        ..LedgerOptions::default()
    };
    let venue = simulator::start(VenueOptions { ledger, ..VenueOptions::default() }).unwrap();
    let mut api = Socket::api(venue.addr()).await;
    for number in 0..50_u32 {
        let order = with(limit("SELL", "100.00", "1", "GTX"), "newClientOrderId", format!("m{number}"));
        api.good("order.place", order).await;
        api.good("order.place", limit("BUY", "100.00", "0.75", "IOC")).await;
        api.good(
            "order.cancel",
            serde_json::json!({"symbol": "BTCUSDT", "origClientOrderId": format!("m{number}")}),
        )
        .await;
    }
    let totals = get(venue.addr(), "/venue/totals").await;
    let checked = http(venue.addr(), "POST", "/venue/check", None, "").await;
    assert_eq!((checked.status, &checked.body["conservation"]), (200, &Value::from("ok")));
    let closing = venue.shutdown().unwrap();
    assert_eq!(closing.failure, None);
    assert_eq!(totals["event_log_hash"], closing.summary.event_log_hash);
    assert_eq!(totals["commands"], closing.summary.commands);
    assert_eq!((closing.summary.orders, closing.summary.trades), (100, 50));
    (folder, log, closing.summary)
}

fn rewrite(log: &Path, change: impl FnOnce(&str) -> String) {
    let text = std::fs::read_to_string(log).unwrap();
    std::fs::write(log, change(&text)).unwrap();
}

#[tokio::test]
async fn a_log_replays_and_names_no_secret() {
    let (folder, log, summary) = recorded().await;
    let replayed = simulator::replay(&log, None).unwrap();
    assert_eq!((&replayed.summary, replayed.torn, replayed.broken), (&summary, false, None));
    let text = std::fs::read_to_string(&log).unwrap();
    let head: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    assert_eq!((&head["version"], &head["accounts"][0]), (&1.into(), &"test-key".into()));
    let events = std::fs::read_to_string(folder.path().join("events")).unwrap();
    assert!(!text.contains("test-secret") && !events.contains("test-secret"));
    assert_eq!(text.lines().count() as u64, summary.commands + 1);
    let kinds = |kind: &str| {
        events.lines().filter(|line| serde_json::from_str::<Value>(line).unwrap()["kind"] == kind).count()
    };
    assert_eq!((kinds("accepted"), kinds("traded"), kinds("ended")), (100, 50, 50));
}

#[tokio::test]
async fn a_torn_last_line_is_left_out_and_said() {
    let (_folder, log, summary) = recorded().await;
    rewrite(&log, |text| text[..text.len() - 9].to_owned());
    let replayed = simulator::replay(&log, None).unwrap();
    assert!(replayed.torn);
    assert_eq!(replayed.summary.commands, summary.commands - 1);
    assert_ne!(replayed.summary.event_log_hash, summary.event_log_hash);
}

#[tokio::test]
async fn a_hole_or_a_changed_command_does_not_go_unseen() {
    let (_folder, log, summary) = recorded().await;
    let whole = std::fs::read_to_string(&log).unwrap();
    rewrite(&log, |text| text.replacen("\"qty\":750000", "\"qty\":740000", 1));
    let changed = simulator::replay(&log, None).unwrap();
    assert_ne!(changed.summary.event_log_hash, summary.event_log_hash);
    let lines: Vec<&str> = whole.lines().collect();
    let mut hole = lines.clone();
    hole.remove(20);
    std::fs::write(&log, hole.join("\n")).unwrap();
    let refused = simulator::replay(&log, None).unwrap_err();
    assert!(
        matches!(&refused, ReplayError::Line { line: 21, what, .. } if what.contains("missing")),
        "{refused}"
    );
    std::fs::write(&log, whole.replacen("commands\",\"version\":1", "commands\",\"version\":9", 1)).unwrap();
    let refused = simulator::replay(&log, None).unwrap_err();
    assert!(matches!(&refused, ReplayError::Head { what, .. } if what.contains('9')), "{refused}");
    std::fs::write(&log, "").unwrap();
    assert!(matches!(simulator::replay(&log, None), Err(ReplayError::Head { .. })));
    assert!(matches!(simulator::replay(&log.join("no"), None), Err(ReplayError::Read { .. })));
}

#[tokio::test]
async fn a_log_that_cannot_be_written_ends_the_venue() {
    let ledger = LedgerOptions { record: Some("/dev/full".into()), ..LedgerOptions::default() };
    // The head is written at once.
    let refused = simulator::start(VenueOptions { ledger, ..VenueOptions::default() }).map(drop);
    assert!(refused.unwrap_err().to_string().contains("/dev/full"));
    let ledger = LedgerOptions { event_log: Some("/dev/full".into()), ..LedgerOptions::default() };
    let venue = simulator::start(VenueOptions { ledger, ..VenueOptions::default() }).unwrap();
    let mut api = Socket::api(venue.addr()).await;
    api.good("order.place", limit("BUY", "100.00", "1", "GTC")).await;
    let ends = async {
        loop {
            // The failure is seen when the next line is handed over. The connection may have ended by then.
            let order = crate::client::signed(crate::client::TEST_KEY, limit("BUY", "100.00", "1", "GTC"));
            let frame = serde_json::json!({"id": 1, "method": "order.place", "params": order});
            let _ = api.raw().send(Message::text(frame.to_string())).await;
            if tokio::time::timeout(std::time::Duration::from_millis(20), venue.ended()).await.is_ok() {
                return;
            }
        }
    };
    tokio::time::timeout(crate::client::SOON, ends).await.unwrap();
    let failure = venue.shutdown().unwrap().failure.unwrap();
    assert!(failure.starts_with("/dev/full: cannot be written"), "{failure}");
}
