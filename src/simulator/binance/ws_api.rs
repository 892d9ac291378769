//! The WS API: one JSON request a frame, one answer a frame, user events in between.

use std::borrow::Cow;
use std::io::Write;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{Utf8Bytes, WebSocketUpgrade};
use axum::extract::{ConnectInfo, RawQuery, State as Extract};
use axum::response::Response;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::Dialect;
use super::auth::Credentials;
use super::error::ApiError;
use super::params::Params;
use super::route::{Answer, Door, Served, json, of_method, serve};
use crate::clock;
use crate::simulator::engine::AccountId;
use crate::simulator::faults::{Delivery, Detour, Field, Intake, Line, LineKind, Reply, ReplyBody, Target};
use crate::simulator::outbox::Outbox;
use crate::simulator::publish::publish;
use crate::simulator::server::Shared;
use crate::simulator::socket::{self, Frames};
use crate::simulator::state::State;

/// What a session request costs.
const SESSION_WEIGHT: u64 = 2;

/// Opens a WS API connection.
pub(in crate::simulator) async fn ws_api<D: Dialect>(
    Extract(shared): Extract<Arc<Shared>>,
    ConnectInfo(line): ConnectInfo<Line>,
    RawQuery(query): RawQuery,
    upgrade: WebSocketUpgrade,
) -> Response {
    let faults = shared.faults();
    if let Err(refusal) = faults.enter(&line, LineKind::WsApi, D::PRODUCT).await {
        return refusal;
    }
    let silent = query.as_deref().unwrap_or("").split('&').any(|pair| pair == "returnRateLimits=false");
    upgrade.max_message_size(socket::FRAME_MAX).read_buffer_size(socket::READ_MAX).on_upgrade(
        move |socket| async move {
            let connection = Connection::<D>::new(shared, !silent);
            let outbox = Arc::clone(&connection.session.outbox);
            line.attach(&outbox);
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

/// What one connection is to the venue.
pub(in crate::simulator) struct Session {
    pub(in crate::simulator) outbox: Arc<Outbox>,
    pub(in crate::simulator) connected_ms: i64,
    /// Whether answers show the limits unless they are told otherwise.
    pub(in crate::simulator) show_limits: bool,
    /// Whom it is logged on as, and since when.
    pub(in crate::simulator) logged_on: Option<(AccountId, i64)>,
    /// How many subscriptions it has had.
    pub(in crate::simulator) subscriptions: u64,
}

/// A request that only a connection can be asked.
pub(in crate::simulator) struct SessionRequest<'a> {
    pub(in crate::simulator) params: &'a Params<'a>,
    pub(in crate::simulator) credentials: &'a Credentials<'a>,
    pub(in crate::simulator) now_ms: i64,
}

/// One client.
struct Connection<D> {
    shared: Arc<Shared>,
    session: Session,
    dialect: PhantomData<D>,
}

impl<D: Dialect> Connection<D> {
    fn new(shared: Arc<Shared>, show_limits: bool) -> Self {
        let session = Session {
            outbox: shared.lock().hub.connect(false),
            connected_ms: clock::wall_ms(),
            show_limits,
            logged_on: None,
            subscriptions: 0,
        };
        Self { shared, session, dialect: PhantomData }
    }

    /// Answers a frame, or tells for how many milliseconds more it is on its way.
    fn answer(
        &mut self,
        state: &mut State,
        frame: &Frame<'_>,
        now_ms: i64,
        read_ns: Option<u64>,
    ) -> Option<u64> {
        if self.session.outbox.line().is_some_and(Line::take_logged_out) {
            self.session.logged_on = None;
            self.send(state, None, refused(ApiError::unknown_key()), None, now_ms);
        }
        let params =
            match frame.params.map_or_else(|| Ok(Params::default()), |raw| Params::of_json(raw.get())) {
                Ok(params) => params,
                Err(error) => {
                    self.send(state, frame.id, refused(error), None, now_ms);
                    return None;
                }
            };
        let credentials = credentials(self.session.logged_on.map(|(account, _)| account), &params);
        let route = of_method::<D>(&frame.method);
        if let Some(read_ns) = read_ns.filter(|_| route.is_some_and(|route| D::is_place(route.operation))) {
            state.stamp(params.get("newClientOrderId").unwrap_or_default(), read_ns);
        }
        let served = match route {
            Some(route) => {
                let door = Door { line: self.session.outbox.line(), late: false };
                serve::<D>(state, route, &params, &credentials, door, now_ms)
            }
            None => self.session_request(state, &frame.method, &params, &credentials, now_ms),
        };
        if let Delivery::Held(ms) = served.delivery {
            return Some(ms);
        }
        self.send(state, frame.id, served, params.flag("returnRateLimits"), now_ms);
        publish(state, now_ms);
        None
    }

    fn session_request(
        &mut self,
        state: &mut State,
        method: &str,
        params: &Params<'_>,
        credentials: &Credentials<'_>,
        now_ms: i64,
    ) -> Served {
        let line = self.session.outbox.line().and_then(Line::tag);
        let names = [method, ""];
        let target = Target { product: Some(D::PRODUCT), line, names, unsigned: true, ..Target::default() };
        let delivery = match state.faults.intake(&target) {
            Intake::Pass | Intake::Held(_) => Delivery::Now,
            Intake::Lost => Delivery::lost_request(),
            Intake::Refused(reply) => Delivery::refused(*reply),
        };
        if delivery != Delivery::Now {
            return Served { answer: Ok(Vec::new()), account: None, delivery };
        }
        let request = SessionRequest { params, credentials, now_ms };
        let answer = state
            .weight_mut(D::PRODUCT)
            .spend(SESSION_WEIGHT, now_ms)
            .and_then(|()| D::session_request(&mut self.session, state, method, &request));
        Served { answer, account: None, delivery: state.faults.delivery(&target) }
    }

    /// A request on its way: it reaches the engine later, whether or not its connection is still there.
    fn hold(&self, text: &str, ms: u64) {
        let late = Late::<D> {
            shared: Arc::clone(&self.shared),
            outbox: Arc::clone(&self.session.outbox),
            session: self.session.logged_on.map(|(account, _)| account),
            show_limits: self.session.show_limits,
            text: text.to_owned(),
            dialect: PhantomData,
        };
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(ms)).await;
            late.arrive();
        });
    }

    fn send(
        &self,
        state: &mut State,
        id: Option<&RawValue>,
        served: Served,
        show_limits: Option<bool>,
        now_ms: i64,
    ) {
        let shown = show_limits.unwrap_or(self.session.show_limits);
        send::<D>(&self.session.outbox, state, id, served, shown, now_ms);
    }
}

