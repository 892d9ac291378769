//! The Binance Spot dialect: what is written to the venue and what is read from it. No sockets, no keys.

pub mod request;
