//! Orders: what is answered, what becomes of them.

use self_trader::simulator::{self, Profile, VenueOptions};
use serde_json::json;

use super::{api, asked, limit, market, named, pair};
use crate::client::{get, venue, with};

#[tokio::test]
async fn a_pair_prints_a_trade() {
    let venue = venue();
    let mut api = api(venue.addr()).await;
    let maker = api.good("order.place", named(limit("SELL", "65000.10", "0.002", "GTX"), "pair:m/1")).await;
    let expected = json!({
        "orderId": maker["orderId"], "symbol": "BTCUSDT", "status": "NEW", "clientOrderId": "pair:m/1",
        "price": "65000.10", "avgPrice": "0.00", "origQty": "0.002", "executedQty": "0.000",
        "cumQty": "0.000", "cumQuote": "0.00000", "timeInForce": "GTX", "type": "LIMIT",
        "reduceOnly": false, "closePosition": false, "side": "SELL", "positionSide": "BOTH",
        "stopPrice": "0.00", "workingType": "CONTRACT_PRICE", "priceProtect": false, "origType": "LIMIT",
        "priceMatch": "NONE", "selfTradePreventionMode": "NONE", "goodTillDate": 0,
        "updateTime": maker["updateTime"],
    });
    assert_eq!(maker, expected);
    let taker = api.good("order.place", limit("BUY", "65000.10", "0.002", "IOC")).await;
    for (field, value) in [
        ("status", "FILLED"),
        ("executedQty", "0.002"),
        ("cumQuote", "130.00020"),
        ("avgPrice", "65000.10000"),
        ("timeInForce", "IOC"),
    ] {
        assert_eq!(taker[field], value, "{field}");
    }
    let trades = get(venue.addr(), "/fapi/v1/trades?symbol=BTCUSDT").await;
    assert_eq!(trades.as_array().unwrap().len(), 1);
    assert_eq!((&trades[0]["price"], &trades[0]["isBuyerMaker"]), (&json!("65000.10"), &json!(false)));
    let spot = get(venue.addr(), "/api/v3/trades?symbol=BTCUSDT").await;
    assert_eq!(spot, json!([]), "the namesake on Spot is another symbol");

    let mine = asked(venue.addr(), "GET", "/fapi/v1/userTrades", &json!({"symbol": "BTCUSDT"})).await;
    let sides: Vec<_> = mine.as_array().unwrap().iter().map(|leg| (&leg["side"], &leg["maker"])).collect();
    assert_eq!(sides, [(&json!("SELL"), &json!(true)), (&json!("BUY"), &json!(false))]);
    let found = asked(
        venue.addr(),
        "GET",
        "/fapi/v1/order",
        &json!({"symbol": "BTCUSDT", "origClientOrderId": "pair:m/1"}),
    )
    .await;
    assert_eq!((&found["status"], &found["avgPrice"]), (&json!("FILLED"), &json!("65000.10000")));
    assert_eq!(found["time"], maker["updateTime"]);
    assert_eq!(found.get("cumQty"), None, "a query has none");
}

#[tokio::test]
async fn an_acknowledgement_does_not_tell_what_became_of_the_order() {
    let venue = venue();
    let mut api = api(venue.addr()).await;
    api.good("order.place", limit("SELL", "100.00", "1", "GTC")).await;
    let ack =
        api.good("order.place", with(limit("BUY", "100.00", "1", "IOC"), "newOrderRespType", "ACK")).await;
    assert_eq!((&ack["status"], &ack["executedQty"]), (&json!("NEW"), &json!("0.000")));
    let params = json!({"symbol": "BTCUSDT", "orderId": ack["orderId"]});
    assert_eq!(api.good("order.status", params).await["status"], "FILLED");
}

