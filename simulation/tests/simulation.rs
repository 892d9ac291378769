//! The simulation as a test: many seeds, the same seed twice, and every promise broken on purpose.
#![expect(clippy::print_stdout, reason = "what was run belongs into the test's output")]

use std::process::Command;

use simulation::campaign::run_all;
use simulation::fault::{Fault, Kind};
use simulation::run::{Spec, run};
use simulation::sabotage::Sabotage;
use simulation::setup::Profile;
use simulation::{MS, SEC};

/// Rounds of five minutes in each of the seeds.
const ROUNDS: u64 = 3;
const SEEDS: u64 = 200;

/// Promise P1, P2, P3, P4, P5, P6, P7, P12, P13, P14, P15, P16, P23.
#[test]
fn fifty_hours_of_faults_break_no_promise() {
    let campaign = run_all(0..SEEDS, &Spec::new(0, ROUNDS, Profile::Mixed), 2);
    let hours = campaign.length / (3_600 * SEC);
    println!("{hours} simulated hours, {} faults, {} pairs", campaign.stats.faults, campaign.stats.pairs());
    println!("oldest maker {} ms", campaign.stats.oldest_maker / MS);
    println!("{}", campaign.coverage.report());
    let failed: Vec<String> = campaign
        .failed
        .iter()
        .map(|(seed, violation)| {
            format!("seed {seed}: {} at {} ms: {}", violation.promise, violation.at / MS, violation.what)
        })
        .collect();
    assert_eq!(failed, Vec::<String>::new(), "cargo run --release -p simulation -- --replay SEED shows more");
    assert!(
        hours >= 50 && campaign.stats.faults >= 10_000,
        "{hours} hours, {} faults",
        campaign.stats.faults
    );
    assert_eq!(campaign.coverage.missing(), Vec::<String>::new(), "cells that were never hit");
}

/// Promise P21.
#[test]
fn a_seed_gives_the_same_run_in_every_process() {
    let traces = |threads: &str| {
        let arguments = ["--seeds", "0..100", "--hours", "0.08", "--trace-hash", "--threads", threads];
        let output = Command::new(env!("CARGO_BIN_EXE_simulate")).args(arguments).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().filter(|line| line.starts_with("trace ")).map(str::to_owned).collect::<Vec<_>>()
    };
    let first = traces("1");
    assert_eq!(first.len(), 100);
    assert_eq!(first, traces("2"));
    let different: std::collections::BTreeSet<_> =
        first.iter().filter_map(|line| line.split(' ').nth(2)).collect();
    assert_eq!(different.len(), 100, "two seeds of one run");
}

/// A promise that is broken on purpose is seen, by its own check, within so many seeds.
fn is_caught(sabotage: Sabotage, promises: &[&str]) {
    const SEEDS_MAX: u64 = 40;
    let mut seen = Vec::new();
    for seed in 0..SEEDS_MAX {
        let outcome = run(&Spec { sabotage: Some(sabotage), ..Spec::new(seed, 1, Profile::Mixed) });
        let Some(first) = outcome.violations.first() else { continue };
        if promises.contains(&first.promise) {
            println!("{sabotage:?}: seed {seed}: {} at {} ms: {}", first.promise, first.at / MS, first.what);
            return;
        }
        seen.push(format!("seed {seed}: {} {}", first.promise, first.what));
    }
    panic!("{sabotage:?} breaks none of {promises:?} in {SEEDS_MAX} seeds: {seen:?}");
}

/// Promise P12.
#[test]
fn an_order_that_is_not_in_the_journal_is_seen() {
    is_caught(Sabotage::SkipJournal, &["P12"]);
}

/// Promise P2.
#[test]
fn a_place_that_is_sent_again_is_seen() {
    is_caught(Sabotage::ResendPlace, &["P2"]);
}

/// Promise P2.
#[test]
fn a_trade_that_is_traded_again_is_seen() {
    is_caught(Sabotage::IgnoreDuplicates, &["P2"]);
}

/// Promise P2.
#[test]
fn what_an_earlier_run_traded_and_a_later_one_trades_again_is_seen() {
    // Killed, and the last trades come again as soon as it is back.
    let fault = |(index, (after, lasts, level, kind)): (usize, (u64, u64, u32, Kind))| {
        let at = 10 * SEC + after;
        Fault { index, at, until: at + lasts, process: 0, level, kind }
    };
    let turns = (0..12).flat_map(|turn| {
        let at = turn * 15 * SEC;
        [(at, 500 * MS, 1, Kind::Kill), (at + 1_500 * MS, SEC, 30, Kind::FeedRewind)]
    });
    let given: Vec<Fault> = turns.enumerate().map(fault).collect();
    for (sabotage, is_seen) in [(None, false), (Some(Sabotage::ForgetTraded), true)] {
        let spec = |seed| Spec { sabotage, given: Some(given.clone()), ..Spec::new(seed, 1, Profile::Spot) };
        let promises =
            (0..20).flat_map(|seed| run(&spec(seed)).violations).map(|violation| violation.promise);
        assert_eq!(promises.collect::<Vec<_>>().contains(&"P2"), is_seen, "{sabotage:?}");
    }
}

/// Promise P3.
#[test]
fn an_order_of_an_owner_that_is_none_is_seen() {
    is_caught(Sabotage::DropEpochCheck, &["P3", "P15"]);
}

/// Promise P14.
#[test]
fn a_transport_error_that_counts_as_not_found_is_seen() {
    is_caught(Sabotage::TransportIsNotFound, &["P14"]);
}

/// Promise P1.
#[test]
fn a_maker_that_nobody_cancels_is_seen() {
    is_caught(Sabotage::DropCancels, &["P1"]);
}

/// Promise P1.
#[test]
fn a_switch_that_is_renewed_blindly_is_seen() {
    is_caught(Sabotage::RenewBlindly, &["P1"]);
}

/// Promise P4.
#[test]
fn an_order_on_old_news_is_seen() {
    is_caught(Sabotage::IgnoreAges, &["P4"]);
}

/// Promise P7.
#[test]
fn a_request_while_the_venue_wants_silence_is_seen() {
    is_caught(Sabotage::IgnoreSilence, &["P7"]);
}

/// Promise P15.
#[test]
fn an_owner_that_does_not_sweep_is_seen() {
    is_caught(Sabotage::SkipSweep, &["P15", "P1"]);
}
