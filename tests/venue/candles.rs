//! Candles, tickers and averages, asked for and streamed.

use serde_json::{Value, json};

use crate::client::{Socket, get, limit, venue, with};

const INTERVALS: [&str; 16] =
    ["1s", "1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d", "3d", "1w", "1M"];

/// Three trades: 2 at 100, 1 at 110, 1 at 90; buyers came to the first two.
async fn trade(api: &mut Socket) {
    for (maker, taker, price, qty) in
        [("SELL", "BUY", "100.00", "2"), ("SELL", "BUY", "110.00", "1"), ("BUY", "SELL", "90.00", "1")]
    {
        api.good("order.place", limit(maker, price, qty, "GTX")).await;
        api.good("order.place", limit(taker, price, qty, "IOC")).await;
    }
}

#[tokio::test]
async fn candles_of_every_interval_add_up_to_the_same_trades() {
    let venue = venue();
    let mut api = Socket::api(venue.addr()).await;
    assert_eq!(get(venue.addr(), "/api/v3/klines?symbol=BTCUSDT&interval=1m").await, json!([]));
    trade(&mut api).await;
    for interval in INTERVALS {
        let rows = get(venue.addr(), &format!("/api/v3/klines?symbol=BTCUSDT&interval={interval}")).await;
        let rows = rows.as_array().unwrap();
        let count: u64 = rows.iter().map(|row| row[8].as_u64().unwrap()).sum();
        assert_eq!(count, 3, "{interval}: {rows:?}");
        let (first, last) = (&rows[0], &rows[rows.len() - 1]);
        assert_eq!((&first[1], &last[4]), (&json!("100.00000000"), &json!("90.00000000")), "{interval}");
        assert!(first[0].as_i64() < first[6].as_i64() && first.as_array().unwrap().len() == 12);
    }
    let day = get(venue.addr(), "/api/v3/uiKlines?symbol=BTCUSDT&interval=1M&limit=1").await[0].clone();
    let numbers: Vec<_> = [2, 3, 5, 7, 9, 10].into_iter().map(|at| day[at].as_str().unwrap()).collect();
    let wanted = ["110.00000000", "90.00000000", "4.00000000", "400.00000000", "3.00000000", "310.00000000"];
    assert_eq!(numbers, wanted);
    let later = get(venue.addr(), "/api/v3/klines?symbol=BTCUSDT&interval=1d&startTime=4000000000000").await;
    assert_eq!(later, json!([]));
}

#[tokio::test]
async fn tickers_tell_what_happened_in_their_window() {
    let venue = venue();
    let mut api = Socket::api(venue.addr()).await;
    trade(&mut api).await;
    let day = get(venue.addr(), "/api/v3/ticker/24hr?symbol=BTCUSDT").await;
    for (name, value) in [
        ("priceChange", "-10.00000000"),
        ("priceChangePercent", "-10.000"),
        ("weightedAvgPrice", "100.00000000"),
        ("prevClosePrice", "100.00000000"),
        ("lastPrice", "90.00000000"),
        ("lastQty", "1.00000000"),
        ("openPrice", "100.00000000"),
        ("highPrice", "110.00000000"),
        ("lowPrice", "90.00000000"),
        ("volume", "4.00000000"),
        ("quoteVolume", "400.00000000"),
    ] {
        assert_eq!(day[name], value, "{name}");
    }
    assert_eq!((&day["count"], &day["firstId"], &day["lastId"]), (&json!(3), &json!(1), &json!(3)));
    assert_eq!(day["closeTime"].as_i64().unwrap() - day["openTime"].as_i64().unwrap(), 86_400_000);
    let all = get(venue.addr(), "/api/v3/ticker/24hr?type=MINI").await;
    assert_eq!((all.as_array().unwrap().len(), &all[1]["count"]), (2, &json!(0)));
    assert!(all[0].get("priceChange").is_none());
    let hour = api.call("ticker", json!({"symbol": "BTCUSDT", "windowSize": "1h"})).await["result"].clone();
    assert_eq!((hour["openTime"].as_i64().unwrap() % 60_000, &hour["count"]), (0, &json!(3)));
    let today = get(venue.addr(), "/api/v3/ticker/tradingDay?symbols=%5B%22BTCUSDT%22%5D").await;
    assert_eq!(today[0]["openTime"].as_i64().unwrap() % 86_400_000, 0);
    let average = get(venue.addr(), "/api/v3/avgPrice?symbol=BTCUSDT").await;
    assert_eq!((&average["mins"], &average["price"]), (&json!(5), &json!("100.00000000")));
    assert_eq!(average["closeTime"], get(venue.addr(), "/api/v3/trades?symbol=BTCUSDT").await[2]["time"]);
}

