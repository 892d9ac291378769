//! Orders: what is accepted, what is refused, and what is answered.

use self_trader::simulator::{self, AccountSpec, Profile, VenueOptions};
use serde_json::{Value, json};

use crate::client::{Key, Socket, TEST_KEY, error_of, get, limit, rest, signed, venue, with};

#[tokio::test]
async fn a_pair_prints_a_trade() {
    let venue = venue();
    let mut api = Socket::api(venue.addr()).await;
    api.subscribe_user().await;
    let maker = limit("SELL", "65000.10", "0.00150", "GTX");
    let maker = api.good("order.place", with(maker, "newClientOrderId", "pair-m")).await;
    assert_eq!((maker["status"].as_str(), maker["type"].as_str()), (Some("NEW"), Some("LIMIT_MAKER")));
    assert_eq!(api.event("NEW").await["c"], "pair-m");
    let taker = limit("BUY", "65000.10", "0.00150", "IOC");
    let taker = api.good("order.place", with(taker, "newClientOrderId", "pair-t")).await;
    assert_eq!(taker["status"], "FILLED");
    assert_eq!(taker["executedQty"], "0.00150000");
    assert_eq!(taker["cummulativeQuoteQty"], "97.50015000");
    assert_eq!(taker["fills"][0]["price"], "65000.10000000");
    assert_eq!(taker["fills"][0]["commissionAsset"], "BTC");

    assert_eq!(api.event("NEW").await["c"], "pair-t");
    for (client, is_maker) in [("pair-m", true), ("pair-t", false)] {
        let report = api.event("TRADE").await;
        assert_eq!((report["c"].as_str(), report["m"].as_bool()), (Some(client), Some(is_maker)));
        assert_eq!((report["X"].as_str(), report["t"].as_i64()), (Some("FILLED"), Some(1)));
        assert_eq!(
            (report["l"].as_str(), report["L"].as_str()),
            (Some("0.00150000"), Some("65000.10000000"))
        );
    }
    let trades = get(venue.addr(), "/api/v3/trades?symbol=BTCUSDT").await;
    assert_eq!(trades.as_array().unwrap().len(), 1);
    assert_eq!(trades[0]["isBuyerMaker"], false);
    let mine = rest(venue.addr(), "GET", "/api/v3/myTrades", "symbol=BTCUSDT").await.body;
    let legs: Vec<_> = mine.as_array().unwrap().iter().map(|leg| &leg["orderId"]).collect();
    assert_eq!(legs, [&maker["orderId"], &taker["orderId"]]);
}

/// Nothing but the wanted refusal, word for word.
async fn assert_refused(api: &mut Socket, method: &str, params: Value, code: i64, words: &str) {
    let shown = params.to_string();
    let (got, msg) = api.refused(method, params).await;
    assert_eq!((got, msg.contains(words)), (code, true), "{shown}: {msg}");
}

#[tokio::test]
async fn what_cannot_be_placed_is_refused_in_the_venues_words() {
    let venue = venue();
    let mut api = Socket::api(venue.addr()).await;
    let order = || limit("BUY", "100.00", "1.0", "GTC");
    let without = |name: &str| {
        let mut params = order();
        params.as_object_mut().unwrap().remove(name);
        params
    };
    for (params, code, words) in [
        (with(order(), "symbol", "NOPE"), -1121, "Invalid symbol."),
        (without("side"), -1102, "'side'"),
        (without("quantity"), -1102, "'quantity'"),
        (without("timeInForce"), -1102, "'timeInForce'"),
        (with(order(), "side", "LONG"), -1117, "Invalid side."),
        (with(limit("BUY", "1", "1", "GTX"), "timeInForce", "GTC"), -1106, "'timeInForce' sent when not"),
        (with(order(), "price", "1e"), -1100, "'price'"),
        (with(order(), "newClientOrderId", "no spaces"), -1100, "'newClientOrderId'"),
        (with(order(), "newClientOrderId", "x".repeat(37)), -1100, "'newClientOrderId'"),
        (with(order(), "price", "100.123456789"), -1111, "'price'"),
        (with(order(), "price", "100.001"), -1013, "Filter failure: PRICE_FILTER"),
        (with(order(), "price", "0"), -1013, "Filter failure: PRICE_FILTER"),
        (with(order(), "quantity", "0.0000001"), -1013, "Filter failure: LOT_SIZE"),
        (with(order(), "quantity", "0"), -1013, "Filter failure: LOT_SIZE"),
        (with(order(), "quantity", "1000000001"), -1013, "Filter failure: LOT_SIZE"),
        (with(order(), "selfTradePreventionMode", "MINE"), -1130, "'selfTradePreventionMode'"),
        (with(with(order(), "price", "100000000"), "quantity", "900000000"), -2010, "insufficient balance"),
    ] {
        assert_refused(&mut api, "order.place", params, code, words).await;
    }
    let totals = get(venue.addr(), "/venue/totals").await;
    assert_eq!((totals["orders"].as_u64(), totals["rejected"].as_u64()), (Some(0), Some(1)));
}

