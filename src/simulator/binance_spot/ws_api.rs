//! The WS API: one JSON request a frame, one answer a frame, user events in between.

use std::borrow::Cow;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{Utf8Bytes, WebSocketUpgrade};
use axum::extract::{RawQuery, State as Extract};
use axum::response::Response;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::auth::{Credentials, authenticate};
use super::error::ApiError;
use super::operation::{Answer, Operation, Route, Served, json, serve};
use super::params::Params;
use super::publish::publish;
use super::user_streams;
use crate::clock;
use crate::simulator::engine::AccountId;
use crate::simulator::faults::Delivery;
use crate::simulator::outbox::Outbox;
use crate::simulator::server::Shared;
use crate::simulator::socket::{self, Frames};
use crate::simulator::state::State;

/// What a session request costs.
const SESSION_WEIGHT: u64 = 2;

/// Opens a WS API connection.
pub(in crate::simulator) async fn ws_api(
    Extract(shared): Extract<Arc<Shared>>,
    RawQuery(query): RawQuery,
    upgrade: WebSocketUpgrade,
) -> Response {
    let silent = query.as_deref().unwrap_or("").split('&').any(|pair| pair == "returnRateLimits=false");
    upgrade.max_message_size(socket::FRAME_MAX).read_buffer_size(socket::READ_MAX).on_upgrade(
        move |socket| async move {
            let connection = Connection::new(shared, !silent);
            let outbox = Arc::clone(&connection.outbox);
            socket::serve(socket, outbox, connection).await;
        },
    )
}

/// A request's frame.
#[derive(Deserialize)]
struct Frame<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    method: Cow<'a, str>,
    #[serde(borrow)]
    params: Option<&'a RawValue>,
}

/// One client.
struct Connection {
    shared: Arc<Shared>,
    outbox: Arc<Outbox>,
    connected_ms: i64,
    show_limits: bool,
    /// Whom it is logged on as, and since when.
    session: Option<(AccountId, i64)>,
    subscriptions: u64,
}

impl Connection {
    fn new(shared: Arc<Shared>, show_limits: bool) -> Self {
        let outbox = shared.lock().hub.connect(false);
        let connected_ms = clock::wall_ms();
        Self { shared, outbox, connected_ms, show_limits, session: None, subscriptions: 0 }
    }

    fn answer(&mut self, state: &mut State, frame: &Frame<'_>, now_ms: i64, read_ns: Option<u64>) {
        let params =
            match frame.params.map_or_else(|| Ok(Params::default()), |raw| Params::of_json(raw.get())) {
                Ok(params) => params,
                Err(error) => return self.send(state, frame.id, refused(error), None, now_ms),
            };
        let credentials = self.credentials(&params);
        let route = Route::of_method(&frame.method);
        if let (Some(read_ns), Some(Operation::Place)) = (read_ns, route.map(|route| route.operation)) {
            state.stamp(params.get("newClientOrderId").unwrap_or_default(), read_ns);
        }
        let served = match route {
            Some(route) => serve(state, route, &params, &credentials, now_ms),
            None => self.session_request(state, &frame.method, &params, &credentials, now_ms),
        };
        self.send(state, frame.id, served, params.flag("returnRateLimits"), now_ms);
        publish(state, now_ms);
    }

    fn credentials<'p>(&self, params: &'p Params<'_>) -> Credentials<'p> {
        Credentials {
            key: params.get("apiKey").map(Cow::Borrowed),
            signature: params.get("signature").map(Cow::Borrowed),
            signed: [Cow::Owned(params.payload()), Cow::Borrowed("")],
            session: self.session.map(|(account, _)| account),
            no_key: || ApiError::mandatory("apiKey"),
        }
    }

    /// What only a connection can be asked.
    fn session_request(
        &mut self,
        state: &mut State,
        method: &str,
        params: &Params<'_>,
        credentials: &Credentials<'_>,
        now_ms: i64,
    ) -> Served {
        let answer = state.weight.spend(SESSION_WEIGHT, now_ms).and_then(|()| match method {
            "session.logon" => {
                let account = authenticate(state, params, credentials, now_ms)?;
                self.session = Some((account, now_ms));
                self.session_status(state, now_ms)
            }
            "session.status" => self.session_status(state, now_ms),
            "session.logout" => {
                self.session = None;
                self.session_status(state, now_ms)
            }
            "session.subscriptions" => Ok(user_streams::list(state, &self.outbox).into_bytes()),
            "userDataStream.subscribe" | "userDataStream.subscribe.signature" => {
                let account = self.subscriber(state, params, credentials, now_ms)?;
                user_streams::subscribe(state, account, &self.outbox, &mut self.subscriptions)
                    .map(String::into_bytes)
            }
            "userDataStream.unsubscribe" => {
                user_streams::unsubscribe(state, &self.outbox, params.number("subscriptionId")?)
                    .map(String::into_bytes)
            }
            _ => Err(ApiError::unsupported()),
        });
        Served { answer, account: None, delivery: Delivery::Now }
    }

