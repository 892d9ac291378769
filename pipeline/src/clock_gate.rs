//! Whether it is known well enough what time it is at a venue: an order carries its own deadline by the venue's clock,
//! and the age of a tick is judged by ours. Pure.
//!
//! A measurement is right to half its round trip, and less so with each second since; a wall clock that jumps away from
//! the monotonic one says that no measurement holds any more.

use std::time::Duration;

use crate::time::{Nanos, Now};

/// The most that the offset may be uncertain by.
pub const UNSURE_MAX: Duration = Duration::from_millis(500);
/// The most that the clocks may lie apart.
pub const OFFSET_MS_MAX: u64 = 1_000;
/// How fast the uncertainty grows with age, microseconds a second: far more than a clock drifts that is kept in step,
/// so that measurements that stop coming are noticed within two minutes.
const GROWTH_US: u64 = 5_000;
/// A wall clock that moves this far against the monotonic one was set.
const STEP_MS: u64 = 250;

/// What is known of a venue's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct ClockGate {
    measured: Option<Measured>,
    /// Wall clock minus monotonic clock as last seen, milliseconds.
    apart_ms: Option<i64>,
    stepped: bool,
}

#[derive(Clone, Copy, Debug)]
struct Measured {
    offset_ms: i64,
    uncertain: Duration,
    at: Nanos,
}

/// Why it is not known well enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClockTrouble {
    /// Not one measurement yet.
    #[error("the venue's clock was not measured yet")]
    NotMeasured,
    /// The clocks lie too far apart: milliseconds to add to ours.
    #[error("the venue's clock is {0} ms from ours (at most 1000)")]
    Offset(i64),
    /// How far apart they lie is too uncertain.
    #[error("the venue's clock is known to {0} ms only (at most 500)")]
    Unsure(u64),
    /// It was not measured for so long that how far apart they lie is too uncertain: milliseconds.
    #[error("the venue's clock was not measured for long and is known to {0} ms only (at most 500)")]
    Aged(u64),
    /// Our clock was set since the last measurement.
    #[error("our clock was set; the venue's is measured anew")]
    Stepped,
}

impl ClockGate {
    /// Takes a measurement in; whether it says more than what was known. It is taken at `now`.
    pub fn handle_measured(&mut self, offset_ms: i64, round_trip: Duration, now: Now) -> bool {
        self.handle_turn(now);
        let new = Measured { offset_ms, uncertain: round_trip / 2, at: now.mono };
        let better = self.measured.is_none_or(|old| {
            let known = old.uncertainty(now.mono);
            let moved = Duration::from_millis(old.offset_ms.abs_diff(offset_ms));
            new.uncertain <= known || moved > known + new.uncertain
        });
        if better || self.stepped {
            self.measured = Some(new);
            self.stepped = false;
        }
        better
    }

    /// Looks at our own clocks: whether the wall clock was set.
    pub fn handle_turn(&mut self, now: Now) {
        let apart_ms = now.wall_ms.saturating_sub(i64::try_from(now.mono.0 / 1_000_000).unwrap_or(i64::MAX));
        let moved = self.apart_ms.is_some_and(|before| before.abs_diff(apart_ms) > STEP_MS);
        self.stepped |= moved;
        // A clock that is slewed moves little by little: what is compared with moves along.
        self.apart_ms = Some(apart_ms);
    }

    /// What to add to our clock to have the venue's, milliseconds, and how uncertain that is.
    #[must_use]
    pub fn offset(&self, now: Now) -> Option<(i64, Duration)> {
        self.measured.map(|measured| (measured.offset_ms, measured.uncertainty(now.mono)))
    }

    /// Whether orders may leave.
    ///
    /// # Errors
    /// [`ClockTrouble`]: why not.
    pub fn verdict(&self, now: Now) -> Result<(), ClockTrouble> {
        let (offset_ms, uncertain) = self.offset(now).ok_or(ClockTrouble::NotMeasured)?;
        if self.stepped {
            return Err(ClockTrouble::Stepped);
        }
        if uncertain > UNSURE_MAX {
            let millis = u64::try_from(uncertain.as_millis()).unwrap_or(u64::MAX);
            let aged = self.measured.is_some_and(|measured| measured.uncertain <= UNSURE_MAX);
            return Err(if aged { ClockTrouble::Aged(millis) } else { ClockTrouble::Unsure(millis) });
        }
        if offset_ms.unsigned_abs() > OFFSET_MS_MAX { Err(ClockTrouble::Offset(offset_ms)) } else { Ok(()) }
    }
}

impl Measured {
    fn uncertainty(&self, now: Nanos) -> Duration {
        let age = now.since(self.at);
        let grown = u64::try_from(age.as_millis()).unwrap_or(u64::MAX).saturating_mul(GROWTH_US) / 1_000;
        self.uncertain + Duration::from_micros(grown)
    }
}
