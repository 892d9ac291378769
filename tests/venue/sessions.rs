//! Log-on with Ed25519, subscriptions and their end, and moments in microseconds.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::signature::Ed25519KeyPair;
use self_trader::clock;
use self_trader::simulator::binance::sign::Signer;
use self_trader::simulator::{self, AccountSpec, Credential, RunningVenue, VenueOptions};
use serde_json::{Value, json};

use crate::client::{RECV_WINDOW_MS, Reply, Socket, TEST_KEY, error_of, get, http, limit, venue, with};
use crate::faults_support::switch;

/// The other half of the key with the seed 00 01 ... 1f, as clients' tools write it.
const SPKI: &str = "MCowBQYDK2VwAyEAA6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=";

fn sign(payload: &str) -> String {
    let seed: Vec<u8> = (0..32).collect();
    let key = Ed25519KeyPair::from_seed_unchecked(&seed).unwrap();
    STANDARD.encode(key.sign(payload.as_bytes()))
}

/// Parameters of who has the Ed25519 key.
fn signed(key: &str, mut params: Value) -> Value {
    params["apiKey"] = key.into();
    params = timed(params);
    let text = |value: &Value| value.as_str().map_or(value.to_string(), str::to_owned);
    let object = params.as_object().unwrap();
    let pairs: Vec<_> = object.iter().map(|(name, value)| format!("{name}={}", text(value))).collect();
    params["signature"] = sign(&pairs.join("&")).into();
    params
}

/// With a moment, and a window that a machine which stands still does not outlast.
fn timed(params: Value) -> Value {
    with(with(params, "timestamp", clock::wall_ms()), "recvWindow", RECV_WINDOW_MS)
}

/// Two accounts with that key, and one with a secret.
fn with_ed25519() -> RunningVenue {
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{SPKI}\n-----END PUBLIC KEY-----\n");
    let account =
        |key: &str| AccountSpec { credential: Credential::Ed25519(pem.clone()), ..AccountSpec::new(key, "") };
    let accounts = vec![account("one"), account("two"), AccountSpec::new("test-key", "test-secret")];
    simulator::start(VenueOptions { accounts, ..VenueOptions::default() }).unwrap()
}

#[test]
fn the_known_signature_verifies_and_no_other() {
    let payload = "apiKey=st-maker-key&recvWindow=3000&timestamp=1790000000000";
    let signature =
        "xrFjb52xinMCQHP+6syIEtT8t1INiEKHHcYqqOe9zxTfJgYwsjPw4pV+BibSbFGf/WCrC7rx7Aq3k4zMzs/WAQ==";
    assert_eq!(sign(payload), signature);
    let signer = Signer::new(&Credential::Ed25519(SPKI.to_owned())).unwrap();
    assert!(signer.verify([payload, ""], signature));
    assert!(signer.verify(["apiKey=st-maker-key&", "recvWindow=3000&timestamp=1790000000000"], signature));
    assert!(!signer.verify([payload, "x"], signature));
    assert!(!signer.verify([payload, ""], &signature.to_lowercase()));
    assert!(Signer::new(&Credential::Ed25519("AAAA".to_owned())).is_err());
}

#[tokio::test]
async fn a_session_stands_for_key_and_signature_until_it_ends() {
    let venue = with_ed25519();
    let mut api = Socket::api(venue.addr()).await;
    assert_eq!(error_of(&api.call("userDataStream.subscribe", json!({})).await).0, -1102);
    let logon = api.call("session.logon", signed("one", json!({}))).await["result"].clone();
    assert_eq!((&logon["apiKey"], &logon["userDataStream"]), (&json!("one"), &json!(false)));
    assert!(logon["authorizedSince"].is_i64() && logon["connectedSince"].is_i64());
    assert_eq!(api.call("userDataStream.subscribe", json!({})).await["result"]["subscriptionId"], 0);
    assert_eq!(error_of(&api.call("userDataStream.subscribe", json!({})).await).0, -2035);
    let order = || timed(limit("BUY", "100.00", "1", "GTC"));
    assert_eq!(api.call("order.place", order()).await["status"], 200);
    assert_eq!(api.event("NEW").await["X"], "NEW");

    // Who signs a request itself is who signed.
    let other = signed("two", limit("BUY", "90.00", "1", "GTC"));
    assert_eq!(api.call("order.place", other).await["status"], 200);
    assert!(api.none_came(|message| message["event"]["p"] == "90.00000000").await);
    // A second log-on takes the place of the first, and ends what came of that.
    assert_eq!(api.call("session.logon", signed("two", json!({}))).await["result"]["apiKey"], "two");
    api.event("eventStreamTerminated").await;
    let open = api.call("openOrders.status", timed(json!({}))).await["result"].clone();
    assert_eq!((open.as_array().unwrap().len(), &open[0]["price"]), (1, &json!("90.00000000")));

    assert!(api.call("session.logout", json!({})).await["result"]["apiKey"].is_null());
    assert_eq!(error_of(&api.call("order.place", order()).await).0, -1102);
    let forged = with(signed("one", json!({})), "recvWindow", RECV_WINDOW_MS - 1);
    assert_eq!(error_of(&api.call("session.logon", forged).await).0, -1022);
}

