//! The words of self-trader: prices, ids, configuration, wire messages, labels, journal. No decisions, no I/O.
#![deny(missing_docs)]

pub mod config;
pub mod decision;
pub mod halt;
pub mod ids;
pub mod journal;
pub mod json_schema;
pub mod label;
pub mod number;
pub mod order;
pub mod summary;
pub mod tick;
pub mod units;
pub mod wire;
