//! A small client of the venue: websockets that keep what comes unasked, plain HTTP, and signatures made
//! apart from the venue's own code.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use hmac::{Hmac, KeyInit, Mac};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::header::HeaderMap;
use hyper_util::rt::TokioIo;
use self_trader::clock;
use self_trader::simulator::{self, RunningVenue, VenueOptions};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

/// Nothing on loopback takes this long.
pub(crate) const SOON: Duration = Duration::from_secs(30);

/// How old a signed request may be when it comes, ms: the most that a venue grants, since the machine may stand still
/// between the signature and the venue.
pub(crate) const RECV_WINDOW_MS: i64 = 60_000;

pub(crate) fn venue() -> RunningVenue {
    simulator::start(VenueOptions::default()).unwrap()
}

/// Who signs.
#[derive(Clone, Copy)]
pub(crate) struct Key {
    pub(crate) key: &'static str,
    pub(crate) secret: &'static str,
}

pub(crate) const TEST_KEY: Key = Key { key: "test-key", secret: "test-secret" };

pub(crate) fn hmac_hex(secret: &str, payload: &str) -> String {
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(payload.as_bytes());
    mac.finalize().into_bytes().iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").unwrap();
        hex
    })
}

#[expect(clippy::disallowed_methods, reason = "a test's own client, to loopback")]
async fn connect(addr: SocketAddr) -> TcpStream {
    assert!(addr.ip().is_loopback());
    let stream = timeout(SOON, TcpStream::connect(addr)).await.unwrap().unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// A websocket. Messages that no one waits for yet are kept in order.
pub(crate) struct Socket {
    stream: WebSocketStream<TcpStream>,
    kept: VecDeque<Value>,
    ids: u64,
}

impl Socket {
    pub(crate) async fn open(addr: SocketAddr, path: &str) -> Self {
        let (stream, _) =
            tokio_tungstenite::client_async(format!("ws://{addr}{path}"), connect(addr).await).await.unwrap();
        Self { stream, kept: VecDeque::new(), ids: 0 }
    }

    /// A WS API connection.
    pub(crate) async fn api(addr: SocketAddr) -> Self {
        Self::open(addr, "/ws-api/v3").await
    }

    pub(crate) async fn send_text(&mut self, text: &str) {
        self.stream.send(Message::text(text)).await.unwrap();
    }

    /// The next message that satisfies; others are kept.
    pub(crate) async fn wait(&mut self, mut meant: impl FnMut(&Value) -> bool) -> Value {
        if let Some(at) = self.kept.iter().position(&mut meant) {
            return self.kept.remove(at).unwrap();
        }
        let search = async {
            loop {
                let message = self.next().await.expect("the connection ended");
                if meant(&message) {
                    return message;
                }
                self.kept.push_back(message);
            }
        };
        timeout(SOON, search).await.expect("no such message came")
    }

    async fn next(&mut self) -> Option<Value> {
        loop {
            match self.stream.next().await?.ok()? {
                Message::Text(text) => return Some(serde_json::from_str(text.as_str()).unwrap()),
                Message::Close(_) => return None,
                Message::Binary(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {}
            }
        }
    }

    /// The websocket itself.
    pub(crate) fn raw(&mut self) -> &mut WebSocketStream<TcpStream> {
        &mut self.stream
    }

    /// Comes back when the other side has ended the connection.
    pub(crate) async fn closed(&mut self) {
        while let Some(message) = self.next().await {
            self.kept.push_back(message);
        }
    }

    /// Everything that has come so far, kept messages first.
    pub(crate) fn take_kept(&mut self) -> Vec<Value> {
        self.kept.drain(..).collect()
    }

    /// Sends a request and does not wait for its answer. Answers its id.
    pub(crate) async fn ask(&mut self, method: &str, params: Value) -> String {
        self.ids += 1;
        let id = format!("t-{}", self.ids);
        self.send_text(&json!({"id": id, "method": method, "params": params}).to_string()).await;
        id
    }

    pub(crate) async fn answer(&mut self, id: &str) -> Value {
        self.wait(|message| message["id"] == id).await
    }

    pub(crate) async fn call(&mut self, method: &str, params: Value) -> Value {
        let id = self.ask(method, params).await;
        self.answer(&id).await
    }

    /// A signed request that must succeed; its result.
    pub(crate) async fn good(&mut self, method: &str, params: Value) -> Value {
        let answer = self.call(method, signed(TEST_KEY, params)).await;
        assert_eq!(answer["status"], 200, "{method}: {answer}");
        answer["result"].clone()
    }

    /// A signed request that must be refused; its code and words.
    pub(crate) async fn refused(&mut self, method: &str, params: Value) -> (i64, String) {
        let answer = self.call(method, signed(TEST_KEY, params)).await;
        error_of(&answer)
    }

    /// The next user event of that kind (`x` of an execution report, else `e`).
    pub(crate) async fn event(&mut self, kind: &str) -> Value {
        let message =
            self.wait(|message| message["event"]["x"] == kind || message["event"]["e"] == kind).await;
        message["event"].clone()
    }

    pub(crate) async fn subscribe_user(&mut self) {
        self.good("userDataStream.subscribe.signature", json!({})).await;
    }

    /// True when everything sent before has been handled, and no message that satisfies has come.
    pub(crate) async fn none_came(&mut self, meant: impl Fn(&Value) -> bool) -> bool {
        self.call("ping", json!({})).await;
        !self.kept.iter().any(meant)
    }
}

pub(crate) fn error_of(answer: &Value) -> (i64, String) {
    assert_ne!(answer["status"], 200, "{answer}");
    (answer["error"]["code"].as_i64().unwrap(), answer["error"]["msg"].as_str().unwrap().to_owned())
}

/// Adds key, timestamp with its window, and signature. Who gives a timestamp gives the window too.
pub(crate) fn signed(key: Key, mut params: Value) -> Value {
    let object = params.as_object_mut().unwrap();
    object.insert("apiKey".to_owned(), key.key.into());
    if !object.contains_key("timestamp") {
        object.insert("timestamp".to_owned(), clock::wall_ms().into());
        object.entry("recvWindow").or_insert_with(|| RECV_WINDOW_MS.into());
    }
    // A JSON object of serde_json is sorted by name.
    let pairs: Vec<_> = object
        .iter()
        .map(|(name, value)| match value {
            Value::String(text) => format!("{name}={text}"),
            other
            @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
                format!("{name}={other}")
            }
        })
        .collect();
    object.insert("signature".to_owned(), hmac_hex(key.secret, &pairs.join("&")).into());
    params
}

/// A limit order's parameters.
pub(crate) fn limit(side: &str, price: &str, qty: &str, life: &str) -> Value {
    let mut params = json!({"symbol": "BTCUSDT", "side": side, "price": price, "quantity": qty});
    match life {
        "GTX" => params["type"] = "LIMIT_MAKER".into(),
        life => {
            params["type"] = "LIMIT".into();
            params["timeInForce"] = life.into();
        }
    }
    params["newOrderRespType"] = "FULL".into();
    params
}

/// The parameters with one more, or with another value of one.
pub(crate) fn with(mut params: Value, name: &str, value: impl Into<Value>) -> Value {
    params[name] = value.into();
    params
}

/// An HTTP answer.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

pub(crate) async fn http(addr: SocketAddr, verb: &str, path: &str, key: Option<&str>, body: &str) -> Reply {
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(connect(addr).await)).await.unwrap();
    let driver = tokio::spawn(connection);
    let mut request = hyper::Request::builder().method(verb).uri(path).header("host", addr.to_string());
    if let Some(key) = key {
        request = request.header("X-MBX-APIKEY", key);
    }
    let request = request.body(Full::new(Bytes::from(body.to_owned()))).unwrap();
    let response = timeout(SOON, sender.send_request(request)).await.unwrap().unwrap();
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    driver.abort();
    let body =
        serde_json::from_slice(&body).unwrap_or_else(|_| String::from_utf8_lossy(&body).into_owned().into());
    Reply { status: parts.status.as_u16(), headers: parts.headers, body }
}

pub(crate) async fn get(addr: SocketAddr, path: &str) -> Value {
    let reply = http(addr, "GET", path, None, "").await;
    assert_eq!(reply.status, 200, "{path}: {}", reply.body);
    reply.body
}

/// A signed REST request with everything in the query.
pub(crate) async fn rest(addr: SocketAddr, verb: &str, path: &str, query: &str) -> Reply {
    let joint = if query.is_empty() { "" } else { "&" };
    let query = format!("{query}{joint}recvWindow={RECV_WINDOW_MS}&timestamp={}", clock::wall_ms());
    let signature = hmac_hex(TEST_KEY.secret, &query);
    http(addr, verb, &format!("{path}?{query}&signature={signature}"), Some(TEST_KEY.key), "").await
}

/// Turns a fault and sees it listed, or not.
pub(crate) async fn fault(addr: SocketAddr, switch: Value) {
    let reply = http(addr, "POST", "/venue/faults", None, &switch.to_string()).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    let listed = reply.body.as_array().unwrap().iter().any(|on| on["fault"] == switch["fault"]);
    assert_eq!(listed, switch["on"] != false, "{}", reply.body);
}
