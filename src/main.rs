//! Arguments, command, exit code.

use std::process::ExitCode;

use clap::Parser;
use self_trader::{cli, hardening};

fn main() -> ExitCode {
    match hardening::start().map_err(anyhow::Error::from).and_then(|()| cli::run(cli::Cli::parse())) {
        Ok(code) => code,
        Err(error) => {
            #[expect(clippy::print_stderr, reason = "the last word of a failed process")]
            {
                eprintln!("self-trader: {error:#}");
            }
            ExitCode::FAILURE
        }
    }
}
