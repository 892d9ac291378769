//! Who may trade an instrument, and since when. A term is one owner's time; no two terms of an instrument overlap.
//!
//! How a term is come by and proved (one process alone, a lease, a group membership) is not told here: an
//! instrument only hears that one has begun, is to end, or is lost.

use schemas::ids::Epoch;
use schemas::tick::{Tick, TradeKey};

use crate::event::FeedTick;
use crate::time::Now;

/// A trade of that long after a term began is nobody else's, however clocks err.
const SETTLED_MS: i64 = 60_000;
/// A number that lies further below the last one belongs to a new count: as far back as repeats are known.
const NUMBERS_TOLD_APART: u64 = 8_192;

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
    /// The reference trade, by its number, that the owner before made its last pair of, where it told on leaving.
    pub traded_up_to: Option<u64>,
}

impl Term {
    /// The term of a process that shares its instruments with nobody.
    #[must_use]
    pub const fn alone(epoch: Epoch) -> Self {
        Self {
            epoch,
            from: Now { mono: crate::time::Nanos(0), wall_ms: 0 },
            shared: false,
            traded_up_to: None,
        }
    }

    /// Whether a predecessor may have traded on a tick: one reference trade makes at most one pair.
    ///
    /// The term's first moment is held against the wall clock as it is now: one that was ahead when the term began, and
    /// was put right since, would make every trade happen before it.
    ///
    /// Times alone do not tell: a publisher may date trades ahead, this clock may be behind, and a message may come here
    /// later than it came there. An owner that leaves in order says therefore how far it came.
    #[must_use]
    pub fn is_before(&self, tick: &FeedTick, now: Now) -> bool {
        let begins_ms = self.begins_wall_ms(now);
        let happened = tick.tick.time_ms.is_some_and(|time_ms| time_ms < begins_ms);
        self.shared && (happened || tick.since < self.from.mono || self.was_traded(&tick.tick, begins_ms))
    }

    /// Whether the trade's number is not above the one that the owner before told. One far below, or of a minute
    /// after the beginning, is of a publisher that began to count anew.
    fn was_traded(&self, tick: &Tick, begins_ms: i64) -> bool {
        let (Some(TradeKey::Number(number)), Some(last)) = (tick.key(), self.traded_up_to) else {
            return false;
        };
        let is_late = tick.time_ms.is_some_and(|time_ms| time_ms.saturating_sub(begins_ms) > SETTLED_MS);
        last.checked_sub(number).is_some_and(|below| below < NUMBERS_TOLD_APART) && !is_late
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
