//! Builds everything, runs it, and stops it in order.
//!
//! Feed, lanes, books and gateways share one current-thread runtime: no hop between threads on the way of a
//! tick. The embedded venue, the recorder and the admin server have threads of their own.

mod account;
mod build;
mod error;
mod ledger;
mod options;
mod running;
mod summary;

pub use error::StartError;
pub use options::RunOptions;
pub use running::{Ended, Running};

use std::process::ExitCode;

use schemas::config::Config;

use crate::clock::Clock;
use crate::config::Credentials;
use crate::drain::{self, StopReason};
use crate::status::AppStatus;

/// A runtime for feed, lanes, books and gateways: one thread.
///
/// # Errors
/// If the system refuses it.
pub fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}

/// Starts everything and trades until a signal, the end of `--for` or the end of the feed; then stops in
/// order. `watcher` sees the status once everything stands, before the first tick.
///
/// # Errors
/// [`StartError`] if it cannot start; nothing is left open then.
pub async fn run(
    config: Config,
    credentials: Vec<Credentials>,
    options: RunOptions,
    watcher: impl FnOnce(AppStatus),
) -> Result<Ended, StartError> {
    let clock = Clock::start();
    let stop_after = options.run_for;
    let building = build::start(config, credentials, clock);
    let mut running = tokio::select! {
        running = building => running?,
        signalled = drain::signalled() => {
            signalled.map_err(StartError::Signals)?;
            return Ok(Ended::before_start());
        }
    };
    let status = running.status();
    watcher(status.clone());
    let reason = tokio::select! {
        signalled = drain::signalled() => signalled.map_or(StopReason::Failure, |()| StopReason::Signal),
        () = status.leave.notified() => StopReason::Signal,
        () = drain::time_up(stop_after) => StopReason::TimeIsUp,
        reason = running.ended() => reason,
    };
    tracing::info!(?reason, "stopping");
    Ok(running.stop(reason).await)
}

/// How the process ends: 3 where orders of ours may still be open, 1 where a part failed or the books do not
/// balance, else 0.
#[must_use]
pub fn exit_code(ended: &Ended) -> ExitCode {
    let summary = &ended.summary;
    if summary.open_orders > 0 || !summary.unconfirmed.is_empty() {
        ExitCode::from(3)
    } else if ended.reason == StopReason::Failure || summary.labels_lost > 0 || !summary.books_balance {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}
