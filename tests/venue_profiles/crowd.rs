//! The crowd on a venue, over its port.

use std::net::SocketAddr;
use std::time::Duration;

use schemas::units::Decimal;
use self_trader::simulator::{self, CrowdSettings, RunningVenue, SymbolSpec, VenueOptions};
use serde_json::{Value, json};

use crate::client::{Key, Socket, TEST_KEY, error_of, get, http, limit, signed};

fn crowded(change: impl FnOnce(&mut CrowdSettings)) -> RunningVenue {
    let mut settings = CrowdSettings::small();
    change(&mut settings);
    let symbols = vec![SymbolSpec::named("BTCUSDT", 2, 6), SymbolSpec::perpetual("BTCUSDT", 1, 3)];
    simulator::start(VenueOptions { crowd: Some(settings), symbols, ..VenueOptions::default() }).unwrap()
}

/// Asks until the answer is as wanted.
async fn until(addr: SocketAddr, path: &str, mut wanted: impl FnMut(&Value) -> bool) -> Value {
    for _ in 0..1_200 {
        let answer = get(addr, path).await;
        if wanted(&answer) {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("{path} never became what was wanted: {}", get(addr, path).await);
}

fn number(value: &Value) -> Decimal {
    Decimal::parse(value.as_str().unwrap()).unwrap()
}

const DEPTH: &str = "/api/v3/depth?symbol=BTCUSDT&limit=20";

async fn tell(addr: SocketAddr, body: Value) -> (u16, Value) {
    let reply = http(addr, "POST", "/venue/price", None, &body.to_string()).await;
    (reply.status, reply.body)
}

#[tokio::test]
async fn the_crowd_fills_the_book_around_the_price_it_is_told_and_goes_with_it() {
    let venue = crowded(|_| ());
    assert_eq!(get(venue.addr(), DEPTH).await["bids"], json!([]), "nobody has said a price");
    for price in ["65000.01", "65123.45", "64000"] {
        let told = json!([
            {"symbol": "BTCUSDT", "price": price},
            {"symbol": "BTCUSDT", "product": "usdm", "price": 65_000},
        ]);
        assert_eq!(tell(venue.addr(), told).await, (200, json!({"prices": 2})));
        let price = Decimal::parse(price).unwrap();
        let near = |level: &Value| {
            let (at, slack) = (number(&level[0]), 10);
            let cents = |number: Decimal| number.to_steps_exact(2).unwrap();
            (cents(at) - cents(price)).abs() <= slack
        };
        let book = until(venue.addr(), DEPTH, |book| {
            let [bids, asks] = ["bids", "asks"].map(|side| book[side].as_array().unwrap().clone());
            bids.len() >= 10 && asks.len() >= 10 && near(&bids[0]) && near(&asks[0])
        })
        .await;
        assert!(number(&book["bids"][0][0]) < number(&book["asks"][0][0]));
    }
}

#[tokio::test]
async fn strangers_trade_and_what_cannot_be_a_price_is_refused() {
    let venue = crowded(|settings| settings.takers_per_1000_s = 20_000);
    assert_eq!(tell(venue.addr(), json!({"symbol": "BTCUSDT", "price": "100"})).await.0, 200);
    until(venue.addr(), "/venue/totals", |totals| totals["trades"].as_u64() > Some(5)).await;
    for (body, words) in [
        (json!({"symbol": "NOPE", "price": "1"}), "no spot symbol NOPE"),
        (json!({"symbol": "BTCUSDT", "price": "0"}), "above zero"),
        (json!({"symbol": "BTCUSDT", "price": "cheap"}), "above zero"),
        (json!({"symbol": "BTCUSDT", "cost": "1"}), "unknown field"),
    ] {
        let (status, answer) = tell(venue.addr(), body.clone()).await;
        assert_eq!(status, 400, "{body}");
        assert!(answer["error"].as_str().unwrap().contains(words), "{answer}");
    }
    let empty = crate::client::venue();
    assert_eq!(tell(empty.addr(), json!({"symbol": "BTCUSDT", "price": "1"})).await.0, 404);
}

#[tokio::test]
async fn nobody_logs_in_as_the_crowd() {
    let venue = crowded(|_| ());
    let mut api = Socket::api(venue.addr()).await;
    for secret in ["", "test-secret"] {
        let key = Key { key: "crowd-maker", secret };
        let answer = api.call("account.status", signed(key, json!({}))).await;
        assert_eq!(error_of(&answer).0, -1022, "{answer}");
    }
    let accounts = get(venue.addr(), "/venue/accounts").await;
    assert!(accounts.to_string().contains("crowd-maker"), "its books are open: {accounts}");
}

/// Who rests at the touch is taken before the answer has been read, and is told.
#[tokio::test]
async fn a_maker_at_the_touch_is_sniped() {
    let venue = crowded(|settings| (settings.snipe_ppm, settings.takers_per_1000_s) = (1_000_000, 0));
    tell(venue.addr(), json!({"symbol": "BTCUSDT", "price": "100.00"})).await;
    until(venue.addr(), DEPTH, |book| book["bids"].as_array().unwrap().len() >= 10).await;
    let mut api = Socket::api(venue.addr()).await;
    api.subscribe_user().await;
    // Between the question and the order the book may move by a tick: then the order does not rest at the touch.
    for _ in 0..20 {
        let book = get(venue.addr(), DEPTH).await;
        let maker = limit("BUY", book["bids"][0][0].as_str().unwrap(), "0.1", "GTX");
        api.call("order.place", signed(TEST_KEY, maker)).await;
        if !api.none_came(|message| message["event"]["x"] == "TRADE").await {
            let fill = api.event("TRADE").await;
            assert_eq!((&fill["m"], &fill["X"]), (&json!(true), &json!("FILLED")), "{fill}");
            return;
        }
    }
    panic!("of 20 makers none was sniped");
}

/// Whatever the crowd and its strangers do, the books add up, and the log of their commands gives the same venue again.
#[tokio::test]
async fn the_command_log_holds_the_crowd() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("commands.jsonl");
    let mut options = VenueOptions { crowd: Some(CrowdSettings::deep()), ..VenueOptions::default() };
    options.ledger.record = Some(log.clone());
    let venue = simulator::start(options).unwrap();
    tell(venue.addr(), json!({"symbol": "BTCUSDT", "price": "65000"})).await;
    until(venue.addr(), "/venue/totals", |totals| totals["trades"].as_u64() > Some(3)).await;
    let closing = venue.shutdown().unwrap();
    assert_eq!(closing.failure, None);
    let replayed = simulator::replay(&log, None).unwrap();
    assert_eq!(replayed.summary, closing.summary);
}
