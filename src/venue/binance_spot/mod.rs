//! Client of the Binance Spot dialect: what it does not share with USD-M.
//!
//! Moves bytes and reads facts; what to send and what an answer means for an order is decided elsewhere.

pub mod start;
pub mod wire;

use pipeline::gateway::Weights;

/// What requests cost of the weight limit.
pub(crate) const WEIGHTS: Weights = Weights { cancel: 1, query: 4, list: 6 };
