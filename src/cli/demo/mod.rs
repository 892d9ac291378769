//! `self-trader demo`: one command shows it all: an empty embedded venue comes alive.

mod market;
mod plain;
mod screen;
mod view;

use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use schemas::config::FeedUrl;

use super::outcome::{Ending, complain, tell};
use crate::app::{self, RunOptions};
use crate::config;
use crate::feed::schedule::Speed;
use crate::status::AppStatus;
use crate::telemetry::logging;

/// Arguments of `demo`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Ctrl-C (or q on the screen) stops in order. Exit codes: 0 clean, 1 failure, 2 bad input, \
    3 orders of ours may still be open (they are listed)."
)]
pub struct Args {
    /// Follow a recorded tape instead of the synthetic market
    #[arg(long, value_name = "FILE", conflicts_with = "redis")]
    tape: Option<PathBuf>,
    /// Which of the tape: SYMBOL or VENUE:SYMBOL, several separated by commas
    #[arg(long, value_name = "SERIES", requires = "tape")]
    series: Option<String>,
    /// Times the tape's recorded speed, or "max"
    #[arg(long, value_name = "N", requires = "tape", default_value = "1")]
    speed: Speed,
    /// Follow BTCUSDT and ETHUSDT as `self-trader replay TAPE --to URL` publishes them
    #[arg(long, value_name = "URL")]
    redis: Option<FeedUrl>,
    /// Stop after that long: 500ms, 20s, 2m, 1h
    #[arg(long = "for", value_name = "DURATION", value_parser = super::duration::parse)]
    run_for: Option<Duration>,
    /// Plain lines even on a terminal
    #[arg(long)]
    headless: bool,
    /// Write the summary to this file, as JSON
    #[arg(long, value_name = "FILE")]
    summary: Option<PathBuf>,
    /// Append one JSON line a pair to this file
    #[arg(long, value_name = "FILE")]
    labels: Option<PathBuf>,
    /// Seed of the synthetic market and of every draw
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Serve metrics, probes and status here
    #[arg(long, value_name = "IP:PORT")]
    admin: Option<SocketAddr>,
}

pub(super) fn run(args: Args) -> anyhow::Result<ExitCode> {
    let on_screen = !args.headless && std::io::stdout().is_terminal();
    let _logging = logging::start(&logging::Options::stderr(on_screen))?;
    let (mut config, title) = match market::config(&args) {
        Ok(market) => market,
        Err(error) => {
            complain(&error.to_string());
            return Ok(ExitCode::from(2));
        }
    };
    config.process.labels.clone_from(&args.labels);
    config.process.admin_address = args.admin;
    config.process.seed = args.seed;
    let credentials = config::credentials(&config).map_err(|faults| anyhow::anyhow!("{faults:?}"))?;
    let options = RunOptions { run_for: args.run_for, ..RunOptions::default() };
    let mut watcher = None;
    let watch = |status: AppStatus| {
        let show = if on_screen { screen::start } else { plain::start };
        watcher = Some(show(status, title));
    };
    let ended = app::block_on(app::run(config, credentials, options, watch))?;
    drop(watcher);
    tell(ended, args.summary.as_deref(), Ending::Lines)
}
