//! Spot's messages.

use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::client::{Socket, limit, with};
use crate::provoke::{Provoked, Row, streams};
use crate::twins::Twin::{
    self, Ccxt, Endpoint, Event, Framed, None as NoTwin, Reference, Socket as Frame, Wire,
};

const SYMBOL: &str = "symbol=BTCUSDT";

pub(crate) async fn all(addr: SocketAddr) -> Vec<Row> {
    let mut told = Provoked::new(addr, "Spot");
    let mut user = Socket::api(addr).await;
    let mut api = Socket::api(addr).await;
    user.subscribe_user().await;
    orders(&mut told).await;
    market(&mut told).await;
    by_socket(&mut told, &mut api).await;
    by_streams(&mut told, &mut api).await;
    user_events(&mut told, &mut user).await;
    refusals(&mut told, &mut api).await;
    told.rows
}

fn order(side: &str, price: &str, life: &str) -> String {
    format!("{SYMBOL}&side={side}&type=LIMIT&timeInForce={life}&quantity=0.002&price={price}")
}

async fn orders(told: &mut Provoked) {
    let test = format!("{}&computeCommissionRates=true", order("SELL", "64000", "GTC"));
    told.rest("POST /api/v3/order/test", &test, true, Endpoint("Spot/Trading/PlaceTestOrder")).await;
    let maker = told.rest("POST /api/v3/order", &order("SELL", "64000", "GTC"), true, NoTwin).await;
    told.rows.pop();
    let taker = order("BUY", "64000", "IOC");
    told.rest("POST /api/v3/order", &taker, true, Endpoint("Spot/Trading/PlaceOrder")).await;
    let about = format!("{SYMBOL}&orderId={}", maker["orderId"]);
    told.rest("GET /api/v3/order", &about, true, Endpoint("Spot/Trading/GetOrder")).await;
    told.rest("GET /api/v3/myTrades", SYMBOL, true, Endpoint("Spot/Trading/GetUserTrades")).await;
    let open = told.rest("POST /api/v3/order", &order("SELL", "65000", "GTC"), true, NoTwin).await;
    told.rows.pop();
    told.rest("GET /api/v3/openOrders", SYMBOL, true, Endpoint("Spot/Trading/GetOpenOrders")).await;
    told.rest("GET /api/v3/allOrders", SYMBOL, true, Endpoint("Spot/Trading/GetOrders")).await;
    let replace = format!(
        "{}&cancelReplaceMode=STOP_ON_FAILURE&cancelOrderId={}",
        order("SELL", "66000", "GTC"),
        open["orderId"]
    );
    let twin = Ccxt("binance.js:5797");
    let replaced = told.rest("POST /api/v3/order/cancelReplace", &replace, true, twin).await;
    half_replaced(told).await;
    let id = &replaced["newOrderResponse"]["orderId"];
    let amend = format!("{SYMBOL}&orderId={id}&newQty=0.001");
    told.rest("PUT /api/v3/order/amend/keepPriority", &amend, true, Endpoint("Spot/Trading/AmendOrder"))
        .await;
    let about = format!("{SYMBOL}&orderId={id}");
    told.rest("GET /api/v3/order/amendments", &about, true, NoTwin).await;
    told.rest("DELETE /api/v3/order", &about, true, Endpoint("Spot/Trading/CancelOrder")).await;
    told.rest("POST /api/v3/order", &order("SELL", "65000", "GTC"), true, NoTwin).await;
    told.rows.pop();
    told.rest("DELETE /api/v3/openOrders", SYMBOL, true, Endpoint("Spot/Trading/CancelAllOrders")).await;
    prevented(told).await;
    told.rest("GET /api/v3/account", "", true, Reference("A.2")).await;
    told.rest("GET /api/v3/account/commission", SYMBOL, true, NoTwin).await;
    told.rest("GET /api/v3/rateLimit/order", "", true, NoTwin).await;
    told.rest("GET /api/v3/myFilters", SYMBOL, true, NoTwin).await;
}

