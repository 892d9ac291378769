//! What an operator may see of a run, readable from any thread.

use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use pipeline::book::Top;
use pipeline::counts::Counts;
use pipeline::gateway::Link;
use pipeline::instrument::Phase;
use pipeline::probe::ProbeState;
use pipeline::readiness::{Facts, Step};
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
use crate::halt::HaltBoard;
use crate::journal::Journal;
use crate::ownership::lease::LeaseStatus;
use crate::ownership::{Armed, Hold};
use crate::start::{StartBoard, Waiting};
use crate::telemetry::pulse::Pulse;
use crate::telemetry::recorder::{self, Recorded};
use crate::telemetry::stats::LaneStats;
use crate::venue::binance::positions::Positions;
use crate::venue::egress::Egress;

/// A process that owns nothing may be ready without a feed that lives, after this long.
const IDLE_AFTER: Duration = Duration::from_secs(10);
/// How often the start-up gate is looked at, whether anybody asks or not.
const LOOK: Duration = Duration::from_millis(500);

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
    /// The ways out to the venues, each once, by venue.
    pub egresses: Vec<(&'static str, Egress)>,
    /// The feed.
    pub feed: watch::Receiver<FeedState>,
    /// What the feed counted.
    pub counters: Arc<FeedCounters>,
    /// What the recorder knows.
    pub recorded: Arc<Mutex<Recorded>>,
    /// The journal.
    pub journal: Journal,
    /// What is halted.
    pub halts: HaltBoard,
    /// Where the instruments stand on their way to their first pairs.
    pub start: StartBoard,
    /// The instruments' places in the configuration, in the order of `lanes`.
    pub places: Vec<usize>,
    /// What their gateways can do, in the same order.
    pub lane_links: Vec<watch::Receiver<Link>>,
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
    /// what time it is at a
    /// venue is not known, nor while the run ends. What others own is not waited for, nor what is halted.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        let wrong =
            |place: usize| self.holds[place].is_claimed() && self.start.clock_is_wrong(self.places[place]);
        let clocks = (0..self.lanes.len()).any(wrong);
        if self.stopping.load(Ordering::Relaxed) || !self.journal.is_good() || clocks {
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
        for (place, lane) in self.lanes.iter().enumerate() {
            let probe = Some(lane.probe()).filter(|probe| *probe == ProbeState::NoRoom);
            waits.extend(probe.and_then(|probe| self.waits_for_probe(place, probe)));
        }
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
        for (place, lane) in self.lanes.iter().enumerate() {
            let kept = self.holds[place].is_kept();
            if lane.phase() == Phase::Sweeping || (kept && is_unswept(lane.phase())) {
                waits.push(format!("sweep: {} may hold orders of a predecessor", lane.symbol));
            }
            waits.extend(self.clock_trouble(place).map(|why| format!("clock: {}: {why}", lane.symbol)));
            // In an empty book the probe needs a price of the feed's.
            let probe = Some(lane.probe()).filter(|probe| *probe != ProbeState::NoRoom);
            waits.extend(probe.and_then(|probe| self.waits_for_probe(place, probe)));
        }
        waits
    }

    fn waits_for_probe(&self, place: usize, probe: ProbeState) -> Option<String> {
        let why = probe.why().filter(|_| self.is_waited_for(place))?;
        Some(format!("probe: {}: {why}", self.lanes[place].symbol))
    }

    /// What stands in the way of each instrument that is ours and not halted.
    #[must_use]
    pub fn blocked(&self) -> Vec<Waiting> {
        let waited_for = (0..self.lanes.len()).filter(|place| self.is_waited_for(*place));
        let look = |place: usize| {
            let hold = &self.holds[place];
            self.start.look(self.places[place], hold.epoch().number(), hold.from(), self.steps(place))
        };
        waited_for.filter_map(look).collect()
    }

    /// Looks at the start-up gate again and again, so that its moments are right and what is overdue is told; until
    /// dropped.
    pub async fn watch_start(self) {
        let mut looks = tokio::time::interval(LOOK);
        looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            looks.tick().await;
            let _ = self.blocked();
        }
    }

    fn is_waited_for(&self, place: usize) -> bool {
        let hold = &self.holds[place];
        hold.is_claimed() && !hold.is_halted() && self.lanes[place].phase() != Phase::Stopped
    }

    fn clock_trouble(&self, place: usize) -> Option<Cow<'static, str>> {
        self.start.clock_trouble(self.places[place]).filter(|_| self.holds[place].is_claimed())
    }

    /// How an instrument's steps stand, but for those that its venue answers.
    fn steps(&self, place: usize) -> Facts {
        let lane = &self.lanes[place];
        let up = self.lane_links.get(place).is_none_or(|link| link.borrow().is_up());
        let mut facts = Facts::default();
        let mut set = |step: Step, why: Option<Cow<'static, str>>| facts[step.index()] = why;
        let (sweep, in_doubt) = unswept(lane.phase(), lane.is_closing_out(), up);
        let waits = self.holds[place].from() > self.clock.now().mono;
        let predecessor = waits.then_some("an owner before may still trade it");
        set(Step::Sweep, predecessor.or(sweep).map(Cow::Borrowed));
        set(Step::Journal, self.journal.trouble().map(Cow::Owned).or(in_doubt.map(Cow::Borrowed)));
        let live = self.tops.get(place).is_some_and(|(_, top)| top.borrow().is_some());
        set(Step::Book, (!live).then_some(Cow::Borrowed("the book is not live")));
        set(Step::Probe, lane.probe().why().map(Cow::Owned));
        facts
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
            "halted": self.halts.of(&lane.symbol).map(|halt| json!({ "by": halt.by, "reason": halt.reason })),
            "probe": lane.probe().why(),
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

/// What is ours and not swept: an instrument is idle until its lane has heard that it is ours.
const fn is_unswept(phase: Phase) -> bool {
    matches!(phase, Phase::Idle | Phase::Sweeping)
}

/// Why the steps sweep and journal of an instrument that is ours are not passed.
fn unswept(phase: Phase, closing_out: bool, up: bool) -> (Option<&'static str>, Option<&'static str>) {
    let unswept = is_unswept(phase);
    let sweep = match (unswept, closing_out, up) {
        (true, _, false) => Some("no connection to the venue"),
        (true, false, true) => Some("orders of ours may be open"),
        (true, true, true) | (false, _, _) => None,
    };
    (sweep, (unswept && closing_out).then_some("orders in doubt are being asked for"))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_lane_has_begun_with_is_not_swept() {
        for phase in [Phase::Idle, Phase::Sweeping] {
            assert_eq!(unswept(phase, false, false), (Some("no connection to the venue"), None));
            assert_eq!(unswept(phase, false, true), (Some("orders of ours may be open"), None));
            assert_eq!(unswept(phase, true, true), (None, Some("orders in doubt are being asked for")));
        }
        for phase in [Phase::Live, Phase::Stopping, Phase::Stopped] {
            assert_eq!(unswept(phase, false, false), (None, None), "an outage later on is another matter");
        }
    }
}
