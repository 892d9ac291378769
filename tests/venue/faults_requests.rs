//! Faults of requests and answers: what a raw client sees of each.

use self_trader::clock::{self, Clock};
use serde_json::{Value, json};

use crate::client::{
    RECV_WINDOW_MS, SOON, Socket, TEST_KEY, error_of, get, http, limit, rest, signed, venue, with,
};
use crate::faults_support::{applied, clear, switch, until};

fn order() -> Value {
    limit("SELL", "100.00", "1", "GTX")
}

async fn totals(addr: std::net::SocketAddr, name: &str) -> u64 {
    get(addr, "/venue/totals").await[name].as_u64().unwrap()
}

#[tokio::test]
async fn a_lost_request_leaves_no_trace() {
    let venue = venue();
    let mut api = Socket::api(venue.addr()).await;
    switch(venue.addr(), json!({"fault": "lose_requests", "operation": "order.place", "count": 1})).await;
    let id = api.ask("order.place", signed(TEST_KEY, order())).await;
    assert!(api.none_came(|message| message["id"] == id.as_str()).await);
    assert_eq!(totals(venue.addr(), "orders").await, 0);
    api.good("order.place", order()).await;
    assert_eq!(totals(venue.addr(), "orders").await, 1, "only the next one was lost");
}

#[tokio::test]
async fn a_held_request_reaches_the_engine_later_though_its_connection_has_gone() {
    let venue = venue();
    let mut api = Socket::api(venue.addr()).await;
    switch(venue.addr(), json!({"fault": "hold_requests", "operation": "order.place", "ms": 400})).await;
    let clock = Clock::start();
    api.ask("order.place", signed(TEST_KEY, order())).await;
    let held = rest(
        venue.addr(),
        "POST",
        "/api/v3/order",
        "symbol=ETHUSDT&side=BUY&type=LIMIT_MAKER&price=5&quantity=1",
    );
    let arrived = totals(venue.addr(), "orders").await;
    // A machine that stands still meanwhile may let its time come.
    assert!(arrived == 0 || clock.now().mono.0 >= 400_000_000, "it is held");
    drop(api);
    assert_eq!(held.await.status, 200);
    until("both are there", async || totals(venue.addr(), "orders").await == 2).await;
    assert!(clock.now().mono.0 >= 400_000_000);
}

#[tokio::test]
async fn a_held_request_is_too_late_where_its_window_has_closed_meanwhile() {
    let venue = venue();
    let mut api = Socket::api(venue.addr()).await;
    switch(venue.addr(), json!({"fault": "hold_requests", "operation": "order.*", "ms": 300})).await;
    // A machine that stands still makes it too late before it is held, and then it costs nothing: it is sent again.
    // The count is the day's, since the ten seconds may end in between.
    let mut cost = json!(0);
    for _ in 0..20 {
        let narrow = with(order(), "recvWindow", 200);
        assert_eq!(api.refused("order.place", narrow).await.0, -1021);
        let limits = api.good("account.rateLimits.orders", json!({})).await;
        cost = limits[1]["count"].clone();
        if cost != 0 {
            break;
        }
    }
    assert_eq!(cost, 1, "it has cost an order");
    clear(venue.addr()).await;
    assert_eq!(totals(venue.addr(), "orders").await, 0);
}

#[tokio::test]
async fn a_rejection_is_one_of_the_operation_the_account_and_the_connection_that_it_names() {
    let venue = venue();
    let (mut first, mut second) = (Socket::api(venue.addr()).await, Socket::api(venue.addr()).await);
    let mine = json!({"fault": "reject", "code": -1001, "msg": "Internal error.", "status": 500,
        "operation": "order.place", "connection": 2});
    switch(venue.addr(), mine).await;
    assert_eq!(second.refused("order.place", order()).await, (-1001, "Internal error.".to_owned()));
    first.good("order.place", order()).await;
    second.good("account.status", json!({})).await;
    clear(venue.addr()).await;
    switch(venue.addr(), json!({"fault": "reject", "connection": "rest", "account": "test-key"})).await;
    second.good("order.place", order()).await;
    assert_eq!(rest(venue.addr(), "GET", "/api/v3/account", "").await.status, 503);
    assert_eq!(http(venue.addr(), "GET", "/api/v3/time", None, "").await.status, 200, "nobody signs that");
    switch(venue.addr(), json!({"fault": "reject", "operation": "*", "preset": "firewall"})).await;
    assert_eq!(http(venue.addr(), "GET", "/api/v3/time", None, "").await.status, 403);
}

