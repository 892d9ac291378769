//! The Binance Spot dialect: signatures against known vectors, frames, answers, events, stream messages, and
//! one clear line for whatever is wrong with them.

use std::sync::Mutex;

use schemas::ids::{ClientOrderId, Epoch, InstrumentPrefix, Leg};
use schemas::order::{OrderStatus, PositionSide, Side};
use schemas::units::{Decimal, Price, Qty};
use schemas::wire::binance::answer::Answer;
use schemas::wire::binance::api_error::{ApiError, ErrorClass};
use schemas::wire::binance::encode::{self, Account, CancelOrder, Envelope, QueryOrder, Signed, Value};
use schemas::wire::binance::limit::LimitKind;
use schemas::wire::binance::order::{OrderAnswer, Sent};
use schemas::wire::binance::request::{AboutOrder, OrderRef, PlaceKind, Sign};
use schemas::wire::binance::rest::read_depth;
use schemas::wire::binance::stream::{self, StreamMessage};
use schemas::wire::binance_spot::answer::{self, Incoming};
use schemas::wire::binance_spot::api_error::classify;
use schemas::wire::binance_spot::encode::ticker_book;
use schemas::wire::binance_spot::event::UserEvent;
use schemas::wire::binance_spot::request::{OpenOrders, PlaceOrder, SubscribeUser};
use schemas::wire::binance_spot::rest::{read_account, read_exchange_info};
use schemas::wire::market::{Diff, Level};
use schemas::wire::order_update::{Fill, OrderUpdate, Terms};
use self_trader::venue::binance::sign::HmacSigner;
use serde_json::json;

const KEY: &str = "st-maker-key";
const SECRET: &[u8] = b"selftrader-example-secret-0001";

fn signature(payload: &str) -> String {
    let mut hex = [0; 64];
    HmacSigner::new(SECRET).sign(payload.as_bytes(), &mut hex);
    String::from_utf8(hex.to_vec()).unwrap()
}

/// Keeps what was signed.
#[derive(Default)]
struct Spy(Mutex<String>);

impl Sign for Spy {
    fn sign(&self, payload: &[u8], hex_out: &mut [u8; 64]) {
        *self.0.lock().unwrap() = String::from_utf8(payload.to_vec()).unwrap();
        HmacSigner::new(SECRET).sign(payload, hex_out);
    }
}

fn our_id(sequence: u64, leg: Leg) -> ClientOrderId {
    ClientOrderId::new(InstrumentPrefix::new("main", "BTCUSDT"), Epoch::new(1), sequence, leg)
}

fn number(text: &str) -> Decimal {
    Decimal::parse(text).unwrap()
}

fn maker() -> PlaceOrder<'static> {
    PlaceOrder {
        symbol: "BTCUSDT",
        side: Side::Sell,
        kind: PlaceKind::Maker,
        price: Price::from_steps(6_500_010).text(2),
        qty: Qty::from_steps(150).text(5),
        client_id: our_id(1, Leg::Maker),
        stp_none: false,
        recv_window_ms: Some(3_000),
        timestamp_ms: 1_790_000_000_123,
    }
}

/// The frame and the payload of a request.
fn encoded<R: Signed>(request: &R, rate_limits: bool) -> (serde_json::Value, String) {
    let spy = Spy::default();
    let (mut payload, mut frame) = (String::new(), "left over".to_owned());
    let envelope = Envelope { id: 17, rate_limits };
    encode::signed(request, envelope, Account { api_key: KEY, sign: &spy }, &mut payload, &mut frame);
    let signed = spy.0.into_inner().unwrap();
    assert_eq!(payload, signed);
    (serde_json::from_str(&frame).unwrap(), signed)
}

/// Builds the payload again from the frame, as a server does.
fn payload_of(frame: &serde_json::Value) -> String {
    let mut params: Vec<(String, String)> = frame["params"]
        .as_object()
        .unwrap()
        .iter()
        .filter(|(name, _)| *name != "signature")
        .map(|(name, value)| (name.clone(), value.as_str().map_or(value.to_string(), str::to_owned)))
        .collect();
    params.sort();
    params.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
}

fn terms(side: Side, price: &str, qty: &str) -> Terms {
    Terms { side: Some(side), price: Some(number(price)), qty: Some(number(qty)) }
}

#[test]
fn the_known_signatures_come_out() {
    for (payload, expected) in [
        (
            "apiKey=st-maker-key&newClientOrderId=st1-m-0000000001&newOrderRespType=RESULT&price=65000.10&quantity=0.00150&recvWindow=3000&side=SELL&symbol=BTCUSDT&timestamp=1790000000123&type=LIMIT_MAKER",
            "76311cc906642db98b975fd4f1f834b49be5bfb033bbce3203d1f377a4c3e80e",
        ),
        (
            "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=IOC&quantity=0.00150&price=65000.10&newClientOrderId=st1-t-0000000001&recvWindow=3000&timestamp=1790000000150",
            "908f00fc62a241a990dc8b3b3f3c64b54decf3b432d1820746c61882cf5c9ad4",
        ),
        (
            "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=IOCquantity=0.00150&price=65000.10&recvWindow=3000&timestamp=1790000000150",
            "52a1a990c40048eb724c9551f1d5618632252d028bf12be0bfe72a759bda39ae",
        ),
        (
            "apiKey=st-maker-key&timestamp=1790000000200",
            "e2cb9db73564a610596119e491b9cab9fa7fa7e243fa21da00f9028c750d6c0e",
        ),
        (
            "apiKey=st-maker-key&orderId=7001&returnRateLimits=false&symbol=BTCUSDT&timestamp=1790000000500",
            "2e837d326962a885ab16e00aae8e0bab333bd7380ef18557b270dcfce739cfd5",
        ),
    ] {
        assert_eq!(signature(payload), expected, "{payload}");
    }
}

