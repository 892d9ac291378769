//! The rate budget, from the venue's own limits and the counts in its answers.
//!
//! Places may use four fifths of each limit; the last fifth is for cancels and questions. Processes that share an
//! account and an address each spend only their part; the venue's own counts, which hold everybody's requests,
//! are judged against the whole.

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
    /// The part of the limit that is this process's.
    part: u64,
    index: i64,
    /// What this process has spent.
    spent: u64,
    /// What everybody has spent, as far as it is known here.
    used: u64,
}

impl Limiter {
    /// One of `sharers` equal parts of the budget that a venue's limits give, rounded down; without limits
    /// everything may leave at once.
    #[must_use]
    pub fn new(limits: &[RateLimit], sharers: u32) -> Self {
        let window = |limit: &RateLimit| {
            let limit = RateLimit { interval_ms: limit.interval_ms.max(1), ..*limit };
            let part = (limit.count / u64::from(sharers.max(1))).max(1);
            Window { limit, part, index: 0, spent: 0, used: 0 }
        };
        let windows = limits.iter().map(window).collect();
        Self { windows, silent_until_ms: 0 }
    }

    /// Whether so many places may leave.
    #[must_use]
    pub fn allows_places(&self, count: u64, now: Now) -> bool {
        now.wall_ms >= self.silent_until_ms
            && self.windows.iter().all(|window| window.left(now, true) >= count)
    }

    /// Whether a cancel or question of that weight may leave.
    #[must_use]
    pub fn allows_urgent(&self, weight: u64, now: Now) -> bool {
        now.wall_ms >= self.silent_until_ms && !self.windows.iter().any(|window| window.bars(weight, now))
    }

    /// Notes that a request left.
    pub fn spend(&mut self, orders: u64, weight: u64, now: Now) {
        for window in &mut self.windows {
            window.roll(now);
            let cost = match window.limit.kind {
                RateLimitKind::Orders => orders,
                RateLimitKind::Weight => weight,
            };
            window.spent += cost;
            window.used += cost;
        }
    }

    /// The venue's own count is the truth; what is still on its way, in the same unit, comes on top.
    pub fn observe(&mut self, counted: RateLimit, in_flight: u64, now: Now) {
        for window in &mut self.windows {
            if window.limit.kind == counted.kind && window.limit.interval_ms == counted.interval_ms {
                window.roll(now);
                window.used = counted.count + in_flight;
                window.spent = window.spent.min(window.used);
            }
        }
    }

    /// The venue wants silence until then.
    pub fn silence(&mut self, until_ms: i64) {
        self.silent_until_ms = self.silent_until_ms.max(until_ms);
    }

    /// The wall-clock moment from which so many places may leave.
    #[must_use]
    pub fn places_from_ms(&self, count: u64, now: Now) -> i64 {
        self.free_from_ms(now, |window| window.left(now, true) < count)
    }

    /// The wall-clock moment from which a cancel or question of that weight may leave.
    #[must_use]
    pub fn urgent_from_ms(&self, weight: u64, now: Now) -> i64 {
        self.free_from_ms(now, |window| window.bars(weight, now))
    }

    fn free_from_ms(&self, now: Now, full: impl Fn(&Window) -> bool) -> i64 {
        let rolls = self.windows.iter().filter(|window| full(window)).map(|window| window.next_ms(now));
        rolls.chain([self.silent_until_ms]).max().unwrap_or(0)
    }
}

impl Window {
    fn roll(&mut self, now: Now) {
        let index = now.wall_ms.div_euclid(self.limit.interval_ms);
        if index != self.index {
            self.index = index;
            self.spent = 0;
            self.used = 0;
        }
    }

    /// When the next window begins.
    fn next_ms(&self, now: Now) -> i64 {
        let interval_ms = self.limit.interval_ms;
        now.wall_ms.div_euclid(interval_ms).saturating_add(1).saturating_mul(interval_ms)
    }

    /// Whether it holds a cancel or question back. One that is heavier than the whole limit needs all of it.
    fn bars(&self, weight: u64, now: Now) -> bool {
        let needed = weight.min(self.part);
        self.limit.kind == RateLimitKind::Weight && self.left(now, false) < needed
    }

    fn left(&self, now: Now, place: bool) -> u64 {
        let fresh = now.wall_ms.div_euclid(self.limit.interval_ms) != self.index;
        let (used, spent) = if fresh { (0, 0) } else { (self.used, self.spent) };
        let most = |count: u64| if place { count - count / 5 } else { count };
        most(self.limit.count).saturating_sub(used).min(most(self.part).saturating_sub(spent))
    }
}
