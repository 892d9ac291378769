//! Arguments, command, exit code.

use std::process::ExitCode;

use clap::Parser;
use self_trader::cli;

fn main() -> ExitCode {
    match cli::run(cli::Cli::parse()) {
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
