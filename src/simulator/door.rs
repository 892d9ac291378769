//! A venue without a port, for simulations and fuzzers: every request comes at a moment of the caller's choosing, and
//! everything has been done when the call comes back.
//!
//! The program itself reaches its venue through the port, never through this.

use std::sync::Arc;

use axum::http::Uri;

use super::binance::{feed, rest, streams, ws_api};
use super::binance_spot::Spot;
use super::binance_usdm::UsdM;
use super::options::{VenueError, VenueOptions};
use super::outbox::Outbox;
use super::server::{self, Shared};
use super::socket::Frames;
use super::state::State;
use super::{Closing, Summary};

/// A venue, and the connections to it.
pub struct Door {
    shared: Arc<Shared>,
    /// Those that are open, by their numbers.
    connections: Vec<Option<Connection>>,
    /// Ticks of the streams so far.
    ticks: u64,
}

impl std::fmt::Debug for Door {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Door").field("connections", &self.connections.len()).finish_non_exhaustive()
    }
}

/// What the client reads, and where its frames go.
type Connection = (Arc<Outbox>, Box<dyn Frames>);

/// A REST request.
#[derive(Clone, Copy, Debug, Default)]
pub struct RestRequest<'a> {
    /// `GET` and the like.
    pub verb: &'a str,
    /// `/api/v3/order` and the like.
    pub path: &'a str,
    /// The header `X-MBX-APIKEY`.
    pub key: Option<&'a str>,
    /// What stands behind the question mark.
    pub query: &'a str,
    /// A form.
    pub body: &'a str,
}

/// How often the streams are looked after, in milliseconds.
pub const TICK_MS: u64 = feed::TICK_MS;

impl Door {
    /// A venue as those options want it; where it would listen does not count.
    ///
    /// # Errors
    /// The options contradict themselves.
    pub fn new(options: &VenueOptions) -> Result<Self, VenueError> {
        Ok(Self { shared: Shared::new(State::new(options)?), connections: Vec::new(), ticks: 0 })
    }

    /// Status and body of the answer. What a fault does to answers on their way is left out.
    pub fn rest(&mut self, request: RestRequest<'_>, now_ms: i64) -> (u16, Vec<u8>) {
        let RestRequest { verb, path, key, query, body } = request;
        let mut state = self.shared.lock();
        if path.starts_with(<UsdM as super::binance::Dialect>::REST_PREFIX) {
            rest::answer::<UsdM>(&mut state, (verb, path), key, [query, body], now_ms)
        } else {
            rest::answer::<Spot>(&mut state, (verb, path), key, [query, body], now_ms)
        }
    }

    /// Opens a websocket to that address and answers its number; an address that is none opens `/ws`.
    pub fn connect(&mut self, address: &str) -> usize {
        let shared = Arc::clone(&self.shared);
        let connection = match address.split('?').next() {
            Some("/ws-api/v3") => ws_api::connection::<Spot>(shared),
            Some("/ws-fapi/v1") => ws_api::connection::<UsdM>(shared),
            Some(_) | None => {
                let uri = address.parse().unwrap_or_else(|_| Uri::from_static("/ws"));
                streams::connection(shared, &uri)
            }
        };
        self.connections.push(Some(connection));
        self.connections.len() - 1
    }

    /// Ends a connection.
    pub fn disconnect(&mut self, connection: usize) {
        if let Some(open) = self.connections.get_mut(connection) {
            *open = None;
        }
    }

    /// A text frame from the client.
    pub fn frame(&mut self, connection: usize, text: &str, now_ms: i64) {
        if let Some(Some((_, frames))) = self.connections.get_mut(connection) {
            frames.handle(text, now_ms);
        }
    }

    /// What waits to be written to a connection.
    pub fn take(&mut self, connection: usize) -> Vec<String> {
        let Some(Some((outbox, _))) = self.connections.get(connection) else { return Vec::new() };
        std::iter::from_fn(|| outbox.pop()).map(|message| message.as_str().to_owned()).collect()
    }

    /// The depth streams that are due; to be called every [`TICK_MS`].
    pub fn tick(&mut self, now_ms: i64) {
        self.ticks += 1;
        server::beat(&mut self.shared.lock(), self.ticks, self.ticks * TICK_MS, now_ms);
    }

    /// What is wrong with the books; none if they add up.
    pub fn check(&mut self) -> Option<String> {
        self.shared.lock().check().broken.clone()
    }

    /// Counts and hash so far.
    #[must_use]
    pub fn summary(&self) -> Summary {
        self.shared.lock().journal.tally.summary()
    }

    /// Ends it: its connections are gone, its logs are closed.
    #[must_use]
    pub fn close(mut self) -> Closing {
        self.connections.clear();
        self.shared.close()
    }
}
