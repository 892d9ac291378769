//! `simulate`: runs seeds, adds up what was run, replays and shrinks what failed.
#![expect(clippy::print_stdout, reason = "it is what the command is for")]

use std::ops::Range;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use self_trader::clock::Clock;
use simulation::campaign::{Campaign, complete, run_all};
use simulation::coverage::Cell;
use simulation::oracle::Violation;
use simulation::plan::ROUND;
use simulation::record::{self, Batch};
use simulation::run::{Spec, run};
use simulation::setup::{Profile, Setup};
use simulation::shrink::shrink;
use simulation::{MS, SEC};

/// Runs of one failing seed while its faults are shrunk.
const SHRINK_RUNS_MAX: u32 = 300;
/// Seeds of one line in the file of what was run.
const BATCH: u64 = 100;

/// Simulates the whole order path under faults and checks every promise after every event.
#[derive(Debug, Parser)]
#[command(name = "simulate")]
struct Arguments {
    /// Seeds: FIRST..END, or how many more where --resume is given.
    #[arg(long, default_value = "0..20", value_parser = range)]
    seeds: Range<u64>,
    /// Simulated hours of each seed.
    #[arg(long, default_value_t = 0.25)]
    hours: f64,
    /// Which venue is played.
    #[arg(long, value_enum, default_value_t = Profile::Mixed)]
    profile: Profile,
    /// Threads.
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// A file of what was run, one JSON line a batch: goes on after the last seed in it, and says what it adds up to.
    #[arg(long)]
    resume: Option<PathBuf>,
    /// Prints each seed's events as one number.
    #[arg(long)]
    trace_hash: bool,
    /// Prints which faults met each other and which states of an order, and aims at what was not met.
    #[arg(long)]
    coverage: bool,
    /// Runs one seed and prints its faults.
    #[arg(long)]
    replay: Option<u64>,
    /// With --replay: one round that is to hit this cell of the coverage, FAULT:FAULT or FAULT:STATE, instead of the
    /// seed's own.
    #[arg(long)]
    aim: Option<Cell>,
    /// With --replay: only these faults of the seed's plan, by number.
    #[arg(long, value_delimiter = ',')]
    only_faults: Option<Vec<usize>>,
}

fn range(text: &str) -> Result<Range<u64>, String> {
    let (first, end) = text.split_once("..").ok_or("want FIRST..END")?;
    let number = |text: &str| text.parse::<u64>().map_err(|error| error.to_string());
    Ok(number(first)?..number(end)?)
}

fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    if let Some(seed) = arguments.replay {
        return Ok(replay(seed, &arguments));
    }
    let mut seeds = arguments.seeds.clone();
    let Some(path) = &arguments.resume else {
        let (mut campaign, _) = batch(seeds, &arguments);
        return Ok(verdict(&mut campaign, &arguments));
    };
    let known = record::read(path)?;
    let next = record::next_seed(&known, arguments.rounds(), &arguments.profile_name());
    seeds = next..next + (seeds.end - seeds.start);
    let mut code = ExitCode::SUCCESS;
    while seeds.start < seeds.end {
        let end = seeds.end.min(seeds.start + BATCH);
        let (mut campaign, line) = batch(seeds.start..end, &arguments);
        record::append(path, &line)?;
        if !campaign.failed.is_empty() {
            code = verdict(&mut campaign, &arguments);
        }
        println!("all together: {}", record::total(&record::read(path)?));
        seeds.start = end;
    }
    Ok(code)
}

impl Arguments {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few hours in seconds")]
    fn rounds(&self) -> u64 {
        ((self.hours.max(0.0) * 3_600.0) as u64).div_ceil(ROUND / SEC).max(1)
    }

    fn profile_name(&self) -> String {
        format!("{:?}", self.profile).to_lowercase()
    }
}

/// Runs some seeds and says what they came to.
#[expect(clippy::cast_precision_loss, reason = "a result is rounded to be shown")]
fn batch(seeds: Range<u64>, arguments: &Arguments) -> (Campaign, Batch) {
    let spec = Spec::new(0, arguments.rounds(), arguments.profile);
    let clock = Clock::start();
    let campaign = run_all(seeds.clone(), &spec, arguments.threads);
    let took = Duration::from_nanos(clock.now().mono.0);
    let hours = campaign.length as f64 / (3_600 * SEC) as f64;
    let failed: Vec<u64> = campaign.failed.iter().map(|(seed, _)| *seed).collect();
    let line = Batch {
        kind: "simulation".to_owned(),
        what: record::what(&arguments.profile_name(), arguments.rounds()),
        commit: commit(),
        seeds: [seeds.start, seeds.end.saturating_sub(1)],
        hours: (hours * 100.0).round() / 100.0,
        seconds: (took.as_secs_f64() * 10.0).round() / 10.0,
        faults: campaign.stats.faults,
        pairs: campaign.stats.pairs(),
        events: campaign.stats.events,
        violations: failed.len() as u64,
        failed,
    };
    println!("{}", record::total(std::slice::from_ref(&line)));
    println!(
        "{} s, {} times as fast as the clock; oldest maker {} ms; resumed after at most {} ms; outcomes {:?}; net {} lots",
        took.as_secs(),
        (hours * 3_600.0 / took.as_secs_f64().max(0.001)).round(),
        campaign.stats.oldest_maker / MS,
        campaign.stats.resumed.iter().max().unwrap_or(&0) / MS,
        campaign.stats.outcomes,
        campaign.stats.net_max,
    );
    (campaign, line)
}

