//! The WS API: one JSON request a frame, one answer a frame, user events in between.

use std::borrow::Cow;
use std::io::Write;
use std::marker::PhantomData;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{Utf8Bytes, WebSocketUpgrade};
use axum::extract::{ConnectInfo, RawQuery, State as Extract};
use axum::response::Response;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::auth::Credentials;
use super::error::ApiError;
use super::hub::Peer;
use super::params::Params;
use super::rest::refuse;
use super::route::{Answer, Served, Way, json, of_method, serve};
use super::time::TimeUnit;
use super::{Caller, Dialect};
use crate::clock;
use crate::simulator::engine::AccountId;
use crate::simulator::faults::{
    Delivery, Detour, Field, Held, Intake, Line, LineKind, Reply, ReplyBody, Target,
};
use crate::simulator::outbox::Outbox;
use crate::simulator::publish::publish;
use crate::simulator::server::Shared;
use crate::simulator::socket::{self, Frames};
use crate::simulator::state::State;

/// What a session request costs.
const SESSION_WEIGHT: u64 = 2;
/// Longest text that an `id` may be.
const ID_LEN_MAX: usize = 36;

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
    let address = line.address();
    let silent = query.as_deref().unwrap_or("").split('&').any(|pair| pair == "returnRateLimits=false");
    let admitted = TimeUnit::of_query(query.as_deref()).and_then(|unit| {
        let mut state = shared.lock();
        let weight = D::CONNECT_WEIGHT;
        state.addresses.connect(D::PRODUCT, address, weight, clock::wall_ms()).map(|()| unit)
    });
    let unit = match admitted {
        Ok(unit) => unit,
        Err(error) => return refuse(&error),
    };
    let peer = Peer { product: D::PRODUCT, address, is_api: true, combined: false, unit };
    upgrade.max_message_size(socket::FRAME_MAX).read_buffer_size(socket::READ_MAX).on_upgrade(
        move |socket| async move {
            let manners = shared.lock().manners(D::PRODUCT, true);
            let connection = Connection::<D>::new(shared, peer, !silent);
            let outbox = Arc::clone(&connection.session.outbox);
            line.attach(&outbox);
            socket::serve(socket, outbox, connection, manners).await;
        },
    )
}

