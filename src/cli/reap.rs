//! `self-trader reap`: cancels orders of ours that nobody looks after any more.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use super::outcome::complain;
use crate::app::{self, ReapOptions};
use crate::config;
use crate::reaper::{ReapEnd, Settings};
use crate::telemetry::logging::{self, Target};

/// Arguments of `reap`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "It runs beside the traders of the same configuration, best on another machine, and touches no order \
    without one of its instruments' prefixes.\nExit codes: 0 clean, 1 failure, 2 bad configuration; with --once also 1 \
    where a venue was not asked, 3 where old orders of ours may still be open (they are listed)."
)]
pub struct Args {
    /// The traders' configuration
    #[arg(value_name = "CONFIG")]
    config: PathBuf,
    /// Cancel what is at least that old: 500ms, 5s, 2m
    #[arg(long, default_value = "5s", value_name = "DURATION", value_parser = super::duration::parse)]
    older_than: Duration,
    /// From one look to the next
    #[arg(long, default_value = "5s", value_name = "DURATION", value_parser = super::duration::parse)]
    every: Duration,
    /// Look once, cancel until nothing old is left (at most 15 s), and end
    #[arg(long)]
    once: bool,
    /// Serve metrics and probes here
    #[arg(long, value_name = "IP:PORT")]
    admin: Option<SocketAddr>,
}

pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let loaded = config::load(&args.config).and_then(|mut config| {
        let (credentials, _) = config::resolve(&mut config)?;
        Ok((config, credentials))
    });
    let (config, credentials) = match loaded {
        Ok(loaded) => loaded,
        Err(faults) => {
            complain(&config::report(&args.config, &faults));
            return Ok(ExitCode::from(2));
        }
    };
    let log = logging::Options { format: config.process.log_format, target: Target::Stdout, quiet: false };
    let _logging = logging::start(&log)?;
    let settings = Settings { older_than: args.older_than, every: args.every };
    let options = ReapOptions { settings, once: args.once, admin: args.admin };
    let ends = app::block_on(app::reap(&config, &credentials, options))??;
    Ok(if args.once { told(&ends) } else { ExitCode::SUCCESS })
}

/// What one look came to.
fn told(ends: &[ReapEnd]) -> ExitCode {
    let reaped: u64 = ends.iter().map(|end| end.reaped).sum();
    tracing::info!(reaped, "done");
    let left: Vec<String> = ends.iter().flat_map(|end| &end.left).map(ToString::to_string).collect();
    if !left.is_empty() {
        complain(&format!("orders of ours may still be open: {}", left.join(" ")));
        return ExitCode::from(3);
    }
    if ends.iter().all(|end| end.asked) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
