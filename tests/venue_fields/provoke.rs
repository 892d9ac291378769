//! Provokes messages through the venue's sockets and keeps what came, one row a kind.

use std::net::SocketAddr;

use serde_json::Value;
use tokio::time::timeout;

use crate::client::{self, SOON, Socket, TEST_KEY, signed};
use crate::fields::Fields;
use crate::twins::Twin;

/// One kind of message.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) product: &'static str,
    pub(crate) kind: String,
    pub(crate) twin: Twin,
    /// What the venue sends; or why there is none.
    pub(crate) ours: Result<Fields, String>,
}

/// A product's messages.
pub(crate) struct Provoked {
    pub(crate) addr: SocketAddr,
    pub(crate) product: &'static str,
    pub(crate) rows: Vec<Row>,
}

impl Provoked {
    pub(crate) fn new(addr: SocketAddr, product: &'static str) -> Self {
        Self { addr, product, rows: Vec::new() }
    }

    pub(crate) fn keep(&mut self, kind: &str, twin: Twin, ours: Result<Vec<Value>, String>) {
        let ours = ours.map(|messages| Fields::of(&messages));
        self.rows.push(Row { product: self.product, kind: kind.to_owned(), twin, ours });
    }

    /// A REST request; a signed one if `signed`. What is kept is the answer.
    pub(crate) async fn rest(&mut self, call: &str, query: &str, signed: bool, twin: Twin) -> Value {
        let (verb, path) = call.split_once(' ').unwrap();
        let reply = if signed {
            client::rest(self.addr, verb, path, query).await
        } else {
            client::http(self.addr, verb, &format!("{path}?{query}"), Some(TEST_KEY.key), "").await
        };
        let good = reply.status == 200;
        let ours =
            if good { Ok(vec![reply.body.clone()]) } else { Err(format!("{} {}", reply.status, reply.body)) };
        self.keep(call, twin, ours);
        reply.body
    }

    /// A WS API request. What is kept is the whole frame of the answer.
    pub(crate) async fn socket(
        &mut self,
        socket: &mut Socket,
        method: &str,
        params: Value,
        twin: Twin,
    ) -> Value {
        let answer = timeout(SOON, socket.call(method, signed(TEST_KEY, params))).await.unwrap();
        let good = answer["status"] == 200;
        let ours = if good { Ok(vec![answer.clone()]) } else { Err(answer.to_string()) };
        self.keep(method, twin, ours);
        answer["result"].clone()
    }

    /// Everything that came so far on a socket and satisfies, at least one. What is kept is inside the frames.
    pub(crate) fn events(&mut self, kind: &str, twin: Twin, all: &[Value], meant: impl Fn(&Value) -> bool) {
        let found: Vec<_> = all.iter().filter(|event| meant(event)).cloned().collect();
        let ours = if found.is_empty() { Err("none came".to_owned()) } else { Ok(found) };
        self.keep(kind, twin, ours);
    }
}

/// Messages of combined streams: waits until each stream has brought one, or some seconds have gone.
pub(crate) async fn streams(addr: SocketAddr, path: &str, names: &[&str]) -> Vec<(String, Value)> {
    let mut socket = Socket::open(addr, &format!("{path}?streams={}", names.join("/"))).await;
    let mut found: Vec<(String, Value)> = Vec::new();
    while found.len() < names.len() {
        let known: Vec<String> = found.iter().map(|(name, _)| name.clone()).collect();
        let fresh = |message: &Value| {
            message["stream"].as_str().is_some_and(|name| !known.iter().any(|one| one == name))
        };
        let Ok(message) = timeout(SOON / 2, socket.wait(fresh)).await else { break };
        let name = message["stream"].as_str().unwrap().to_owned();
        found.push((name, message["data"].clone()));
    }
    found
}
