//! What a pair costs of each limit, and what is kept back for one that has begun.

use pipeline::command::{Command, OrderHandle};
use pipeline::event::OrderReport;
use pipeline::gateway::{Bounds, LaneBounds, LaneId, Limiter, RateLimit, RateLimitKind, Weights};
use schemas::ids::{ClientOrderId, Epoch, InstrumentPrefix, Leg};

use super::cancels::{at, pair, pair_of};

/// A pair weighs its two orders and two cancels: 8.
const WEIGHTS: Weights = Weights { cancel: 3, query: 4, list: 6 };

fn limit(kind: RateLimitKind, count: u64) -> RateLimit {
    RateLimit { kind, interval_ms: 60_000, count }
}

fn weighing(count: u64) -> Limiter {
    Limiter::new(&[limit(RateLimitKind::Weight, count)], 1).weighing(WEIGHTS)
}

fn asking(requests_a_second: u32) -> Limiter {
    let bounds = Bounds { requests_a_second: Some(requests_a_second), ..Bounds::default() };
    Limiter::new(&[], 1).bounded(&bounds, 1)
}

/// The most pairs that may begin at once.
fn pairs(limiter: &Limiter) -> u64 {
    (0..100).take_while(|pairs| limiter.allows_pairs(pairs + 1, at(0))).count() as u64
}

/// Four fifths of the limit are for places.
#[test]
fn a_pair_weighs_its_orders_and_two_cancels() {
    for (count, begun) in [(18, 1), (19, 2), (28, 2), (29, 3)] {
        assert_eq!(pairs(&weighing(count)), begun, "{count}");
    }
    // One has begun: its maker has spent 1, its taker and two cancels are kept back.
    for (count, more) in [(18, 0), (19, 1), (28, 1), (29, 2)] {
        let mut limiter = weighing(count);
        limiter.spend(LaneId(0), &pair(0)[0], at(0));
        assert_eq!(pairs(&limiter), more, "{count}");
    }
}

/// Two orders and two cancels are four requests; at least one pair fits, however slow the address is.
#[test]
fn a_pair_is_four_requests() {
    for (a_second, begun) in [(1, 1), (7, 1), (8, 2), (15, 3), (16, 4)] {
        assert_eq!(pairs(&asking(a_second)), begun, "{a_second}");
    }
    // One has begun: three of its four are kept back.
    for (a_second, more) in [(15, 2), (16, 3)] {
        let mut limiter = asking(a_second);
        limiter.spend(LaneId(0), &pair(0)[0], at(0));
        assert_eq!(pairs(&limiter), more, "{a_second}");
    }
}

/// Who shares the address shares its weight; the account's orders are shared with the account alone.
#[test]
fn an_address_is_shared_by_more_than_its_account() {
    let bounds = Bounds { address_sharers: 4, ..Bounds::default() };
    let shared = |kind| Limiter::new(&[limit(kind, 100)], 1).bounded(&bounds, 1);
    assert_eq!(pairs(&shared(RateLimitKind::Orders)), 40, "two of 80 each");
    assert_eq!(pairs(&shared(RateLimitKind::Weight)), 10, "two of 20 each, cancels weigh nothing");
}

/// A lane keeps its takers' rate back for itself alone, and only until nothing of the pair is to come.
#[test]
fn takers_to_come_are_their_own_lanes() {
    let lane = LaneBounds { orders_a_second: Some(4), price_decimals: 0 };
    let bounds = Bounds { lanes: vec![lane; 3], ..Bounds::default() };
    let mut limiter = Limiter::new(&[], 1).bounded(&bounds, 1);
    assert!(limiter.allows_maker(LaneId(0), at(0)));
    for sequence in 0..2 {
        limiter.spend(LaneId(0), &pair_of(0, sequence)[0], at(0));
    }
    assert!(!limiter.allows_maker(LaneId(0), at(0)) && limiter.allows_maker(LaneId(1), at(0)));
    // Half a second gives two orders, and two takers are to come.
    assert!(!limiter.allows_maker(LaneId(0), at(499)) && limiter.allows_maker(LaneId(0), at(500)));
    limiter.spend(LaneId(0), &pair_of(0, 0)[1], at(0));
    limiter.hear(&OrderReport::Rejected { id: id(1, Leg::Maker), code: -2010, would_match: true });
    // Three left, and no taker is to come: one more than there is room for a pair.
    assert!(!limiter.allows_maker(LaneId(0), at(249)) && limiter.allows_maker(LaneId(0), at(250)));
}

fn id(sequence: u64, leg: Leg) -> ClientOrderId {
    ClientOrderId::new(InstrumentPrefix::new("test", "BTCUSDT"), Epoch::new(1), sequence, leg)
}

/// Requests kept back for a pair: 3 after its maker, less with each that leaves, none when both legs are over.
#[test]
fn what_is_kept_back_goes_with_what_leaves_and_ends_with_the_evidence() {
    let rejected = |id| OrderReport::Rejected { id, code: -2010, would_match: false };
    // A bucket of 20: what has left and what is kept back come off; four are a pair.
    let left = |steps: &dyn Fn(&mut Limiter)| {
        let mut limiter = asking(20);
        limiter.spend(LaneId(0), &pair(0)[0], at(0));
        steps(&mut limiter);
        pairs(&limiter)
    };
    assert_eq!(left(&|_| {}), 4, "1 left, 3 are kept back");
    let cancel = Command::Cancel(OrderHandle { id: id(0, Leg::Maker), venue_id: None });
    let cancels = |limiter: &mut Limiter| limiter.spend(LaneId(0), &cancel, at(0));
    assert_eq!(left(&cancels), 4, "2 left, a taker and one cancel are kept back");
    assert_eq!(left(&|limiter| limiter.hear(&rejected(id(0, Leg::Maker)))), 4, "1 left, none is kept back");
    let both = |limiter: &mut Limiter| {
        limiter.spend(LaneId(0), &pair(0)[1], at(0));
        limiter.hear(&rejected(id(0, Leg::Taker)));
    };
    assert_eq!(left(&both), 4, "2 left, and 2 cancels are kept back while the maker is open");
    let all = |limiter: &mut Limiter| {
        both(limiter);
        limiter.hear(&rejected(id(0, Leg::Maker)));
        // A second pair finds as much room as if there had been none: 2 and 1 left, 3 are kept back.
        limiter.spend(LaneId(0), &pair(1)[0], at(0));
    };
    let mut tight = asking(18);
    tight.spend(LaneId(0), &pair(0)[0], at(0));
    all(&mut tight);
    assert_eq!(pairs(&tight), 3, "12 of 18");
    let another = |limiter: &mut Limiter| {
        // Another pair's evidence sets nothing free: 2 left, 3 and 3 are kept back.
        limiter.spend(LaneId(0), &pair(10)[0], at(0));
        limiter.hear(&rejected(id(1, Leg::Maker)));
    };
    assert_eq!(left(&another), 3);
    // Kept back for a minute at the longest, and then as if it had never been.
    let mut limiter = asking(20);
    limiter.spend(LaneId(0), &pair(0)[0], at(0));
    assert_eq!(limiter.expires(), Some(at(60_000).mono));
    limiter.hear(&rejected(id(0, Leg::Maker)));
    assert_eq!(limiter.expires(), None, "nothing is kept back any more");
}
