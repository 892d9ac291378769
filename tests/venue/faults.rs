//! Each fault, on and off again.

use self_trader::clock::Clock;
use serde_json::{Value, json};

use crate::client::{Socket, TEST_KEY, error_of, fault, get, http, limit, rest, signed, venue};

fn switch(fault: &str, on: bool) -> Value {
    json!({"symbol": "BTCUSDT", "fault": fault, "on": on})
}

fn on_eth(mut order: Value) -> Value {
    order["symbol"] = "ETHUSDT".into();
    order
}

#[tokio::test]
async fn a_muted_stream_loses_its_messages_until_it_is_switched_on_again() {
    let venue = venue();
    let mut api = Socket::api(venue.addr()).await;
    api.subscribe_user().await;
    let mut stream = Socket::open(venue.addr(), "/stream?streams=btcusdt@trade/btcusdt@bookTicker").await;
    stream.call("LIST_SUBSCRIPTIONS", json!([])).await;
    for muted in ["trade", "user"] {
        let mut mute = switch("mute_stream", true);
        mute["stream"] = muted.into();
        fault(venue.addr(), mute.clone()).await;
        api.good("order.place", limit("SELL", "100.00", "1", "GTX")).await;
        api.good("order.place", limit("BUY", "100.00", "1", "IOC")).await;
        // The top of the book is still told: everything before it has come.
        stream.wait(|message| message["data"]["a"] == "100.00000000").await;
        stream.wait(|message| message["data"]["A"] == "0.00000000").await;
        let trades = stream.take_kept().iter().filter(|message| message["data"]["e"] == "trade").count();
        assert_eq!(trades, usize::from(muted != "trade"));
        let silent = api.none_came(|message| message["event"]["x"] == "TRADE").await;
        assert_eq!(silent, muted == "user");
        api.take_kept();
        mute["on"] = false.into();
        fault(venue.addr(), mute).await;
    }
    api.good("order.place", limit("SELL", "100.00", "1", "GTX")).await;
    api.good("order.place", limit("BUY", "100.00", "1", "IOC")).await;
    stream.wait(|message| message["data"]["t"] == 3).await;
    assert_eq!(api.event("TRADE").await["t"], 3);
}

#[tokio::test]
async fn refused_cancels_leave_the_order_where_it_is() {
    let venue = venue();
    let mut api = Socket::api(venue.addr()).await;
    let order = api.good("order.place", limit("SELL", "100.00", "1", "GTX")).await;
    let other = api.good("order.place", on_eth(limit("SELL", "100.00", "1", "GTX"))).await;
    let cancel = json!({"symbol": "BTCUSDT", "orderId": order["orderId"]});
    fault(venue.addr(), switch("refuse_cancels", true)).await;
    let answer = api.call("order.cancel", signed(TEST_KEY, cancel.clone())).await;
    assert_eq!((answer["status"].as_i64(), error_of(&answer).0), (Some(503), -1008));
    let all = rest(venue.addr(), "DELETE", "/api/v3/openOrders", "symbol=BTCUSDT").await;
    assert_eq!((all.status, &all.body["code"]), (503, &(-1008).into()));
    assert_eq!(api.good("order.status", cancel.clone()).await["status"], "NEW");
    let elsewhere = json!({"symbol": "ETHUSDT", "orderId": other["orderId"]});
    assert_eq!(api.good("order.cancel", elsewhere).await["status"], "CANCELED");
    fault(venue.addr(), switch("refuse_cancels", false)).await;
    assert_eq!(api.good("order.cancel", cancel).await["status"], "CANCELED");
}

#[tokio::test]
async fn delayed_answers_come_later_and_their_events_at_once() {
    let venue = venue();
    let mut api = Socket::api(venue.addr()).await;
    api.subscribe_user().await;
    let mut delay = switch("delay_answers", true);
    delay["ms"] = 300.into();
    fault(venue.addr(), delay).await;
    let clock = Clock::start();
    let id = api.ask("order.place", signed(TEST_KEY, limit("SELL", "100.00", "1", "GTX"))).await;
    api.event("NEW").await;
    // A machine that stands still meanwhile may let its time come.
    let held_back = api.none_came(|message| message["id"] == id.as_str()).await;
    assert!(held_back || clock.now().mono.0 >= 300_000_000, "the answer is held back");
    assert_eq!(api.answer(&id).await["status"], 200);
    assert!(clock.now().mono.0 >= 300_000_000);
    fault(venue.addr(), switch("delay_answers", false)).await;
    api.good("order.place", limit("SELL", "100.00", "1", "GTX")).await;
}

