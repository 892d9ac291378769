//! Faults of streams and connections: what a raw client sees of each.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::StreamExt;
use self_trader::clock::Clock;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

use crate::client::{SOON, Socket, get, http, limit, venue};
use crate::faults_support::{applied, clear, connect, switch};

/// Two trades a call.
async fn trade(api: &mut Socket) {
    api.good("order.place", limit("SELL", "100.00", "1", "GTX")).await;
    api.good("order.place", limit("BUY", "100.00", "1", "IOC")).await;
}

async fn stream(addr: SocketAddr, path: &str) -> Socket {
    let mut stream = Socket::open(addr, path).await;
    stream.call("LIST_SUBSCRIPTIONS", json!([])).await;
    stream
}

#[tokio::test]
async fn dropped_diffs_leave_a_gap() {
    let venue = venue();
    let mut api = Socket::api(venue.addr()).await;
    let mut depth = stream(venue.addr(), "/ws/btcusdt@depth@100ms").await;
    api.good("order.place", limit("SELL", "100.00", "1", "GTX")).await;
    let first = depth.wait(|message| message["e"] == "depthUpdate").await;
    switch(venue.addr(), json!({"fault": "drop_messages", "stream": "depth", "count": 2})).await;
    for price in ["101.00", "102.00", "103.00"] {
        api.good("order.place", limit("SELL", price, "1", "GTX")).await;
        let update =
            get(venue.addr(), "/api/v3/depth?symbol=BTCUSDT").await["lastUpdateId"].as_u64().unwrap();
        assert!(update > first["u"].as_u64().unwrap());
    }
    let next = depth.wait(|message| message["e"] == "depthUpdate").await;
    assert_eq!(next["U"].as_u64().unwrap(), first["u"].as_u64().unwrap() + 3, "two diffs are missing");
}

#[tokio::test]
async fn messages_come_twice_late_and_in_another_order() {
    let venue = venue();
    let mut api = Socket::api(venue.addr()).await;
    let mut trades = stream(venue.addr(), "/ws/btcusdt@trade").await;
    let id = |message: &Value| message["t"].as_u64();
    switch(venue.addr(), json!({"fault": "duplicate_messages", "stream": "trade", "count": 1})).await;
    trade(&mut api).await;
    for _ in 0..2 {
        assert_eq!(id(&trades.wait(|message| message["e"] == "trade").await), Some(1));
    }
    switch(venue.addr(), json!({"fault": "reorder_messages", "stream": "trade", "count": 1})).await;
    trade(&mut api).await;
    trade(&mut api).await;
    for want in [3, 2] {
        assert_eq!(id(&trades.wait(|message| message["e"] == "trade").await), Some(want));
    }
    let clock = Clock::start();
    switch(venue.addr(), json!({"fault": "delay_messages", "stream": "trade", "ms": 300, "count": 1})).await;
    trade(&mut api).await;
    trade(&mut api).await;
    // On a machine that stood still the late one may have been due before the next was there.
    let in_time = clock.now().mono.0 < 300_000_000;
    let mut came = Vec::new();
    for _ in 0..2 {
        came.extend(id(&trades.wait(|message| message["e"] == "trade").await));
    }
    assert!(came == [5, 4] || !in_time && came == [4, 5], "{came:?}");
    assert!(clock.now().mono.0 >= 300_000_000);
    // What waits for a successor that never comes goes out when the fault ends.
    switch(venue.addr(), json!({"fault": "reorder_messages", "stream": "trade"})).await;
    trade(&mut api).await;
    switch(venue.addr(), json!({"fault": "reorder_messages", "stream": "trade", "on": false})).await;
    assert_eq!(id(&trades.wait(|message| message["e"] == "trade").await), Some(6));
}

#[tokio::test]
async fn messages_change_places_in_pairs_for_as_long_as_it_lasts() {
    let venue = venue();
    let mut api = Socket::api(venue.addr()).await;
    let mut trades = stream(venue.addr(), "/ws/btcusdt@trade").await;
    switch(venue.addr(), json!({"fault": "reorder_messages", "stream": "trade"})).await;
    for _ in 0..4 {
        trade(&mut api).await;
    }
    for want in [2, 1, 4, 3] {
        assert_eq!(trades.wait(|message| message["e"] == "trade").await["t"], want);
    }
}

