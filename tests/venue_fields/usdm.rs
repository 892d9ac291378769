//! USD-M's messages.

use std::net::SocketAddr;

use self_trader::clock;
use serde_json::{Value, json};

use crate::OTHER_KEY;
use crate::client::{self, Socket, with};
use crate::provoke::{Provoked, Row, streams};
use crate::twins::Twin::{self, Ccxt, Endpoint, Event, None as NoTwin, Reference, Socket as Frame, Wire};

const SYMBOL: &str = "symbol=BTCUSDT";

pub(crate) async fn all(addr: SocketAddr) -> Vec<Row> {
    let mut told = Provoked::new(addr, "USD-M");
    let key = told.rest("POST /fapi/v1/listenKey", "", false, Reference("A.21")).await;
    let Some(key) = key["listenKey"].as_str() else { return told.rows };
    let mut user = Socket::open(addr, &format!("/private/ws?listenKey={key}")).await;
    told.rest("POST /fapi/v1/positionSide/dual", "dualSidePosition=true", true, NoTwin).await;
    client::rest(addr, "POST", "/fapi/v1/positionSide/dual", "dualSidePosition=false").await;
    position(addr).await;
    orders(&mut told).await;
    batches(&mut told).await;
    account(&mut told).await;
    market(&mut told).await;
    by_socket(&mut told).await;
    by_streams(&mut told).await;
    told.rest("PUT /fapi/v1/listenKey", "", false, NoTwin).await;
    user_events(&mut told, &mut user).await;
    told.rest("DELETE /fapi/v1/listenKey", "", false, NoTwin).await;
    told.rows
}

/// The other account sells what the test account buys.
async fn position(addr: SocketAddr) {
    let (order, now) = (order("SELL", "63900", "GTC"), clock::wall_ms());
    let query = format!("{order}&recvWindow={}&timestamp={now}", client::RECV_WINDOW_MS);
    let signature = client::hmac_hex(OTHER_KEY.secret, &query);
    let path = format!("/fapi/v1/order?{query}&signature={signature}");
    let reply = client::http(addr, "POST", &path, Some(OTHER_KEY.key), "").await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    assert_eq!(place(addr, "BUY", "63900", "IOC").await["status"], "FILLED");
}

fn order(side: &str, price: &str, life: &str) -> String {
    format!(
        "{SYMBOL}&side={side}&type=LIMIT&timeInForce={life}&quantity=0.002&price={price}&newOrderRespType=RESULT"
    )
}

async fn place(addr: SocketAddr, side: &str, price: &str, life: &str) -> Value {
    let reply = client::rest(addr, "POST", "/fapi/v1/order", &order(side, price, life)).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    reply.body
}

async fn orders(told: &mut Provoked) {
    told.rest("POST /fapi/v1/order/test", &order("SELL", "64000", "GTC"), true, NoTwin).await;
    let maker = place(told.addr, "SELL", "64000", "GTX").await;
    told.rest(
        "POST /fapi/v1/order",
        &order("BUY", "64000", "IOC"),
        true,
        Endpoint("UsdFutures/Trading/PlaceOrder"),
    )
    .await;
    let about = format!("{SYMBOL}&orderId={}", maker["orderId"]);
    told.rest("GET /fapi/v1/order", &about, true, Endpoint("UsdFutures/Trading/GetOrder")).await;
    told.rest("GET /fapi/v1/userTrades", SYMBOL, true, Endpoint("UsdFutures/Trading/GetUserTrades")).await;
    let open = place(told.addr, "SELL", "64500", "GTC").await;
    let about = format!("{SYMBOL}&orderId={}", open["orderId"]);
    told.rest("GET /fapi/v1/openOrder", &about, true, Endpoint("UsdFutures/Trading/GetOpenOrder")).await;
    told.rest("GET /fapi/v1/openOrders", SYMBOL, true, Endpoint("UsdFutures/Trading/GetOpenOrders")).await;
    told.rest("GET /fapi/v1/allOrders", SYMBOL, true, Endpoint("UsdFutures/Trading/GetOrders")).await;
    let edit = format!("{about}&side=SELL&quantity=0.003&price=64600");
    told.rest("PUT /fapi/v1/order", &edit, true, Endpoint("UsdFutures/Trading/EditOrder")).await;
    told.rest(
        "GET /fapi/v1/orderAmendment",
        &about,
        true,
        Endpoint("UsdFutures/Trading/GetOrderEditHistory"),
    )
    .await;
    told.rest("DELETE /fapi/v1/order", &about, true, Endpoint("UsdFutures/Trading/CancelOrder")).await;
    told.rest("DELETE /fapi/v1/allOpenOrders", SYMBOL, true, Endpoint("UsdFutures/Trading/CancelAllOrders"))
        .await;
    let countdown = format!("{SYMBOL}&countdownTime=600000");
    let twin = Endpoint("UsdFutures/Trading/CancelAllOrdersAfterTimeout");
    told.rest("POST /fapi/v1/countdownCancelAll", &countdown, true, twin).await;
}

