//! The venue's own books of account tell exactly what was traded.

use std::time::Duration;

use self_trader::simulator::{self, AccountSpec, SymbolSpec, VenueError, VenueOptions};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::client::{Socket, get, http, limit, venue, with};

#[tokio::test]
async fn the_ledger_is_what_was_traded_leg_for_leg() {
    let venue = venue();
    let addr = venue.addr();
    let mut api = Socket::api(addr).await;
    let mut told: Vec<[String; 4]> = Vec::new();
    for number in 0..60_u32 {
        let symbol = if number.is_multiple_of(3) { "ETHUSDT" } else { "BTCUSDT" };
        let (price, qty) = (format!("{}.50", 100 + number % 7), format!("0.{:03}", 1 + number));
        let (maker_side, taker_side) =
            if number.is_multiple_of(2) { ("SELL", "BUY") } else { ("BUY", "SELL") };
        let [maker, taker] = [(maker_side, "GTX", "m"), (taker_side, "IOC", "t")].map(|(side, life, leg)| {
            let order = with(limit(side, &price, &qty, life), "symbol", symbol);
            with(order, "newClientOrderId", format!("p{number}{leg}"))
        });
        api.good("order.place", maker).await;
        if number.is_multiple_of(5) {
            let cancel = json!({"symbol": symbol, "origClientOrderId": format!("p{number}m")});
            api.good("order.cancel", cancel).await;
        }
        let filled = api.good("order.place", taker).await["status"] == "FILLED";
        assert_eq!(filled, !number.is_multiple_of(5));
        if filled {
            told.push([
                symbol.to_owned(),
                format!("{qty}00000"),
                format!("p{number}m"),
                format!("p{number}t"),
            ]);
        }
    }
    let trades = get(addr, "/venue/trades").await;
    let legs = |trade: &Value| {
        ["symbol", "qty", "makerClientOrderId", "takerClientOrderId"]
            .map(|name| trade[name].as_str().unwrap().to_owned())
    };
    assert_eq!(trades.as_array().unwrap().iter().map(legs).collect::<Vec<_>>(), told);
    let orders = get(addr, "/venue/orders").await;
    assert_eq!(orders.as_array().unwrap().len(), 120);
    for trade in trades.as_array().unwrap() {
        for (id, client) in [("makerOrderId", "makerClientOrderId"), ("takerOrderId", "takerClientOrderId")] {
            let order = &orders[usize::try_from(trade[id].as_u64().unwrap() - 1).unwrap()];
            assert_eq!((&order["clientOrderId"], &order["status"]), (&trade[client], &"FILLED".into()));
        }
    }
    let totals = get(addr, "/venue/totals").await;
    let count = |name: &str| totals[name].as_u64().unwrap();
    assert_eq!((count("orders"), count("trades"), count("cancels")), (120, 48, 12));
    assert_eq!((count("expired"), count("open_orders")), (12, 0));
    assert_eq!(totals["symbols"]["ETHUSDT"]["trades"], 16);
    assert_nothing_is_lost(&get(addr, "/venue/accounts").await);
}

/// The one account traded with itself: it has all that it began with.
fn assert_nothing_is_lost(accounts: &Value) {
    for balance in accounts[0]["balances"].as_array().unwrap() {
        assert_eq!(balance["free"], "1000000000000.00000000", "{balance}");
        assert_eq!(balance["locked"], "0.00000000", "{balance}");
    }
}

