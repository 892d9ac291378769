//! The Binance Spot dialect: WS API, REST, market streams and user data, as stock clients expect them.
//!
//! Known departures from the public venue, all on the lenient side: unknown parameters are ignored, and
//! `session.logon` takes an HMAC signature.

mod account;
mod auth;
mod error;
mod exchange_info;
mod hub;
mod limits;
mod market;
mod market_streams;
mod numbers;
mod operation;
mod order_rules;
mod orders;
mod params;
mod publish;
mod reports;
mod rest;
pub mod sign;
mod stream_names;
mod streams;
mod user_streams;
mod views;
mod ws_api;

pub(super) use hub::Hub;
pub(super) use limits::{OrderLimit, WeightLimit};
pub(super) use market_streams::{freeze, tick};
pub(super) use rest::rest;
pub(super) use sign::Signer;
pub(super) use streams::streams;
pub(super) use views::{PublicTrade, balances, order_view};
pub(super) use ws_api::ws_api;
