//! Market streams: `/ws/<a>/<b>`, `/stream?streams=a/b`, and any other path, which waits for SUBSCRIBE. Spot, unless
//! the path begins with `/public`, `/market` or `/usdm`, or names a USD-M listen key.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::extract::ws::{WebSocketUpgrade, rejection::WebSocketUpgradeRejection};
use axum::extract::{ConnectInfo, State as Extract};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::hub::Peer;
use super::rest::refuse;
use super::time::TimeUnit;
use super::topic::{self, Named};
use crate::clock;
use crate::simulator::binance_usdm::user_streams::{self, Wanted};
use crate::simulator::faults::{Line, LineKind};
use crate::simulator::outbox::Outbox;
use crate::simulator::server::Shared;
use crate::simulator::socket::{self, Frames};
use crate::simulator::state::State;
use crate::simulator::symbols::Product;

/// Most streams of one connection.
const STREAMS_MAX: usize = 1_024;

/// Longest text that an `id` may be.
const ID_LEN_MAX: usize = 36;

/// Opens a stream connection; whatever else comes to an unknown path is not found.
pub(in crate::simulator) async fn streams(
    Extract(shared): Extract<Arc<Shared>>,
    ConnectInfo(line): ConnectInfo<Line>,
    uri: Uri,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let Ok(upgrade) = upgrade else { return StatusCode::NOT_FOUND.into_response() };
    let mut path = StreamPath::of(&uri);
    let wanted = user_streams::wanted(&uri);
    if wanted.iter().any(|wanted| shared.lock().usdm.listen_keys.is_key(&wanted.key)) {
        path.product = Product::UsdM;
    }
    let faults = shared.faults();
    if let Err(refusal) = faults.enter(&line, LineKind::Streams, path.product).await {
        return refusal;
    }
    let address = line.address();
    let admitted = TimeUnit::of_query(uri.query()).and_then(|unit| {
        let mut state = shared.lock();
        state.addresses.connect(path.product, address, 0, clock::wall_ms()).map(|()| unit)
    });
    let unit = match admitted {
        Ok(unit) => unit,
        Err(error) => return refuse(&error),
    };
    let (product, combined) = (path.product, path.combined);
    let peer = Peer { product, address, is_api: false, combined, unit };
    upgrade.max_message_size(socket::FRAME_MAX).read_buffer_size(socket::READ_MAX).on_upgrade(
        move |socket| async move {
            let manners = shared.lock().manners(product, false);
            let mut connection = Connection::new(shared, peer, line.clone());
            let outbox = Arc::clone(&connection.outbox);
            line.attach(&outbox);
            // More names than there may be: those that fit are told.
            let _ = connection.subscribe(&path.names);
            connection.listen_by(&wanted);
            socket::serve(socket, outbox, connection, manners).await;
        },
    )
}

/// A stream connection to that address, without its socket.
pub(in crate::simulator) fn connection(shared: Arc<Shared>, uri: &Uri) -> (Arc<Outbox>, Box<dyn Frames>) {
    let path = StreamPath::of(uri);
    let peer = Peer { combined: path.combined, ..Peer::local(path.product, false) };
    let mut connection = Connection::new(shared, peer, Line::from(peer.address));
    // More names than there may be: those that fit are told.
    let _ = connection.subscribe(&path.names);
    (Arc::clone(&connection.outbox), Box::new(connection))
}

/// What the address of a stream connection says.
struct StreamPath {
    product: Product,
    /// Payloads are wrapped with their stream's name.
    combined: bool,
    /// The streams that it names: in its path after `ws/`, or in the query's `streams`.
    names: Vec<String>,
}

impl StreamPath {
    fn of(uri: &Uri) -> Self {
        let path = uri.path();
        let under_usdm = path.strip_prefix("/usdm").filter(|rest| rest.starts_with('/'));
        let of_group = |path: &str| {
            ["/public", "/market", "/private"].iter().find_map(|group| {
                path.strip_prefix(group).filter(|rest| rest.starts_with('/')).map(str::to_owned)
            })
        };
        let group = of_group(under_usdm.unwrap_or(path));
        let product = if under_usdm.is_some() || group.is_some() { Product::UsdM } else { Product::Spot };
        let path = group.unwrap_or_else(|| under_usdm.unwrap_or(path).to_owned());
        let in_path = path.strip_prefix("/ws/").unwrap_or_default();
        let in_query =
            uri.query().unwrap_or_default().split('&').find_map(|pair| pair.strip_prefix("streams="));
        let names = in_path.split('/').chain(in_query.unwrap_or_default().split('/'));
        let names = names.map(|name| name.replace("%40", "@")).filter(|name| name.contains(['@', '!']));
        Self { product, combined: path.starts_with("/stream"), names: names.collect() }
    }
}

#[derive(Deserialize)]
struct Frame<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    method: String,
    #[serde(borrow)]
    params: Option<&'a RawValue>,
}

