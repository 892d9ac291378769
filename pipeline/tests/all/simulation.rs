//! The whole order path in virtual time: a real instrument and a real gateway against a venue that loses,
//! delays, repeats, reorders, refuses and disconnects, all of it from one seed.
//!
//! What must hold is checked after every event (`checks`). A failure names its seed; `SIMULATION_SEED=n` runs
//! that one alone.

mod checks;
mod venue;
mod world;

use std::panic::catch_unwind;
use std::time::Duration;

use pipeline::instrument::Phase;
use pipeline::trade::Outcome;
use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};
use world::{Faults, World};

use crate::support::at_most;

const SEEDS: u32 = 300;
/// Longest that an order whose outcome is unknown stays in doubt: recvWindow + 10 s, and one more question.
const DOUBT_MAX_MS: u64 = 2_000 + 10_000 + 5_000 + 2_100;

/// Runs every seed, or the one that is asked for.
fn each_seed(run: impl Fn(u64) + std::panic::RefUnwindSafe) {
    let wanted = std::env::var("SIMULATION_SEED").ok().map(|seed| seed.parse::<u64>().unwrap());
    for seed in wanted.map_or(0..u64::from(at_most(SEEDS)), |seed| seed..seed + 1) {
        assert!(catch_unwind(|| run(seed)).is_ok(), "SIMULATION_SEED={seed} fails");
    }
}

/// Which faults a seed has, and how bad they are.
fn random_faults(seed: u64) -> (Faults, u64) {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(!seed);
    let harsh = rng.random_range(0.0..0.3);
    let mut some = |likely: f64| if rng.random_bool(0.5) { likely * harsh } else { 0.0 };
    let faults = Faults {
        lose_request: some(0.5),
        lose_answer: some(1.0),
        lose_event: some(1.0),
        repeat_event: some(3.0),
        dawdle: some(0.3),
        refuse_cancel: some(3.0),
        doubt: some(0.5),
        too_many: some(0.1),
        cut_every_ms: 0,
        book_lost_every_ms: 0,
        book_frozen_every_ms: 0,
        stranger_every_ms: 0,
        book_late_ms: 0,
    };
    let mut sometimes = |ms: u64| if rng.random_bool(0.5) { rng.random_range(ms / 4..ms) } else { 0 };
    let faults = Faults {
        cut_every_ms: sometimes(3_000),
        book_lost_every_ms: sometimes(3_000),
        book_frozen_every_ms: sometimes(6_000),
        stranger_every_ms: sometimes(200),
        book_late_ms: sometimes(1_000),
        ..faults
    };
    (faults, rng.random_range(2_000..10_000))
}

/// Faults, then none: the instrument trades again, pair after pair, and stops with nothing open.
fn trade_and_stop(seed: u64) -> World {
    let (faults, faulty_ms) = random_faults(seed);
    let mut world = World::new(seed, faults);
    world.run(faulty_ms);
    world.heal();
    world.run(DOUBT_MAX_MS);
    assert_eq!(world.instrument.phase(), Phase::Live);
    // Longer than a book or an order can haunt what follows.
    world.run(3_000);
    let (matched, pairs) = (world.checks.outcome(Outcome::Matched), world.instrument.counts().pairs);
    world.checks.oldest_maker = Duration::ZERO;
    world.run(3_000);
    let (now_matched, now_pairs) = (world.checks.outcome(Outcome::Matched), world.instrument.counts().pairs);
    assert!(now_pairs >= pairs + 10, "{} pairs in 3 s without faults", now_pairs - pairs);
    assert!(now_matched - matched + 1 >= now_pairs - pairs, "a pair without faults that did not match");
    let oldest = world.checks.oldest_maker;
    assert!(oldest < Duration::from_millis(400), "a maker was open for {oldest:?} without faults");
    world.stop();
    world.run_until(5_000, World::is_stopped);
    world
}