#[tokio::test]
async fn rest_takes_a_signature_that_is_percent_encoded() {
    let venue = with_ed25519();
    let query = format!("symbol=BTCUSDT&recvWindow={RECV_WINDOW_MS}&timestamp={}", clock::wall_ms());
    let signature = sign(&query).replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
    let path = format!("/api/v3/openOrders?{query}&signature={signature}");
    let reply = http(venue.addr(), "GET", &path, Some("one"), "").await;
    assert_eq!((reply.status, reply.body), (200, json!([])));
}

#[tokio::test]
async fn subscriptions_end_one_by_one_and_say_so() {
    let venue = venue();
    let mut api = Socket::api(venue.addr()).await;
    api.subscribe_user().await;
    assert_eq!(api.call("session.subscriptions", json!({})).await["result"], json!([{"subscriptionId": 0}]));
    let deposit = json!({"apiKey": TEST_KEY.key, "asset": "BTC", "amount": "1.5"}).to_string();
    let reply: Reply = http(venue.addr(), "POST", "/venue/deposit", None, &deposit).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    let update = api.event("balanceUpdate").await;
    assert_eq!((&update["a"], &update["d"]), (&json!("BTC"), &json!("1.50000000")));
    assert_eq!(api.event("outboundAccountPosition").await["B"][0]["f"], "1000000000001.50000000");
    assert_eq!(api.call("userDataStream.unsubscribe", json!({"subscriptionId": 0})).await["status"], 200);
    api.event("eventStreamTerminated").await;
    api.subscribe_user().await;
    assert_eq!(api.call("session.subscriptions", json!({})).await["result"], json!([{"subscriptionId": 1}]));
}

#[tokio::test]
async fn moments_are_told_in_microseconds_to_who_asks_for_them() {
    let venue = venue();
    let mut api = Socket::open(venue.addr(), "/ws-api/v3?timeUnit=MICROSECOND").await;
    let mut streams = Socket::open(venue.addr(), "/ws/btcusdt@trade?timeUnit=microsecond").await;
    let mut plain = Socket::open(venue.addr(), "/ws/btcusdt@trade").await;
    api.subscribe_user().await;
    let order = api.good("order.place", limit("BUY", "100.00", "1", "GTC")).await;
    let micros = |value: &Value| value.as_i64().is_some_and(|at| at > 1_000_000_000_000_000);
    assert!(micros(&order["transactTime"]) && micros(&order["workingTime"]), "{order}");
    let report = api.event("NEW").await;
    assert!(["E", "T", "O", "W"].into_iter().all(|name| micros(&report[name])), "{report}");
    api.good("order.place", limit("SELL", "100.00", "1", "IOC")).await;
    let trade = streams.wait(|message| message["e"] == "trade").await;
    assert!(micros(&trade["E"]) && micros(&trade["T"]), "{trade}");
    assert!(!micros(&plain.wait(|message| message["e"] == "trade").await["E"]));

    let mut both = get(venue.addr(), "/api/v3/time").await["serverTime"].as_i64().unwrap();
    assert!(both < 1_000_000_000_000_000);
    both = clock::wall_ms() * 1_000;
    let asked = json!({"symbol": "BTCUSDT", "orderId": order["orderId"], "recvWindow": RECV_WINDOW_MS});
    let asked = with(asked, "timestamp", both);
    assert_eq!(api.good("order.status", asked).await["status"], "FILLED", "a timestamp in microseconds");
    let refused = http(venue.addr(), "GET", "/ws-api/v3?timeUnit=SECOND", None, "").await;
    assert_ne!(refused.status, 200);
}

#[tokio::test]
async fn a_session_that_a_fault_logs_out_is_told_so_and_can_log_on_again() {
    let venue = with_ed25519();
    let (mut one, mut two) = (Socket::api(venue.addr()).await, Socket::api(venue.addr()).await);
    for (api, key) in [(&mut one, "one"), (&mut two, "two")] {
        assert_eq!(api.call("session.logon", signed(key, json!({}))).await["result"]["apiKey"], key);
    }
    switch(venue.addr(), json!({"fault": "logout", "connection": 1})).await;
    let order = || timed(limit("BUY", "100.00", "1", "GTC"));
    let id = one.ask("order.place", order()).await;
    let told = one.wait(|message| message["id"].is_null()).await;
    assert_eq!((&told["status"], error_of(&told).0), (&json!(401), -2015));
    assert_eq!(error_of(&one.answer(&id).await).0, -1102, "it has to sign again");
    assert_eq!(two.call("order.place", order()).await["status"], 200, "another session is not touched");
    assert_eq!(one.call("session.logon", signed("one", json!({}))).await["status"], 200);
    assert_eq!(one.call("order.place", order()).await["status"], 200);
}
