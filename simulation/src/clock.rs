//! One process's clocks: they may be stepped and run at another rate than the true one.

use pipeline::time::{Nanos, Now};

use crate::{MS, wall_ms};

const MILLION: i128 = 1_000_000;

/// Both clocks of a process, as a function of the true time.
#[derive(Clone, Debug)]
pub struct LocalClock {
    /// The true moment since which the rate holds, and what the monotonic clock showed then.
    anchor: (u64, u64),
    rate_ppm: i128,
    /// What the wall clock is ahead, milliseconds.
    step_ms: i64,
}

impl LocalClock {
    /// A clock whose monotonic side begins at zero now.
    #[must_use]
    pub const fn start(at: u64) -> Self {
        Self { anchor: (at, 0), rate_ppm: 0, step_ms: 0 }
    }

    /// Both clocks at a true moment.
    #[must_use]
    pub fn now(&self, at: u64) -> Now {
        let mono = self.mono(at);
        let drift_ns = i128::from(mono) - i128::from(self.anchor.1) - i128::from(at - self.anchor.0);
        let drift_ms = i64::try_from(drift_ns / i128::from(MS)).unwrap_or(0);
        Now { mono: Nanos(mono), wall_ms: wall_ms(at) + self.step_ms + drift_ms }
    }

    /// The first true moment at which the monotonic clock shows at least that.
    #[must_use]
    pub fn when(&self, mono: Nanos) -> u64 {
        let ahead = i128::from(mono.0.saturating_sub(self.anchor.1));
        let took = (ahead * MILLION + self.rate_ppm + MILLION - 1) / (MILLION + self.rate_ppm);
        self.anchor.0.saturating_add(u64::try_from(took).unwrap_or(u64::MAX / 4))
    }

    /// From now on it gains so many millionths.
    pub fn set_rate(&mut self, rate_ppm: i64, at: u64) {
        self.anchor = (at, self.mono(at));
        self.rate_ppm = i128::from(rate_ppm);
    }

    /// The wall clock is so much ahead from now on.
    pub const fn set_step(&mut self, step_ms: i64) {
        self.step_ms = step_ms;
    }

    fn mono(&self, at: u64) -> u64 {
        let passed = i128::from(at.saturating_sub(self.anchor.0));
        self.anchor.1 + u64::try_from(passed * (MILLION + self.rate_ppm) / MILLION).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SEC;

    #[test]
    fn a_clock_that_runs_fast_shows_a_moment_when_it_says_so() {
        let mut clock = LocalClock::start(5 * SEC);
        clock.set_rate(20_000, 10 * SEC);
        let at = clock.when(Nanos(9 * SEC));
        assert!(clock.now(at).mono >= Nanos(9 * SEC) && clock.now(at - 2).mono < Nanos(9 * SEC));
        assert_eq!(clock.now(60 * SEC).wall_ms - wall_ms(60 * SEC), 1_000);
        clock.set_rate(0, 60 * SEC);
        clock.set_step(-250);
        assert_eq!(clock.now(61 * SEC).wall_ms - wall_ms(61 * SEC), -250, "put right, then stepped");
    }
}
