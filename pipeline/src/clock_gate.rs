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

#[cfg(test)]
mod tests {
    use super::*;

    const WALL: i64 = 1_700_000_000_000;

    fn at(ms: u64) -> Now {
        Now { mono: Nanos(ms * 1_000_000), wall_ms: WALL + i64::try_from(ms).unwrap() }
    }

    fn measured(offset_ms: i64, round_trip_ms: u64) -> ClockGate {
        let mut gate = ClockGate::default();
        gate.handle_measured(offset_ms, Duration::from_millis(round_trip_ms), at(0));
        gate
    }

    /// Promise P25.
    /// Fault C1, C2.
    #[test]
    fn an_offset_beyond_a_second_or_an_uncertainty_beyond_half_of_one_shuts_the_gate() {
        assert_eq!(ClockGate::default().verdict(at(0)), Err(ClockTrouble::NotMeasured));
        assert_eq!(measured(1_000, 2).verdict(at(0)), Ok(()));
        assert_eq!(measured(-1_000, 2).verdict(at(0)), Ok(()));
        assert_eq!(measured(1_001, 2).verdict(at(0)), Err(ClockTrouble::Offset(1_001)));
        assert_eq!(measured(-3_600_000, 2).verdict(at(0)), Err(ClockTrouble::Offset(-3_600_000)));
        assert_eq!(measured(0, 1_000).verdict(at(0)), Ok(()));
        assert_eq!(measured(0, 1_002).verdict(at(0)), Err(ClockTrouble::Unsure(501)));
    }

    /// Fault C2.
    #[test]
    fn measurements_that_stop_coming_are_noticed() {
        let gate = measured(0, 20);
        assert_eq!(gate.verdict(at(90_000)), Ok(()), "three measurements may fail");
        assert!(matches!(gate.verdict(at(120_000)), Err(ClockTrouble::Aged(_))));
    }

    /// Fault C2.
    #[test]
    fn a_late_answer_says_less_than_an_earlier_quick_one_unless_the_clock_moved() {
        let mut gate = measured(10, 20);
        assert!(!gate.handle_measured(700, Duration::from_secs(3), at(30_000)));
        assert_eq!(gate.offset(at(30_000)).map(|(offset, _)| offset), Some(10));
        assert!(
            gate.handle_measured(5_000, Duration::from_secs(3), at(60_000)),
            "no round trip explains that"
        );
        assert!(gate.verdict(at(60_000)).is_err());
    }

    /// Fault C1, C3.
    #[test]
    fn a_wall_clock_that_is_set_shuts_the_gate_until_the_next_measurement() {
        for step in [-3_600_000, -300, 300, 3_600_000] {
            let mut gate = measured(0, 2);
            gate.handle_turn(at(1_000));
            assert_eq!(gate.verdict(at(1_000)), Ok(()));
            let mut now = at(1_250);
            now.wall_ms += step;
            gate.handle_turn(now);
            assert_eq!(gate.verdict(now), Err(ClockTrouble::Stepped), "{step}");
            gate.handle_measured(-step.signum() * 10, Duration::from_millis(2), now);
            assert_eq!(gate.verdict(now), Ok(()), "{step}");
        }
    }

    #[test]
    fn a_clock_that_is_slewed_is_not_one_that_was_set() {
        let mut gate = measured(0, 2);
        for turn in 1..=400 {
            let mut now = at(turn * 250);
            now.wall_ms += i64::try_from(turn).unwrap();
            gate.handle_turn(now);
            gate.handle_measured(0, Duration::from_millis(2), now);
            assert_eq!(gate.verdict(now), Ok(()));
        }
    }
}