async fn batches(told: &mut Provoked) {
    // A post-only order that would trade is refused.
    place(told.addr, "BUY", "64000", "GTC").await;
    let item = |price: &str| json!({"symbol": "BTCUSDT", "side": "SELL", "type": "LIMIT", "timeInForce": "GTX", "quantity": "0.002", "price": price});
    let batch = |items: Value| format!("batchOrders={}", percent(&items.to_string()));
    // One of the two is refused, as in the recorded answer.
    let two = batch(json!([item("64500"), item("64000")]));
    let twin = Endpoint("UsdFutures/Trading/PlaceMultipleOrders");
    let made = told.rest("POST /fapi/v1/batchOrders", &two, true, twin).await;
    let id = made[0]["orderId"].clone();
    let edit = json!([{"symbol": "BTCUSDT", "side": "SELL", "orderId": id, "quantity": "0.003", "price": "64600"},
        {"symbol": "BTCUSDT", "side": "SELL", "orderId": 999_999_999, "quantity": "0.003", "price": "64600"}]);
    let twin = Endpoint("UsdFutures/Trading/EditMultipleOrders");
    told.rest("PUT /fapi/v1/batchOrders", &batch(edit), true, twin).await;
    let ids = format!("{SYMBOL}&orderIdList={}", percent(&format!("[{id},999999999]")));
    let twin = Endpoint("UsdFutures/Trading/CancelMultipleOrders");
    told.rest("DELETE /fapi/v1/batchOrders", &ids, true, twin).await;
}

