//! HTTP for operators: probes, metrics, status; on a thread and a runtime of its own, so that it answers when
//! trading is busy. It must never change what is traded.

mod prometheus;

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;
use serde_json::json;
use tokio::sync::oneshot;

use crate::status::AppStatus;
use crate::telemetry::metrics;

/// A live program's trading thread turned within this.
pub const HEARTBEAT_MAX: Duration = Duration::from_secs(5);
/// How long answers under way may take at the end.
const STOP_MAX: Duration = Duration::from_millis(300);

/// The admin server; dropping it ends it.
#[derive(Debug)]
pub struct Admin {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Admin {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the admin thread failed");
        }
    }
}

/// A bound address that nobody serves yet.
#[derive(Debug)]
pub struct Bound(TcpListener);

/// Takes the address: one that cannot be had ends the start before anything else begins.
///
/// # Errors
/// If the address cannot be listened on.
pub fn bind(address: SocketAddr) -> anyhow::Result<Bound> {
    let listener =
        TcpListener::bind(address).with_context(|| format!("failed to listen on Admin Address {address}"))?;
    listener.set_nonblocking(true).context("failed to prepare the admin listener")?;
    metrics::handle();
    Ok(Bound(listener))
}

impl Bound {
    /// Serves until the server is dropped.
    ///
    /// # Errors
    /// If its thread cannot be started.
    pub fn serve(self, status: AppStatus) -> anyhow::Result<Admin> {
        let address = self.0.local_addr().context("failed to read the admin address")?;
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new()
            .name("admin".to_owned())
            .spawn(move || {
                if let Err(error) = serve(self.0, status, stopped) {
                    tracing::error!(%error, "the admin server failed");
                }
            })
            .context("failed to start the admin thread")?;
        tracing::info!(%address, "admin listening");
        Ok(Admin { stop: Some(stop), thread: Some(thread) })
    }
}

fn serve(listener: TcpListener, status: AppStatus, stopped: oneshot::Receiver<()>) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let routes = Router::new()
            .route("/livez", get(livez))
            .route("/readyz", get(readyz))
            .route("/metrics", get(prometheus))
            .route("/status", get(status_page))
            .with_state(Arc::new(status));
        // The sender is dropped, never used: either way of ending this wait means stop.
        tokio::select! {
            served = axum::serve(listener, routes) => served?,
            _ = stopped => {}
        }
        anyhow::Ok(())
    })?;
    runtime.shutdown_timeout(STOP_MAX);
    Ok(())
}

async fn livez(State(status): State<Arc<AppStatus>>) -> impl IntoResponse {
    let silence = status.heartbeat_age();
    if silence <= HEARTBEAT_MAX {
        (StatusCode::OK, "live\n".to_owned())
    } else {
        let text = format!("the trading thread has not turned for {} ms\n", silence.as_millis());
        (StatusCode::SERVICE_UNAVAILABLE, text)
    }
}

async fn readyz(State(status): State<Arc<AppStatus>>) -> impl IntoResponse {
    let waits_for = status.waits_for();
    let code = if waits_for.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (code, axum::Json(json!({ "ready": waits_for.is_empty(), "waits_for": waits_for })))
}

async fn prometheus(State(status): State<Arc<AppStatus>>) -> impl IntoResponse {
    ([(CONTENT_TYPE, "text/plain; version=0.0.4")], prometheus::render(&status))
}

async fn status_page(State(status): State<Arc<AppStatus>>) -> impl IntoResponse {
    axum::Json(status.json())
}
