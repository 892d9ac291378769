//! What anybody may ask and hear.

use self_trader::simulator::{self, SymbolSpec, VenueOptions};
use serde_json::json;

use super::{api, limit, pair};
use crate::client::{Socket, get, http, venue};

#[tokio::test]
async fn the_listing_has_the_fields_of_the_public_venue() {
    let venue = venue();
    let info = get(venue.addr(), "/fapi/v1/exchangeInfo").await;
    assert_eq!((&info["futuresType"], &info["timezone"]), (&json!("U_MARGINED"), &json!("UTC")));
    assert_eq!(
        info["assets"][0],
        json!({"asset": "USDT", "marginAvailable": true, "autoAssetExchange": "0"})
    );
    let limits: Vec<_> =
        info["rateLimits"].as_array().unwrap().iter().map(|limit| &limit["interval"]).collect();
    assert_eq!(limits, ["MINUTE", "MINUTE", "SECOND"]);
    let names: Vec<_> = info["symbols"].as_array().unwrap().iter().map(|symbol| &symbol["symbol"]).collect();
    assert_eq!(names, ["BTCUSDT", "ETHUSDT"]);
    let symbol = &info["symbols"][0];
    for (field, value) in [
        ("contractType", json!("PERPETUAL")),
        ("status", json!("TRADING")),
        ("marginAsset", json!("USDT")),
        ("pricePrecision", json!(2)),
        ("quantityPrecision", json!(3)),
        ("maintMarginPercent", json!("2.5000")),
        ("requiredMarginPercent", json!("5.0000")),
        ("orderTypes", json!(["LIMIT", "MARKET"])),
        ("timeInForce", json!(["GTC", "IOC", "FOK", "GTX", "GTD"])),
    ] {
        assert_eq!(symbol[field], value, "{field}");
    }
    let spot = get(venue.addr(), "/api/v3/exchangeInfo").await;
    assert_eq!(spot["symbols"].as_array().unwrap().len(), 2, "Spot lists its own");
}

#[tokio::test]
async fn the_book_is_shown_and_told() {
    let venue = venue();
    let addr = venue.addr();
    let mut api = api(addr).await;
    let mut diffs =
        Socket::open(addr, "/public/stream?streams=btcusdt@depth@100ms/btcusdt@depth5@100ms").await;
    let mut top = Socket::open(addr, "/usdm/public/ws/!bookTicker").await;
    for (side, price) in [("BUY", "99.00"), ("SELL", "101.00")] {
        api.good("order.place", limit(side, price, "1", "GTC")).await;
    }
    let is_diff = |event: &serde_json::Value| event["stream"] == "btcusdt@depth@100ms";
    let first = diffs.wait(is_diff).await["data"].clone();
    assert_eq!((&first["e"], &first["s"]), (&json!("depthUpdate"), &json!("BTCUSDT")));
    api.good("order.place", limit("BUY", "98.00", "1", "GTC")).await;
    // Each tick tells what it finds: the three orders are in two diffs or in three.
    let mut last = first;
    while !last["b"].to_string().contains("98.00") {
        let next = diffs.wait(is_diff).await["data"].clone();
        assert_eq!(next["pu"], last["u"], "diffs are chained");
        last = next;
    }
    let levels = diffs.wait(|event| event["data"]["b"].as_array().is_some_and(|bids| bids.len() == 2)).await;
    assert_eq!(levels["data"]["b"], json!([["99.00", "1.000"], ["98.00", "1.000"]]));
    let told = top.wait(|event| event["b"] == "99.00" && event["a"] == "101.00").await;
    assert_eq!((&told["e"], &told["A"]), (&json!("bookTicker"), &json!("1.000")));
    let book = get(addr, "/fapi/v1/depth?symbol=BTCUSDT&limit=5").await;
    assert_eq!(book["lastUpdateId"], last["u"]);
    assert!(book["E"].is_i64() && book["T"].is_i64());
    let ticker = get(addr, "/fapi/v1/ticker/bookTicker?symbol=BTCUSDT").await;
    assert_eq!((&ticker["bidPrice"], &ticker["askQty"]), (&json!("99.00"), &json!("1.000")));
    assert_eq!(api.call("ticker.book", json!({"symbol": "BTCUSDT"})).await["result"]["bidPrice"], "99.00");
    assert_eq!(
        api.call("depth", json!({"symbol": "BTCUSDT", "limit": 5})).await["result"]["bids"],
        book["bids"]
    );
}

