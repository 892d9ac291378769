//! The order of a stop, and what asks for one: SIGTERM, Ctrl-C, the end of `--for`, the end of a feed.

use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};

/// How long a stop may take in all.
pub const STOP_MAX: Duration = Duration::from_secs(10);
/// Of that, how long running pairs and the last sweep may take.
pub const CLOSE_MAX: Duration = Duration::from_secs(6);

/// Why a run ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopReason {
    /// SIGTERM or SIGINT.
    Signal,
    /// `--for` has passed.
    TimeIsUp,
    /// The feed has no more.
    FeedExhausted,
    /// Something the run cannot go on without has failed.
    Failure,
}

/// Waits for SIGTERM or Ctrl-C. Later signals change nothing: the stop is bounded anyway.
///
/// # Errors
/// If the signals cannot be listened to.
pub async fn signalled() -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}

/// Waits for that long; for ever without a limit.
pub async fn time_up(limit: Option<Duration>) {
    match limit {
        Some(limit) => tokio::time::sleep(limit).await,
        None => std::future::pending().await,
    }
}
