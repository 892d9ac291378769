//! All recorded messages of kinds that the program reads, read by the program's own wire code. Values are not judged:
//! many fixtures contradict themselves.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;
use schemas::wire::binance::api_error::{ApiError, Classify};
use schemas::wire::binance::order::OrderAnswer;
use schemas::wire::binance::rest::{read_depth, read_time};
use schemas::wire::binance::stream::{self, StreamMessage};
use schemas::wire::binance_spot::answer::{Incoming, read as read_frame};
use schemas::wire::market::Diff;
use schemas::wire::{binance_spot, binance_usdm};
use serde_json::Value;

use crate::twins::{Twin, there};

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data")
}

fn texts(twin: Twin) -> Vec<String> {
    twin.messages().iter().map(Value::to_string).collect()
}

fn one(path: &'static str) -> String {
    texts(Twin::Endpoint(path)).remove(0)
}

#[test]
fn recorded_order_answers_are_read() {
    if !there() {
        return;
    }
    for path in [
        "Spot/Trading/PlaceOrder",
        "Spot/Trading/GetOrder",
        "Spot/Trading/CancelOrder",
        "UsdFutures/Trading/PlaceOrder",
        "UsdFutures/Trading/GetOrder",
        "UsdFutures/Trading/GetOpenOrder",
        "UsdFutures/Trading/EditOrder",
        "UsdFutures/Trading/CancelOrder",
    ] {
        let text = one(path);
        let order = OrderAnswer::read(&text).unwrap_or_else(|fault| panic!("{path}: {fault}"));
        assert!(order.status().is_some() && order.side.is_some(), "{path}: {order:?}");
    }
    for path in [
        "Spot/Trading/GetOpenOrders",
        "Spot/Trading/GetOrders",
        "UsdFutures/Trading/GetOpenOrders",
        "UsdFutures/Trading/GetOrders",
    ] {
        let text = one(path);
        let orders = OrderAnswer::read_list(&text).unwrap_or_else(|fault| panic!("{path}: {fault}"));
        assert!(!orders.is_empty(), "{path}");
    }
}

#[test]
fn recorded_ws_api_answers_are_read() {
    if !there() {
        return;
    }
    for path in ["PlaceOrder", "GetOrder", "CancelOrder"] {
        for dialect in ["Spot", "UsdFutures"] {
            let name: &'static str = format!("{dialect}/Trading/{path}").leak();
            for text in texts(Twin::Socket(name)) {
                let Ok(Incoming::Answer(answer)) = read_frame(&text) else { panic!("{name}: {text}") };
                assert!(answer.is_ok(), "{name}: {answer:?}");
                let order = answer.order().unwrap_or_else(|fault| panic!("{name}: {fault}"));
                assert!(order.status().is_some(), "{name}: {order:?}");
            }
        }
    }
    for text in texts(Twin::Socket("Spot/Trading/GetOpenOrders")) {
        let Ok(Incoming::Answer(answer)) = read_frame(&text) else { panic!("{text}") };
        assert!(!answer.orders().unwrap().is_empty(), "{text}");
    }
}

#[test]
fn recorded_user_events_are_read() {
    if !there() {
        return;
    }
    for text in texts(Twin::Event("Spot/Account/Order")) {
        let framed = format!("{{\"subscriptionId\":0,\"event\":{text}}}");
        let Ok(Incoming::Event(binance_spot::event::UserEvent::Order(report))) = read_frame(&framed) else {
            panic!("{text}")
        };
        report.update().unwrap();
    }
    for text in texts(Twin::Event("Spot/Account/AccountPosition")) {
        let framed = format!("{{\"subscriptionId\":0,\"event\":{text}}}");
        let Ok(Incoming::Event(binance_spot::event::UserEvent::Balances(balances))) = read_frame(&framed)
        else {
            panic!("{text}")
        };
        assert!(!balances.is_empty());
    }
    use binance_usdm::event::UserEvent;
    let read = |path| texts(Twin::Event(path)).remove(0);
    let (order, trade, account) =
        (read("UsdFutures/OrderUpdate"), read("UsdFutures/TradeUpdate"), read("UsdFutures/AccountUpdate"));
    assert!(matches!(UserEvent::read(&order), Ok(UserEvent::Order(_))), "{order}");
    assert!(matches!(UserEvent::read(&trade), Ok(UserEvent::Trade(_))), "{trade}");
    assert!(matches!(UserEvent::read(&account), Ok(UserEvent::Positions(_))), "{account}");
    for other in [
        "Leverage",
        "MultiAssetMode",
        "GridUpdate",
        "StrategyUpdate",
        "AlgoOrderUpdate",
        "ConditionalTrigger",
    ] {
        let path: &'static str = format!("UsdFutures/{other}").leak();
        let text = read(path);
        assert!(matches!(UserEvent::read(&text), Ok(UserEvent::Ignored { .. })), "{text}");
    }
}

