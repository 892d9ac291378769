//! Orders of every kind: MARKET, FOK, amended and replaced ones, and those that must not meet.

use self_trader::simulator::{self, AccountSpec, Profile, RunningVenue, SymbolSpec, VenueOptions};
use serde_json::{Value, json};

use crate::client::{Key, Socket, TEST_KEY, error_of, limit, rest, signed, venue, with};

fn market(side: &str, name: &str, value: &str) -> Value {
    json!({"symbol": "BTCUSDT", "side": side, "type": "MARKET", name: value})
}

#[tokio::test]
async fn a_market_order_takes_what_there_is_by_quantity_or_by_amount() {
    let venue = venue();
    let mut api = Socket::api(venue.addr()).await;
    api.subscribe_user().await;
    for price in ["100.00", "110.00"] {
        api.good("order.place", limit("SELL", price, "1", "GTX")).await;
    }
    let by_qty = api.good("order.place", market("BUY", "quantity", "1.5")).await;
    assert_eq!((&by_qty["status"], &by_qty["type"]), (&json!("FILLED"), &json!("MARKET")));
    assert_eq!((&by_qty["price"], &by_qty["timeInForce"]), (&json!("0.00000000"), &json!("GTC")));
    assert_eq!(by_qty["cummulativeQuoteQty"], "155.00000000");
    assert_eq!(by_qty["fills"].as_array().unwrap().len(), 2);
    let report = api.event("TRADE").await;
    assert!(report["W"].is_i64(), "the maker rested: {report}");

    let by_amount = api.good("order.place", market("BUY", "quoteOrderQty", "33")).await;
    assert_eq!(by_amount["origQuoteOrderQty"], "33.00000000");
    assert_eq!((&by_amount["executedQty"], &by_amount["status"]), (&json!("0.30000000"), &json!("FILLED")));
    let rest_of_it = api.good("order.place", market("BUY", "quantity", "1")).await;
    assert_eq!(
        (&rest_of_it["status"], &rest_of_it["executedQty"]),
        (&json!("EXPIRED"), &json!("0.20000000"))
    );
    assert_eq!(rest_of_it["expiryReason"], "INSUFFICIENT_LIQUIDITY");
    assert_eq!(api.event("EXPIRED").await["eR"], "INSUFFICIENT_LIQUIDITY");
}

#[tokio::test]
async fn a_fill_or_kill_order_is_filled_or_expires_whole() {
    let venue = venue();
    let mut api = Socket::api(venue.addr()).await;
    api.good("order.place", limit("SELL", "100.00", "1", "GTX")).await;
    let killed = api.good("order.place", limit("BUY", "100.00", "1.5", "FOK")).await;
    assert_eq!((&killed["status"], &killed["executedQty"]), (&json!("EXPIRED"), &json!("0.00000000")));
    assert_eq!(killed["expiryReason"], "UNFILLED_FOK_ORDER_EXPIRED");
    let filled = api.good("order.place", limit("BUY", "100.00", "1", "FOK")).await;
    assert_eq!((&filled["status"], &filled["timeInForce"]), (&json!("FILLED"), &json!("FOK")));
}

#[tokio::test]
async fn an_amended_order_keeps_its_place() {
    let venue = venue();
    let mut api = Socket::api(venue.addr()).await;
    api.subscribe_user().await;
    let first = with(limit("SELL", "100.00", "2", "GTX"), "newClientOrderId", "first");
    let first = api.good("order.place", first).await;
    api.good("order.place", with(limit("SELL", "100.00", "2", "GTX"), "newClientOrderId", "second")).await;
    let change = json!({"symbol": "BTCUSDT", "origClientOrderId": "first", "newQty": "1.5", "newClientOrderId": "smaller"});
    let amended = api.good("order.amend.keepPriority", change).await;
    let order = &amended["amendedOrder"];
    assert_eq!((&order["origClientOrderId"], &order["clientOrderId"]), (&json!("first"), &json!("smaller")));
    assert_eq!((&order["qty"], &order["orderId"]), (&json!("1.50000000"), &first["orderId"]));
    let report = api.event("REPLACED").await;
    assert_eq!(
        (&report["C"], &report["c"], &report["q"]),
        (&json!("first"), &json!("smaller"), &json!("1.50000000"))
    );
    assert_eq!(report["I"], amended["executionId"]);

    api.good("order.place", limit("BUY", "100.00", "1", "IOC")).await;
    assert_eq!(api.event("TRADE").await["c"], "smaller", "it was there first");
    let asked = json!({"symbol": "BTCUSDT", "orderId": first["orderId"]});
    for (qty, words) in [
        ("2", "Order amend (quantity increase) is not supported."),
        ("1.5", "The requested action would change no state; rejecting."),
    ] {
        let refused = api.refused("order.amend.keepPriority", with(asked.clone(), "newQty", qty)).await;
        assert_eq!(refused, (-2038, words.to_owned()));
    }
    let told = api.good("order.amendments", asked).await;
    assert_eq!((&told[0]["origQty"], &told[0]["newQty"]), (&json!("2.00000000"), &json!("1.50000000")));
}

