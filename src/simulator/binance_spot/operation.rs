//! What Spot can be asked.

use super::{
    account, amend, exchange_info, lookup, market, orders, prevented, replace, session, tickers, weigh,
};
use crate::simulator::binance::klines;
use crate::simulator::binance::limits::RateLimit;
use crate::simulator::binance::prefix_switch;
use crate::simulator::binance::route::{Answer, Request, Route, SYMBOL, Weight, json, open, signed};
use crate::simulator::binance::time::Moment;
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
    CancelReplace,
    Amend,
    Amendments,
    Commission,
    MyFilters,
    MyPreventedMatches,
    HistoricalTrades,
    Klines,
    AvgPrice,
    TickerDay,
    TickerRolling,
    TickerTradingDay,
    ExecutionRules,
    ReferencePrice,
    CountDownPrefix,
}

use Operation as Op;
use Weight::{By, Of};

/// Most candles in one answer.
const KLINES_MAX: usize = 1_000;

const ORDER: &[&str] = &["symbol", "side", "type"];
const REPLACE: &[&str] = &["symbol", "side", "type", "cancelReplaceMode"];
/// What an amendment may bring along.
const AMEND_TOO: &[&str] = &["orderId", "origClientOrderId", "newClientOrderId"];
const AMEND: &[&str] = &["symbol", "newQty"];
const KLINES: &[&str] = &["symbol", "interval"];

/// What every new order may bring along.
const ORDER_TOO: &[&str] = &[
    "timeInForce",
    "quantity",
    "quoteOrderQty",
    "price",
    "newClientOrderId",
    "strategyId",
    "strategyType",
    "stopPrice",
    "trailingDelta",
    "icebergQty",
    "newOrderRespType",
    "selfTradePreventionMode",
    "pegPriceType",
    "pegOffsetType",
    "pegOffsetValue",
    "computeCommissionRates",
];
const REPLACE_TOO: &[&str] = &[
    "timeInForce",
    "quantity",
    "quoteOrderQty",
    "price",
    "newClientOrderId",
    "strategyId",
    "strategyType",
    "stopPrice",
    "trailingDelta",
    "icebergQty",
    "newOrderRespType",
    "selfTradePreventionMode",
    "pegPriceType",
    "pegOffsetType",
    "pegOffsetValue",
    "cancelOrderId",
    "cancelOrigClientOrderId",
    "cancelNewClientOrderId",
    "cancelRestrictions",
    "orderRateLimitExceededMode",
];
const CANCEL_TOO: &[&str] = &["orderId", "origClientOrderId", "newClientOrderId", "cancelRestrictions"];
const LIST_TOO: &[&str] = &["orderId", "fromId", "startTime", "endTime", "limit"];
const PREVENTED_TOO: &[&str] = &["preventedMatchId", "orderId", "fromPreventedMatchId", "limit"];
const KLINES_TOO: &[&str] = &["startTime", "endTime", "timeZone", "limit"];
const CHOSEN: &[&str] = &["symbol", "symbols", "symbolStatus"];
const TICKER_TOO: &[&str] = &["symbol", "symbols", "symbolStatus", "type", "windowSize", "timeZone"];
const LISTED: &[&str] = &["symbol", "symbols", "permissions", "showPermissionSets", "symbolStatus"];