#[tokio::test]
async fn lost_answers_are_of_requests_that_were_carried_out() {
    let venue = venue();
    let mut api = Socket::api(venue.addr()).await;
    api.subscribe_user().await;
    fault(venue.addr(), switch("lose_answers", true)).await;
    let id = api.ask("order.place", signed(TEST_KEY, limit("SELL", "100.00", "1", "GTX"))).await;
    let report = api.event("NEW").await;
    assert!(api.none_came(|message| message["id"] == id.as_str()).await);
    let open = get(venue.addr(), "/venue/totals").await;
    assert_eq!(open["open_orders"], 1);
    fault(venue.addr(), switch("lose_answers", false)).await;
    let found = api.good("order.status", json!({"symbol": "BTCUSDT", "orderId": report["i"]})).await;
    assert_eq!(found["status"], "NEW");
    assert!(api.none_came(|message| message["id"] == id.as_str()).await, "lost is lost");
}

#[tokio::test]
async fn a_stopped_book_stays_as_it_was_and_catches_up_without_a_gap() {
    let venue = venue();
    let mut api = Socket::api(venue.addr()).await;
    let mut stream =
        Socket::open(venue.addr(), "/stream?streams=btcusdt@bookTicker/btcusdt@depth@100ms").await;
    stream.call("LIST_SUBSCRIPTIONS", json!([])).await;
    api.good("order.place", limit("SELL", "100.00", "1", "GTX")).await;
    let before = stream.wait(|message| message["data"]["e"] == "depthUpdate").await;
    stream.take_kept();
    fault(venue.addr(), switch("stop_book", true)).await;
    api.good("order.place", limit("BUY", "100.00", "1", "IOC")).await;
    api.good("order.place", limit("BUY", "99.00", "2", "GTX")).await;
    let top = api.call("ticker.book", json!({"symbol": "BTCUSDT"})).await;
    assert_eq!(
        (&top["result"]["askPrice"], &top["result"]["bidPrice"]),
        (&"100.00000000".into(), &"0.00000000".into())
    );
    let depth = get(venue.addr(), "/api/v3/depth?symbol=BTCUSDT").await;
    assert_eq!((&depth["asks"], &depth["bids"]), (&json!([["100.00000000", "1.00000000"]]), &json!([])));
    // Three ticks of the depth stream, so that a diff would have come.
    let other = Socket::open(venue.addr(), "/ws/ethusdt@depth5@100ms").await;
    wait_for_ticks(other, &mut api).await;
    stream.call("LIST_SUBSCRIPTIONS", json!([])).await;
    assert_eq!(stream.take_kept(), Vec::<Value>::new());

    fault(venue.addr(), switch("stop_book", false)).await;
    let diff = stream.wait(|message| message["data"]["e"] == "depthUpdate").await["data"].clone();
    assert_eq!(diff["U"].as_u64(), before["data"]["u"].as_u64().map(|u| u + 1));
    assert_eq!(diff["a"], json!([["100.00000000", "0.00000000"]]));
    assert_eq!(diff["b"], json!([["99.00000000", "2.00000000"]]));
    let top = stream.wait(|message| message["stream"] == "btcusdt@bookTicker").await["data"].clone();
    assert_eq!((&top["b"], &top["a"]), (&"99.00000000".into(), &"0.00000000".into()));
    assert_eq!(get(venue.addr(), "/api/v3/depth?symbol=BTCUSDT").await["lastUpdateId"], diff["u"]);
}

/// Another symbol's book changes and is told, three times in a row.
async fn wait_for_ticks(mut stream: Socket, api: &mut Socket) {
    stream.call("LIST_SUBSCRIPTIONS", json!([])).await;
    for price in ["10.00", "11.00", "12.00"] {
        api.good("order.place", on_eth(limit("BUY", price, "1", "GTX"))).await;
        stream.wait(|message| message["bids"][0][0] == format!("{price}000000")).await;
    }
}

#[tokio::test]
async fn faults_are_listed_cleared_and_refused_when_unknown() {
    let venue = venue();
    let all = json!([{"fault": "lose_answers"}, {"symbol": "ETHUSDT", "fault": "delay_answers", "ms": 5}]);
    let reply = http(venue.addr(), "POST", "/venue/faults", None, &all.to_string()).await;
    let want = json!([{"fault": "lose_answers", "on": true},
        {"symbol": "ETHUSDT", "fault": "delay_answers", "on": true, "ms": 5}]);
    assert_eq!(reply.body, want);
    assert_eq!(get(venue.addr(), "/venue/faults").await, want);
    for bad in [
        "{",
        "{}",
        r#"{"fault":"flood"}"#,
        r#"{"fault":"stop_book","symbol":"NOPE"}"#,
        r#"[{"fault":"stop_book","x":1}]"#,
    ] {
        assert_eq!(http(venue.addr(), "POST", "/venue/faults", None, bad).await.status, 400, "{bad}");
    }
    assert_eq!(get(venue.addr(), "/venue/faults").await, want, "a bad request turns nothing");
    assert_eq!(http(venue.addr(), "DELETE", "/venue/faults", None, "").await.body, json!([]));
}
