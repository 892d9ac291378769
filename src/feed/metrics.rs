//! Names of the feed's metrics, and the counters that the summary reads. Counting never waits.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use schemas::tick::Tick;

use super::decode::Reason;

/// Messages received, once a lane that they feed.
pub const MESSAGES_TOTAL: &str = "st_feed_messages_total";
/// Messages that are not used, by `reason`.
pub const REJECTED_TOTAL: &str = "st_feed_rejected_total";
/// Messages whose trade was seen before.
pub const DUPLICATES_TOTAL: &str = "st_feed_duplicates_total";
/// Ticks without a trade id.
pub const WITHOUT_ID_TOTAL: &str = "st_feed_without_id_total";
/// Messages that became ticks.
pub const TICKS_TOTAL: &str = "st_feed_ticks_total";
/// Ticks that found their lane's queue full.
pub const OVERFLOW_TOTAL: &str = "st_feed_overflow_total";
/// Messages that Redis delivered faster than they were taken.
pub const LAGGED_TOTAL: &str = "st_feed_lagged_total";
/// Connections after the first.
pub const RECONNECTS_TOTAL: &str = "st_feed_reconnects_total";
/// Jumps in the numbers of trades.
pub const GAPS_TOTAL: &str = "st_feed_gaps_total";
/// Prices and quantities that are no number above zero, by `reason`; their messages are ticks all the same.
pub const BAD_NUMBERS_TOTAL: &str = "st_feed_bad_numbers_total";

/// A counter that is read by the summary and exported as a metric.
pub struct Count {
    value: AtomicU64,
    exported: OnceLock<metrics::Counter>,
}

impl Count {
    const fn new() -> Self {
        Self { value: AtomicU64::new(0), exported: OnceLock::new() }
    }

    /// Counts `more`; gives the count before.
    pub fn add(&self, more: u64) -> u64 {
        if let Some(exported) = self.exported.get() {
            exported.increment(more);
        }
        self.value.fetch_add(more, Ordering::Relaxed)
    }

    /// The count.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.value.load(Ordering::Relaxed)
    }

    fn export(&self, counter: metrics::Counter) {
        let counter = self.exported.get_or_init(|| counter);
        counter.increment(0);
    }
}

/// What a feed counts. Always: messages = rejected + duplicates + ticks.
pub struct FeedCounters {
    /// Messages, once a lane that they feed.
    pub messages: Count,
    /// Messages whose trade was seen before.
    pub duplicates: Count,
    /// Those that came without a trade id: told apart by what they say, or not at all.
    pub without_id: Count,
    /// Messages that became ticks.
    pub ticks: Count,
    /// Messages that Redis delivered faster than they were taken; they are no `messages`.
    pub lagged: Count,
    /// Connections after the first.
    pub reconnects: Count,
    /// Jumps in the numbers of trades: at least one was missed at each.
    pub gaps: Count,
    /// Ticks that found their lane's queue full or closed, of all lanes.
    pub overflow: Count,
    rejected: [Count; Reason::ALL.len()],
    bad_numbers: [Count; Reason::ALL.len()],
    late_us_max: AtomicU64,
    newest_ms: AtomicI64,
    lanes: OnceLock<Vec<LaneOverflow>>,
    last_seen: Mutex<BTreeMap<String, LastSeen>>,
}

/// Overflow of one lane.
struct LaneOverflow {
    follow_key: String,
    count: AtomicU64,
}

/// A value that was found but is no tick: shown only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastSeen {
    /// The trade that the value tells of.
    pub tick: Tick,
    /// When it was read, milliseconds since the epoch.
    pub at_ms: i64,
}

impl Default for FeedCounters {
    fn default() -> Self {
        Self {
            messages: Count::new(),
            duplicates: Count::new(),
            without_id: Count::new(),
            ticks: Count::new(),
            lagged: Count::new(),
            reconnects: Count::new(),
            gaps: Count::new(),
            overflow: Count::new(),
            rejected: [const { Count::new() }; Reason::ALL.len()],
            bad_numbers: [const { Count::new() }; Reason::ALL.len()],
            late_us_max: AtomicU64::new(0),
            newest_ms: AtomicI64::new(0),
            lanes: OnceLock::new(),
            last_seen: Mutex::new(BTreeMap::new()),
        }
    }
}

impl FeedCounters {
    /// Registers every counter with the metrics recorder that is installed, so that each shows from the start.
    pub fn export(&self) {
        self.messages.export(metrics::counter!(MESSAGES_TOTAL));
        self.duplicates.export(metrics::counter!(DUPLICATES_TOTAL));
        self.without_id.export(metrics::counter!(WITHOUT_ID_TOTAL));
        self.ticks.export(metrics::counter!(TICKS_TOTAL));
        self.lagged.export(metrics::counter!(LAGGED_TOTAL));
        self.reconnects.export(metrics::counter!(RECONNECTS_TOTAL));
        self.gaps.export(metrics::counter!(GAPS_TOTAL));
        self.overflow.export(metrics::counter!(OVERFLOW_TOTAL));
        for reason in Reason::ALL {
            if reason.is_number_fault() {
                let counter = metrics::counter!(BAD_NUMBERS_TOTAL, "reason" => reason.name());
                self.bad_numbers[reason.index()].export(counter);
            } else {
                let counter = metrics::counter!(REJECTED_TOTAL, "reason" => reason.name());
                self.rejected[reason.index()].export(counter);
            }
        }
    }

