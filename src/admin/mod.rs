//! HTTP for operators: probes, metrics, status; on a thread and a runtime of its own, so that it answers when
//! trading is busy. It must never change what is traded.
//!
//! It stands before the venue is asked anything: a start that waits can be watched, and is alive.

mod prometheus;

use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
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

use crate::reaper::ReapStatus;
use crate::status::AppStatus;
use crate::telemetry::metrics;
use crate::telemetry::pulse::Pulse;
use prometheus::Page;

/// A live program's trading thread turned within this.
pub const HEARTBEAT_MAX: Duration = Duration::from_secs(5);
/// How long answers under way may take at the end.
const STOP_MAX: Duration = Duration::from_millis(300);
/// How often samples of histograms are added up, whether anybody reads them or not.
const UPKEEP: Duration = Duration::from_secs(5);
/// What a start waits for before there is a status.
const VENUE: &str = "start: the venue has not answered yet";

/// The admin server; dropping it ends it.
#[derive(Debug)]
pub struct Admin {
    front: Arc<Front>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Admin {
    /// From now on there is a status to show. The first one stays.
    pub fn show(&self, status: AppStatus) {
        // A second one would be the same run's.
        let _ = self.front.status.set(status);
    }
}

impl Admin {
    /// From now on there is a reaper's status to show, of a process that is nothing else.
    pub fn show_reaper(&self, status: Arc<ReapStatus>) {
        let _ = self.front.reaper.set(status);
    }
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

/// What the pages are made from.
struct Front {
    pulse: Pulse,
    status: OnceLock<AppStatus>,
    reaper: OnceLock<Arc<ReapStatus>>,
    page: Mutex<Page>,
}

impl std::fmt::Debug for Front {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Front").field("pulse", &self.pulse).finish_non_exhaustive()
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
    pub fn serve(self, pulse: Pulse) -> anyhow::Result<Admin> {
        let address = self.0.local_addr().context("failed to read the admin address")?;
        let front = Arc::new(Front { pulse, status: OnceLock::new(), reaper: OnceLock::new(), page: Mutex::default() });
        let (stop, stopped) = oneshot::channel();
        let served = Arc::clone(&front);
        let thread = std::thread::Builder::new()
            .name("admin".to_owned())
            .spawn(move || {
                if let Err(error) = serve(self.0, served, stopped) {
                    tracing::error!(%error, "the admin server failed");
                }
            })
            .context("failed to start the admin thread")?;
        tracing::info!(%address, "admin listening");
        Ok(Admin { front, stop: Some(stop), thread: Some(thread) })
    }
}

fn serve(listener: TcpListener, front: Arc<Front>, stopped: oneshot::Receiver<()>) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let routes = Router::new()
            .route("/livez", get(livez))
            .route("/startupz", get(startupz))
            .route("/readyz", get(readyz))
            .route("/metrics", get(prometheus))
            .route("/status", get(status_page))
            .with_state(front);
        // The sender is dropped, never used: either way of ending this wait means stop.
        tokio::select! {
            served = axum::serve(listener, routes) => served?,
            () = upkeep() => {}
            _ = stopped => {}
        }
        anyhow::Ok(())
    })?;
    runtime.shutdown_timeout(STOP_MAX);
    Ok(())
}

/// Samples of histograms pile up until they are added up.
async fn upkeep() {
    let mut ticks = tokio::time::interval(UPKEEP);
    loop {
        ticks.tick().await;
        metrics::handle().run_upkeep();
    }
}

async fn livez(State(front): State<Arc<Front>>) -> impl IntoResponse {
    turns(&front, "live\n")
}

/// The process has read its configuration and serves: nothing outside of it is waited for.
async fn startupz(State(front): State<Arc<Front>>) -> impl IntoResponse {
    turns(&front, "started\n")
}

fn turns(front: &Front, yes: &str) -> (StatusCode, String) {
    let silence = front.pulse.age();
    if silence <= HEARTBEAT_MAX {
        (StatusCode::OK, yes.to_owned())
    } else {
        let text = format!("the trading thread has not turned for {} ms\n", silence.as_millis());
        (StatusCode::SERVICE_UNAVAILABLE, text)
    }
}

async fn readyz(State(front): State<Arc<Front>>) -> impl IntoResponse {
    if let Some(reaper) = front.reaper.get() {
        let waits_for = reaper.waits_for();
        let ready = waits_for.is_empty();
        let code = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        return (code, axum::Json(json!({ "ready": ready, "waits_for": waits_for })));
    }
    let Some(status) = front.status.get() else {
        return (
            StatusCode::SERVICE_UNAVAILABLE,
            axum::Json(json!({ "ready": false, "waits_for": [VENUE] })),
        );
    };
    let ready = status.is_ready();
    let mut body = json!({ "ready": ready, "waits_for": status.waits_for() });
    if status.is_idle() {
        body["idle"] = json!("owns no symbol");
    }
    let code = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (code, axum::Json(body))
}

async fn prometheus(State(front): State<Arc<Front>>) -> impl IntoResponse {
    let text = match front.status.get() {
        Some(status) => front.page.lock().unwrap_or_else(PoisonError::into_inner).render(status),
        None => metrics::handle().render(),
    };
    ([(CONTENT_TYPE, "text/plain; version=0.0.4")], text)
}

async fn status_page(State(front): State<Arc<Front>>) -> impl IntoResponse {
    if let Some(reaper) = front.reaper.get() {
        return axum::Json(reaper.json());
    }
    let starting = || json!({ "ready": false, "waits_for": [VENUE] });
    axum::Json(front.status.get().map_or_else(starting, AppStatus::json))
}
