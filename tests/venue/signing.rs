//! Who may ask: signatures over exactly what was sent, keys, time.

use std::borrow::Cow;

use self_trader::clock;
use self_trader::simulator::Credential;
use self_trader::simulator::binance::sign::{Signer, cut_signature, payload};
use serde_json::json;

use crate::client::{
    Key, RECV_WINDOW_MS, Socket, TEST_KEY, error_of, hmac_hex, http, limit, signed, venue, with,
};

const SECRET: &str = "selftrader-example-secret-0001";

#[test]
fn the_published_vectors_verify() {
    let signer = Signer::new(&Credential::Hmac(SECRET.to_owned())).unwrap();
    let place = "apiKey=st-maker-key&newClientOrderId=st1-m-0000000001&newOrderRespType=RESULT&price=65000.10\
        &quantity=0.00150&recvWindow=3000&side=SELL&symbol=BTCUSDT&timestamp=1790000000123&type=LIMIT_MAKER";
    let rest = "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=IOC&quantity=0.00150&price=65000.10\
        &newClientOrderId=st1-t-0000000001&recvWindow=3000&timestamp=1790000000150";
    let mixed = "quantity=0.00150&price=65000.10&recvWindow=3000&timestamp=1790000000150";
    let subscribe = "apiKey=st-maker-key&timestamp=1790000000200";
    let cancel =
        "apiKey=st-maker-key&orderId=7001&returnRateLimits=false&symbol=BTCUSDT&timestamp=1790000000500";
    for (parts, signature) in [
        ([place, ""], "76311cc906642db98b975fd4f1f834b49be5bfb033bbce3203d1f377a4c3e80e"),
        ([rest, ""], "908f00fc62a241a990dc8b3b3f3c64b54decf3b432d1820746c61882cf5c9ad4"),
        (
            ["symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=IOC", mixed],
            "52a1a990c40048eb724c9551f1d5618632252d028bf12be0bfe72a759bda39ae",
        ),
        ([subscribe, ""], "e2cb9db73564a610596119e491b9cab9fa7fa7e243fa21da00f9028c750d6c0e"),
        ([cancel, ""], "2e837d326962a885ab16e00aae8e0bab333bd7380ef18557b270dcfce739cfd5"),
    ] {
        assert!(signer.verify(parts, signature), "{parts:?}");
        assert!(signer.verify(parts, &signature.to_uppercase()), "hex in capitals");
        assert!(!signer.verify([parts[0], "x"], signature), "one byte more");
        assert!(!signer.verify(parts, &signature[1..]), "one digit less");
    }
}

#[test]
fn what_is_signed_is_what_was_sent_without_the_signature() {
    let params = [("type", "LIMIT"), ("signature", "00"), ("price", "0.10"), ("apiKey", "k")];
    let params: Vec<_> = params.map(|(name, value)| (Cow::from(name), Cow::from(value))).into();
    assert_eq!(payload(&params), "apiKey=k&price=0.10&type=LIMIT");
    for (raw, rest, signature) in [
        ("a=1&signature=ff&b=2", "a=1&b=2", Some("ff")),
        ("signature=ff", "", Some("ff")),
        ("a=1&signature=ff", "a=1", Some("ff")),
        ("a=1&my_signature=1", "a=1&my_signature=1", None),
        ("", "", None),
    ] {
        assert_eq!(cut_signature(raw), (rest.into(), signature), "{raw}");
    }
}

