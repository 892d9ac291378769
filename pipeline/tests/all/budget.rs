//! Without rate budget for a whole pair none begins: ticks wait, cancels still leave.

mod breaker;
mod cancels;
mod caps;
mod gcra;
mod limits;
mod position;
use std::time::Duration;

use pipeline::gateway::{
    Alone, Gateway, GatewaySettings, LaneId, Limiter, RateLimit, RateLimitKind, Weights,
};
use pipeline::instrument::Instrument;

use crate::support::{at_ns, settings, tick, top};

/// What requests cost of the weight limit.
const WEIGHTS: Weights = Weights { cancel: 1, query: 4, list: 6 };

const WINDOW_MS: i64 = 10_000;

fn gateway(orders: u64) -> Gateway<Alone> {
    let limits = vec![RateLimit { kind: RateLimitKind::Orders, interval_ms: WINDOW_MS, count: orders }];
    let settings = GatewaySettings {
        lanes: vec![settings().prefix],
        limits,
        answer_patience: Duration::from_secs(2),
        inflight_max: 16,
        sharers: 1,
        weights: WEIGHTS,
        lists_beside: false,
    };
    let mut gateway = Gateway::new(settings, Alone);
    gateway.handle_connected();
    gateway
}

#[test]
fn the_budget_is_for_whole_pairs_and_comes_back_with_the_window() {
    let now = at_ns(0);
    let mut gateway = gateway(10);
    assert!(gateway.has_budget(now));
    // Four fifths of ten are for places; seven used leave room for a maker and none for its taker.
    let counted = RateLimit { kind: RateLimitKind::Orders, interval_ms: WINDOW_MS, count: 6 };
    gateway.handle_count(counted, now);
    assert!(gateway.has_budget(now));
    gateway.handle_count(RateLimit { count: 7, ..counted }, now);
    assert!(!gateway.has_budget(now));
    let wakes = gateway.poll_timeout(now).expect("it wakes when the window rolls");
    let later = now.after(wakes.since(now.mono));
    assert!(gateway.has_budget(later));
    assert_eq!(later.wall_ms % WINDOW_MS, 0);
}

#[test]
fn a_tick_waits_for_the_budget() {
    let mut instrument = Instrument::new(settings());
    let now = at_ns(1_000_000_000);
    instrument.handle_connected(true, now);
    while instrument.poll_command().is_some() {}
    instrument.handle_report(&pipeline::event::OrderReport::OpenOrders(Vec::new()), now);
    instrument.handle_top(Some(top(None, None, 1, now)));
    instrument.handle_budget(false, now);
    instrument.handle_tick(tick("100.00", "1", now), now);
    assert_eq!((instrument.counts().pairs, instrument.counts().waiting), (0, 1));
    instrument.handle_budget(true, now);
    assert_eq!((instrument.counts().pairs, instrument.counts().waiting), (1, 0));
}

/// Processes that share an account, each by itself: whatever they do, the venue counts no more than its limit.
#[test]
fn the_parts_together_are_no_more_than_the_whole() {
    for (limit, sharers) in [(50, 3), (50, 5), (100, 7), (6_000, 10_000), (7, 7)] {
        let limits = [RateLimit { kind: RateLimitKind::Orders, interval_ms: WINDOW_MS, count: limit }];
        for now in [at_ns(0), at_ns(10_000_000_000)] {
            let spent: u64 = (0..u64::from(sharers))
                .map(|_| {
                    let mut limiter = Limiter::new(&limits, sharers);
                    let mut own = 0;
                    while limiter.allows_pairs(1, now) {
                        own += 1;
                        for command in cancels::pair(own) {
                            limiter.spend(LaneId(0), &command, now);
                        }
                    }
                    2 * own
                })
                .sum();
            assert!(spent <= limit, "{spent} of {limit} by {sharers}");
            assert!(spent > 0 || limit / u64::from(sharers) < 2, "nobody may trade: {limit} by {sharers}");
        }
    }
}

#[test]
fn what_the_others_spend_counts_against_the_whole() {
    let now = at_ns(0);
    let limit = RateLimit { kind: RateLimitKind::Orders, interval_ms: WINDOW_MS, count: 50 };
    let mut limiter = Limiter::new(&[limit], 5);
    limiter.observe(RateLimit { count: 30, ..limit }, 0, now);
    assert!(limiter.allows_pairs(4, now) && !limiter.allows_pairs(5, now), "a fifth, less its reserve");
    limiter.observe(RateLimit { count: 38, ..limit }, 0, now);
    assert!(limiter.allows_pairs(1, now) && !limiter.allows_pairs(2, now), "the whole, less its reserve");
}
