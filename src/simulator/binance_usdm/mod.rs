//! The Binance USD-M Futures dialect: WS API, REST, market streams and user data.

pub(super) mod market_streams;

use super::binance::error::ApiError;
use super::binance::limits::RateLimit;
use super::binance::route::{Answer, Request, Route, Weight, open};
use super::binance::ws_api::{Session, SessionRequest};
use super::binance::{Caller, Dialect};
use super::state::State;
use super::symbols::Product;

/// The dialect.
#[derive(Debug)]
pub(super) struct UsdM;

/// What can be asked over both doors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    Ping,
    Time,
}

const ROUTES: [Route<Operation>; 2] = [
    open(Operation::Ping, "ping", "v1/ping", Weight::Of(1), &[]),
    open(Operation::Time, "time", "v1/time", Weight::Of(1), &[]),
];

impl Dialect for UsdM {
    const PRODUCT: Product = Product::UsdM;
    const REST_PREFIX: &'static str = "/fapi/";
    const CONNECT_WEIGHT: u64 = 5;
    const ORDER_COUNT_HEADER: &'static str = "x-mbx-order-count-1m";

    type Operation = Operation;

    fn routes() -> &'static [Route<Operation>] {
        &ROUTES
    }

    fn perform(_state: &mut State, operation: Operation, request: &Request<'_>) -> Answer {
        match operation {
            Operation::Ping => Ok(b"{}".to_vec()),
            Operation::Time => Ok(format!("{{\"serverTime\":{}}}", request.now_ms).into_bytes()),
        }
    }

    fn session_request(
        _session: &mut Session,
        _state: &mut State,
        _method: &str,
        _request: &SessionRequest<'_>,
    ) -> Answer {
        Err(ApiError::unsupported())
    }

    fn is_place(_operation: Operation) -> bool {
        false
    }

    fn limits(state: &mut State, caller: Caller, now_ms: i64) -> Vec<RateLimit> {
        let weight = state.addresses.shown(Self::PRODUCT, caller.address, now_ms);
        let orders = caller.account.map(|account| state.orders_mut(account, Self::PRODUCT).shown(now_ms));
        orders.into_iter().flatten().chain([weight]).collect()
    }
}