/// Only one of the two parts succeeds, once this and once the other.
async fn half_replaced(told: &mut Provoked) {
    let call = "POST /api/v3/order/cancelReplace";
    let without_cancel =
        format!("{}&cancelReplaceMode=ALLOW_FAILURE&cancelOrderId=999999999", order("SELL", "66000", "GTC"));
    let first = told.rest(call, &without_cancel, true, NoTwin).await;
    let resting = &first["data"]["newOrderResponse"]["orderId"];
    told.rest("POST /api/v3/order", &order("BUY", "63000", "GTC"), true, NoTwin).await;
    let without_order = format!(
        "{SYMBOL}&side=SELL&type=LIMIT_MAKER&quantity=0.002&price=63000&cancelReplaceMode=ALLOW_FAILURE&cancelOrderId={resting}"
    );
    let second = told.rest(call, &without_order, true, NoTwin).await;
    told.rows.truncate(told.rows.len() - 3);
    told.keep(&format!("{call}, half done"), Endpoint("Spot/Trading/ReplaceOrder"), Ok(vec![first, second]));
}

/// A pair of one's own with prevention asked for.
async fn prevented(told: &mut Provoked) {
    told.rest("POST /api/v3/order", &order("SELL", "64500", "GTC"), true, NoTwin).await;
    let taker = format!("{}&selfTradePreventionMode=EXPIRE_MAKER", order("BUY", "64500", "IOC"));
    let taker = told.rest("POST /api/v3/order", &taker, true, NoTwin).await;
    told.rows.truncate(told.rows.len() - 2);
    let about = format!("{SYMBOL}&orderId={}", taker["orderId"]);
    told.rest("GET /api/v3/myPreventedMatches", &about, true, Endpoint("Spot/Trading/GetPreventedTrades"))
        .await;
}

async fn market(told: &mut Provoked) {
    for (life, price, side) in [("GTC", "63000", "BUY"), ("GTC", "65000", "SELL")] {
        told.rest("POST /api/v3/order", &order(side, price, life), true, NoTwin).await;
        told.rows.pop();
    }
    told.rest("GET /api/v3/ping", "", false, NoTwin).await;
    told.rest("GET /api/v3/time", "", false, Endpoint("Spot/ExchangeData/GetServerTime")).await;
    told.rest("GET /api/v3/exchangeInfo", "", false, Endpoint("Spot/ExchangeData/GetExchangeInfo")).await;
    let recorded = Wire("cf-binance-spot-20211011", "BINANCE.0.gz", "api/v3/exchangeInfo");
    told.rest("GET /api/v3/exchangeInfo", "", false, recorded).await;
    let depth = Wire("cf-binance-spot-20211011", "BINANCE.http.0.0.gz", "api/v3/depth?symbol=NKNUSDT");
    told.rest("GET /api/v3/depth", SYMBOL, false, depth).await;
    told.rest("GET /api/v3/trades", SYMBOL, false, Endpoint("Spot/ExchangeData/GetRecentTrades")).await;
    told.rest("GET /api/v3/historicalTrades", SYMBOL, false, Endpoint("Spot/ExchangeData/GetTradeHistory"))
        .await;
    told.rest(
        "GET /api/v3/aggTrades",
        SYMBOL,
        false,
        Endpoint("Spot/ExchangeData/GetAggregatedTradeHistory"),
    )
    .await;
    let minute = format!("{SYMBOL}&interval=1m");
    told.rest("GET /api/v3/klines", &minute, false, Endpoint("Spot/ExchangeData/GetKlines")).await;
    told.rest("GET /api/v3/uiKlines", &minute, false, Endpoint("Spot/ExchangeData/GetUiKlines")).await;
    told.rest("GET /api/v3/avgPrice", SYMBOL, false, Endpoint("Spot/ExchangeData/GetAvgPrice")).await;
    told.rest("GET /api/v3/ticker/24hr", SYMBOL, false, Endpoint("Spot/ExchangeData/GetTicker")).await;
    told.rest(
        "GET /api/v3/ticker/tradingDay",
        SYMBOL,
        false,
        Endpoint("Spot/ExchangeData/GetTradingDayTicker"),
    )
    .await;
    told.rest(
        "GET /api/v3/ticker",
        &format!("{SYMBOL}&windowSize=1h"),
        false,
        Endpoint("Spot/ExchangeData/GetRollingWindowTicker"),
    )
    .await;
    told.rest("GET /api/v3/ticker/price", SYMBOL, false, Endpoint("Spot/ExchangeData/GetPrice")).await;
    told.rest("GET /api/v3/ticker/bookTicker", SYMBOL, false, Endpoint("Spot/ExchangeData/GetBookPrice"))
        .await;
    told.rest("GET /api/v3/executionRules", SYMBOL, false, Endpoint("Spot/ExchangeData/GetExecutionRules"))
        .await;
}

