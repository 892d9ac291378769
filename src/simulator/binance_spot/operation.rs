//! What Spot can be asked.

use super::{account, exchange_info, market, orders, session};
use crate::simulator::binance::limits::RateLimit;
use crate::simulator::binance::route::{Answer, Request, Route, SYMBOL, Weight, json, open, signed};
use crate::simulator::binance::ws_api::{Session, SessionRequest};
use crate::simulator::binance::{Caller, Dialect};
use crate::simulator::state::State;
use crate::simulator::symbols::Product;

/// The dialect.
#[derive(Debug)]
pub(in crate::simulator) struct Spot;

/// What both doors know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::simulator) enum Operation {
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

use Operation as Op;
use Weight::Of;

const ORDER: &[&str] = &["symbol", "side", "type"];

const ROUTES: [Route<Operation>; 18] = [
    signed(Op::Place, "order.place", ("POST", "order"), Of(1), ORDER),
    signed(Op::Cancel, "order.cancel", ("DELETE", "order"), Of(1), SYMBOL),
    signed(Op::OrderStatus, "order.status", ("GET", "order"), Of(4), SYMBOL),
    signed(Op::OpenOrders, "openOrders.status", ("GET", "openOrders"), Of(6), &[]),
    signed(Op::CancelAll, "openOrders.cancelAll", ("DELETE", "openOrders"), Of(1), SYMBOL),
    signed(Op::AllOrders, "allOrders", ("GET", "allOrders"), Of(20), SYMBOL),
    signed(Op::MyTrades, "myTrades", ("GET", "myTrades"), Of(20), SYMBOL),
    signed(Op::Account, "account.status", ("GET", "account"), Of(20), &[]),
    signed(Op::OrderLimits, "account.rateLimits.orders", ("GET", "rateLimit/order"), Of(40), &[]),
    signed(Op::Test, "order.test", ("POST", "order/test"), Of(1), ORDER),
    open(Op::TickerBook, "ticker.book", "ticker/bookTicker", Of(2), &[]),
    open(Op::TickerPrice, "ticker.price", "ticker/price", Of(2), &[]),
    open(Op::Depth, "depth", "depth", Of(5), SYMBOL),
    open(Op::Trades, "trades.recent", "trades", Of(25), SYMBOL),
    open(Op::AggTrades, "trades.aggregate", "aggTrades", Of(4), SYMBOL),
    open(Op::ExchangeInfo, "exchangeInfo", "exchangeInfo", Of(20), &[]),
    open(Op::Ping, "ping", "ping", Of(1), &[]),
    open(Op::Time, "time", "time", Of(1), &[]),
];

impl Dialect for Spot {
    const PRODUCT: Product = Product::Spot;
    const REST_PREFIX: &'static str = "/api/v3/";
    const CONNECT_WEIGHT: u64 = 2;
    const ORDER_COUNT_HEADER: &'static str = "x-mbx-order-count-1d";

    type Operation = Operation;

    fn routes() -> &'static [Route<Operation>] {
        &ROUTES
    }

    fn perform(state: &mut State, operation: Operation, request: &Request<'_>) -> Answer {
        match operation {
            Op::Ping => Ok(b"{}".to_vec()),
            Op::Time => Ok(format!("{{\"serverTime\":{}}}", request.now_ms).into_bytes()),
            Op::ExchangeInfo => exchange_info::exchange_info(state, request),
            Op::Depth => market::depth(state, request),
            Op::Trades => market::trades(state, request),
            Op::AggTrades => market::agg_trades(state, request),
            Op::TickerBook => market::ticker_book(state, request),
            Op::TickerPrice => market::ticker_price(state, request),
            Op::Account => account::account(state, request),
            Op::OrderLimits => {
                json(&state.orders_mut(request.account(), Product::Spot).shown(request.now_ms))
            }
            Op::Place => orders::place(state, request),
            Op::Test => orders::test(state, request),
            Op::Cancel => orders::cancel(state, request),
            Op::CancelAll => orders::cancel_all(state, request),
            Op::OrderStatus => orders::status(state, request),
            Op::OpenOrders => orders::open_orders(state, request),
            Op::AllOrders => orders::all_orders(state, request),
            Op::MyTrades => account::my_trades(state, request),
        }
    }

    fn session_request(
        session: &mut Session,
        state: &mut State,
        method: &str,
        request: &SessionRequest<'_>,
    ) -> Answer {
        session::answer(session, state, method, request)
    }

    fn is_place(operation: Operation) -> bool {
        operation == Op::Place
    }

    fn limits(state: &mut State, caller: Caller, now_ms: i64) -> Vec<RateLimit> {
        let weight = state.addresses.shown(Self::PRODUCT, caller.address, now_ms);
        let orders = caller.account.map(|account| state.orders_mut(account, Self::PRODUCT).shown(now_ms));
        orders.into_iter().flatten().chain([weight]).collect()
    }
}
