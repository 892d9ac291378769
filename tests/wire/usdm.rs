//! The Binance USD-M dialect: frames, answers, events, refusals.

use schemas::ids::{ClientOrderId, Epoch, InstrumentPrefix, Leg};
use schemas::order::{OrderStatus, PositionSide, Side};
use schemas::units::{Decimal, Price, Qty};
use schemas::wire::binance::answer::{self, Incoming};
use schemas::wire::binance::api_error::{ApiError, ErrorClass};
use schemas::wire::binance::encode::{self, Account, Envelope, Value};
use schemas::wire::binance::order::{OrderAnswer, Sent};
use schemas::wire::binance::request::{PlaceKind, Sign};
use schemas::wire::binance_usdm::api_error::classify;
use schemas::wire::binance_usdm::event::UserEvent;
use schemas::wire::binance_usdm::request::{PlaceOrder, ticker_book};
use schemas::wire::binance_usdm::rest::{
    read_account_config, read_exchange_info, read_listen_key, read_mark_price, read_positions,
};
use schemas::wire::order_update::{Fill, OrderUpdate, Terms};
use self_trader::venue::binance::sign::HmacSigner;
use serde_json::{Value as Json, json};

const KEY: &str = "st-maker-key";
const SECRET: &[u8] = b"selftrader-example-secret-0001";

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
        position_side: PositionSide::Short,
        kind: PlaceKind::Maker,
        price: Price::from_steps(650_001).text(1),
        qty: Qty::from_steps(2).text(3),
        client_id: our_id(1, Leg::Maker),
        stp_none: true,
        recv_window_ms: Some(3_000),
        timestamp_ms: 1_790_000_000_123,
    }
}

/// The frame of a place, and what was signed.
fn placed(order: PlaceOrder<'_>) -> (Json, String) {
    let signer = HmacSigner::new(SECRET);
    let (mut payload, mut frame) = (String::new(), String::new());
    let account = Account { api_key: KEY, sign: &signer };
    encode::signed(&order, Envelope { id: 17, rate_limits: false }, account, &mut payload, &mut frame);
    (serde_json::from_str(&frame).unwrap(), payload)
}

fn terms(side: Side, price: &str, qty: &str) -> Terms {
    Terms { side: Some(side), price: Some(number(price)), qty: Some(number(qty)) }
}

#[test]
fn the_known_signatures_of_rest_come_out() {
    let signer = HmacSigner::new(SECRET);
    let account = Account { api_key: KEY, sign: &signer };
    let mut query = String::new();
    let params = [
        ("symbol", Value::Word("BTCUSDT")),
        ("countdownTime", Value::Number(60_000)),
        ("recvWindow", Value::Number(3_000)),
        ("timestamp", Value::Millis(1_790_000_000_400)),
    ];
    encode::signed_query(&params, 0, account, &mut query);
    let (_, signature) = query.split_once("&signature=").unwrap();
    assert_eq!(signature, "8c2696e004a06451f2de840b2058816ca178f7ff4def5121d351e89939509dda");
}

#[test]
fn a_maker_is_gtx_with_its_position_side_and_signed_as_it_is_sent() {
    let (frame, payload) = placed(maker());
    let id = our_id(1, Leg::Maker);
    assert_eq!(
        payload,
        format!(
            "apiKey={KEY}&newClientOrderId={id}&newOrderRespType=RESULT&positionSide=SHORT&price=65000.1&\
             quantity=0.002&recvWindow=3000&returnRateLimits=false&selfTradePreventionMode=NONE&side=SELL&\
             symbol=BTCUSDT&timeInForce=GTX&timestamp=1790000000123&type=LIMIT"
        )
    );
    let mut hex = [0; 64];
    signer().sign(payload.as_bytes(), &mut hex);
    assert_eq!(
        frame,
        json!({"id": 17, "method": "order.place", "params": {
            "apiKey": KEY, "newClientOrderId": id.as_str(), "newOrderRespType": "RESULT",
            "positionSide": "SHORT", "price": "65000.1", "quantity": "0.002", "recvWindow": 3000,
            "returnRateLimits": false, "selfTradePreventionMode": "NONE", "side": "SELL",
            "symbol": "BTCUSDT", "timeInForce": "GTX", "timestamp": 1_790_000_000_123_i64, "type": "LIMIT",
            "signature": std::str::from_utf8(&hex).unwrap(),
        }})
    );
}

fn signer() -> HmacSigner {
    HmacSigner::new(SECRET)
}

