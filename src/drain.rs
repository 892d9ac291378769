//! The order of a stop, and what asks for one: SIGTERM, Ctrl-C, the end of `--for`, the end of a feed.

use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// How long a stop may take until the last task has ended; labels and the embedded venue come after it, and all
/// of it stays below 10 s.
pub const STOP_MAX: Duration = Duration::from_millis(8_500);
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

/// SIGTERM and Ctrl-C, listened to from the beginning: none is lost between two waits. A second one changes
/// nothing: the stop is bounded anyway.
#[derive(Debug)]
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Listens from now on.
    ///
    /// # Errors
    /// If the signals cannot be listened to.
    pub fn listen() -> std::io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Waits for the next one.
    ///
    /// # Cancel safety
    /// A signal that came while nobody waited is not lost.
    pub async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Waits for that long; for ever without a limit.
pub async fn time_up(limit: Option<Duration>) {
    match limit {
        Some(limit) => tokio::time::sleep(limit).await,
        None => std::future::pending().await,
    }
}
