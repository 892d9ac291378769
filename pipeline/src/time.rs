//! Time as an argument.

use std::ops::{Add, Sub};
use std::time::Duration;

/// A moment of the monotonic clock: nanoseconds since the process (or the simulation) began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Nanos(pub u64);

impl Nanos {
    /// The time since an earlier moment; zero if it is not earlier.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Nanos {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)))
    }
}

impl Sub<Duration> for Nanos {
    type Output = Self;

    fn sub(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)))
    }
}

/// One reading of both clocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// The monotonic clock: deadlines and ages.
    pub mono: Nanos,
    /// The wall clock, whole milliseconds since the epoch: event times and minutes.
    pub wall_ms: i64,
}

impl Now {
    /// The reading that `duration` later would give.
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        Self {
            mono: self.mono + duration,
            wall_ms: self.wall_ms.saturating_add(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)),
        }
    }
}
