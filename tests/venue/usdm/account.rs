//! Wallets, positions and settings.

use schemas::units::Decimal;
use self_trader::simulator::{self, AccountSpec, Balance, Product, RunningVenue, SymbolSpec, VenueOptions};
use serde_json::{Value, json};

use super::{api, asked, limit, refused};
use crate::client::{Key, Socket, error_of, get, signed, with};
use crate::faults_support::until;

const OTHER: Key = Key { key: "other-key", secret: "other-secret" };

/// Two accounts of 100,000 USDT each.
fn two_accounts() -> RunningVenue {
    let wallet = || {
        let amount = Decimal::parse("100000").unwrap();
        Some(vec![Balance { product: Product::UsdM, asset: "USDT".to_owned(), amount }])
    };
    let mut accounts =
        vec![AccountSpec::new("test-key", "test-secret"), AccountSpec::new(OTHER.key, OTHER.secret)];
    accounts.iter_mut().for_each(|account| account.balances = wallet());
    // Without start prices, so that positions are valued at nothing but trades.
    let symbols = vec![SymbolSpec::perpetual("BTCUSDT", 2, 3), SymbolSpec::perpetual("ETHUSDT", 2, 3)];
    simulator::start(VenueOptions { accounts, symbols, ..VenueOptions::default() }).unwrap()
}

/// The test account takes what the other one offers.
async fn take(api: &mut Socket, side: &str, price: &str, qty: &str, position: &str) -> Value {
    let maker = limit(if side == "BUY" { "SELL" } else { "BUY" }, price, qty, "GTC");
    let answer = api.call("order.place", signed(OTHER, maker)).await;
    assert_eq!(answer["status"], 200, "{answer}");
    api.good("order.place", with(limit(side, price, qty, "IOC"), "positionSide", position)).await
}

#[tokio::test]
async fn a_position_shows_everywhere() {
    let venue = two_accounts();
    let addr = venue.addr();
    let mut api = api(addr).await;
    assert_eq!(take(&mut api, "BUY", "65000.10", "0.002", "BOTH").await["status"], "FILLED");
    // Once a second marks follow the trades: not between two answers that are compared.
    until("the mark follows", async || {
        let index = get(addr, "/fapi/v1/premiumIndex?symbol=BTCUSDT").await;
        index["markPrice"] == "65000.10000000"
    })
    .await;
    let risk = asked(addr, "GET", "/fapi/v3/positionRisk", &json!({"symbol": "BTCUSDT"})).await;
    let risk = &risk[0];
    for (field, value) in [
        ("positionAmt", "0.002"),
        ("entryPrice", "65000.1"),
        ("positionSide", "BOTH"),
        ("notional", "130.00020000"),
        ("initialMargin", "6.50001000"),
        ("maintMargin", "0.52000080"),
        ("unRealizedProfit", "0.00000000"),
        ("liquidationPrice", "0"),
        ("openOrderInitialMargin", "0"),
        ("marginAsset", "USDT"),
    ] {
        assert_eq!(risk[field], value, "{field}: {risk}");
    }
    assert_eq!(api.good("v2/account.position", json!({"symbol": "BTCUSDT"})).await[0], *risk);
    let account = asked(addr, "GET", "/fapi/v3/account", &json!({})).await;
    assert_eq!(
        (&account["totalWalletBalance"], &account["totalInitialMargin"], &account["availableBalance"]),
        (&json!("100000.00000000"), &json!("6.50001000"), &json!("99993.49999000"))
    );
    assert_eq!(account["positions"][0]["positionAmt"], "0.002");
    assert_eq!(account["assets"][0]["asset"], "USDT");
    assert_eq!(api.good("v2/account.status", json!({})).await["positions"], account["positions"]);
    let balance = asked(addr, "GET", "/fapi/v3/balance", &json!({})).await;
    assert_eq!(balance.as_array().unwrap().len(), 1, "only what perpetuals are margined in");
    assert_eq!((&balance[0]["asset"], &balance[0]["balance"]), (&json!("USDT"), &json!("100000.00000000")));
    let old = asked(addr, "GET", "/fapi/v2/account", &json!({})).await;
    assert_eq!(old["positions"].as_array().unwrap().len(), 2, "every symbol");
    let interest = get(addr, "/fapi/v1/openInterest?symbol=BTCUSDT").await;
    assert_eq!(interest["openInterest"], "0.002");

    assert_eq!(take(&mut api, "SELL", "66000.10", "0.002", "BOTH").await["status"], "FILLED");
    let trades = asked(addr, "GET", "/fapi/v1/userTrades", &json!({"symbol": "BTCUSDT"})).await;
    assert_eq!((&trades[1]["realizedPnl"], &trades[0]["realizedPnl"]), (&json!("2.00000000"), &json!("0")));
    let account = asked(addr, "GET", "/fapi/v3/account", &json!({})).await;
    assert_eq!(
        (&account["totalWalletBalance"], &account["positions"]),
        (&json!("100002.00000000"), &json!([]))
    );
}

