//! What addresses and connections are limited in.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::SinkExt;
use self_trader::clock::Clock;
use self_trader::simulator::{self, Profile, RunningVenue, SymbolSpec, VenueOptions};
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use crate::client::{SOON, Socket, error_of, get, http, limit, rest, venue};

fn strict(change: impl FnOnce(&mut VenueOptions)) -> RunningVenue {
    let mut options = VenueOptions { profile: Profile::strict(), ..VenueOptions::default() };
    change(&mut options);
    simulator::start(options).unwrap()
}

/// Depth 5000 weighs 250 in a minute of 6,000: a few requests of it are too many even across a minute's end.
async fn use_up(addr: SocketAddr) -> crate::client::Reply {
    for _ in 0..60 {
        let reply = http(addr, "GET", "/api/v3/depth?symbol=BTCUSDT&limit=5000", None, "").await;
        if reply.status != 200 {
            return reply;
        }
    }
    panic!("60 times 250 fit into two minutes");
}

#[tokio::test]
async fn who_uses_up_a_minute_is_told_to_wait_and_banned_if_it_does_not() {
    let venue = strict(|_| {});
    let told = use_up(venue.addr()).await;
    let words = "Too much request weight used; current limit is 6000 request weight per 1 MINUTE. Please use \
                 WebSocket Streams for live updates to avoid polling the API.";
    assert_eq!((told.status, &told.body), (429, &json!({"code": -1003, "msg": words})));
    let seconds: i64 = told.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=61).contains(&seconds), "{seconds}");

    // Who goes on asking is banned for two minutes, over every door. A minute that ends meanwhile begins it anew.
    let mut banned = told;
    for _ in 0..100 {
        banned = http(venue.addr(), "GET", "/api/v3/depth?symbol=BTCUSDT&limit=5000", None, "").await;
        if banned.status == 418 {
            break;
        }
    }
    assert_eq!((banned.status, &banned.body["code"]), (418, &json!(-1003)));
    assert!(
        banned.body["msg"]
            .as_str()
            .unwrap()
            .starts_with("Way too much request weight used; IP banned until ")
    );
    let seconds: i64 = banned.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((60..=121).contains(&seconds), "{seconds}");
    assert_eq!(http(venue.addr(), "GET", "/fapi/v1/ping", None, "").await.status, 200, "another product");
}

#[tokio::test]
async fn a_websocket_is_told_when_it_may_ask_again() {
    let venue = strict(|options| options.weight_per_minute = Some(10));
    let mut api = Socket::api(venue.addr()).await;
    for _ in 0..3 {
        let answer = api.call("depth", json!({"symbol": "BTCUSDT", "limit": 500})).await;
        if answer["status"] == 429 {
            let data = &answer["error"]["data"];
            assert_eq!(error_of(&answer).0, -1003);
            assert!(data["retryAfter"].as_i64() > data["serverTime"].as_i64(), "{answer}");
            assert_eq!(data["retryAfter"].as_i64().unwrap() % 60_000, 0, "the minute's end");
            return;
        }
    }
    panic!("three requests of 25 fit into 10, even across a minute's end");
}

#[tokio::test]
async fn every_answer_says_what_has_been_used() {
    let venue = venue();
    let order = "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&price=100&quantity=1";
    let placed = rest(venue.addr(), "POST", "/api/v3/order", order).await;
    for name in ["x-mbx-used-weight", "x-mbx-used-weight-1m", "x-mbx-order-count-10s", "x-mbx-order-count-1d"]
    {
        assert!(placed.headers[name].to_str().unwrap().parse::<u64>().unwrap() > 0, "{name}");
    }
    let asked = http(venue.addr(), "GET", "/api/v3/nothing", None, "").await;
    assert_eq!((asked.status, &asked.body["code"]), (404, &json!(-1020)));
    let limits = get(venue.addr(), "/api/v3/exchangeInfo").await["rateLimits"].clone();
    assert!(limits.as_array().unwrap().iter().all(|limit| limit["count"].is_null()), "{limits}");
    let strict = strict(|_| {});
    let limits = get(strict.addr(), "/api/v3/exchangeInfo").await["rateLimits"].clone();
    assert_eq!(
        limits[3],
        json!({"rateLimitType": "RAW_REQUESTS", "interval": "MINUTE", "intervalNum": 5, "limit": 300_000})
    );
}

