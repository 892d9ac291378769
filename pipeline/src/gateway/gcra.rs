//! A rate as one number: the generic cell rate algorithm, in whole nanoseconds.
//!
//! `tat` is the moment at which everything that left would have left had it been spread evenly. What leaves pushes
//! it on by one interval; what may leave is what does not push it more than the burst ahead of now.

use crate::time::Nanos;

const SECOND_NS: u64 = 1_000_000_000;

/// A bound on how fast something leaves: within any second at most twice the rate, in the long run the rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gcra {
    interval_ns: u64,
    burst: u64,
    tat: Nanos,
}

impl Gcra {
    /// One of `sharers` equal parts of `a_second`; as many at once as a second brings, and no fewer than `least`.
    #[must_use]
    pub fn new(a_second: u32, sharers: u32, least: u64) -> Self {
        let (rate, sharers) = (u64::from(a_second.max(1)), u64::from(sharers.max(1)));
        Self {
            interval_ns: (SECOND_NS * sharers).div_ceil(rate),
            burst: (rate / sharers).max(least).max(1),
            tat: Nanos::default(),
        }
    }

    /// Whether so many may leave now, at once.
    #[must_use]
    pub fn allows(&self, count: u64, now: Nanos) -> bool {
        self.from(count) <= now
    }

    /// The moment from which so many may leave at once, if nothing leaves before; never, if they are more than that.
    #[must_use]
    pub fn from(&self, count: u64) -> Nanos {
        let never = Nanos(u64::MAX);
        let at = |spared| Nanos(self.tat.0.saturating_sub(self.interval_ns.saturating_mul(spared)));
        self.burst.checked_sub(count).map_or(never, at)
    }

    /// So many left, allowed or not.
    pub fn spend(&mut self, count: u64, now: Nanos) {
        self.tat = Nanos(self.tat.max(now).0.saturating_add(self.interval_ns.saturating_mul(count)));
    }

    /// The most that may leave at once.
    #[must_use]
    pub const fn burst(&self) -> u64 {
        self.burst
    }
}
