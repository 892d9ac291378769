//! `GET /halts`, `POST /halt`, `POST /release`: JSON `{"symbol": TEXT, "reason": TEXT}`, without `symbol` for all.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::request::Parts;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use pipeline::halt::{Change, NotReleased};
use pipeline::instrument::Phase;
use schemas::halt::HaltedBy;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::answer::Refusal;
use super::{Front, Trading, token};
use crate::halt::{HaltRefused, Told};
use crate::status::AppStatus;

/// The largest body.
const BODY_MAX: usize = 16 * 1_024;
/// How long a body may take.
const BODY_PATIENCE: Duration = Duration::from_secs(5);

/// What is asked for: the body of `POST /halt` and `POST /release`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// None = all. `null` is no symbol and not all either: whoever's program lost the name must not release all.
    #[serde(default, deserialize_with = "text")]
    pub symbol: Option<String>,
    /// Why.
    pub reason: String,
}

impl Order {
    /// Reads a body; `None` if it is none.
    #[must_use]
    pub fn read(body: &[u8]) -> Option<Self> {
        serde_json::from_slice(body).ok()
    }
}

fn text<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    String::deserialize(from).map(Some)
}

pub(super) async fn list(State(front): State<Arc<Front>>) -> Result<Json<Value>, Refusal> {
    let halts = &front.trading()?.halts;
    Ok(Json(json!({ "halts": halts.list(), "lasting": halts.lasts() })))
}

pub(super) async fn halt(
    State(front): State<Arc<Front>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Result<Json<Value>, Refusal> {
    let order = order(&front, peer, request).await?;
    let board = front.trading()?.halts.clone();
    let symbol = order.symbol.clone();
    let told = off_thread(move || board.halt(order.symbol.as_deref(), HaltedBy::Operator, &order.reason));
    Ok(answer("halted", symbol.as_deref(), told.await?))
}

pub(super) async fn release(
    State(front): State<Arc<Front>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Result<Json<Value>, Refusal> {
    let order = order(&front, peer, request).await?;
    if let Some(status) = front.status.get() {
        may_release(status, order.symbol.as_deref())?;
    }
    let board = front.trading()?.halts.clone();
    let symbol = order.symbol.clone();
    let told = off_thread(move || board.release(order.symbol.as_deref(), &order.reason));
    Ok(answer("released", symbol.as_deref(), told.await?))
}

impl Front {
    /// # Errors
    /// ADM-007: nothing is traded here.
    fn trading(&self) -> Result<&Trading, Refusal> {
        self.trading.as_ref().ok_or_else(Refusal::unknown_path)
    }
}

/// Who asks, then what for.
async fn order(front: &Front, peer: SocketAddr, request: Request) -> Result<Order, Refusal> {
    let (parts, body) = request.into_parts();
    token::check(front.trading()?.token.as_ref(), peer, &parts).await?;
    let body = read(&parts, body).await?;
    Order::read(&body).ok_or_else(|| {
        let want = "want a JSON object with a reason and, but for all, a symbol";
        Refusal::unreadable(StatusCode::BAD_REQUEST, want)
    })
}

async fn read(parts: &Parts, body: Body) -> Result<Vec<u8>, Refusal> {
    let kind = parts.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case("application/json") {
        let want = "want Content-Type: application/json";
        return Err(Refusal::unreadable(StatusCode::UNSUPPORTED_MEDIA_TYPE, want));
    }
    let too_large = || Refusal::unreadable(StatusCode::PAYLOAD_TOO_LARGE, "want a body of at most 16 KiB");
    let length = parts.headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    if length.and_then(|length| length.parse::<u64>().ok()).is_some_and(|length| length > BODY_MAX as u64) {
        return Err(too_large());
    }
    match timeout(BODY_PATIENCE, Limited::new(body, BODY_MAX).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes().to_vec()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(_)) => Err(Refusal::unreadable(StatusCode::BAD_REQUEST, "the body broke off")),
        Err(_) => Err(Refusal::unreadable(StatusCode::REQUEST_TIMEOUT, "the body took longer than 5 s")),
    }
}

/// Only an owner that has swept may release: what the halt left is closed first.
///
/// # Errors
/// ADM-004.
fn may_release(status: &AppStatus, symbol: Option<&str>) -> Result<(), Refusal> {
    let conflict = |error: &str| Err(Refusal::new(StatusCode::CONFLICT, "ADM-004", error));
    let named = |place: &usize| symbol.is_none_or(|symbol| status.lanes[*place].symbol == symbol);
    let halted = symbol.is_none_or(|symbol| status.halts.of(symbol).is_some());
    let owns = |place: &usize| status.holds[*place].is_claimed();
    let here: Vec<usize> = (0..status.lanes.len()).filter(named).collect();
    if symbol.is_some() && halted && !here.is_empty() && !here.iter().any(owns) {
        return conflict("not this process's at the moment; its owner has to release it");
    }
    let sweeping = |place: &&usize| owns(place) && status.lanes[**place].phase() == Phase::Sweeping;
    if halted && here.iter().any(|place| sweeping(&place)) {
        return conflict("the sweep that belongs to the halt is not done yet; try again");
    }
    Ok(())
}

/// Whatever waits for a disk does so on another thread: probes are answered meanwhile.
async fn off_thread(
    work: impl FnOnce() -> Result<Told, HaltRefused> + Send + 'static,
) -> Result<Told, Refusal> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|_| Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "ADM-010", "it failed"))?
        .map_err(|refused| refusal(&refused))
}

fn refusal(refused: &HaltRefused) -> Refusal {
    let (status, code) = match refused {
        HaltRefused::UnknownSymbol => (StatusCode::NOT_FOUND, "ADM-002"),
        HaltRefused::Reason => (StatusCode::BAD_REQUEST, "ADM-003"),
        HaltRefused::NotReleased(
            NotReleased::NotHalted | NotReleased::HaltedWithAll | NotReleased::ByFile,
        ) => (StatusCode::CONFLICT, "ADM-004"),
    };
    Refusal::new(status, code, refused.to_string())
}

/// The symbol is one of ours by now: it may be shown.
fn answer(what: &str, symbol: Option<&str>, told: Told) -> Json<Value> {
    let result = match told.change {
        Change::Done => what.to_owned(),
        Change::Already => format!("already {what}"),
    };
    Json(json!({ "result": result, "symbol": symbol.unwrap_or("all"), "lasting": told.lasts }))
}