/// Preset, status, code (0: the body is none), whether the answer says when to come back.
const PRESETS: [(&str, u16, i64, bool); 26] = [
    ("too_many_requests", 429, -1003, true),
    ("too_many_requests_bare", 429, -1003, false),
    ("banned", 418, -1003, true),
    ("banned_bare", 418, -1003, false),
    ("too_many_orders", 429, -1015, false),
    ("unknown", 500, -1000, false),
    ("disconnected", 500, -1001, false),
    ("unexpected_answer", 500, -1006, false),
    ("timeout", 504, -1007, false),
    ("overloaded", 503, -1008, false),
    ("unknown_error", 503, -1000, false),
    ("unavailable", 503, -1000, false),
    ("internal_error", 503, -1001, false),
    ("key_revoked", 401, -2015, false),
    ("bad_signature", 400, -1022, false),
    ("no_balance", 400, -2010, false),
    ("duplicate", 400, -2010, false),
    ("html", 500, 0, false),
    ("firewall", 403, 0, false),
    ("empty", 200, 0, false),
    ("no_content", 204, 0, false),
    ("redirect", 302, 0, false),
    ("gzip_junk", 200, 0, false),
    ("not_json", 200, 0, false),
    ("error_in_ok", 200, -1000, false),
    ("cut_body", 200, 0, false),
];

#[tokio::test]
async fn every_preset_answers_over_both_doors_and_leaves_no_order() {
    let venue = venue();
    let mut api = Socket::api(venue.addr()).await;
    for (preset, status, code, waits) in PRESETS {
        switch(venue.addr(), json!({"fault": "reject", "preset": preset})).await;
        if preset != "cut_body" {
            let reply = rest(
                venue.addr(),
                "POST",
                "/api/v3/order",
                "symbol=BTCUSDT&side=BUY&type=LIMIT_MAKER&price=5&quantity=1",
            )
            .await;
            assert_eq!(reply.status, status, "{preset}");
            assert_eq!(reply.body["code"].as_i64().unwrap_or(0), code, "{preset}: {}", reply.body);
            assert_eq!(reply.headers.contains_key("retry-after"), waits, "{preset}");
            match preset {
                "redirect" => assert!(reply.headers.contains_key("location")),
                "gzip_junk" => assert_eq!(reply.headers["content-encoding"], "gzip"),
                _ => {}
            }
        }
        if code != 0 {
            let answer = api.call("order.place", signed(TEST_KEY, order())).await;
            assert_eq!(answer["status"], status, "{preset}");
            assert_eq!(answer["error"]["code"], code, "{preset}");
            assert_eq!(answer["error"]["data"]["retryAfter"].is_i64(), waits, "{preset}");
        }
    }
    assert_eq!(totals(venue.addr(), "orders").await, 0);
}

#[tokio::test]
async fn a_cut_body_ends_before_its_length_is_reached() {
    let venue = venue();
    switch(venue.addr(), json!({"fault": "reject", "preset": "cut_body", "operation": "time"})).await;
    let (head, body) = crate::faults_support::raw_get(venue.addr(), "/api/v3/time").await;
    let length: usize =
        head.split("content-length: ").nth(1).unwrap().lines().next().unwrap().parse().unwrap();
    assert!(!body.is_empty() && body.len() < length, "{length}: {body}");
}

#[tokio::test]
async fn an_error_after_executing_hides_an_order_that_lives() {
    let venue = venue();
    let mut api = Socket::api(venue.addr()).await;
    switch(venue.addr(), json!({"fault": "reject", "preset": "timeout", "executed": true, "count": 1})).await;
    assert_eq!(api.refused("order.place", with(order(), "newClientOrderId", "hidden")).await.0, -1007);
    let found = api.good("order.status", json!({"symbol": "BTCUSDT", "origClientOrderId": "hidden"})).await;
    assert_eq!(found["status"], "NEW");
}

#[tokio::test]
async fn answers_come_twice_or_name_another_order() {
    let venue = venue();
    let mut api = Socket::api(venue.addr()).await;
    switch(venue.addr(), json!({"fault": "duplicate_answers", "count": 1})).await;
    let id = api.ask("order.place", signed(TEST_KEY, order())).await;
    let (one, other) = (api.answer(&id).await, api.answer(&id).await);
    assert_eq!(one, other);
    let right = api.good("order.place", with(order(), "newClientOrderId", "mine")).await;
    for (field, name) in [("client_id", "clientOrderId"), ("order_id", "orderId")] {
        switch(venue.addr(), json!({"fault": "wrong_answers", "field": field})).await;
        let about = json!({"symbol": "BTCUSDT", "orderId": right["orderId"]});
        let wrong = api.good("order.status", about).await;
        assert_ne!(wrong[name], right[name]);
        assert_eq!(wrong["status"], "NEW");
    }
    switch(venue.addr(), json!({"fault": "wrong_answers", "field": "request_id"})).await;
    let id = api.ask("openOrders.status", signed(TEST_KEY, json!({}))).await;
    api.wait(|message| message["id"] == "not-your-request").await;
    assert!(api.none_came(|message| message["id"] == id.as_str()).await);
}

#[tokio::test]
async fn jitter_lets_answers_overtake_each_other_the_same_way_for_the_same_seed() {
    // What is asked and how it is answered: the same of every new venue.
    async fn orders() -> [Vec<String>; 2] {
        let venue = venue();
        let mut api = Socket::api(venue.addr()).await;
        switch(venue.addr(), json!({"fault": "delay_answers", "ms": 0, "jitter_ms": 400})).await;
        let mut asked = Vec::new();
        for _ in 0..8 {
            asked.push(api.ask("openOrders.status", signed(TEST_KEY, json!({}))).await);
        }
        let mut came = Vec::new();
        while came.len() < asked.len() {
            came.push(api.wait(|message| message["status"] == 200).await["id"].as_str().unwrap().to_owned());
        }
        [asked, came]
    }
    // A machine that stands still between two questions turns their answers around. By chance alone two orders of
    // eight are hardly ever the same.
    let mut seen = Vec::new();
    for _ in 0..10 {
        let [asked, came] = orders().await;
        if came != asked && seen.contains(&came) {
            return;
        }
        seen.push(came);
    }
    panic!("no two orders are the same: {seen:?}");
}