fn percent(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

async fn account(told: &mut Provoked) {
    told.rest("GET /fapi/v3/account", "", true, Reference("A.13")).await;
    told.rest("GET /fapi/v2/account", "", true, NoTwin).await;
    told.rest("GET /fapi/v3/balance", "", true, Reference("A.14")).await;
    told.rest("GET /fapi/v2/balance", "", true, Reference("A.14")).await;
    told.rest("GET /fapi/v3/positionRisk", SYMBOL, true, Endpoint("UsdFutures/Trading/GetPositions")).await;
    told.rest("GET /fapi/v2/positionRisk", SYMBOL, true, NoTwin).await;
    told.rest("GET /fapi/v1/accountConfig", "", true, Reference("A.16")).await;
    told.rest("GET /fapi/v1/symbolConfig", SYMBOL, true, Reference("A.24")).await;
    told.rest("GET /fapi/v1/commissionRate", SYMBOL, true, NoTwin).await;
    told.rest("GET /fapi/v1/leverageBracket", SYMBOL, true, Reference("A.23")).await;
    told.rest("GET /fapi/v1/rateLimit/order", "", true, NoTwin).await;
    told.rest("GET /fapi/v1/positionSide/dual", "", true, Reference("A.20")).await;
    told.rest("POST /fapi/v1/leverage", &format!("{SYMBOL}&leverage=10"), true, NoTwin).await;
    told.rest("GET /fapi/v1/multiAssetsMargin", "", true, NoTwin).await;
    told.rest("GET /fapi/v1/feeBurn", "", true, NoTwin).await;
    told.rest("GET /fapi/v1/ticker/price", SYMBOL, false, NoTwin).await;
    told.rest("GET /fapi/v1/adlQuantile", "", true, NoTwin).await;
}

async fn market(told: &mut Provoked) {
    place(told.addr, "BUY", "63500", "GTC").await;
    place(told.addr, "SELL", "64500", "GTC").await;
    told.rest("GET /fapi/v1/ping", "", false, NoTwin).await;
    let minute = format!("{SYMBOL}&interval=1m");
    let continuous = "pair=BTCUSDT&contractType=PERPETUAL&interval=1m";
    for (call, query, twin) in [
        ("GET /fapi/v1/time", "", "UsdFutures/ExchangeData/GetServerTime"),
        ("GET /fapi/v1/exchangeInfo", "", "UsdFutures/ExchangeData/GetExchangeInfo"),
        ("GET /fapi/v1/depth", SYMBOL, "UsdFutures/ExchangeData/GetOrderBook"),
        ("GET /fapi/v1/trades", SYMBOL, "UsdFutures/ExchangeData/GetRecentTrades"),
        ("GET /fapi/v1/historicalTrades", SYMBOL, "UsdFutures/ExchangeData/GetTradeHistory"),
        ("GET /fapi/v1/aggTrades", SYMBOL, "UsdFutures/ExchangeData/GetAggregatedTradeHistory"),
        ("GET /fapi/v1/klines", minute.as_str(), "UsdFutures/ExchangeData/GetKlines"),
        ("GET /fapi/v1/continuousKlines", continuous, "UsdFutures/ExchangeData/GetContinuousContractKlines"),
        ("GET /fapi/v1/markPriceKlines", minute.as_str(), "UsdFutures/ExchangeData/GetMarkPriceKlines"),
        (
            "GET /fapi/v1/indexPriceKlines",
            "pair=BTCUSDT&interval=1m",
            "UsdFutures/ExchangeData/GetIndexPriceKlines",
        ),
        ("GET /fapi/v1/premiumIndex", SYMBOL, "UsdFutures/ExchangeData/GetMarkPrice"),
        ("GET /fapi/v1/ticker/24hr", SYMBOL, "UsdFutures/ExchangeData/GetTicker"),
        ("GET /fapi/v2/ticker/price", SYMBOL, "UsdFutures/ExchangeData/GetPrice"),
        ("GET /fapi/v1/ticker/bookTicker", SYMBOL, "UsdFutures/ExchangeData/GetBookPrice"),
        ("GET /fapi/v1/openInterest", SYMBOL, "UsdFutures/ExchangeData/GetOpenInterest"),
    ] {
        told.rest(call, query, false, Endpoint(twin)).await;
    }
    let recorded = Wire("cf-binance-usdm-20210722", "BINANCE_FUTURES.0.gz", "fapi/v1/exchangeInfo");
    told.rest("GET /fapi/v1/exchangeInfo", "", false, recorded).await;
    client::rest(told.addr, "DELETE", "/fapi/v1/allOpenOrders", SYMBOL).await;
}

async fn by_socket(told: &mut Provoked) {
    let api = &mut Socket::open(told.addr, "/ws-fapi/v1").await;
    let symbol = json!({"symbol": "BTCUSDT"});
    let order = json!({"symbol": "BTCUSDT", "side": "SELL", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.002",
        "price": "64500", "newOrderRespType": "RESULT"});
    let made = told.socket(api, "order.place", order, Frame("UsdFutures/Trading/PlaceOrder")).await;
    let about = with(symbol.clone(), "orderId", made["orderId"].clone());
    told.socket(api, "order.status", about.clone(), Frame("UsdFutures/Trading/GetOrder")).await;
    let edit = with(with(with(about.clone(), "side", "SELL"), "quantity", "0.003"), "price", "64600");
    told.socket(api, "order.modify", edit, Frame("UsdFutures/Trading/EditOrder")).await;
    told.socket(api, "order.cancel", about, Frame("UsdFutures/Trading/CancelOrder")).await;
    told.socket(api, "v2/account.position", symbol.clone(), Frame("UsdFutures/Trading/GetPositions")).await;
    for method in ["userDataStream.start", "userDataStream.ping"] {
        let answer = api.call(method, json!({"apiKey": "test-key"})).await;
        told.keep(
            method,
            NoTwin,
            if answer["status"] == 200 { Ok(vec![answer]) } else { Err(answer.to_string()) },
        );
    }
    told.socket(api, "v2/account.balance", json!({}), NoTwin).await;
    told.socket(api, "v2/account.status", json!({}), NoTwin).await;
    place(told.addr, "BUY", "63500", "GTC").await;
    place(told.addr, "SELL", "64500", "GTC").await;
    for (method, twin) in [
        ("depth", Ccxt("pro/binance.js:920")),
        ("ticker.price", Ccxt("pro/binance.js:2601")),
        ("ticker.book", Ccxt("pro/binance.js:2611")),
    ] {
        let answer = api.call(method, symbol.clone()).await;
        let ours = if answer["status"] == 200 { Ok(vec![answer]) } else { Err(answer.to_string()) };
        told.keep(method, twin, ours);
    }
}

const PUBLIC: &[(&str, Twin)] = &[
    ("btcusdt@bookTicker", Event("UsdFutures/BookTicker")),
    ("btcusdt@depth@100ms", Event("UsdFutures/Book")),
    ("btcusdt@depth5@100ms", Event("UsdFutures/PartialBook")),
    ("btcusdt@trade", NoTwin),
    ("!bookTicker", Event("UsdFutures/BookTicker")),
];

const MARKET: &[(&str, Twin)] = &[
    ("btcusdt@aggTrade", Event("UsdFutures/AggTrades")),
    ("btcusdt@markPrice@1s", Event("UsdFutures/MarkPrice")),
    ("btcusdt@kline_1m", Event("UsdFutures/Klines")),
    ("btcusdt_perpetual@continuousKline_1m", Event("UsdFutures/ContKlines")),
    ("btcusdt@ticker", Event("UsdFutures/Ticker")),
    ("btcusdt@miniTicker", Event("UsdFutures/MiniTicker")),
    ("!markPrice@arr@1s", Event("UsdFutures/MarkPrice")),
    ("!ticker@arr", Event("UsdFutures/Ticker")),
    ("!miniTicker@arr", Event("UsdFutures/MiniTicker")),
];

async fn by_streams(told: &mut Provoked) {
    for (path, wanted) in [("/public/stream", PUBLIC), ("/market/stream", MARKET)] {
        let names: Vec<&str> = wanted.iter().map(|(name, _)| *name).collect();
        let listen = streams(told.addr, path, &names);
        tokio::pin!(listen);
        let found = loop {
            tokio::select! {
                found = &mut listen => break found,
                () = stir(told.addr) => {}
            }
        };
        told.keep_streams(wanted, &found);
    }
}

/// A trade, and a book with two sides.
async fn stir(addr: SocketAddr) {
    place(addr, "SELL", "64100", "GTC").await;
    place(addr, "BUY", "64100", "IOC").await;
    place(addr, "BUY", "63500", "GTC").await;
    place(addr, "SELL", "64500", "GTC").await;
    // Streams of partial books look every 100 ms.
    tokio::time::sleep(std::time::Duration::from_millis(150)).await;
    client::rest(addr, "DELETE", "/fapi/v1/allOpenOrders", SYMBOL).await;
}

async fn user_events(told: &mut Provoked, user: &mut Socket) {
    client::rest(told.addr, "POST", "/fapi/v1/leverage", &format!("{SYMBOL}&leverage=11")).await;
    let config = user.wait(|event| event["e"] == "ACCOUNT_CONFIG_UPDATE").await;
    let mut events = user.take_kept();
    events.push(config);
    for (kind, twin) in [
        ("ORDER_TRADE_UPDATE", Event("UsdFutures/OrderUpdate")),
        ("TRADE_LITE", Event("UsdFutures/TradeUpdate")),
        ("ACCOUNT_UPDATE", Event("UsdFutures/AccountUpdate")),
        ("ACCOUNT_CONFIG_UPDATE", Event("UsdFutures/Leverage")),
    ] {
        told.events(kind, twin, &events, |event| event["e"] == kind);
    }
}