#[rustfmt::skip]
const ROUTES: [Route<Operation>; 34] = [
    signed(Op::Place, "order.place", ("POST", "order"), Of(1), ORDER).taking(ORDER_TOO),
    signed(Op::Cancel, "order.cancel", ("DELETE", "order"), Of(1), SYMBOL).taking(CANCEL_TOO),
    signed(Op::OrderStatus, "order.status", ("GET", "order"), Of(4), SYMBOL).taking(CANCEL_TOO),
    signed(Op::OpenOrders, "openOrders.status", ("GET", "openOrders"), By(lookup::open_orders_weight), &[]).taking(SYMBOL),
    signed(Op::CancelReplace, "order.cancelReplace", ("POST", "order/cancelReplace"), Of(1), REPLACE).taking(REPLACE_TOO),
    signed(Op::Amend, "order.amend.keepPriority", ("PUT", "order/amend/keepPriority"), Of(4), AMEND).taking(AMEND_TOO),
    signed(Op::Amendments, "order.amendments", ("GET", "order/amendments"), Of(4), &["symbol", "orderId"]).taking(&["fromExecutionId", "limit"]),
    signed(Op::CancelAll, "openOrders.cancelAll", ("DELETE", "openOrders"), Of(1), SYMBOL).taking(&[]),
    signed(Op::CountDownPrefix, "", ("POST", "countdownCancelPrefix"), Of(1), &["prefixes", "countdownTime"]).taking(&[]),
    signed(Op::AllOrders, "allOrders", ("GET", "allOrders"), Of(20), SYMBOL).taking(LIST_TOO),
    signed(Op::MyTrades, "myTrades", ("GET", "myTrades"), By(account::my_trades_weight), SYMBOL).taking(LIST_TOO),
    signed(Op::MyPreventedMatches, "myPreventedMatches", ("GET", "myPreventedMatches"), By(prevented::weight), SYMBOL).taking(PREVENTED_TOO),
    signed(Op::Account, "account.status", ("GET", "account"), Of(20), &[]).taking(&["omitZeroBalances"]),
    signed(Op::Commission, "account.commission", ("GET", "account/commission"), Of(20), SYMBOL).taking(&[]),
    signed(Op::OrderLimits, "account.rateLimits.orders", ("GET", "rateLimit/order"), Of(40), &[]).taking(&[]),
    signed(Op::MyFilters, "myFilters", ("GET", "myFilters"), Of(40), SYMBOL).taking(&[]),
    signed(Op::Test, "order.test", ("POST", "order/test"), By(orders::test_weight), ORDER).taking(ORDER_TOO),
    open(Op::TickerBook, "ticker.book", "ticker/bookTicker", By(weigh::two_or_four), &[]).taking(CHOSEN),
    open(Op::TickerPrice, "ticker.price", "ticker/price", By(weigh::two_or_four), &[]).taking(CHOSEN),
    open(Op::Depth, "depth", "depth", By(market::depth_weight), SYMBOL).taking(&["limit", "symbolStatus"]),
    open(Op::Trades, "trades.recent", "trades", Of(25), SYMBOL).taking(&["limit"]),
    open(Op::HistoricalTrades, "trades.historical", "historicalTrades", Of(25), SYMBOL).taking(&["limit", "fromId"]),
    open(Op::AggTrades, "trades.aggregate", "aggTrades", Of(4), SYMBOL).taking(LIST_TOO),
    open(Op::Klines, "klines", "klines", Of(2), KLINES).taking(KLINES_TOO),
    open(Op::Klines, "uiKlines", "uiKlines", Of(2), KLINES).taking(KLINES_TOO),
    open(Op::AvgPrice, "avgPrice", "avgPrice", Of(2), SYMBOL).taking(&[]),
    open(Op::TickerDay, "ticker.24hr", "ticker/24hr", By(weigh::day), &[]).taking(TICKER_TOO),
    open(Op::TickerRolling, "ticker", "ticker", By(weigh::four_each), &[]).taking(TICKER_TOO),
    open(Op::TickerTradingDay, "ticker.tradingDay", "ticker/tradingDay", By(weigh::four_each), &[]).taking(TICKER_TOO),
    open(Op::ExecutionRules, "executionRules", "executionRules", By(exchange_info::rules_weight), &[]).taking(LISTED),
    open(Op::ReferencePrice, "referencePrice", "referencePrice", Of(2), SYMBOL).taking(&[]),
    open(Op::ExchangeInfo, "exchangeInfo", "exchangeInfo", Of(20), &[]).taking(LISTED),
    open(Op::Ping, "ping", "ping", Of(1), &[]).taking(&[]),
    open(Op::Time, "time", "time", Of(1), &[]).taking(&[]),
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
            Op::Time => Ok(format!("{{\"serverTime\":{}}}", Moment(request.now_ms).written()).into_bytes()),
            Op::ExchangeInfo => exchange_info::exchange_info(state, request),
            Op::Depth => market::depth(state, request),
            Op::Trades => market::trades(state, request),
            Op::AggTrades => market::agg_trades(state, request),
            Op::TickerBook => tickers::book(state, request),
            Op::TickerPrice => tickers::price(state, request),
            Op::TickerDay => tickers::day(state, request),
            Op::TickerRolling => tickers::rolling(state, request),
            Op::TickerTradingDay => tickers::trading_day(state, request),
            Op::AvgPrice => tickers::average(state, request),
            Op::Klines => klines::klines(state, request, KLINES_MAX),
            Op::HistoricalTrades => market::historical_trades(state, request),
            Op::ExecutionRules => exchange_info::execution_rules(state, request),
            Op::ReferencePrice => exchange_info::reference_price(state, request),
            Op::Account => account::account(state, request),
            Op::OrderLimits => {
                json(&state.orders_mut(request.account(), Product::Spot).shown(request.now_ms))
            }
            Op::Place => orders::place(state, request),
            Op::Test => orders::test(state, request),
            Op::Cancel => orders::cancel(state, request),
            Op::CancelAll => orders::cancel_all(state, request),
            Op::CancelReplace => replace::cancel_replace(state, request),
            Op::Amend => amend::amend(state, request),
            Op::Amendments => amend::amendments(state, request),
            Op::OrderStatus => lookup::status(state, request),
            Op::OpenOrders => lookup::open_orders(state, request),
            Op::CountDownPrefix => prefix_switch::count_down(state, request, Product::Spot),
            Op::AllOrders => lookup::all_orders(state, request),
            Op::Commission => account::commissions(state, request),
            Op::MyFilters => account::my_filters(state, request),
            Op::MyPreventedMatches => prevented::my_prevented_matches(state, request),
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
