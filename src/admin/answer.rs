//! Answers that refuse: JSON with a code and one line, and nothing of what was asked.

use std::time::Duration;

use axum::Json;
use axum::extract::Request;
use axum::http::{StatusCode, Version};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// The pause before a refusal for want of a right: who tries tokens tries slowly.
const DENIAL_PAUSE: Duration = Duration::from_millis(100);

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    status: StatusCode,
    code: &'static str,
    error: String,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, code: &'static str, error: impl Into<String>) -> Self {
        Self { status, code, error: error.into() }
    }

    /// ADM-001: not allowed to; counted, and answered late.
    pub(super) async fn denied(error: &'static str) -> Self {
        metrics::counter!("st_admin_denied_total").increment(1);
        tokio::time::sleep(DENIAL_PAUSE).await;
        Self::new(StatusCode::UNAUTHORIZED, "ADM-001", error)
    }

    /// ADM-007.
    pub(super) fn unknown_path() -> Self {
        Self::new(StatusCode::NOT_FOUND, "ADM-007", "no such path")
    }

    /// ADM-006: a request that cannot be read.
    pub(super) fn unreadable(status: StatusCode, error: &'static str) -> Self {
        Self::new(status, "ADM-006", error)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.status, Json(json!({ "code": self.code, "error": self.error }))).into_response()
    }
}

/// ADM-007.
pub(super) async fn unknown_path() -> Refusal {
    Refusal::unknown_path()
}

/// ADM-008; the `Allow` header says which methods there are.
pub(super) async fn wrong_method() -> Refusal {
    Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "ADM-008", "not by this method")
}

/// Refuses what no client of ours sends: another HTTP than 1.1, paths with escapes, dots or control characters.
pub(super) async fn refuse_odd(request: Request, next: Next) -> Response {
    let path = request.uri().path();
    if request.version() != Version::HTTP_11 {
        return Refusal::unreadable(StatusCode::BAD_REQUEST, "want HTTP/1.1").into_response();
    }
    if path.contains(['%', '\\']) || path.contains("..") || path.chars().any(char::is_control) {
        return Refusal::unreadable(StatusCode::BAD_REQUEST, "no such form of path").into_response();
    }
    next.run(request).await
}
