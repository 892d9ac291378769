//! Connections of the admin server: no more than 64, HTTP/1.1 alone, with deadlines. What is over is told so and cut,
//! so that nobody who opens connections can keep the probes from being answered for long.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, Request};
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// Connections at one time.
pub(super) const CONNECTIONS_MAX: usize = 64;
/// How long the head of a request may take, and a connection be idle.
const HEAD_MAX: Duration = Duration::from_secs(5);
/// How long a whole answer may take to be read.
const CONNECTION_MAX: Duration = Duration::from_secs(60);
/// How long somebody who is turned away may take to hear it.
const AWAY_MAX: Duration = Duration::from_millis(500);
/// Turned away at one time; beyond that connections are cut without a word.
const AWAY_AT_ONCE: usize = 64;
/// The pause after a connection could not be taken: where there are no descriptors left, asking again at once would
/// only turn in a circle.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
const HEADERS_MAX: usize = 64;
const HEAD_BYTES_MAX: usize = 16 * 1_024;

const BUSY: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nContent-Length: 60\r\n\
    Retry-After: 1\r\nConnection: close\r\n\r\n{\"code\":\"ADM-009\",\"error\":\"64 connections are open already\"}";

/// Serves until dropped.
pub(super) async fn serve(listener: TcpListener, routes: Router) {
    let open = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let away = Arc::new(Semaphore::new(AWAY_AT_ONCE));
    loop {
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "the admin server cannot take a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        if let Ok(permit) = Arc::clone(&open).try_acquire_owned() {
            let routes = routes.clone();
            tokio::spawn(async move {
                let _permit = permit;
                converse(stream, peer, routes).await;
            });
        } else if let Ok(permit) = Arc::clone(&away).try_acquire_owned() {
            tokio::spawn(async move {
                let _permit = permit;
                // Whoever does not listen is cut.
                let _ = timeout(AWAY_MAX, turn_away(stream)).await;
            });
        }
    }
}

async fn converse(stream: TcpStream, peer: SocketAddr, routes: Router) {
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let mut request: Request = request.map(axum::body::Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        let routes = TowerToHyperService::new(routes.clone());
        async move {
            let answer: Result<Response, Infallible> = hyper::service::Service::call(&routes, request).await;
            answer
        }
    });
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(HEAD_MAX);
    server.max_headers(HEADERS_MAX).max_buf_size(HEAD_BYTES_MAX);
    let serving = server.serve_connection(TokioIo::new(stream), service);
    // What goes wrong on a connection is its client's to know.
    let _ = timeout(CONNECTION_MAX, serving).await;
}

async fn turn_away(mut stream: TcpStream) -> std::io::Result<()> {
    stream.write_all(BUSY).await?;
    stream.shutdown().await?;
    // A socket that is closed with unread bytes in it is reset, and the answer lost with it.
    let mut rest = [0; 1_024];
    while tokio::io::AsyncReadExt::read(&mut stream, &mut rest).await? > 0 {}
    Ok(())
}
