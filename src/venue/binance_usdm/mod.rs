//! Client of the Binance USD-M Futures dialect: what it does not share with Spot.
//!
//! Orders go over the WS API as Spot's do. That one has neither the account's events nor lists of open orders:
//! events come over a connection of their own, opened with a listen key, and lists by REST (`side`).
//!
//! The legs of a pair never share a batch: a venue works on a batch's orders in any order, and the taker must not
//! arrive before its maker rests.

pub(crate) mod side;
pub mod start;
mod user_stream;
pub mod wire;

use pipeline::gateway::Weights;

/// What requests cost of the weight limit.
pub(crate) const WEIGHTS: Weights = Weights { cancel: 1, query: 1, list: 1 };
