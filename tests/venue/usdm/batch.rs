//! Several orders in one request.

use self_trader::simulator::{self, RunningVenue, VenueOptions};
use serde_json::{Value, json};

use super::{asked, limit, named};
use crate::client::{TEST_KEY, hmac_hex, http, rest, venue, with};

async fn batch(venue: &RunningVenue, verb: &str, items: &[Value]) -> Vec<Value> {
    let params = json!({"batchOrders": Value::from(items.to_vec()).to_string()});
    asked(venue.addr(), verb, "/fapi/v1/batchOrders", &params).await.as_array().unwrap().clone()
}

#[tokio::test]
async fn each_item_is_taken_or_refused_for_itself() {
    let venue = venue();
    let items = [
        named(limit("SELL", "100.00", "1", "GTX"), "one"),
        limit("BUY", "100.00", "1", "GTX"),
        with(limit("SELL", "101.00", "1", "GTX"), "symbol", "NOPE"),
        json!({"symbol": "BTCUSDT"}),
        named(limit("SELL", "102.00", "1", "GTX"), "five"),
    ];
    let answers = batch(&venue, "POST", &items).await;
    let outcome = |answer: &Value| {
        answer["code"].as_i64().map_or_else(|| answer["status"].to_string(), |code| code.to_string())
    };
    let outcomes: Vec<_> = answers.iter().map(outcome).collect();
    assert_eq!(outcomes, ["\"NEW\"", "-5022", "-1121", "-1102", "\"NEW\""]);
    assert_eq!(
        answers[1],
        json!({
            "code": -5022,
            "msg": "Due to the order could not be executed as maker, the Post Only order will be rejected.",
        })
    );

    let change = |id: &Value, price: &str| json!({"symbol": "BTCUSDT", "side": "SELL", "orderId": id, "price": price, "quantity": "2"});
    let changed =
        batch(&venue, "PUT", &[change(&answers[0]["orderId"], "103.00"), change(&json!(99), "1")]).await;
    assert_eq!((&changed[0]["price"], &changed[0]["origQty"]), (&json!("103.00"), &json!("2.000")));
    assert_eq!(changed[1]["code"], -2013);

    let by_client = json!({"symbol": "BTCUSDT", "origClientOrderIdList": r#"["five","six"]"#});
    let gone = asked(venue.addr(), "DELETE", "/fapi/v1/batchOrders", &by_client).await;
    assert_eq!(
        (&gone[0]["status"], &gone[1]),
        (&json!("CANCELED"), &json!({"code": -2011, "msg": "Unknown order sent."}))
    );
    let by_id = json!({"symbol": "BTCUSDT", "orderidlist": format!("[{}]", answers[0]["orderId"])});
    let gone = asked(venue.addr(), "DELETE", "/fapi/v1/batchOrders", &by_id).await;
    assert_eq!(gone[0]["status"], "CANCELED");
}

#[tokio::test]
async fn a_body_that_is_not_percent_encoded_is_read_as_it_came() {
    let venue = venue();
    let items = Value::from(vec![limit("SELL", "100.00", "1", "GTX")]).to_string();
    let body = format!("batchOrders={items}&recvWindow=60000&timestamp={}", self_trader::clock::wall_ms());
    let signature = hmac_hex(TEST_KEY.secret, &body);
    let body = format!("{body}&signature={signature}");
    let reply = http(venue.addr(), "POST", "/fapi/v1/batchOrders", Some(TEST_KEY.key), &body).await;
    assert_eq!((reply.status, &reply.body[0]["status"]), (200, &json!("NEW")), "{}", reply.body);
}

#[tokio::test]
async fn a_batch_counts_five_in_ten_seconds_and_one_in_a_minute() {
    let venue = venue();
    let items = Value::from(vec![limit("SELL", "100.00", "1", "GTX")]).to_string();
    let query = super::query(&json!({"batchOrders": items}));
    let reply = rest(venue.addr(), "POST", "/fapi/v1/batchOrders", &query).await;
    let header = |name: &str| reply.headers[name].to_str().unwrap().to_owned();
    assert_eq!(
        (header("x-mbx-order-count-10s"), header("x-mbx-order-count-1m")),
        ("5".to_owned(), "1".to_owned())
    );
}

/// In its own order the maker comes before its taker and both trade; in a random one sometimes not.
#[tokio::test]
async fn a_batch_may_be_worked_through_in_random_order() {
    async fn outcomes(seed: Option<u64>) -> Vec<Value> {
        let options = VenueOptions { shuffle_batches: seed, ..VenueOptions::default() };
        let venue = simulator::start(options).unwrap();
        let mut all = Vec::new();
        for _ in 0..12 {
            let pair = [limit("SELL", "100.00", "1", "GTC"), limit("BUY", "100.00", "1", "IOC")];
            all.push(batch(&venue, "POST", &pair).await[1]["status"].clone());
            asked(venue.addr(), "DELETE", "/fapi/v1/allOpenOrders", &json!({"symbol": "BTCUSDT"})).await;
        }
        all
    }
    assert!(outcomes(None).await.iter().all(|status| status == "FILLED"));
    let shuffled = outcomes(Some(1)).await;
    assert!(shuffled.iter().any(|status| status == "EXPIRED"), "{shuffled:?}");
    assert!(shuffled.iter().any(|status| status == "FILLED"), "{shuffled:?}");
    assert_eq!(shuffled, outcomes(Some(1)).await, "the same seed, the same order");
}
