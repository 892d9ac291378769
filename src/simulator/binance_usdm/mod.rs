//! The Binance USD-M Futures dialect: WS API, REST, market streams and user data, as stock clients expect them.
//!
//! Crossed margin only. There is no funding, no liquidation and no order that waits for a price: what asks for
//! them is refused in the public venue's words, or answered with nothing.

mod account;
mod amendments;
mod batch;
mod clockwork;
mod desk;
mod exchange_info;
mod filters;
mod listen_keys;
mod lookup;
mod mark;
mod market;
pub(super) mod market_streams;
mod operation;
mod order_rules;
mod orders;
mod positions;
mod refusal;
pub(super) mod reports;
mod settings;
mod tickers;
pub(super) mod user_streams;
mod views;

pub(super) use clockwork::tick;
pub(super) use desk::Desk;
pub(super) use mark::begin;
pub(super) use operation::UsdM;
pub(super) use reports::ChangedPosition;
pub(super) use views::{PublicTrade, Shown, order_view};
