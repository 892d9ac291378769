//! Faults of the whole venue, of symbols, and their time line.

use self_trader::simulator::faults::FaultScript;
use self_trader::simulator::{self, VenueOptions};
use serde_json::json;

use crate::client::{Socket, get, http, limit, venue, with};
use crate::faults_support::{applied, clear, switch, until};

#[tokio::test]
async fn a_halted_symbol_refuses_orders_and_lets_cancels_through() {
    let venue = venue();
    let mut api = Socket::api(venue.addr()).await;
    let order = api.good("order.place", limit("SELL", "100.00", "1", "GTX")).await;
    switch(venue.addr(), json!({"fault": "halt", "symbol": "BTCUSDT", "status": "BREAK"})).await;
    let info = get(venue.addr(), "/api/v3/exchangeInfo?symbol=BTCUSDT").await;
    assert_eq!(info["symbols"][0]["status"], "BREAK");
    let refused = api.refused("order.place", limit("SELL", "100.00", "1", "GTX")).await;
    assert_eq!(refused, (-2010, "Market is closed.".to_owned()));
    assert_eq!(applied(venue.addr(), "halt").await, 1);
    api.good("order.place", with(limit("SELL", "100.00", "1", "GTX"), "symbol", "ETHUSDT")).await;
    api.good("order.cancel", json!({"symbol": "BTCUSDT", "orderId": order["orderId"]})).await;
    clear(venue.addr()).await;
    api.good("order.place", limit("SELL", "100.00", "1", "GTX")).await;
    let info = get(venue.addr(), "/api/v3/exchangeInfo?symbol=BTCUSDT").await;
    assert_eq!(info["symbols"][0]["status"], "TRADING");
}

#[tokio::test]
async fn changed_filters_bind_at_once_and_are_told_later() {
    let venue = venue();
    let mut api = Socket::api(venue.addr()).await;
    let tick = async || {
        let info = get(venue.addr(), "/api/v3/exchangeInfo?symbol=BTCUSDT").await;
        info["symbols"][0]["filters"][0]["tickSize"].as_str().unwrap().to_owned()
    };
    let change = json!({"fault": "change_filters", "symbol": "BTCUSDT", "tick_size": "0.05", "step_size": "0.1",
        "min_notional": "20", "announce_ms": 600_000});
    switch(venue.addr(), change.clone()).await;
    assert_eq!(tick().await, "0.01000000", "not told yet");
    for (price, qty) in [("100.01", "1"), ("100.05", "1.05"), ("100.05", "0.1")] {
        assert_eq!(
            api.refused("order.place", limit("SELL", price, qty, "GTX")).await.0,
            -1013,
            "{price} {qty}"
        );
    }
    api.good("order.place", limit("SELL", "100.05", "0.2", "GTX")).await;
    assert_eq!(applied(venue.addr(), "change_filters").await, 4);
    // The same with less time takes its place.
    switch(venue.addr(), with(change, "announce_ms", 500)).await;
    until("it is told", async || tick().await == "0.05000000").await;
    clear(venue.addr()).await;
    assert_eq!(tick().await, "0.01000000");
    api.good("order.place", limit("SELL", "100.01", "0.15", "GTX")).await;
}

