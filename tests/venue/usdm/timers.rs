//! What happens by itself.

use self_trader::clock::Clock;
use serde_json::json;

use super::{api, asked, limit, listen_key, named, order_event};
use crate::client::{Socket, venue, with};

#[tokio::test]
async fn a_countdown_cancels_one_symbols_orders() {
    let venue = venue();
    let addr = venue.addr();
    let key = listen_key(addr).await;
    let mut user = Socket::open(addr, &format!("/ws/{key}")).await;
    let mut api = api(addr).await;
    api.good("order.place", named(limit("BUY", "100.00", "1", "GTC"), "here")).await;
    let elsewhere = with(limit("BUY", "100.00", "1", "GTC"), "symbol", "ETHUSDT");
    api.good("order.place", named(elsewhere, "elsewhere")).await;
    let path = "/fapi/v1/countdownCancelAll";
    let count = |ms: u32| json!({"symbol": "BTCUSDT", "countdownTime": ms});
    let answer = asked(addr, "POST", path, &count(600_000)).await;
    assert_eq!(answer, json!({"symbol": "BTCUSDT", "countdownTime": "600000"}));
    asked(addr, "POST", path, &count(1)).await;
    assert_eq!(order_event(&mut user, "CANCELED").await["c"], "here");
    let open = asked(addr, "GET", "/fapi/v1/openOrders", &json!({})).await;
    assert_eq!((open.as_array().unwrap().len(), &open[0]["clientOrderId"]), (1, &json!("elsewhere")));
}

/// The next one, set later, does.
#[tokio::test]
async fn a_countdown_that_is_stopped_does_not_fire() {
    // Tried again where the machine stood still until the first had fired.
    for _ in 0..10 {
        let venue = venue();
        let addr = venue.addr();
        let key = listen_key(addr).await;
        let mut user = Socket::open(addr, &format!("/ws/{key}")).await;
        let mut api = api(addr).await;
        api.good("order.place", named(limit("BUY", "100.00", "1", "GTC"), "here")).await;
        let elsewhere = with(limit("BUY", "100.00", "1", "GTC"), "symbol", "ETHUSDT");
        api.good("order.place", named(elsewhere, "elsewhere")).await;
        let path = "/fapi/v1/countdownCancelAll";
        let count = |symbol: &str, ms: u32| json!({"symbol": symbol, "countdownTime": ms});
        let clock = Clock::start();
        asked(addr, "POST", path, &count("BTCUSDT", 1_000)).await;
        asked(addr, "POST", path, &count("BTCUSDT", 0)).await;
        if clock.now().mono.0 >= 1_000_000_000 {
            continue;
        }
        asked(addr, "POST", path, &count("ETHUSDT", 1_200)).await;
        assert_eq!(order_event(&mut user, "CANCELED").await["c"], "elsewhere");
        let open = asked(addr, "GET", "/fapi/v1/openOrders", &json!({})).await;
        assert_eq!((open.as_array().unwrap().len(), &open[0]["clientOrderId"]), (1, &json!("here")));
        return;
    }
    panic!("the machine stands still too often");
}

#[tokio::test]
async fn an_order_with_an_end_shows_it() {
    let venue = venue();
    let mut api = api(venue.addr()).await;
    let end = self_trader::clock::wall_ms() + 700_000;
    let order = with(limit("BUY", "100.00", "1", "GTD"), "goodTillDate", end);
    let placed = api.good("order.place", order).await;
    assert_eq!((&placed["timeInForce"], &placed["goodTillDate"]), (&json!("GTD"), &json!(end - end % 1_000)));
    let params = json!({"symbol": "BTCUSDT", "orderId": placed["orderId"]});
    assert_eq!(api.good("order.cancel", params).await["timeInForce"], "GTD");
}