/// A connection without its socket.
pub(in crate::simulator) fn connection<D: Dialect>(shared: Arc<Shared>) -> (Arc<Outbox>, Box<dyn Frames>) {
    let connection = Connection::<D>::new(shared, Peer::local(D::PRODUCT, true), true);
    (Arc::clone(&connection.session.outbox), Box::new(connection))
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
    pub(in crate::simulator) address: IpAddr,
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
    fn new(shared: Arc<Shared>, peer: Peer, show_limits: bool) -> Self {
        let session = Session {
            outbox: shared.lock().open_connection(peer),
            address: peer.address,
            connected_ms: clock::wall_ms(),
            show_limits,
            logged_on: None,
            subscriptions: 0,
        };
        Self { shared, session, dialect: PhantomData }
    }

    /// Answers a frame, unless it is held on its way.
    fn answer(
        &mut self,
        state: &mut State,
        frame: &Frame<'_>,
        now_ms: i64,
        read_ns: Option<u64>,
    ) -> Option<Held> {
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
        let credentials = self.caller().credentials(&params);
        let route = of_method::<D>(&frame.method);
        if let Some(read_ns) = read_ns.filter(|_| route.is_some_and(|route| D::is_place(route.operation))) {
            state.stamp(params.get("newClientOrderId").unwrap_or_default(), read_ns);
        }
        let served = match route {
            Some(route) => {
                let way = Way { line: self.session.outbox.line(), late: false };
                serve::<D>(state, route, &params, &credentials, way, now_ms)
            }
            None => self.session_request(state, &frame.method, &params, &credentials, now_ms),
        };
        let served = match served.delivery {
            Delivery::Held(held) => return Some(held),
            delivery @ (Delivery::Now | Delivery::Troubled(_)) => Served { delivery, ..served },
        };
        self.send(state, frame.id, served, params.flag("returnRateLimits"), now_ms);
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
        let unserved = |delivery| Served { answer: Ok(Vec::new()), account: None, delivery };
        match state.faults.intake(&target) {
            // A session is asked in order: such a request is not held.
            Intake::Pass | Intake::Held(_) => {}
            Intake::Lost => return unserved(Delivery::lost_request()),
            Intake::Refused(reply) => return unserved(Delivery::refused(*reply)),
        }
        let request = SessionRequest { params, credentials, now_ms };
        let answer = state
            .addresses
            .spend(D::PRODUCT, self.session.address, SESSION_WEIGHT, now_ms)
            .and_then(|()| params.check(None))
            .and_then(|()| D::session_request(&mut self.session, state, method, &request));
        Served { answer, account: None, delivery: state.faults.delivery(&target) }
    }

    /// A request on its way: it reaches the engine later, whether or not its connection is still there.
    fn hold(&self, text: &str, held: Held) {
        let (shared, caller, text) = (Arc::clone(&self.shared), self.caller(), text.to_owned());
        let arrives = async move {
            held.arrives().await;
            let mut state = shared.lock();
            let now_ms = state.faults.venue_ms(clock::wall_ms());
            caller.outbox.unit.during(|| caller.arrive_late::<D>(&mut state, &text, now_ms));
            publish(&mut state, now_ms);
        };
        // A venue without a port has no timers: what is held there never arrives.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(arrives);
        }
    }

    fn caller(&self) -> ApiCaller {
        ApiCaller {
            outbox: Arc::clone(&self.session.outbox),
            address: self.session.address,
            session: self.session.logged_on.map(|(account, _)| account),
            show_limits: self.session.show_limits,
        }
    }

    fn send(
        &self,
        state: &mut State,
        id: Option<&RawValue>,
        served: Served,
        show_limits: Option<bool>,
        now_ms: i64,
    ) {
        self.caller().send::<D>(state, id, served, show_limits, now_ms);
    }
}

/// Who asks over a connection, and where the answers go.
struct ApiCaller {
    outbox: Arc<Outbox>,
    address: IpAddr,
    session: Option<AccountId>,
    show_limits: bool,
}

impl ApiCaller {
    /// A request that a fault has held on its way reaches the engine.
    fn arrive_late<D: Dialect>(&self, state: &mut State, text: &str, now_ms: i64) {
        let Ok(frame) = serde_json::from_str::<Frame<'_>>(text) else { return };
        let params = frame.params.map_or_else(|| Ok(Params::default()), |raw| Params::of_json(raw.get()));
        let (Ok(params), Some(route)) = (params, of_method::<D>(&frame.method)) else { return };
        let way = Way { line: self.outbox.line(), late: true };
        let served = serve::<D>(state, route, &params, &self.credentials(&params), way, now_ms);
        self.send::<D>(state, frame.id, served, params.flag("returnRateLimits"), now_ms);
    }

    fn credentials<'p>(&self, params: &'p Params<'_>) -> Credentials<'p> {
        Credentials {
            address: self.address,
            key: params.get("apiKey").map(Cow::Borrowed),
            signature: params.get("signature").map(Cow::Borrowed),
            signed: [Cow::Owned(params.payload()), Cow::Borrowed("")],
            session: self.session,
            no_key: || ApiError::mandatory("apiKey"),
        }
    }

    fn send<D: Dialect>(
        &self,
        state: &mut State,
        id: Option<&RawValue>,
        served: Served,
        show_limits: Option<bool>,
        now_ms: i64,
    ) {
        let caller = Caller { account: served.account, address: self.address };
        let limits = show_limits
            .unwrap_or(self.show_limits)
            .then(|| json(&D::limits(state, caller, now_ms)).expect("limits serialise"));
        match served.delivery {
            Delivery::Now => {
                let message = envelope(id, &served.answer, limits.as_deref());
                self.outbox.push_after(message, Duration::ZERO);
            }
            Delivery::Troubled(detour) => {
                self.send_troubled(&detour, id, &served.answer, limits.as_deref(), now_ms);
            }
            Delivery::Held(_) => unreachable!("there is no answer yet"),
        }
    }

