//! What can be asked, over whichever door: one table, one order of checks.

use super::auth::{Credentials, authenticate};
use super::error::ApiError;
use super::params::Params;
use super::{account, exchange_info, market, orders};
use crate::simulator::engine::{AccountId, SymbolId};
use crate::simulator::faults::Delivery;
use crate::simulator::state::State;

/// A request that both doors know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Ping,
    Time,
    ExchangeInfo,
    Depth,
    Trades,
    AggTrades,
    TickerBook,
    TickerPrice,
    Account,
    OrderLimits,
    Place,
    Test,
    Cancel,
    CancelAll,
    OrderStatus,
    OpenOrders,
    AllOrders,
    MyTrades,
}

/// How an operation is asked for, what it costs and what it wants.
#[derive(Debug)]
pub(super) struct Route {
    pub(super) operation: Operation,
    /// The WS API's method.
    method: &'static str,
    /// The REST verb and path below `/api/v3/`.
    rest: (&'static str, &'static str),
    weight: u64,
    pub(super) signed: bool,
    required: &'static [&'static str],
}

const fn open(
    operation: Operation,
    method: &'static str,
    path: &'static str,
    weight: u64,
    required: &'static [&'static str],
) -> Route {
    Route { operation, method, rest: ("GET", path), weight, signed: false, required }
}

const fn signed(
    operation: Operation,
    method: &'static str,
    rest: (&'static str, &'static str),
    weight: u64,
    required: &'static [&'static str],
) -> Route {
    Route { operation, method, rest, weight, signed: true, required }
}

/// Longest of the bodies that come by the thousand: orders, reports, best quotes.
const BODY_LEN: usize = 1_024;

const SYMBOL: &[&str] = &["symbol"];
const ORDER: &[&str] = &["symbol", "side", "type"];

const ROUTES: [Route; 18] = [
    signed(Operation::Place, "order.place", ("POST", "order"), 1, ORDER),
    signed(Operation::Cancel, "order.cancel", ("DELETE", "order"), 1, SYMBOL),
    signed(Operation::OrderStatus, "order.status", ("GET", "order"), 4, SYMBOL),
    signed(Operation::OpenOrders, "openOrders.status", ("GET", "openOrders"), 6, &[]),
    signed(Operation::CancelAll, "openOrders.cancelAll", ("DELETE", "openOrders"), 1, SYMBOL),
    signed(Operation::AllOrders, "allOrders", ("GET", "allOrders"), 20, SYMBOL),
    signed(Operation::MyTrades, "myTrades", ("GET", "myTrades"), 20, SYMBOL),
    signed(Operation::Account, "account.status", ("GET", "account"), 20, &[]),
    signed(Operation::OrderLimits, "account.rateLimits.orders", ("GET", "rateLimit/order"), 40, &[]),
    signed(Operation::Test, "order.test", ("POST", "order/test"), 1, ORDER),
    open(Operation::TickerBook, "ticker.book", "ticker/bookTicker", 2, &[]),
    open(Operation::TickerPrice, "ticker.price", "ticker/price", 2, &[]),
    open(Operation::Depth, "depth", "depth", 5, SYMBOL),
    open(Operation::Trades, "trades.recent", "trades", 25, SYMBOL),
    open(Operation::AggTrades, "trades.aggregate", "aggTrades", 4, SYMBOL),
    open(Operation::ExchangeInfo, "exchangeInfo", "exchangeInfo", 20, &[]),
    open(Operation::Ping, "ping", "ping", 1, &[]),
    open(Operation::Time, "time", "time", 1, &[]),
];

impl Route {
    /// By the WS API's method, with or without `v3/`.
    pub(super) fn of_method(method: &str) -> Option<&'static Self> {
        let method = method.strip_prefix("v3/").unwrap_or(method);
        ROUTES.iter().find(|route| route.method == method)
    }

    /// By REST verb and path below `/api/v3/`.
    pub(super) fn of_rest(verb: &str, path: &str) -> Option<&'static Self> {
        ROUTES.iter().find(|route| route.rest == (verb, path))
    }
}