#[tokio::test]
async fn numbers_are_wrong_and_books_impossible() {
    let venue = venue();
    let mut api = Socket::api(venue.addr()).await;
    let mut tops = stream(venue.addr(), "/ws/btcusdt@bookTicker").await;
    let mut depth = stream(venue.addr(), "/ws/btcusdt@depth@100ms").await;
    api.good("order.place", limit("SELL", "101.00", "2", "GTX")).await;
    tops.wait(|message| message["a"] == "101.00000000").await;
    depth.wait(|message| message["e"] == "depthUpdate").await;
    switch(venue.addr(), json!({"fault": "wrong_ids", "stream": "depth", "by": 500, "count": 1})).await;
    switch(venue.addr(), json!({"fault": "spoil_book", "stream": "bookTicker", "count": 1})).await;
    api.good("order.place", limit("BUY", "99.00", "3", "GTX")).await;
    let top = tops.wait(|_| true).await;
    assert_eq!((&top["b"], &top["a"]), (&"101.00000000".into(), &"99.00000000".into()), "crossed");
    let diff = depth.wait(|message| message["e"] == "depthUpdate").await;
    let update = get(venue.addr(), "/api/v3/depth?symbol=BTCUSDT").await["lastUpdateId"].as_u64().unwrap();
    assert_eq!(diff["u"].as_u64().unwrap(), update + 500);
}

#[tokio::test]
async fn a_book_can_be_impossible_in_four_ways() {
    for (how, bid, ask) in [
        ("crossed", ["101.00000000", "3.00000000"], "99.00000000"),
        ("locked", ["99.00000000", "3.00000000"], "99.00000000"),
        ("empty", ["0.00000000", "0.00000000"], "101.00000000"),
        ("negative", ["99.00000000", "-3.00000000"], "101.00000000"),
    ] {
        let venue = venue();
        let mut api = Socket::api(venue.addr()).await;
        let mut both = stream(venue.addr(), "/stream?streams=btcusdt@bookTicker/btcusdt@depth5@100ms").await;
        api.good("order.place", limit("SELL", "101.00", "2", "GTX")).await;
        both.wait(|message| message["data"]["a"] == "101.00000000").await;
        both.wait(|message| message["data"]["asks"][0][0] == "101.00000000").await;
        switch(venue.addr(), json!({"fault": "spoil_book", "how": how, "symbol": "BTCUSDT"})).await;
        api.good("order.place", limit("BUY", "99.00", "3", "GTX")).await;
        let top = both.wait(|message| message["stream"] == "btcusdt@bookTicker").await["data"].clone();
        assert_eq!([&top["b"], &top["B"], &top["a"]], [bid[0], bid[1], ask], "{how}");
        let book = both.wait(|message| message["stream"] == "btcusdt@depth5@100ms").await["data"].clone();
        let qty = if how == "crossed" { "2.00000000" } else { bid[1] };
        let bids = if how == "empty" { json!([]) } else { json!([[bid[0], qty]]) };
        assert_eq!(book["bids"], bids, "{how}");
        assert_eq!(book["asks"][0][0], ask, "{how}");
    }
}

#[tokio::test]
async fn user_events_can_be_lost_for_one_connection_and_doubled_for_an_account() {
    let venue = venue();
    let (mut first, mut second) = (Socket::api(venue.addr()).await, Socket::api(venue.addr()).await);
    first.subscribe_user().await;
    second.subscribe_user().await;
    switch(venue.addr(), json!({"fault": "mute_stream", "stream": "user", "connection": 1})).await;
    let twice =
        json!({"fault": "duplicate_messages", "stream": "user", "account": "test-key", "symbol": "BTCUSDT"});
    switch(venue.addr(), twice).await;
    first.good("order.place", limit("SELL", "100.00", "1", "GTX")).await;
    assert_eq!(second.event("NEW").await, second.event("NEW").await);
    assert!(first.none_came(|message| message["event"]["x"] == "NEW").await);
}

#[tokio::test]
async fn a_half_open_connection_neither_reads_nor_writes_and_goes_on_later() {
    let venue = venue();
    let (mut first, mut second) = (Socket::api(venue.addr()).await, Socket::api(venue.addr()).await);
    switch(venue.addr(), json!({"fault": "half_open", "connection": 1})).await;
    let id = first
        .ask(
            "order.place",
            crate::client::signed(crate::client::TEST_KEY, limit("SELL", "100.00", "1", "GTX")),
        )
        .await;
    second.good("order.place", limit("SELL", "100.00", "1", "GTX")).await;
    assert_eq!(get(venue.addr(), "/venue/totals").await["orders"], 1, "what the other one sent is not read");
    clear(venue.addr()).await;
    assert_eq!(first.answer(&id).await["status"], 200);
}

