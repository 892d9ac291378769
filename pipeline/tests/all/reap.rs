//! The reaper: which orders are orphans, and when it says so.

use std::time::Duration;

use pipeline::reap::{Budget, Listed, Reaper};
use pipeline::time::Nanos;
use schemas::ids::{ClientOrderId, Epoch, InstrumentPrefix, Leg};

const OLD: Duration = Duration::from_secs(5);

fn prefix() -> InstrumentPrefix {
    InstrumentPrefix::new("main", "BTCUSDT")
}

fn ours(sequence: u64, placed_ms: i64) -> Listed {
    let id = ClientOrderId::new(prefix(), Epoch::new(3), sequence, Leg::Maker);
    listed(id.as_str(), sequence, Some(placed_ms))
}

fn listed(client_id: &str, venue_id: u64, placed_ms: Option<i64>) -> Listed {
    Listed { symbol: "BTCUSDT".to_owned(), client_id: client_id.to_owned(), venue_id, placed_ms }
}

fn reaper() -> Reaper {
    Reaper::new(vec![prefix()], OLD)
}

fn at(ms: u64) -> Nanos {
    Nanos(ms * 1_000_000)
}

/// Fault O22, O23.
#[test]
fn only_old_orders_of_our_prefix_are_cancelled() {
    let mut reaper = reaper();
    let other = ClientOrderId::new(InstrumentPrefix::new("othr", "BTCUSDT"), Epoch::new(1), 9, Leg::Maker);
    let orders =
        [ours(1, 10_000), ours(2, 14_000), listed(other.as_str(), 3, Some(0)), listed("web_1", 4, Some(0))];
    reaper.handle_list(Some("BTCUSDT"), &orders, at(0));
    let due: Vec<u64> =
        std::iter::from_fn(|| reaper.poll_cancel(15_000, at(0))).map(|orphan| orphan.venue_id).collect();
    assert_eq!(due, [1]);
    assert_eq!((reaper.aliens(), reaper.makers(15_000, at(0))), (2, (2, Duration::from_secs(5))));
    assert!(reaper.has_orphans(15_000, at(0)) && !reaper.has_orphans(14_999, at(0)));
}

#[test]
fn a_cancel_is_said_again_until_a_list_no_longer_holds_the_order() {
    let mut reaper = reaper();
    let orders = [ours(1, 0)];
    let mut said = Vec::new();
    for ms in (0..10_000).step_by(100) {
        reaper.handle_list(None, &orders, at(ms));
        said.extend(reaper.poll_cancel(60_000, at(ms)).map(|_| ms));
    }
    assert_eq!(said, [0, 500, 1_500, 3_500, 7_500]);
    assert_eq!(reaper.reaped(), 0);
    reaper.handle_list(Some("ETHUSDT"), &[], at(10_000));
    assert!(reaper.has_orphans(60_000, at(10_000)), "another symbol's list says nothing of it");
    reaper.handle_list(Some("BTCUSDT"), &[], at(10_000));
    assert_eq!((reaper.reaped(), reaper.has_orphans(60_000, at(10_000))), (1, false));
}

#[test]
fn what_ends_by_itself_was_not_reaped() {
    let mut reaper = reaper();
    reaper.handle_list(None, &[ours(1, 58_000)], at(0));
    assert_eq!(reaper.poll_cancel(60_000, at(0)), None);
    reaper.handle_list(None, &[], at(1));
    assert_eq!(reaper.reaped(), 0);
}

#[test]
fn without_a_time_of_the_venue_age_counts_from_the_first_list() {
    let mut reaper = reaper();
    let mut order = ours(1, 0);
    order.placed_ms = None;
    for ms in [0, 4_999] {
        reaper.handle_list(None, std::slice::from_ref(&order), at(ms));
        assert_eq!(reaper.poll_cancel(i64::MAX, at(ms)), None);
    }
    assert!(reaper.poll_cancel(0, at(5_000)).is_some());
}

#[test]
fn a_venue_whose_clock_went_back_saves_no_orphan() {
    let mut reaper = reaper();
    reaper.handle_list(None, &[ours(1, 100_000)], at(0));
    assert_eq!(reaper.poll_cancel(40_000, at(0)), None);
    assert!(reaper.poll_cancel(45_000, at(5_000)).is_some());
}

#[test]
fn lists_leave_a_fifth_of_the_budget_to_cancels() {
    let mut budget = Budget::new(100);
    assert!(budget.take_list(80, at(0)) && !budget.take_list(1, at(0)));
    assert!(budget.take_cancel(20, at(0)) && !budget.take_cancel(1, at(59_999)));
    assert!(budget.take_list(80, at(60_000)));
}

#[test]
fn looks_that_are_spread_as_the_budget_says_are_all_paid_for() {
    for (a_minute, weight) in [(1_200, 6), (1_200, 80), (480, 40), (480, 1), (100, 7)] {
        let mut budget = Budget::new(a_minute);
        let every = u64::try_from(budget.list_every(weight).as_millis()).unwrap();
        for look in 0..2_000 {
            assert!(budget.take_list(weight, at(look * every)), "{a_minute} {weight}: look {look}");
        }
    }
    assert_eq!(Budget::new(1_200).list_every(80), Duration::from_secs(5));
}

/// The lists of what is old, what is a maker, and what was told to go agree with each other.
#[test]
fn an_order_is_an_orphan_at_the_age_that_was_set() {
    let mut reaper = reaper();
    let taker = ClientOrderId::new(prefix(), Epoch::new(3), 2, Leg::Taker);
    let orders = [ours(1, 10_000), listed(taker.as_str(), 2, Some(12_000))];
    reaper.handle_list(None, &orders, at(0));
    let old = |reaper: &Reaper, venue_ms: i64| reaper.orphans(venue_ms, at(0));
    assert_eq!(old(&reaper, 14_999), []);
    assert_eq!(old(&reaper, 15_000).len(), 1);
    assert_eq!(old(&reaper, 17_000).len(), 2);
    assert_eq!(reaper.makers(17_000, at(0)), (1, Duration::from_secs(7)), "a taker is no maker");
    assert_eq!(reaper.poll_cancel(14_999, at(0)), None);
}

/// Old by one clock is old: the venue's may stand still, and so may ours.
#[test]
fn the_longer_of_both_ages_counts() {
    let mut reaper = reaper();
    reaper.handle_list(None, &[ours(1, 10_000)], at(1_000));
    assert!(!reaper.has_orphans(10_000, at(5_999)) && reaper.has_orphans(10_000, at(6_000)));
    assert!(reaper.has_orphans(15_000, at(1_000)));
}

/// A minute's weight comes back with the next minute, and what was refused costs nothing.
#[test]
fn weight_that_was_not_there_is_not_spent() {
    let mut budget = Budget::new(10);
    assert!(budget.take_cancel(8, at(0)) && !budget.take_cancel(3, at(0)) && budget.take_cancel(2, at(0)));
    assert!(!budget.take_cancel(1, at(59_999)));
    assert!(budget.take_cancel(10, at(60_000)) && !budget.take_cancel(1, at(60_000)));
}
