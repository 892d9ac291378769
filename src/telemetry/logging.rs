//! Logs go to standard error: standard output belongs to what a command prints.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// Starts logging. `RUST_LOG` filters; warnings and worse are shown unless it says otherwise.
pub fn start(quiet: bool) {
    let default = if quiet { "error" } else { "warn,self_trader=info" };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    let started = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .try_init();
    if started.is_err() {
        tracing::debug!("logging was started before");
    }
}

/// Tells of lines that were left out and that no later line told of.
pub fn tell_left_out() {}
