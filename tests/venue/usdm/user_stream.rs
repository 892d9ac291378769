//! What an account is told, and by which addresses.

use self_trader::clock::Clock;
use self_trader::simulator::{self, VenueOptions};
use serde_json::{Value, json};

use super::{api, asked, limit, listen_key, named, order_event, pair};
use crate::client::{Socket, http, venue};

#[tokio::test]
async fn a_pair_is_told_whole() {
    let venue = venue();
    let key = listen_key(venue.addr()).await;
    let mut user = Socket::open(venue.addr(), &format!("/ws/{key}")).await;
    let mut api = api(venue.addr()).await;
    let maker = api.good("order.place", named(limit("SELL", "65000.10", "0.002", "GTX"), "m")).await;
    let new = order_event(&mut user, "NEW").await;
    let expected = json!({
        "s": "BTCUSDT", "c": "m", "S": "SELL", "o": "LIMIT", "f": "GTX", "q": "0.002", "p": "65000.10",
        "ap": "0", "sp": "0", "x": "NEW", "X": "NEW", "i": maker["orderId"], "l": "0", "z": "0", "L": "0",
        "T": new["T"], "t": 0, "b": "0", "a": "0", "m": false, "R": false, "wt": "CONTRACT_PRICE",
        "ot": "LIMIT", "ps": "BOTH", "cp": false, "rp": "0", "pP": false, "si": 0, "ss": 0, "V": "NONE",
        "pm": "NONE", "gtd": 0, "er": "0",
    });
    assert_eq!(new, expected);
    api.good("order.place", named(limit("BUY", "65000.10", "0.002", "IOC"), "t")).await;
    for (client, is_maker) in [("m", true), ("t", false)] {
        let lite = user.wait(|event| event["e"] == "TRADE_LITE" && event["c"] == client).await;
        assert_eq!(
            (&lite["L"], &lite["l"], &lite["m"]),
            (&json!("65000.10"), &json!("0.002"), &json!(is_maker))
        );
        let trade = user.wait(|event| event["o"]["c"] == client && event["o"]["x"] == "TRADE").await;
        let trade = &trade["o"];
        assert_eq!(
            (&trade["X"], &trade["ap"], &trade["z"]),
            (&json!("FILLED"), &json!("65000.10"), &json!("0.002"))
        );
        assert_eq!((&trade["N"], &trade["n"], &trade["m"]), (&json!("USDT"), &json!("0"), &json!(is_maker)));
        assert_eq!(trade["t"], lite["t"]);
    }
}

#[tokio::test]
async fn a_position_is_told_once_for_each_command() {
    let venue = venue();
    let key = listen_key(venue.addr()).await;
    let mut user = Socket::open(venue.addr(), &format!("/usdm/ws/{key}")).await;
    let mut api = api(venue.addr()).await;
    pair(&mut api, "BUY", "100.00", "1").await;
    let update = user.wait(|event| event["e"] == "ACCOUNT_UPDATE").await;
    assert_eq!((&update["a"]["m"], &update["a"]["B"][0]["a"]), (&json!("ORDER"), &json!("USDT")));
    asked(venue.addr(), "POST", "/fapi/v1/leverage", &json!({"symbol": "BTCUSDT", "leverage": 7})).await;
    let config = user.wait(|event| event["e"] == "ACCOUNT_CONFIG_UPDATE").await;
    assert_eq!(config["ac"], json!({"s": "BTCUSDT", "l": 7}));
}

#[tokio::test]
async fn what_ends_says_why() {
    let venue = venue();
    let key = listen_key(venue.addr()).await;
    let mut user = Socket::open(venue.addr(), &format!("/ws?listenKey={key}")).await;
    let mut api = api(venue.addr()).await;
    api.good("order.place", named(limit("BUY", "100.00", "1", "IOC"), "ioc")).await;
    let expired = order_event(&mut user, "EXPIRED").await;
    assert_eq!(
        (&expired["c"], &expired["X"], &expired["er"]),
        (&json!("ioc"), &json!("EXPIRED"), &json!("2"))
    );
    let open = api.good("order.place", named(limit("BUY", "100.00", "1", "GTC"), "gtc")).await;
    let change = json!({"symbol": "BTCUSDT", "side": "BUY", "orderId": open["orderId"], "price": "99.00", "quantity": "1"});
    api.good("order.modify", change).await;
    let changed = order_event(&mut user, "AMENDMENT").await;
    assert_eq!(
        (&changed["c"], &changed["p"], &changed["X"]),
        (&json!("gtc"), &json!("99.00"), &json!("NEW"))
    );
    api.good("order.cancel", json!({"symbol": "BTCUSDT", "origClientOrderId": "gtc"})).await;
    let cancelled = order_event(&mut user, "CANCELED").await;
    assert_eq!(
        (&cancelled["c"], &cancelled["X"], &cancelled["er"]),
        (&json!("gtc"), &json!("CANCELED"), &json!("0"))
    );
}