#[tokio::test]
async fn what_is_not_there_cannot_be_cancelled_or_shown() {
    let venue = venue();
    let mut api = Socket::api(venue.addr()).await;
    let order = limit("BUY", "100.00", "1.0", "GTC");
    let placed = api.good("order.place", with(order.clone(), "newClientOrderId", "one")).await;
    let id = placed["orderId"].clone();
    let named = |id: Value| json!({"symbol": "BTCUSDT", "orderId": id});
    assert_refused(&mut api, "order.cancel", named(99.into()), -2011, "Unknown order sent.").await;
    assert_refused(&mut api, "order.status", named(99.into()), -2013, "Order does not exist.").await;
    assert_refused(&mut api, "order.cancel", json!({"symbol": "BTCUSDT"}), -1102, "'orderId'").await;
    let elsewhere = with(named(id.clone()), "symbol", "ETHUSDT");
    assert_refused(&mut api, "order.cancel", elsewhere, -2011, "Unknown order sent.").await;
    let other = with(named(id.clone()), "origClientOrderId", "two");
    assert_refused(&mut api, "order.cancel", other, -2039, "Client order ID").await;
    let partly = with(named(id.clone()), "cancelRestrictions", "ONLY_PARTIALLY_FILLED");
    assert_refused(&mut api, "order.cancel", partly, -2011, "cancel restrictions").await;
    let twin = with(order, "newClientOrderId", "one");
    assert_refused(&mut api, "order.place", twin.clone(), -2010, "Duplicate order sent.").await;

    let cancelled = api.good("order.cancel", with(named(id.clone()), "newClientOrderId", "bye")).await;
    assert_eq!(cancelled["status"], "CANCELED");
    assert_eq!(
        (&cancelled["origClientOrderId"], &cancelled["clientOrderId"]),
        (&"one".into(), &"bye".into())
    );
    assert_refused(&mut api, "order.cancel", named(id), -2011, "Unknown order sent.").await;
    api.good("order.place", twin).await;
}

#[tokio::test]
async fn a_post_only_order_that_would_match_is_refused() {
    let venue = venue();
    let mut api = Socket::api(venue.addr()).await;
    api.good("order.place", limit("SELL", "100.00", "1", "GTX")).await;
    for price in ["100.00", "100.01"] {
        let crossing = limit("BUY", price, "1", "GTX");
        assert_refused(&mut api, "order.place", crossing, -2010, "Order would immediately match and take.")
            .await;
    }
    assert_eq!(api.good("order.place", limit("BUY", "99.99", "1", "GTX")).await["status"], "NEW");
}

#[tokio::test]
async fn an_unmatched_ioc_order_expires_and_that_is_no_error() {
    let venue = venue();
    let mut api = Socket::api(venue.addr()).await;
    api.subscribe_user().await;
    api.good("order.place", limit("SELL", "100.00", "1", "GTX")).await;
    let expired = api.good("order.place", limit("BUY", "99.99", "1", "IOC")).await;
    assert_eq!(expired["status"], "EXPIRED");
    assert_eq!(expired["expiryReason"], "UNFILLED_IOC_QUANTITY_EXPIRED");
    assert_eq!(expired["fills"], json!([]));
    assert_eq!(api.event("EXPIRED").await["eR"], "UNFILLED_IOC_QUANTITY_EXPIRED");

    let partly = api.good("order.place", limit("BUY", "100.00", "3", "IOC")).await;
    assert_eq!(
        (partly["status"].as_str(), partly["executedQty"].as_str()),
        (Some("EXPIRED"), Some("1.00000000"))
    );
    let account = api.good("account.status", json!({})).await;
    for balance in account["balances"].as_array().unwrap() {
        assert_eq!(balance["locked"], "0.00000000", "{balance}");
    }
}

