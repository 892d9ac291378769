//! Requests that are wrong, and the venue's code and exact words for each.

use self_trader::clock;
use self_trader::simulator::{self, VenueOptions};
use serde_json::{Value, json};

use crate::client::{
    RECV_WINDOW_MS, Socket, TEST_KEY, error_of, hmac_hex, http, limit, rest, signed, venue, with,
};

const DECIMAL: &str = r"legal range is '^([0-9]{1,20})(\.[0-9]{1,20})?$'.";
const CLIENT: &str = "legal range is '^[a-zA-Z0-9-_]{1,36}$'.";
const WHOLE: &str = "legal range is '^[0-9]{1,20}$'.";

fn market(side: &str, name: &str, value: &str) -> Value {
    json!({"symbol": "BTCUSDT", "side": side, "type": "MARKET", name: value})
}

fn order() -> Value {
    limit("BUY", "100.00", "1.0", "GTC")
}

fn replace(mode: &str) -> Value {
    with(with(order(), "cancelReplaceMode", mode), "cancelOrderId", 99)
}

fn about(name: &str, value: impl Into<Value>) -> Value {
    with(json!({"symbol": "BTCUSDT"}), name, value)
}

/// Method, parameters, code, words.
type Case = (&'static str, Value, i64, String);

fn case(method: &'static str, params: Value, code: i64, words: impl Into<String>) -> Case {
    (method, params, code, words.into())
}

#[expect(clippy::too_many_lines, reason = "a table: the formatter gives each case many lines")]
fn malformed() -> Vec<Case> {
    let illegal =
        |name: &str, range: &str| format!("Illegal characters found in parameter '{name}'; {range}");
    let missing =
        |name: &str| format!("Mandatory parameter '{name}' was not sent, was empty/null, or malformed.");
    vec![
        case("order.place", with(order(), "price", "1e"), -1100, illegal("price", DECIMAL)),
        case("order.place", with(order(), "price", "-1"), -1100, illegal("price", DECIMAL)),
        case(
            "order.place",
            with(order(), "newClientOrderId", "no spaces"),
            -1100,
            illegal("newClientOrderId", CLIENT),
        ),
        case("order.status", about("orderId", "x"), -1100, illegal("orderId", WHOLE)),
        case("order.place", with(order(), "side", Value::Null), -1102, missing("side")),
        case("order.place", with(order(), "symbol", ""), -1102, missing("symbol")),
        case(
            "order.place",
            market("BUY", "recvWindow", "5000"),
            -1102,
            "Param 'quantity' or 'quoteOrderQty' must be sent, but both were empty/null!",
        ),
        case(
            "order.cancel",
            json!({"symbol": "BTCUSDT"}),
            -1102,
            "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!",
        ),
        case("order.place", with(order(), "price", ""), -1105, "Parameter 'price' was empty."),
        case("order.place", with(order(), "newClientOrderId", ""), -1118, "New client order ID was empty."),
        case("order.cancel", about("origClientOrderId", ""), -1119, "Original client order ID was empty."),
        case(
            "order.place",
            with(order(), "quoteOrderQty", "5"),
            -1106,
            "Parameter 'quoteOrderQty' sent when not required.",
        ),
        case(
            "order.place",
            with(order(), "stopPrice", "5"),
            -1106,
            "Parameter 'stopPrice' sent when not required.",
        ),
        case(
            "order.place",
            with(market("BUY", "quantity", "1"), "price", "5"),
            -1106,
            "Parameter 'price' sent when not required.",
        ),
        case(
            "order.place",
            with(market("BUY", "quantity", "1"), "timeInForce", "GTC"),
            -1106,
            "Parameter 'timeInForce' sent when not required.",
        ),
        case(
            "order.status",
            about("orderId", "99999999999999999999"),
            -1108,
            "Parameter 'orderId' overflowed.",
        ),
        case(
            "order.place",
            with(order(), "price", "100.123456789"),
            -1111,
            "Parameter 'price' has too much precision.",
        ),
        case("order.place", with(order(), "timeInForce", "GTX"), -1115, "Invalid timeInForce."),
        case("order.place", with(order(), "type", "ICEBERG"), -1116, "Invalid orderType."),
        case("order.place", with(order(), "side", "LONG"), -1117, "Invalid side."),
        case("order.place", with(order(), "symbol", "NOPE"), -1121, "Invalid symbol."),
        case("klines", with(about("interval", "7m"), "limit", 5), -1120, "Invalid interval."),
        case("exchangeInfo", json!({"symbolStatus": "OPEN"}), -1122, "Invalid symbolStatus."),
        case(
            "ticker.24hr",
            with(about("type", "MINI"), "symbolStatus", "HALT"),
            -1220,
            "The symbol's status does not match the requested symbolStatus.",
        ),
        case(
            "depth",
            about("symbolStatus", "HALT"),
            -1220,
            "The symbol's status does not match the requested symbolStatus.",
        ),
        case("ticker.24hr", about("type", "SHORT"), -1139, "Invalid ticker type."),
        case(
            "ticker",
            json!({}),
            -1102,
            "Param 'symbol' or 'symbols' must be sent, but both were empty/null!",
        ),
        case(
            "ticker",
            about("windowSize", "90m"),
            -1130,
            "Data sent for parameter 'windowSize' is not valid.",
        ),
        case(
            "ticker.book",
            json!({"symbols": ["BTCUSDT", "BTCUSDT"]}),
            -1151,
            "Symbol is present multiple times in the list.",
        ),
        case(
            "ticker.price",
            with(about("symbols", json!(["ETHUSDT"])), "limit", 1),
            -1128,
            "Combination of optional parameters invalid.",
        ),
        case(
            "allOrders",
            with(about("startTime", 0), "endTime", 86_400_001),
            -1127,
            "More than 24 hours between startTime and endTime.",
        ),
        case(
            "myTrades",
            with(about("fromId", 1), "startTime", 1),
            -1128,
            "Combination of optional parameters invalid.",
        ),
        case(
            "myPreventedMatches",
            json!({"symbol": "BTCUSDT"}),
            -1128,
            "Combination of optional parameters invalid.",
        ),
        case("trades.recent", about("limit", 0), -1130, "Data sent for parameter 'limit' is not valid."),
        case(
            "order.place",
            with(order(), "newOrderRespType", "ALL"),
            -1130,
            "Data sent for parameter 'newOrderRespType' is not valid.",
        ),
        case(
            "order.place",
            with(market("BUY", "quantity", "1"), "quoteOrderQty", "5"),
            -1128,
            "Combination of optional parameters invalid.",
        ),
        case(
            "order.place",
            with(order(), "recvWindow", "60000.001"),
            -1131,
            "recvWindow must be less than 60000.",
        ),
        case(
            "order.place",
            with(order(), "strategyType", 999_999),
            -1134,
            "`strategyType` was less than 1000000.",
        ),
        case(
            "order.cancel",
            with(about("orderId", 1), "cancelRestrictions", "NEVER"),
            -1145,
            "`cancelRestrictions` has to be either `ONLY_NEW` or `ONLY_PARTIALLY_FILLED`.",
        ),
        case("order.replace", json!({}), -1020, "This operation is not supported."),
    ]
}

fn refused() -> Vec<Case> {
    let filter = |name: &str| format!("Filter failure: {name}");
    vec![
        case("order.place", with(order(), "price", "100.001"), -1013, filter("PRICE_FILTER")),
        case("order.place", with(order(), "price", "0"), -1013, filter("PRICE_FILTER")),
        case("order.place", with(order(), "quantity", "0.0000001"), -1013, filter("LOT_SIZE")),
        case("order.place", with(order(), "quantity", "1000000001"), -1013, filter("LOT_SIZE")),
        case(
            "order.place",
            with(order(), "type", "STOP_LOSS"),
            -2010,
            "Stop loss orders are not supported for this symbol.",
        ),
        case(
            "order.place",
            with(order(), "icebergQty", "0.1"),
            -2010,
            "Iceberg orders are not supported for this symbol.",
        ),
        case(
            "order.place",
            with(with(order(), "price", "100000000"), "quantity", "900000000"),
            -2010,
            "Account has insufficient balance for requested action.",
        ),
        case("order.cancel", about("orderId", 99), -2011, "Unknown order sent."),
        case("order.status", about("orderId", 99), -2013, "Order does not exist."),
        case(
            "order.cancelReplace",
            replace("ALWAYS"),
            -1130,
            "Data sent for parameter 'cancelReplaceMode' is not valid.",
        ),
        case("order.cancelReplace", replace("STOP_ON_FAILURE"), -2022, "Order cancel-replace failed."),
        case(
            "order.amend.keepPriority",
            with(about("orderId", 99), "newQty", "1"),
            -2038,
            "Unknown order sent.",
        ),
        case(
            "userDataStream.unsubscribe",
            json!({"subscriptionId": 7}),
            -2036,
            "User Data Stream subscription not active.",
        ),
        case(
            "referencePrice",
            json!({"symbol": "BTCUSDT"}),
            -2043,
            "This symbol doesn't have a reference price.",
        ),
        case("session.logon", json!({}), -4056, "HMAC_SHA256 API key is not supported."),
    ]
}

#[tokio::test]
async fn what_is_wrong_is_told_in_the_venues_code_and_words() {
    let venue = venue();
    let mut api = Socket::api(venue.addr()).await;
    for (method, params, code, words) in malformed().into_iter().chain(refused()) {
        let shown = format!("{method} {params}");
        assert_eq!(api.refused(method, params).await, (code, words), "{shown}");
    }
}

#[tokio::test]
async fn surplus_parameters_are_refused_where_that_is_asked_for() {
    let options = VenueOptions { strict_parameters: true, ..VenueOptions::default() };
    let strict = simulator::start(options).unwrap();
    let mut api = Socket::api(strict.addr()).await;
    let words = "Not all sent parameters were read; read '11' parameter(s) but was sent '12'.";
    let surplus = with(order(), "postOnly", true);
    assert_eq!(api.refused("order.place", surplus.clone()).await, (-1104, words.to_owned()));
    api.good("order.place", order()).await;
    let lenient = venue();
    Socket::api(lenient.addr()).await.good("order.place", surplus).await;
}

#[tokio::test]
async fn rest_says_it_with_a_status_and_takes_no_name_twice() {
    let venue = venue();
    let twice = rest(venue.addr(), "GET", "/api/v3/order", "symbol=BTCUSDT&symbol=ETHUSDT&orderId=1").await;
    assert_eq!((twice.status, &twice.body["code"]), (400, &json!(-1101)));
    assert_eq!(twice.body["msg"], "Duplicate values for a parameter detected.");
    // What is in the query counts before what is in the body.
    let now = clock::wall_ms();
    let query = format!("symbol=BTCUSDT&orderId=5&recvWindow={RECV_WINDOW_MS}&timestamp={now}");
    let body = "orderId=x";
    let signature = hmac_hex("test-secret", &format!("{query}{body}"));
    let path = format!("/api/v3/order?{query}&signature={signature}");
    let both = http(venue.addr(), "GET", &path, Some("test-key"), body).await;
    assert_eq!(both.body["code"], -2013, "{}", both.body);
    let none = http(venue.addr(), "DELETE", "/api/v3/openOrders?symbol=BTCUSDT&timestamp=1", None, "").await;
    assert_eq!((none.status, &none.body["code"]), (401, &json!(-2014)));
    let depth = http(venue.addr(), "GET", "/api/v3/depth?symbol=BTCUSDT&limit=0", None, "").await;
    assert_eq!(depth.body["code"], -1130);
}

#[tokio::test]
async fn a_frame_that_is_none_is_told_so() {
    let venue = venue();
    let mut api = Socket::api(venue.addr()).await;
    for text in ["nonsense", r#"{"id":1}"#, r#"{"id":[1],"method":"time"}"#, r#"{"id":true,"method":"time"}"#]
    {
        api.send_text(text).await;
        let answer = api.wait(|message| message["status"] == 400).await;
        assert!(answer["id"].is_null(), "{answer}");
        assert_eq!(error_of(&answer), (-1135, "Invalid JSON Request.".to_owned()), "{text}");
    }
    api.send_text(r#"{"id":2,"method":"time","params":[]}"#).await;
    assert_eq!(error_of(&api.wait(|message| message["id"] == 2).await).0, -1135);
    let answer = api.call("order.place", signed(TEST_KEY, with(order(), "symbol", "NOPE"))).await;
    assert_eq!(answer["error"], json!({"code": -1121, "msg": "Invalid symbol."}));
}
