//! The USD-M dialect, from outside.

mod account;
mod batch;
mod faults;
mod market;
mod orders;
mod refusals;
mod timers;
mod user_stream;

use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::client::{Reply, Socket, rest, with};

/// A WS API connection.
pub(crate) async fn api(addr: SocketAddr) -> Socket {
    Socket::open(addr, "/ws-fapi/v1").await
}

/// A LIMIT order's parameters; the answer tells how it stands.
pub(crate) fn limit(side: &str, price: &str, qty: &str, life: &str) -> Value {
    json!({
        "symbol": "BTCUSDT", "side": side, "type": "LIMIT", "timeInForce": life, "price": price,
        "quantity": qty, "newOrderRespType": "RESULT",
    })
}

fn market(side: &str, qty: &str) -> Value {
    json!({
        "symbol": "BTCUSDT", "side": side, "type": "MARKET", "quantity": qty, "newOrderRespType": "RESULT",
    })
}

/// A pair at one price: post-only maker, IOC taker. Answers the taker.
async fn pair(api: &mut Socket, side: &str, price: &str, qty: &str) -> Value {
    let maker = if side == "BUY" { "SELL" } else { "BUY" };
    let resting = api.good("order.place", limit(maker, price, qty, "GTX")).await;
    assert_eq!(resting["status"], "NEW");
    api.good("order.place", limit(side, price, qty, "IOC")).await
}

/// Parameters as a query string, every value percent-encoded.
fn query(params: &Value) -> String {
    let encode = |text: String| {
        text.bytes()
            .map(|byte| match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' => char::from(byte).to_string(),
                byte => format!("%{byte:02X}"),
            })
            .collect::<String>()
    };
    let value = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let pairs =
        params.as_object().unwrap().iter().map(|(name, own)| format!("{name}={}", encode(value(own))));
    pairs.collect::<Vec<_>>().join("&")
}

/// A signed REST request that must succeed; its body.
async fn asked(addr: SocketAddr, verb: &str, path: &str, params: &Value) -> Value {
    let reply = rest(addr, verb, path, &query(params)).await;
    assert_eq!(reply.status, 200, "{verb} {path}: {}", reply.body);
    reply.body
}

/// A signed REST request that must be refused with status 400; code and words.
async fn refused(addr: SocketAddr, verb: &str, path: &str, params: &Value) -> (i64, String) {
    let Reply { status, body, .. } = rest(addr, verb, path, &query(params)).await;
    assert_eq!(status, 400, "{verb} {path} {params}: {body}");
    (body["code"].as_i64().unwrap(), body["msg"].as_str().unwrap().to_owned())
}

/// A new listen key.
async fn listen_key(addr: SocketAddr) -> String {
    let key = crate::client::http(addr, "POST", "/fapi/v1/listenKey", Some("test-key"), "").await;
    assert_eq!(key.status, 200, "{}", key.body);
    key.body["listenKey"].as_str().unwrap().to_owned()
}

/// The next order event of that kind on a bare user stream.
async fn order_event(user: &mut Socket, kind: &str) -> Value {
    user.wait(|event| event["e"] == "ORDER_TRADE_UPDATE" && event["o"]["x"] == kind).await["o"].clone()
}

fn named(params: Value, client: &str) -> Value {
    with(params, "newClientOrderId", client)
}