#[tokio::test]
async fn a_replacement_says_how_far_it_came() {
    let venue = venue();
    let mut api = Socket::api(venue.addr()).await;
    api.subscribe_user().await;
    api.good("order.place", limit("SELL", "100.00", "1", "GTX")).await;
    let old = api.good("order.place", limit("BUY", "90.00", "1", "GTX")).await;
    let replace = |price: &str, mode: &str, id: &Value| {
        let new = with(limit("BUY", price, "1", "GTX"), "cancelReplaceMode", mode);
        signed(TEST_KEY, with(new, "cancelOrderId", id.clone()))
    };
    let both = api.call("order.cancelReplace", replace("91.00", "STOP_ON_FAILURE", &old["orderId"])).await;
    assert_eq!(
        (&both["status"], &both["result"]["cancelResult"]),
        (&json!(200), &json!("SUCCESS")),
        "{both}"
    );
    assert_eq!(both["result"]["cancelResponse"]["status"], "CANCELED");
    let new = both["result"]["newOrderResponse"].clone();
    assert_eq!((&new["status"], &new["price"]), (&json!("NEW"), &json!("91.00000000")));
    assert_eq!(api.event("CANCELED").await["C"], old["clientOrderId"]);

    let gone = &old["orderId"];
    for (price, mode, id, status, code, results) in [
        ("92.00", "STOP_ON_FAILURE", gone, 400, -2022, ["FAILURE", "NOT_ATTEMPTED"]),
        ("101.00", "ALLOW_FAILURE", gone, 400, -2022, ["FAILURE", "FAILURE"]),
        ("92.00", "ALLOW_FAILURE", gone, 409, -2021, ["FAILURE", "SUCCESS"]),
        ("101.00", "STOP_ON_FAILURE", &new["orderId"], 409, -2021, ["SUCCESS", "FAILURE"]),
    ] {
        let answer = api.call("order.cancelReplace", replace(price, mode, id)).await;
        assert_eq!((answer["status"].as_i64(), error_of(&answer).0), (Some(status), code), "{answer}");
        let data = &answer["error"]["data"];
        assert_eq!([&data["cancelResult"], &data["newOrderResult"]], results, "{answer}");
        let halves = [&data["cancelResponse"], &data["newOrderResponse"]];
        for (half, result) in halves.into_iter().zip(results) {
            let fits = match result {
                "SUCCESS" => half["orderId"].is_i64(),
                "FAILURE" => half["code"].is_i64() && half["msg"].is_string(),
                _ => half.is_null(),
            };
            assert!(fits, "{answer}");
        }
    }
    let bad = rest(venue.addr(), "POST", "/api/v3/order/cancelReplace", &format!(
        "symbol=BTCUSDT&side=BUY&type=LIMIT_MAKER&price=91&quantity=1&cancelReplaceMode=STOP_ON_FAILURE&cancelOrderId={gone}"
    )).await;
    assert_eq!((bad.status, &bad.body["data"]["newOrderResult"]), (400, &json!("NOT_ATTEMPTED")));
}

const ALLY: Key = Key { key: "ally", secret: "ally-secret" };

/// Two accounts of one trade group.
fn group() -> RunningVenue {
    let account = |key: Key| AccountSpec { trade_group: Some(7), ..AccountSpec::new(key.key, key.secret) };
    let accounts = vec![account(TEST_KEY), account(ALLY)];
    simulator::start(VenueOptions { accounts, ..VenueOptions::default() }).unwrap()
}

