//! What the tests of faults share.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::client::{SOON, http};

/// Turns a switch.
pub(crate) async fn switch(addr: SocketAddr, switch: Value) -> Value {
    let reply = http(addr, "POST", "/venue/faults", None, &switch.to_string()).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    reply.body
}

/// Switches everything off.
pub(crate) async fn clear(addr: SocketAddr) {
    assert_eq!(http(addr, "DELETE", "/venue/faults", None, "").await.body, json!([]));
}

/// How often the fault of that name has struck.
pub(crate) async fn applied(addr: SocketAddr, name: &str) -> u64 {
    let listed = http(addr, "GET", "/venue/faults", None, "").await.body;
    let fault = listed.as_array().unwrap().iter().find(|fault| fault["fault"] == name).unwrap();
    fault["applied"].as_u64().unwrap_or(0)
}

/// Waits until it is so.
pub(crate) async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let asked = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(SOON, asked).await.expect(what);
}

#[expect(clippy::disallowed_methods, reason = "a test's own client, to loopback")]
pub(crate) async fn connect(addr: SocketAddr) -> TcpStream {
    assert!(addr.ip().is_loopback());
    timeout(SOON, TcpStream::connect(addr)).await.unwrap().unwrap()
}

/// Head and body of the answer, as the bytes came, until the connection ended.
pub(crate) async fn raw_get(addr: SocketAddr, path: &str) -> (String, String) {
    let mut stream = connect(addr).await;
    let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    // A connection that is cut off ends with an error: what came before is what is asked for.
    let _ = timeout(SOON, stream.read_to_end(&mut bytes)).await.unwrap();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    (head.to_lowercase(), body.to_owned())
}
