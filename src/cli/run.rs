//! `self-trader run`: trades by a configuration file.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use schemas::config::{Code, Config, Fault, feed_url};

use super::outcome::{complain, tell};
use crate::app::{self, RunOptions};
use crate::config;
use crate::telemetry::logging;

/// Arguments of `run`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Exit codes: 0 clean, 1 failure, 2 bad configuration (every fault on standard error), \
    3 orders of ours may still be open (they are listed).\nSIGTERM and Ctrl-C stop in order: no new pair, the \
    running ones end, a last sweep; at most 10 s."
)]
pub struct Args {
    /// The configuration: a list of instruments, or an object with `instruments` and process-wide settings
    #[arg(value_name = "CONFIG")]
    config: PathBuf,
    /// Where ticks come from, instead of the configuration's Feed: redis://, rediss://, kafka://, tape:PATH, synthetic:SEED
    #[arg(long, value_name = "URL")]
    feed: Option<String>,
    /// Stop after that long: 500ms, 20s, 2m, 1h
    #[arg(long = "for", value_name = "DURATION", value_parser = super::duration::parse)]
    run_for: Option<Duration>,
    /// Write the summary to this file, as JSON
    #[arg(long, value_name = "FILE")]
    summary: Option<PathBuf>,
    /// Append one JSON line a pair to this file
    #[arg(long, value_name = "FILE")]
    labels: Option<PathBuf>,
    /// Serve metrics, probes and status here, instead of the configuration's Admin Address
    #[arg(long, value_name = "IP:PORT")]
    admin: Option<SocketAddr>,
}

pub(super) fn run(args: Args) -> anyhow::Result<ExitCode> {
    logging::start(false);
    let loaded = config::load(&args.config).and_then(|mut config| {
        override_process(&mut config, &args).map_err(|fault| vec![fault])?;
        let (credentials, access) = config::resolve(&mut config)?;
        Ok((config, credentials, access))
    });
    let (config, credentials, access) = match loaded {
        Ok(loaded) => loaded,
        Err(faults) => {
            complain(&config::report(&args.config, &faults));
            return Ok(ExitCode::from(2));
        }
    };
    warn(&config.warnings);
    let options = RunOptions { run_for: args.run_for, access };
    let ended = app::runtime()?.block_on(app::run(config, credentials, options, |_| {}));
    tell(ended, args.summary.as_deref())
}

/// Secrets that stand in the file are one warning, however many they are.
fn warn(warnings: &[Fault]) {
    let (secrets, others): (Vec<_>, Vec<_>) =
        warnings.iter().partition(|warning| warning.code == Code::LiteralSecret);
    if let Some(first) = secrets.first() {
        tracing::warn!("{first} (such places in this file: {})", secrets.len());
    }
    for warning in others {
        tracing::warn!("{warning}");
    }
}

/// What the command line says goes before what the file says.
fn override_process(config: &mut Config, args: &Args) -> Result<(), Fault> {
    let process = &mut config.process;
    if let Some(text) = &args.feed {
        // Read here and not by the parser of arguments, which repeats what it refuses: it may hold a password.
        let feed = feed_url(text).map_err(|cause| Fault::new(Code::Type, "--feed", cause))?;
        process.feed_reference = None;
        process.feed = Some(feed);
    }
    process.labels = args.labels.clone().or(process.labels.take());
    process.admin_address = args.admin.or(process.admin_address);
    Ok(())
}
