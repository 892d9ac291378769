//! The rate budget, from the venue's own limits and the counts in its answers.
//!
//! Places may use four fifths of each limit; the last fifth is for cancels and questions.

use crate::time::Now;

/// What a limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RateLimitKind {
    /// Orders of the account.
    Orders,
    /// Weight of requests from this address.
    Weight,
}

/// One limit of a venue, or one count of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// What it counts.
    pub kind: RateLimitKind,
    /// The window's length, milliseconds; windows begin at whole multiples of it since the epoch.
    pub interval_ms: i64,
    /// The most in a window, or how many the venue has counted in this one.
    pub count: u64,
}

/// The budget of one account and address.
#[derive(Clone, Debug, Default)]
pub struct Limiter {
    windows: Vec<Window>,
    /// No request of any kind before this wall-clock time.
    silent_until_ms: i64,
}

#[derive(Clone, Debug)]
struct Window {
    limit: RateLimit,
    index: i64,
    used: u64,
}

impl Limiter {
    /// The budget that a venue's limits give; without limits everything may leave at once.
    #[must_use]
    pub fn new(limits: &[RateLimit]) -> Self {
        let windows = limits.iter().map(|limit| Window { limit: *limit, index: 0, used: 0 }).collect();
        Self { windows, silent_until_ms: 0 }
    }

    /// Whether a place may leave.
    #[must_use]
    pub fn allows_place(&self, now: Now) -> bool {
        now.wall_ms >= self.silent_until_ms && self.windows.iter().all(|window| window.left(now, true) > 0)
    }

    /// Whether a cancel or question may leave.
    #[must_use]
    pub fn allows_urgent(&self, now: Now) -> bool {
        let weights = self.windows.iter().filter(|window| window.limit.kind == RateLimitKind::Weight);
        now.wall_ms >= self.silent_until_ms && weights.into_iter().all(|window| window.left(now, false) > 0)
    }

    /// Notes that a request left.
    pub fn spend(&mut self, place: bool, weight: u64, now: Now) {
        for window in &mut self.windows {
            window.roll(now);
            match window.limit.kind {
                RateLimitKind::Orders => window.used += u64::from(place),
                RateLimitKind::Weight => window.used += weight,
            }
        }
    }

    /// The venue's own count is the truth; what is still on its way comes on top.
    pub fn observe(&mut self, counted: RateLimit, in_flight: u64, now: Now) {
        for window in &mut self.windows {
            if window.limit.kind == counted.kind && window.limit.interval_ms == counted.interval_ms {
                window.roll(now);
                window.used = counted.count + in_flight;
            }
        }
    }

    /// The venue wants silence until then.
    pub fn silence(&mut self, until_ms: i64) {
        self.silent_until_ms = self.silent_until_ms.max(until_ms);
    }

    /// The next wall-clock moment at which something held back may leave.
    #[must_use]
    pub fn next_change_ms(&self, now: Now) -> i64 {
        let full = self.windows.iter().filter(|window| window.left(now, true) == 0);
        let rolls = full
            .map(|window| (now.wall_ms.div_euclid(window.limit.interval_ms) + 1) * window.limit.interval_ms);
        rolls.chain([self.silent_until_ms]).max().unwrap_or(0)
    }
}

impl Window {
    fn roll(&mut self, now: Now) {
        let index = now.wall_ms.div_euclid(self.limit.interval_ms);
        if index != self.index {
            self.index = index;
            self.used = 0;
        }
    }

    fn left(&self, now: Now, place: bool) -> u64 {
        if now.wall_ms.div_euclid(self.limit.interval_ms) != self.index {
            return u64::MAX;
        }
        let most = if place { self.limit.count - self.limit.count / 5 } else { self.limit.count };
        most.saturating_sub(self.used)
    }
}
