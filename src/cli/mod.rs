//! The commands, one file each.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

pub mod check;
pub mod completions;
pub mod decide;
pub mod demo;
mod duration;
pub mod journal;
mod kafka_options;
mod outcome;
pub mod profile;
pub mod reap;
pub mod replay;
pub mod report;
pub mod run;
pub mod schema;
pub mod venue;
mod venue_crowd;
mod venue_ledger;

/// Makes a test market live: re-creates a reference market's trades on a sandbox venue.
#[derive(Debug, Parser)]
#[command(name = "self-trader", version, about, max_term_width = 110)]
#[command(
    after_help = "Exit codes: 0 clean, 1 failure, 2 bad input or configuration, 3 orders of ours may still be open (they are listed)."
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// One command shows it all: an empty embedded venue comes alive
    Demo(demo::Args),
    /// Trade by a configuration file
    Run(run::Args),
    /// Serve the embedded venue alone
    Venue(venue::Args),
    /// Cancel orders of ours that nobody looks after any more
    Reap(reap::Args),
    /// Make a venue's profile out of recorded exchangeInfo answers
    Profile(profile::Args),
    /// What would it do, and why: events in, one answer a line
    Decide(decide::Args),
    /// Check configuration files
    Check(check::Args),
    /// Publish a tape to Redis or Kafka
    Replay(replay::Args),
    /// Print a journal as JSON lines
    Journal(journal::Args),
    /// Does each trade of a venue join exactly one label?
    Report(report::Args),
    /// Print a JSON Schema
    Schema(schema::Args),
    /// Print a shell's completions
    Completions(completions::Args),
}

/// Runs the command and says how the process ends.
///
/// # Errors
/// What made the command fail; `main` prints it and exits with 1.
pub fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    match cli.command {
        Command::Demo(args) => demo::run(args),
        Command::Run(args) => run::run(args),
        Command::Venue(args) => venue::run(args),
        Command::Reap(args) => reap::run(&args),
        Command::Profile(args) => profile::run(&args),
        Command::Decide(args) => decide::run(args),
        Command::Check(args) => check::run(args),
        Command::Replay(args) => replay::run(&args),
        Command::Journal(args) => journal::run(&args),
        Command::Report(args) => report::run(&args),
        Command::Schema(args) => schema::run(args),
        Command::Completions(args) => completions::run(args),
    }
}