#[tokio::test]
async fn what_is_asked_for_is_streamed_as_well() {
    let venue = venue();
    let mut api = Socket::api(venue.addr()).await;
    let names = [
        "btcusdt@kline_1s",
        "btcusdt@kline_1m",
        "btcusdt@miniTicker",
        "btcusdt@ticker",
        "btcusdt@ticker_1h",
        "btcusdt@avgPrice",
        "btcusdt@referencePrice",
        "!miniTicker@arr",
    ];
    let mut streams = Socket::open(venue.addr(), &format!("/stream?streams={}", names.join("/"))).await;
    trade(&mut api).await;
    let mut told = Vec::new();
    for name in names {
        let message = streams.wait(|message| message["stream"] == name).await;
        told.push(message["data"].clone());
    }
    let kinds = ["kline", "kline", "24hrMiniTicker", "24hrTicker", "1hTicker", "avgPrice", "referencePrice"];
    for (payload, kind) in told.iter().zip(kinds) {
        assert_eq!(payload["e"], kind);
    }
    assert!(told[6]["r"].is_null());
    assert_eq!(told[7][0]["e"], "24hrMiniTicker", "{}", told[7]);
    // A second that traded is told once more when it is over; empty ones follow with its close. One that is over
    // before anything was told of it is not told at all: then the next one trades.
    let closed = |message: &Value| message["data"]["k"]["i"] == "1s" && message["data"]["k"]["x"] == true;
    let mut kline = streams.wait(closed).await["data"]["k"].clone();
    for _ in 0..20 {
        if kline["n"] != 0 {
            break;
        }
        trade(&mut api).await;
        kline = streams.wait(closed).await["data"]["k"].clone();
    }
    assert_ne!(kline["n"], 0, "{kline}");
    assert_eq!(kline["T"].as_i64().unwrap() - kline["t"].as_i64().unwrap(), 999);
    let empty = |message: &Value| {
        let kline = &message["data"]["k"];
        kline["i"] == "1s" && kline["n"] == 0 && kline["o"] == "90.00000000"
    };
    let empty = streams.wait(empty).await["data"]["k"].clone();
    assert_eq!((&empty["f"], &empty["v"]), (&json!(-1), &json!("0.00000000")));
}

#[tokio::test]
async fn trades_are_found_by_id_and_by_time() {
    let venue = venue();
    let mut api = Socket::api(venue.addr()).await;
    trade(&mut api).await;
    let from = api.good("trades.historical", json!({"symbol": "BTCUSDT", "fromId": 2, "limit": 1})).await;
    assert_eq!((from.as_array().unwrap().len(), &from[0]["id"]), (1, &json!(2)));
    let all = get(venue.addr(), "/api/v3/aggTrades?symbol=BTCUSDT&startTime=1&limit=2").await;
    assert_eq!((&all[0]["a"], &all[1]["a"]), (&json!(1), &json!(2)));
    let mine = with(json!({"symbol": "BTCUSDT"}), "fromId", 2);
    let mine = api.good("myTrades", mine).await;
    assert_eq!((mine.as_array().unwrap().len(), &mine[0]["id"]), (4, &json!(2)), "both legs of two trades");
    let rules = get(venue.addr(), "/api/v3/executionRules?symbol=BTCUSDT").await;
    assert_eq!(rules, json!({"symbolRules": [{"symbol": "BTCUSDT", "rules": []}]}));
    let filters = api.good("myFilters", json!({"symbol": "BTCUSDT"})).await;
    assert_eq!(filters["symbolFilters"][0]["filterType"], "PRICE_FILTER");
}
