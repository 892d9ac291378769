//! The clock's gate: what shuts it, and what opens it again.

use std::time::Duration;

use pipeline::clock_gate::{ClockGate, ClockTrouble};
use pipeline::time::{Nanos, Now};

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
    assert!(gate.handle_measured(5_000, Duration::from_secs(3), at(60_000)), "no round trip explains that");
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