#[tokio::test]
async fn the_ledger_can_be_asked_in_part() {
    let venue = venue();
    let addr = venue.addr();
    let mut api = Socket::api(addr).await;
    for symbol in ["BTCUSDT", "ETHUSDT", "BTCUSDT"] {
        api.good("order.place", with(limit("BUY", "100.00", "1", "GTC"), "symbol", symbol)).await;
    }
    let ids = |orders: Value| {
        orders.as_array().unwrap().iter().map(|o| o["orderId"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(ids(get(addr, "/venue/orders?symbol=BTCUSDT").await), [1, 3]);
    assert_eq!(ids(get(addr, "/venue/orders?limit=2").await), [1, 2]);
    let last = get(addr, "/venue/orders").await[2]["updateTime"].as_i64().unwrap();
    assert_eq!(get(addr, &format!("/venue/orders?since={}", last + 1)).await, json!([]));
    assert!(ids(get(addr, &format!("/venue/orders?since={last}")).await).contains(&3));
    assert_eq!(get(addr, "/venue/trades?symbol=ETHUSDT").await, json!([]));
    assert_eq!(http(addr, "GET", "/venue/orders?symbol=NOPE", None, "").await.status, 400);
    assert_eq!(http(addr, "GET", "/venue/stamps", None, "").await.status, 404);
}

#[tokio::test]
async fn a_long_list_comes_whole() {
    let venue = venue();
    let mut api = Socket::api(venue.addr()).await;
    for _ in 0..1_050 {
        api.good("order.place", limit("BUY", "100.00", "1", "IOC")).await;
    }
    for order in [1_u64, 1_000, 1_001, 1_050] {
        let orders = get(venue.addr(), "/venue/orders").await;
        assert_eq!(orders[usize::try_from(order - 1).unwrap()]["orderId"], order);
    }
    let eth = get(venue.addr(), "/venue/orders?symbol=ETHUSDT").await;
    assert_eq!(eth, json!([]), "a first batch without a match does not end the list early");
}

#[tokio::test]
async fn a_venue_stops_when_told_and_its_port_with_it() {
    let venue = venue();
    let addr = venue.addr();
    let mut api = Socket::api(addr).await;
    api.call("ping", json!({})).await;
    timeout(Duration::from_secs(5), tokio::task::spawn_blocking(move || venue.shutdown()))
        .await
        .unwrap()
        .unwrap();
    let again = simulator::start(VenueOptions { listen: addr, ..VenueOptions::default() });
    assert_eq!(again.unwrap().addr(), addr, "the port is free again");
}

#[test]
fn contradictions_do_not_start() {
    let start = |change: fn(&mut VenueOptions)| {
        let mut options = VenueOptions::default();
        change(&mut options);
        simulator::start(options).map(drop).unwrap_err()
    };
    let twice = start(|options| options.symbols.push(SymbolSpec::named("BTCUSDT", 1, 1)));
    assert!(matches!(twice, VenueError::Duplicate(name) if name == "BTCUSDT"));
    let twice = start(|options| options.accounts.push(AccountSpec::new("test-key", "x")));
    assert!(matches!(twice, VenueError::Duplicate(_)));
    assert!(matches!(start(|options| options.symbols.clear()), VenueError::Empty("symbols")));
    let fine = start(|options| options.symbols.push(SymbolSpec::named("FINEUSDT", 10, 10)));
    let last = VenueOptions::default().symbols.len() + 1;
    assert!(matches!(fine, VenueError::Symbol { entry, .. } if entry == last), "{fine}");
    let taken = self_trader::simulator::start(VenueOptions::default()).unwrap();
    let second = simulator::start(VenueOptions { listen: taken.addr(), ..VenueOptions::default() });
    assert!(matches!(second.map(drop), Err(VenueError::Listen { .. })));
}

#[test]
fn symbols_are_read_from_lines_arrays_and_rows() {
    let spec = SymbolSpec::parse("FOOBTC 4 2 0.05").unwrap();
    assert_eq!((spec.base.as_str(), spec.quote.as_str()), ("FOO", "BTC"));
    assert_eq!(spec.start_price.map(|price| price.to_string()).as_deref(), Some("0.05"));
    let object =
        r#"{"name":"AB","base":"A","quote":"B","price_decimals":1,"qty_decimals":0,"start_price":2.50}"#;
    let spec = SymbolSpec::parse(object).unwrap();
    assert_eq!((spec.base.as_str(), spec.start_price.unwrap().to_string()), ("A", "2.50".to_owned()));
    assert_eq!(SymbolSpec::parse_list(&format!("[{object}, {object}]")).unwrap().len(), 2);
    assert_eq!(SymbolSpec::parse_list(&format!("# two\n{object}\n\nXUSDT 1 1\n")).unwrap().len(), 2);
    for bad in [
        "XUSDT",
        "XUSDT 1",
        "XUSDT one 1",
        "XUSDT 300 1",
        "XUSDT 1 1 -5",
        "XUSDT 1 1 5 6",
        "XUSDT 10 9",
        "{}",
        r#"{"name":"X","base":"X","quote":"X","price_decimals":1,"qty_decimals":1}"#,
        r#"{"name":"X","price_decimals":1,"qty_decimals":1,"colour":1}"#,
    ] {
        assert!(SymbolSpec::parse(bad).is_err(), "{bad}");
    }
    let error = SymbolSpec::parse_list("AUSDT 1 1\nnonsense").unwrap_err();
    assert!(matches!(error, VenueError::Symbol { entry: 2, .. }), "{error}");
}
