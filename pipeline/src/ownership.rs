//! Who may trade an instrument, and since when. A term is one owner's time; no two terms of an instrument overlap.
//!
//! How a term is come by and proved (one process alone, a lease, a group membership) is not told here: an
//! instrument only hears that one has begun, is to end, or is lost.

use schemas::ids::Epoch;

use crate::event::FeedTick;
use crate::time::Now;

/// Which assignment of its source a tick came under. It moves whenever the source's assignment does, so that what
/// was taken in under an earlier one cannot be traded on. Sources that are never assigned stay at the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Generation(pub u64);

impl Generation {
    /// Of no message at all: whoever owns the instrument may trade on it.
    pub const OWN: Self = Self(u64::MAX);
}

/// One owner's time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Term {
    /// Which owner in turn: part of every order id.
    pub epoch: Epoch,
    /// Nothing is swept or placed before this moment: until then orders of a predecessor may still arrive.
    pub from: Now,
    /// Others may have owned the instrument before: what happened or was there before `from` is theirs, and
    /// orders of a later epoch are not ours to sweep.
    pub shared: bool,
}

impl Term {
    /// The term of a process that shares its instruments with nobody.
    #[must_use]
    pub const fn alone(epoch: Epoch) -> Self {
        Self { epoch, from: Now { mono: crate::time::Nanos(0), wall_ms: 0 }, shared: false }
    }

    /// Whether a predecessor may have traded on a tick: one reference trade makes at most one pair.
    ///
    /// The term's first moment is held against the wall clock as it is now: one that was ahead when the term began, and
    /// was put right since, would make every trade happen before it.
    #[must_use]
    pub fn is_before(&self, tick: &FeedTick, now: Now) -> bool {
        let happened = tick.tick.time_ms.is_some_and(|time_ms| time_ms < self.begins_wall_ms(now));
        self.shared && (happened || tick.since < self.from.mono)
    }

    /// What the wall clock, as it goes now, showed at the term's first moment.
    fn begins_wall_ms(&self, now: Now) -> i64 {
        let whole = |ns: u64| i64::try_from(ns / 1_000_000).unwrap_or(i64::MAX);
        let ahead = whole(self.from.mono.0.saturating_sub(now.mono.0));
        let ago = whole(now.mono.0.saturating_sub(self.from.mono.0));
        now.wall_ms.saturating_add(ahead).saturating_sub(ago)
    }
}

/// What a lane is told of its instrument.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Claim {
    /// Nobody's, or somebody else's: nothing of it may leave here.
    #[default]
    None,
    /// Ours.
    Held(Term),
    /// To be handed over: what runs is ended, cancelled and confirmed; then it is let go.
    Leaving,
}