#[test]
fn a_maker_is_signed_and_sent_as_the_vector_has_it() {
    let (frame, payload) = encoded(&maker(), true);
    let vector = "apiKey=st-maker-key&newClientOrderId=ID&newOrderRespType=RESULT&price=65000.10&quantity=0.00150&recvWindow=3000&side=SELL&symbol=BTCUSDT&timestamp=1790000000123&type=LIMIT_MAKER";
    let id = our_id(1, Leg::Maker);
    assert_eq!(payload, vector.replace("ID", id.as_str()));
    assert_eq!(
        frame,
        json!({"id": 17, "method": "order.place", "params": {
            "apiKey": KEY, "newClientOrderId": id.as_str(), "newOrderRespType": "RESULT", "price": "65000.10",
            "quantity": "0.00150", "recvWindow": 3000, "side": "SELL", "symbol": "BTCUSDT",
            "timestamp": 1_790_000_000_123_i64, "type": "LIMIT_MAKER", "signature": signature(&payload),
        }})
    );
}

#[test]
fn a_taker_is_ioc_and_asks_for_its_fills() {
    let taker = PlaceOrder { kind: PlaceKind::Taker, side: Side::Buy, stp_none: true, ..maker() };
    let (frame, _) = encoded(&taker, false);
    let params = &frame["params"];
    assert_eq!(params["type"], "LIMIT");
    assert_eq!(params["timeInForce"], "IOC");
    assert_eq!(params["newOrderRespType"], "FULL");
    assert_eq!(params["selfTradePreventionMode"], "NONE");
    assert_eq!(params["returnRateLimits"], false);
}

#[test]
fn cancel_and_subscription_are_the_vectors_whole() {
    let cancel = CancelOrder(AboutOrder {
        symbol: "BTCUSDT",
        order: OrderRef::Venue(7001),
        recv_window_ms: None,
        timestamp_ms: 1_790_000_000_500,
    });
    let (frame, _) = encoded(&cancel, false);
    let vector = "2e837d326962a885ab16e00aae8e0bab333bd7380ef18557b270dcfce739cfd5";
    assert_eq!((&frame["method"], &frame["params"]["signature"]), (&json!("order.cancel"), &json!(vector)));
    let subscribe = SubscribeUser { recv_window_ms: None, timestamp_ms: 1_790_000_000_200 };
    let (frame, _) = encoded(&subscribe, true);
    let vector = "e2cb9db73564a610596119e491b9cab9fa7fa7e243fa21da00f9028c750d6c0e";
    assert_eq!(frame["params"]["signature"], vector);
}

#[test]
fn every_payload_is_what_a_server_rebuilds_from_the_frame() {
    fn check<R: Signed>(request: &R, method: &str) {
        for rate_limits in [true, false] {
            let (frame, payload) = encoded(request, rate_limits);
            assert_eq!(frame["method"], method);
            assert_eq!(payload, payload_of(&frame));
        }
    }
    for recv_window_ms in [None, Some(2_500)] {
        for order in [OrderRef::Venue(9), OrderRef::Client(our_id(4, Leg::Maker))] {
            let about = AboutOrder { symbol: "ETHUSDT", order, recv_window_ms, timestamp_ms: 1 };
            check(&CancelOrder(about), "order.cancel");
            check(&QueryOrder(about), "order.status");
        }
        for (kind, stp_none) in [(PlaceKind::Maker, true), (PlaceKind::Taker, false)] {
            check(&PlaceOrder { kind, stp_none, recv_window_ms, ..maker() }, "order.place");
        }
        check(&OpenOrders { symbol: "ETHUSDT", recv_window_ms, timestamp_ms: 1 }, "openOrders.status");
        check(&SubscribeUser { recv_window_ms, timestamp_ms: 1 }, "userDataStream.subscribe.signature");
    }
}

#[test]
fn a_key_with_quotes_stays_inside_its_json_string() {
    let (mut payload, mut frame) = (String::new(), String::new());
    let key = "a\"b\\c\n";
    let account = Account { api_key: key, sign: &HmacSigner::new(SECRET) };
    encode::signed(&maker(), Envelope { id: 1, rate_limits: true }, account, &mut payload, &mut frame);
    let frame: serde_json::Value = serde_json::from_str(&frame).unwrap();
    assert_eq!(frame["params"]["apiKey"], key);
}

