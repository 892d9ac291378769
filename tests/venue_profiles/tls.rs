//! The port with TLS, asked by a stock TLS client.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use self_trader::simulator::{self, RunningVenue, TlsOptions, VenueError, VenueOptions};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto};
use tokio_tungstenite::tungstenite::Message;

use crate::client::{SOON, get, http};

fn start(change: impl FnOnce(&mut TlsOptions)) -> Result<RunningVenue, VenueError> {
    let mut tls =
        TlsOptions { listen: SocketAddr::from(([127, 0, 0, 1], 0)), names: Vec::new(), ca_out: None };
    change(&mut tls);
    simulator::start(VenueOptions { tls: Some(tls), ..VenueOptions::default() })
}

/// A client that trusts these authorities and no other.
#[expect(clippy::disallowed_methods, reason = "a test's own client, to loopback")]
async fn connect(addr: SocketAddr, name: &str, ca_pem: &str) -> std::io::Result<TlsStream<TcpStream>> {
    assert!(addr.ip().is_loopback());
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(ca_pem.as_bytes()) {
        roots.add(certificate.unwrap()).unwrap();
    }
    let config = ClientConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let tcp = timeout(SOON, TcpStream::connect(addr)).await??;
    let name = ServerName::try_from(name.to_owned()).unwrap();
    timeout(SOON, TlsConnector::from(Arc::new(config)).connect(name, tcp)).await?
}

#[tokio::test]
async fn a_client_that_trusts_the_venues_authority_is_served_and_others_are_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ca.pem");
    let venue = start(|tls| {
        tls.ca_out = Some(path.clone());
        tls.names = vec!["venue.test".to_owned()];
    })
    .unwrap();
    let tls = venue.tls().unwrap().clone();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), tls.ca_pem);
    for name in ["localhost", "127.0.0.1", "::1", "venue.test"] {
        let stream = connect(tls.addr, name, &tls.ca_pem).await.unwrap();
        assert!(ask(stream, "/api/v3/time").await["serverTime"].is_i64(), "{name}");
    }
    connect(tls.addr, "elsewhere.test", &tls.ca_pem).await.unwrap_err();
    let other = start(|_| ()).unwrap();
    connect(tls.addr, "localhost", &other.tls().unwrap().ca_pem).await.unwrap_err();
    // The plain port is there as well.
    assert!(get(venue.addr(), "/api/v3/time").await["serverTime"].is_i64());
}

async fn ask(stream: TlsStream<TcpStream>, path: &str) -> Value {
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    let driver = tokio::spawn(connection);
    let request = hyper::Request::builder().uri(path).header("host", "localhost");
    let response = timeout(SOON, sender.send_request(request.body(Empty::<Bytes>::new()).unwrap())).await;
    let body = response.unwrap().unwrap().into_body().collect().await.unwrap().to_bytes();
    driver.abort();
    serde_json::from_slice(&body).unwrap()
}

#[tokio::test]
async fn websockets_run_over_it() {
    let venue = start(|_| ()).unwrap();
    let tls = venue.tls().unwrap();
    let stream = connect(tls.addr, "localhost", &tls.ca_pem).await.unwrap();
    let (mut socket, _) = tokio_tungstenite::client_async("wss://localhost/ws-api/v3", stream).await.unwrap();
    let ping = json!({"id": 1, "method": "ping"}).to_string();
    socket.send(tokio_tungstenite::tungstenite::Message::text(ping)).await.unwrap();
    let answer = timeout(SOON, socket.next()).await.unwrap().unwrap().unwrap();
    let answer: Value = serde_json::from_str(answer.to_text().unwrap()).unwrap();
    assert_eq!((&answer["id"], &answer["status"]), (&json!(1), &json!(200)));
}

/// Who connects and says nothing keeps nobody else waiting.
#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "a test's own client, to loopback")]
async fn a_handshake_that_does_not_go_on_keeps_nobody_waiting() {
    let venue = start(|_| ()).unwrap();
    let tls = venue.tls().unwrap();
    let mut silent = Vec::new();
    for _ in 0..20 {
        silent.push(TcpStream::connect(tls.addr).await.unwrap());
    }
    let stream = connect(tls.addr, "localhost", &tls.ca_pem).await.unwrap();
    assert!(ask(stream, "/api/v3/time").await["serverTime"].is_i64());
    drop(silent);
}

#[test]
fn what_cannot_be_a_name_or_a_file_stops_the_start() {
    let no_name = start(|tls| tls.names = vec!["no name\u{e4}".to_owned()]).unwrap_err();
    assert!(no_name.to_string().starts_with("venue: TLS: no certificate for these names"), "{no_name}");
    let no_file = start(|tls| tls.ca_out = Some("/nowhere/at/all/ca.pem".into())).unwrap_err();
    assert!(no_file.to_string().contains("cannot write /nowhere/at/all/ca.pem"), "{no_file}");
}

#[tokio::test]
async fn faults_touch_it_as_they_touch_the_plain_port() {
    let venue = start(|_| ()).unwrap();
    let switch = async |switch: Value| {
        let reply = http(venue.addr(), "POST", "/venue/faults", None, &switch.to_string()).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
    };
    let tls = venue.tls().unwrap();
    let stream = connect(tls.addr, "localhost", &tls.ca_pem).await.unwrap();
    let (mut socket, _) = tokio_tungstenite::client_async("wss://localhost/ws-api/v3", stream).await.unwrap();
    let ping = |id: u32| Message::text(json!({"id": id, "method": "ping"}).to_string());
    switch(json!({"fault": "half_open", "connection": "ws_api"})).await;
    socket.send(ping(1)).await.unwrap();
    assert!(timeout(Duration::from_millis(200), socket.next()).await.is_err(), "no answer");
    http(venue.addr(), "DELETE", "/venue/faults", None, "").await;
    let answer = timeout(SOON, socket.next()).await.unwrap().unwrap().unwrap();
    assert!(answer.to_text().unwrap().starts_with(r#"{"id":1,"status":200"#), "{answer}");
    switch(json!({"fault": "fragment_frames", "bytes": 7})).await;
    socket.send(ping(2)).await.unwrap();
    let answer = timeout(SOON, socket.next()).await.unwrap().unwrap().unwrap();
    assert!(answer.to_text().unwrap().starts_with(r#"{"id":2,"status":200"#), "{answer}");
    switch(json!({"fault": "disconnect", "how": "reset"})).await;
    let end = timeout(SOON, socket.next()).await.unwrap();
    assert!(!matches!(end, Some(Ok(_))), "a reset, without a close frame: {end:?}");
}
