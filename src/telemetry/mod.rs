//! Metrics in one table, counters of the lanes, and logging.

pub mod logging;
pub mod metrics;
pub mod recorder;
pub mod stats;