#[tokio::test]
async fn long_and_short_stand_apart_in_hedge_mode() {
    let venue = two_accounts();
    let addr = venue.addr();
    let mut api = api(addr).await;
    let mode = |on: bool| json!({"dualSidePosition": on.to_string()});
    let path = "/fapi/v1/positionSide/dual";
    assert_eq!(asked(addr, "GET", path, &json!({})).await, json!({"dualSidePosition": false}));
    api.good("order.place", limit("BUY", "100.00", "1", "GTC")).await;
    let words = "Position side cannot be changed if there exists open orders.".to_owned();
    assert_eq!(refused(addr, "POST", path, &mode(true)).await, (-4067, words));
    asked(addr, "DELETE", "/fapi/v1/allOpenOrders", &json!({"symbol": "BTCUSDT"})).await;
    assert_eq!(asked(addr, "POST", path, &mode(true)).await, json!({"code": 200, "msg": "success"}));
    assert_eq!(refused(addr, "POST", path, &mode(true)).await.0, -4059);

    let unsided = api.refused("order.place", limit("BUY", "100.00", "1", "GTC")).await;
    assert_eq!(unsided.0, -4061);
    let reducing = with(with(limit("BUY", "1", "1", "GTC"), "positionSide", "LONG"), "reduceOnly", "true");
    assert_eq!(
        api.refused("order.place", reducing).await,
        (-1106, "Parameter 'reduceonly' sent when not required.".to_owned())
    );
    assert_eq!(take(&mut api, "BUY", "100.00", "3", "LONG").await["positionSide"], "LONG");
    take(&mut api, "SELL", "100.00", "1", "SHORT").await;
    let risks = asked(addr, "GET", "/fapi/v3/positionRisk", &json!({})).await;
    let held: Vec<_> =
        risks.as_array().unwrap().iter().map(|risk| (&risk["positionSide"], &risk["positionAmt"])).collect();
    assert_eq!(held, [(&json!("LONG"), &json!("3.000")), (&json!("SHORT"), &json!("-1.000"))]);
    let words = "Position side cannot be changed if there exists position.".to_owned();
    assert_eq!(refused(addr, "POST", path, &mode(false)).await, (-4068, words));
}

#[tokio::test]
async fn leverage_decides_what_a_wallet_bears() {
    let venue = two_accounts();
    let addr = venue.addr();
    let mut api = api(addr).await;
    let set = |times: u32| json!({"symbol": "BTCUSDT", "leverage": times});
    let answer = asked(addr, "POST", "/fapi/v1/leverage", &set(2)).await;
    assert_eq!((&answer["symbol"], &answer["leverage"]), (&json!("BTCUSDT"), &json!(2)));
    let config = asked(addr, "GET", "/fapi/v1/symbolConfig", &json!({"symbol": "BTCUSDT"})).await;
    assert_eq!((&config[0]["leverage"], &config[0]["marginType"]), (&json!(2), &json!("CROSSED")));
    let too_much = limit("BUY", "100000.00", "3", "GTC");
    let got = api.refused("order.place", too_much.clone()).await;
    assert_eq!(got, (-2019, "Margin is insufficient.".to_owned()));
    asked(addr, "POST", "/fapi/v1/leverage", &set(3)).await;
    api.good("order.place", too_much).await;
    let lower = refused(addr, "POST", "/fapi/v1/leverage", &set(1)).await;
    assert_eq!(lower, (-2028, "Leverage is smaller than permitted: insufficient margin balance.".to_owned()));
}

#[tokio::test]
async fn a_reduce_only_order_only_reduces() {
    let venue = two_accounts();
    let mut api = api(venue.addr()).await;
    take(&mut api, "BUY", "100.00", "2", "BOTH").await;
    let reduce = |side: &str| with(limit(side, "100.00", "1", "GTC"), "reduceOnly", "true");
    assert_eq!(
        api.refused("order.place", reduce("BUY")).await,
        (-2022, "ReduceOnly Order is rejected.".to_owned())
    );
    let open = api.good("order.place", reduce("SELL")).await;
    assert_eq!((&open["reduceOnly"], &open["status"]), (&json!(true), &json!("NEW")));
}

#[tokio::test]
async fn what_can_only_be_read_has_the_shape_that_clients_read() {
    let venue = two_accounts();
    let addr = venue.addr();
    for (path, expected) in [
        (
            "v1/accountConfig",
            json!({
                "feeTier": 0, "canTrade": true, "canDeposit": true, "canWithdraw": true, "dualSidePosition": false,
                "updateTime": 0, "multiAssetsMargin": false, "tradeGroupId": -1,
            }),
        ),
        ("v1/multiAssetsMargin", json!({"multiAssetsMargin": false})),
        ("v1/income", json!([])),
        ("v1/forceOrders", json!([])),
    ] {
        assert_eq!(asked(addr, "GET", &format!("/fapi/{path}"), &json!({})).await, expected, "{path}");
    }
    let btc = json!({"symbol": "BTCUSDT"});
    assert_eq!(
        asked(addr, "GET", "/fapi/v1/commissionRate", &btc).await,
        json!({
            "symbol": "BTCUSDT", "makerCommissionRate": "0.000000", "takerCommissionRate": "0.000000",
        })
    );
    let brackets = asked(addr, "GET", "/fapi/v1/leverageBracket", &json!({})).await;
    assert_eq!(brackets[0]["brackets"][0]["maintMarginRatio"].as_f64(), Some(0.004));
    let limits = asked(addr, "GET", "/fapi/v1/rateLimit/order", &json!({})).await;
    assert_eq!((&limits[0]["interval"], &limits[1]["interval"]), (&json!("SECOND"), &json!("MINUTE")));
}

#[tokio::test]
async fn another_accounts_orders_are_nobodys() {
    let venue = two_accounts();
    let mut api = api(venue.addr()).await;
    let own = api.good("order.place", limit("BUY", "100.00", "1", "GTC")).await;
    let params = json!({"symbol": "BTCUSDT", "orderId": own["orderId"]});
    let answer = api.call("order.cancel", signed(OTHER, params)).await;
    assert_eq!(error_of(&answer), (-2011, "Unknown order sent.".to_owned()));
}
