//! What an operator may see of a run, readable from any thread.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use pipeline::book::Top;
use pipeline::counts::Counts;
use pipeline::gateway::Link;
use pipeline::instrument::Phase;
use pipeline::skip::Skip;
use pipeline::time::{Nanos, Now};
use pipeline::trade::Outcome;
use schemas::config::Sharding;
use schemas::order::PositionSide;
use schemas::units::Decimal;
use serde_json::{Map, Value, json};
use tokio::sync::{Notify, watch};

use crate::clock::Clock;
use crate::feed::{FeedCounters, FeedState};
use crate::journal::Journal;
use crate::ownership::lease::LeaseStatus;
use crate::ownership::{Armed, Hold};
use crate::telemetry::pulse::Pulse;
use crate::telemetry::recorder::{self, Recorded};
use crate::telemetry::stats::LaneStats;
use crate::venue::binance::positions::Positions;

/// A process that owns nothing may be ready without a feed that lives, after this long.
const IDLE_AFTER: Duration = Duration::from_secs(10);

/// Which part of a fleet a process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// How the fleet shares its instruments.
    pub sharding: Sharding,
    /// Which of the processes this is, from 0.
    pub ordinal: u32,
    /// How many share.
    pub shards: u32,
}

/// What an operator may see of a run. Clones look at the same thing.
#[derive(Clone)]
pub struct AppStatus {
    /// The run's clock.
    pub clock: Clock,
    /// When it was built.
    pub started: Now,
    /// The instruments' counters.
    pub lanes: Vec<Arc<LaneStats>>,
    /// Whether each of them is ours, in the same order.
    pub holds: Vec<Arc<Hold>>,
    /// Their accounts' positions, in the same order; `None` on spot.
    pub positions: Vec<Option<Positions>>,
    /// Instruments of the whole configuration.
    pub configured: usize,
    /// Which part of the fleet this is.
    pub shard: Shard,
    /// The leases, where leases prove the ownership.
    pub leases: Option<watch::Receiver<LeaseStatus>>,
    /// The tops of book by maker symbol, in the same order; `None` while not live.
    pub tops: Vec<(String, watch::Receiver<Option<Top>>)>,
    /// The gateways, by venue.
    pub links: Vec<(&'static str, watch::Receiver<Link>)>,
    /// The feed.
    pub feed: watch::Receiver<FeedState>,
    /// What the feed counted.
    pub counters: Arc<FeedCounters>,
    /// What the recorder knows.
    pub recorded: Arc<Mutex<Recorded>>,
    /// The journal.
    pub journal: Journal,
    /// The trading thread's heartbeat.
    pub pulse: Pulse,
    /// The first start-up is done.
    pub started_up: Arc<AtomicBool>,
    /// The run is ending.
    pub stopping: Arc<AtomicBool>,
    /// Told when somebody at a screen wants the run to stop.
    pub leave: Arc<Notify>,
}

impl AppStatus {
    /// Whether traffic of probes says ready: once everything was, for good; not while the journal cannot be written,
    /// nor while the run ends. What others
    /// own is not waited for.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        if self.stopping.load(Ordering::Relaxed) || !self.journal.is_good() {
            return false;
        }
        let up = self.clock.now().mono.since(self.started.mono);
        let without_feed = self.lanes.is_empty() || (self.is_idle() && up > IDLE_AFTER);
        let waits = if without_feed { self.waits_for_before_feed() } else { self.waits_for() };
        if waits.is_empty() {
            self.started_up.store(true, Ordering::Relaxed);
        }
        self.started_up.load(Ordering::Relaxed)
    }

    /// Nothing is ours.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        !self.holds.iter().any(|hold| hold.is_claimed())
    }

    /// Instruments whose orders may leave now.
    #[must_use]
    pub fn owned(&self, now: Nanos) -> usize {
        self.holds.iter().filter(|hold| hold.is_open(now)).count()
    }

    /// What keeps the program from trading, one name each; empty = ready.
    #[must_use]
    pub fn waits_for(&self) -> Vec<String> {
        let mut waits = self.waits_for_before_feed();
        let feed = self.feed.borrow();
        if !feed.is_live() {
            waits.push(format!("feed: {}", *feed));
        }
        waits
    }

    /// The same without the feed, which starts when the rest is ready.
    #[must_use]
    pub fn waits_for_before_feed(&self) -> Vec<String> {
        let mut waits = Vec::new();
        waits.extend(self.journal.trouble().map(|trouble| format!("journal: {trouble}")));
        for (venue, link) in &self.links {
            match *link.borrow() {
                Link::Down => waits.push(format!("orders: no connection to {venue}")),
                Link::Deaf => waits.push(format!("orders: no user stream from {venue}")),
                Link::Spent | Link::Open => {}
            }
        }
        for (hold, (symbol, top)) in self.holds.iter().zip(&self.tops) {
            if hold.is_claimed() && top.borrow().is_none() {
                waits.push(format!("book: {symbol} is not live"));
            }
        }
        for (hold, lane) in self.holds.iter().zip(&self.lanes) {
            if hold.is_claimed() && lane.phase() == Phase::Live && hold.arming().is() == Armed::No {
                waits.push(format!("switch: {} is not armed at the venue", lane.symbol));
            }
        }
        for lane in &self.lanes {
            if lane.phase() == Phase::Sweeping {
                waits.push(format!("sweep: {} may hold orders of a predecessor", lane.symbol));
            }
        }
        waits
    }

    /// All instruments' counts together.
    #[must_use]
    pub fn totals(&self) -> Counts {
        let mut totals = Counts::default();
        self.lanes.iter().for_each(|lane| totals.add(&lane.counts()));
        totals
    }

    /// How long the oldest open maker has been open, milliseconds.
    #[must_use]
    pub fn oldest_open_maker_ms(&self) -> u64 {
        let now = self.clock.now().mono.0;
        let oldest = self.lanes.iter().filter_map(|lane| lane.open_maker_since()).min();
        oldest.map_or(0, |since| now.saturating_sub(since) / 1_000_000)
    }

    /// Asks the run to stop in order.
    pub fn ask_to_stop(&self) {
        self.leave.notify_one();
    }

    /// How long ago the trading thread last turned.
    #[must_use]
    pub fn heartbeat_age(&self) -> Duration {
        self.pulse.age()
    }

    /// The status page.
    #[must_use]
    pub fn json(&self) -> Value {
        let instruments: Vec<Value> = (0..self.lanes.len()).map(|place| self.instrument(place)).collect();
        let feed = self.counters.snapshot();
        let recorded = recorder::lock(&self.recorded);
        let percentiles = |histogram| json!(recorder::percentiles(histogram));
        json!({
            "ready": self.waits_for().is_empty(),
            "waits_for": self.waits_for(),
            "up_ms": self.clock.now().mono.since(self.started.mono).as_millis(),
            "feed": {
                "state": self.feed.borrow().to_string(),
                "messages": feed.messages,
                "rejected": feed.rejected_total(),
                "duplicates": feed.duplicates,
                "ticks": feed.ticks,
                "lagged": feed.lagged,
            },
            "fleet": self.fleet(),
            "journal": { "on": self.journal.is_on(), "trouble": self.journal.trouble() },
            "tick_to_maker_us": percentiles(&recorded.tick_to_maker_us),
            "tick_to_done_us": percentiles(&recorded.tick_to_done_us),
            "oldest_open_maker_ms": self.oldest_open_maker_ms(),
            "instruments": instruments,
        })
    }

    /// Which part of the fleet this is, and what it holds of it.
    fn fleet(&self) -> Value {
        let leases = self.leases.as_ref().map(|leases| {
            let leases = leases.borrow();
            json!({
                "connected": leases.connected,
                "held": leases.held,
                "waiting": leases.waiting,
                "held_by_others": leases.owners,
                "error": leases.error,
            })
        });
        json!({
            "sharding": self.shard.sharding,
            "shard": self.shard.ordinal,
            "shards": self.shard.shards,
            "configured": self.configured,
            "owned": self.owned(self.clock.now().mono),
            "leases": leases,
        })
    }

    fn instrument(&self, place: usize) -> Value {
        let (lane, hold) = (&self.lanes[place], &self.holds[place]);
        let counts = lane.counts();
        let top = self.tops.get(place).and_then(|(_, top)| *top.borrow());
        let price = |level: Option<pipeline::book::Level>| level.map(|level| level.price.to_string());
        let mut page = json!({
            "maker_symbol": lane.symbol,
            "venue": lane.venue,
            "follow_key": lane.follow_key,
            "phase": phase_name(lane.phase()),
            "owned": hold.is_open(self.clock.now().mono),
            "switch": switch_name(hold.arming().is()),
            "epoch": hold.epoch().number(),
            "book": top.map(|top| json!({
                "bid": price(top.bid),
                "ask": price(top.ask),
                "age_ms": self.clock.now().mono.since(top.confirmed.mono).as_millis(),
            })),
            "ticks": counts.ticks,
            "repeats": counts.repeats,
            "pairs": counts.pairs,
            "outcomes": by_outcome(&counts),
            "skips": by_reason(&counts),
            "conflated": counts.conflated,
            "overflow": counts.overflow,
            "waiting": counts.waiting,
            "swept": counts.swept,
        });
        if let Some(Some(positions)) = self.positions.get(place) {
            page["positions"] = positions_of(positions, &lane.symbol);
        }
        page
    }
}

