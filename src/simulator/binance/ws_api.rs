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
use super::route::{Answer, Served, json, of_method, serve};
use super::time::TimeUnit;
use super::{Caller, Dialect};
use crate::clock;
use crate::simulator::engine::AccountId;
use crate::simulator::faults::Delivery;
use crate::simulator::outbox::Outbox;
use crate::simulator::publish::publish;
use crate::simulator::server::{Origin, Shared};
use crate::simulator::socket::{self, Frames};
use crate::simulator::state::State;

/// What a session request costs.
const SESSION_WEIGHT: u64 = 2;
/// Longest text that an `id` may be.
const ID_LEN_MAX: usize = 36;

/// Opens a WS API connection.
pub(in crate::simulator) async fn ws_api<D: Dialect>(
    Extract(shared): Extract<Arc<Shared>>,
    ConnectInfo(Origin(from)): ConnectInfo<Origin>,
    RawQuery(query): RawQuery,
    upgrade: WebSocketUpgrade,
) -> Response {
    let silent = query.as_deref().unwrap_or("").split('&').any(|pair| pair == "returnRateLimits=false");
    let admitted = TimeUnit::of_query(query.as_deref()).and_then(|unit| {
        let mut state = shared.lock();
        let weight = D::CONNECT_WEIGHT;
        state.addresses.connect(D::PRODUCT, from.ip(), weight, clock::wall_ms()).map(|()| unit)
    });
    let unit = match admitted {
        Ok(unit) => unit,
        Err(error) => return refuse(&error),
    };
    let address = from.ip();
    let peer = Peer { product: D::PRODUCT, address, is_api: true, combined: false, unit };
    upgrade.max_message_size(socket::FRAME_MAX).read_buffer_size(socket::READ_MAX).on_upgrade(
        move |socket| async move {
            let manners = shared.lock().manners(D::PRODUCT, true);
            let connection = Connection::<D>::new(shared, peer, !silent);
            let outbox = Arc::clone(&connection.session.outbox);
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

    fn answer(&mut self, state: &mut State, frame: &Frame<'_>, now_ms: i64, read_ns: Option<u64>) {
        let params =
            match frame.params.map_or_else(|| Ok(Params::default()), |raw| Params::of_json(raw.get())) {
                Ok(params) => params,
                Err(error) => return self.send(state, frame.id, refused(error), None, now_ms),
            };
        let credentials = self.credentials(&params);
        let route = of_method::<D>(&frame.method);
        if let Some(read_ns) = read_ns.filter(|_| route.is_some_and(|route| D::is_place(route.operation))) {
            state.stamp(params.get("newClientOrderId").unwrap_or_default(), read_ns);
        }
        let served = match route {
            Some(route) => serve::<D>(state, route, &params, &credentials, now_ms),
            None => {
                let request = SessionRequest { params: &params, credentials: &credentials, now_ms };
                let answer = state
                    .addresses
                    .spend(D::PRODUCT, self.session.address, SESSION_WEIGHT, now_ms)
                    .and_then(|()| params.check(None))
                    .and_then(|()| D::session_request(&mut self.session, state, &frame.method, &request));
                Served { answer, account: None, delivery: Delivery::Now }
            }
        };
        self.send(state, frame.id, served, params.flag("returnRateLimits"), now_ms);
    }

    fn credentials<'p>(&self, params: &'p Params<'_>) -> Credentials<'p> {
        Credentials {
            address: self.session.address,
            key: params.get("apiKey").map(Cow::Borrowed),
            signature: params.get("signature").map(Cow::Borrowed),
            signed: [Cow::Owned(params.payload()), Cow::Borrowed("")],
            session: self.session.logged_on.map(|(account, _)| account),
            no_key: || ApiError::mandatory("apiKey"),
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
        let shown = show_limits.unwrap_or(self.session.show_limits);
        let caller = Caller { account: served.account, address: self.session.address };
        let limits = shown.then(|| json(&D::limits(state, caller, now_ms)).expect("limits serialise"));
        let message = envelope(id, &served.answer, limits.as_deref());
        match served.delivery {
            Delivery::Now => self.session.outbox.push(message),
            Delivery::AfterMs(ms) => self.session.outbox.push_after(message, Duration::from_millis(ms)),
            Delivery::Never => {}
        }
    }
}

impl<D: Dialect> Frames for Connection<D> {
    fn handle(&mut self, text: &str, now_ms: i64) {
        let shared = Arc::clone(&self.shared);
        let read_ns = shared.stamps.then(clock::wall_ns);
        let mut state = shared.lock();
        let unit = self.session.outbox.unit;
        unit.during(|| match serde_json::from_str::<Frame<'_>>(text) {
            Ok(frame) if is_id(frame.id) => self.answer(&mut state, &frame, now_ms, read_ns),
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
