//! What USD-M can be asked.

use super::{
    account, amendments, batch, exchange_info, lookup, mark, market, orders, positions, settings, tickers,
};
use crate::simulator::binance::error::ApiError;
use crate::simulator::binance::limits::RateLimit;
use crate::simulator::binance::params::Params;
use crate::simulator::binance::prefix_switch;
use crate::simulator::binance::route::{Answer, Request, Route, SYMBOL, Security, Weight, open, signed};
use crate::simulator::binance::ws_api::{Session, SessionRequest};
use crate::simulator::binance::{Caller, Dialect};
use crate::simulator::binance_spot;
use crate::simulator::state::State;
use crate::simulator::symbols::Product;

/// The dialect.
#[derive(Debug)]
pub(in crate::simulator) struct UsdM;

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
    TickerDay,
    Klines,
    PairKlines,
    PremiumIndex,
    OpenInterest,
    AdlQuantile,
    /// What there has never been any of: funding, income, forced orders.
    Nothing,
    Place,
    Test,
    Modify,
    Cancel,
    CancelAll,
    PlaceBatch,
    ModifyBatch,
    CancelBatch,
    CountDown,
    CountDownPrefix,
    OrderStatus,
    OpenOrder,
    OpenOrders,
    AllOrders,
    UserTrades,
    Amendments,
    AccountV2,
    AccountV3,
    Balance,
    PositionsV2,
    PositionsV3,
    AccountConfig,
    SymbolConfig,
    CommissionRate,
    OrderLimits,
    PositionMode,
    SetPositionMode,
    SetLeverage,
    SetMarginType,
    AssetsMode,
    SetAssetsMode,
    LeverageBracket,
    FeeBurn,
    OpenListenKey,
    ProlongListenKey,
    CloseListenKey,
}

use Operation as Op;
use Weight::{By, Of};

const ORDER: &[&str] = &["symbol", "side", "type"];
const CHANGE: &[&str] = &["symbol", "side", "quantity", "price"];
const KLINES: &[&str] = &["symbol", "interval"];
const PAIR_KLINES: &[&str] = &["pair", "interval"];
const COUNT_DOWN_PREFIX: &[&str] = &["prefixes", "countdownTime"];
const NONE: &[&str] = &[];

