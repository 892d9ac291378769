//! Open loop, end to end: publisher -> Redis or Kafka -> subject -> venue, each in a process of its own.
//!
//! From the moment at which a tick was to be published to the moment at which the venue read the frame that
//! the tick brought about, so that a late publisher or a busy reader shows (no coordinated omission). The
//! subjects take turns in one run: `self-trader run`, a relay with the same sockets and no logic, and a bare
//! relay on raw sockets (Redis alone). See benches/README.md for how to read it.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "the table and why there is none")]

#[path = "../../tests/support/kafka.rs"]
#[expect(dead_code, clippy::unwrap_used, reason = "a test's: it has more, and ends the bench where it fails")]
mod broker;
mod kafka;
mod kafka_relay;
mod options;
mod phase;
mod plan;
mod process;
mod publish;
mod raw;
mod redis;
mod relay;
mod report;
mod server;
mod stamps;
mod subject;

use std::process::ExitCode;

use clap::Parser;

use options::{Args, Feed, Link, Mode};
use report::Report;
use server::Server;
use subject::Subject;

fn main() -> anyhow::Result<ExitCode> {
    let args = Args::parse();
    match &args.mode {
        Some(Mode::Publish(publish)) => publish::run(publish).map(|()| ExitCode::SUCCESS),
        Some(Mode::Relay(link)) => relay(link).map(|()| ExitCode::SUCCESS),
        Some(Mode::Raw(link)) => raw::run(link).map(|()| ExitCode::SUCCESS),
        None => args.feeds().into_iter().try_fold(ExitCode::SUCCESS, |code, feed| {
            Ok(if measure(&args, feed)? { code } else { ExitCode::FAILURE })
        }),
    }
}

fn relay(link: &Link) -> anyhow::Result<()> {
    match link.feed {
        Feed::Redis => relay::run(link),
        Feed::Kafka => kafka_relay::run(link),
    }
}

/// Every subject at every rate, in turns; false if a message is unaccounted for, never for being slow.
fn measure(args: &Args, feed: Feed) -> anyhow::Result<bool> {
    let Some(server) = Server::start(feed, !args.is_smoke())? else { return Ok(true) };
    if feed == Feed::Kafka && !args.is_smoke() {
        // A broker that has just started compiles itself, on the cores that are measured.
        phase::run(Subject::Relay, &args.warm_up(), &server, None)?;
    }
    let mut report = Report::new(args);
    for round in 0..args.rounds() {
        for rate in args.rates() {
            let plan = args.plan(rate);
            for subject in args.subjects_in_turn(feed, round) {
                let sample = phase::run(subject, &plan, &server, args.against.as_deref())?;
                eprintln!("round {} {}", round + 1, report.line(&sample));
                report.add(sample);
            }
        }
    }
    println!("{report}");
    Ok(report.all_accounted_for())
}