#[test]
fn recorded_rest_answers_are_read() {
    if !there() {
        return;
    }
    assert!(read_time(&one("Spot/ExchangeData/GetServerTime")).unwrap() > 0);
    assert!(read_time(&one("UsdFutures/ExchangeData/GetServerTime")).unwrap() > 0);
    // The fixture of Spot's has a rate limit without fields; the wire recordings are whole.
    let spot = texts(Twin::Wire("cf-binance-spot-20211011", "BINANCE.0.gz", "api/v3/exchangeInfo")).remove(0);
    assert!(binance_spot::rest::read_exchange_info(&spot).unwrap().symbols.len() > 1000);
    let usdm = texts(Twin::Wire("cf-binance-usdm-20210722", "BINANCE_FUTURES.0.gz", "fapi/v1/exchangeInfo"))
        .remove(0);
    assert_eq!(binance_usdm::rest::read_exchange_info(&usdm, &["BTCUSDT"]).unwrap().symbols.len(), 1);
    let text = one("UsdFutures/ExchangeData/GetExchangeInfo");
    let name =
        Twin::Endpoint("UsdFutures/ExchangeData/GetExchangeInfo").messages()[0]["symbols"][0]["symbol"]
            .clone();
    let usdm = binance_usdm::rest::read_exchange_info(&text, &[name.as_str().unwrap()]).unwrap();
    assert!(!usdm.symbols.is_empty());
    read_depth(&one("UsdFutures/ExchangeData/GetOrderBook")).unwrap();
    assert!(!binance_usdm::rest::read_positions(&one("UsdFutures/Trading/GetPositions")).unwrap().is_empty());
    binance_usdm::rest::read_mark_price(&one("UsdFutures/ExchangeData/GetMarkPrice")).unwrap();
}

#[test]
fn every_stream_message_of_the_wire_recordings_is_read() {
    if !there() {
        return;
    }
    for (path, least) in [
        ("cf-binance-spot-20210404/BINANCE-ee25be.0.gz", 1000),
        ("cf-binance-spot-20211011/BINANCE.ws.1.0.gz", 10),
        ("cf-binance-usdm-20210722/BINANCE_FUTURES.ws.1.0.gz", 100),
        ("cf-binance-spot-20211011/BINANCE.http.0.0.gz", 4),
        ("cf-binance-usdm-20210722/BINANCE_FUTURES.http.0.0.gz", 4),
    ] {
        let (mut read, mut diff) = (0, Diff::default());
        for line in BufReader::new(MultiGzDecoder::new(File::open(data().join(path)).unwrap())).lines() {
            let line = line.unwrap();
            let Some((place, body)) =
                line.split_once(": {").map(|(place, body)| (place, format!("{{{body}")))
            else {
                continue;
            };
            if place.contains("/depth?") {
                read_depth(&body).unwrap_or_else(|fault| panic!("{path} {place}: {fault}"));
                read += 1;
            } else if body.starts_with("{\"stream\"") {
                let message =
                    stream::read(&body, &mut diff).unwrap_or_else(|fault| panic!("{path} {place}: {fault}"));
                assert!(!matches!(message, StreamMessage::Subscribed { .. }), "{body}");
                read += 1;
            }
        }
        assert!(read >= least, "{path}: {read} messages");
    }
}

#[test]
fn recorded_error_bodies_are_read() {
    if !there() {
        return;
    }
    let file = BufReader::new(File::open(data().join("fixtures-ccxt/error_bodies.jsonl")).unwrap());
    let mut read = 0;
    for line in file.lines() {
        let row: Value = serde_json::from_str(&line.unwrap()).unwrap();
        let Some(code) = row["body"]["code"].as_i64().filter(|_| row["venue"] == "binance") else { continue };
        let body = row["body"].to_string();
        for classify in [binance_spot::api_error::classify as Classify, binance_usdm::api_error::classify] {
            let error = ApiError::read(classify, 400, &body, "");
            assert_eq!(error.code, code, "{body}");
        }
        read += 1;
    }
    assert!(read > 50, "{read}");
}
