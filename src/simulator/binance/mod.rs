//! What the Spot and the USD-M dialect share: parameters, signatures, limits, the frames of the WS API, the
//! streams and who listens to them.
//!
//! A dialect is what is left: which requests there are (`Dialect`), and how orders, trades and accounts are
//! written.

pub(super) mod addresses;
pub(super) mod auth;
pub(super) mod candles;
pub(super) mod error;
pub(super) mod feed;
pub(super) mod hub;
pub(super) mod klines;
pub(super) mod limits;
pub(super) mod numbers;
pub(super) mod params;
pub(super) mod prefix_switch;
pub(super) mod rest;
pub(super) mod route;
pub mod sign;
pub(super) mod streams;
pub(super) mod tickers;
pub(super) mod time;
pub(super) mod topic;
pub(super) mod ws_api;

pub(super) use addresses::Addresses;
pub(super) use hub::Hub;
pub(super) use limits::OrderLimit;
pub(super) use sign::Signer;

use std::net::IpAddr;

use error::ApiError;
use limits::RateLimit;
use route::{Answer, Request, Route};

use super::engine::AccountId;
use super::state::State;
use super::symbols::Product;
use ws_api::Session;

/// Whom an answer is for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Caller {
    /// None if the request was not signed.
    pub(super) account: Option<AccountId>,
    /// Where the request came from.
    pub(super) address: IpAddr,
}

/// One product's protocol: what can be asked, over whichever door, and how it is answered.
pub(super) trait Dialect: Send + Sync + 'static {
    /// Whose symbols these are.
    const PRODUCT: Product;
    /// What every REST path begins with.
    const REST_PREFIX: &'static str;
    /// The error for a signed REST request without a key.
    const NO_KEY: fn() -> ApiError = ApiError::bad_key_format;

    /// What both doors know.
    type Operation: Copy + Send + Sync + 'static;

    /// All of it. The most frequent ones first: the table is searched from its beginning.
    fn routes() -> &'static [Route<Self::Operation>];

    /// Carries a request out that has passed the checks.
    fn perform(state: &mut State, operation: Self::Operation, request: &Request<'_>) -> Answer;

    /// What only a WS API connection can be asked; -1020 for what nobody knows.
    fn session_request(
        session: &mut Session,
        state: &mut State,
        method: &str,
        request: &ws_api::SessionRequest<'_>,
    ) -> Answer;

    /// The operation whose frames are stamped.
    fn is_place(operation: Self::Operation) -> bool;

    /// The limits as an answer shows them: orders too where the answer is an account's.
    fn limits(state: &mut State, caller: Caller, now_ms: i64) -> Vec<RateLimit>;

    /// What opening a WS API connection weighs.
    const CONNECT_WEIGHT: u64;

    /// The header with which REST tells an account's orders in the longer of its two windows.
    const ORDER_COUNT_HEADER: &'static str;
}
