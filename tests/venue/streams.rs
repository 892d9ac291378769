//! Market streams and user data.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::client::{Socket, get, limit, venue};

/// A book kept by the rules for clients: snapshot, then diffs without a gap.
#[derive(Default)]
struct Book {
    id: u64,
    levels: BTreeMap<(String, String), String>,
}

impl Book {
    fn of(snapshot: &Value) -> Self {
        let mut book = Self { id: snapshot["lastUpdateId"].as_u64().unwrap(), ..Self::default() };
        book.set("bids", &snapshot["bids"]);
        book.set("asks", &snapshot["asks"]);
        book
    }

    fn set(&mut self, side: &str, levels: &Value) {
        for level in levels.as_array().unwrap() {
            let key = (side.to_owned(), level[0].as_str().unwrap().to_owned());
            match level[1].as_str().unwrap() {
                "0.00000000" => drop(self.levels.remove(&key)),
                qty => drop(self.levels.insert(key, qty.to_owned())),
            }
        }
    }

    /// The first diff after a snapshot must begin right after it: the venue tells its diffs first.
    fn apply(&mut self, diff: &Value) {
        assert_eq!(diff["U"].as_u64().unwrap(), self.id + 1, "a gap: {diff}");
        self.id = diff["u"].as_u64().unwrap();
        self.set("bids", &diff["b"]);
        self.set("asks", &diff["a"]);
    }
}

async fn snapshot(addr: SocketAddr) -> Value {
    get(addr, "/api/v3/depth?symbol=BTCUSDT&limit=5000").await
}

/// Orders that build a book up, take some of it, and cancel some.
async fn trade(api: &mut Socket, round: u32) {
    for step in 0..20_u32 {
        let price = format!("{}.{:02}", 100 + (step + round) % 5, step % 7);
        let life = ["GTC", "IOC", "GTC", "GTX"][usize::try_from((step + round) % 4).unwrap()];
        let side = if (step / 2 + round).is_multiple_of(3) { "SELL" } else { "BUY" };
        let order = crate::client::signed(crate::client::TEST_KEY, limit(side, &price, "1.5", life));
        api.call("order.place", order).await;
    }
    let open = api.good("openOrders.status", json!({"symbol": "BTCUSDT"})).await;
    for order in open.as_array().unwrap().iter().step_by(3) {
        let cancel = json!({"symbol": "BTCUSDT", "orderId": order["orderId"]});
        api.good("order.cancel", cancel).await;
    }
}

#[tokio::test]
async fn depth_diffs_join_the_snapshot_without_a_gap_and_lead_to_the_same_book() {
    let venue = venue();
    let mut api = Socket::api(venue.addr()).await;
    trade(&mut api, 0).await;
    for name in ["btcusdt@depth@100ms", "btcusdt@depth"] {
        let mut stream = Socket::open(venue.addr(), &format!("/ws/{name}")).await;
        // Subscribed for sure once a request on the same connection is answered.
        stream.call("LIST_SUBSCRIPTIONS", json!([])).await;
        trade(&mut api, 1).await;
        let mut book = Book::of(&snapshot(venue.addr()).await);
        let begun_at = book.id;
        for round in 2..5 {
            trade(&mut api, round).await;
            let now = snapshot(venue.addr()).await["lastUpdateId"].as_u64().unwrap();
            while book.id < now {
                let diff = stream.wait(|message| message["e"] == "depthUpdate").await;
                if diff["u"].as_u64().unwrap() > begun_at {
                    book.apply(&diff);
                }
            }
            assert_eq!(book.levels, Book::of(&snapshot(venue.addr()).await).levels, "{name}");
        }
    }
}