/// Positions by side, in the base asset, exact text; null until the venue has told them.
fn positions_of(positions: &Positions, symbol: &str) -> Value {
    let of_side =
        |(side, amount): (PositionSide, Decimal)| (side.as_str().to_owned(), amount.to_string().into());
    positions.of(symbol).map_or(Value::Null, |all| Value::Object(all.into_iter().map(of_side).collect()))
}

/// Skips by reason; reasons that never came are left out.
fn by_reason(counts: &Counts) -> Map<String, Value> {
    let named = Skip::ALL.iter().zip(counts.skips).filter(|(_, count)| *count > 0);
    named.map(|(skip, count)| (skip.name().to_owned(), count.into())).collect()
}

/// Ended pairs by outcome; outcomes that never came are left out.
fn by_outcome(counts: &Counts) -> Map<String, Value> {
    let named = Outcome::ALL.iter().zip(counts.outcomes).filter(|(_, count)| *count > 0);
    named.map(|(outcome, count)| (outcome.name().to_owned(), count.into())).collect()
}

/// The venue's dead man's switch for operators.
const fn switch_name(armed: Armed) -> &'static str {
    match armed {
        Armed::NotNeeded => "none",
        Armed::No => "off",
        Armed::Waived => "waived",
        Armed::Yes => "armed",
    }
}

/// The phase's name for operators.
const fn phase_name(phase: Phase) -> &'static str {
    match phase {
        Phase::Idle => "idle",
        Phase::Sweeping => "sweeping",
        Phase::Live => "live",
        Phase::Stopping => "stopping",
        Phase::Stopped => "stopped",
    }
}