const ROUTES: [Route<Operation>; 66] = [
    signed(Op::Place, "order.place", ("POST", "v1/order"), Of(0), ORDER),
    signed(Op::Cancel, "order.cancel", ("DELETE", "v1/order"), Of(1), SYMBOL),
    signed(Op::PlaceBatch, "", ("POST", "v1/batchOrders"), Of(5), &["batchOrders"]),
    signed(Op::CancelBatch, "", ("DELETE", "v1/batchOrders"), Of(1), SYMBOL),
    signed(Op::OrderStatus, "order.status", ("GET", "v1/order"), Of(1), SYMBOL),
    signed(Op::Modify, "order.modify", ("PUT", "v1/order"), Of(1), CHANGE),
    signed(Op::ModifyBatch, "", ("PUT", "v1/batchOrders"), Of(5), &["batchOrders"]),
    signed(Op::Test, "", ("POST", "v1/order/test"), Of(1), ORDER),
    signed(Op::CancelAll, "", ("DELETE", "v1/allOpenOrders"), Of(1), SYMBOL),
    signed(Op::CountDown, "", ("POST", "v1/countdownCancelAll"), Of(10), &["symbol", "countdownTime"]),
    signed(Op::CountDownPrefix, "", ("POST", "v1/countdownCancelPrefix"), Of(1), COUNT_DOWN_PREFIX),
    signed(Op::OpenOrder, "", ("GET", "v1/openOrder"), Of(1), SYMBOL),
    signed(Op::OpenOrders, "", ("GET", "v1/openOrders"), By(|params| one_or_all(params, 1, 40)), NONE),
    signed(Op::AllOrders, "", ("GET", "v1/allOrders"), Of(5), SYMBOL),
    signed(Op::UserTrades, "", ("GET", "v1/userTrades"), Of(5), SYMBOL),
    signed(Op::AccountV3, "v2/account.status", ("GET", "v3/account"), Of(5), NONE),
    signed(Op::AccountV2, "account.status", ("GET", "v2/account"), Of(5), NONE),
    signed(Op::AccountV2, "", ("GET", "v1/account"), Of(5), NONE),
    signed(Op::Balance, "v2/account.balance", ("GET", "v3/balance"), Of(5), NONE),
    signed(Op::Balance, "account.balance", ("GET", "v2/balance"), Of(5), NONE),
    signed(Op::Balance, "", ("GET", "v1/balance"), Of(5), NONE),
    signed(Op::PositionsV3, "v2/account.position", ("GET", "v3/positionRisk"), Of(5), NONE),
    signed(Op::PositionsV2, "account.position", ("GET", "v2/positionRisk"), Of(5), NONE),
    signed(Op::PositionsV2, "", ("GET", "v1/positionRisk"), Of(5), NONE),
    signed(Op::AccountConfig, "", ("GET", "v1/accountConfig"), Of(5), NONE),
    signed(Op::SymbolConfig, "", ("GET", "v1/symbolConfig"), Of(5), NONE),
    signed(Op::CommissionRate, "", ("GET", "v1/commissionRate"), Of(20), SYMBOL),
    signed(Op::OrderLimits, "", ("GET", "v1/rateLimit/order"), Of(1), NONE),
    signed(Op::PositionMode, "", ("GET", "v1/positionSide/dual"), Of(30), NONE),
    signed(Op::SetPositionMode, "", ("POST", "v1/positionSide/dual"), Of(1), &["dualSidePosition"]),
    signed(Op::SetLeverage, "", ("POST", "v1/leverage"), Of(1), &["symbol", "leverage"]),
    signed(Op::SetMarginType, "", ("POST", "v1/marginType"), Of(1), &["symbol", "marginType"]),
    signed(Op::AssetsMode, "", ("GET", "v1/multiAssetsMargin"), Of(30), NONE),
    signed(Op::SetAssetsMode, "", ("POST", "v1/multiAssetsMargin"), Of(1), &["multiAssetsMargin"]),
    signed(Op::LeverageBracket, "", ("GET", "v1/leverageBracket"), Of(1), NONE),
    signed(Op::LeverageBracket, "", ("GET", "v2/leverageBracket"), Of(1), NONE),
    signed(Op::FeeBurn, "", ("GET", "v1/feeBurn"), Of(30), NONE),
    signed(Op::Nothing, "", ("GET", "v1/income"), Of(30), NONE),
    signed(Op::Nothing, "", ("GET", "v1/forceOrders"), Of(20), NONE),
    signed(Op::Nothing, "", ("GET", "v1/positionMargin/history"), Of(1), SYMBOL),
    signed(Op::Nothing, "", ("GET", "v1/openAlgoOrders"), Of(1), NONE),
    signed(Op::Nothing, "", ("GET", "v1/allAlgoOrders"), Of(5), NONE),
    signed(Op::Amendments, "", ("GET", "v1/orderAmendment"), Of(1), SYMBOL),
    signed(Op::AdlQuantile, "", ("GET", "v1/adlQuantile"), Of(5), NONE),
    keyed(Op::OpenListenKey, "userDataStream.start", ("POST", "v1/listenKey")),
    keyed(Op::ProlongListenKey, "userDataStream.ping", ("PUT", "v1/listenKey")),
    keyed(Op::CloseListenKey, "userDataStream.stop", ("DELETE", "v1/listenKey")),
    open(Op::TickerBook, "ticker.book", "v1/ticker/bookTicker", By(|params| one_or_all(params, 2, 5)), NONE),
    open(Op::TickerPrice, "ticker.price", "v1/ticker/price", By(|params| one_or_all(params, 1, 2)), NONE),
    open(Op::TickerPrice, "", "v2/ticker/price", By(|params| one_or_all(params, 1, 2)), NONE),
    open(Op::TickerDay, "", "v1/ticker/24hr", By(|params| one_or_all(params, 1, 40)), NONE),
    open(Op::Klines, "", "v1/klines", By(tickers::klines_weight), KLINES),
    open(Op::Klines, "", "v1/markPriceKlines", By(tickers::klines_weight), KLINES),
    open(Op::PairKlines, "", "v1/indexPriceKlines", By(tickers::klines_weight), PAIR_KLINES),
    open(Op::PairKlines, "", "v1/continuousKlines", By(tickers::klines_weight), PAIR_KLINES),
    open(Op::Depth, "depth", "v1/depth", By(market::depth_weight), SYMBOL),
    open(Op::Trades, "", "v1/trades", Of(5), SYMBOL),
    open(Op::Trades, "", "v1/historicalTrades", Of(20), SYMBOL),
    open(Op::AggTrades, "", "v1/aggTrades", Of(20), SYMBOL),
    open(Op::PremiumIndex, "", "v1/premiumIndex", By(|params| one_or_all(params, 1, 10)), NONE),
    open(Op::OpenInterest, "", "v1/openInterest", Of(1), SYMBOL),
    open(Op::Nothing, "", "v1/fundingRate", Of(1), NONE),
    open(Op::Nothing, "", "v1/fundingInfo", Of(1), NONE),
    open(Op::ExchangeInfo, "exchangeInfo", "v1/exchangeInfo", Of(1), NONE),
    open(Op::Ping, "ping", "v1/ping", Of(1), NONE),
    open(Op::Time, "time", "v1/time", Of(1), NONE),
];

