//! The only place that reads the clocks.

use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use pipeline::time::{Nanos, Now};

/// Both clocks, read together. The monotonic one counts on while the machine is suspended (CLOCK_BOOTTIME): what
/// was proved before a suspend is old after it.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    started_ns: u64,
}

impl Clock {
    /// A clock whose monotonic side begins at zero now.
    #[must_use]
    pub fn start() -> Self {
        Self { started_ns: boot_ns() }
    }

    /// The process's own clock, whose monotonic side is zero when it is first asked for: what one part tells another
    /// can compare.
    #[must_use]
    pub fn of_process() -> Self {
        static STARTED_NS: OnceLock<u64> = OnceLock::new();
        Self { started_ns: *STARTED_NS.get_or_init(boot_ns) }
    }

    /// The present moment.
    #[must_use]
    pub fn now(&self) -> Now {
        Now { mono: Nanos(boot_ns().saturating_sub(self.started_ns)), wall_ms: wall_ms() }
    }

    /// The monotonic moment as the runtime's timers want it.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the place")]
    pub fn instant(&self, at: Nanos) -> tokio::time::Instant {
        let ahead = (self.started_ns + at.0).saturating_sub(boot_ns());
        tokio::time::Instant::from_std(Instant::now() + Duration::from_nanos(ahead))
    }
}

/// Nanoseconds since the machine started, suspended or not.
fn boot_ns() -> u64 {
    let at = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    let whole = u64::try_from(at.tv_sec).unwrap_or(0).saturating_mul(1_000_000_000);
    whole.saturating_add(u64::try_from(at.tv_nsec).unwrap_or(0))
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