/// Why a request was refused: the dialect's number and words.
type Refusal = (u32, &'static str);

/// One client.
struct Connection {
    shared: Arc<Shared>,
    outbox: Arc<Outbox>,
    product: Product,
    line: Line,
    names: Vec<String>,
}

impl Connection {
    fn new(shared: Arc<Shared>, peer: Peer, line: Line) -> Self {
        let outbox = shared.lock().open_connection(peer);
        Self { shared, outbox, product: peer.product, line, names: Vec::new() }
    }

    /// Refused where the connection would have more streams than it may; then those that fit are told.
    fn subscribe(&mut self, names: &[String]) -> Result<(), Refusal> {
        let mut state = self.shared.lock();
        let mut done = Ok(());
        for name in names.iter().filter(|name| !name.is_empty()) {
            if self.names.contains(name) {
                continue;
            }
            if self.names.len() >= STREAMS_MAX {
                done = Err((2, "Invalid request: too many streams, at most 1024"));
                break;
            }
            self.names.push(name.clone());
            listen(&mut state, self.product, name, &self.outbox);
        }
        state.listens_to(&self.outbox, &self.names);
        done
    }

    /// Listens by the listen keys of the address; those that are none stay silent.
    fn listen_by(&mut self, wanted: &[Wanted]) {
        let keys = &mut self.shared.lock().usdm.listen_keys;
        for Wanted { key, events } in wanted {
            if keys.listen(key, events, &self.outbox) {
                self.names.push(key.clone());
            }
        }
    }

    fn unsubscribe(&mut self, names: &[String]) {
        let mut state = self.shared.lock();
        self.names.retain(|name| !names.contains(name));
        state.listens_to(&self.outbox, &self.names);
        for name in names {
            match topic::parse(&state, self.product, name) {
                Some(Named::Symbol(symbol, topic)) => state.hub.unlisten(symbol, topic, &self.outbox),
                Some(Named::Market(topic)) => state.hub.unlisten_whole(self.product, topic, &self.outbox),
                None => state.usdm.listen_keys.unlisten(name, &self.outbox),
            }
        }
    }

    /// Carries a request out; the answer's result as JSON.
    fn answer(&mut self, frame: &Frame<'_>) -> Result<String, Refusal> {
        let params = frame.params.map_or("[]", RawValue::get);
        let names = || {
            serde_json::from_str::<Vec<String>>(params)
                .map_err(|_| (1, "Invalid value type: expected an array of stream names"))
        };
        match frame.method.as_str() {
            "SUBSCRIBE" if self.shared.faults().refuses_subscriptions(&self.line) => {
                Err((2, "Invalid request: no subscriptions now"))
            }
            "SUBSCRIBE" => {
                self.subscribe(&names()?)?;
                Ok("null".to_owned())
            }
            "UNSUBSCRIBE" => {
                self.unsubscribe(&names()?);
                Ok("null".to_owned())
            }
            "LIST_SUBSCRIPTIONS" => Ok(serde_json::to_string(&self.names).expect("names serialise")),
            "SET_PROPERTY" => self.set_property(params),
            "GET_PROPERTY" => match serde_json::from_str::<(String,)>(params) {
                Ok((name,)) if name == "combined" => Ok(self.outbox.is_combined().to_string()),
                Ok(_) => Err((0, "Unknown property")),
                Err(_) => Err((1, "Invalid value type: expected a property's name")),
            },
            _ => Err((
                2,
                "Invalid request: unknown variant, expected one of `SUBSCRIBE`, `UNSUBSCRIBE`, \
                 `LIST_SUBSCRIPTIONS`, `SET_PROPERTY`, `GET_PROPERTY`",
            )),
        }
    }

    fn set_property(&self, params: &str) -> Result<String, Refusal> {
        match serde_json::from_str::<(String, bool)>(params) {
            Ok((name, on)) if name == "combined" => {
                self.outbox.combined.store(on, Ordering::Relaxed);
                Ok("null".to_owned())
            }
            Ok(_) => Err((0, "Unknown property")),
            Err(_) => Err((1, "Invalid value type: expected a property's name and true or false")),
        }
    }
}

/// Streams that the venue does not have are taken in silence, as the public venue does.
fn listen(state: &mut State, product: Product, name: &str, outbox: &Arc<Outbox>) {
    match topic::parse(state, product, name) {
        Some(Named::Symbol(symbol, topic)) if state.hub.listen(symbol, topic, outbox) => {
            let update_id = state.engine().update_id(symbol);
            state.hub.feeds[symbol.index()].begin(topic, update_id);
        }
        Some(Named::Symbol(..)) => {}
        Some(Named::Market(topic)) => state.hub.listen_whole(product, topic, outbox),
        None if product == Product::UsdM => {
            state.usdm.listen_keys.listen(name, &[], outbox);
        }
        None => {}
    }
}

impl Frames for Connection {
    fn handle(&mut self, text: &str, _now_ms: i64) {
        let (id, answer) = match serde_json::from_str::<Frame<'_>>(text) {
            Ok(frame) if is_id(frame.id) => (frame.id.map_or("null", RawValue::get), self.answer(&frame)),
            Ok(_) => {
                let words = "Invalid request: request ID must be an unsigned integer, a string of at most 36 \
                             characters, or null";
                ("null", Err((2, words)))
            }
            Err(error) if error.is_data() => ("null", Err((2, "Invalid request: missing field `method`"))),
            Err(_) => ("null", Err((3, "Invalid JSON"))),
        };
        let message = match answer {
            Ok(result) => format!("{{\"result\":{result},\"id\":{id}}}"),
            Err((code, msg)) => format!("{{\"code\":{code},\"msg\":\"{msg}\",\"id\":{id}}}"),
        };
        self.outbox.push(message.into());
    }

    fn offended(&mut self) {
        self.shared.lock().addresses.offended(self.product, self.line.address(), clock::wall_ms());
    }
}

/// An unsigned number, a text of at most [`ID_LEN_MAX`] characters, or null.
fn is_id(id: Option<&RawValue>) -> bool {
    let Some(id) = id.map(RawValue::get) else { return true };
    match id.as_bytes() {
        b"null" => true,
        [b'"', ..] => serde_json::from_str::<String>(id).is_ok_and(|id| id.chars().count() <= ID_LEN_MAX),
        _ => id.parse::<u64>().is_ok(),
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.close_connection(&self.outbox);
        state.usdm.listen_keys.disconnect(&self.outbox);
    }
}