#[tokio::test]
async fn self_trade_prevention_ends_the_maker_and_prints_nothing() {
    let venue = venue();
    let mut api = Socket::api(venue.addr()).await;
    api.subscribe_user().await;
    let maker = api.good("order.place", limit("SELL", "100.00", "1", "GTX")).await;
    let taker = with(limit("BUY", "100.00", "1", "IOC"), "selfTradePreventionMode", "EXPIRE_MAKER");
    let taker = api.good("order.place", taker).await;
    assert_eq!(
        (taker["status"].as_str(), taker["executedQty"].as_str()),
        (Some("EXPIRED"), Some("0.00000000"))
    );
    assert_eq!(taker["preventedMatches"][0]["makerOrderId"], maker["orderId"]);
    let report = api.event("TRADE_PREVENTION").await;
    assert_eq!((&report["i"], &report["X"]), (&maker["orderId"], &"EXPIRED_IN_MATCH".into()));
    let asked = json!({"symbol": "BTCUSDT", "orderId": maker["orderId"]});
    let status = api.good("order.status", asked).await;
    assert_eq!(status["status"], "EXPIRED_IN_MATCH");
    assert_eq!(status["preventedQuantity"], "1.00000000");
    assert_eq!(get(venue.addr(), "/api/v3/trades?symbol=BTCUSDT").await, json!([]));
}

#[tokio::test]
async fn the_strict_profile_knows_no_self_trades() {
    let options = VenueOptions { profile: Profile::strict(), ..VenueOptions::default() };
    let venue = simulator::start(options).unwrap();
    let mut api = Socket::api(venue.addr()).await;
    let info = get(venue.addr(), "/api/v3/exchangeInfo?symbol=BTCUSDT").await;
    assert_eq!(info["symbols"][0]["defaultSelfTradePreventionMode"], "EXPIRE_MAKER");
    let modes = json!(["EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH", "DECREMENT", "TRANSFER"]);
    assert_eq!(info["symbols"][0]["allowedSelfTradePreventionModes"], modes);
    let none = with(limit("SELL", "100.00", "1", "GTX"), "selfTradePreventionMode", "NONE");
    assert_refused(&mut api, "order.place", none, -1013, "does not allow").await;
    let small = limit("SELL", "100.00", "0.01", "GTX");
    assert_refused(&mut api, "order.place", small, -1013, "Filter failure: NOTIONAL").await;
    api.good("order.place", limit("SELL", "100.00", "1", "GTX")).await;
    assert_eq!(api.good("order.place", limit("BUY", "100.00", "1", "IOC")).await["status"], "EXPIRED");

    for _ in 0..160 {
        let placed = signed(TEST_KEY, limit("BUY", "50.00", "1", "GTX"));
        let answer = api.call("order.place", placed).await;
        if answer["status"] == 429 {
            assert_eq!(error_of(&answer).0, -1015);
            return;
        }
    }
    panic!("of 160 orders in a row more than 50 fall into one window of 10 s, even across two ends");
}

#[tokio::test]
async fn an_order_is_found_by_either_id_open_or_ended() {
    let venue = venue();
    let mut api = Socket::api(venue.addr()).await;
    let order = with(limit("BUY", "100.00", "2", "GTC"), "newClientOrderId", "mine");
    let placed = api.good("order.place", order).await;
    api.good("order.place", limit("SELL", "100.00", "0.5", "IOC")).await;
    let by_client = json!({"symbol": "BTCUSDT", "origClientOrderId": "mine"});
    let open = api.good("order.status", by_client.clone()).await;
    assert_eq!(
        (open["status"].as_str(), open["executedQty"].as_str()),
        (Some("PARTIALLY_FILLED"), Some("0.50000000"))
    );
    let listed = api.good("openOrders.status", json!({})).await;
    assert_eq!(listed, json!([open]));
    assert_eq!(rest(venue.addr(), "GET", "/api/v3/openOrders", "symbol=ETHUSDT").await.body, json!([]));

    let all = rest(venue.addr(), "DELETE", "/api/v3/openOrders", "symbol=BTCUSDT").await.body;
    assert_eq!((all.as_array().unwrap().len(), &all[0]["status"]), (1, &"CANCELED".into()));
    let ended = api.good("order.status", by_client).await;
    assert_eq!(
        (ended["status"].as_str(), ended["orderId"].as_u64()),
        (Some("CANCELED"), placed["orderId"].as_u64())
    );
    let by_id = format!("symbol=BTCUSDT&orderId={}", placed["orderId"]);
    assert_eq!(rest(venue.addr(), "GET", "/api/v3/order", &by_id).await.body, ended);
}