async fn by_socket(told: &mut Provoked, api: &mut Socket) {
    let symbol = json!({"symbol": "BTCUSDT"});
    let resting = limit("SELL", "64000.00", "0.002", "GTC");
    told.socket(
        api,
        "order.test",
        with(resting.clone(), "computeCommissionRates", true),
        Frame("Spot/Trading/PlaceTestOrder"),
    )
    .await;
    api.good("order.place", resting.clone()).await;
    told.socket(
        api,
        "order.place",
        limit("BUY", "64000.00", "0.002", "IOC"),
        Frame("Spot/Trading/PlaceOrder"),
    )
    .await;
    let open = api.good("order.place", limit("SELL", "65500.00", "0.002", "GTC")).await;
    let about = with(symbol.clone(), "orderId", open["orderId"].clone());
    told.socket(api, "order.status", about.clone(), Frame("Spot/Trading/GetOrder")).await;
    told.socket(api, "openOrders.status", symbol.clone(), Frame("Spot/Trading/GetOpenOrders")).await;
    let replace = with(limit("SELL", "65600.00", "0.002", "GTC"), "cancelReplaceMode", "STOP_ON_FAILURE");
    let replace = with(replace, "cancelOrderId", open["orderId"].clone());
    let replaced = told.socket(api, "order.cancelReplace", replace, Frame("Spot/Trading/ReplaceOrder")).await;
    let id = replaced["newOrderResponse"]["orderId"].clone();
    let amend = with(with(symbol.clone(), "orderId", id.clone()), "newQty", "0.001");
    told.socket(api, "order.amend.keepPriority", amend, Frame("Spot/Trading/AmendOrder")).await;
    let of_it = with(symbol.clone(), "orderId", id.clone());
    told.socket(api, "order.amendments", of_it, NoTwin).await;
    told.socket(api, "myFilters", symbol.clone(), NoTwin).await;
    told.socket(api, "order.cancel", with(symbol.clone(), "orderId", id), Frame("Spot/Trading/CancelOrder"))
        .await;
    told.socket(api, "openOrders.cancelAll", symbol.clone(), Frame("Spot/Trading/CancelAllOrders")).await;
    told.socket(api, "allOrders", symbol.clone(), Framed("Spot/Trading/GetOrders")).await;
    told.socket(api, "myTrades", symbol.clone(), Frame("Spot/Trading/GetUserTrades")).await;
    told.socket(api, "account.status", json!({}), NoTwin).await;
    told.socket(api, "account.rateLimits.orders", json!({}), NoTwin).await;
    told.socket(api, "account.commission", symbol.clone(), NoTwin).await;
    market_by_socket(told, api).await;
}

async fn market_by_socket(told: &mut Provoked, api: &mut Socket) {
    api.good("order.place", limit("BUY", "63000.00", "0.002", "GTC")).await;
    api.good("order.place", limit("SELL", "65000.00", "0.002", "GTC")).await;
    let symbol = json!({"symbol": "BTCUSDT"});
    let minute = with(symbol.clone(), "interval", "1m");
    for (method, params, twin) in [
        ("time", json!({}), Framed("Spot/ExchangeData/GetServerTime")),
        ("exchangeInfo", symbol.clone(), Framed("Spot/ExchangeData/GetExchangeInfo")),
        ("depth", symbol.clone(), NoTwin),
        ("trades.recent", symbol.clone(), Framed("Spot/ExchangeData/GetRecentTrades")),
        ("ping", json!({}), NoTwin),
        ("trades.historical", symbol.clone(), Framed("Spot/ExchangeData/GetTradeHistory")),
        ("ticker", symbol.clone(), Framed("Spot/ExchangeData/GetRollingWindowTicker")),
        ("ticker.tradingDay", symbol.clone(), Framed("Spot/ExchangeData/GetTradingDayTicker")),
        ("executionRules", symbol.clone(), Framed("Spot/ExchangeData/GetExecutionRules")),
        ("trades.aggregate", symbol.clone(), Framed("Spot/ExchangeData/GetAggregatedTradeHistory")),
        ("klines", minute.clone(), Framed("Spot/ExchangeData/GetKlines")),
        ("uiKlines", minute, Framed("Spot/ExchangeData/GetUiKlines")),
        ("avgPrice", symbol.clone(), Framed("Spot/ExchangeData/GetAvgPrice")),
        ("ticker.24hr", symbol.clone(), Framed("Spot/ExchangeData/GetTicker")),
        ("ticker.price", symbol.clone(), Framed("Spot/ExchangeData/GetPrice")),
        ("ticker.book", symbol, Framed("Spot/ExchangeData/GetBookPrice")),
    ] {
        let answer = api.call(method, params).await;
        let ours = if answer["status"] == 200 { Ok(vec![answer]) } else { Err(answer.to_string()) };
        told.keep(method, twin, ours);
    }
}

