//! One limit of a venue: a count that begins anew with each window of the wall clock.

use super::limiter::{RateLimit, RateLimitKind};
use crate::time::Now;

/// One limit, and what is known to be used of it.
#[derive(Clone, Debug)]
pub(super) struct Window {
    limit: RateLimit,
    /// The part of the limit that is this process's.
    part: u64,
    index: i64,
    /// What this process has spent.
    spent: u64,
    /// What everybody has spent, as far as it is known here.
    used: u64,
}

impl Window {
    pub(super) fn new(limit: RateLimit, sharers: u32) -> Self {
        let limit = RateLimit { interval_ms: limit.interval_ms.max(1), ..limit };
        let mut window = Self { limit, part: 1, index: 0, spent: 0, used: 0 };
        window.share(sharers);
        window
    }

    /// One of `sharers` equal parts is this process's.
    pub(super) fn share(&mut self, sharers: u32) {
        self.part = (self.limit.count / u64::from(sharers.max(1))).max(1);
    }

    pub(super) const fn kind(&self) -> RateLimitKind {
        self.limit.kind
    }

    pub(super) fn spend(&mut self, cost: u64, now: Now) {
        self.roll(now);
        self.spent += cost;
        self.used += cost;
    }

    /// The venue's own count, if it is one of this limit.
    pub(super) fn observe(&mut self, counted: RateLimit, in_flight: u64, now: Now) {
        if self.limit.kind == counted.kind && self.limit.interval_ms == counted.interval_ms {
            self.roll(now);
            self.used = counted.count + in_flight;
            self.spent = self.spent.min(self.used);
        }
    }

    /// When the next window begins.
    pub(super) fn next_ms(&self, now: Now) -> i64 {
        let interval_ms = self.limit.interval_ms;
        now.wall_ms.div_euclid(interval_ms).saturating_add(1).saturating_mul(interval_ms)
    }

    /// Whether it holds a question back while so much is kept for others. One that is heavier than all there is needs
    /// all of it.
    pub(super) fn bars(&self, weight: u64, kept: u64, now: Now) -> bool {
        let needed = weight.min(self.part.saturating_sub(kept)).max(1);
        self.limit.kind == RateLimitKind::Weight && self.left(now, false).saturating_sub(kept) < needed
    }

    /// What is left: for places less a fifth.
    pub(super) fn left(&self, now: Now, place: bool) -> u64 {
        let fresh = now.wall_ms.div_euclid(self.limit.interval_ms) != self.index;
        let (used, spent) = if fresh { (0, 0) } else { (self.used, self.spent) };
        let most = |count: u64| if place { count - count / 5 } else { count };
        most(self.limit.count).saturating_sub(used).min(most(self.part).saturating_sub(spent))
    }

    fn roll(&mut self, now: Now) {
        let index = now.wall_ms.div_euclid(self.limit.interval_ms);
        if index != self.index {
            self.index = index;
            self.spent = 0;
            self.used = 0;
        }
    }
}
