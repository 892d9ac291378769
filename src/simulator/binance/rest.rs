//! REST, and empty answers for the families of paths that stock clients ask on the way.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, Request, State as Extract};
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use futures_util::{StreamExt, stream};

use super::Dialect;
use super::auth::Credentials;
use super::error::ApiError;
use super::params::Params;
use super::route::{self, Answer, Route, Way, of_rest, serve};
use super::sign::cut_signature;
use super::time::TimeUnit;
use crate::clock;
use crate::simulator::faults::{Delivery, Detour, Held, Line, LineKind, Reply, ReplyBody};
use crate::simulator::publish::publish;
use crate::simulator::server::Shared;
use crate::simulator::state::State;

/// Longest body of a request.
const BODY_MAX: usize = 64 * 1024;
/// When the venue gives up on an answer that a fault loses.
const GIVE_UP_AFTER: Duration = Duration::from_secs(10);
/// A body that is cut off ends so long after its first half.
const CUT_AFTER: Duration = Duration::from_millis(20);
/// How long a caller can wait for the answer to a request that never arrived.
const UNHEARD_FOR: Duration = Duration::from_secs(60);

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

/// An answer, and whether a fault keeps it back.
struct Served {
    sheet: Sheet,
    delivery: Delivery,
}

/// An answer and what its headers say.
struct Sheet {
    answer: Answer,
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

/// A request as it came.
struct Asked {
    line: Line,
    address: IpAddr,
    key: Option<String>,
    unit: Result<TimeUnit, ApiError>,
    query: String,
    body: String,
}

/// Serves one request.
pub(in crate::simulator) async fn rest<D: Dialect>(
    Extract(shared): Extract<Arc<Shared>>,
    ConnectInfo(line): ConnectInfo<Line>,
    request: Request,
) -> Response {
    if let Err(refusal) = shared.faults().enter(&line, LineKind::Rest, D::PRODUCT).await {
        return refusal;
    }
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, BODY_MAX).await else {
        return respond(StatusCode::PAYLOAD_TOO_LARGE, Vec::new());
    };
    let path = parts.uri.path();
    let Some(route) = of_rest::<D>(parts.method.as_str(), path) else {
        return respond(StatusCode::NOT_FOUND, error_body(&ApiError::unsupported()));
    };
    let header = |name| parts.headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let asked = Asked {
        address: line.address(),
        key: header("x-mbx-apikey").map(str::to_owned),
        unit: header("x-mbx-time-unit").map_or(Ok(TimeUnit::Milli), TimeUnit::named),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        body: String::from_utf8_lossy(&body).into_owned(),
        line,
    };
    let served = asked.serve::<D>(&mut shared.lock(), route, false, clock::wall_ms());
    let due = shared.lock().hub.rest_due();
    if let Some(due) = due {
        tokio::time::sleep_until(due).await;
    }
    match served.delivery {
        Delivery::Now => finish::<D>(served.sheet),
        Delivery::Held(held) => arrive_late::<D>(shared, route, asked, held).await,
        Delivery::Troubled(detour) => detoured::<D>(served.sheet, &detour, &asked.line).await,
    }
}

