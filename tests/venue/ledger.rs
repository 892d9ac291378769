//! The venue's own books of account tell exactly what was traded.

use self_trader::simulator::{self, AccountSpec, SymbolSpec, VenueError, VenueOptions};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::client::{SOON, Socket, get, http, limit, venue, with};

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
async fn the_event_log_tells_what_happened_in_order() {
    let venue = venue();
    let addr = venue.addr();
    let mut api = Socket::api(addr).await;
    for (symbol, client) in [("BTCUSDT", "one"), ("ETHUSDT", "two")] {
        let order = with(limit("SELL", "100.00", "2", "GTC"), "symbol", symbol);
        api.good("order.place", with(order, "newClientOrderId", client)).await;
    }
    let taker = with(limit("BUY", "100.00", "0.5", "IOC"), "newClientOrderId", "three");
    api.good("order.place", taker).await;
    api.good("order.cancel", json!({"symbol": "BTCUSDT", "origClientOrderId": "one"})).await;

    let of_symbol = get(addr, "/venue/events?symbol=BTCUSDT&product=spot").await;
    let events = of_symbol["events"].as_array().unwrap();
    let told: Vec<_> = events.iter().map(|event| event["kind"].as_str().unwrap()).collect();
    assert_eq!(told, ["accepted", "accepted", "traded", "ended"]);
    let trade = &events[2];
    assert_eq!(
        (&trade["maker"]["client"], &trade["taker"]["client"], &trade["qty"], &trade["buyerIsMaker"]),
        (&"one".into(), &"three".into(), &"0.50000000".into(), &false.into())
    );
    assert_eq!((&events[3]["client"], &events[3]["account"]), (&"one".into(), &"test-key".into()));
    assert!(events.iter().zip(&events[1..]).all(|(one, next)| one["seq"].as_u64() < next["seq"].as_u64()));

    let all = get(addr, "/venue/events").await;
    assert_eq!(
        (&all["oldest"], all["newest"].as_u64().unwrap() + 1),
        (&1.into(), all["next"].as_u64().unwrap())
    );
    let trades = get(addr, "/venue/events?kind=traded").await;
    assert_eq!(trades["events"], json!([trade]));
    let mut since = 1;
    let mut by_page = Vec::new();
    while since <= all["newest"].as_u64().unwrap() {
        let page = get(addr, &format!("/venue/events?since={since}&limit=2")).await;
        by_page.extend(page["events"].as_array().unwrap().clone());
        since = page["next"].as_u64().unwrap();
    }
    assert_eq!(&by_page, all["events"].as_array().unwrap());
    assert_eq!(http(addr, "GET", "/venue/events?symbol=NOPE", None, "").await.status, 400);
}

#[tokio::test]
async fn connections_are_told_with_what_they_listen_to() {
    let venue = venue();
    let addr = venue.addr();
    let mut api = Socket::api(addr).await;
    api.subscribe_user().await;
    let mut streams = Socket::open(addr, "/ws/btcusdt@trade").await;
    streams.call("LIST_SUBSCRIPTIONS", json!([])).await;
    let open = get(addr, "/venue/connections").await;
    let [first, second] = open.as_array().unwrap().as_slice() else { panic!("{open}") };
    assert_eq!((&first["kind"], &first["userStreams"]), (&"ws_api".into(), &json!(["test-key"])));
    assert_eq!((&second["kind"], &second["streams"]), (&"streams".into(), &json!(["btcusdt@trade"])));
    assert!(second["bytes"].as_u64().unwrap() > 10 && second["waitingMessages"] == 0);
    drop(api);
    let gone = async {
        while get(addr, "/venue/connections").await.as_array().unwrap().len() > 1 {
            tokio::task::yield_now().await;
        }
    };
    timeout(SOON, gone).await.unwrap();
    let closed = get(addr, "/venue/events?kind=closed").await;
    assert_eq!(closed["events"][0]["connection"], first["connection"]);
    assert_eq!(get(addr, "/venue/events?kind=opened").await["events"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn totals_tell_each_product_and_account_and_whether_the_books_add_up() {
    let mut options = VenueOptions::default();
    options.accounts.push(AccountSpec::new("second-key", "second-secret"));
    let venue = simulator::start(options).unwrap();
    let addr = venue.addr();
    let mut api = Socket::api(addr).await;
    api.good("order.place", limit("SELL", "100.00", "1", "GTC")).await;
    api.good("order.place", limit("BUY", "100.00", "0.25", "IOC")).await;
    let totals = get(addr, "/venue/totals").await;
    assert_eq!(totals["conservation"], "unchecked");
    assert_eq!(totals["products"]["spot"]["orders"], 2);
    assert_eq!(totals["products"]["spot"]["symbols"]["BTCUSDT"]["volume"], "0.25000000");
    assert_eq!(totals["products"]["usdm"]["orders"], 0);
    assert_eq!(totals["accounts"]["test-key"]["open_orders"], json!({"spot": 1, "usdm": 0}));
    assert_eq!(totals["accounts"]["second-key"]["open_orders"], json!({"spot": 0, "usdm": 0}));
    let checked = http(addr, "POST", "/venue/check", None, "").await;
    assert_eq!((checked.status, &checked.body["conservation"]), (200, &"ok".into()));
    let after = get(addr, "/venue/totals").await;
    assert_eq!(after["conservation_checked_commands"], after["commands"]);
    assert_eq!(after["event_log_hash"], totals["event_log_hash"], "a check is no command");
    assert_eq!(get(addr, "/venue/health").await, json!({"status": "ok"}));
    let symbols = get(addr, "/venue/symbols").await;
    let spot = &symbols[0];
    assert_eq!((&spot["product"], &spot["symbol"]), (&"spot".into(), &"BTCUSDT".into()));
    assert_eq!((&spot["bid"], &spot["ask"]), (&Value::Null, &json!(["100.00000000", "0.75000000"])));
    assert_eq!(symbols[2]["product"], "usdm");
    let of_product = get(addr, "/venue/orders?product=usdm").await;
    assert_eq!(of_product, json!([]));
    assert_eq!(get(addr, "/venue/orders?product=spot&symbol=BTCUSDT").await[0]["product"], "spot");
    assert_eq!(get(addr, "/venue/positions").await, json!([]));
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
    // An address of its own: nobody else is given the port in between.
    let listen = "127.0.0.2:0".parse().unwrap();
    let venue = simulator::start(VenueOptions { listen, ..VenueOptions::default() }).unwrap();
    let addr = venue.addr();
    let mut api = Socket::api(addr).await;
    api.call("ping", json!({})).await;
    timeout(SOON, tokio::task::spawn_blocking(move || venue.shutdown())).await.unwrap().unwrap();
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