#[tokio::test]
async fn accounts_do_not_see_each_others_orders() {
    let accounts = vec![AccountSpec::new("test-key", "test-secret"), AccountSpec::new("other", "word")];
    let venue = simulator::start(VenueOptions { accounts, ..VenueOptions::default() }).unwrap();
    let mut api = Socket::api(venue.addr()).await;
    let other = Key { key: "other", secret: "word" };
    let placed = api.good("order.place", limit("BUY", "100.00", "1", "GTC")).await;
    let asked = json!({"symbol": "BTCUSDT", "orderId": placed["orderId"]});
    assert_eq!(error_of(&api.call("order.status", signed(other, asked.clone())).await).0, -2013);
    assert_eq!(error_of(&api.call("order.cancel", signed(other, asked)).await).0, -2011);
    let sold = api.call("order.place", signed(other, limit("SELL", "100.00", "1", "IOC"))).await;
    assert_eq!(sold["result"]["status"], "FILLED");
    let usdt = |accounts: &Value, at: usize| {
        let balances = accounts[at]["balances"].as_array().unwrap().clone();
        balances.into_iter().find(|balance| balance["asset"] == "USDT").unwrap()["free"].clone()
    };
    let accounts = get(venue.addr(), "/venue/accounts").await;
    assert_eq!(usdt(&accounts, 0), "999999999900.00000000");
    assert_eq!(usdt(&accounts, 1), "1000000000100.00000000");
}

#[tokio::test]
async fn an_answer_has_the_requests_id_and_as_much_as_was_asked_for() {
    let venue = venue();
    let mut api = Socket::api(venue.addr()).await;
    for id in ["7", "\"a-b\"", "null"] {
        api.send_text(&format!(r#"{{"id":{id},"method":"v3/time","params":{{"unknown":[1]}}}}"#)).await;
        let answer = api.wait(|message| message["result"]["serverTime"].is_i64()).await;
        assert_eq!(answer["id"].to_string(), id);
        assert_eq!(answer["rateLimits"][0]["rateLimitType"], "REQUEST_WEIGHT");
    }
    api.send_text("{").await;
    assert_eq!(error_of(&api.wait(|message| message["id"].is_null()).await).0, -1135);
    assert_eq!(error_of(&api.call("order.teleport", json!({})).await).0, -1020);

    let ack = signed(TEST_KEY, with(limit("BUY", "1.00", "1", "GTC"), "newOrderRespType", "ACK"));
    let ack = api.call("order.place", ack).await;
    assert_eq!(ack["result"].as_object().unwrap().len(), 5);
    assert_eq!(ack["rateLimits"].as_array().unwrap().len(), 3);
    assert_eq!(ack["rateLimits"][0]["count"], 1);
    let result = with(limit("BUY", "1.00", "1", "GTC"), "newOrderRespType", "RESULT");
    let result = signed(TEST_KEY, with(result, "returnRateLimits", false));
    let result = api.call("order.place", result).await;
    assert!(result["result"]["fills"].is_null() && result["result"]["status"] == "NEW");
    assert!(result["rateLimits"].is_null());
}

#[tokio::test]
async fn rest_answers_carry_the_limits_headers_and_the_books_state() {
    let venue = venue();
    let placed = "symbol=BTCUSDT&side=SELL&type=LIMIT&timeInForce=GTC&quantity=2&price=100.5";
    let reply = rest(venue.addr(), "POST", "/api/v3/order", placed).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    assert_eq!(reply.headers["x-mbx-order-count-10s"], "1");
    assert_eq!(reply.headers["x-mbx-order-count-1d"], "1");
    assert_eq!(reply.headers["x-mbx-used-weight-1m"], "1");
    let book = get(venue.addr(), "/api/v3/ticker/bookTicker?symbol=BTCUSDT").await;
    let want = json!({"symbol": "BTCUSDT", "bidPrice": "0.00000000", "bidQty": "0.00000000",
        "askPrice": "100.50000000", "askQty": "2.00000000"});
    assert_eq!(book, want);
    let many = get(venue.addr(), "/api/v3/ticker/bookTicker?symbols=%5B%22ETHUSDT%22,%22BTCUSDT%22%5D").await;
    assert_eq!((many.as_array().unwrap().len(), &many[1]), (2, &book));
    let depth = get(venue.addr(), "/api/v3/depth?symbol=BTCUSDT&limit=5").await;
    assert_eq!(depth, json!({"lastUpdateId": 1, "bids": [], "asks": [["100.50000000", "2.00000000"]]}));
    assert_eq!(rest(venue.addr(), "GET", "/api/v3/nothing", "").await.status, 404);
}
