//! The Binance Spot dialect: WS API, REST, market streams and user data, as stock clients expect them.

mod account;
mod amend;
mod answers;
mod chosen;
mod exchange_info;
mod filters;
mod lookup;
mod market;
pub(super) mod market_streams;
mod operation;
mod order_rules;
mod orders;
mod prevented;
mod replace;
pub(super) mod reports;
pub(super) mod session;
mod tags;
pub(super) mod ticker_streams;
mod tickers;
mod views;
mod weigh;

pub(super) use amend::Amendments;
pub(super) use operation::Spot;
pub(super) use prevented::PreventedMatches;
pub(super) use tags::Tags;
pub(super) use views::{PublicTrade, balances, order_view};
