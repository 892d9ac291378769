//! Every bad request has the public venue's code and words, over both doors.

use self_trader::simulator::profile::SymbolStatus;
use self_trader::simulator::{self, Profile, SymbolSpec, VenueOptions};
use serde_json::{Value, json};

use super::{api, limit, market, refused};
use crate::client::{venue, with};

fn without(mut params: Value, name: &str) -> Value {
    params.as_object_mut().unwrap().remove(name);
    params
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one table")]
async fn orders_that_cannot_be() {
    let venue = venue();
    let mut api = api(venue.addr()).await;
    let order = || limit("BUY", "65000.00", "0.010", "GTC");
    let mandatory =
        |name: &str| format!("Mandatory parameter '{name}' was not sent, was empty/null, or malformed.");
    let legal = |name: &str| {
        format!(
            r"Illegal characters found in parameter '{name}'; legal range is '^([0-9]{{1,20}})(\.[0-9]{{1,20}})?$'."
        )
    };
    let good_till = "The goodTillDate timestamp must be greater than the current time plus 600 seconds and \
                     smaller than 253402300799000.";
    let algo = "Order type not supported for this endpoint. Please use the Algo Order API endpoints instead.";
    let cases: Vec<(Value, i64, String)> = vec![
        (without(order(), "symbol"), -1102, mandatory("symbol")),
        (without(order(), "side"), -1102, mandatory("side")),
        (without(order(), "type"), -1102, mandatory("type")),
        (without(order(), "quantity"), -1102, mandatory("quantity")),
        (without(order(), "price"), -1102, mandatory("price")),
        (without(order(), "timeInForce"), -1102, mandatory("timeInForce")),
        (with(order(), "timeInForce", "GTD"), -1102, mandatory("goodTillDate")),
        (with(order(), "symbol", "NOPE"), -1121, "Invalid symbol.".into()),
        (with(order(), "side", "LONG"), -1117, "Invalid side.".into()),
        (with(order(), "type", "LIMIT_MAKER"), -1116, "Invalid orderType.".into()),
        (with(order(), "timeInForce", "RPI"), -1115, "Invalid timeInForce.".into()),
        (with(order(), "type", "STOP_MARKET"), -4120, algo.into()),
        (with(order(), "type", "TRAILING_STOP_MARKET"), -4120, algo.into()),
        (
            with(order(), "price", "65000.001"),
            -1111,
            "Precision is over the maximum defined for this asset.".into(),
        ),
        (
            with(order(), "quantity", "0.0001"),
            -1111,
            "Precision is over the maximum defined for this asset.".into(),
        ),
        (with(order(), "price", "0"), -4001, "Price less than 0.".into()),
        (with(order(), "price", "-5"), -1100, legal("price")),
        (with(order(), "price", "10000000000000000"), -4002, "Price greater than max price.".into()),
        (with(order(), "quantity", "0"), -4003, "Quantity less than or equal to zero.".into()),
        (with(order(), "quantity", "-1"), -1100, legal("quantity")),
        (with(order(), "quantity", "10000000000000000"), -4005, "Quantity greater than max quantity.".into()),
        (with(order(), "newClientOrderId", "no spaces"), -4015, "Client order id is not valid.".into()),
        (
            with(order(), "newClientOrderId", "x".repeat(37)),
            -4015,
            "Client order id length should not be more than 36 chars.".into(),
        ),
        (with(order(), "positionSide", "UP"), -4060, "Invalid position side.".into()),
        (
            with(order(), "positionSide", "LONG"),
            -4061,
            "Order's position side does not match user's setting.".into(),
        ),
        (with(order(), "reduceOnly", "true"), -2022, "ReduceOnly Order is rejected.".into()),
        (
            with(order(), "reduceOnly", "maybe"),
            -1130,
            "Data sent for parameter 'reduceOnly' is not valid.".into(),
        ),
        (
            with(order(), "closePosition", "true"),
            -4136,
            "Target strategy invalid for orderType LIMIT,closePosition true".into(),
        ),
        (
            with(order(), "selfTradePreventionMode", "DECREMENT"),
            -5039,
            "Invalid self trade prevention mode.".into(),
        ),
        (with(order(), "priceMatch", "BEST"), -5037, "Invalid price match.".into()),
        (with(order(), "priceMatch", "QUEUE"), -1106, "Parameter 'price' sent when not required.".into()),
        (
            with(order(), "newOrderRespType", "FULL"),
            -1130,
            "Data sent for parameter 'newOrderRespType' is not valid.".into(),
        ),
        (with(with(order(), "timeInForce", "GTD"), "goodTillDate", 1), -5040, good_till.into()),
        (with(market("BUY", "1"), "price", "1"), -1106, "Parameter 'price' sent when not required.".into()),
        (
            with(market("BUY", "1"), "timeInForce", "GTC"),
            -1106,
            "Parameter 'timeinforce' sent when not required.".into(),
        ),
        (
            with(market("BUY", "1"), "priceMatch", "QUEUE"),
            -5038,
            "Price match only supports order type: LIMIT, STOP AND TAKE_PROFIT.".into(),
        ),
        (with(order(), "quantity", "400000000"), -2019, "Margin is insufficient.".into()),
        (
            with(order(), "quantity", "900000000000"),
            -2027,
            "Exceeded the maximum allowable position at current leverage.".into(),
        ),
    ];
    for (params, code, words) in cases {
        assert_eq!(api.refused("order.place", params.clone()).await, (code, words.clone()), "{params}");
        let over_rest = refused(venue.addr(), "POST", "/fapi/v1/order", &params).await;
        assert_eq!(over_rest, (code, words.clone()), "{params}");
        // What only the engine refuses is no matter of a test.
        if !matches!(code, -2019 | -2022 | -2027) {
            let tested = refused(venue.addr(), "POST", "/fapi/v1/order/test", &params).await;
            assert_eq!(tested, (code, words), "{params}");
        }
    }
    api.good("order.place", with(order(), "newClientOrderId", "twice")).await;
    let twice = with(order(), "newClientOrderId", "twice");
    assert_eq!(api.refused("order.place", twice).await, (-4116, "clientOrderId is duplicated.".to_owned()));
}

#[tokio::test]
async fn filters_of_the_public_venue() {
    let mut symbol = SymbolSpec::parse(
        r#"{"product":"usdm","name":"BTCUSDT","price_decimals":2,"qty_decimals":3,"start_price":"65000"}"#,
    )
    .unwrap();
    let mut rules = Profile::strict().rules(&symbol);
    (rules.price.min, rules.price.step, rules.price.max) = (10, 10, 100_000_000);
    (rules.lot.min, rules.lot.step) = (1, 5);
    rules.max_orders = 1;
    rules.contract.max_leverage = 50;
    symbol.rules = Some(Box::new(rules));
    let options =
        VenueOptions { profile: Profile::strict(), symbols: vec![symbol], ..VenueOptions::default() };
    let venue = simulator::start(options).unwrap();
    let mut api = api(venue.addr()).await;
    let order = |price: &str, qty: &str| limit("BUY", price, qty, "GTC");
    for (params, code, words) in [
        (order("65000.05", "0.011"), -4014, "Price not increased by tick size."),
        (order("0.05", "0.011"), -4013, "Price less than min price."),
        (order("1000000.10", "0.011"), -4002, "Price greater than max price."),
        (order("65000.00", "0.010"), -4023, "Qty not increased by step size."),
        (order("65000.00", "900.000"), -4023, "Qty not increased by step size."),
        (
            order("65000.00", "0.001"),
            -4164,
            "Order's notional must be no smaller than 100 (unless you choose reduce only).",
        ),
        (order("68250.10", "0.011"), -4016, "Limit price can't be higher than 68250."),
        (limit("SELL", "61749.90", "0.011", "GTC"), -4024, "Limit price can't be lower than 61750."),
        (
            market("BUY", "0.001"),
            -4164,
            "Order's notional must be no smaller than 100 (unless you choose reduce only).",
        ),
    ] {
        assert_eq!(api.refused("order.place", params.clone()).await, (code, words.to_owned()), "{params}");
    }
    api.good("order.place", order("65000.00", "0.011")).await;
    let full = api.refused("order.place", order("65000.00", "0.011")).await;
    assert_eq!(full, (-2025, "Reach max open order limit.".to_owned()));
    let params = json!({"symbol": "BTCUSDT", "leverage": 51});
    let leverage = refused(venue.addr(), "POST", "/fapi/v1/leverage", &params).await;
    assert_eq!(leverage, (-4028, "Leverage 51 is not valid".to_owned()));
    let info = crate::client::get(venue.addr(), "/fapi/v1/exchangeInfo").await;
    let filters = info["symbols"][0]["filters"].as_array().unwrap();
    let filter = |name: &str| filters.iter().find(|filter| filter["filterType"] == name).unwrap();
    assert_eq!(filter("PRICE_FILTER")["tickSize"], "0.10");
    assert_eq!(filter("LOT_SIZE")["stepSize"], "0.005");
    assert_eq!(filter("MIN_NOTIONAL")["notional"], "100");
    assert_eq!(filter("PERCENT_PRICE")["multiplierUp"], "1.0500");
}

#[tokio::test]
async fn other_requests_that_cannot_be() {
    let venue = venue();
    let addr = venue.addr();
    let btc = || json!({"symbol": "BTCUSDT"});
    let unknown = with(btc(), "orderId", 1);
    for (verb, path, params, code, words) in [
        ("DELETE", "v1/order", unknown.clone(), -2011, "Unknown order sent."),
        ("GET", "v1/order", unknown.clone(), -2013, "Order does not exist."),
        ("GET", "v1/openOrder", unknown, -2013, "Order does not exist."),
        (
            "GET",
            "v1/order",
            btc(),
            -1102,
            "Mandatory parameter 'origClientOrderId' was not sent, was empty/null, or malformed.",
        ),
        ("POST", "v1/leverage", with(btc(), "leverage", 126), -4028, "Leverage 126 is not valid"),
        ("POST", "v1/leverage", with(btc(), "leverage", "x"), -4028, "Leverage x is not valid"),
        (
            "POST",
            "v1/marginType",
            with(btc(), "marginType", "CROSSED"),
            -4046,
            "No need to change margin type.",
        ),
        (
            "POST",
            "v1/marginType",
            with(btc(), "marginType", "ISOLATED"),
            -4084,
            "Method is not allowed currently. Upcoming soon.",
        ),
        (
            "POST",
            "v1/positionSide/dual",
            json!({"dualSidePosition": "false"}),
            -4059,
            "No need to change position side.",
        ),
        (
            "POST",
            "v1/multiAssetsMargin",
            json!({"multiAssetsMargin": "false"}),
            -4171,
            "Adjusted asset mode is currently set and does not need to be adjusted repeatedly.",
        ),
        ("GET", "v1/depth", with(btc(), "limit", 7), -4021, "'7' is not valid depth limit."),
        ("PUT", "v1/listenKey", json!({}), -1125, "This listenKey does not exist."),
        (
            "POST",
            "v1/batchOrders",
            json!({"batchOrders": "[]"}),
            -4082,
            "Invalid number of batch place orders.",
        ),
        (
            "DELETE",
            "v1/batchOrders",
            with(btc(), "orderIdList", "[1,2,3,4,5,6,7,8,9,10,11]"),
            -4032,
            "Exceed maximum cancel order size.",
        ),
    ] {
        let got = refused(addr, verb, &format!("/fapi/{path}"), &params).await;
        assert_eq!(got, (code, words.to_owned()), "{verb} {path} {params}");
    }
}

#[tokio::test]
async fn a_symbol_that_does_not_trade_takes_no_orders() {
    for (status, code, words) in [
        (SymbolStatus::Halt, -4140, "Invalid symbol status for opening position."),
        (SymbolStatus::Break, -4141, "Symbol is closed."),
    ] {
        let mut symbol = SymbolSpec::perpetual("BTCUSDT", 2, 3);
        let mut rules = Profile::open().rules(&symbol);
        rules.status = status;
        symbol.rules = Some(Box::new(rules));
        let venue =
            simulator::start(VenueOptions { symbols: vec![symbol], ..VenueOptions::default() }).unwrap();
        let mut api = api(venue.addr()).await;
        let got = api.refused("order.place", limit("BUY", "65000.00", "0.010", "GTC")).await;
        assert_eq!(got, (code, words.to_owned()));
    }
}
