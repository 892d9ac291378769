//! What `self-trader venue` writes down, and what it prints of that at its end and after a replay.

use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::outcome::complain;
use crate::clock::Clock;
use crate::simulator::{self, Closing, LedgerOptions, Summary};

/// Arguments of `venue` that are about its ledger.
#[derive(Debug, clap::Args)]
pub(super) struct LedgerArgs {
    /// Write every command that the engine is given to FILE, as JSON lines
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// Serve nothing: carry out the commands that FILE recorded, and print what they came to
    #[arg(long, value_name = "FILE", conflicts_with_all = ["record", "event_log"])]
    pub(super) replay: Option<PathBuf>,
    /// Write what happens to FILE, as JSON lines
    #[arg(long, value_name = "FILE")]
    event_log: Option<PathBuf>,
    /// Orders and trades that are remembered at least, each; some 400 bytes an order
    #[arg(long, value_name = "N", default_value_t = LedgerOptions::default().history)]
    history: usize,
    /// Check after every N commands that funds, fills and sequences add up [default: at the end]
    #[arg(long, value_name = "N")]
    pub(super) check_every: Option<NonZeroU64>,
}

impl LedgerArgs {
    pub(super) fn options(self) -> LedgerOptions {
        let Self { record, replay: _, event_log, history, check_every } = self;
        LedgerOptions { history, record, event_log, check_every }
    }
}

/// Carries a log out again.
pub(super) fn replay(log: &Path, check_every: Option<NonZeroU64>) -> ExitCode {
    let clock = Clock::start();
    let replayed = match simulator::replay(log, check_every) {
        Ok(replayed) => replayed,
        Err(error) => {
            complain(&format!("--replay {error}"));
            return ExitCode::from(2);
        }
    };
    let took_ms = clock.now().mono.0 / 1_000_000;
    if replayed.torn {
        complain(&format!("{}: its last line is torn and was left out", log.display()));
    }
    say(&format!("replayed {} in {took_ms} ms (profile {})", log.display(), replayed.profile));
    print(&replayed.summary);
    outcome(replayed.broken.map(|broken| format!("the books do not add up: {broken}")))
}

/// Prints what a venue leaves behind.
pub(super) fn close(left: Option<Closing>) -> ExitCode {
    let Some(left) = left else {
        return outcome(Some("it did not end in time; its ledger is not closed".to_owned()));
    };
    print(&left.summary);
    outcome(left.failure)
}

fn print(summary: &Summary) {
    let Summary { commands, refused, events, orders, trades, prevented, ended, event_log_hash } = summary;
    say(&format!(
        "{commands} commands ({refused} refused), {orders} orders, {trades} trades, {prevented} prevented, \
         {ended} cancelled or expired"
    ));
    say(&format!("event log hash {event_log_hash} ({events} events)"));
}

fn outcome(failure: Option<String>) -> ExitCode {
    match failure {
        None => ExitCode::SUCCESS,
        Some(failure) => {
            complain(&format!("venue: {failure}"));
            ExitCode::FAILURE
        }
    }
}

fn say(line: &str) {
    #[expect(clippy::print_stdout, reason = "what the command is asked for")]
    {
        println!("{line}");
    }
}
