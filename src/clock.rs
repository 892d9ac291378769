//! The only place that reads the clocks.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use pipeline::time::{Nanos, Now};

/// Both clocks, read together.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    started: Instant,
}

impl Clock {
    /// A clock whose monotonic side begins at zero now.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the place")]
    pub fn start() -> Self {
        Self { started: Instant::now() }
    }

    /// The present moment.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the place")]
    pub fn now(&self) -> Now {
        let mono = u64::try_from(Instant::now().duration_since(self.started).as_nanos()).unwrap_or(u64::MAX);
        Now { mono: Nanos(mono), wall_ms: wall_ms() }
    }

    /// The monotonic moment as the runtime's timers want it.
    #[must_use]
    pub fn instant(&self, at: Nanos) -> tokio::time::Instant {
        tokio::time::Instant::from_std(self.started + Duration::from_nanos(at.0))
    }
}

/// The wall clock, whole milliseconds since the epoch.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the place")]
pub fn wall_ms() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// The wall clock, nanoseconds since the epoch: what two processes of one host can compare.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the place")]
pub fn wall_ns() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}
