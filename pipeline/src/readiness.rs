//! The start-up gate of one instrument: the steps that must be passed before it trades, in their order. Pure.
//!
//! It decides nothing about orders itself: each step is kept by whoever it belongs to (nothing is sent while a sweep
//! runs, no tick fires without a book). This is where it is told which of them stands in the way, since when, and
//! whether for too long.

use std::borrow::Cow;
use std::time::Duration;

use crate::time::Nanos;

/// A step of the start, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// The venue told filters, limits and self-trade prevention, and the instrument fits them.
    Filters,
    /// The venue's clock is known.
    Clock,
    /// No order of ours is open.
    Sweep,
    /// What earlier runs left in doubt has an end, and the journal can be written.
    Journal,
    /// The book is in sequence.
    Book,
    /// A pair of the smallest quantity matched.
    Probe,
}

impl Step {
    /// All steps, in order.
    pub const ALL: [Self; 6] =
        [Self::Filters, Self::Clock, Self::Sweep, Self::Journal, Self::Book, Self::Probe];

    /// The name in `/readyz` and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Filters => "filters",
            Self::Clock => "clock",
            Self::Sweep => "sweep",
            Self::Journal => "journal",
            Self::Book => "book",
            Self::Probe => "probe",
        }
    }

    /// How long it may take before it counts as overdue.
    #[must_use]
    pub const fn deadline(self) -> Duration {
        match self {
            Self::Filters | Self::Clock | Self::Sweep | Self::Book => Duration::from_secs(10),
            // Orders in doubt are asked for up to 10 s.
            Self::Journal => Duration::from_secs(15),
            Self::Probe => Duration::from_secs(30),
        }
    }

    /// Position in [`Step::ALL`].
    #[must_use]
    pub const fn index(self) -> usize {
        match self {
            Self::Filters => 0,
            Self::Clock => 1,
            Self::Sweep => 2,
            Self::Journal => 3,
            Self::Book => 4,
            Self::Probe => 5,
        }
    }
}

/// For each step, in order, why it is not passed; none = passed.
pub type Facts = [Option<Cow<'static, str>>; Step::ALL.len()];

/// What stands in the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blocked {
    /// The first step that is not passed.
    pub step: Step,
    /// Why.
    pub why: Cow<'static, str>,
    /// For how long.
    pub since: Duration,
    /// For longer than it should.
    pub overdue: bool,
}

/// Where an instrument stands on its way to its first pair. Once through, it stays through until the next term.
#[derive(Clone, Debug)]
pub struct Readiness {
    /// Which term, by its epoch.
    term: Option<u32>,
    /// An owner before may go on until then, and no step can be passed.
    from: Nanos,
    at: Option<Step>,
    since: Nanos,
    passed: bool,
    told_overdue: bool,
}

impl Readiness {
    /// At the first step.
    #[must_use]
    pub const fn new(now: Nanos) -> Self {
        Self { term: None, from: now, at: None, since: now, passed: false, told_overdue: false }
    }

    /// A term of ownership began: its steps are to be passed, unless it is the one that was known. An owner before may
    /// go on until `from`: no step counts as waited for until then.
    pub fn begin(&mut self, epoch: u32, from: Nanos, now: Nanos) {
        // An instrument that is ours alone may take a later epoch in the middle of its start.
        let known = self.term.is_some_and(|term| term == epoch || !self.passed);
        self.term = Some(epoch);
        if !known {
            *self = Self { term: Some(epoch), ..Self::new(now) };
        }
        self.from = from;
    }

    /// Takes in how the steps stand; what stands in the way, if anything does.
    pub fn handle(&mut self, facts: &Facts, now: Nanos) -> Option<Blocked> {
        if self.passed {
            return None;
        }
        let first = Step::ALL.into_iter().find(|step| facts[step.index()].is_some());
        let Some(step) = first else {
            self.passed = true;
            self.at = None;
            return None;
        };
        if self.at != Some(step) {
            (self.at, self.since, self.told_overdue) = (Some(step), now.max(self.from), false);
        }
        let since = now.since(self.since);
        let why = facts[step.index()].clone().unwrap_or_default();
        Some(Blocked { step, why, since, overdue: since > step.deadline() })
    }

    /// Whether all steps were passed in this term.
    #[must_use]
    pub const fn is_passed(&self) -> bool {
        self.passed
    }

    /// Whether a step that is overdue is to be told, now: once a step.
    pub fn poll_overdue(&mut self, blocked: &Blocked) -> bool {
        blocked.overdue && !std::mem::replace(&mut self.told_overdue, true)
    }
}