/// A request that a fault has held on its way reaches the engine, whether or not its caller still waits.
async fn arrive_late<D: Dialect>(
    shared: Arc<Shared>,
    route: &'static Route<D::Operation>,
    asked: Asked,
    held: Held,
) -> Response {
    let line = asked.line.clone();
    let arrives = tokio::spawn(async move {
        held.arrives().await;
        asked.serve::<D>(&mut shared.lock(), route, true, clock::wall_ms())
    });
    match arrives.await {
        Ok(served) => match served.delivery {
            Delivery::Now | Delivery::Held(_) => finish::<D>(served.sheet),
            Delivery::Troubled(detour) => detoured::<D>(served.sheet, &detour, &line).await,
        },
        Err(error) => {
            tracing::error!(%error, "a held request came to nothing");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// An answer that goes out otherwise than at once and as it is.
async fn detoured<D: Dialect>(sheet: Sheet, detour: &Detour, line: &Line) -> Response {
    if detour.unheard {
        // What never arrived is never answered.
        tokio::time::sleep(UNHEARD_FOR).await;
        line.cut();
    }
    if detour.lost {
        tokio::time::sleep(GIVE_UP_AFTER).await;
        return finish::<D>(Sheet { answer: Err(ApiError::timed_out()), ..sheet });
    }
    if let Some(ms) = detour.after_ms {
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }
    match &detour.instead {
        None => finish::<D>(sheet),
        Some(reply) => replaced(reply),
    }
}

/// What a fault answers instead.
fn replaced(reply: &Reply) -> Response {
    let body = match &reply.body {
        ReplyBody::Error { code, msg } => serde_json::json!({"code": code, "msg": msg}).to_string(),
        ReplyBody::Text(text) => (*text).to_owned(),
    };
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = respond(status, body.clone().into_bytes());
    let headers = response.headers_mut();
    if body.starts_with('<') {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html"));
    }
    if let Some(seconds) = reply.retry_after {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    if let Some((name, value)) = reply.header {
        headers.insert(header::HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    if reply.cut {
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len() * 2));
        let half = stream::once(std::future::ready(Ok(bytes::Bytes::from(body))));
        let end = stream::once(async {
            // What has been written is to leave before the connection ends.
            tokio::time::sleep(CUT_AFTER).await;
            Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset))
        });
        *response.body_mut() = Body::from_stream(half.chain(end));
    }
    response
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

/// One request that came at that moment: the answer's status and body, whatever a fault would do to it on its way.
pub(in crate::simulator) fn answer<D: Dialect>(
    state: &mut State,
    (verb, path): (&str, &str),
    key: Option<&str>,
    [query, body]: [&str; 2],
    now_ms: i64,
) -> (u16, Vec<u8>) {
    let asked = Asked {
        line: Line::from(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        address: IpAddr::V4(Ipv4Addr::LOCALHOST),
        key: key.map(str::to_owned),
        unit: Ok(TimeUnit::Milli),
        query: query.to_owned(),
        body: body.to_owned(),
    };
    let answer = match of_rest::<D>(verb, path) {
        Some(route) => asked.serve::<D>(state, route, false, now_ms).sheet.answer,
        None => Err(ApiError { status: 404, ..ApiError::unsupported() }),
    };
    match answer {
        Ok(body) => (200, body),
        Err(error) => (error.status, error_body(&error)),
    }
}

impl Asked {
    /// Carries it out, at once or late.
    fn serve<D: Dialect>(
        &self,
        state: &mut State,
        route: &Route<D::Operation>,
        late: bool,
        wall_ms: i64,
    ) -> Served {
        let now_ms = state.faults.venue_ms(wall_ms);
        let (signed_query, in_query) = cut_signature(&self.query);
        let (signed_body, in_body) = cut_signature(&self.body);
        let params = Params::of_form(&self.query, &self.body);
        let credentials = Credentials {
            address: self.address,
            key: self.key.as_deref().map(Cow::Borrowed),
            signature: in_query.or(in_body).and_then(|_| params.get("signature")).map(Cow::Borrowed),
            signed: [signed_query, signed_body],
            session: None,
            no_key: D::NO_KEY,
        };
        let way = Way { line: Some(&self.line), late };
        let served = match &self.unit {
            Ok(unit) => unit.during(|| serve::<D>(state, route, &params, &credentials, way, now_ms)),
            Err(error) => {
                route::Served { answer: Err(error.clone()), account: None, delivery: Delivery::Now }
            }
        };
        publish(state, now_ms);
        let orders_used = served.account.map(|account| state.orders_mut(account, D::PRODUCT).used(now_ms));
        let weight_used = state.addresses.used(D::PRODUCT, self.address, now_ms);
        let sheet = Sheet { answer: served.answer, weight_used, orders_used };
        Served { sheet, delivery: served.delivery }
    }
}

fn finish<D: Dialect>(sheet: Sheet) -> Response {
    let mut response = match sheet.answer {
        Ok(body) => respond(StatusCode::OK, body),
        Err(error) => refuse(&error),
    };
    let headers = response.headers_mut();
    headers.insert("x-mbx-used-weight", HeaderValue::from(sheet.weight_used));
    headers.insert("x-mbx-used-weight-1m", HeaderValue::from(sheet.weight_used));
    if let Some([first, second]) = sheet.orders_used {
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
