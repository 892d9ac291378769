//! SIGTERM at random moments leaves nothing open.

use std::time::Duration;

use serde_json::json;

use crate::process::{RunProcess, Standstill, VenueProcess, folder, instrument, now, until};

const MOMENTS: u64 = 50;
/// The whole of a stop, beside the time that the machine itself stood still.
const STOP_WITHIN: Duration = Duration::from_secs(10);

/// Fault H2.
/// Promise P16.
#[test]
fn a_stop_at_any_moment_leaves_no_order_open() {
    let dir = folder();
    let venue = VenueProcess::start(dir.path());
    let config = json!({
        "Feed": "synthetic:5",
        "instruments": [instrument(venue.addr, "BTCUSDT"), instrument(venue.addr, "ETHUSDT")],
    });
    let (mut pairs, mut matched) = (0, 0);
    for moment in 0..MOMENTS {
        let name = format!("run{moment}");
        let mut run = RunProcess::start(dir.path(), &name, &config, &[]);
        // Spread over start-up, the first pairs and steady trading; where starts are slow, at least the last one trades.
        if moment + 1 == MOMENTS {
            let before = venue.trades();
            until("it trades", || (venue.trades() > before).then_some(()));
        }
        std::thread::sleep(Duration::from_millis(moment * moment * 7919 % 700));
        let (status, summary) = run.stop();
        assert_eq!(status.code(), Some(0), "moment {moment}: {}", run.process.err());
        assert_eq!(summary["open_orders"], 0, "moment {moment}");
        assert_eq!(summary["books_balance"], true, "moment {moment}");
        assert!(venue.open_orders().is_empty(), "moment {moment}: {:?}", venue.open_orders());
        pairs += summary["pairs"].as_u64().unwrap();
        matched += summary["matched"].as_u64().unwrap();
    }
    assert!(pairs > 0, "no run ever traded");
    // A stall of the machine may cost a pair its taker; it may not bring a trade that no pair explains.
    assert!((matched..=pairs).contains(&venue.trades()), "{matched} <= {} <= {pairs}", venue.trades());
}

/// Fault H2.
/// Promise P16.
#[test]
fn a_second_signal_changes_nothing_and_a_stop_is_quick() {
    let dir = folder();
    let venue = VenueProcess::start(dir.path());
    let config = json!({ "Feed": "synthetic:5", "instruments": [instrument(venue.addr, "BTCUSDT")] });
    let mut run = RunProcess::start(dir.path(), "run", &config, &[]);
    run.wait_until_ready();
    until("a pair has traded", || (venue.trades() > 0).then_some(()));
    let (stood, began) = (Standstill::watch_at(venue.addr), now());
    run.process.signal("INT");
    run.process.signal("TERM");
    assert_eq!(run.process.wait().code(), Some(0));
    let (took, lost) = (began.elapsed(), stood.lost());
    assert!(took < STOP_WITHIN + lost, "{took:?}, {lost:?} of them lost");
}

/// Promise P16.
#[test]
fn what_cannot_be_cancelled_is_listed_and_the_exit_code_says_so() {
    let dir = folder();
    // Its switch would close what stays open, sooner or later.
    let venue = VenueProcess::start_with(dir.path(), &["--no-switch"]);
    let config = json!({ "Feed": "synthetic:5", "instruments": [instrument(venue.addr, "BTCUSDT")] });
    let mut run = RunProcess::start(dir.path(), "run", &config, &[]);
    run.wait_until_ready();
    // Makers rest, takers never hear of it, cancels are refused: something stays open.
    venue.fault(&json!([
        { "fault": "lose_answers" }, { "fault": "refuse_cancels" }, { "fault": "mute_stream", "stream": "user" },
    ]));
    venue.resting(|_| true);
    let (stood, began) = (Standstill::watch_at(venue.addr), now());
    let (status, summary) = run.stop();
    let (took, lost) = (began.elapsed(), stood.lost());
    assert_eq!(status.code(), Some(3));
    assert!(took < STOP_WITHIN + lost, "{took:?}, {lost:?} of them lost");
    let open = venue.open_orders();
    assert!(!open.is_empty());
    let listed = summary["open_order_ids"].as_array().unwrap();
    for order in &open {
        assert!(listed.contains(&order["clientOrderId"]), "{order} is not among {listed:?}");
    }
    assert!(run.process.err().contains("orders that may still be open"));
    venue.fault(&json!([
        { "fault": "lose_answers", "on": false }, { "fault": "refuse_cancels", "on": false },
        { "fault": "mute_stream", "stream": "user", "on": false },
    ]));
    // The next start sweeps what was left.
    let mut next = RunProcess::start(dir.path(), "next", &config, &[]);
    next.wait_until_ready();
    until("the sweep is done", || venue.open_orders().is_empty().then_some(()));
    let (status, summary) = next.stop();
    assert_eq!(status.code(), Some(0));
    assert_eq!(summary["swept"], open.len() as u64);
}
