//! When each trade of a tape is due: an absolute schedule that never drifts, and how late it was kept.
//!
//! Shared by the tape feed, `replay` and the end-to-end benchmark: latencies count from the planned moment.

use std::str::FromStr;
use std::time::Duration;

use hdrhistogram::Histogram;
use pipeline::time::{Nanos, Now};

/// How fast a tape is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speed {
    /// Times the recorded speed; at least 1.
    Times(u32),
    /// As fast as it is taken.
    Max,
}

impl Speed {
    /// From a feed address: `None` is as fast as possible.
    #[must_use]
    pub fn from_option(speed: Option<u32>) -> Self {
        speed.map_or(Self::Max, |speed| Self::Times(speed.max(1)))
    }
}

impl FromStr for Speed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match (text, text.parse::<u32>()) {
            ("max", _) => Ok(Self::Max),
            (_, Ok(speed)) if speed > 0 => Ok(Self::Times(speed)),
            _ => Err(format!("want a whole number above zero or \"max\", got {text:?}")),
        }
    }
}

/// Maps the tape's clock to ours: due = start + (at - first) / speed.
#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    speed: Speed,
    start: Now,
    first_ns: Option<i64>,
}

impl Schedule {
    /// A schedule whose first trade is due at `start`.
    #[must_use]
    pub const fn new(speed: Speed, start: Now) -> Self {
        Self { speed, start, first_ns: None }
    }

    /// When a trade recorded at `at_ns` is due. A trade recorded before the first is due with it; as fast as
    /// possible means due now.
    pub fn plan(&mut self, at_ns: i64, now: Now) -> Now {
        let first = *self.first_ns.get_or_insert(at_ns);
        match self.speed {
            Speed::Max => now,
            Speed::Times(speed) => {
                let offset =
                    u64::try_from(at_ns.saturating_sub(first)).unwrap_or(0) / u64::from(speed.max(1));
                self.start.after(Duration::from_nanos(offset))
            }
        }
    }
}

/// How late planned moments were kept, in microseconds.
#[derive(Clone, Debug)]
pub struct Lateness {
    histogram: Histogram<u64>,
}

impl Default for Lateness {
    fn default() -> Self {
        let histogram =
            Histogram::new_with_max(3_600_000_000, 3).expect("three digits up to an hour is a valid range");
        Self { histogram }
    }
}

impl Lateness {
    /// Records one planned moment and when it was kept; gives the microseconds between, 0 if it was early.
    pub fn record(&mut self, planned: Nanos, kept: Nanos) -> u64 {
        let late = u64::try_from(kept.since(planned).as_micros()).unwrap_or(u64::MAX);
        self.histogram.saturating_record(late);
        late
    }

    /// The latest.
    #[must_use]
    pub fn max(&self) -> Duration {
        Duration::from_micros(self.histogram.max())
    }

    /// 99 % were at most that late.
    #[must_use]
    pub fn p99(&self) -> Duration {
        Duration::from_micros(self.histogram.value_at_quantile(0.99))
    }

    /// How many were recorded.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.histogram.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(mono_ns: u64) -> Now {
        Now::default().after(Duration::from_nanos(mono_ns))
    }

    #[test]
    fn the_plan_is_absolute() {
        let mut schedule = Schedule::new(Speed::Times(10), at(1_000_000));
        assert_eq!(schedule.plan(5_000, at(0)).mono, Nanos(1_000_000));
        // Whatever happened between, the offset is from the first trade, not from the last.
        assert_eq!(schedule.plan(5_000 + 70_000_000, at(900_000_000)).mono, Nanos(8_000_000));
        assert_eq!(schedule.plan(5_000 + 10_000_000_000, at(0)).wall_ms, 1_001);
        assert_eq!(schedule.plan(1, at(0)).mono, Nanos(1_000_000), "never before the start");
    }

    #[test]
    fn as_fast_as_possible_is_now() {
        let mut schedule = Schedule::new(Speed::Max, at(0));
        assert_eq!(schedule.plan(1, at(7)), at(7));
        assert_eq!(schedule.plan(1_000_000_000, at(8)), at(8));
    }

    #[test]
    fn speeds_are_read() {
        assert_eq!("max".parse(), Ok(Speed::Max));
        assert_eq!("10".parse(), Ok(Speed::Times(10)));
        for bad in ["0", "-1", "1.5", "", "fast"] {
            assert!(bad.parse::<Speed>().is_err(), "{bad}");
        }
    }

    #[test]
    fn lateness_keeps_the_worst() {
        let mut lateness = Lateness::default();
        lateness.record(Nanos(5_000_000), Nanos(1_000_000));
        assert_eq!(lateness.max(), Duration::ZERO, "early is not late");
        lateness.record(Nanos(0), Nanos(2_000_000));
        assert_eq!((lateness.count(), lateness.max().as_millis()), (2, 2));
    }
}
