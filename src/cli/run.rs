//! `self-trader run`: trades by a configuration file.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use schemas::config::{Code, Config, Fault, LogFormat, Process, Sharding, feed_url};

use super::outcome::{Ending, complain, tell};
use crate::app::{self, RunOptions};
use crate::assign::Shard;
use crate::config;
use crate::telemetry::logging::{self, Target};

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
    /// This process is shard ORDINAL of SHARDS, counted from 0: Sharding "static" without a pod's name
    #[arg(long, value_name = "ORDINAL/SHARDS")]
    shard: Option<Shard>,
    /// Stop after that long: 500ms, 20s, 2m, 1h
    #[arg(long = "for", value_name = "DURATION", value_parser = super::duration::parse)]
    run_for: Option<Duration>,
    /// Write the summary to this file, as JSON
    #[arg(long, value_name = "FILE")]
    summary: Option<PathBuf>,
    /// Append one JSON line a pair to this file
    #[arg(long, value_name = "FILE")]
    labels: Option<PathBuf>,
    /// Write every order down in this folder before it leaves, instead of the configuration's Journal
    #[arg(long, value_name = "FOLDER")]
    journal: Option<PathBuf>,
    /// Serve metrics, probes and status here, instead of the configuration's Admin Address
    #[arg(long, value_name = "IP:PORT")]
    admin: Option<SocketAddr>,
    /// Log for people or as one JSON object a line, instead of the configuration's Log Format
    #[arg(long, value_enum, value_name = "FORMAT")]
    log_format: Option<Format>,
    /// Log to FOLDER/NAME.DATE.EXT, a new file a day, instead of the configuration's Log File or standard output
    #[arg(long, value_name = "FOLDER/NAME.EXT")]
    log_file: Option<PathBuf>,
}

/// Log Format on the command line.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Format {
    Text,
    Json,
}

impl From<Format> for LogFormat {
    fn from(format: Format) -> Self {
        match format {
            Format::Text => Self::Text,
            Format::Json => Self::Json,
        }
    }
}

pub(super) fn run(args: Args) -> anyhow::Result<ExitCode> {
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
    let log_options = log_options(&config.process);
    let logging = match logging::start(&log_options) {
        Ok(logging) => logging,
        Err(error) => {
            complain(&Fault::new(Code::File, "/Log File", format!("{error:#}")).to_string());
            return Ok(ExitCode::from(2));
        }
    };
    warn(&config.warnings);
    let options = RunOptions { run_for: args.run_for, shard: args.shard, access };
    let ended = app::block_on(app::run(config, credentials, options, |_| {}))?;
    if log_options.format == LogFormat::Json && log_options.target == Target::Stdout {
        return tell(ended, args.summary.as_deref(), Ending::Event);
    }
    // The log's last lines come before the summary's.
    drop(logging);
    tell(ended, args.summary.as_deref(), Ending::Lines)
}

fn log_options(process: &Process) -> logging::Options {
    let target = process.log_file.clone().map_or(Target::Stdout, Target::File);
    logging::Options { format: process.log_format, target, quiet: false }
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
    process.journal = args.journal.clone().or(process.journal.take());
    process.admin_address = args.admin.or(process.admin_address);
    process.log_format = args.log_format.map_or(process.log_format, LogFormat::from);
    process.log_file = args.log_file.clone().or(process.log_file.take());
    if let Some(shard) = args.shard {
        process.sharding = Sharding::Static;
        process.shards = shard.shards;
    }
    Ok(())
}
