//! Client of the Binance Spot dialect: REST, WS API, streams.
//!
//! Moves bytes and reads facts; what to send and what an answer means for an order is decided elsewhere.

pub mod account;
pub mod gateway;
pub mod rest;
pub mod sign;
pub mod socket;
pub mod start;
pub mod wire;