/// A request that has passed the checks.
#[derive(Debug)]
pub(super) struct Request<'a> {
    pub(super) params: &'a Params<'a>,
    account: Option<AccountId>,
    pub(super) now_ms: i64,
}

impl Request<'_> {
    /// Whose request it is. Only for operations that the table calls signed.
    pub(super) fn account(&self) -> AccountId {
        self.account.expect("signed requests have an account")
    }

    /// The symbol it names, or -1121.
    pub(super) fn symbol(&self, state: &State) -> Result<SymbolId, ApiError> {
        state.symbol_named(self.params.required("symbol")?).ok_or(ApiError::bad_symbol())
    }
}

/// What a request is answered: a JSON body, or a refusal.
pub(super) type Answer = Result<Vec<u8>, ApiError>;

/// A JSON body.
pub(super) fn json(body: &impl serde::Serialize) -> Answer {
    Ok(json_bytes(body))
}

/// A body as text.
pub(super) fn json_text(body: &impl serde::Serialize) -> String {
    String::from_utf8(json_bytes(body)).expect("JSON is text")
}

/// With room for nearly every body, so that it need not grow.
fn json_bytes(body: &impl serde::Serialize) -> Vec<u8> {
    let mut out = Vec::with_capacity(BODY_LEN);
    serde_json::to_writer(&mut out, body).expect("views serialise");
    out
}

/// An answer, whose it is, and whether a fault keeps it back.
#[derive(Debug)]
pub(super) struct Served {
    pub(super) answer: Answer,
    pub(super) account: Option<AccountId>,
    pub(super) delivery: Delivery,
}

/// Checks a request and carries it out. What it brought about waits in the state to be told: the caller
/// queues the answer first and then calls [`publish`](super::publish::publish).
pub(super) fn serve(
    state: &mut State,
    route: &Route,
    params: &Params<'_>,
    credentials: &Credentials<'_>,
    now_ms: i64,
) -> Served {
    let mut request = Request { params, account: None, now_ms };
    let answer = check(state, route, credentials, &mut request)
        .and_then(|()| perform(state, route.operation, &request));
    let delivery = if route.signed {
        state.faults.delivery(params.get("symbol").and_then(|name| state.symbol_named(name)))
    } else {
        Delivery::Now
    };
    Served { answer, account: request.account, delivery }
}

fn check(
    state: &mut State,
    route: &Route,
    credentials: &Credentials<'_>,
    request: &mut Request<'_>,
) -> Result<(), ApiError> {
    state.weight.spend(route.weight, request.now_ms)?;
    for name in route.required {
        request.params.required(name)?;
    }
    if route.signed {
        request.account = Some(authenticate(state, request.params, credentials, request.now_ms)?);
    }
    Ok(())
}

fn perform(state: &mut State, operation: Operation, request: &Request<'_>) -> Answer {
    match operation {
        Operation::Ping => Ok(b"{}".to_vec()),
        Operation::Time => Ok(format!("{{\"serverTime\":{}}}", request.now_ms).into_bytes()),
        Operation::ExchangeInfo => exchange_info::exchange_info(state, request),
        Operation::Depth => market::depth(state, request),
        Operation::Trades => market::trades(state, request),
        Operation::AggTrades => market::agg_trades(state, request),
        Operation::TickerBook => market::ticker_book(state, request),
        Operation::TickerPrice => market::ticker_price(state, request),
        Operation::Account => account::account(state, request),
        Operation::OrderLimits => json(&state.account_mut(request.account()).orders.shown(request.now_ms)),
        Operation::Place => orders::place(state, request),
        Operation::Test => orders::test(state, request),
        Operation::Cancel => orders::cancel(state, request),
        Operation::CancelAll => orders::cancel_all(state, request),
        Operation::OrderStatus => orders::status(state, request),
        Operation::OpenOrders => orders::open_orders(state, request),
        Operation::AllOrders => orders::all_orders(state, request),
        Operation::MyTrades => account::my_trades(state, request),
    }
}
