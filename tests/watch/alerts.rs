//! Alerts of a real Prometheus that scrapes a real run: each fault is told, and nothing is told any more when it is over.

use serde_json::json;

use crate::rig::{Rig, SYMBOLS};

#[test]
fn faults_of_feed_book_and_cancels_are_told_and_clear() {
    let Some(mut rig) = Rig::start() else { return };
    rig.seen("count_over_time(st_feed_live[1m]) > 8");
    rig.all_clear();
    a_killed_feed(&mut rig);
    a_stopped_book(&rig);
    refused_cancels(&rig);
    rig.finish();
}

fn a_killed_feed(rig: &mut Rig) {
    rig.redis.kill();
    rig.told("FeedDown");
    rig.told("FeedStale");
    // The leases are in the same Redis.
    rig.told("SymbolsWithoutOwner");
    rig.redis.launch();
    rig.all_clear();
    rig.trades_on(&SYMBOLS);
}

fn a_stopped_book(rig: &Rig) {
    let fault = json!({ "fault": "stop_book", "symbol": "BTCUSDT" });
    rig.venue.fault(&fault);
    rig.told("BookStale");
    let stale = rig.prometheus.query("ALERTS{alertname=\"SelfTraderBookStale\",alertstate=\"firing\"}");
    assert_eq!(stale.len(), 1, "{stale:?}");
    assert_eq!(stale[0]["metric"]["symbol"], "BTCUSDT");
    rig.venue.fault(&json!({ "fault": "stop_book", "symbol": "BTCUSDT", "on": false }));
    rig.all_clear();
    rig.trades_on(&SYMBOLS);
}

/// A maker rests only when the taker is not heard of; then its cancels are refused.
pub(crate) fn refused_cancels(rig: &Rig) {
    let blind = [json!({ "fault": "mute_stream", "stream": "user" }), json!({ "fault": "lose_answers" })];
    rig.venue.fault(&json!({ "fault": "refuse_cancels" }));
    rig.venue.fault(&json!(blind));
    crate::process::until("a maker rests", || (!rig.venue.open_orders().is_empty()).then_some(()));
    for mut fault in blind {
        fault["on"] = json!(false);
        rig.venue.fault(&fault);
    }
    rig.told("OrphanMaker");
    rig.seen("st_cancels_refused_total > 0");
    rig.venue.fault(&json!({ "fault": "refuse_cancels", "on": false }));
    rig.all_clear();
    rig.trades_on(&SYMBOLS);
}