#[tokio::test]
async fn every_mode_of_self_trade_prevention_ends_the_orders_that_it_names() {
    // Maker 2, taker 3: what becomes of them, and what is taken off each.
    for (mode, maker_ends, taker_ends, taken) in [
        ("EXPIRE_TAKER", "NEW", "EXPIRED_IN_MATCH", [None, Some("3.00000000")]),
        ("EXPIRE_MAKER", "EXPIRED_IN_MATCH", "EXPIRED", [Some("2.00000000"), None]),
        ("EXPIRE_BOTH", "EXPIRED_IN_MATCH", "EXPIRED_IN_MATCH", [Some("2.00000000"), Some("3.00000000")]),
        ("DECREMENT", "EXPIRED_IN_MATCH", "EXPIRED", [Some("2.00000000"), Some("2.00000000")]),
    ] {
        let venue = group();
        let mut api = Socket::api(venue.addr()).await;
        api.subscribe_user().await;
        let maker = api.good("order.place", limit("SELL", "100.00", "2", "GTX")).await;
        let taker = with(limit("BUY", "100.00", "3", "IOC"), "selfTradePreventionMode", mode);
        let taker = api.call("order.place", signed(ALLY, taker)).await["result"].clone();
        assert_eq!(
            (&taker["status"], &taker["executedQty"]),
            (&json!(taker_ends), &json!("0.00000000")),
            "{mode}"
        );
        assert_eq!(taker["tradeGroupId"], 7, "{mode}: {taker}");
        let prevented = &taker["preventedMatches"][0];
        assert_eq!(prevented["makerOrderId"], maker["orderId"], "{mode}");
        let quantities = ["makerPreventedQuantity", "takerPreventedQuantity"];
        for (name, wanted) in quantities.into_iter().zip(taken) {
            assert_eq!(prevented[name].as_str(), wanted, "{mode} {name}");
        }
        let asked = json!({"symbol": "BTCUSDT", "orderId": maker["orderId"]});
        let after = api.good("order.status", asked.clone()).await;
        assert_eq!(after["status"], maker_ends, "{mode}");
        let told = api.good("myPreventedMatches", asked).await;
        assert_eq!(
            (&told[0]["takerOrderId"], &told[0]["selfTradePreventionMode"]),
            (&taker["orderId"], &json!(mode))
        );
        if taken[0].is_some() {
            let report = api.event("TRADE_PREVENTION").await;
            assert_eq!(
                (&report["v"], &report["U"], &report["u"]),
                (&told[0]["preventedMatchId"], &taker["orderId"], &json!(7))
            );
            assert_eq!(
                (&report["Cs"], &report["pL"], &report["L"]),
                (&json!("BTCUSDT"), &json!("100.00000000"), &json!("0.00000000"))
            );
            assert_eq!(after["preventedMatchId"], told[0]["preventedMatchId"]);
        }
    }
}

#[tokio::test]
async fn fees_are_paid_in_what_is_received() {
    let mut profile = Profile::open();
    (profile.spot.maker_fee_ppm, profile.spot.taker_fee_ppm) = (1_000, 2_000);
    let venue = simulator::start(VenueOptions { profile, ..VenueOptions::default() }).unwrap();
    let mut api = Socket::api(venue.addr()).await;
    api.subscribe_user().await;
    api.good("order.place", limit("SELL", "100.00", "2", "GTX")).await;
    let taker = api.good("order.place", limit("BUY", "100.00", "2", "IOC")).await;
    assert_eq!(
        (&taker["fills"][0]["commission"], &taker["fills"][0]["commissionAsset"]),
        (&json!("0.00400000"), &json!("BTC"))
    );
    let maker = api.event("TRADE").await;
    assert_eq!((&maker["n"], &maker["N"]), (&json!("0.20000000"), &json!("USDT")));
    let mine = api.good("myTrades", json!({"symbol": "BTCUSDT", "orderId": taker["orderId"]})).await;
    assert_eq!((mine.as_array().unwrap().len(), &mine[0]["commission"]), (1, &json!("0.00400000")));
    let rates = api.good("account.commission", json!({"symbol": "BTCUSDT"})).await;
    assert_eq!(rates["standardCommission"]["taker"], "0.00200000");
    let tested = with(limit("BUY", "100.00", "2", "IOC"), "computeCommissionRates", true);
    let tested = api.good("order.test", tested).await;
    assert_eq!(tested["standardCommissionForOrder"], json!({"maker": "0.00100000", "taker": "0.00200000"}));
}

#[tokio::test]
async fn filters_bound_prices_around_the_last_ones_and_amounts() {
    let mut symbol = SymbolSpec::named("BTCUSDT", 2, 5);
    symbol.start_price = Some(schemas::units::Decimal::parse("100").unwrap());
    let options =
        VenueOptions { profile: Profile::strict(), symbols: vec![symbol], ..VenueOptions::default() };
    let venue = simulator::start(options).unwrap();
    let mut api = Socket::api(venue.addr()).await;
    let refused = |order: Value, name: &str| (order, format!("Filter failure: {name}"));
    for (order, words) in [
        refused(limit("BUY", "1000.00", "1", "GTX"), "PERCENT_PRICE_BY_SIDE"),
        refused(limit("SELL", "1.00", "10", "GTX"), "PERCENT_PRICE_BY_SIDE"),
        refused(limit("BUY", "100.00", "0.0499", "GTX"), "NOTIONAL"),
        refused(market("SELL", "quantity", "100.1"), "MARKET_LOT_SIZE"),
        refused(market("SELL", "quantity", "0.01"), "NOTIONAL"),
    ] {
        let shown = order.to_string();
        assert_eq!(api.refused("order.place", order).await, (-1013, words), "{shown}");
    }
    api.good("order.place", limit("BUY", "100.00", "0.05", "GTX")).await;
    let marked = with(with(limit("BUY", "99.00", "1", "GTX"), "strategyId", 37), "strategyType", 1_000_001);
    let marked = api.good("order.place", marked).await;
    let asked = json!({"symbol": "BTCUSDT", "orderId": marked["orderId"]});
    let marked = api.good("order.status", asked).await;
    assert_eq!((&marked["strategyId"], &marked["strategyType"]), (&json!(37), &json!(1_000_001)));
}