#[tokio::test]
async fn a_connection_goes_half_open_in_the_middle_of_a_write_and_finishes_it_later() {
    let venue = venue();
    let mut api = Socket::api(venue.addr()).await;
    let mut trades = stream(venue.addr(), "/ws/btcusdt@trade").await;
    // Nobody reads it: the write stands still, far from its end.
    let bytes = 15_000_000;
    switch(venue.addr(), json!({"fault": "oversized_frame", "bytes": bytes, "connection": "streams"})).await;
    switch(venue.addr(), json!({"fault": "half_open", "connection": "streams"})).await;
    assert_eq!(applied(venue.addr(), "half_open").await, 1);
    trade(&mut api).await;
    let read = timeout(Duration::from_millis(300), trades.wait(|_| true)).await;
    assert!(read.is_err(), "its end is not written");
    clear(venue.addr()).await;
    let message = trades.wait(|message| message["e"] == "oversized").await;
    assert_eq!(message.to_string().len(), bytes);
    assert_eq!(trades.wait(|message| message["e"] == "trade").await["t"], 1);
}

#[tokio::test]
async fn a_frozen_venue_answers_nobody_but_its_operator() {
    let venue = venue();
    let mut api = Socket::api(venue.addr()).await;
    switch(venue.addr(), json!({"fault": "freeze"})).await;
    let id = api.ask("ping", json!({})).await;
    assert!(get(venue.addr(), "/venue/faults").await[0]["fault"] == "freeze");
    let clock = Clock::start();
    let rest = async {
        let reply = http(venue.addr(), "GET", "/api/v3/time", None, "").await;
        (reply.status, clock.now().mono.0)
    };
    let thaw = async {
        tokio::time::sleep(Duration::from_millis(400)).await;
        clear(venue.addr()).await;
    };
    let ((status, answered_ns), ()) = tokio::join!(rest, thaw);
    assert_eq!(status, 200);
    assert!(answered_ns >= 400_000_000, "new connections wait, too");
    assert_eq!(api.answer(&id).await["status"], 200);
}

/// A websocket whose bytes are read one by one.
struct Raw(TcpStream);

impl Raw {
    async fn open(addr: SocketAddr, path: &str) -> Self {
        let mut stream = connect(addr).await;
        let request = format!(
            "GET {path} HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(timeout(SOON, stream.read_u8()).await.unwrap().unwrap());
        }
        assert!(head.starts_with(b"HTTP/1.1 101"));
        Self(stream)
    }

    /// First byte and payload of the next frame.
    async fn frame(&mut self) -> (u8, Vec<u8>) {
        let read = async {
            let (first, len) = (self.0.read_u8().await?, self.0.read_u8().await?);
            let len = match len {
                126 => usize::from(self.0.read_u16().await?),
                127 => usize::try_from(self.0.read_u64().await?).unwrap(),
                len => len.into(),
            };
            let mut payload = vec![0; len];
            self.0.read_exact(&mut payload).await?;
            std::io::Result::Ok((first, payload))
        };
        timeout(SOON, read).await.unwrap().unwrap()
    }
}

#[tokio::test]
async fn a_message_comes_in_many_frames() {
    let venue = venue();
    let mut api = Socket::api(venue.addr()).await;
    let mut raw = Raw::open(venue.addr(), "/ws/btcusdt@trade").await;
    switch(venue.addr(), json!({"fault": "fragment_frames", "bytes": 20, "connection": "streams"})).await;
    trade(&mut api).await;
    let (mut text, mut frames) = (Vec::new(), 0);
    loop {
        let (first, payload) = raw.frame().await;
        assert!(payload.len() <= 20 && first & 0x0f == u8::from(frames == 0));
        text.extend(payload);
        frames += 1;
        if first & 0x80 != 0 {
            break;
        }
    }
    assert!(frames > 3);
    let message: Value = serde_json::from_slice(&text).unwrap();
    assert_eq!(message["t"], 1);
    clear(venue.addr()).await;
    trade(&mut api).await;
    assert_eq!(raw.frame().await.0, 0x81);
}

#[tokio::test]
async fn bytes_trickle() {
    let venue = venue();
    let mut api = Socket::api(venue.addr()).await;
    let mut trades = stream(venue.addr(), "/ws/btcusdt@trade").await;
    let slow = json!({"fault": "slow_frames", "bytes": 10, "every_ms": 20, "connection": "streams"});
    switch(venue.addr(), slow).await;
    let clock = Clock::start();
    trade(&mut api).await;
    let message = trades.wait(|message| message["e"] == "trade").await;
    let pieces = message.to_string().len() as u64 / 10;
    assert!(clock.now().mono.0 >= (pieces - 2) * 20_000_000, "{pieces} pieces of 10 bytes");
    assert_eq!(applied(venue.addr(), "slow_frames").await, 1, "one connection is slow");
    // What trickles when it ends goes out at once: 120 bytes a minute before.
    switch(venue.addr(), json!({"fault": "slow_frames", "every_ms": 500, "connection": "streams"})).await;
    trade(&mut api).await;
    clear(venue.addr()).await;
    trades.wait(|message| message["t"] == 2).await;
}

