//! The one way in: bytes or ticks of any source are counted, deduplicated and handed to their lanes.
//!
//! Synchronous throughout. It never waits: a lane whose queue is full loses the tick, counted as `overflow`.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use pipeline::event::FeedTick;
use pipeline::ownership::Generation;
use pipeline::time::{Nanos, Now};
use schemas::journal::Traded;
use schemas::tick::Tick;
use tokio::sync::mpsc;

use super::decode::{DecodeError, Decoder, Reason, Ticker, shown};
use super::dedupe::{Seen, Seens};
use super::metrics::FeedCounters;
use crate::failpoint::break_in;
use crate::ownership::Hold;

/// Of the same complaint the first is logged, then each thousandth; all are counted.
const LOG_EVERY: u64 = 1_000;

/// Where the ticks of one follow key go.
pub struct Route {
    /// `{follow exchange}_{ticker prefix}{follow symbol}`: the Redis channel and key.
    pub follow_key: String,
    /// The follow symbol.
    pub follow_symbol: String,
    /// How often a source that must ask asks: the shortest Interval of the lanes.
    pub poll: Duration,
    /// The queues of the lanes that follow it.
    pub lanes: Vec<mpsc::Sender<FeedTick>>,
    /// The holds of the same lanes, for a source whose assignment decides on them.
    pub holds: Vec<Arc<Hold>>,
}

/// What a message is addressed by.
#[derive(Clone, Copy, Debug)]
pub enum Key<'a> {
    /// The exact follow key.
    Channel(&'a str),
    /// A symbol that exactly one follow key must have.
    Symbol(&'a str),
}

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A tick, handed to its lanes.
    Tick,
    /// The same trade as before.
    Duplicate,
    /// Not used.
    Rejected(Reason),
}

/// Counts, deduplicates and routes.
pub struct Intake {
    routes: Vec<Routed>,
    by_key: HashMap<String, usize>,
    by_symbol: HashMap<String, BySymbol>,
    decoder: Decoder,
    counters: Arc<FeedCounters>,
}

struct Routed {
    route: Route,
    first_lane: usize,
    seens: Seens,
    /// The newest time of all that came.
    newest_ms: Option<i64>,
}

enum BySymbol {
    One(usize),
    Several(usize),
}

impl Intake {
    /// An intake for these routes; routes of one follow key become one. Registers the counters as metrics.
    #[must_use]
    pub fn new(routes: Vec<Route>, counters: Arc<FeedCounters>) -> Self {
        counters.export();
        let mut intake = Self {
            routes: Vec::with_capacity(routes.len()),
            by_key: HashMap::with_capacity(routes.len()),
            by_symbol: HashMap::with_capacity(routes.len()),
            decoder: Decoder::default(),
            counters,
        };
        for route in routes {
            intake.add(route);
        }
        intake.number_lanes();
        intake
    }

    fn add(&mut self, route: Route) {
        if let Some(known) = self.by_key.get(&route.follow_key).and_then(|index| self.routes.get_mut(*index))
        {
            known.route.poll = known.route.poll.min(route.poll);
            known.route.lanes.extend(route.lanes);
            known.route.holds.extend(route.holds);
            return;
        }
        let index = self.routes.len();
        self.by_key.insert(route.follow_key.clone(), index);
        self.by_symbol
            .entry(route.follow_symbol.clone())
            .and_modify(|by| {
                *by = BySymbol::Several(match by {
                    BySymbol::One(_) => 2,
                    BySymbol::Several(count) => *count + 1,
                });
            })
            .or_insert(BySymbol::One(index));
        self.routes.push(Routed { route, first_lane: 0, seens: Seens::default(), newest_ms: None });
    }

    fn number_lanes(&mut self) {
        let mut follow_keys = Vec::new();
        for routed in &mut self.routes {
            routed.first_lane = follow_keys.len();
            follow_keys.extend(routed.route.lanes.iter().map(|_| routed.route.follow_key.clone()));
        }
        self.counters.set_lanes(follow_keys);
    }

    /// What earlier runs made pairs of is a duplicate from now on.
    pub fn restore(&mut self, traded: &[Traded]) {
        for one in traded {
            if let Some(index) = self.by_key.get(&one.key) {
                self.routes[*index].seens.restore(one);
            }
        }
    }

    /// Takes a `ticker` payload of a source that is never assigned.
    pub fn handle(&mut self, key: Key<'_>, payload: &[u8], received: Now) -> Outcome {
        self.handle_under(Generation::default(), key, payload, received)
    }

    /// Takes a `ticker` payload that was found rather than sent: it may have been there since that moment.
    pub fn handle_found(&mut self, key: Key<'_>, payload: &[u8], received: Now, since: Nanos) -> Outcome {
        self.take(Generation::default(), key, payload, received, since)
    }

    /// Takes a `ticker` payload that came under an assignment.
    pub fn handle_under(
        &mut self,
        generation: Generation,
        key: Key<'_>,
        payload: &[u8],
        received: Now,
    ) -> Outcome {
        self.take(generation, key, payload, received, received.mono)
    }

    /// Takes a trade that is already decoded.
    pub fn handle_tick(&mut self, key: Key<'_>, tick: Tick, received: Now) -> Outcome {
        match self.find(key) {
            Ok(index) => {
                let generation = Generation::default();
                let tick = FeedTick { tick, received, since: received.mono, generation };
                self.routes[index].deliver(tick, &self.counters)
            }
            Err(error) => self.reject(None, &error),
        }
    }