    /// Messages rejected for that reason.
    #[must_use]
    pub fn rejected(&self, reason: Reason) -> u64 {
        self.rejected[reason.index()].get()
    }

    /// Ticks with a price or quantity that is none.
    #[must_use]
    pub fn bad_numbers(&self, reason: Reason) -> u64 {
        self.bad_numbers[reason.index()].get()
    }

    /// All counts at once.
    #[must_use]
    pub fn snapshot(&self) -> FeedSnapshot {
        let by_reason = |counts: &[Count]| -> BTreeMap<&'static str, u64> {
            Reason::ALL
                .iter()
                .map(|reason| (reason.name(), counts[reason.index()].get()))
                .filter(|(_, n)| *n > 0)
                .collect()
        };
        FeedSnapshot {
            messages: self.messages.get(),
            rejected: by_reason(&self.rejected),
            duplicates: self.duplicates.get(),
            ticks: self.ticks.get(),
            bad_numbers: by_reason(&self.bad_numbers),
            overflow: self.overflow.get(),
            overflow_by_lane: self.overflow_by_lane(),
            lagged: self.lagged.get(),
            reconnects: self.reconnects.get(),
            gaps: self.gaps.get(),
            late_us_max: self.late_us_max.load(Ordering::Relaxed),
        }
    }

    /// When the newest message that became a tick arrived, milliseconds since the epoch.
    #[must_use]
    pub fn newest_ms(&self) -> Option<i64> {
        Some(self.newest_ms.load(Ordering::Relaxed)).filter(|at_ms| *at_ms > 0)
    }

    /// The values that were found but are no ticks, by follow key.
    #[must_use]
    pub fn last_seen(&self) -> BTreeMap<String, LastSeen> {
        self.last_seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn show(&self, follow_key: &str, seen: LastSeen) {
        let mut shown = self.last_seen.lock().unwrap_or_else(PoisonError::into_inner);
        shown.insert(follow_key.to_owned(), seen);
    }

    /// Counts a rejection; gives how many there were of that reason before.
    pub(super) fn reject(&self, reason: Reason, deliveries: u64) -> u64 {
        self.rejected[reason.index()].add(deliveries)
    }

    /// Counts a bad number; gives how many there were of that reason before.
    pub(super) fn bad_number(&self, reason: Reason, deliveries: u64) -> u64 {
        self.bad_numbers[reason.index()].add(deliveries)
    }

    pub(super) fn ticked(&self, deliveries: u64, at_ms: i64) {
        self.ticks.add(deliveries);
        self.newest_ms.store(at_ms, Ordering::Relaxed);
    }

    pub(super) fn late(&self, microseconds: u64) {
        self.late_us_max.fetch_max(microseconds, Ordering::Relaxed);
    }

    /// Names the lanes, one follow key each, in the order in which [`Self::overflowed`] counts them.
    pub(super) fn set_lanes(&self, follow_keys: Vec<String>) {
        let lanes =
            follow_keys.into_iter().map(|follow_key| LaneOverflow { follow_key, count: AtomicU64::new(0) });
        // A second feed over the same counters keeps the first one's lanes; the total stays right.
        let _ = self.lanes.set(lanes.collect());
    }

    pub(super) fn overflowed(&self, lane: usize) {
        self.overflow.add(1);
        if let Some(lane) = self.lanes.get().and_then(|lanes| lanes.get(lane)) {
            lane.count.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn overflow_by_lane(&self) -> Vec<(String, u64)> {
        let lanes = self.lanes.get().map(Vec::as_slice).unwrap_or_default();
        lanes.iter().map(|lane| (lane.follow_key.clone(), lane.count.load(Ordering::Relaxed))).collect()
    }
}

/// The counts of one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FeedSnapshot {
    /// Messages, once a lane that they feed.
    pub messages: u64,
    /// Messages that are not used, by reason; reasons without any are left out.
    pub rejected: BTreeMap<&'static str, u64>,
    /// Messages whose trade was seen before.
    pub duplicates: u64,
    /// Messages that became ticks.
    pub ticks: u64,
    /// Ticks with a number that is none, by reason.
    pub bad_numbers: BTreeMap<&'static str, u64>,
    /// Ticks that found their lane's queue full.
    pub overflow: u64,
    /// The same lane by lane: follow key and count, routes and their lanes in the order given.
    pub overflow_by_lane: Vec<(String, u64)>,
    /// Messages that Redis delivered faster than they were taken.
    pub lagged: u64,
    /// Connections after the first.
    pub reconnects: u64,
    /// Jumps in the numbers of trades.
    pub gaps: u64,
    /// How late the latest trade of a tape was handed over, microseconds behind its planned moment.
    pub late_us_max: u64,
}

impl FeedSnapshot {
    /// Rejected for any reason.
    #[must_use]
    pub fn rejected_total(&self) -> u64 {
        self.rejected.values().sum()
    }

    /// Whether messages = rejected + duplicates + ticks.
    #[must_use]
    pub fn balances(&self) -> bool {
        self.messages == self.rejected_total() + self.duplicates + self.ticks
    }
}
