//! `self-trader completions`: what a shell needs to complete the commands.

use std::io::{ErrorKind, Write};
use std::process::ExitCode;

use clap::CommandFactory;
use clap_complete::Shell;

/// Arguments of `completions`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

pub(super) fn run(args: Args) -> anyhow::Result<ExitCode> {
    // Into memory first: the generator panics where its reader leaves early, as `head` does.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut super::Cli::command(), "self-trader", &mut script);
    match std::io::stdout().write_all(&script) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error.into()),
        Ok(()) | Err(_) => Ok(ExitCode::SUCCESS),
    }
}