/// Writes an answer and queues it.
fn send<D: Dialect>(
    outbox: &Outbox,
    state: &mut State,
    id: Option<&RawValue>,
    served: Served,
    show_limits: bool,
    now_ms: i64,
) {
    let limits =
        show_limits.then(|| json(&D::limits(state, served.account, now_ms)).expect("limits serialise"));
    match served.delivery {
        Delivery::Now => outbox.push(envelope(id, &served.answer, limits.as_deref())),
        Delivery::Troubled(detour) => {
            send_troubled(outbox, &detour, id, served.answer, limits.as_deref(), now_ms);
        }
        Delivery::Held(_) => unreachable!("there is no answer yet"),
    }
}

fn send_troubled(
    outbox: &Outbox,
    detour: &Detour,
    id: Option<&RawValue>,
    answer: Answer,
    limits: Option<&[u8]>,
    now_ms: i64,
) {
    if detour.lost {
        return;
    }
    let wrong = RawValue::from_string("\"not-your-request\"".to_owned()).expect("it is JSON");
    let id = if detour.wrong == Some(Field::RequestId) { Some(&*wrong) } else { id };
    let message = match &detour.instead {
        None => envelope(id, &answer, limits),
        Some(reply) => replaced(id, reply, now_ms),
    };
    for _ in 0..1 + u8::from(detour.twice) {
        match detour.after_ms {
            Some(ms) => outbox.push_after(message.clone(), Duration::from_millis(ms)),
            None => outbox.push(message.clone()),
        }
    }
}

/// What a fault answers instead. Waiting times are told beside the error.
fn replaced(id: Option<&RawValue>, reply: &Reply, now_ms: i64) -> Utf8Bytes {
    let id = id.map_or("null", RawValue::get);
    match &reply.body {
        ReplyBody::Text(text) => (*text).into(),
        ReplyBody::Error(error) => {
            let mut error = serde_json::json!({"code": error.code, "msg": error.msg});
            if let Some(seconds) = reply.retry_after {
                let until =
                    now_ms.saturating_add(i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(1_000));
                error["data"] = serde_json::json!({"serverTime": now_ms, "retryAfter": until});
            }
            format!("{{\"id\":{id},\"status\":{},\"error\":{error}}}", reply.status).into()
        }
    }
}

fn credentials<'p>(session: Option<AccountId>, params: &'p Params<'_>) -> Credentials<'p> {
    Credentials {
        key: params.get("apiKey").map(Cow::Borrowed),
        signature: params.get("signature").map(Cow::Borrowed),
        signed: [Cow::Owned(params.payload()), Cow::Borrowed("")],
        session,
        no_key: || ApiError::mandatory("apiKey"),
    }
}

/// A request that a fault has held on its way.
struct Late<D> {
    shared: Arc<Shared>,
    outbox: Arc<Outbox>,
    session: Option<AccountId>,
    show_limits: bool,
    text: String,
    dialect: PhantomData<fn(D)>,
}

impl<D: Dialect> Late<D> {
    /// It reaches the engine.
    fn arrive(&self) {
        let mut state = self.shared.lock();
        let now_ms = state.faults.venue_ms(clock::wall_ms());
        let Ok(frame) = serde_json::from_str::<Frame<'_>>(&self.text) else { return };
        let params = frame.params.map_or_else(|| Ok(Params::default()), |raw| Params::of_json(raw.get()));
        let (Ok(params), Some(route)) = (params, of_method::<D>(&frame.method)) else { return };
        let door = Door { line: self.outbox.line(), late: true };
        let served =
            serve::<D>(&mut state, route, &params, &credentials(self.session, &params), door, now_ms);
        let shown = params.flag("returnRateLimits").unwrap_or(self.show_limits);
        send::<D>(&self.outbox, &mut state, frame.id, served, shown, now_ms);
        publish(&mut state, now_ms);
    }
}

impl<D: Dialect> Frames for Connection<D> {
    fn handle(&mut self, text: &str) {
        let shared = Arc::clone(&self.shared);
        let read_ns = shared.stamps.then(clock::wall_ns);
        let mut state = shared.lock();
        let now_ms = state.faults.venue_ms(clock::wall_ms());
        match serde_json::from_str::<Frame<'_>>(text) {
            Ok(frame) => {
                if let Some(ms) = self.answer(&mut state, &frame, now_ms, read_ns) {
                    self.hold(text, ms);
                }
            }
            Err(_) => self.send(&mut state, None, refused(ApiError::bad_json()), None, now_ms),
        }
    }
}

impl<D> Drop for Connection<D> {
    fn drop(&mut self) {
        self.shared.lock().hub.disconnect(&self.session.outbox);
    }
}

fn refused(error: ApiError) -> Served {
    Served { answer: Err(error), account: None, delivery: Delivery::Now }
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