const STREAMS: &[(&str, Twin)] = &[
    ("btcusdt@trade", Event("Spot/ExchangeData/Trades")),
    ("btcusdt@aggTrade", Event("Spot/ExchangeData/AggregatedTrades")),
    ("btcusdt@bookTicker", Event("Spot/ExchangeData/BookTicker")),
    (
        "btcusdt@depth@100ms",
        Wire("cf-binance-spot-20210404", "BINANCE-ee25be.0.gz", "btcusdt@depth@100ms\",\"data\""),
    ),
    ("btcusdt@depth5@100ms", Event("Spot/ExchangeData/PartialBook")),
    ("btcusdt@kline_1m", Event("Spot/ExchangeData/Klines")),
    ("btcusdt@ticker", Event("Spot/ExchangeData/Ticker")),
    ("btcusdt@miniTicker", Event("Spot/ExchangeData/MiniTicker")),
    ("btcusdt@ticker_1h", Event("Spot/ExchangeData/RollingWindowTicker")),
    ("btcusdt@avgPrice", NoTwin),
    ("btcusdt@referencePrice", NoTwin),
    ("!miniTicker@arr", Event("Spot/ExchangeData/MiniTicker")),
];

/// Trades and changes of the book until every stream has told something.
async fn by_streams(told: &mut Provoked, api: &mut Socket) {
    let names: Vec<&str> = STREAMS.iter().map(|(name, _)| *name).collect();
    let (addr, mut round) = (told.addr, 0);
    let listen = streams(addr, "/stream", &names);
    tokio::pin!(listen);
    let found = loop {
        round += 1;
        let price = format!("{}.00", 64_000 + round % 50);
        let trade = async {
            api.good("order.place", limit("SELL", &price, "0.003", "GTC")).await;
            api.good("order.place", limit("BUY", &price, "0.002", "IOC")).await;
            api.good("order.place", limit("BUY", "62000.00", "0.002", "GTC")).await;
            // Streams of partial books look every 100 ms.
            tokio::time::sleep(std::time::Duration::from_millis(150)).await;
            api.good("openOrders.cancelAll", json!({"symbol": "BTCUSDT"})).await;
        };
        tokio::select! {
            found = &mut listen => break found,
            () = trade => {}
        }
    };
    told.keep_streams(STREAMS, &found);
}

async fn user_events(told: &mut Provoked, user: &mut Socket) {
    let deposit = json!({"apiKey": "test-key", "asset": "BTC", "amount": "1.5"}).to_string();
    let reply = crate::client::http(told.addr, "POST", "/venue/deposit", None, &deposit).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    user.none_came(|_| false).await;
    let events: Vec<Value> = user.take_kept().into_iter().map(|message| message["event"].clone()).collect();
    let report = |event: &Value| event["e"] == "executionReport";
    told.events("executionReport", Event("Spot/Account/Order"), &events, report);
    let position = |event: &Value| event["e"] == "outboundAccountPosition";
    told.events("outboundAccountPosition", Event("Spot/Account/AccountPosition"), &events, position);
    let change = |event: &Value| event["e"] == "balanceUpdate";
    told.events("balanceUpdate", Event("Spot/Account/Balance"), &events, change);
}

async fn refusals(told: &mut Provoked, api: &mut Socket) {
    let answer = api.call("order.place", json!({})).await;
    told.keep("a refused WS API request", NoTwin, Ok(vec![answer]));
    let reply =
        crate::client::rest(told.addr, "DELETE", "/api/v3/order", "symbol=BTCUSDT&orderId=999999999").await;
    told.keep("a refused REST request", NoTwin, Ok(vec![reply.body]));
    let session = api.call("session.status", json!({})).await;
    told.keep("session.status", NoTwin, Ok(vec![session]));
}
