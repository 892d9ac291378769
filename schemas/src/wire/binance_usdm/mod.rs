//! The Binance USD-M Futures dialect beyond what it shares with Spot: post-only as a time in force, position sides,
//! a user stream of its own, its codes.

pub mod api_error;
pub mod event;
pub mod request;
pub mod rest;