#[test]
fn unsigned_frames_and_signed_queries() {
    let mut frame = String::new();
    ticker_book(3, ["BTCUSDT", "ETHUSDT"].into_iter(), &mut frame);
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&frame).unwrap(),
        json!({"id": 3, "method": "ticker.book",
               "params": {"returnRateLimits": false, "symbols": ["BTCUSDT", "ETHUSDT"]}})
    );
    encode::time(4, &mut frame);
    assert_eq!(frame, r#"{"id":4,"method":"time","params":{"returnRateLimits":false}}"#);
    encode::subscribe(5, &mut ["a@bookTicker", "a@depth@100ms"].into_iter(), &mut frame);
    assert_eq!(frame, r#"{"method":"SUBSCRIBE","params":["a@bookTicker","a@depth@100ms"],"id":5}"#);
    let mut query = "/order?".to_owned();
    let order = [
        ("symbol", Value::Text("BTCUSDT")),
        ("side", Value::Text("BUY")),
        ("type", Value::Text("LIMIT")),
        ("timeInForce", Value::Text("IOC")),
        ("quantity", Value::Decimal(Qty::from_steps(150).text(5))),
        ("price", Value::Decimal(Price::from_steps(6_500_010).text(2))),
        ("newClientOrderId", Value::Text("st1-t-0000000001")),
        ("recvWindow", Value::Number(3_000)),
        ("timestamp", Value::Millis(1_790_000_000_150)),
    ];
    encode::signed_query(&order, 7, Account { api_key: KEY, sign: &HmacSigner::new(SECRET) }, &mut query);
    let vector = "&signature=908f00fc62a241a990dc8b3b3f3c64b54decf3b432d1820746c61882cf5c9ad4";
    assert!(query.ends_with(vector) && query.starts_with("/order?symbol=BTCUSDT&side=BUY"), "{query}");
}

fn answered(text: &str) -> Answer<'_> {
    match answer::read(text).unwrap() {
        Incoming::Answer(answer) => answer,
        Incoming::Event(event) => panic!("an event: {event:?}"),
    }
}

fn event(text: &str) -> UserEvent<'_> {
    match answer::read(text).unwrap() {
        Incoming::Event(event) => event,
        Incoming::Answer(answer) => panic!("an answer: {answer:?}"),
    }
}

/// A RESULT of our maker, with other values where they are given.
fn result(changes: &serde_json::Value) -> String {
    let mut order = json!({
        "symbol": "BTCUSDT", "orderId": 7001, "orderListId": -1,
        "clientOrderId": our_id(1, Leg::Maker).as_str(), "transactTime": 1_790_000_000_131_i64,
        "price": "65000.10000000", "origQty": "0.00150000", "executedQty": "0.00000000",
        "origQuoteOrderQty": "0.00000000", "cummulativeQuoteQty": "0.00000000", "status": "NEW",
        "timeInForce": "GTC", "type": "LIMIT_MAKER", "side": "SELL", "workingTime": 1_790_000_000_131_i64,
        "selfTradePreventionMode": "NONE", "somethingNew": {"deep": [1, 2]},
    });
    for (name, value) in changes.as_object().unwrap() {
        if value == "absent" {
            order.as_object_mut().unwrap().remove(name);
        } else {
            order[name] = value.clone();
        }
    }
    order.to_string()
}

fn updates(order: &str) -> Vec<OrderUpdate> {
    OrderAnswer::read(order).unwrap().updates().unwrap().collect()
}

#[test]
fn a_resting_maker_is_one_update() {
    let text = format!(
        r#"{{"id":17,"status":200,"result":{},"rateLimits":[{{"rateLimitType":"ORDERS","interval":"SECOND","intervalNum":10,"limit":50,"count":1}},{{"rateLimitType":"REQUEST_WEIGHT","interval":"MINUTE","intervalNum":1,"limit":6000,"count":22}},{{"rateLimitType":"NEW_KIND","interval":"DAY","intervalNum":1,"limit":1}}]}}"#,
        result(&json!({}))
    );
    let answer = answered(&text);
    assert_eq!(
        (answer.id, answer.status, answer.is_ok(), answer.error(classify, "")),
        (Some(17), 200, true, None)
    );
    let counts: Vec<_> = answer
        .rate_counts()
        .iter()
        .map(|limit| (limit.kind, limit.window_s, limit.limit, limit.count))
        .collect();
    assert_eq!(
        counts,
        [
            (LimitKind::Orders, 10, 50, Some(1)),
            (LimitKind::RequestWeight, 60, 6_000, Some(22)),
            (LimitKind::Other, 86_400, 1, None)
        ]
    );
    let order = answer.order().unwrap();
    assert_eq!(
        order.updates().unwrap().collect::<Vec<_>>(),
        [OrderUpdate {
            client_id: our_id(1, Leg::Maker),
            venue_order_id: 7001,
            status: OrderStatus::New,
            executed: Decimal::ZERO,
            terms: terms(Side::Sell, "65000.1", "0.0015"),
            last_fill: None,
            prevented: false,
            event_time_ms: Some(1_790_000_000_131),
        }]
    );
}

#[test]
fn each_fill_of_a_taker_is_an_update_and_the_last_has_the_end() {
    let fills = json!([
        {"price": "65000.00", "qty": "0.00050", "commission": "0", "commissionAsset": "BTC", "tradeId": 900_001},
        {"price": "65000.10", "qty": "0.00075", "commission": "0", "commissionAsset": "BTC", "tradeId": 900_002},
    ]);
    let order = result(
        &json!({"status": "EXPIRED", "executedQty": "0.00125", "fills": fills, "cummulativeQuoteQty": "81.25"}),
    );
    let updates = updates(&order);
    let told: Vec<_> =
        updates.iter().map(|u| (u.status, u.executed.to_string(), u.last_fill.unwrap())).collect();
    let fill =
        |trade_id, price, qty| Fill { trade_id, price: number(price), qty: number(qty), is_maker: false };
    assert_eq!(
        told,
        [
            (OrderStatus::PartiallyFilled, "0.00050".to_owned(), fill(900_001, "65000", "0.0005")),
            (OrderStatus::Expired, "0.00125".to_owned(), fill(900_002, "65000.1", "0.00075")),
        ]
    );
}

