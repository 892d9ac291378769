//! Why a run does not start.

use std::fmt::Write;
use std::process::ExitCode;

use schemas::config::Fault;

use crate::feed::FeedError;
use crate::journal::JournalError;
use crate::simulator::VenueError;

/// Why a run does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration cannot be run as it is; one fault a line.
    #[error("{}", lines(.0))]
    Config(Vec<Fault>),
    /// The embedded venue did not start.
    #[error("failed to start the embedded venue: {0}")]
    Venue(#[from] VenueError),
    /// The feed can never work.
    #[error("failed to start the feed: {0}")]
    Feed(#[from] FeedError),
    /// The journal is not ours to go on with.
    #[error("{0}")]
    Journal(JournalError),
    /// Signals cannot be listened to.
    #[error("failed to listen to signals: {0}")]
    Signals(std::io::Error),
    /// Anything else.
    #[error("{0:#}")]
    Other(#[from] anyhow::Error),
}

impl StartError {
    /// 2 for bad input, 1 for anything else.
    #[must_use]
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Config(_) | Self::Feed(_) | Self::Journal(_) => ExitCode::from(2),
            Self::Venue(_) | Self::Signals(_) | Self::Other(_) => ExitCode::FAILURE,
        }
    }
}

fn lines(faults: &[Fault]) -> String {
    let mut text = String::new();
    for (index, fault) in faults.iter().enumerate() {
        let separator = if index == 0 { "" } else { "\n" };
        write!(text, "{separator}{fault}").expect("writing to a string cannot fail");
    }
    text
}