#[tokio::test]
async fn a_request_is_let_in_only_with_key_time_and_signature() {
    let venue = venue();
    let mut api = Socket::api(venue.addr()).await;
    let order = || limit("BUY", "100.00", "1", "GTC");
    let now = clock::wall_ms();
    let unsigned = with(order(), "timestamp", now);
    let keyed = with(unsigned.clone(), "apiKey", "test-key");
    let tampered = with(signed(TEST_KEY, order()), "price", "100.01");
    let stranger = Key { key: "stranger", ..TEST_KEY };
    let wrong_secret = Key { secret: "wrong", ..TEST_KEY };
    for (params, code) in [
        (order(), -1102),
        (unsigned, -1102),
        (keyed, -1102),
        (tampered, -1022),
        (signed(wrong_secret, order()), -1022),
        (signed(stranger, order()), -2015),
        (signed(TEST_KEY, with(order(), "timestamp", now - 6_000)), -1021),
        (signed(TEST_KEY, with(order(), "timestamp", now + 120_000)), -1021),
        (signed(TEST_KEY, with(with(order(), "timestamp", now - 1_000), "recvWindow", 500)), -1021),
        (signed(TEST_KEY, with(order(), "recvWindow", 60_001)), -1131),
    ] {
        let shown = params.to_string();
        assert_eq!(error_of(&api.call("order.place", params).await).0, code, "{shown}");
    }
    let late = with(with(order(), "timestamp", now - 20_000), "recvWindow", 60_000);
    assert_eq!(api.call("order.place", signed(TEST_KEY, late)).await["status"], 200);
}

#[tokio::test]
async fn numbers_are_signed_by_their_raw_text() {
    let venue = venue();
    let mut api = Socket::api(venue.addr()).await;
    let now = clock::wall_ms();
    let signed = format!(
        "apiKey=test-key&price=100.10&quantity=1.50&recvWindow={RECV_WINDOW_MS}&side=BUY&symbol=BTCUSDT\
         &timeInForce=GTC&timestamp={now}&type=LIMIT"
    );
    let signature = hmac_hex("test-secret", &signed);
    api.send_text(&format!(
        r#"{{"id":1,"method":"order.place","params":{{"type":"LIMIT","symbol":"BTCUSDT","side":"BUY",
        "timeInForce":"GTC","price":100.10,"quantity":1.50,"timestamp":{now},"apiKey":"test-key",
        "recvWindow":{RECV_WINDOW_MS},"signature":"{signature}"}}}}"#
    ))
    .await;
    let answer = api.wait(|message| message["id"] == 1).await;
    assert_eq!(answer["result"]["price"], "100.10000000", "{answer}");
}

#[tokio::test]
async fn rest_takes_parameters_from_query_and_body_whatever_the_verb() {
    let venue = venue();
    let now = clock::wall_ms();
    let query = "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC";
    let timing = format!("recvWindow={RECV_WINDOW_MS}&timestamp={now}");
    let body = format!("quantity=1&price=100.5&newClientOrderId=mixed&{timing}");
    let signature = hmac_hex("test-secret", &format!("{query}{body}"));
    let path = format!("/api/v3/order?{query}");
    let signed_body = format!("{body}&signature={signature}");
    let placed = http(venue.addr(), "POST", &path, Some("test-key"), &signed_body).await;
    assert_eq!(placed.status, 200, "{}", placed.body);

    let cancel = format!("origClientOrderId=mixed&symbol=BTCUSDT&{timing}");
    let signature = hmac_hex("test-secret", &cancel);
    let signed_cancel = format!("{cancel}&signature={signature}");
    for (key, code) in [(None, -2014), (Some("no body"), -2014), (Some("nobody"), -2015)] {
        let reply = http(venue.addr(), "DELETE", "/api/v3/order", key, &signed_cancel).await;
        assert_eq!((reply.status, &reply.body["code"]), (401, &code.into()));
    }
    let forged = signed_cancel.replace("mixed", "other");
    let reply = http(venue.addr(), "DELETE", "/api/v3/order", Some("test-key"), &forged).await;
    assert_eq!((reply.status, &reply.body["code"]), (400, &(-1022).into()));
    let reply = http(venue.addr(), "DELETE", "/api/v3/order", Some("test-key"), &signed_cancel).await;
    assert_eq!((reply.status, &reply.body["status"]), (200, &"CANCELED".into()), "{}", reply.body);
}

#[tokio::test]
async fn a_session_is_not_for_hmac_keys() {
    let venue = venue();
    let mut api = Socket::api(venue.addr()).await;
    let refused = api.refused("session.logon", json!({})).await;
    assert_eq!(refused, (-4056, "HMAC_SHA256 API key is not supported.".to_owned()));
    assert!(api.call("session.status", json!({})).await["result"]["apiKey"].is_null());
}
