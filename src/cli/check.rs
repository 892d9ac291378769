//! `self-trader check`: says of each configuration file whether the program would take it.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use schemas::config::{Config, Fault};

use crate::config;

/// Arguments of `check`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Exit codes: 0 all are valid, 2 at least one is not (every fault is on standard error)."
)]
pub struct Args {
    /// Configuration files
    #[arg(required = true, value_name = "CONFIG")]
    files: Vec<PathBuf>,
    /// Follow the references to secrets and addresses as well
    #[arg(long)]
    secrets: bool,
}

pub(super) fn run(args: Args) -> anyhow::Result<ExitCode> {
    let mut code = ExitCode::SUCCESS;
    for path in &args.files {
        match check(path, args.secrets) {
            Ok(config) => accepted(path, &config)?,
            Err(faults) => {
                code = ExitCode::from(2);
                writeln!(io::stderr(), "{}", config::report(path, &faults))?;
            }
        }
    }
    Ok(code)
}

fn check(path: &Path, secrets: bool) -> Result<Config, Vec<Fault>> {
    let mut config = config::load(path)?;
    if secrets {
        config::resolve(&mut config)?;
    }
    Ok(config)
}

fn accepted(path: &Path, config: &Config) -> io::Result<()> {
    let mut out = io::stdout();
    let count = |number: usize, noun: &str| format!("{number} {noun}{}", if number == 1 { "" } else { "s" });
    let instruments = count(config.instruments.len(), "instrument");
    let warnings = count(config.warnings.len(), "warning");
    writeln!(out, "{}: valid, {instruments}, {warnings}", path.display())?;
    config.warnings.iter().try_for_each(|warning| writeln!(out, "warning {warning}"))
}
