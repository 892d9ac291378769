//! Provokes messages through the venue's sockets and keeps what came, one row a kind.

use std::collections::BTreeMap;
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

impl Provoked {
    /// Keeps what streams brought. Of a stream that brings arrays, the elements.
    pub(crate) fn keep_streams(&mut self, wanted: &[(&str, Twin)], found: &BTreeMap<String, Vec<Value>>) {
        for (name, twin) in wanted {
            let elements =
                |message: &Value| message.as_array().cloned().unwrap_or_else(|| vec![message.clone()]);
            let ours = found.get(*name).map(|messages| messages.iter().flat_map(elements).collect());
            self.keep(name.trim_start_matches("btcusdt"), *twin, ours.ok_or_else(|| "none came".to_owned()));
        }
    }
}

/// Messages of each stream that are wanted: the first may show an empty book.
const ENOUGH: usize = 3;

/// Messages of combined streams: waits until each stream has brought some, or none has come for some seconds.
pub(crate) async fn streams(addr: SocketAddr, path: &str, names: &[&str]) -> BTreeMap<String, Vec<Value>> {
    let mut socket = Socket::open(addr, &format!("{path}?streams={}", names.join("/"))).await;
    let mut found: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    while names.iter().any(|name| found.get(*name).is_none_or(|messages| messages.len() < ENOUGH)) {
        let wanted = |message: &Value| {
            let of = message["stream"].as_str().map(|name| found.get(name).map_or(0, Vec::len));
            of.is_some_and(|count| count < ENOUGH)
        };
        let Ok(message) = timeout(SOON / 2, socket.wait(wanted)).await else { break };
        found
            .entry(message["stream"].as_str().unwrap().to_owned())
            .or_default()
            .push(message["data"].clone());
        socket.take_kept();
    }
    found
}