#[tokio::test]
async fn trades_and_marks_are_told() {
    let mut symbol = SymbolSpec::perpetual("BTCUSDT", 2, 3);
    symbol.start_price = Some("64000".parse().unwrap());
    let venue = simulator::start(VenueOptions { symbols: vec![symbol], ..VenueOptions::default() }).unwrap();
    let addr = venue.addr();
    let index = get(addr, "/fapi/v1/premiumIndex?symbol=BTCUSDT").await;
    assert_eq!(
        (&index["markPrice"], &index["lastFundingRate"]),
        (&json!("64000.00000000"), &json!("0.00000000"))
    );
    assert_eq!(get(addr, "/fapi/v1/ticker/price?symbol=BTCUSDT").await["price"], "64000.00");
    let mut market =
        Socket::open(addr, "/market/ws/btcusdt@aggTrade/btcusdt@markPrice@1s/!markPrice@arr@1s").await;
    let mut public = Socket::open(addr, "/public/ws/btcusdt@trade").await;
    let mut api = api(addr).await;
    pair(&mut api, "SELL", "65000.10", "0.002").await;
    let trade = public.wait(|event| event["e"] == "trade").await;
    assert_eq!((&trade["p"], &trade["q"], &trade["m"]), (&json!("65000.10"), &json!("0.002"), &json!(true)));
    assert_eq!(trade["X"], "MARKET");
    let aggregate = market.wait(|event| event["e"] == "aggTrade").await;
    assert_eq!((&aggregate["f"], &aggregate["l"], &aggregate["m"]), (&trade["t"], &trade["t"], &json!(true)));
    let mark = market.wait(|event| event["e"] == "markPriceUpdate" && event["p"] == "65000.10000000").await;
    assert_eq!(
        (&mark["s"], &mark["i"], &mark["r"]),
        (&json!("BTCUSDT"), &json!("65000.10000000"), &json!("0.00000000"))
    );
    let all = market.wait(|event| event.is_array()).await;
    assert_eq!(all[0]["s"], "BTCUSDT");
    let listed = get(addr, "/fapi/v1/aggTrades?symbol=BTCUSDT").await;
    assert_eq!((&listed[0]["p"], listed[0].get("M")), (&json!("65000.10"), None));
    for path in ["fundingRate", "fundingInfo"] {
        assert_eq!(get(addr, &format!("/fapi/v1/{path}")).await, json!([]), "there is no funding");
    }
}

#[tokio::test]
async fn every_order_counts_and_nothing_is_given_back() {
    let options = VenueOptions { orders_per_10s: Some(4), ..VenueOptions::default() };
    let venue = simulator::start(options).unwrap();
    let mut api = api(venue.addr()).await;
    // A window may end between two orders: count until the limit holds, within two windows.
    let mut refusal = None;
    for _ in 0..10 {
        let answer = api
            .call(
                "order.place",
                crate::client::signed(crate::client::TEST_KEY, limit("BUY", "1.00", "1", "GTC")),
            )
            .await;
        if answer["status"] != 200 {
            refusal = Some(answer);
            break;
        }
        let orders: Vec<_> = answer["rateLimits"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|limit| limit["rateLimitType"] == "ORDERS")
            .collect();
        assert_eq!((&orders[0]["intervalNum"], &orders[1]["interval"]), (&json!(10), &json!("MINUTE")));
    }
    let refusal = refusal.expect("four orders fit");
    assert_eq!((&refusal["status"], &refusal["error"]["code"]), (&json!(429), &json!(-1015)));
    let hidden = api.call("time", json!({"returnRateLimits": false})).await;
    assert_eq!(hidden.get("rateLimits"), None);
}

#[tokio::test]
async fn what_the_table_does_not_have_is_not_found() {
    let venue = venue();
    let reply = http(venue.addr(), "GET", "/fapi/v9/time", None, "").await;
    assert_eq!((reply.status, &reply.body["code"]), (404, &json!(-1020)));
    let mut api = api(venue.addr()).await;
    assert_eq!(api.call("openOrders.status", json!({})).await["error"]["code"], -1020, "REST only");
}

#[tokio::test]
async fn candles_and_tickers_add_the_trades_up() {
    let venue = venue();
    let addr = venue.addr();
    let mut streams = Socket::open(
        addr,
        "/market/stream?streams=btcusdt@kline_1h/btcusdt@miniTicker/btcusdt@ticker/!miniTicker@arr/!ticker@arr",
    )
    .await;
    let mut api = api(addr).await;
    pair(&mut api, "SELL", "65000.10", "0.002").await;
    pair(&mut api, "BUY", "65010.10", "0.001").await;
    let rows = get(addr, "/fapi/v1/klines?symbol=BTCUSDT&interval=1M").await;
    let row = rows.as_array().unwrap().last().unwrap();
    let told = &row.as_array().unwrap()[1..6];
    assert_eq!(told, ["65000.10", "65010.10", "65000.10", "65010.10", "0.003"]);
    assert_eq!((&row[8], &row[9]), (&json!(2), &json!("0.001")), "trades, and what takers bought");
    for path in [
        "continuousKlines?pair=BTCUSDT&contractType=PERPETUAL",
        "indexPriceKlines?pair=BTCUSDT",
        "markPriceKlines?symbol=BTCUSDT",
    ] {
        assert_eq!(get(addr, &format!("/fapi/v1/{path}&interval=1M")).await, rows, "{path}");
    }
    let day = get(addr, "/fapi/v1/ticker/24hr?symbol=BTCUSDT").await;
    for (field, value) in [
        ("priceChange", json!("10.00")),
        ("lastPrice", json!("65010.10")),
        ("lastQty", json!("0.001")),
        ("volume", json!("0.003")),
        ("quoteVolume", json!("195.01030")),
        ("count", json!(2)),
    ] {
        assert_eq!(day[field], value, "{field}");
    }
    assert_eq!(get(addr, "/fapi/v1/ticker/24hr").await.as_array().unwrap().len(), 2);
    for stream in
        ["btcusdt@kline_1h", "btcusdt@miniTicker", "btcusdt@ticker", "!miniTicker@arr", "!ticker@arr"]
    {
        let told = streams
            .wait(|event| {
                let data = if event["data"].is_array() { &event["data"][0] } else { &event["data"] };
                event["stream"] == stream && (data["v"] == "0.003" || data["k"]["v"] == "0.003")
            })
            .await;
        assert!(told["data"].is_array() == stream.starts_with('!'), "{stream}");
    }
}
