//! The simulation as a test: many seeds, the same seed twice, and every promise broken on purpose.
#![expect(clippy::print_stdout, reason = "what was run belongs into the test's output")]

use std::process::Command;

use simulation::campaign::{complete, run_all};
use simulation::coverage::{Cell, OrderState};
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
    let spec = Spec::new(0, ROUNDS, Profile::Mixed);
    let mut campaign = run_all(0..SEEDS, &spec, 2);
    let hours = campaign.length / (3_600 * SEC);
    println!("{hours} simulated hours, {} faults, {} pairs", campaign.stats.faults, campaign.stats.pairs());
    println!("oldest maker {} ms", campaign.stats.oldest_maker / MS);
    println!("{}", campaign.coverage.report());
    println!("{} rounds aimed at what was not met", complete(&mut campaign, &spec));
    let failed: Vec<String> = campaign
        .failed
        .iter()
        .map(|(seed, violation)| {
            format!("seed {seed}: {} at {} ms: {}", violation.promise, violation.at / MS, violation.what)
        })
        .collect();
    assert_eq!(failed, Vec::<String>::new(), "cargo run --release -p simulation -- --replay SEED shows more");
    assert_eq!(campaign.failed_aims, [], "--replay SEED --aim CELL shows more");
    assert!(
        hours >= 50 && campaign.stats.faults >= 10_000,
        "{hours} hours, {} faults",
        campaign.stats.faults
    );
    assert_eq!(campaign.coverage.missing(), [], "cells that were never hit");
}

#[test]
fn what_chance_seldom_brings_together_can_be_aimed_at() {
    let spec = Spec::new(0, 1, Profile::Mixed);
    for name in ["KillAfterSend:Leaving", "VenueDown:MakerRests", "Ban:MakerRests", "Torn:BookLost"] {
        let cell: Cell = name.parse().unwrap();
        let hits = |seed| run(&Spec { seed, aim: Some(cell), ..spec.clone() }).coverage.has(cell);
        assert!((0..10).any(hits), "{name}");
    }
    assert!("Kill:Sleeping".parse::<Cell>().is_err());
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

/// Faults of process 0 that begin at those seconds.
fn faults(kinds: &[(u64, Kind)], seconds: u64, level: u32) -> Vec<Fault> {
    let one = |(index, (at, kind)): (usize, &(u64, Kind))| Fault {
        index,
        at: at * SEC,
        until: (at + seconds) * SEC,
        process: 0,
        level,
        kind: *kind,
        awaits: None,
    };
    kinds.iter().enumerate().map(one).collect()
}

/// A promise that is broken on purpose is seen, by its own check, within so many seeds.
fn is_caught(sabotage: Sabotage, promises: &[&str]) {
    is_seen(&Spec { sabotage: Some(sabotage), ..Spec::new(0, 1, Profile::Mixed) }, promises);
}

/// The same under those faults alone; without the sabotage nothing is seen.
fn is_caught_in(sabotage: Sabotage, promises: &[&str], given: &[Fault]) {
    let spec = Spec { given: Some(given.to_vec()), ..Spec::new(0, 1, Profile::Mixed) };
    is_seen(&Spec { sabotage: Some(sabotage), ..spec.clone() }, promises);
    let sound = run_all(0..40, &spec, 2);
    assert!(sound.failed.is_empty(), "{:?}", sound.failed);
}

fn is_seen(spec: &Spec, promises: &[&str]) {
    const SEEDS_MAX: u64 = 40;
    let sabotage = spec.sabotage;
    let mut seen = Vec::new();
    for seed in 0..SEEDS_MAX {
        let outcome = run(&Spec { seed, ..spec.clone() });
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
        Fault { index, at, until: at + lasts, process: 0, level, kind, awaits: None }
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
    // Requests arrive, and nothing comes back.
    let deaf = [(10, Kind::LoseAnswer), (10, Kind::LoseEvent)];
    is_caught_in(Sabotage::TransportIsNotFound, &["P14"], &faults(&deaf, 60, 1_000));
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

/// Promise P1.
#[test]
fn a_switch_that_a_reset_of_the_venue_stops_is_seen() {
    // A maker is on its way while the venue is reset; it rests, and all requests are lost: no cancel arrives, and no
    // renewal.
    let turns = (0..6).flat_map(|turn| {
        let at = (20 + turn * 31) * SEC;
        [(at, Kind::Wipe, OrderState::MakerSent), (at, Kind::LoseRequest, OrderState::TakerSent)]
    });
    let fault = |(index, (at, kind, state))| Fault {
        index,
        at,
        until: at + 15 * SEC,
        process: 0,
        level: 1_000,
        kind,
        awaits: Some(state),
    };
    let given: Vec<Fault> = turns.enumerate().map(fault).collect();
    is_caught_in(Sabotage::ResetSwitches, &["P1"], &given);
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
    let deaths = [(20, Kind::KillAfterSend), (70, Kind::KillAfterSend), (120, Kind::KillAfterSend)];
    is_caught_in(Sabotage::SkipSweep, &["P15", "P1"], &faults(&deaths, 30, 1));
}
