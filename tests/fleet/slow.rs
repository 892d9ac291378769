//! A hand-over that exceeds its bound: the venue answers late, so that no member can confirm in time that it has let
//! go.

use std::time::Duration;

use serde_json::{Value, json};

use crate::market::{Market, Protocol};
use crate::members::{Fleet, alone};
use crate::process::until_within;

const SYMBOLS: usize = 60;
const ANSWERS_AFTER_MS: u64 = 10_000;
/// Takeover Delay unless given: 3 s and recvWindow.
const TAKEOVER_DELAY_MS: i64 = 5_000;
/// A start and a rebalance.
const LET_GO_WITHIN: Duration = Duration::from_secs(60);

/// Fault F17.
/// Promise P3.
#[test]
fn what_cannot_be_handed_over_in_time_waits_for_the_takeover_delay() {
    let _alone = alone();
    let Some(market) = Market::open() else { return };
    let mut fleet = Fleet::new(SYMBOLS);
    let settings = market.group(Protocol::Classic);
    let steady = market.steady(&fleet);
    fleet.start("a", &settings, &[]);
    fleet.start("b", &settings, &[]);
    let before = fleet.settle("two start", &["a", "b"]);
    let gone = ["a", "b"].map(|name| let_go(&fleet, name));

    // By symbol: what names none is answered at once, so that the third can start.
    let late = |symbol| json!({ "fault": "delay_answers", "ms": ANSWERS_AFTER_MS, "symbol": symbol });
    fleet.venue.fault(&fleet.symbols.iter().map(late).collect::<Value>());
    fleet.start("c", &settings, &[]);
    let old = until_within(LET_GO_WITHIN, "a member lets go without a confirmed hand-over", || {
        ["a", "b"].into_iter().zip(gone).find(|(name, gone)| let_go(&fleet, name) > *gone)
    });
    println!("{} let {} partitions go", old.0, let_go(&fleet, old.0) - old.1);
    fleet.mend_venue();
    let owners = fleet.settle("one added, hand-over too slow", &["a", "b", "c"]);
    drop(steady);

    let moved = |symbol: &String| owners[symbol].0 == "c" && before[symbol].0 == old.0;
    let moved: Vec<_> = fleet.symbols.iter().filter(|symbol| moved(symbol)).cloned().collect();
    assert!(!moved.is_empty(), "nothing of {}'s went to the new one", old.0);
    let since = fleet.settled_at("two start");
    let gaps = fleet.finish("a slow hand-over").gaps(since);
    for symbol in &moved {
        let shortest = gaps.iter().filter(|gap| gap.symbol == *symbol).map(|gap| gap.length).min();
        assert!(shortest >= Some(TAKEOVER_DELAY_MS), "{symbol} was taken over after {shortest:?} ms");
    }
}

/// Partitions that a member has let go without a confirmed hand-over.
fn let_go(fleet: &Fleet, name: &str) -> u64 {
    let page = fleet.metrics(name);
    let value = page.lines().find_map(|line| line.strip_prefix("st_kafka_let_go_total "));
    value.map_or(0, |value| value.parse().unwrap())
}