    /// Whose events are asked for: a signed request says so itself, any other leaves it to the log-on.
    fn subscriber(
        &self,
        state: &State,
        params: &Params<'_>,
        credentials: &Credentials<'_>,
        now_ms: i64,
    ) -> Result<AccountId, ApiError> {
        match self.session {
            Some((account, _)) if credentials.signature.is_none() => Ok(account),
            Some(_) | None => authenticate(state, params, credentials, now_ms),
        }
    }

    fn session_status(&self, state: &State, now_ms: i64) -> Answer {
        let key = self.session.map(|(account, _)| &state.accounts[account.index()].key);
        let listens = state.hub.users().iter().any(|user| user.outbox.id == self.outbox.id);
        json(&serde_json::json!({
            "apiKey": key,
            "authorizedSince": self.session.map(|(_, since)| since),
            "connectedSince": self.connected_ms,
            "returnRateLimits": self.show_limits,
            "serverTime": now_ms,
            "userDataStream": listens,
        }))
    }

    fn send(
        &self,
        state: &mut State,
        id: Option<&RawValue>,
        served: Served,
        show_limits: Option<bool>,
        now_ms: i64,
    ) {
        let limits = show_limits.unwrap_or(self.show_limits).then(|| limits(state, served.account, now_ms));
        let message = envelope(id, &served.answer, limits.as_deref());
        match served.delivery {
            Delivery::Now => self.outbox.push(message),
            Delivery::AfterMs(ms) => self.outbox.push_after(message, Duration::from_millis(ms)),
            Delivery::Never => {}
        }
    }
}

impl Frames for Connection {
    fn handle(&mut self, text: &str) {
        let shared = Arc::clone(&self.shared);
        let read_ns = shared.stamps.then(clock::wall_ns);
        let now_ms = clock::wall_ms();
        let mut state = shared.lock();
        match serde_json::from_str::<Frame<'_>>(text) {
            Ok(frame) => self.answer(&mut state, &frame, now_ms, read_ns),
            Err(_) => self.send(&mut state, None, refused(ApiError::bad_json()), None, now_ms),
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.shared.lock().hub.disconnect(&self.outbox);
    }
}

fn refused(error: ApiError) -> Served {
    Served { answer: Err(error), account: None, delivery: Delivery::Now }
}

/// The limits as an answer shows them: orders too where the answer is an account's.
fn limits(state: &mut State, account: Option<AccountId>, now_ms: i64) -> Vec<u8> {
    let weight = state.weight.shown(now_ms);
    let limits = match account {
        None => json(&[weight]),
        Some(account) => {
            let [ten_seconds, day] = state.account_mut(account).orders.shown(now_ms);
            json(&[ten_seconds, day, weight])
        }
    };
    limits.expect("limits serialise")
}

/// `{"id":...,"status":...,"result" or "error":...,"rateLimits":...}`; the id as it came.
fn envelope(id: Option<&RawValue>, answer: &Answer, limits: Option<&[u8]>) -> Utf8Bytes {
    let mut out = Vec::with_capacity(1_024);
    let id = id.map_or("null", RawValue::get);
    match answer {
        Ok(body) => {
            write!(out, "{{\"id\":{id},\"status\":200,\"result\":").expect("a vector takes all");
            out.extend_from_slice(body);
        }
        Err(error) => {
            write!(out, "{{\"id\":{id},\"status\":{},\"error\":", error.status).expect("a vector takes all");
            serde_json::to_writer(&mut out, error).expect("errors serialise");
        }
    }
    if let Some(limits) = limits {
        out.extend_from_slice(b",\"rateLimits\":");
        out.extend_from_slice(limits);
    }
    out.push(b'}');
    String::from_utf8(out).expect("made of strings").into()
}