#[tokio::test]
async fn an_oversized_frame_is_as_long_as_it_is_told() {
    let venue = venue();
    let mut trades = stream(venue.addr(), "/ws/btcusdt@trade").await;
    switch(venue.addr(), json!({"fault": "oversized_frame", "bytes": 2_000_000})).await;
    let message = trades.wait(|message| message["e"] == "oversized").await;
    assert_eq!(message.to_string().len(), 2_000_000);
}

/// How a websocket ended: with a close frame, or in the middle of things.
async fn ends(socket: &mut Socket) -> bool {
    let last = async {
        loop {
            match socket.raw().next().await {
                Some(Ok(Message::Close(_))) => return true,
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return false,
            }
        }
    };
    timeout(SOON, last).await.unwrap()
}

#[tokio::test]
async fn connections_end_cleanly_or_with_a_reset() {
    let venue = venue();
    let (mut api, mut trades) =
        (Socket::api(venue.addr()).await, stream(venue.addr(), "/ws/btcusdt@trade").await);
    switch(venue.addr(), json!({"fault": "disconnect", "connection": "streams"})).await;
    assert!(ends(&mut trades).await, "a close frame");
    api.call("ping", json!({})).await;
    switch(venue.addr(), json!({"fault": "disconnect", "how": "reset", "connection": "ws_api"})).await;
    assert!(!ends(&mut api).await, "a reset");
    let mut api = Socket::api(venue.addr()).await;
    switch(venue.addr(), json!({"fault": "disconnect", "how": "shutdown"})).await;
    api.wait(|message| message["event"]["e"] == "serverShutdown").await;
    assert!(ends(&mut api).await);
}

#[tokio::test]
async fn new_connections_do_not_come_about() {
    let venue = venue();
    let mut old = Socket::api(venue.addr()).await;
    for (how, want) in [("unavailable", "http/1.1 503"), ("reset", "")] {
        let refused = json!({"fault": "refuse_connections", "how": how, "connection": "rest"});
        switch(venue.addr(), refused).await;
        let (head, _) = crate::faults_support::raw_get(venue.addr(), "/api/v3/time").await;
        assert!(head.starts_with(want) && (how != "reset" || head.is_empty()), "{how}: {head}");
    }
    old.call("ping", json!({})).await;
    Socket::api(venue.addr()).await;
    switch(venue.addr(), json!({"fault": "refuse_connections", "how": "hang", "connection": "rest"})).await;
    let mut hung = connect(venue.addr()).await;
    hung.write_all(b"GET /api/v3/time HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut byte = [0];
    assert!(timeout(Duration::from_millis(200), hung.read(&mut byte)).await.is_err(), "no answer");
}

#[tokio::test]
async fn a_subscription_is_refused_and_what_was_heard_goes_on() {
    let venue = venue();
    let mut trades = stream(venue.addr(), "/ws/btcusdt@trade").await;
    switch(venue.addr(), json!({"fault": "refuse_subscriptions", "connection": "streams"})).await;
    let subscribe = json!({"method": "SUBSCRIBE", "params": ["btcusdt@bookTicker"], "id": 7});
    trades.send_text(&subscribe.to_string()).await;
    assert_eq!(trades.wait(|message| message["id"] == 7).await["code"], 2);
    assert_eq!(applied(venue.addr(), "refuse_subscriptions").await, 1);
    clear(venue.addr()).await;
    trades.send_text(&subscribe.to_string()).await;
    assert_eq!(trades.wait(|message| message["id"] == 7).await, json!({"result": null, "id": 7}));
}

#[tokio::test]
async fn a_subscription_ends_and_can_be_made_again() {
    let venue = venue();
    let mut api = Socket::api(venue.addr()).await;
    api.subscribe_user().await;
    switch(venue.addr(), json!({"fault": "end_user_stream", "account": "test-key"})).await;
    api.event("eventStreamTerminated").await;
    api.good("order.place", limit("SELL", "100.00", "1", "GTX")).await;
    assert!(api.none_came(|message| message["event"]["x"] == "NEW").await);
    api.subscribe_user().await;
    api.good("order.place", limit("SELL", "100.00", "1", "GTX")).await;
    api.event("NEW").await;
}
