//! `self-trader decide`.

use std::process::ExitCode;

/// Arguments of `decide`.
#[derive(Debug, clap::Args)]
pub struct Args {}

pub(super) fn run(_args: Args) -> anyhow::Result<ExitCode> {
    anyhow::bail!("not there yet")
}
