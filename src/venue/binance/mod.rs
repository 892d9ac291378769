//! What the clients of both Binance dialects share: REST, websockets, signatures, the order gateway.
//!
//! Moves bytes and reads facts; what to send and what an answer means for an order is decided elsewhere.

pub mod account;
mod beside;
pub mod gateway;
mod intents;
mod mute;
pub mod positions;
pub mod rest;
pub mod sign;
pub mod socket;
pub mod start;
pub mod switch;
mod wire;

use schemas::config::Dialect;
use schemas::wire::binance::api_error::Classify;
use schemas::wire::{binance_spot, binance_usdm};

pub(crate) use beside::{Beside, ListJob};
pub(crate) use wire::{
    Decoded, OrderEvent, Reading, decode_answer, ignored, open_orders, refusal_by_rest, warn,
};

/// What a dialect's refusals mean.
pub(crate) const fn classify_of(dialect: Dialect) -> Classify {
    match dialect {
        Dialect::BinanceUsdm => binance_usdm::api_error::classify,
        Dialect::BinanceSpot | Dialect::Okx => binance_spot::api_error::classify,
    }
}