#[tokio::test]
async fn every_address_of_a_listen_key_hears_and_events_are_chosen() {
    let venue = venue();
    let addr = venue.addr();
    let key = listen_key(addr).await;
    let mut sockets = Vec::new();
    for (path, is_wrapped) in [
        (format!("/ws/{key}"), false),
        (format!("/ws?listenKey={key}"), false),
        (format!("/usdm/ws/{key}"), false),
        (format!("/private/ws?listenKey={key}"), false),
        (format!("/private/ws?listenKey={key}&events=ORDER_TRADE_UPDATE/ACCOUNT_UPDATE"), false),
        (format!("/usdm/private/ws?listenKey={key}"), false),
        (format!("/usdm/stream?streams={key}"), true),
        (format!("/private/stream?listenKey={key}&events=ORDER_TRADE_UPDATE"), true),
    ] {
        sockets.push((Socket::open(addr, &path).await, is_wrapped, path));
    }
    let mut in_band = Socket::open(addr, "/usdm/ws").await;
    in_band.send_text(&json!({"method": "SUBSCRIBE", "params": [key], "id": 1}).to_string()).await;
    in_band.wait(|answer| answer["id"] == 1).await;
    sockets.push((in_band, false, "in band".to_owned()));
    let mut elsewhere = Socket::open(addr, &format!("/private/ws?listenKey={key}&events=TRADE_LITE")).await;
    api(addr).await.good("order.place", named(limit("BUY", "100.00", "1", "GTC"), "heard")).await;
    for (socket, is_wrapped, path) in &mut sockets {
        let event = socket.wait(|_| true).await;
        let event: &Value = if *is_wrapped { &event["data"] } else { &event };
        assert_eq!(event["o"]["c"], "heard", "{path}");
    }
    elsewhere.send_text(r#"{"method":"LIST_SUBSCRIPTIONS","id":2}"#).await;
    assert_eq!(elsewhere.wait(|_| true).await["result"], json!([key]), "no order event came before");
}

/// A key lives as long as it is told to. Tried again where the machine stood still for that long.
async fn expires() {
    for _ in 0..10 {
        let venue = simulator::start(VenueOptions { listen_key_ms: 500, ..VenueOptions::default() }).unwrap();
        let addr = venue.addr();
        let clock = Clock::start();
        let key = listen_key(addr).await;
        let mut user = Socket::open(addr, &format!("/ws/{key}")).await;
        if clock.now().mono.0 >= 500_000_000 {
            continue;
        }
        let gone = user.wait(|event| event["e"] == "listenKeyExpired").await;
        assert_eq!(gone["listenKey"], key);
        let put = http(addr, "PUT", "/fapi/v1/listenKey", Some("test-key"), "").await;
        assert_eq!((put.status, &put.body["code"]), (400, &json!(-1125)));
        assert_ne!(listen_key(addr).await, key);
        return;
    }
    panic!("the machine stands still too often");
}

#[tokio::test]
async fn a_listen_key_is_one_until_it_is_closed_or_expires() {
    expires().await;
    let venue = venue();
    let addr = venue.addr();
    let key = listen_key(addr).await;
    assert_eq!(listen_key(addr).await, key, "the same on repeat");
    let put = http(addr, "PUT", "/fapi/v1/listenKey", Some("test-key"), "").await;
    assert_eq!((put.status, &put.body["listenKey"]), (200, &json!(key)));
    let closed = http(addr, "DELETE", "/fapi/v1/listenKey", Some("test-key"), "").await;
    assert_eq!((closed.status, closed.body), (200, json!({})));
    let nobody = http(addr, "POST", "/fapi/v1/listenKey", Some("nobody"), "").await;
    assert_eq!((nobody.status, &nobody.body["code"]), (401, &json!(-2015)));
    let mut api = api(addr).await;
    let started = api.call("userDataStream.start", json!({"apiKey": "test-key"})).await;
    let pinged = api.call("userDataStream.ping", json!({"apiKey": "test-key"})).await;
    assert_eq!(started["result"], pinged["result"]);
    assert_eq!(api.call("userDataStream.stop", json!({"apiKey": "test-key"})).await["status"], 200);
}
