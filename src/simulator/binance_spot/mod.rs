//! The Binance Spot dialect: WS API, REST, market streams and user data, as stock clients expect them.
//!
//! Known departures from the public venue, all on the lenient side: unknown parameters are ignored, and
//! `session.logon` takes an HMAC signature.

mod account;
mod exchange_info;
mod market;
pub(super) mod market_streams;
mod operation;
mod order_rules;
mod orders;
pub(super) mod reports;
pub(super) mod session;
mod views;

pub(super) use operation::Spot;
pub(super) use views::{PublicTrade, balances, order_view};