    /// Counts something that came for a key and cannot even be decoded.
    pub fn refuse(&mut self, key: Key<'_>, error: &DecodeError) -> Outcome {
        let index = self.find(key).ok();
        self.reject(index, error)
    }

    /// Reads a payload without counting it: for values that may only be shown.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn peek(&mut self, payload: &[u8]) -> Result<Tick, DecodeError> {
        self.decoder.ticker(payload).map(|ticker| ticker.tick)
    }

    /// The newest time of all trades that came for a key; none as long as none came with a time.
    #[must_use]
    pub fn newest_ms(&self, key: Key<'_>) -> Option<i64> {
        self.find(key).ok().and_then(|index| self.routes[index].newest_ms)
    }

    /// The routes.
    pub fn routes(&self) -> impl ExactSizeIterator<Item = &Route> {
        self.routes.iter().map(|routed| &routed.route)
    }

    /// The lanes that a key feeds; none where it feeds none.
    #[must_use]
    pub fn lanes(&self, key: Key<'_>) -> &[mpsc::Sender<FeedTick>] {
        self.find(key).map_or(&[], |index| self.routes[index].route.lanes.as_slice())
    }

    /// The counters.
    #[must_use]
    pub fn counters(&self) -> &Arc<FeedCounters> {
        &self.counters
    }

    fn take(
        &mut self,
        generation: Generation,
        key: Key<'_>,
        payload: &[u8],
        received: Now,
        since: Nanos,
    ) -> Outcome {
        let index = match self.find(key) {
            Ok(index) => index,
            Err(error) => return self.reject(None, &error),
        };
        let Self { routes, decoder, counters, .. } = self;
        let routed = &mut routes[index];
        let deliveries = routed.deliveries();
        let ticker = match decoder.ticker(payload) {
            Ok(ticker) => ticker,
            Err(error) => return self.reject(Some(index), &error),
        };
        if let Some(error) = mismatch(&ticker, &routed.route.follow_symbol) {
            return self.reject(Some(index), &error);
        }
        for fault in ticker.faults.iter().flatten() {
            let before = counters.bad_number(fault.reason(), deliveries);
            complain(&routed.route.follow_key, fault, before, deliveries);
        }
        routed.deliver(FeedTick { tick: ticker.tick, received, since, generation }, counters)
    }

    fn find(&self, key: Key<'_>) -> Result<usize, DecodeError> {
        match key {
            Key::Channel(channel) => self.by_key.get(channel).copied().ok_or_else(|| unknown(channel)),
            Key::Symbol(symbol) => match self.by_symbol.get(symbol) {
                Some(BySymbol::One(index)) => Ok(*index),
                Some(BySymbol::Several(count)) => {
                    Err(DecodeError::AmbiguousSymbol { got: shown(symbol.as_bytes()), count: *count })
                }
                None => Err(unknown(symbol)),
            },
        }
    }

    #[cold]
    fn reject(&self, index: Option<usize>, error: &DecodeError) -> Outcome {
        let routed = index.and_then(|index| self.routes.get(index));
        let deliveries = routed.map_or(1, Routed::deliveries);
        self.counters.messages.add(deliveries);
        let before = self.counters.reject(error.reason(), deliveries);
        complain(routed.map_or("", |routed| &routed.route.follow_key), error, before, deliveries);
        Outcome::Rejected(error.reason())
    }
}

impl Routed {
    /// How often a message on this route counts: once a lane.
    fn deliveries(&self) -> u64 {
        self.route.lanes.len() as u64
    }

    fn deliver(&mut self, tick: FeedTick, counters: &FeedCounters) -> Outcome {
        break_in("feed");
        let deliveries = self.deliveries();
        counters.messages.add(deliveries);
        self.newest_ms = self.newest_ms.max(tick.tick.time_ms);
        if tick.tick.id.is_none() {
            counters.without_id.add(deliveries);
        }
        match self.seens.check(&tick.tick) {
            Seen::New => {}
            Seen::NewAfterGap => {
                counters.gaps.add(1);
            }
            Seen::OutOfOrder(got, newest) => {
                let error = DecodeError::OutOfOrder { got, newest };
                let before = counters.reject(error.reason(), deliveries);
                complain(&self.route.follow_key, &error, before, deliveries);
                return Outcome::Rejected(error.reason());
            }
            Seen::Duplicate => {
                counters.duplicates.add(deliveries);
                return Outcome::Duplicate;
            }
        }
        counters.ticked(deliveries, tick.received.wall_ms);
        for (position, lane) in self.route.lanes.iter().enumerate() {
            if lane.try_send(tick).is_err() {
                counters.overflowed(self.first_lane + position);
            }
        }
        Outcome::Tick
    }
}

fn mismatch(ticker: &Ticker<'_>, want: &str) -> Option<DecodeError> {
    let got = ticker.symbol.as_deref().filter(|got| *got != want)?;
    Some(DecodeError::SymbolMismatch { got: shown(got.as_bytes()), want: want.to_owned() })
}

#[cold]
fn unknown(name: &str) -> DecodeError {
    DecodeError::UnknownSymbol { got: shown(name.as_bytes()) }
}

/// One line at the first of a kind and at each thousandth.
#[cold]
fn complain(follow_key: &str, error: &DecodeError, before: u64, more: u64) {
    let after = before + more;
    if before == 0 || before / LOG_EVERY != after / LOG_EVERY {
        tracing::warn!(target: "feed", channel = follow_key, count = after, "{error}");
    }
}