#[tokio::test]
async fn a_first_fill_gives_orders_back() {
    let venue = venue();
    let mut api = Socket::api(venue.addr()).await;
    let count = |answer: &serde_json::Value| answer["rateLimits"][0]["count"].as_u64().unwrap();
    let mut before = Vec::new();
    for (side, life) in [("SELL", "GTX"), ("SELL", "GTX"), ("SELL", "GTX"), ("BUY", "IOC")] {
        let order = crate::client::signed(crate::client::TEST_KEY, limit(side, "100.00", "1", life));
        before.push(count(&api.call("order.place", order).await));
    }
    let after = api.good("account.rateLimits.orders", json!({})).await;
    let after = after[0]["count"].as_u64().unwrap();
    assert!(after < *before.iter().max().unwrap() || after == 0, "{before:?} then {after}");
}

#[tokio::test]
async fn a_stream_connection_that_talks_too_much_is_cut() {
    let venue = strict(|_| {});
    let mut streams = Socket::open(venue.addr(), "/ws").await;
    // All in one write: one after the other, the connection may end before the last.
    for id in 0..12 {
        let text = format!(r#"{{"method":"LIST_SUBSCRIPTIONS","id":{id}}}"#);
        streams.raw().feed(Message::text(text)).await.unwrap();
    }
    streams.raw().flush().await.unwrap();
    tokio::time::timeout(SOON, streams.closed()).await.expect("twelve messages in a second are too many");
}

#[tokio::test]
async fn a_connection_has_only_so_many_streams() {
    let venue = venue();
    let mut streams = Socket::open(venue.addr(), "/ws").await;
    let names: Vec<_> = (0..1_025).map(|at| format!("symbol{at}@trade")).collect();
    streams.send_text(&json!({"method": "SUBSCRIBE", "params": names, "id": 1}).to_string()).await;
    assert_eq!(streams.wait(|message| message["id"] == 1).await["code"], 2);
    streams.send_text(&json!({"method": "LIST_SUBSCRIPTIONS", "id": "two"}).to_string()).await;
    let listed = streams.wait(|message| message["id"] == "two").await;
    assert_eq!(listed["result"].as_array().unwrap().len(), 1_024);
}

#[tokio::test]
async fn a_connection_ends_with_its_life() {
    let venue = strict(|options| options.connection_life = Duration::from_millis(200));
    let clock = Clock::start();
    let mut api = Socket::api(venue.addr()).await;
    tokio::time::timeout(SOON, api.closed()).await.expect("it was to live for 200 ms");
    assert!(clock.now().mono.0 >= 200_000_000, "and no shorter");
}

#[tokio::test]
async fn a_venue_that_goes_away_says_so_first() {
    let venue = venue();
    let mut api = Socket::api(venue.addr()).await;
    let mut streams = Socket::open(venue.addr(), "/ws/btcusdt@trade").await;
    api.call("ping", json!({})).await;
    tokio::task::spawn_blocking(move || venue.shutdown()).await.unwrap();
    assert!(api.wait(|message| message["event"]["e"] == "serverShutdown").await["event"]["E"].is_i64());
    assert!(streams.wait(|message| message["e"] == "serverShutdown").await["E"].is_i64());
    tokio::time::timeout(SOON, api.closed()).await.expect("and then it is gone");
}

/// A client that keeps 500 books on one connection asks about all their tops at once; only the tickers of a window
/// are limited to 100 symbols.
#[tokio::test]
async fn a_question_about_tops_may_name_hundreds_of_symbols() {
    let names: Vec<String> = (0..500).map(|at| format!("S{at:03}USDT")).collect();
    let symbols = names.iter().map(|name| SymbolSpec::named(name, 2, 6)).collect();
    let venue = simulator::start(VenueOptions { symbols, ..VenueOptions::default() }).unwrap();
    let mut api = Socket::api(venue.addr()).await;
    let told = api.good("ticker.book", json!({"symbols": names})).await;
    assert_eq!(told.as_array().unwrap().len(), names.len());
    let (code, _) = api.refused("ticker", json!({"symbols": names})).await;
    assert!(code < 0, "{code}");
}