/// Stopped in the middle of faults, which end some time later.
fn stop_among_faults(seed: u64) -> World {
    let (faults, faulty_ms) = random_faults(seed);
    let mut world = World::new(seed, faults);
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed ^ 0x5709);
    world.run(rng.random_range(0..faulty_ms));
    world.stop();
    let pairs = world.instrument.counts().pairs;
    world.run(rng.random_range(0..5_000));
    world.heal();
    world.run_until(DOUBT_MAX_MS + 5_000, World::is_stopped);
    assert_eq!(world.instrument.counts().pairs, pairs, "a pair after the stop");
    world
}

/// Nothing is left at the venue, also of what was still on its way; every pair has its outcome.
fn nothing_is_left(mut world: World) {
    world.run(10_000);
    assert!(world.is_stopped());
    assert_eq!(world.venue.open(), []);
    assert_eq!(world.instrument.maybe_open(), []);
    let counts = world.instrument.counts();
    assert_eq!(counts.outcomes, world.checks.outcomes);
    assert_eq!(counts.outcomes.iter().sum::<u64>(), counts.pairs);
    assert!(world.checks.finished.iter().copied().eq(0..counts.pairs), "sequence numbers have gaps");
}

#[test]
fn whatever_happens_it_trades_again_and_leaves_nothing() {
    each_seed(|seed| nothing_is_left(trade_and_stop(seed)));
}

#[test]
fn a_stop_at_any_moment_leaves_nothing() {
    each_seed(|seed| nothing_is_left(stop_among_faults(seed)));
}

#[test]
fn without_faults_every_pair_matches() {
    each_seed(|seed| {
        let mut world = World::new(seed, Faults::default());
        world.run(5_000);
        world.stop();
        world.run_until(1_000, World::is_stopped);
        let (counts, matched) = (world.instrument.counts(), world.checks.outcome(Outcome::Matched));
        assert!(counts.pairs >= 20 && matched == counts.pairs, "{counts:?}");
        assert!(world.checks.oldest_maker < Duration::from_millis(400), "{:?}", world.checks.oldest_maker);
        nothing_is_left(world);
    });
}

/// Nothing else is wrong: confirmed or not, a book that does not show our own makers is not traded on, and
/// the doubt about it brings a new one.
#[test]
fn a_book_that_stands_still_is_fetched_anew() {
    for seed in 0..u64::from(at_most(20)) {
        let mut world = World::new(seed, Faults { book_frozen_every_ms: 3_000, ..Faults::default() });
        world.run(30_000);
        let matched = world.checks.outcome(Outcome::Matched);
        assert!(world.doubts >= 3 && matched >= 100, "{} doubts, {matched} matched", world.doubts);
        world.heal();
        world.stop();
        world.run_until(1_000, World::is_stopped);
        nothing_is_left(world);
    }
}

/// The same seed gives the same orders at the same moments, byte for byte; another seed others.
/// Promise P21.
#[test]
fn the_same_seed_gives_the_same_trace() {
    let traces: Vec<u64> = (0..40).map(|seed| trade_and_stop(seed).checks.trace()).collect();
    let again: Vec<u64> = (0..40).map(|seed| trade_and_stop(seed).checks.trace()).collect();
    assert_eq!(traces, again);
    let mut distinct = traces.clone();
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!(distinct.len(), traces.len());
}

/// The faults are worth their name: every outcome comes up.
#[test]
fn every_outcome_comes_up() {
    let mut outcomes = [0; Outcome::ALL.len()];
    for seed in 0..u64::from(SEEDS / 4) {
        let (faults, faulty_ms) = random_faults(seed);
        let mut world = World::new(seed, faults);
        world.run(faulty_ms);
        outcomes.iter_mut().zip(world.checks.outcomes).for_each(|(sum, some)| *sum += some);
    }
    for (outcome, times) in Outcome::ALL.iter().zip(outcomes) {
        assert!(times > 0, "{outcome:?} never came up: {outcomes:?}");
    }
}
