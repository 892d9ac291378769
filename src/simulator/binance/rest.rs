//! REST, and empty answers for the families of paths that stock clients ask on the way.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, Request, State as Extract};
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::Response;

use super::Dialect;
use super::auth::Credentials;
use super::error::ApiError;
use super::params::Params;
use super::route::{self, Answer, Route, of_rest, serve};
use super::sign::cut_signature;
use super::time::TimeUnit;
use crate::clock;
use crate::simulator::faults::Delivery;
use crate::simulator::publish::publish;
use crate::simulator::server::{Origin, Shared};
use crate::simulator::state::State;

/// Longest body of a request.
const BODY_MAX: usize = 64 * 1024;
/// When the venue gives up on an answer that a fault loses.
const GIVE_UP_AFTER: Duration = Duration::from_secs(10);

/// What other products of the same venue answer: that they list nothing. Stock clients ask them all when
/// they load markets.
const EMPTY: [(&str, &str); 8] = [
    ("/sapi/v1/capital/config/getall", "[]"),
    ("/sapi/v1/margin/allPairs", "[]"),
    ("/sapi/v1/margin/isolated/allPairs", "[]"),
    ("/sapi/v1/margin/allAssets", "[]"),
    ("/dapi/v1/exchangeInfo", r#"{"timezone":"UTC","rateLimits":[],"exchangeFilters":[],"symbols":[]}"#),
    (
        "/eapi/v1/exchangeInfo",
        r#"{"timezone":"UTC","rateLimits":[],"optionSymbols":[],"optionContracts":[],"optionAssets":[]}"#,
    ),
    ("/sapi/v1/system/status", r#"{"status":0,"msg":"normal"}"#),
    ("/sapi/v1/account/apiRestrictions", r#"{"enableReading":true,"enableSpotAndMarginTrading":true}"#),
];

/// An answer and what its headers say.
struct Served {
    answer: Answer,
    delivery: Delivery,
    weight_used: u64,
    orders_used: Option<[u64; 2]>,
}

/// Answers for the products that the venue does not have.
pub(in crate::simulator) async fn elsewhere(uri: Uri) -> Response {
    match EMPTY.iter().find(|(own, _)| *own == uri.path()) {
        Some((_, empty)) => respond(StatusCode::OK, empty.as_bytes().to_vec()),
        None => respond(StatusCode::NOT_FOUND, error_body(&ApiError::unsupported())),
    }
}

/// What a REST request says beside its parameters.
struct Head<'a> {
    address: IpAddr,
    key: Option<&'a str>,
    unit: Result<TimeUnit, ApiError>,
}

impl<'a> Head<'a> {
    /// That of a request that came over no socket.
    const fn local(key: Option<&'a str>) -> Self {
        Self { address: IpAddr::V4(Ipv4Addr::LOCALHOST), key, unit: Ok(TimeUnit::Milli) }
    }
}

/// Serves one request.
pub(in crate::simulator) async fn rest<D: Dialect>(
    Extract(shared): Extract<Arc<Shared>>,
    ConnectInfo(Origin(from)): ConnectInfo<Origin>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, BODY_MAX).await else {
        return respond(StatusCode::PAYLOAD_TOO_LARGE, Vec::new());
    };
    let path = parts.uri.path();
    let Some(route) = of_rest::<D>(parts.method.as_str(), path) else {
        return respond(StatusCode::NOT_FOUND, error_body(&ApiError::unsupported()));
    };
    let header = |name| parts.headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let head = Head {
        address: from.ip(),
        key: header("x-mbx-apikey"),
        unit: header("x-mbx-time-unit").map_or(Ok(TimeUnit::Milli), TimeUnit::named),
    };
    let query = parts.uri.query().unwrap_or_default();
    let body = String::from_utf8_lossy(&body);
    let served = serve_locked::<D>(&mut shared.lock(), route, head, [query, &body], clock::wall_ms());
    match served.delivery {
        Delivery::Now => {}
        Delivery::AfterMs(ms) => tokio::time::sleep(Duration::from_millis(ms)).await,
        Delivery::Never => {
            tokio::time::sleep(GIVE_UP_AFTER).await;
            return finish::<D>(Served { answer: Err(ApiError::timed_out()), ..served });
        }
    }
    finish::<D>(served)
}

/// Answers with a refusal and nothing else.
pub(super) fn refuse(error: &ApiError) -> Response {
    let status = StatusCode::from_u16(error.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = respond(status, error_body(error));
    if let Some(retry) = error.retry {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(retry.seconds()));
    }
    response
}

/// One request that came at that moment: the answer's status and body, whatever a fault would do to it.
pub(in crate::simulator) fn answer<D: Dialect>(
    state: &mut State,
    (verb, path): (&str, &str),
    key: Option<&str>,
    texts: [&str; 2],
    now_ms: i64,
) -> (u16, Vec<u8>) {
    let answer = match of_rest::<D>(verb, path) {
        Some(route) => serve_locked::<D>(state, route, Head::local(key), texts, now_ms).answer,
        None => Err(ApiError { status: 404, ..ApiError::unsupported() }),
    };
    match answer {
        Ok(body) => (200, body),
        Err(error) => (error.status, error_body(&error)),
    }
}

fn serve_locked<D: Dialect>(
    state: &mut State,
    route: &Route<D::Operation>,
    head: Head<'_>,
    [query, body]: [&str; 2],
    now_ms: i64,
) -> Served {
    let (signed_query, in_query) = cut_signature(query);
    let (signed_body, in_body) = cut_signature(body);
    let params = Params::of_form(query, body);
    let credentials = Credentials {
        address: head.address,
        key: head.key.map(Cow::Borrowed),
        signature: in_query.or(in_body).and_then(|_| params.get("signature")).map(Cow::Borrowed),
        signed: [signed_query, signed_body],
        session: None,
        no_key: D::NO_KEY,
    };
    let served = match head.unit {
        Ok(unit) => unit.during(|| serve::<D>(state, route, &params, &credentials, now_ms)),
        Err(error) => route::Served { answer: Err(error), account: None, delivery: Delivery::Now },
    };
    publish(state, now_ms);
    let orders_used = served.account.map(|account| state.orders_mut(account, D::PRODUCT).used(now_ms));
    Served {
        orders_used,
        weight_used: state.addresses.used(D::PRODUCT, head.address, now_ms),
        answer: served.answer,
        delivery: served.delivery,
    }
}

fn finish<D: Dialect>(served: Served) -> Response {
    let mut response = match served.answer {
        Ok(body) => respond(StatusCode::OK, body),
        Err(error) => refuse(&error),
    };
    let headers = response.headers_mut();
    headers.insert("x-mbx-used-weight", HeaderValue::from(served.weight_used));
    headers.insert("x-mbx-used-weight-1m", HeaderValue::from(served.weight_used));
    if let Some([first, second]) = served.orders_used {
        headers.insert("x-mbx-order-count-10s", HeaderValue::from(first));
        headers.insert(D::ORDER_COUNT_HEADER, HeaderValue::from(second));
    }
    response
}

fn error_body(error: &ApiError) -> Vec<u8> {
    serde_json::to_vec(error).expect("errors serialise")
}

fn respond(status: StatusCode, body: Vec<u8>) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json;charset=UTF-8"));
    response
}
