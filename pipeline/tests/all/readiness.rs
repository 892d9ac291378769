//! The steps that are passed before an instrument trades.

use std::borrow::Cow;
use std::time::Duration;

use pipeline::readiness::{Facts, Readiness, Step};
use pipeline::time::Nanos;

fn at(seconds: u64) -> Nanos {
    Nanos(seconds * 1_000_000_000)
}

fn blocks(steps: &[Step]) -> Facts {
    Step::ALL.map(|step| steps.contains(&step).then(|| Cow::Owned(format!("no {}", step.name()))))
}

/// Promise P15.
#[test]
fn the_first_step_that_is_not_passed_is_named_with_its_reason() {
    for (place, step) in Step::ALL.into_iter().enumerate() {
        let mut gate = Readiness::new(at(0));
        let blocked = gate.handle(&blocks(&Step::ALL[place..]), at(1)).unwrap();
        assert_eq!((blocked.step, blocked.why.as_ref()), (step, format!("no {}", step.name()).as_str()));
        assert!(!gate.is_passed());
    }
}

#[test]
fn a_step_counts_from_when_it_is_reached_and_is_overdue_once() {
    let mut gate = Readiness::new(at(0));
    gate.handle(&blocks(&[Step::Sweep]), at(1));
    let blocked = gate.handle(&blocks(&[Step::Book]), at(9)).unwrap();
    assert_eq!((blocked.since, blocked.overdue), (Duration::ZERO, false));
    assert!(!gate.poll_overdue(&blocked));
    let blocked = gate.handle(&blocks(&[Step::Book]), at(20)).unwrap();
    assert_eq!((blocked.since, blocked.overdue), (Duration::from_secs(11), true));
    assert!(gate.poll_overdue(&blocked) && !gate.poll_overdue(&blocked));
}

#[test]
fn what_is_through_stays_through_until_the_next_term() {
    let mut gate = Readiness::new(at(0));
    gate.begin(7, at(0), at(0));
    assert_eq!(gate.handle(&blocks(&[]), at(1)), None);
    assert_eq!(gate.handle(&blocks(&[Step::Book]), at(2)), None, "a book may be fetched anew");
    gate.begin(7, at(3), at(3));
    assert!(gate.is_passed());
    gate.begin(8, at(4), at(4));
    assert!(gate.handle(&blocks(&[Step::Book]), at(5)).is_some());
    gate.begin(9, at(6), at(6));
    let blocked = gate.handle(&blocks(&[Step::Book]), at(7)).unwrap();
    assert_eq!(blocked.since, Duration::from_secs(2), "an epoch that grows on the way begins nothing anew");
}

#[test]
fn what_an_owner_before_takes_is_not_waited_for() {
    let mut gate = Readiness::new(at(0));
    gate.begin(7, at(20), at(5));
    for now in [6, 20] {
        let blocked = gate.handle(&blocks(&[Step::Sweep]), at(now)).unwrap();
        assert_eq!((blocked.since, blocked.overdue), (Duration::ZERO, false), "{now} s");
    }
    let blocked = gate.handle(&blocks(&[Step::Sweep]), at(31)).unwrap();
    assert_eq!((blocked.since, blocked.overdue), (Duration::from_secs(11), true));
}

/// Ten seconds for most steps, fifteen for what the venue is asked for up to ten, thirty for a pair.
#[test]
fn each_step_has_its_deadline_to_the_end() {
    for step in Step::ALL {
        let deadline = match step {
            Step::Filters | Step::Clock | Step::Sweep | Step::Book => 10,
            Step::Journal => 15,
            Step::Probe => 30,
        };
        let mut gate = Readiness::new(at(0));
        gate.handle(&blocks(&[step]), at(1));
        for (seconds, overdue) in [(deadline, false), (deadline + 1, true)] {
            let blocked = gate.handle(&blocks(&[step]), at(1 + seconds)).unwrap();
            assert_eq!((blocked.step, blocked.overdue), (step, overdue), "{seconds} s");
        }
    }
}