#[test]
fn a_taker_is_ioc_and_one_way_needs_no_side() {
    let order = PlaceOrder { kind: PlaceKind::Taker, position_side: PositionSide::None, ..maker() };
    let (frame, _) = placed(PlaceOrder { stp_none: false, ..order });
    let params = &frame["params"];
    assert_eq!((&params["timeInForce"], &params["type"]), (&json!("IOC"), &json!("LIMIT")));
    assert_eq!((params.get("positionSide"), params.get("selfTradePreventionMode")), (None, None));
    let both = placed(PlaceOrder { position_side: PositionSide::Both, ..order }).0;
    assert_eq!(both["params"]["positionSide"], "BOTH");
}

#[test]
fn one_top_is_asked_for_by_name_and_several_as_all() {
    let mut frame = String::new();
    ticker_book(7, ["BTCUSDT"].into_iter(), &mut frame);
    let of_one: Json = serde_json::from_str(&frame).unwrap();
    assert_eq!(of_one["params"], json!({"returnRateLimits": false, "symbol": "BTCUSDT"}));
    ticker_book(8, ["BTCUSDT", "ETHUSDT"].into_iter(), &mut frame);
    let of_all: Json = serde_json::from_str(&frame).unwrap();
    assert_eq!(of_all, json!({"id": 8, "method": "ticker.book", "params": {"returnRateLimits": false}}));
}

/// The order object of an answer, changed as told.
fn order(changes: &Json) -> String {
    let mut order = json!({
        "clientOrderId": our_id(1, Leg::Taker).as_str(), "cumQty": "0.002", "cumQuote": "130.0002",
        "executedQty": "0.002", "orderId": 8103, "avgPrice": "65000.10", "origQty": "0.002", "price": "65000.10",
        "reduceOnly": false, "side": "BUY", "positionSide": "LONG", "status": "FILLED", "stopPrice": "0.00",
        "closePosition": false, "symbol": "BTCUSDT", "timeInForce": "IOC", "type": "LIMIT",
        "origType": "LIMIT", "updateTime": 1_790_000_000_331_i64, "workingType": "CONTRACT_PRICE",
        "priceProtect": false, "priceMatch": "NONE", "selfTradePreventionMode": "NONE", "goodTillDate": 0,
    });
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            order.as_object_mut().unwrap().remove(name);
        } else {
            order[name] = value.clone();
        }
    }
    order.to_string()
}

fn sent() -> Sent<'static> {
    Sent {
        symbol: "BTCUSDT",
        client_id: our_id(1, Leg::Taker),
        side: Side::Buy,
        price: number("65000.1"),
        qty: number("0.002"),
        position_side: PositionSide::Long,
        lot_decimals: 18,
    }
}

