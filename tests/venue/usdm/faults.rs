//! Faults that only USD-M has, and how it refuses what others touch.

use std::net::SocketAddr;

use serde_json::{Value, json};

use super::{api, asked, limit, listen_key, named, order_event, pair, refused};
use crate::client::{SOON, Socket, get, http, venue, with};
use crate::faults_support::{applied, clear, switch, until};

#[tokio::test]
async fn a_listen_key_ends_before_its_time_and_another_can_be_made() {
    let venue = venue();
    let addr = venue.addr();
    let key = listen_key(addr).await;
    let mut user = Socket::open(addr, &format!("/ws/{key}")).await;
    let mut api = api(addr).await;
    api.good("order.place", named(limit("BUY", "90.00", "1", "GTC"), "before")).await;
    assert_eq!(order_event(&mut user, "NEW").await["c"], "before");
    switch(addr, json!({"fault": "expire_listen_key", "account": "test-key"})).await;
    let gone = user.wait(|event| event["e"] == "listenKeyExpired").await;
    assert_eq!(gone["listenKey"], key);
    let put = http(addr, "PUT", "/fapi/v1/listenKey", Some("test-key"), "").await;
    assert_eq!((put.status, &put.body["code"]), (400, &json!(-1125)));

    let other = listen_key(addr).await;
    assert_ne!(other, key);
    let mut again = Socket::open(addr, &format!("/ws/{other}")).await;
    api.good("order.place", named(limit("BUY", "90.00", "1", "GTC"), "after")).await;
    assert_eq!(order_event(&mut again, "NEW").await["c"], "after");
    user.send_text(r#"{"method":"LIST_SUBSCRIPTIONS","id":2}"#).await;
    user.wait(|answer| answer["id"] == 2).await;
    let heard = user.take_kept();
    assert!(!heard.iter().any(|event| event["o"]["c"] == "after"), "{heard:?}");
}

/// In its own order the maker comes before its taker and both trade; in another the taker finds nothing.
#[tokio::test]
async fn a_batch_is_worked_through_in_another_order_as_long_as_it_lasts() {
    async fn takers(addr: SocketAddr, count: usize) -> Vec<Value> {
        let mut all = Vec::new();
        for _ in 0..count {
            let pair = [limit("SELL", "100.00", "1", "GTC"), limit("BUY", "100.00", "1", "IOC")];
            let params = json!({"batchOrders": Value::from(pair.to_vec()).to_string()});
            let answers = asked(addr, "POST", "/fapi/v1/batchOrders", &params).await;
            assert_eq!(answers[0]["side"], "SELL", "answered in the order of the request");
            all.push(answers[1]["status"].clone());
            asked(addr, "DELETE", "/fapi/v1/allOpenOrders", &json!({"symbol": "BTCUSDT"})).await;
        }
        all
    }
    let venue = venue();
    let addr = venue.addr();
    switch(addr, json!({"fault": "shuffle_batch", "account": "test-key"})).await;
    let shuffled = takers(addr, 12).await;
    assert!(shuffled.iter().any(|status| status == "EXPIRED"), "{shuffled:?}");
    assert!(shuffled.iter().any(|status| status == "FILLED"), "{shuffled:?}");
    assert_eq!(applied(addr, "shuffle_batch").await, 12);
    clear(addr).await;
    assert!(takers(addr, 4).await.iter().all(|status| status == "FILLED"));
    let named = json!({"fault": "shuffle_batch", "symbol": "BTCUSDT"}).to_string();
    assert_eq!(http(addr, "POST", "/venue/faults", None, &named).await.status, 400);
}

#[tokio::test]
async fn a_mark_price_jumps_and_stands_until_the_next_trade() {
    let venue = venue();
    let addr = venue.addr();
    let mut api = api(addr).await;
    let mark = async || {
        let index = get(addr, "/fapi/v1/premiumIndex?symbol=BTCUSDT").await;
        index["markPrice"].as_str().unwrap().to_owned()
    };
    let mut other = Socket::open(addr, "/market/ws/ethusdt@markPrice@1s").await;
    pair(&mut api, "BUY", "100.00", "1").await;
    until("it follows the trade", async || mark().await == "100.00000000").await;
    switch(addr, json!({"fault": "jump_mark", "symbol": "BTCUSDT", "jump_ppm": -250_000})).await;
    assert_eq!(mark().await, "75.00000000");
    // Marks are looked after once a second, just before they are told.
    for _ in 0..2 {
        let told = other.wait(|event| event["e"] == "markPriceUpdate").await;
        assert_ne!(told["p"], "75.00000000", "another symbol's mark does not jump");
    }
    assert_eq!(mark().await, "75.00000000");
    pair(&mut api, "BUY", "100.00", "1").await;
    until("the next trade takes it back", async || mark().await == "100.00000000").await;
}

#[tokio::test]
async fn a_halted_symbol_refuses_orders_in_the_dialects_own_words_and_lets_cancels_through() {
    let venue = venue();
    let addr = venue.addr();
    let mut api = api(addr).await;
    let open = api.good("order.place", limit("SELL", "100.00", "1", "GTX")).await;
    let about = json!({"symbol": "BTCUSDT", "orderId": open["orderId"]});
    let change = with(with(with(about.clone(), "side", "SELL"), "price", "101.00"), "quantity", "1");
    for (status, told, code, words) in [
        ("HALT", "PENDING_TRADING", -4140, "Invalid symbol status for opening position."),
        ("BREAK", "CLOSE", -4141, "Symbol is closed."),
    ] {
        let halt = json!({"fault": "halt", "symbol": "BTCUSDT", "product": "usdm", "status": status});
        switch(addr, halt).await;
        let info = get(addr, "/fapi/v1/exchangeInfo").await;
        assert_eq!(info["symbols"][0]["status"], told);
        let refusal = (code, words.to_owned());
        assert_eq!(api.refused("order.place", limit("SELL", "100.00", "1", "GTX")).await, refusal);
        assert_eq!(api.refused("order.modify", change.clone()).await, refusal, "it might trade");
        let order = limit("SELL", "100.00", "1", "GTX");
        assert_eq!(refused(addr, "POST", "/fapi/v1/order", &order).await, refusal);
        let items = json!({"batchOrders": Value::from(vec![order]).to_string()});
        let answers = asked(addr, "POST", "/fapi/v1/batchOrders", &items).await;
        assert_eq!(answers[0]["code"], code);
        assert!(applied(addr, "halt").await >= 2, "orders that came meanwhile are counted");
        api.good("order.place", with(limit("SELL", "100.00", "1", "GTX"), "symbol", "ETHUSDT")).await;
    }
    let spot = get(addr, "/api/v3/exchangeInfo?symbol=BTCUSDT").await;
    assert_eq!(spot["symbols"][0]["status"], "TRADING", "Spot's namesake is another symbol");
    assert_eq!(api.good("order.cancel", about).await["status"], "CANCELED");
    clear(addr).await;
    api.good("order.place", limit("SELL", "100.00", "1", "GTX")).await;
}

#[tokio::test]
async fn the_monthly_reset_ends_positions_timers_and_listen_keys() {
    let venue = venue();
    let addr = venue.addr();
    let key = listen_key(addr).await;
    let mut user = Socket::open(addr, &format!("/ws/{key}")).await;
    let mut trades = Socket::open(addr, "/public/ws/btcusdt@trade").await;
    let mut api = api(addr).await;
    pair(&mut api, "BUY", "100.00", "2").await;
    let mut shown = trades.wait(|event| event["e"] == "trade").await;
    assert_eq!(shown["t"], 1);
    let count = |symbol: &str, ms: u32| json!({"symbol": symbol, "countdownTime": ms});
    asked(addr, "POST", "/fapi/v1/countdownCancelAll", &count("BTCUSDT", 1_000)).await;
    let began = self_trader::clock::Clock::start();
    switch(addr, json!({"fault": "reset_venue"})).await;
    assert_eq!(user.wait(|event| event["e"] == "listenKeyExpired").await["listenKey"], key);
    assert_eq!(asked(addr, "GET", "/fapi/v3/positionRisk", &json!({})).await, json!([]));
    let klines = get(addr, "/fapi/v1/klines?symbol=BTCUSDT&interval=1m").await;
    assert_eq!(klines, json!([]));
    let day = get(addr, "/fapi/v1/ticker/24hr?symbol=BTCUSDT").await;
    assert_eq!((&day["count"], &day["volume"]), (&json!(0), &json!("0.000")));
    assert_ne!(listen_key(addr).await, key);

    let after = api.good("order.place", named(limit("BUY", "90.00", "1", "GTC"), "after")).await;
    assert_eq!(after["orderId"], 1);
    pair(&mut api, "BUY", "100.00", "1").await;
    shown = trades.wait(|event| event["e"] == "trade").await;
    assert_eq!(shown["t"], 1, "the stream goes on, and numbers begin again");
    // The timer from before would be over when a later one is.
    api.good("order.place", with(limit("BUY", "90.00", "1", "GTC"), "symbol", "ETHUSDT")).await;
    let left = 1_100_u32.saturating_sub(u32::try_from(began.now().mono.0 / 1_000_000).unwrap()).max(1);
    asked(addr, "POST", "/fapi/v1/countdownCancelAll", &count("ETHUSDT", left)).await;
    let open = async |symbol: &str| {
        asked(addr, "GET", "/fapi/v1/openOrders", &json!({"symbol": symbol})).await.as_array().unwrap().len()
    };
    tokio::time::timeout(SOON, until("the later one", async || open("ETHUSDT").await == 0)).await.unwrap();
    assert_eq!(open("BTCUSDT").await, 1, "the earlier one was stopped");
    assert_eq!(http(addr, "POST", "/venue/check", None, "").await.status, 200);
    let totals = get(addr, "/venue/totals").await;
    assert_eq!(totals["products"]["usdm"]["symbols"]["BTCUSDT"]["trades"], 2, "counts go on");
}