/// A route for those who name a key: nothing is signed.
const fn keyed(
    operation: Operation,
    method: &'static str,
    rest: (&'static str, &'static str),
) -> Route<Operation> {
    Route { security: Security::Key, ..signed(operation, method, rest, Of(1), NONE) }
}

fn one_or_all(params: &Params<'_>, one: u64, all: u64) -> u64 {
    if params.get("symbol").is_some() { one } else { all }
}

impl Dialect for UsdM {
    const PRODUCT: Product = Product::UsdM;
    const REST_PREFIX: &'static str = "/fapi/";
    const CONNECT_WEIGHT: u64 = 5;
    const ORDER_COUNT_HEADER: &'static str = "x-mbx-order-count-1m";

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
            Op::TickerDay => tickers::day(state, request),
            Op::Klines => tickers::klines(state, request),
            Op::PairKlines => tickers::pair_klines(state, request),
            Op::PremiumIndex => mark::premium_index(state, request),
            Op::OpenInterest => mark::open_interest(state, request),
            Op::AdlQuantile => mark::adl_quantile(state, request),
            Op::Nothing => mark::nothing(),
            Op::Place => orders::place(state, request),
            Op::Test => orders::test(state, request),
            Op::Modify => orders::modify(state, request),
            Op::Cancel => orders::cancel(state, request),
            Op::CancelAll => orders::cancel_all(state, request),
            Op::PlaceBatch => batch::place(state, request),
            Op::ModifyBatch => batch::modify(state, request),
            Op::CancelBatch => batch::cancel(state, request),
            Op::CountDown => settings::count_down(state, request),
            Op::CountDownPrefix => prefix_switch::count_down(state, request, Product::UsdM),
            Op::OrderStatus => lookup::status(state, request),
            Op::OpenOrder => lookup::open_order(state, request),
            Op::OpenOrders => lookup::open_orders(state, request),
            Op::AllOrders => lookup::all_orders(state, request),
            Op::UserTrades => account::user_trades(state, request),
            Op::Amendments => amendments::list(state, request),
            Op::AccountV2 => account::account_v2(state, request),
            Op::AccountV3 => account::account_v3(state, request),
            Op::Balance => account::balance(state, request),
            Op::PositionsV2 => positions::risk_v2(state, request),
            Op::PositionsV3 => positions::risk_v3(state, request),
            Op::AccountConfig => settings::account_config(state, request),
            Op::SymbolConfig => settings::symbol_config(state, request),
            Op::CommissionRate => settings::commission_rate(state, request),
            Op::OrderLimits => settings::order_limits(state, request),
            Op::PositionMode => settings::position_mode(state, request),
            Op::SetPositionMode => settings::set_position_mode(state, request),
            Op::SetLeverage => settings::set_leverage(state, request),
            Op::SetMarginType => settings::set_margin_type(state, request),
            Op::AssetsMode => settings::assets_mode(),
            Op::SetAssetsMode => settings::set_assets_mode(request),
            Op::LeverageBracket => settings::leverage_bracket(state, request),
            Op::FeeBurn => settings::fee_burn(),
            Op::OpenListenKey => settings::open_listen_key(state, request),
            Op::ProlongListenKey => settings::prolong_listen_key(state, request),
            Op::CloseListenKey => settings::close_listen_key(state, request),
        }
    }

    /// Logging on and off is the same as on Spot; events come on stream connections only.
    fn session_request(
        session: &mut Session,
        state: &mut State,
        method: &str,
        request: &SessionRequest<'_>,
    ) -> Answer {
        match method {
            "session.logon" | "session.status" | "session.logout" => {
                binance_spot::session::answer(session, state, method, request)
            }
            _ => Err(ApiError::unsupported()),
        }
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