#[tokio::test]
async fn chance_strikes_about_as_often_as_it_is_told() {
    let venue = venue();
    let mut api = Socket::api(venue.addr()).await;
    switch(venue.addr(), json!({"fault": "reject", "probability": 300_000})).await;
    let mut refused = 0;
    for _ in 0..200 {
        let answer = api.call("openOrders.status", signed(TEST_KEY, json!({}))).await;
        refused += u32::from(answer["status"] != 200);
    }
    assert!((35..=85).contains(&refused), "{refused} of 200");
    assert_eq!(applied(venue.addr(), "reject").await, u64::from(refused));
}

#[tokio::test]
async fn an_open_request_is_touched_by_who_names_it() {
    let venue = venue();
    let mut api = Socket::api(venue.addr()).await;
    switch(venue.addr(), json!({"fault": "delay_answers", "ms": 600_000, "operation": "time"})).await;
    let id = api.ask("time", json!({})).await;
    api.call("ping", json!({})).await;
    assert!(api.none_came(|message| message["id"] == id.as_str()).await, "it alone waits");
    switch(venue.addr(), json!({"fault": "delay_answers", "ms": 300, "operation": "time"})).await;
    let clock = Clock::start();
    api.call("time", json!({})).await;
    assert!(clock.now().mono.0 >= 300_000_000);
}

#[tokio::test]
async fn a_snapshot_claims_to_be_older_than_it_is() {
    let venue = venue();
    let mut api = Socket::api(venue.addr()).await;
    for price in ["100.00", "101.00", "102.00"] {
        api.good("order.place", limit("SELL", price, "1", "GTX")).await;
    }
    let before = get(venue.addr(), "/api/v3/depth?symbol=BTCUSDT").await;
    switch(venue.addr(), json!({"fault": "old_snapshot", "symbol": "BTCUSDT", "by": 2})).await;
    let old = get(venue.addr(), "/api/v3/depth?symbol=BTCUSDT").await;
    assert_eq!(old["lastUpdateId"].as_u64().unwrap() + 2, before["lastUpdateId"].as_u64().unwrap());
    let called = api.call("depth", json!({"symbol": "BTCUSDT"})).await;
    assert_eq!(called["result"]["lastUpdateId"], old["lastUpdateId"]);
}

#[tokio::test]
async fn a_refused_subscription_and_a_session_request_can_be_meant_too() {
    let venue = venue();
    let mut api = Socket::api(venue.addr()).await;
    let name = "userDataStream.subscribe.signature";
    switch(venue.addr(), json!({"fault": "reject", "operation": name, "count": 1})).await;
    let answer = api.call(name, signed(TEST_KEY, json!({}))).await;
    assert_eq!(error_of(&answer).0, -1008);
    api.subscribe_user().await;
}

#[tokio::test]
async fn a_skewed_clock_is_the_venues_own() {
    let venue = venue();
    let mut api = Socket::api(venue.addr()).await;
    switch(venue.addr(), json!({"fault": "skew_clock", "offset_ms": 3_600_000})).await;
    let time = api.call("time", json!({})).await["result"]["serverTime"].as_i64().unwrap();
    assert!((time - clock::wall_ms() - 3_600_000).unsigned_abs() < SOON.as_millis() as u64);
    assert_eq!(api.refused("order.place", order()).await.0, -1021, "the client's clock is late");
    let ahead = with(order(), "timestamp", clock::wall_ms() + 3_600_000);
    let placed = api.good("order.place", with(ahead, "recvWindow", RECV_WINDOW_MS)).await;
    assert!(placed["transactTime"].as_i64().unwrap() >= time);
    switch(venue.addr(), json!({"fault": "skew_clock", "offset_ms": -120_000})).await;
    assert_eq!(api.refused("order.place", order()).await.0, -1021, "the client's clock is ahead");
    clear(venue.addr()).await;
    api.good("order.place", order()).await;
}

#[tokio::test]
async fn more_requests_than_can_be_held_are_refused_and_counted() {
    let venue = venue();
    let mut api = Socket::api(venue.addr()).await;
    switch(venue.addr(), json!({"fault": "hold_requests", "ms": 600_000, "operation": "ping"})).await;
    for _ in 0..10_000 {
        api.ask("ping", json!({})).await;
    }
    let answer = api.call("ping", json!({})).await;
    assert_eq!((&answer["status"], error_of(&answer).0), (&json!(503), -1008));
    assert_eq!(totals(venue.addr(), "held_refused").await, 1);
    assert_eq!(api.call("time", json!({})).await["status"], 200, "others go on");
}
