//! What a feed is doing, for readiness and metrics.

use std::fmt;

use tokio::sync::watch;

/// What a feed is doing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum FeedState {
    /// No connection yet.
    #[default]
    Connecting,
    /// Connected; whether the subscription holds is being asked.
    Verifying,
    /// Messages arrive as they are published.
    Live,
    /// The connection is lost or was never had; the next try is under way.
    Reconnecting {
        /// Why, without a secret.
        reason: String,
    },
    /// The source is at its end, or was told to stop.
    Ended,
}

impl FeedState {
    /// Messages arrive.
    #[must_use]
    pub const fn is_live(&self) -> bool {
        matches!(self, Self::Live)
    }
}

impl fmt::Display for FeedState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connecting => f.write_str("connecting"),
            Self::Verifying => f.write_str("verifying"),
            Self::Live => f.write_str("live"),
            Self::Reconnecting { reason } => write!(f, "reconnecting: {reason}"),
            Self::Ended => f.write_str("ended"),
        }
    }
}

/// How far a feed is to stop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FeedStop {
    /// Not at all.
    #[default]
    Run,
    /// Hand out no more ticks. One whose membership holds instruments keeps it while their lanes close; others
    /// end.
    Quiet,
    /// Leave.
    End,
}

/// Waits until the stop signal is given, or nobody is left to give it. Cancel safe.
pub(super) async fn stopped(stop: &mut watch::Receiver<FeedStop>) {
    // An error means that the other end is gone: nobody can stop us any more, so we stop.
    let _ = stop.wait_for(|stop| *stop != FeedStop::Run).await;
}
