//! What the command line adds to a configuration.

use std::time::Duration;

/// What the command line adds to a configuration.
#[derive(Clone, Debug, Default)]
pub struct RunOptions {
    /// Stop after that long.
    pub run_for: Option<Duration>,
}
