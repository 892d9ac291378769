//! HTTP for operators: probes, metrics, status; on a thread and a runtime of its own, so that it answers when
//! trading is busy. Of what is traded it changes one thing only: whether ([`halts`]).
//!
//! It stands before the venue is asked anything: a start that waits can be watched, halted, and is alive.

mod answer;
pub mod halts;
mod prometheus;
mod serve;
mod token;

use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::middleware;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use schemas::halt::Halt;
use serde_json::{Value, json};
use tokio::sync::oneshot;

use crate::halt::HaltBoard;
use crate::reaper::ReapStatus;
use crate::secret::Secret;
use crate::start::{StartBoard, Waiting};
use crate::status::AppStatus;
use crate::telemetry::metrics;
use crate::telemetry::pulse::Pulse;
use prometheus::Page;
use token::Token;

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

/// What a process that trades can show and be told before there is a status.
#[derive(Debug)]
pub struct Desk {
    /// Where the instruments stand on their way to their first pairs.
    pub start: StartBoard,
    /// What is halted.
    pub halts: HaltBoard,
    /// What a request that halts or releases must carry.
    pub token: Option<Secret>,
}

/// What the pages are made from.
struct Front {
    pulse: Pulse,
    /// `None`: the process does not trade.
    trading: Option<Trading>,
    status: OnceLock<AppStatus>,
    reaper: OnceLock<Arc<ReapStatus>>,
    page: Mutex<Page>,
}

struct Trading {
    start: StartBoard,
    halts: HaltBoard,
    token: Option<Token>,
}

impl Front {
    fn halted(&self) -> Vec<Halt> {
        self.trading.as_ref().map(|trading| trading.halts.list()).unwrap_or_default()
    }
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
    pub fn serve(self, pulse: Pulse, desk: Option<Desk>) -> anyhow::Result<Admin> {
        let address = self.0.local_addr().context("failed to read the admin address")?;
        let trading = desk.map(|Desk { start, halts, token }| {
            let token = token.as_ref().map(Token::new);
            Trading { start, halts, token }
        });
        let open = trading.as_ref().is_some_and(|trading| trading.token.is_none());
        if open && !address.ip().is_loopback() {
            tracing::warn!(%address, "no Admin Token: halts and releases are taken from loopback only");
        }
        let (status, reaper, page) = (OnceLock::new(), OnceLock::new(), Mutex::default());
        let front = Arc::new(Front { pulse, trading, status, reaper, page });
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
        // The sender is dropped, never used: either way of ending this wait means stop.
        tokio::select! {
            () = serve::serve(listener, routes(front)) => {}
            () = upkeep() => {}
            _ = stopped => {}
        }
        anyhow::Ok(())
    })?;
    runtime.shutdown_timeout(STOP_MAX);
    Ok(())
}

fn routes(front: Arc<Front>) -> Router {
    Router::new()
        .route("/livez", get(livez))
        .route("/startupz", get(startupz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(prometheus))
        .route("/status", get(status_page))
        .route("/halts", get(halts::list))
        .route("/halt", post(halts::halt))
        .route("/release", post(halts::release))
        .method_not_allowed_fallback(answer::wrong_method)
        .fallback(answer::unknown_path)
        .layer(middleware::from_fn(answer::refuse_odd))
        .with_state(front)
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
            axum::Json(json!({
                "ready": false,
                "waits_for": [VENUE],
                "blocked": front.trading.as_ref().map(|trading| shown(&trading.start.before_lanes())),
                "halted": front.halted(),
            })),
        );
    };
    let ready = status.is_ready();
    let mut body = json!({
        "ready": ready,
        "waits_for": status.waits_for(),
        "blocked": shown(&status.blocked()),
        "halted": front.halted(),
    });
    if status.is_idle() {
        body["idle"] = json!("owns no symbol");
    }
    let code = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (code, axum::Json(body))
}

fn shown(waiting: &[Waiting]) -> Vec<Value> {
    waiting.iter().map(Waiting::json).collect()
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