#[tokio::test]
async fn what_does_not_trade_ends_as_its_time_in_force_says() {
    let venue = venue();
    let mut api = api(venue.addr()).await;
    let alone = api.good("order.place", limit("BUY", "100.00", "1", "IOC")).await;
    assert_eq!((&alone["status"], &alone["executedQty"]), (&json!("EXPIRED"), &json!("0.000")));
    assert_eq!(api.good("order.place", market("BUY", "1")).await["status"], "EXPIRED");
    let (code, words) = api.refused("order.place", limit("BUY", "100.00", "1", "FOK")).await;
    assert_eq!(code, -5021);
    assert_eq!(words, "Due to the order could not be filled immediately, the FOK order has been rejected.");
    api.good("order.place", limit("SELL", "100.00", "1", "GTC")).await;
    let (code, words) = api.refused("order.place", limit("BUY", "100.00", "1", "GTX")).await;
    assert_eq!(code, -5022);
    assert_eq!(
        words,
        "Due to the order could not be executed as maker, the Post Only order will be rejected."
    );
    let part = api.good("order.place", market("BUY", "3")).await;
    assert_eq!((&part["status"], &part["executedQty"]), (&json!("EXPIRED"), &json!("1.000")));
    assert_eq!(
        (&part["price"], &part["avgPrice"], &part["type"]),
        (&json!("0.00"), &json!("100.00000"), &json!("MARKET"))
    );
    api.good("order.place", limit("SELL", "101.00", "2", "GTC")).await;
    assert_eq!(api.good("order.place", limit("BUY", "101.00", "2", "FOK")).await["status"], "FILLED");
}

#[tokio::test]
async fn an_order_is_found_listed_and_cancelled() {
    let venue = venue();
    let addr = venue.addr();
    let mut api = api(addr).await;
    for (client, price) in [("a", "100.00"), ("b", "101.00")] {
        api.good("order.place", named(limit("BUY", price, "1", "GTC"), client)).await;
    }
    let open = asked(addr, "GET", "/fapi/v1/openOrders", &json!({"symbol": "BTCUSDT"})).await;
    assert_eq!(open, asked(addr, "GET", "/fapi/v1/openOrders", &json!({})).await);
    let clients: Vec<_> = open.as_array().unwrap().iter().map(|order| &order["clientOrderId"]).collect();
    assert_eq!(clients, ["a", "b"]);
    let one = json!({"symbol": "BTCUSDT", "origClientOrderId": "a"});
    assert_eq!(asked(addr, "GET", "/fapi/v1/openOrder", &one).await, open[0]);
    let cancelled = asked(addr, "DELETE", "/fapi/v1/order", &one).await;
    assert_eq!((&cancelled["status"], &cancelled["cumQuote"]), (&json!("CANCELED"), &json!("0")));
    assert_eq!(cancelled["clientOrderId"], "a", "a cancel has no name of its own");
    let all = asked(addr, "DELETE", "/fapi/v1/allOpenOrders", &json!({"symbol": "BTCUSDT"})).await;
    assert_eq!(all, json!({"code": 200, "msg": "The operation of cancel all open order is done."}));
    assert_eq!(asked(addr, "GET", "/fapi/v1/openOrders", &json!({})).await, json!([]));
    let again = asked(addr, "DELETE", "/fapi/v1/allOpenOrders", &json!({"symbol": "BTCUSDT"})).await;
    assert_eq!(again["code"], 200, "also when nothing is open");
    let history = asked(addr, "GET", "/fapi/v1/allOrders", &json!({"symbol": "BTCUSDT"})).await;
    let states: Vec<_> = history.as_array().unwrap().iter().map(|order| &order["status"]).collect();
    assert_eq!(states, ["CANCELED", "CANCELED"]);
}

#[tokio::test]
async fn a_modified_order_loses_its_place() {
    let venue = venue();
    let mut api = api(venue.addr()).await;
    let order = api.good("order.place", limit("SELL", "100.00", "2", "GTC")).await;
    let change = |price: &str, qty: &str| json!({"symbol": "BTCUSDT", "side": "SELL", "orderId": order["orderId"], "price": price, "quantity": qty});
    let changed = api.good("order.modify", change("101.00", "3")).await;
    assert_eq!(
        (&changed["price"], &changed["origQty"], &changed["status"]),
        (&json!("101.00"), &json!("3.000"), &json!("NEW"))
    );
    assert_eq!(changed["orderId"], order["orderId"]);
    assert_eq!(
        api.refused("order.modify", change("101.00", "3")).await,
        (-5027, "No need to modify the order.".to_owned())
    );
    let book = get(venue.addr(), "/fapi/v1/depth?symbol=BTCUSDT&limit=5").await;
    assert_eq!(book["asks"], json!([["101.00", "3.000"]]));
    let past = asked(venue.addr(), "GET", "/fapi/v1/orderAmendment", &json!({"symbol": "BTCUSDT"})).await;
    assert_eq!(past.as_array().unwrap().len(), 1);
    assert_eq!(
        past[0]["amendment"],
        json!({
            "price": {"before": "100.00", "after": "101.00"}, "origQty": {"before": "2.000", "after": "3.000"}, "count": 1,
        })
    );
    let missing = with(change("101.00", "1"), "orderId", 999);
    assert_eq!(api.refused("order.modify", missing).await, (-2013, "Order does not exist.".to_owned()));
}