#[tokio::test]
async fn trades_and_the_top_of_the_book_are_told_at_once() {
    let venue = venue();
    let mut api = Socket::api(venue.addr()).await;
    let path = "/stream?streams=btcusdt@trade/btcusdt@aggTrade/btcusdt@bookTicker/ethusdt@trade";
    let mut stream = Socket::open(venue.addr(), path).await;
    stream.call("LIST_SUBSCRIPTIONS", json!([])).await;
    api.good("order.place", limit("SELL", "100.00", "1", "GTX")).await;
    let top = stream.wait(|message| message["stream"] == "btcusdt@bookTicker").await["data"].clone();
    let want = json!({"u": 1, "s": "BTCUSDT", "b": "0.00000000", "B": "0.00000000",
        "a": "100.00000000", "A": "1.00000000"});
    assert_eq!(top, want);
    api.good("order.place", limit("SELL", "100.00", "2", "GTX")).await;
    api.good("order.place", limit("SELL", "101.00", "3", "GTX")).await;
    api.good("order.place", limit("BUY", "101.00", "4", "IOC")).await;
    for (id, price, qty) in [
        (1, "100.00000000", "1.00000000"),
        (2, "100.00000000", "2.00000000"),
        (3, "101.00000000", "1.00000000"),
    ] {
        let trade = stream.wait(|message| message["stream"] == "btcusdt@trade").await["data"].clone();
        assert_eq!((trade["t"].as_u64(), trade["m"].as_bool()), (Some(id), Some(false)));
        assert_eq!((trade["p"].as_str(), trade["q"].as_str()), (Some(price), Some(qty)));
    }
    for (first, last, qty) in [(1, 2, "3.00000000"), (3, 3, "1.00000000")] {
        let trade = stream.wait(|message| message["stream"] == "btcusdt@aggTrade").await["data"].clone();
        assert_eq!((trade["f"].as_u64(), trade["l"].as_u64()), (Some(first), Some(last)));
        assert_eq!(trade["q"], qty);
    }
    let asked = get(venue.addr(), "/api/v3/aggTrades?symbol=BTCUSDT").await;
    assert_eq!((&asked[0]["q"], &asked[1]["q"]), (&"3.00000000".into(), &"1.00000000".into()));
    stream
        .wait(|message| message["data"]["a"] == "101.00000000" && message["data"]["A"] == "2.00000000")
        .await;
}

#[tokio::test]
async fn streams_are_chosen_while_connected_on_any_path() {
    let venue = venue();
    let mut api = Socket::api(venue.addr()).await;
    let mut stream = Socket::open(venue.addr(), "/stream/ws/0").await;
    stream.send_text(r#"{"method":"SET_PROPERTY","params":["combined",false],"id":1}"#).await;
    stream.wait(|message| *message == json!({"result": null, "id": 1})).await;
    stream
        .send_text(r#"{"method":"SUBSCRIBE","params":["btcusdt@trade","nope@trade","btcusdt@depth5@100ms"],"id":"s"}"#)
        .await;
    stream.wait(|message| *message == json!({"result": null, "id": "s"})).await;
    let listed = stream.call("LIST_SUBSCRIPTIONS", json!([])).await;
    assert_eq!(listed["result"], json!(["btcusdt@trade", "nope@trade", "btcusdt@depth5@100ms"]));
    api.good("order.place", limit("SELL", "100.00", "1", "GTX")).await;
    let top = stream.wait(|message| message["asks"][0][0] == "100.00000000").await;
    assert_eq!((&top["lastUpdateId"], &top["bids"]), (&1.into(), &json!([])));
    api.good("order.place", limit("BUY", "100.00", "1", "IOC")).await;
    stream.wait(|message| message["e"] == "trade" && message["t"] == 1).await;

    stream.call("UNSUBSCRIBE", json!(["btcusdt@trade"])).await;
    api.good("order.place", limit("SELL", "100.00", "1", "GTX")).await;
    api.good("order.place", limit("BUY", "100.00", "1", "IOC")).await;
    stream.call("LIST_SUBSCRIPTIONS", json!([])).await;
    assert!(stream.take_kept().iter().all(|message| message["e"] != "trade"));
    for (request, code) in [
        (r#"{"method":"DANCE","id":2}"#, 2),
        (r#"{"method":"SUBSCRIBE","params":"btcusdt@trade","id":2}"#, 1),
        (r#"{"method":"SET_PROPERTY","params":["x",true],"id":2}"#, 0),
        ("{", 3),
    ] {
        stream.send_text(request).await;
        assert_eq!(stream.wait(|message| message["code"].is_u64()).await["code"], code, "{request}");
    }
}

#[tokio::test]
async fn an_accounts_events_come_on_every_connection_that_asks_for_them() {
    let venue = venue();
    let mut api = Socket::api(venue.addr()).await;
    let mut listener = Socket::api(venue.addr()).await;
    listener.subscribe_user().await;
    let order = api.good("order.place", limit("BUY", "100.00", "1", "GTC")).await;
    let report = listener.event("NEW").await;
    assert_eq!((&report["i"], &report["w"], &report["t"]), (&order["orderId"], &true.into(), &(-1).into()));
    let position = listener.event("outboundAccountPosition").await;
    assert_eq!(position["B"], json!([{"a": "USDT", "f": "999999999900.00000000", "l": "100.00000000"}]));
    let cancel = json!({"symbol": "BTCUSDT", "orderId": order["orderId"], "newClientOrderId": "bye"});
    api.good("order.cancel", cancel).await;
    let report = listener.event("CANCELED").await;
    assert_eq!((&report["c"], &report["C"]), (&"bye".into(), &order["clientOrderId"]));
    assert!(api.none_came(|message| message["event"]["e"] == "executionReport").await, "it did not ask");
}
