//! Alerts of a real Prometheus that scrapes a real run: each fault is told, and nothing is told any more when it is over.

use std::time::Duration;

use self_trader::clock::wall_ms;
use serde_json::{Value, json};

use crate::process::{RunProcess, request, until, until_within};
use crate::rig::{LONG, Rig, SYMBOLS};

/// Fault F2, O17, O18.
/// Promise P22.
#[test]
fn faults_of_feed_book_cancels_and_limits_are_told_and_clear() {
    let Some(mut rig) = Rig::start() else { return };
    rig.seen("count_over_time(st_feed_live[1m]) > 8");
    rig.all_clear();
    a_killed_feed(&mut rig);
    a_stopped_book(&rig);
    refused_cancels(&rig);
    told_to_wait(&rig);
    contradicted(&rig);
    rig.all_clear();
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
    // On a machine that stood still others may be stale for a moment, too.
    until_within(LONG, "the book of BTCUSDT is stale, and no other", || {
        let stale = rig.prometheus.query("ALERTS{alertname=\"SelfTraderBookStale\",alertstate=\"firing\"}");
        let symbols: Vec<_> = stale.iter().map(|alert| &alert["metric"]["symbol"]).collect();
        (symbols == ["BTCUSDT"]).then_some(())
    });
    rig.venue.fault(&json!({ "fault": "stop_book", "symbol": "BTCUSDT", "on": false }));
    rig.all_clear();
    rig.trades_on(&SYMBOLS);
}

/// A maker rests only when the taker is not heard of; then its cancels are refused.
pub(crate) fn refused_cancels(rig: &Rig) {
    let blind = [json!({ "fault": "mute_stream", "stream": "user" }), json!({ "fault": "lose_answers" })];
    rig.venue.fault(&json!({ "fault": "refuse_cancels" }));
    rig.venue.fault(&json!(blind));
    // What is open for a moment is on its way to its taker.
    until("a maker rests", || {
        let before = rig.venue.open_orders();
        std::thread::sleep(Duration::from_millis(300));
        let after = rig.venue.open_orders();
        let rests = |order: &Value| before.iter().any(|own| own["orderId"] == order["orderId"]);
        after.iter().any(rests).then_some(())
    });
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

/// The venue says once that it is asked too often, and then bans the address for a moment.
pub(crate) fn told_to_wait(rig: &Rig) {
    let seen_429 = "increase(st_http_429_total[10s]) > 0";
    for (preset, seen, alert) in
        [("too_many_requests", seen_429, "RateLimited"), ("banned", "st_banned_seconds > 0", "Banned")]
    {
        let (operation, since_ms) = ("order.place", wall_ms());
        rig.venue.fault(&json!({
            "fault": "reject", "operation": operation, "preset": preset, "retry_after": 4, "symbol": SYMBOLS[0], "count": 1,
        }));
        rig.seen_since(since_ms, seen);
        rig.told_since(since_ms, alert);
        rig.trades_on(&SYMBOLS);
    }
}

/// An answer about another order halts its symbol, until somebody releases it.
pub(crate) fn contradicted(rig: &Rig) {
    let fault = json!({ "fault": "wrong_answers", "field": "client_id", "symbol": SYMBOLS[0], "count": 1 });
    rig.venue.fault(&fault);
    rig.seen("st_halted_by_alarm{alarm=\"mismatch\"} > 0");
    rig.seen("st_halted{by=\"alarm\"} > 0");
    rig.told("HaltedItself");
    let release = json!({ "symbol": SYMBOLS[0], "reason": "it was ours" }).to_string();
    let released = |pod: &RunProcess| request(pod.admin, "POST", "/release", &release).0 == 200;
    until("it is released", || rig.pods.iter().any(released).then_some(()));
    rig.trades_on(&SYMBOLS[..1]);
}
