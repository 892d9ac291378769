//! kill -9 at random moments: the next start sweeps what the killed one left.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use crate::process::{RunProcess, VenueProcess, folder, instrument, request, until};

const MOMENTS: u64 = 20;

/// Fault H1.
/// Promise P1.
#[test]
fn a_killed_owner_leaves_nothing_to_its_successor() {
    let dir = folder();
    // Its switch would do a successor's work where that starts slowly.
    let venue = VenueProcess::start_with(dir.path(), &["--no-switch"]);
    let config = json!({
        "Feed": "synthetic:11",
        "instruments": [instrument(venue.addr, "BTCUSDT"), instrument(venue.addr, "ETHUSDT")],
    });
    // Slow answers keep makers resting long enough to be caught by the kill.
    venue.fault(&json!({ "fault": "delay_answers", "ms": 40 }));
    let mut left_behind = 0;
    for moment in 0..MOMENTS {
        let mut run = RunProcess::start(dir.path(), &format!("run{moment}"), &config, &[]);
        run.wait_until_ready();
        let before = venue.trades();
        until("it trades", || (venue.trades() > before).then_some(()));
        std::thread::sleep(Duration::from_millis(moment * 37 % 211));
        run.process.kill();
        left_behind += venue.open_orders().len();
    }
    // A maker of a killed owner, whatever the moments above happened to hit.
    let mut last = RunProcess::start(dir.path(), "last", &config, &[]);
    last.wait_until_ready();
    venue.fault(&json!({ "fault": "delay_answers", "ms": 30_000 }));
    venue.fault(&json!({ "fault": "mute_stream", "stream": "user" }));
    until("a maker rests", || (!venue.open_orders().is_empty()).then_some(()));
    last.process.kill();
    // What is open now stays open: its owner is gone.
    let orphans = venue.open_orders();
    left_behind += orphans.len();
    venue.fault(&json!({ "fault": "delay_answers", "on": false }));
    venue.fault(&json!({ "fault": "mute_stream", "stream": "user", "on": false }));

    let mut next = RunProcess::start(dir.path(), "next", &config, &[]);
    next.wait_until_ready();
    let open = venue.open_orders();
    for orphan in &orphans {
        let still_open = open.iter().any(|order| order["clientOrderId"] == orphan["clientOrderId"]);
        assert!(!still_open, "{orphan} of the old epoch is still open");
    }
    let (status, summary) = next.stop();
    assert_eq!(status.code(), Some(0));
    assert!(summary["swept"].as_u64().unwrap() >= orphans.len() as u64);
    assert!(left_behind > 0);
    assert!(venue.open_orders().is_empty());
}

#[test]
fn a_successor_counts_what_was_traded_without_a_label() {
    let dir = folder();
    let venue = VenueProcess::start(dir.path());
    let config = json!({ "Feed": "synthetic:11", "instruments": [instrument(venue.addr, "BTCUSDT")] });
    // One name, and so one label file.
    let mut owner = RunProcess::start(dir.path(), "owner", &config, &[]);
    // The last line may still be in half.
    let text = |run: &RunProcess| std::fs::read_to_string(&run.labels).unwrap();
    until("some pairs are labelled", || (text(&owner).matches('\n').count() >= 8).then_some(()));
    owner.process.kill();
    // A taker that had left meets its maker, or the switch closes that.
    until("nothing is on its way", || venue.open_orders().is_empty().then_some(()));
    // What a crash of the machine would cost: the last labels, on their way to the disk.
    let text = text(&owner);
    let whole: Vec<&str> = text.split_inclusive('\n').filter(|line| line.ends_with('\n')).collect();
    let kept = &whole[..whole.len() - 3];
    std::fs::write(&owner.labels, kept.concat()).unwrap();
    // A trade and its label have the maker's id in common; a pair that missed has a label and no trade.
    let makers: BTreeSet<String> = kept
        .iter()
        .map(|line| {
            serde_json::from_str::<Value>(line).unwrap()["maker"]["client_id"].as_str().unwrap().to_owned()
        })
        .collect();
    let trades = venue.ledger("trades");
    let unlabelled = |trade: &&Value| !makers.contains(trade["makerClientOrderId"].as_str().unwrap());
    let without = trades.as_array().unwrap().iter().filter(unlabelled).count();
    // The three, the pair that was in flight, and whatever else had not been written when the machine stood still.
    assert!(without > 0, "{trades}");

    let mut next = RunProcess::start(dir.path(), "owner", &config, &[]);
    let wanted = format!("st_takeover_unlabelled_trades_total {without}\n");
    until("the successor says how many", || {
        let (_, page) = request(next.admin, "GET", "/metrics", "");
        page.contains(&wanted).then_some(())
    });
    next.stop();
}
