//! Metrics in one table, counters of the lanes, the watch over the trading thread, and logging.

pub mod logging;
pub mod metrics;
pub mod pulse;
pub mod recorder;
pub mod stats;
mod table;
mod timings;