#[tokio::test]
async fn self_trade_prevention_acts_by_the_taker_and_not_on_fok() {
    let options = VenueOptions { profile: Profile::strict(), ..VenueOptions::default() };
    let venue = simulator::start(options).unwrap();
    let mut api = api(venue.addr()).await;
    let sell = || limit("SELL", "65000.00", "0.010", "GTC");
    let buy = |life: &str| limit("BUY", "65000.00", "0.010", life);
    for (mode, maker, taker) in [
        ("EXPIRE_TAKER", "NEW", "EXPIRED_IN_MATCH"),
        ("EXPIRE_MAKER", "EXPIRED_IN_MATCH", "EXPIRED"),
        ("EXPIRE_BOTH", "EXPIRED_IN_MATCH", "EXPIRED_IN_MATCH"),
    ] {
        let resting = api.good("order.place", sell()).await;
        assert_eq!(resting["selfTradePreventionMode"], "EXPIRE_MAKER", "the default");
        let came = api.good("order.place", with(buy("IOC"), "selfTradePreventionMode", mode)).await;
        let params = json!({"symbol": "BTCUSDT", "orderId": resting["orderId"]});
        let stands = api.good("order.status", params.clone()).await;
        assert_eq!((&stands["status"], &came["status"]), (&json!(maker), &json!(taker)), "{mode}");
        if maker == "NEW" {
            api.good("order.cancel", params).await;
        }
    }
    api.good("order.place", sell()).await;
    let filled = api.good("order.place", buy("FOK")).await;
    assert_eq!(
        (&filled["status"], &filled["selfTradePreventionMode"]),
        (&json!("FILLED"), &json!("EXPIRE_MAKER"))
    );
    let none = with(buy("IOC"), "selfTradePreventionMode", "NONE");
    let words =
        "Dear user, as per our Terms of Use and compliance regulations, this feature is not available.";
    assert_eq!(api.refused("order.place", none).await, (-4402, words.to_owned()));
}

#[tokio::test]
async fn the_book_gives_an_order_its_price() {
    let venue = venue();
    let mut api = api(venue.addr()).await;
    let matched = |word: &str| {
        let mut params = with(limit("BUY", "1", "1", "GTC"), "priceMatch", word);
        params.as_object_mut().unwrap().remove("price");
        params
    };
    assert_eq!(api.refused("order.place", matched("OPPONENT")).await.0, -5041, "nobody to meet");
    api.good("order.place", limit("BUY", "99.00", "1", "GTC")).await;
    api.good("order.place", limit("SELL", "101.00", "1", "GTC")).await;
    let queued = api.good("order.place", matched("QUEUE")).await;
    assert_eq!((&queued["price"], &queued["priceMatch"]), (&json!("99.00"), &json!("QUEUE")));
    let met = api.good("order.place", matched("OPPONENT")).await;
    assert_eq!((&met["price"], &met["status"]), (&json!("101.00"), &json!("FILLED")));
}

#[tokio::test]
async fn positions_follow_the_trades() {
    let venue = venue();
    let mut api = api(venue.addr()).await;
    pair(&mut api, "BUY", "65000.10", "0.002").await;
    let none = asked(venue.addr(), "GET", "/fapi/v3/positionRisk", &json!({})).await;
    assert_eq!(none, json!([]), "a pair with oneself leaves no position");
}