#[test]
fn an_answer_tells_what_traded_and_not_in_which_trades() {
    let text = format!(r#"{{"id":17,"status":200,"result":{}}}"#, order(&json!({})));
    let Incoming::Answer(answer) = answer::read(&text).unwrap() else { panic!() };
    let order_there = answer.order().unwrap();
    order_there.check(&sent()).unwrap();
    let updates: Vec<OrderUpdate> = order_there.updates().unwrap().collect();
    assert_eq!(
        updates,
        [OrderUpdate {
            client_id: our_id(1, Leg::Taker),
            venue_order_id: 8103,
            status: OrderStatus::Filled,
            executed: number("0.002"),
            terms: terms(Side::Buy, "65000.1", "0.002"),
            last_fill: None,
            prevented: false,
            event_time_ms: Some(1_790_000_000_331),
        }]
    );
    let bare = order(&json!({"cumQuote": null, "avgPrice": null, "cumQty": null}));
    assert_eq!(OrderAnswer::read(&bare).unwrap().updates().unwrap().collect::<Vec<_>>(), updates);
}

#[test]
fn an_answer_about_another_position_or_more_than_was_sent_is_no_evidence() {
    for (changes, line) in [
        (json!({"positionSide": "SHORT"}), "ORD-005 x: mismatch in positionSide (sent LONG, got SHORT)"),
        (json!({"origQty": "0.003"}), "ORD-005 x: mismatch in origQty (sent 0.002, got 0.003)"),
        (json!({"side": "SELL"}), "ORD-005 x: mismatch in side (sent BUY, got SELL)"),
    ] {
        let text = order(&changes);
        let fault = OrderAnswer::read(&text).unwrap().check(&sent()).unwrap_err();
        assert_eq!(fault.line("x"), line);
    }
    for (changes, line) in [
        (
            json!({"executedQty": "0.003"}),
            "ORD-007 x: impossible fill in executedQty (got 0.003, want 0.002)",
        ),
        (
            json!({"executedQty": "0.000"}),
            "ORD-007 x: impossible fill in cummulativeQuoteQty (got 130.0002, want 0)",
        ),
        (json!({"status": null}), "ORD-004 x: outcome unknown (field status)"),
    ] {
        let text = order(&changes);
        let fault = OrderAnswer::read(&text).unwrap().updates().err().unwrap();
        assert_eq!(fault.line("x"), line);
    }
    for (changes, field) in [
        (json!({"orderId": -1}), "orderId"),
        (json!({"positionSide": 7}), "positionSide"),
        (json!({"executedQty": 0.002}), "executedQty"),
        (json!({"cumQuote": "x"}), "cumQuote"),
    ] {
        let text = order(&changes);
        let line = OrderAnswer::read(&text).unwrap_err().line("x");
        assert_eq!(line, format!("ORD-004 x: outcome unknown (field {field})"));
    }
}

/// An `ORDER_TRADE_UPDATE`, its order changed as told.
fn report(changes: &Json) -> String {
    let mut order = json!({
        "s": "BTCUSDT", "c": our_id(1, Leg::Taker).as_str(), "S": "BUY", "o": "LIMIT", "f": "IOC", "q": "0.002",
        "p": "65000.10", "ap": "65000.10", "sp": "0", "x": "TRADE", "X": "FILLED", "i": 8103, "l": "0.002",
        "z": "0.002", "L": "65000.10", "N": "USDT", "n": "0.05200008", "T": 1_790_000_000_331_i64,
        "t": 770_001, "b": "0", "a": "0", "m": false, "R": false, "wt": "CONTRACT_PRICE", "ot": "LIMIT",
        "ps": "LONG", "cp": false, "rp": "0", "pP": false, "si": 0, "ss": 0, "V": "NONE", "pm": "NONE",
        "gtd": 0, "er": "0",
    });
    for (name, value) in changes.as_object().unwrap() {
        order[name] = value.clone();
    }
    json!({"e": "ORDER_TRADE_UPDATE", "E": 1_790_000_000_333_i64, "T": 1_790_000_000_331_i64, "o": order})
        .to_string()
}

fn update_of(text: &str) -> OrderUpdate {
    let UserEvent::Order(report) = UserEvent::read(text).unwrap() else { panic!("{text}") };
    report.update().unwrap().unwrap()
}

#[test]
fn a_report_tells_of_the_trade() {
    let expected = OrderUpdate {
        client_id: our_id(1, Leg::Taker),
        venue_order_id: 8103,
        status: OrderStatus::Filled,
        executed: number("0.002"),
        terms: terms(Side::Buy, "65000.1", "0.002"),
        last_fill: Some(Fill {
            trade_id: 770_001,
            price: number("65000.10"),
            qty: number("0.002"),
            is_maker: false,
        }),
        prevented: false,
        event_time_ms: Some(1_790_000_000_333),
    };
    let bare = report(&json!({}));
    assert_eq!(update_of(&bare), expected);
    assert_eq!(update_of(&format!(r#"{{"stream":"key","data":{bare}}}"#)), expected, "wrapped");
    let late_kind = bare.replacen(
        r#"{"#,
        r#"{"padding":"                                                                ","#,
        1,
    );
    assert_eq!(update_of(&late_kind), expected, "whatever stands before its kind");
    let new = report(&json!({"x": "NEW", "X": "NEW", "l": "0", "z": "0", "t": 0, "L": "0"}));
    assert_eq!((update_of(&new).status, update_of(&new).last_fill), (OrderStatus::New, None));
    for (changes, status) in [
        (
            json!({"x": "EXPIRED", "X": "EXPIRED", "er": "3", "l": "0", "z": "0", "t": 0}),
            OrderStatus::Expired,
        ),
        (
            json!({"x": "EXPIRED", "X": "EXPIRED_IN_MATCH", "er": "1", "l": "0", "z": "0", "t": 0}),
            OrderStatus::ExpiredInMatch,
        ),
    ] {
        let update = update_of(&report(&changes));
        assert_eq!((update.status, update.prevented), (status, true));
    }
    let rest = report(&json!({"x": "EXPIRED", "X": "EXPIRED", "er": "2", "l": "0", "t": 0}));
    assert!(!update_of(&rest).prevented, "the rest of an IOC order merely expires");
}

#[test]
fn a_report_that_cannot_be_is_a_fault_and_one_of_others_is_none_of_ours() {
    let text = report(&json!({"c": "web_1"}));
    let UserEvent::Order(foreign) = UserEvent::read(&text).unwrap() else { panic!() };
    assert_eq!(foreign.update(), Ok(None));
    let text = report(&json!({"z": "0.003"}));
    let UserEvent::Order(much) = UserEvent::read(&text).unwrap() else { panic!() };
    let line = much.update().unwrap_err().line("x");
    assert_eq!(line, "ORD-007 x: impossible fill in z (got 0.003, want 0.002)");
    let text = report(&json!({"X": "NEW_ADL"}));
    let UserEvent::Order(odd) = UserEvent::read(&text).unwrap() else { panic!() };
    let line = odd.warning().unwrap().line("x");
    assert_eq!(line, "ORD-006 x: unknown order status, treated as open (got NEW_ADL)");
    for (text, line) in [
        (report(&json!({"i": 0})), "ORD-004 x: outcome unknown (field i)"),
        (report(&json!({"z": 1})), "ORD-004 x: outcome unknown (field ORDER_TRADE_UPDATE)"),
        ("[]".to_owned(), "ORD-002 x: outcome unknown (unreadable answer, status 0)"),
        ("{}".to_owned(), "ORD-004 x: outcome unknown (field e)"),
        (r#"{"e":"ACCOUNT_UPDATE"}"#.to_owned(), "ORD-004 x: outcome unknown (field P)"),
        (r#"{"e":"TRADE_LITE"}"#.to_owned(), "ORD-004 x: outcome unknown (field TRADE_LITE)"),
    ] {
        assert_eq!(UserEvent::read(&text).unwrap_err().line("x"), line);
    }
}

#[test]
fn a_trade_that_filled_all_of_an_order_is_as_good_as_its_report() {
    let lite = |last: &str| {
        json!({"e": "TRADE_LITE", "E": 1_790_000_000_333_i64, "T": 1, "s": "BTCUSDT", "q": "0.002",
            "p": "65000.10", "m": true, "c": our_id(1, Leg::Maker).as_str(), "S": "SELL", "L": "65000.10",
            "l": last, "t": 770_001, "i": 8101})
        .to_string()
    };
    let read = |text: &str| {
        let UserEvent::Trade(trade) = UserEvent::read(text).unwrap() else { panic!() };
        trade.update().map_err(|fault| fault.line("x"))
    };
    let update = read(&lite("0.002")).unwrap().unwrap();
    assert_eq!((update.status, update.executed), (OrderStatus::Filled, number("0.002")));
    assert!(update.last_fill.unwrap().is_maker);
    assert_eq!(read(&lite("0.001")), Ok(None), "how much has traded in all, it does not say");
    assert_eq!(
        read(&lite("0.003")),
        Err("ORD-007 x: impossible fill in l (got 0.003, want 0.002)".to_owned())
    );
}

#[test]
fn positions_and_the_end_of_the_key_are_told() {
    let text = json!({"e": "ACCOUNT_UPDATE", "E": 1, "T": 1, "a": {"m": "ORDER",
        "B": [{"a": "USDT", "wb": "1", "cw": "1", "bc": "0"}],
        "P": [{"s": "BTCUSDT", "pa": "-0.010", "ep": "1", "ps": "SHORT"}]}})
    .to_string();
    let UserEvent::Positions(positions) = UserEvent::read(&text).unwrap() else { panic!() };
    let shown = |position: &schemas::wire::binance_usdm::event::Position<'_>| {
        format!("{} {} {}", position.symbol, position.side.as_str(), position.amount())
    };
    assert_eq!(positions.iter().map(shown).collect::<Vec<_>>(), ["BTCUSDT SHORT -0.010"]);
    let expired = UserEvent::read(r#"{"e":"listenKeyExpired","E":1,"listenKey":"k"}"#).unwrap();
    assert!(matches!(expired, UserEvent::ListenKeyExpired));
    let other = UserEvent::read(r#"{"e":"MARGIN_CALL","E":1}"#).unwrap();
    assert!(matches!(other, UserEvent::Ignored { kind } if kind == "MARGIN_CALL"));
    let risk = r#"[{"symbol":"BTCUSDT","positionSide":"BOTH","positionAmt":"0.002","entryPrice":"65000.1"}]"#;
    assert_eq!(read_positions(risk).unwrap().iter().map(shown).collect::<Vec<_>>(), ["BTCUSDT BOTH 0.002"]);
}

#[test]
fn refusals_mean_what_the_dialect_says() {
    use ErrorClass::{
        Auth, Balance, CancelRefused, Clock, Duplicate, Filter, NoSuchOrder, NoSuchSymbol, OrderLimit,
        OutcomeUnknown, Overloaded, RateLimited, Refused, WouldMatch,
    };
    for (status, code, msg, class) in [
        (400, -5022, "Due to the order could not be executed as maker", WouldMatch),
        (400, -5021, "Due to the order could not be filled immediately", Refused),
        (400, -2019, "Margin is insufficient.", Balance),
        (400, -2027, "Exceeded the maximum allowable position at current leverage.", Balance),
        (400, -4061, "Order's position side does not match user's setting.", Refused),
        (400, -4164, "Order's notional must be no smaller than 100", Filter),
        (400, -4014, "Price not increased by tick size.", Filter),
        (400, -4116, "ClientOrderId is duplicated.", Duplicate),
        (400, -4015, "Client order id is not valid.", Refused),
        (400, -2021, "Order would immediately trigger.", Refused),
        (400, -2011, "Unknown order sent.", CancelRefused),
        (400, -2013, "Order does not exist.", NoSuchOrder),
        (400, -1121, "Invalid symbol.", NoSuchSymbol),
        (400, -1021, "Timestamp for this request is outside of the recvWindow.", Clock),
        (401, -2015, "Invalid API-key, IP, or permissions for action.", Auth),
        (429, -1015, "Too many new orders", OrderLimit),
        (429, -1003, "Too many requests", RateLimited),
        (418, 0, "", RateLimited),
        (503, -1008, "Request throttled by system-level protection.", Overloaded),
        (503, 0, "Service Unavailable.", Overloaded),
        (503, -1001, "Internal error; unable to process your request. Please try again.", Overloaded),
        (503, -1000, "Unknown error, please check your request or try again later.", OutcomeUnknown),
        (503, 0, "", OutcomeUnknown),
        (500, -1000, "", OutcomeUnknown),
        (408, -1007, "Timeout waiting for response from backend server.", OutcomeUnknown),
        (400, -1006, "", OutcomeUnknown),
        (400, -9999, "", OutcomeUnknown),
    ] {
        let text = json!({"code": code, "msg": msg}).to_string();
        assert_eq!(ApiError::read(classify, status, &text, "").class(), class, "{status} {code} {msg}");
    }
}

#[test]
fn the_start_reads_only_the_symbols_that_it_asks_about() {
    let text = json!({"rateLimits": [
            {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 2400},
            {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": 300}],
        "symbols": [{"symbol": "ODD", "filters": 7}, {"symbol": "BTCUSDT", "status": "TRADING", "filters": [
            {"filterType": "PRICE_FILTER", "minPrice": "0.10", "maxPrice": "1000000", "tickSize": "0.10"},
            {"filterType": "LOT_SIZE", "minQty": "0.002", "maxQty": "1000", "stepSize": "0.001"},
            {"filterType": "MARKET_LOT_SIZE", "minQty": "0.1", "maxQty": "1", "stepSize": "0.1"},
            {"filterType": "MIN_NOTIONAL", "notional": "100"}]}]})
    .to_string();
    let info = read_exchange_info(&text, &["BTCUSDT", "NONE"]).unwrap();
    let [symbol] = info.symbols.as_slice() else { panic!("{info:?}") };
    let shown =
        [symbol.tick(), symbol.step(), symbol.min_qty(), symbol.min_notional()].map(|n| n.to_string());
    assert_eq!(shown, ["0.10", "0.001", "0.002", "100"]);
    assert_eq!(info.rate_limits.len(), 2);
    assert!(read_exchange_info(&text, &["ODD"]).is_err());
    let config = read_account_config(r#"{"canTrade":true,"dualSidePosition":true,"feeTier":0}"#).unwrap();
    assert!(config.can_trade && config.dual_side_position);
    assert_eq!(read_mark_price(r#"{"symbol":"X","markPrice":"65000.10000000"}"#).unwrap(), number("65000.1"));
    assert_eq!(read_listen_key(r#"{"listenKey":"stlk01"}"#).unwrap(), "stlk01");
    for bad in [r#"{"listenKey":"a&b"}"#, r#"{"listenKey":""}"#, "{}"] {
        assert!(read_listen_key(bad).is_err(), "{bad}");
    }
}