#[tokio::test]
async fn the_monthly_reset_takes_everything_but_the_keys() {
    let venue = venue();
    let mut api = Socket::api(venue.addr()).await;
    api.subscribe_user().await;
    let order = api.good("order.place", limit("SELL", "100.00", "1", "GTX")).await;
    api.good("order.place", limit("BUY", "100.00", "0.5", "IOC")).await;
    api.event("TRADE").await;
    api.call("ping", json!({})).await;
    api.take_kept();
    let mut streams =
        Socket::open(venue.addr(), "/stream?streams=btcusdt@trade/btcusdt@depth@100ms/btcusdt@bookTicker")
            .await;
    streams.call("LIST_SUBSCRIPTIONS", json!([])).await;
    let key = json!({"apiKey": "test-key", "asset": "BTC", "amount": "5"}).to_string();
    assert_eq!(http(venue.addr(), "POST", "/venue/deposit", None, &key).await.status, 200);
    api.event("balanceUpdate").await;
    api.call("ping", json!({})).await;
    api.take_kept();
    switch(venue.addr(), json!({"fault": "reset_venue"})).await;
    let about = json!({"symbol": "BTCUSDT", "orderId": order["orderId"]});
    assert_eq!(api.refused("order.status", about.clone()).await.0, -2013);
    assert_eq!(api.refused("order.cancel", about).await.0, -2011);
    assert_eq!(api.good("openOrders.status", json!({})).await, json!([]));
    assert_eq!(api.good("myTrades", json!({"symbol": "BTCUSDT"})).await, json!([]));
    let depth = get(venue.addr(), "/api/v3/depth?symbol=BTCUSDT").await;
    assert_eq!((&depth["bids"], &depth["asks"]), (&json!([]), &json!([])));
    assert!(api.none_came(|message| !message["event"].is_null()).await, "nobody is told");
    let klines = get(venue.addr(), "/api/v3/klines?symbol=BTCUSDT&interval=1m").await;
    assert_eq!(klines, json!([]));
    let day = get(venue.addr(), "/api/v3/ticker/24hr?symbol=BTCUSDT").await;
    assert_eq!((&day["count"], &day["volume"]), (&json!(0), &json!("0.00000000")));
    let again = api.good("order.place", limit("SELL", "100.00", "1", "GTX")).await;
    assert_eq!(again["orderId"], 1, "numbers begin again");
    let account = api.good("account.status", json!({})).await;
    let balance =
        account["balances"].as_array().unwrap().iter().find(|own| own["asset"] == "BTC").unwrap().clone();
    assert_eq!(
        (&balance["free"], &balance["locked"]),
        (&"999999999999.00000000".into(), &"1.00000000".into())
    );
    assert_eq!(http(venue.addr(), "POST", "/venue/check", None, "").await.status, 200);

    let bought = api.good("order.place", limit("BUY", "100.00", "1", "IOC")).await;
    assert_eq!((&bought["orderId"], &bought["fills"][0]["tradeId"]), (&json!(2), &json!(1)));
    assert_eq!(api.event("TRADE").await["t"], 1, "a subscription lives on");
    assert_eq!(streams.wait(|message| message["data"]["e"] == "trade").await["data"]["t"], 1);
    let top = streams.wait(|message| message["stream"] == "btcusdt@bookTicker").await["data"].clone();
    assert_eq!((&top["u"], &top["a"]), (&json!(1), &json!("100.00000000")));
    let diff = streams.wait(|message| message["data"]["e"] == "depthUpdate").await["data"].clone();
    assert_eq!(diff["U"], 1, "its numbers begin again, too");
    let totals = get(venue.addr(), "/venue/totals").await;
    assert_eq!((&totals["orders"], &totals["trades"]), (&json!(4), &json!(2)), "counts go on");
    assert_eq!(totals["symbols"]["BTCUSDT"]["volume"], "1.50000000");
    assert_eq!(http(venue.addr(), "POST", "/venue/check", None, "").await.status, 200);
}

