//! The venue's own dead man's switch: what it closes, and what it leaves.

use self_trader::clock::Clock;
use serde_json::{Value, json};

use crate::client::{SOON, Socket, limit, rest, venue, with};
use crate::faults_support::switch;

const PATH: &str = "/api/v3/countdownCancelPrefix";

fn named(client: &str) -> Value {
    with(limit("BUY", "100.00", "1", "GTC"), "newClientOrderId", client)
}

async fn open(api: &mut Socket) -> Vec<String> {
    let orders = api.good("openOrders.status", json!({})).await;
    let mut ids: Vec<String> = orders
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["clientOrderId"].as_str().unwrap().to_owned())
        .collect();
    ids.sort();
    ids
}

#[tokio::test]
async fn it_closes_what_begins_with_a_prefix_and_nothing_else() {
    let venue = venue();
    let addr = venue.addr();
    let mut api = Socket::api(addr).await;
    api.subscribe_user().await;
    for id in ["stmain000001x", "stmain000002x", "stothr000001x"] {
        api.good("order.place", named(id)).await;
    }
    api.good("order.place", with(named("stmain000001y"), "symbol", "ETHUSDT")).await;
    let set = rest(addr, "POST", PATH, "prefixes=stmain000001,stmain000003&countdownTime=300").await;
    assert_eq!(set.status, 200, "{}", set.body);
    assert_eq!(set.body, json!({"prefixes": ["stmain000001", "stmain000003"], "countdownTime": "300"}));
    let ended = [api.event("CANCELED").await, api.event("CANCELED").await];
    let mut ended = ended.map(|event| event["c"].as_str().unwrap().to_owned());
    ended.sort();
    assert_eq!(ended, ["stmain000001x", "stmain000001y"], "on every symbol");
    assert_eq!(open(&mut api).await, ["stmain000002x", "stothr000001x"]);
    // It is off once it has fired.
    api.good("order.place", named("stmain000001z")).await;
    let later = rest(addr, "POST", PATH, "prefixes=stmain000002&countdownTime=150").await;
    assert_eq!(later.status, 200);
    assert_eq!(api.event("CANCELED").await["c"], "stmain000002x");
    assert_eq!(open(&mut api).await, ["stmain000001z", "stothr000001x"]);
}

/// How often a venue is tried that lets a switch fire because the machine stood still.
const TRIES: u32 = 10;

#[tokio::test]
async fn set_anew_it_begins_anew_and_zero_stops_it() {
    for _ in 0..TRIES {
        let venue = venue();
        let addr = venue.addr();
        let mut api = Socket::api(addr).await;
        api.subscribe_user().await;
        for id in ["stmain000001x", "stmain000002x", "stmain000003x"] {
            api.good("order.place", named(id)).await;
        }
        let clock = Clock::start();
        rest(addr, "POST", PATH, "prefixes=stmain000001,stmain000002&countdownTime=400").await;
        rest(addr, "POST", PATH, "prefixes=stmain000001&countdownTime=600000").await;
        rest(addr, "POST", PATH, "prefixes=stmain000002&countdownTime=0").await;
        if clock.now().mono.0 >= 400_000_000 {
            continue;
        }
        // One that is due later than theirs would have been.
        rest(addr, "POST", PATH, "prefixes=stmain000003&countdownTime=600").await;
        let closed = tokio::time::timeout(SOON, api.event("CANCELED")).await.unwrap();
        assert_eq!(closed["c"], "stmain000003x");
        assert_eq!(open(&mut api).await, ["stmain000001x", "stmain000002x"]);
        return;
    }
    panic!("the machine stands still too often");
}

/// An order that is on its way while the venue is reset finds the switch running.
///
/// Promise P1.
#[tokio::test]
async fn a_reset_of_the_venue_does_not_stop_it() {
    for _ in 0..TRIES {
        let venue = venue();
        let addr = venue.addr();
        let mut api = Socket::api(addr).await;
        api.subscribe_user().await;
        let clock = Clock::start();
        rest(addr, "POST", PATH, "prefixes=stmain000001&countdownTime=600").await;
        switch(addr, json!({"fault": "reset_venue"})).await;
        for id in ["stmain000001x", "stmain000002x"] {
            api.good("order.place", named(id)).await;
        }
        if clock.now().mono.0 >= 600_000_000 {
            continue;
        }
        assert_eq!(tokio::time::timeout(SOON, api.event("CANCELED")).await.unwrap()["c"], "stmain000001x");
        assert_eq!(open(&mut api).await, ["stmain000002x"]);
        return;
    }
    panic!("the machine stands still too often");
}

#[tokio::test]
async fn what_would_mean_too_much_is_refused() {
    let venue = venue();
    for (query, code) in [
        ("prefixes=st&countdownTime=1000", -1100),
        ("prefixes=stmain000001,&countdownTime=1000", -1100),
        ("prefixes=stmain000001&countdownTime=-1", -1100),
        ("prefixes=stmain000001&countdownTime=600001", -1100),
        ("countdownTime=1000", -1102),
        ("prefixes=stmain000001", -1102),
    ] {
        let reply = rest(venue.addr(), "POST", PATH, query).await;
        assert_eq!((reply.status, &reply.body["code"]), (400, &json!(code)), "{query}: {}", reply.body);
    }
}
