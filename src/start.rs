//! The start-up gate as an operator sees it: for each instrument the step that stands in its way, and since when.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pipeline::clock_gate::ClockTrouble;
use pipeline::readiness::{Blocked, Facts, Readiness, Step};
use pipeline::time::Nanos;
use serde_json::{Value, json};

use crate::clock::Clock;

/// What an instrument waits for before its venue has said anything.
const NOT_ASKED: &str = "the venue has not answered yet";

/// Where the instruments stand, by their places in the configuration. Clones are the same one.
#[derive(Clone, Debug)]
pub struct StartBoard {
    clock: Clock,
    members: Arc<Mutex<Vec<Member>>>,
}

#[derive(Debug)]
struct Member {
    symbol: String,
    gate: Readiness,
    /// Why the venue's filters or clock are not known; none = they are.
    filters: Option<Cow<'static, str>>,
    clock: Option<Cow<'static, str>>,
    clock_is_wrong: bool,
}

/// What stands in an instrument's way.
#[derive(Clone, Debug)]
pub struct Waiting {
    /// Its maker symbol.
    pub symbol: String,
    /// The step, and why.
    pub blocked: Blocked,
}

impl StartBoard {
    /// Every instrument at its first step.
    #[must_use]
    pub fn new<'a>(symbols: impl Iterator<Item = &'a str>, clock: Clock) -> Self {
        let now = clock.now().mono;
        let member = |symbol: &str| Member {
            symbol: symbol.to_owned(),
            gate: Readiness::new(now),
            filters: Some(Cow::Borrowed(NOT_ASKED)),
            clock: Some(Cow::Borrowed(NOT_ASKED)),
            clock_is_wrong: false,
        };
        Self { clock, members: Arc::new(Mutex::new(symbols.map(member).collect())) }
    }

    /// Why the filters of these instruments are not known; none = they are.
    pub fn set_filters(&self, places: &[usize], why: Option<String>) {
        let mut members = self.lock();
        for place in places {
            members[*place].filters = why.clone().map(Cow::Owned);
        }
    }

    /// Why it is not known what time it is at the venue of these instruments; none = it is.
    pub fn set_clock(&self, places: &[usize], trouble: Option<ClockTrouble>) {
        let mut members = self.lock();
        for place in places {
            let member = &mut members[*place];
            member.clock = trouble.map(|trouble| Cow::Owned(trouble.to_string()));
            // A venue that is away is not asked the time: that is an outage, and readiness holds through those.
            member.clock_is_wrong = trouble.is_some_and(|trouble| !matches!(trouble, ClockTrouble::Aged(_)));
        }
    }

    /// Whether an instrument's venue has told a time that cannot be relied on.
    #[must_use]
    pub fn clock_is_wrong(&self, place: usize) -> bool {
        self.lock()[place].clock_is_wrong
    }

    /// Why it is not known what time it is at an instrument's venue, if it is not.
    #[must_use]
    pub fn clock_trouble(&self, place: usize) -> Option<Cow<'static, str>> {
        self.lock()[place].clock.clone()
    }

    /// Takes in how an instrument's later steps stand (its first two are known here), in the term of that epoch, which
    /// an owner before keeps from beginning until `from`.
    /// What stands in its way, if anything does.
    #[must_use]
    pub fn look(&self, place: usize, epoch: u32, from: Nanos, mut facts: Facts) -> Option<Waiting> {
        let now = self.clock.now().mono;
        let mut members = self.lock();
        let member = &mut members[place];
        member.gate.begin(epoch, from, now);
        facts[Step::Filters.index()] = member.filters.clone();
        facts[Step::Clock.index()] = member.clock.clone();
        let blocked = member.gate.handle(&facts, now)?;
        if member.gate.poll_overdue(&blocked) {
            let (symbol, step, why) = (&member.symbol, blocked.step.name(), &blocked.why);
            tracing::error!(symbol, step, "not ready for longer than expected: {why}");
        }
        Some(Waiting { symbol: member.symbol.clone(), blocked })
    }

    /// What stands in each instrument's way before there are lanes.
    #[must_use]
    pub fn before_lanes(&self) -> Vec<Waiting> {
        let places = self.lock().len();
        let later = || Step::ALL.map(|_| Some(Cow::Borrowed(NOT_ASKED)));
        (0..places).filter_map(|place| self.look(place, 0, Nanos(0), later())).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Member>> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    /// As `/readyz` shows it.
    #[must_use]
    pub fn json(&self) -> Value {
        let Self { symbol, blocked } = self;
        json!({
            "symbol": symbol,
            "step": blocked.step.name(),
            "why": blocked.why,
            "since_ms": u64::try_from(blocked.since.as_millis()).unwrap_or(u64::MAX),
            "overdue": blocked.overdue,
        })
    }
}
