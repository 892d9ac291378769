//! Market streams: `/ws/<a>/<b>`, `/stream?streams=a/b`, and any other path, which waits for SUBSCRIBE.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::extract::State as Extract;
use axum::extract::ws::{WebSocketUpgrade, rejection::WebSocketUpgradeRejection};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::stream_names;
use crate::simulator::outbox::Outbox;
use crate::simulator::server::Shared;
use crate::simulator::socket::{self, Frames};
use crate::simulator::state::State;

/// Most streams of one connection.
const STREAMS_MAX: usize = 1_024;

/// Opens a stream connection; whatever else comes to an unknown path is not found.
pub(in crate::simulator) async fn streams(
    Extract(shared): Extract<Arc<Shared>>,
    uri: Uri,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let Ok(upgrade) = upgrade else { return StatusCode::NOT_FOUND.into_response() };
    let combined = uri.path().starts_with("/stream");
    let names = named_in(&uri);
    upgrade.max_message_size(socket::FRAME_MAX).read_buffer_size(socket::READ_MAX).on_upgrade(
        move |socket| async move {
            let mut connection = Connection::new(shared, combined);
            connection.subscribe(&names);
            let outbox = Arc::clone(&connection.outbox);
            socket::serve(socket, outbox, connection).await;
        },
    )
}

/// The streams that an address names: in its path after `/ws/`, or in the query's `streams`.
fn named_in(uri: &Uri) -> Vec<String> {
    let in_path = uri.path().strip_prefix("/ws/").unwrap_or_default();
    let in_query = uri.query().unwrap_or_default().split('&').find_map(|pair| pair.strip_prefix("streams="));
    let names = in_path.split('/').chain(in_query.unwrap_or_default().split('/'));
    names.filter(|name| name.contains('@')).map(|name| name.replace("%40", "@")).collect()
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
    names: Vec<String>,
}

impl Connection {
    fn new(shared: Arc<Shared>, combined: bool) -> Self {
        let outbox = shared.lock().hub.connect(combined);
        Self { shared, outbox, names: Vec::new() }
    }

    fn subscribe(&mut self, names: &[String]) {
        let mut state = self.shared.lock();
        for name in names {
            if self.names.contains(name) || self.names.len() >= STREAMS_MAX {
                continue;
            }
            self.names.push(name.clone());
            listen(&mut state, name, &self.outbox);
        }
    }

    fn unsubscribe(&mut self, names: &[String]) {
        let mut state = self.shared.lock();
        self.names.retain(|name| !names.contains(name));
        for name in names {
            if let Some((symbol, kind)) = stream_names::parse(&state, name) {
                state.hub.unlisten(symbol, kind, &self.outbox);
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
            "SUBSCRIBE" => {
                self.subscribe(&names()?);
                Ok("null".to_owned())
            }
            "UNSUBSCRIBE" => {
                self.unsubscribe(&names()?);
                Ok("null".to_owned())
            }
            "LIST_SUBSCRIPTIONS" => Ok(serde_json::to_string(&self.names).expect("names serialise")),
            "SET_PROPERTY" => self.set_property(params),
            "GET_PROPERTY" => Ok(self.outbox.is_combined().to_string()),
            _ => Err((2, "Invalid request: unknown method")),
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
fn listen(state: &mut State, name: &str, outbox: &Arc<Outbox>) {
    let Some((symbol, kind)) = stream_names::parse(state, name) else { return };
    if state.hub.listen(symbol, kind, outbox) {
        let update_id = state.engine.update_id(symbol);
        state.hub.feeds[symbol.index()].begin(kind, update_id);
    }
}

impl Frames for Connection {
    fn handle(&mut self, text: &str) {
        let frame = serde_json::from_str::<Frame<'_>>(text);
        let id = frame.as_ref().ok().and_then(|frame| frame.id).map_or("null", RawValue::get);
        let answer = match &frame {
            Ok(frame) => self.answer(frame),
            Err(_) => Err((3, "Invalid JSON")),
        };
        let message = match answer {
            Ok(result) => format!("{{\"result\":{result},\"id\":{id}}}"),
            Err((code, msg)) => format!("{{\"code\":{code},\"msg\":\"{msg}\",\"id\":{id}}}"),
        };
        self.outbox.push(message.into());
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.shared.lock().hub.disconnect(&self.outbox);
    }
}
