//! What the command line, the environment and files add to a configuration.

use std::time::Duration;

use crate::assign::Shard;
use crate::config::Access;

/// What the command line, the environment and files add to a configuration.
#[derive(Clone, Debug, Default)]
pub struct RunOptions {
    /// Stop after that long.
    pub run_for: Option<Duration>,
    /// Which shard this is, where it is not the pod's name that says so.
    pub shard: Option<Shard>,
    /// What the configuration's references beside its accounts lead to.
    pub access: Access,
}