fn verdict(campaign: &mut Campaign, arguments: &Arguments) -> ExitCode {
    if arguments.trace_hash {
        for (seed, trace) in &campaign.traces {
            println!("trace {seed} {trace:016x}");
        }
    }
    if arguments.coverage {
        println!("{}", campaign.coverage.report());
        let rounds = complete(campaign, &Spec::new(0, 1, arguments.profile));
        println!("{rounds} rounds aimed at what was not met");
        campaign.coverage.missing().iter().for_each(|cell| println!("missing: {cell}"));
    }
    for (seed, violation) in &campaign.failed {
        println!("seed {seed}: {} at {} ms: {}", violation.promise, violation.at / MS, violation.what);
    }
    if let Some((seed, violation)) = campaign.failed.first() {
        explain(*seed, violation, arguments);
        return ExitCode::FAILURE;
    }
    for (cell, seed, violation) in &campaign.failed_aims {
        println!("{} at {} ms: {}", violation.promise, violation.at / MS, violation.what);
        let profile = arguments.profile_name();
        println!(
            "again: cargo run --release -p simulation -- --replay {seed} --profile {profile} --aim {cell}"
        );
    }
    if !campaign.failed_aims.is_empty() {
        return ExitCode::FAILURE;
    }
    println!("no violation");
    ExitCode::SUCCESS
}

/// Commit, seed, the faults that it takes, and how to see it again.
fn explain(seed: u64, violation: &Violation, arguments: &Arguments) {
    let spec = Spec::new(seed, arguments.rounds(), arguments.profile);
    let kept = shrink(&spec, violation.promise, SHRINK_RUNS_MAX);
    println!("commit {}, seed {seed}: {} with these faults alone:", commit(), violation.promise);
    let spec = Spec { only: Some(kept.clone()), ..spec };
    spec.faults().iter().for_each(|fault| println!("  {fault}"));
    if let Some(violation) = run(&spec).violations.first() {
        println!("  -> {} at {} ms: {}", violation.promise, violation.at / MS, violation.what);
    }
    let numbers: Vec<String> = kept.iter().map(ToString::to_string).collect();
    println!(
        "again: cargo run --release -p simulation -- --replay {seed} --hours {} --profile {} --only-faults {}",
        arguments.hours,
        arguments.profile_name(),
        if numbers.is_empty() { "999999".to_owned() } else { numbers.join(",") },
    );
}

fn replay(seed: u64, arguments: &Arguments) -> ExitCode {
    let only = arguments.only_faults.clone();
    let rounds = if arguments.aim.is_some() { 1 } else { arguments.rounds() };
    let spec = Spec { only, aim: arguments.aim, ..Spec::new(seed, rounds, arguments.profile) };
    let setup = Setup::new(seed, arguments.profile);
    println!(
        "seed {seed}: {}, {} processes, {}a tick each {} ms{}",
        if setup.is_usdm { "USD-M" } else { "Spot" },
        setup.processes.len(),
        if setup.is_alone { "no lease, " } else { "" },
        setup.tick_every / MS,
        if setup.has_crowd { ", a crowd" } else { "" },
    );
    spec.faults().iter().for_each(|fault| println!("  {fault}"));
    let outcome = run(&spec);
    println!("trace {seed} {:016x}; {:?}", outcome.trace, outcome.stats);
    for violation in &outcome.violations {
        println!("{} at {} ms: {}", violation.promise, violation.at / MS, violation.what);
    }
    if outcome.violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The commit of the tree that is run, where it can be told.
fn commit() -> String {
    let git =
        std::process::Command::new("git").args(["describe", "--always", "--abbrev=40", "--dirty"]).output();
    let text = git.ok().filter(|git| git.status.success()).and_then(|git| String::from_utf8(git.stdout).ok());
    text.map_or_else(|| "unknown".to_owned(), |text| text.trim().to_owned())
}