#[test]
fn a_cancel_is_about_the_order_that_it_cancelled() {
    let id = our_id(1, Leg::Maker);
    let order =
        result(&json!({"status": "CANCELED", "clientOrderId": "a-cancel", "origClientOrderId": id.as_str(),
        "executedQty": "0.00050000", "cummulativeQuoteQty": "32.50005000"}));
    let update = updates(&order)[0];
    assert_eq!(
        (update.client_id, update.status, update.executed),
        (id, OrderStatus::Canceled, number("0.0005"))
    );
}

#[test]
fn what_self_trade_prevention_took_is_told() {
    for changes in [
        json!({"status": "EXPIRED_IN_MATCH"}),
        json!({"status": "EXPIRED", "preventedQuantity": "0.00150000"}),
        json!({"status": "EXPIRED", "preventedMatches": [{"preventedMatchId": 31, "makerOrderId": 7005}]}),
    ] {
        assert!(updates(&result(&changes))[0].prevented, "{changes}");
    }
    assert!(!updates(&result(&json!({"status": "EXPIRED", "preventedMatches": []})))[0].prevented);
}

#[test]
fn a_list_of_open_orders_has_strangers_in_it() {
    let foreign = result(&json!({"clientOrderId": "web_1", "orderId": 5}));
    let text = format!(r#"{{"id":9,"status":200,"result":[{},{foreign}]}}"#, result(&json!({})));
    let orders = answered(&text).orders().unwrap();
    let ids: Vec<_> = orders.iter().map(|order| (order.order_id, order.client_id().is_some())).collect();
    assert_eq!(ids, [(7001, true), (5, false)]);
    assert_eq!(orders[1].client_id_text(), "web_1");
}

#[test]
fn every_faulty_answer_has_its_line() {
    let table = [
        (json!({"orderId": 0}), "ORD-004 o: outcome unknown (field orderId)"),
        (json!({"orderId": -1}), "ORD-004 o: outcome unknown (field orderId)"),
        (json!({"orderId": "7001"}), "ORD-004 o: outcome unknown (field orderId)"),
        (json!({"orderId": 9_223_372_036_854_775_808_u64}), "ORD-004 o: outcome unknown (field orderId)"),
        (json!({"orderId": "absent"}), "ORD-004 o: outcome unknown (field orderId)"),
        (json!({"status": "absent"}), "ORD-004 o: outcome unknown (field status)"),
        (json!({"status": 3}), "ORD-004 o: outcome unknown (field status)"),
        (json!({"side": "HOLD"}), "ORD-004 o: outcome unknown (field side)"),
        (json!({"price": "NaN"}), "ORD-004 o: outcome unknown (field price)"),
        (json!({"executedQty": 1}), "ORD-004 o: outcome unknown (field executedQty)"),
        (json!({"executedQty": "absent"}), "ORD-004 o: outcome unknown (field executedQty)"),
        (json!({"fills": {}}), "ORD-004 o: outcome unknown (field fills)"),
        (json!({"clientOrderId": "web_1"}), "ORD-004 o: outcome unknown (field clientOrderId)"),
        (
            json!({"executedQty": "0.00160000"}),
            "ORD-007 o: impossible fill in executedQty (got 0.00160000, want 0.00150000)",
        ),
        (
            json!({"executedQty": "-0.1"}),
            "ORD-007 o: impossible fill in executedQty (got -0.1, want 0.00150000)",
        ),
        (
            json!({"cummulativeQuoteQty": "3.1"}),
            "ORD-007 o: impossible fill in cummulativeQuoteQty (got 3.1, want 0)",
        ),
        (
            json!({"executedQty": "0.001", "fills": [{"price": "1", "qty": "0.0004", "tradeId": 1}]}),
            "ORD-007 o: impossible fill in fills (got 0.0004, want 0.001)",
        ),
        (
            json!({"executedQty": "0.001", "fills": [{"price": "1", "qty": "0.0014", "tradeId": 1}]}),
            "ORD-007 o: impossible fill in fills.qty (got 0.0014, want 0.001)",
        ),
    ];
    for (changes, line) in table {
        let text = result(&changes);
        let fault = match OrderAnswer::read(&text) {
            Ok(order) => order.updates().err().unwrap_or_else(|| panic!("{changes} passed")),
            Err(fault) => fault,
        };
        assert_eq!(fault.line("o"), line, "{changes}");
    }
    for text in ["[]", "3", "{}", "null"] {
        assert!(OrderAnswer::read(text).is_err(), "{text}");
    }
}

#[test]
fn an_answer_about_something_else_is_a_mismatch() {
    let sent = Sent {
        symbol: "BTCUSDT",
        client_id: our_id(1, Leg::Maker),
        side: Side::Sell,
        price: Price::from_steps(6_500_010).decimal(2),
        qty: Qty::from_steps(150).decimal(5),
        position_side: PositionSide::None,
        lot_decimals: 5,
    };
    assert_eq!(OrderAnswer::read(&result(&json!({}))).unwrap().check(&sent), Ok(()));
    let table = [
        (json!({"symbol": "ETHUSDT"}), "ORD-005 o: mismatch in symbol (sent BTCUSDT, got ETHUSDT)"),
        (json!({"side": "BUY"}), "ORD-005 o: mismatch in side (sent SELL, got BUY)"),
        (json!({"price": "65000.2"}), "ORD-005 o: mismatch in price (sent 65000.10, got 65000.2)"),
        (json!({"origQty": "0.0016"}), "ORD-005 o: mismatch in origQty (sent 0.00150, got 0.0016)"),
        (
            json!({"executedQty": "0.000001"}),
            "ORD-007 o: impossible fill in executedQty (got 0.000001, want 0.00150)",
        ),
    ];
    for (changes, line) in table {
        let text = result(&changes);
        let fault = OrderAnswer::read(&text).unwrap().check(&sent).unwrap_err();
        assert_eq!(fault.line("o"), line);
    }
    let other = result(&json!({"clientOrderId": our_id(2, Leg::Maker).as_str()}));
    assert_eq!(OrderAnswer::read(&other).unwrap().check(&sent).unwrap_err().code(), "ORD-005");
}

#[test]
fn a_status_that_is_not_known_is_open_and_said_aloud() {
    let text = result(&json!({"status": "PENDING_\u{7}NEW"}));
    let order = OrderAnswer::read(&text).unwrap();
    let update = order.updates().unwrap().next().unwrap();
    assert!(update.status == OrderStatus::Other && !update.status.is_final());
    let line = "ORD-006 o: unknown order status, treated as open (got PENDING_\\u{7}NEW)";
    assert_eq!(order.warning().unwrap().line("o"), line);
}

#[test]
fn frames_that_are_no_answers() {
    for text in ["", "hello", "[1]", "{", "\"x\""] {
        assert_eq!(answer::read(text).unwrap_err().code(), "ORD-002", "{text}");
    }
    assert_eq!(answer::read("{}").unwrap_err().line("a"), "ORD-004 a: outcome unknown (field status)");
    for id in ["null", "\"m-17\"", "-3", "1.5", "[1]", "{\"a\":1}"] {
        let text = format!(r#"{{"id":{id},"status":200,"result":{{}}}}"#);
        assert_eq!(answered(&text).id, None, "{id}");
    }
}

#[test]
fn refusals_are_classified() {
    let table = [
        (400, -2010, "Order would immediately match and take.", ErrorClass::WouldMatch),
        (400, -2010, "Account has insufficient balance for requested action.", ErrorClass::Balance),
        (400, -2010, "Duplicate order sent.", ErrorClass::Duplicate),
        (400, -2010, "Market is closed.", ErrorClass::MarketClosed),
        (400, -2010, "Something else.", ErrorClass::Refused),
        (400, -2011, "Unknown order sent.", ErrorClass::CancelRefused),
        (400, -2013, "Order does not exist.", ErrorClass::NoSuchOrder),
        (400, -1013, "Filter failure: LOT_SIZE", ErrorClass::Filter),
        (400, -1021, "Timestamp for this request is outside of the recvWindow.", ErrorClass::Clock),
        (400, -1022, "Signature for this request is not valid.", ErrorClass::Auth),
        (401, -2015, "Invalid API-key, IP, or permissions for action.", ErrorClass::Auth),
        (403, 0, "", ErrorClass::Auth),
        (418, -1003, "Way too much request weight used", ErrorClass::RateLimited),
        (429, -1003, "Too many requests", ErrorClass::RateLimited),
        (429, -1015, "Too many new orders", ErrorClass::OrderLimit),
        (503, -1008, "Request throttled", ErrorClass::Overloaded),
        (500, -1007, "Timeout waiting for response", ErrorClass::OutcomeUnknown),
        (400, -1006, "An unexpected response was received", ErrorClass::OutcomeUnknown),
        (502, 0, "", ErrorClass::OutcomeUnknown),
        (400, -1102, "Mandatory parameter", ErrorClass::Refused),
        (400, -1121, "Invalid symbol.", ErrorClass::NoSuchSymbol),
        (400, 0, "", ErrorClass::OutcomeUnknown),
        (400, 12_345, "new", ErrorClass::OutcomeUnknown),
    ];
    for (status, code, msg, class) in table {
        let text = json!({"id": 1, "status": status, "error": {"code": code, "msg": msg}}).to_string();
        let error = answered(&text).error(classify, "").unwrap();
        assert_eq!((error.code, error.class()), (code, class), "{status} {code} {msg}");
    }
}

/// Promise P7. Fault O18.
#[test]
fn how_long_a_venue_wants_silence_does_not_hang_on_our_clock() {
    let wait = |data: serde_json::Value, now_ms: i64| {
        let text = json!({"code": -1003, "msg": "banned", "data": data}).to_string();
        ApiError::read(classify, 418, &text, "").retry_after.map(|retry| retry.wait(now_ms).as_millis())
    };
    let (at, said) = (1_790_000_180_000_i64, 1_790_000_000_000_i64);
    for ours in [said, said - 3_600_000, said + 3_600_000, i64::MIN, i64::MAX] {
        assert_eq!(wait(json!({"serverTime": said, "retryAfter": at}), ours), Some(180_000));
    }
    assert_eq!(wait(json!({"retryAfter": at}), said), Some(181_500), "and what ours may be wrong by");
    assert_eq!(wait(json!({"serverTime": at, "retryAfter": said}), said), Some(0));
    assert_eq!(wait(json!({"serverTime": said}), said), None);
}

#[test]
fn whatever_an_error_is_it_has_one_short_clean_line() {
    let text = json!({"code": "-2010", "msg": "x".repeat(1_000_000)}).to_string();
    let error = ApiError::read(classify, 400, &text, "");
    assert_eq!((error.code, error.msg.len()), (-2010, 64 + 3));
    let text = json!({"code": -1, "msg": format!("key {KEY} \u{0}\n bad")}).to_string();
    assert_eq!(&*ApiError::read(classify, 400, &text, KEY).msg, "key *** \\u{0}\\n bad");
    let text = json!({"code": -1, "msg": format!("{}{KEY}", "x".repeat(58))}).to_string();
    assert!(
        !ApiError::read(classify, 400, &text, KEY).msg.contains("st-"),
        "no part of the key survives the cut"
    );
    for text in ["", "<html>", "[]", "\"no\"", "{\"code\":{}}", "{\"msg\":7}"] {
        assert_eq!(ApiError::read(classify, 400, text, "").class(), ErrorClass::OutcomeUnknown, "{text}");
    }
    let odd = answered(r#"{"id":1,"status":200,"error":"strange"}"#);
    assert_eq!((odd.is_ok(), odd.error(classify, "").unwrap().code), (false, 0));
}

/// A TRADE report of our maker, with other values where they are given.
fn report(changes: &serde_json::Value) -> String {
    let mut report = json!({
        "e": "executionReport", "E": 1_790_000_000_156_i64, "s": "BTCUSDT",
        "c": our_id(1, Leg::Maker).as_str(), "S": "SELL", "o": "LIMIT_MAKER", "f": "GTC", "q": "0.00150000",
        "p": "65000.10000000", "P": "0.00000000", "F": "0.00000000", "g": -1, "C": "", "x": "TRADE",
        "X": "FILLED", "r": "NONE", "i": 7001, "l": "0.00150000", "z": "0.00150000", "L": "65000.10000000",
        "n": "0.00000000", "N": "USDT", "T": 1_790_000_000_155_i64, "t": 900_001, "I": 15001, "w": false,
        "m": true, "M": true, "O": 1_790_000_000_131_i64, "Z": "97.50015000", "Y": "97.50015000",
        "Q": "0.00000000", "W": 1_790_000_000_131_i64, "V": "NONE",
    });
    for (name, value) in changes.as_object().unwrap() {
        report[name] = value.clone();
    }
    json!({"subscriptionId": 0, "event": report}).to_string()
}

#[test]
fn reports_become_updates() {
    let text = report(&json!({}));
    let UserEvent::Order(order) = event(&text) else { panic!("no order") };
    assert_eq!((&*order.symbol, order.side), ("BTCUSDT", Side::Sell));
    let filled = OrderUpdate {
        client_id: our_id(1, Leg::Maker),
        venue_order_id: 7001,
        status: OrderStatus::Filled,
        executed: number("0.0015"),
        terms: terms(Side::Sell, "65000.1", "0.0015"),
        last_fill: Some(Fill {
            trade_id: 900_001,
            price: number("65000.1"),
            qty: number("0.0015"),
            is_maker: true,
        }),
        prevented: false,
        event_time_ms: Some(1_790_000_000_156),
    };
    assert_eq!(order.update(), Ok(Some(filled)));
    let cases = [
        (
            json!({"x": "CANCELED", "X": "CANCELED", "c": "a-cancel", "C": our_id(2, Leg::Maker).as_str(),
                "l": "0", "z": "0.0005", "t": -1}),
            (our_id(2, Leg::Maker), OrderStatus::Canceled, false, false),
        ),
        (
            json!({"x": "TRADE_PREVENTION", "X": "EXPIRED_IN_MATCH", "l": "0", "z": "0", "t": -1, "A": "0.0015"}),
            (our_id(1, Leg::Maker), OrderStatus::ExpiredInMatch, false, true),
        ),
        (
            json!({"x": "NEW", "X": "NEW", "l": "0.00000000", "z": "0.00000000", "t": -1}),
            (our_id(1, Leg::Maker), OrderStatus::New, false, false),
        ),
    ];
    for (changes, expected) in cases {
        let text = report(&changes);
        let UserEvent::Order(order) = event(&text) else { panic!("no order") };
        let update = order.update().unwrap().unwrap();
        assert_eq!((update.client_id, update.status, update.last_fill.is_some(), update.prevented), expected);
    }
}

#[test]
fn foreign_and_faulty_reports() {
    let text = report(&json!({"c": "web_1"}));
    let UserEvent::Order(order) = event(&text) else { panic!("no order") };
    assert_eq!((order.update(), order.client_id_text()), (Ok(None), "web_1"));
    let text = report(&json!({"z": "0.002"}));
    let UserEvent::Order(order) = event(&text) else { panic!("no order") };
    assert_eq!(order.update().unwrap_err().code(), "ORD-007");
    for changes in [json!({"i": 0}), json!({"i": "7001"}), json!({"z": 1}), json!({"S": "HOLD"})] {
        assert_eq!(answer::read(&report(&changes)).unwrap_err().code(), "ORD-004", "{changes}");
    }
    let text = report(&json!({"X": "PENDING_NEW", "E": null}));
    let UserEvent::Order(order) = event(&text) else { panic!("no order") };
    assert_eq!(order.warning().unwrap().code(), "ORD-006");
    assert_eq!(order.update().unwrap().unwrap().event_time_ms, None);
}

#[test]
fn other_events_are_told_apart_or_left() {
    assert!(matches!(event(r#"{"event":{"e":"serverShutdown","E":1}}"#), UserEvent::ServerShutdown));
    let ended = r#"{"subscriptionId":0,"event":{"e":"eventStreamTerminated","E":1}}"#;
    assert!(matches!(event(ended), UserEvent::StreamTerminated));
    let text = r#"{"subscriptionId":0,"event":{"e":"outboundAccountPosition","E":1,"u":1,"B":[{"a":"BTC","f":"5.0","l":"0.1"}]}}"#;
    let UserEvent::Balances(balances) = event(text) else { panic!("no balances") };
    assert_eq!(
        (&*balances[0].asset, balances[0].free, balances[0].locked),
        ("BTC", number("5"), number("0.1"))
    );
    let UserEvent::Ignored { kind } = event(r#"{"subscriptionId":0,"event":{"e":"listStatus","B":3}}"#)
    else {
        panic!("not ignored")
    };
    assert_eq!(kind, "listStatus");
}

#[test]
fn simple_results() {
    let one = answered(r#"{"id":1,"status":200,"result":{"symbol":"A","bidPrice":"1","bidQty":"2","askPrice":"0.00000000","askQty":"0.00000000"}}"#).tops().unwrap();
    assert_eq!(one[0].1.bid, Some(Level { price: number("1"), qty: number("2") }));
    assert_eq!(one[0].1.ask, None);
    let many = r#"{"id":1,"status":200,"result":[{"symbol":"A","bidPrice":"1","bidQty":"2","askPrice":"3","askQty":"4"},{"symbol":"B","bidPrice":"0","bidQty":"0","askPrice":"0","askQty":"0"}]}"#;
    assert_eq!(answered(many).tops().unwrap().len(), 2);
    let bad = r#"{"id":1,"status":200,"result":[{"symbol":"A","bidPrice":"-1","bidQty":"2","askPrice":"3","askQty":"4"}]}"#;
    assert_eq!(answered(bad).tops().unwrap_err().code(), "ORD-004");
    assert_eq!(answered(r#"{"id":1,"status":200,"result":{"subscriptionId":7}}"#).subscription_id(), Ok(7));
    assert_eq!(answered(r#"{"id":1,"status":200,"result":{"serverTime":12}}"#).server_time_ms(), Ok(12));
    assert_eq!(answered(r#"{"id":1,"status":200}"#).order().unwrap_err().code(), "ORD-004");
}

#[test]
fn stream_messages_combined_and_bare() {
    let mut diff = Diff::default();
    let data = r#"{"e":"depthUpdate","E":1790000000200,"s":"BTCUSDT","U":50011,"u":50014,"b":[["64999.90000000","0.40000000"]],"a":[["65000.10000000","0.00000000"],["65000.50000000","1.20000000"]],"new":[{}]}"#;
    let combined = format!(r#"{{"stream":"btcusdt@depth@100ms","data":{data}}}"#);
    for text in [data, combined.as_str()] {
        let message = stream::read(text, &mut diff).unwrap();
        assert_eq!(message, StreamMessage::Depth { symbol: "BTCUSDT".into() });
        assert_eq!(
            (diff.first_id, diff.last_id, diff.event_time_ms),
            (50_011, 50_014, Some(1_790_000_000_200))
        );
        assert_eq!(diff.bids, [Level { price: number("64999.9"), qty: number("0.4") }]);
        assert_eq!(diff.asks.len(), 2, "nothing is left over from before");
    }
    let data = r#"{"u":50014,"s":"BTCUSDT","b":"64999.90000000","B":"0.40000000","a":"0.00000000","A":"0.00000000"}"#;
    let combined = format!(r#"{{"stream":"btcusdt@bookTicker","data":{data}}}"#);
    for text in [data, combined.as_str()] {
        let StreamMessage::Best { symbol, best } = stream::read(text, &mut diff).unwrap() else {
            panic!("{text}")
        };
        assert_eq!((&*symbol, best.update_id, best.ask), ("BTCUSDT", 50_014, None));
        assert_eq!(best.bid, Some(Level { price: number("64999.9"), qty: number("0.4") }));
    }
    let kinds = [
        (r#"{"result":null,"id":3}"#, StreamMessage::Subscribed { id: Some(3) }),
        (r#"{"e":"serverShutdown","E":1}"#, StreamMessage::ServerShutdown),
        (r#"{"e":"trade","E":1,"s":"BTCUSDT"}"#, StreamMessage::Ignored),
        (r#"{"stream":"btcusdt@trade","data":{"e":"trade"}}"#, StreamMessage::Ignored),
    ];
    for (text, expected) in kinds {
        assert_eq!(stream::read(text, &mut diff).unwrap(), expected, "{text}");
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "one table")]
fn every_faulty_stream_message_has_its_line_and_names_its_book() {
    let depth = |bids: &str| {
        format!(
            r#"{{"stream":"btcusdt@depth@100ms","data":{{"e":"depthUpdate","s":"BTCUSDT","U":1,"u":2,"b":{bids},"a":[]}}}}"#
        )
    };
    let quote = |bid: &str| {
        format!(r#"{{"stream":"btcusdt@bookTicker","data":{{"s":"BTCUSDT","u":2,{bid},"a":"3","A":"1"}}}}"#)
    };
    let ours = Some("btcusdt");
    let table = [
        (depth(r#"[["1","1"],["2"]]"#), ours, "BOOK-003 b: malformed bids level 1"),
        (depth(r#"[["1","1","1"]]"#), ours, "BOOK-003 b: malformed bids level 0"),
        (depth(r#"[[["1"],"1"]]"#), ours, "BOOK-003 b: malformed bids level 0"),
        (depth(r"[[1,1]]"), ours, "BOOK-003 b: malformed bids level 0"),
        (depth(r#"["1","1"]"#), ours, "BOOK-003 b: malformed bids level 0"),
        (depth(r#"{"1":"1"}"#), ours, "BOOK-003 b: malformed field b"),
        (
            depth(r#"[["0","1"]]"#),
            ours,
            "BOOK-004 b: price or quantity out of range in bids level 0 (got 0 x 1)",
        ),
        (
            depth(r#"[["-1","1"]]"#),
            ours,
            "BOOK-004 b: price or quantity out of range in bids level 0 (got -1 x 1)",
        ),
        (
            depth(r#"[["1","-1"]]"#),
            ours,
            "BOOK-004 b: price or quantity out of range in bids level 0 (got 1 x -1)",
        ),
        (
            depth(r#"[["NaN","1"]]"#),
            ours,
            "BOOK-004 b: price or quantity out of range in bids level 0 (got NaN x 1)",
        ),
        (
            depth(r#"[["1e99","1"]]"#),
            ours,
            "BOOK-004 b: price or quantity out of range in bids level 0 (got 1e99 x 1)",
        ),
        (
            quote(r#""b":"-1","B":"1""#),
            ours,
            "BOOK-004 b: price or quantity out of range in bid (got -1 x 1)",
        ),
        (quote(r#""b":1,"B":"1""#), ours, "BOOK-003 b: malformed bid"),
        (quote(r#""b":"1""#), ours, "BOOK-003 b: malformed bid"),
        (
            r#"{"stream":"btcusdt@depth","data":{"s":"BTCUSDT","u":2,"b":[],"a":[]}}"#.to_owned(),
            ours,
            "BOOK-003 b: malformed field U",
        ),
        (
            r#"{"stream":"btcusdt@depth","data":{"s":"BTCUSDT","U":1,"u":-2,"b":[],"a":[]}}"#.to_owned(),
            ours,
            "BOOK-003 b: malformed field u",
        ),
        (r#"{"stream":"btcusdt@depth"}"#.to_owned(), ours, "BOOK-003 b: malformed field data"),
        (
            r#"{"stream":"btcusdt@depth","data":{"s":"ETHUSDT","U":1,"u":2,"b":[],"a":[]}}"#.to_owned(),
            ours,
            "BOOK-006 b: unexpected stream (got btcusdt@depth)",
        ),
        (
            "no json\u{1}".to_owned(),
            None,
            "BOOK-008 b: unreadable frame (got no json\\u{1}, want one JSON object as text)",
        ),
        (
            r#"{"code":2,"msg":"Invalid request","id":3}"#.to_owned(),
            None,
            "BOOK-009 b: subscribe refused: 2, Invalid request",
        ),
        (
            r#"{"error":{"code":3,"msg":"Invalid JSON"},"id":3}"#.to_owned(),
            None,
            "BOOK-009 b: subscribe refused: 3, Invalid JSON",
        ),
    ];
    let mut diff = Diff::default();
    for (text, symbol, line) in table {
        let fault = stream::read(&text, &mut diff).unwrap_err();
        assert_eq!((fault.fault.line("b").as_str(), fault.symbol.as_deref()), (line, symbol), "{text}");
    }
}

#[test]
fn rest_answers() {
    let depth =
        read_depth(r#"{"lastUpdateId":50014,"bids":[["64999.9","0.4"],["64999","1.1"]],"asks":[],"E":1}"#)
            .unwrap();
    assert_eq!((depth.last_id, depth.bids.len(), depth.asks.len()), (50_014, 2, 0));
    let faults = [
        (r#"{"bids":[],"asks":[]}"#, "BOOK-003 s: malformed field lastUpdateId"),
        (r#"{"lastUpdateId":1,"bids":[]}"#, "BOOK-003 s: malformed field asks"),
        (
            r#"{"lastUpdateId":1,"bids":[["1","1"]],"asks":[["x","1"]]}"#,
            "BOOK-004 s: price or quantity out of range in asks level 0 (got x x 1)",
        ),
    ];
    for (text, line) in faults {
        assert_eq!(read_depth(text).unwrap_err().line("s"), line);
    }
    let info = read_exchange_info(r#"{"timezone":"UTC","rateLimits":[{"rateLimitType":"RAW_REQUESTS","interval":"MINUTE","intervalNum":5,"limit":300000}],"symbols":[{"symbol":"BTCUSDT","status":"TRADING","filters":[{"filterType":"PRICE_FILTER","minPrice":"0.01","maxPrice":"1000000","tickSize":"0.01000000"},{"filterType":"LOT_SIZE","minQty":"0.00001","maxQty":"9000","stepSize":"0.00001000"},{"filterType":"NEW_FILTER","x":1},{"filterType":"NOTIONAL","minNotional":"5.0","applyMinToMarket":true}],"defaultSelfTradePreventionMode":"EXPIRE_MAKER","allowedSelfTradePreventionModes":["NONE","EXPIRE_MAKER"]}]}"#).unwrap();
    let symbol = &info.symbols[0];
    assert_eq!(
        (symbol.tick(), symbol.step(), symbol.min_notional()),
        (number("0.01"), number("0.00001"), number("5"))
    );
    assert_eq!((info.rate_limits[0].kind, info.rate_limits[0].window_s), (LimitKind::RawRequests, 300));
    assert_eq!(read_exchange_info("{}").unwrap_err().code(), "ORD-004");
    let account =
        read_account(r#"{"canTrade":true,"requireSelfTradePrevention":true,"balances":[]}"#).unwrap();
    assert!(account.can_trade && account.require_self_trade_prevention);
}