#[tokio::test]
async fn a_script_begins_and_ends_faults_by_itself_and_the_event_log_tells_it() {
    // The first stays until it has struck, however late the test asks.
    let script = "{\"at\": \"0.1s\", \"for\": \"10m\", \"fault\": \"reject\", \"symbol\": \"BTCUSDT\", \"count\": 1}\n\
                  # every half second\n\
                  {\"at\": \"0.1s\", \"every\": \"500ms\", \"for\": \"100ms\", \"fault\": \"halt\", \"symbol\": \"ETHUSDT\"}\n";
    let options = VenueOptions { faults: FaultScript::parse(script).unwrap(), ..VenueOptions::default() };
    let venue = simulator::start(options).unwrap();
    let mut api = Socket::api(venue.addr()).await;
    let log = async || get(venue.addr(), "/venue/events").await.to_string();
    let began = |log: &str, fault: &str| log.matches("began #").count() > 0 && log.contains(fault);
    until("it is on", async || {
        get(venue.addr(), "/venue/faults")
            .await
            .as_array()
            .unwrap()
            .iter()
            .any(|fault| fault["fault"] == "reject")
    })
    .await;
    assert_eq!(api.refused("openOrders.status", json!({"symbol": "BTCUSDT"})).await.0, -1008);
    until("it is over", async || {
        !get(venue.addr(), "/venue/faults")
            .await
            .as_array()
            .unwrap()
            .iter()
            .any(|fault| fault["fault"] == "reject")
    })
    .await;
    api.good("openOrders.status", json!({"symbol": "BTCUSDT"})).await;
    assert!(began(&log().await, "reject"));
    until("its end is told", async || log().await.contains("\\\"applied\\\":1")).await;
    until("it comes again", async || log().await.matches("began #").count() >= 3).await;
    until("it ends each time", async || log().await.matches("ended #").count() >= 3).await;
}

#[tokio::test]
async fn a_fault_of_the_api_ends_by_itself_or_begins_later() {
    let venue = venue();
    let on = async || get(venue.addr(), "/venue/faults").await.as_array().unwrap().len();
    // The answer tells what is on at that moment: a later one may come when it is over, or has begun.
    let told = switch(venue.addr(), json!({"fault": "lose_answers", "for_ms": 200})).await;
    assert_eq!(told.as_array().unwrap().len(), 1);
    until("it is over", async || on().await == 0).await;
    let later = json!([{"fault": "lose_answers", "at": "100ms"}, {"fault": "lose_answers", "at": "10m"}]);
    assert_eq!(switch(venue.addr(), later).await, json!([]));
    until("it began", async || on().await == 1).await;
    clear(venue.addr()).await;
}

#[tokio::test]
async fn what_cannot_be_is_refused_in_one_line_and_turns_nothing() {
    let venue = venue();
    for (bad, code) in [
        (r#"{"fault":"flood"}"#, "FLT-001"),
        (r#"[{"fault":"halt"},{"fault":"lose_answers","ms":1}]"#, "FLT-002 entry 2"),
        (r#"{"fault":"halt","symbol":"NOPE"}"#, "FLT-003"),
        (r#"{"fault":"lose_answers","account":"nobody"}"#, "FLT-003"),
        (r#"{"fault":"change_filters","tick_size":"0.0001"}"#, "FLT-003"),
    ] {
        let reply = http(venue.addr(), "POST", "/venue/faults", None, bad).await;
        assert_eq!(reply.status, 400, "{bad}");
        let words = reply.body["msg"].as_str().unwrap();
        assert!(words.starts_with(code) && !words.contains('\n'), "{bad}: {words}");
    }
    assert_eq!(get(venue.addr(), "/venue/faults").await, json!([]));
}

#[test]
fn a_bad_script_ends_the_command_with_one_line() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("faults.jsonl");
    for (script, code) in [
        (
            "{\"fault\":\"halt\"}\n{\"fault\":\"halt\",\"ms\":1}\n",
            "FLT-002 line 2: ms: means nothing to halt",
        ),
        ("{\"fault\":\"halt\",\"symbol\":\"NOPE\"}\n", "FLT-003 entry 1: symbol"),
        ("{", "FLT-001 line 1"),
    ] {
        std::fs::write(&path, script).unwrap();
        let run = std::process::Command::new(env!("CARGO_BIN_EXE_self-trader"))
            .args(["venue", "--faults", path.to_str().unwrap()])
            .output()
            .unwrap();
        let words = String::from_utf8(run.stderr).unwrap();
        assert_eq!(run.status.code(), Some(2), "{words}");
        assert!(words.contains(code) && words.trim_end().lines().count() == 1, "{words}");
    }
}
