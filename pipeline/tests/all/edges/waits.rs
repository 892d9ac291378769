//! Moments.

use std::time::Duration;

use pipeline::clock_gate::{ClockGate, ClockTrouble};
use pipeline::time::{Nanos, Now};

const WALL_MS: i64 = 1_700_000_000_000;

fn at(ms: u64) -> Now {
    Now { mono: Nanos(ms * 1_000_000), wall_ms: WALL_MS + i64::try_from(ms).unwrap() }
}

/// A wall clock that moves by exactly a quarter of a second may have been slewed; by more, it was set.
#[test]
fn a_quarter_of_a_second_is_no_step() {
    for (step_ms, verdict) in [(250, Ok(())), (-250, Ok(())), (251, Err(ClockTrouble::Stepped))] {
        let mut gate = ClockGate::default();
        gate.handle_measured(0, Duration::from_millis(2), at(0));
        let now = Now { wall_ms: at(1_000).wall_ms + step_ms, ..at(1_000) };
        gate.handle_turn(now);
        assert_eq!(gate.verdict(now), verdict, "{step_ms}");
    }
}

/// An offset that the uncertainties of both measurements explain together is no news; one beyond is.
#[test]
fn a_clock_has_moved_only_beyond_what_is_uncertain() {
    for (offset_ms, says_more) in [(350, false), (351, true), (-350, false), (-351, true)] {
        let mut gate = ClockGate::default();
        // 50 ms uncertain, and no time passes: the second is uncertain by 300.
        gate.handle_measured(0, Duration::from_millis(100), at(0));
        assert_eq!(
            gate.handle_measured(offset_ms, Duration::from_millis(600), at(0)),
            says_more,
            "{offset_ms}"
        );
    }
}