    fn send_troubled(
        &self,
        detour: &Detour,
        id: Option<&RawValue>,
        answer: &Answer,
        limits: Option<&[u8]>,
        now_ms: i64,
    ) {
        if detour.lost {
            return;
        }
        let wrong = RawValue::from_string("\"not-your-request\"".to_owned()).expect("it is JSON");
        let id = if detour.wrong == Some(Field::RequestId) { Some(&*wrong) } else { id };
        let message = match &detour.instead {
            None => envelope(id, answer, limits),
            Some(reply) => replaced(id, reply, now_ms),
        };
        for _ in 0..1 + u8::from(detour.twice) {
            let delay = Duration::from_millis(detour.after_ms.unwrap_or(0));
            self.outbox.push_after(message.clone(), delay);
        }
    }
}

/// What a fault answers instead. Waiting times are told beside the error.
fn replaced(id: Option<&RawValue>, reply: &Reply, now_ms: i64) -> Utf8Bytes {
    let id = id.map_or("null", RawValue::get);
    match &reply.body {
        ReplyBody::Text(text) => (*text).into(),
        ReplyBody::Error { code, msg } => {
            let mut error = serde_json::json!({"code": code, "msg": msg});
            if let Some(seconds) = reply.retry_after {
                let wait_ms = i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(1_000);
                error["data"] =
                    serde_json::json!({"serverTime": now_ms, "retryAfter": now_ms.saturating_add(wait_ms)});
            }
            format!("{{\"id\":{id},\"status\":{},\"error\":{error}}}", reply.status).into()
        }
    }
}

impl<D: Dialect> Frames for Connection<D> {
    fn handle(&mut self, text: &str, now_ms: i64) {
        let shared = Arc::clone(&self.shared);
        let read_ns = shared.stamps.then(clock::wall_ns);
        let mut state = shared.lock();
        let now_ms = state.faults.venue_ms(now_ms);
        let unit = self.session.outbox.unit;
        unit.during(|| match serde_json::from_str::<Frame<'_>>(text) {
            Ok(frame) if is_id(frame.id) => {
                if let Some(held) = self.answer(&mut state, &frame, now_ms, read_ns) {
                    self.hold(text, held);
                }
            }
            Ok(_) | Err(_) => {
                let spent = state.addresses.spend(D::PRODUCT, self.session.address, SESSION_WEIGHT, now_ms);
                let error = spent.err().unwrap_or_else(ApiError::bad_json);
                self.send(&mut state, None, refused(error), None, now_ms);
            }
        });
        publish(&mut state, now_ms);
    }
}

/// A whole number, a text of at most [`ID_LEN_MAX`] characters, or null.
fn is_id(id: Option<&RawValue>) -> bool {
    let Some(id) = id.map(RawValue::get) else { return true };
    match id.as_bytes() {
        b"null" => true,
        [b'"', ..] => {
            serde_json::from_str::<Cow<'_, str>>(id).is_ok_and(|id| id.chars().count() <= ID_LEN_MAX)
        }
        _ => id.parse::<i64>().is_ok() || id.parse::<u64>().is_ok(),
    }
}

impl<D> Drop for Connection<D> {
    fn drop(&mut self) {
        self.shared.lock().close_connection(&self.session.outbox);
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
            if let Some(retry) = &error.retry {
                out.pop();
                out.extend_from_slice(b",\"data\":");
                serde_json::to_writer(&mut out, retry).expect("moments serialise");
                out.push(b'}');
            }
        }
    }
    if let Some(limits) = limits {
        out.extend_from_slice(b",\"rateLimits\":");
        out.extend_from_slice(limits);
    }
    out.push(b'}');
    String::from_utf8(out).expect("made of strings").into()
}
