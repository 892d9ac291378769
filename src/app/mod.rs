//! Builds everything, runs it, and stops it in order.
//!
//! Feed, lanes, books and gateways share one current-thread runtime: no hop between threads on the way of a
//! tick. The embedded venue, the recorder and the admin server have threads of their own.

mod account;
mod bounds;
mod build;
mod embedded;
mod error;
mod fleet;
mod journal;
mod ledger;
mod options;
mod reap;
mod running;
mod summary;
mod takeover;

pub use error::StartError;
pub use options::RunOptions;
pub use reap::{ReapOptions, reap};
pub use running::{Ended, Running};

use std::process::ExitCode;

use schemas::config::Config;

use crate::clock::Clock;
use crate::config::Credentials;
use crate::drain::{self, Signals, StopReason};
use crate::halt::HaltSignal;
use crate::status::AppStatus;

/// Runs `trading` on a runtime of its own. When it is over nothing is waited for any more: a name that is still being
/// looked up must not hold up the end.
///
/// # Errors
/// If the system refuses a runtime.
pub fn block_on<T>(trading: impl Future<Output = T>) -> std::io::Result<T> {
    let runtime = runtime()?;
    let ended = runtime.block_on(trading);
    runtime.shutdown_background();
    Ok(ended)
}

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
/// [`StartError`] if it cannot start; this process has placed nothing then.
pub async fn run(
    config: Config,
    credentials: Vec<Credentials>,
    options: RunOptions,
    watcher: impl FnOnce(AppStatus),
) -> Result<Ended, StartError> {
    let clock = Clock::of_process();
    let mut signals = Signals::listen().map_err(StartError::Signals)?;
    let halt_signal = HaltSignal::listen().map_err(StartError::Signals)?;
    let time_up = drain::time_up(options.run_for);
    tokio::pin!(time_up);
    let mut running = tokio::select! {
        biased;
        () = signals.next() => return Ok(Ended::before_start(StopReason::Signal)),
        () = &mut time_up => return Ok(Ended::before_start(StopReason::TimeIsUp)),
        running = build::start(config, credentials, options, halt_signal, clock) => running?,
    };
    let status = running.status();
    watcher(status.clone());
    let reason = tokio::select! {
        biased;
        () = signals.next() => StopReason::Signal,
        () = status.leave.notified() => StopReason::Signal,
        () = &mut time_up => StopReason::TimeIsUp,
        reason = running.trade() => reason,
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
