//! The breaker of an address, and the budget of connections.

use std::time::Duration;

use pipeline::gateway::{BANNED_DEFAULT, Breaker, Connects, Errand, LIMITED_DEFAULT, Standing, WAIT_MAX};
use pipeline::time::Nanos;
use proptest::prelude::*;

const ALL: [Errand; 3] = [Errand::Place, Errand::Cancel, Errand::Ask];

fn at(ms: u64) -> Nanos {
    Nanos(ms * 1_000_000)
}

/// Fault O17. Promise P7.
#[test]
fn told_to_wait_only_a_few_cancels_leave() {
    let mut breaker = Breaker::default();
    breaker.handle_limited(None, at(1));
    let end = at(1) + LIMITED_DEFAULT;
    assert_eq!(breaker.standing(at(1)), Standing::Limited(end));
    for errand in [Errand::Place, Errand::Ask] {
        assert!(!breaker.admit(errand, at(60_000)));
        assert_eq!(breaker.from(errand, at(60_000)), end);
    }
    let cancels = (0..100).filter(|_| breaker.admit(Errand::Cancel, at(2))).count();
    assert!((1..20).contains(&cancels), "{cancels}");
    // Told again, it does not begin to count again.
    breaker.handle_limited(None, at(3));
    assert!(!breaker.admit(Errand::Cancel, at(4)));
}

/// Fault O18. Promise P7.
#[test]
fn banned_nothing_leaves_until_one_goes_ahead_and_is_served() {
    let mut breaker = Breaker::default();
    breaker.handle_banned(None, at(0));
    for errand in ALL {
        assert!(!breaker.admit(errand, Nanos(BANNED_DEFAULT.as_nanos() as u64 - 1)));
    }
    let over = at(0) + BANNED_DEFAULT;
    assert_eq!(breaker.standing(over), Standing::HalfOpen);
    assert!(breaker.admit(Errand::Ask, over));
    assert!(ALL.iter().all(|errand| !breaker.admit(*errand, over)), "one goes ahead");
    breaker.handle_served(over);
    assert!(ALL.iter().all(|errand| breaker.admit(*errand, over)));
}

#[test]
fn who_goes_ahead_and_is_not_heard_of_again_is_followed_by_another() {
    let mut breaker = Breaker::default();
    breaker.handle_banned(Some(Duration::from_secs(1)), at(0));
    assert!(breaker.admit(Errand::Ask, at(1_000)));
    let next = breaker.from(Errand::Ask, at(1_001));
    assert!(next > at(1_001) && !breaker.admit(Errand::Ask, Nanos(next.0 - 1)));
    assert!(breaker.admit(Errand::Ask, next));
}

#[test]
fn who_goes_ahead_and_is_refused_makes_the_others_wait_on() {
    let mut breaker = Breaker::default();
    breaker.handle_limited(Some(Duration::from_secs(1)), at(0));
    assert!(breaker.admit(Errand::Ask, at(1_000)));
    breaker.handle_limited(Some(Duration::from_secs(5)), at(1_001));
    assert!(!breaker.admit(Errand::Ask, at(6_000)));
    assert!(breaker.admit(Errand::Ask, at(6_001)));
}

#[test]
fn a_late_answer_to_an_older_request_ends_no_wait() {
    let mut breaker = Breaker::default();
    breaker.handle_banned(Some(Duration::from_secs(10)), at(0));
    breaker.handle_served(at(1));
    breaker.handle_limited(Some(Duration::from_secs(1)), at(1));
    assert_eq!(breaker.standing(at(9_999)), Standing::Banned(at(10_000)));
    breaker.handle_served(at(10_001));
    assert_eq!(breaker.standing(at(10_001)), Standing::HalfOpen, "nobody went ahead yet");
}

#[test]
fn no_wait_is_shorter_than_a_second_or_longer_than_three_days() {
    assert_eq!(WAIT_MAX, Duration::from_secs(72 * 3_600));
    for (said, meant) in [
        (Duration::ZERO, Duration::from_secs(1)),
        (Duration::from_secs(1_000_000_000), WAIT_MAX),
        (Duration::MAX, WAIT_MAX),
    ] {
        let mut breaker = Breaker::default();
        breaker.handle_banned(Some(said), at(0));
        assert_eq!(breaker.standing(at(0)), Standing::Banned(at(0) + meant));
    }
}

/// Both kinds are counted, and being served forgets neither.
#[test]
fn what_the_venue_said_is_counted() {
    let mut breaker = Breaker::default();
    for _ in 0..3 {
        breaker.handle_limited(Some(Duration::from_secs(1)), at(0));
    }
    for _ in 0..2 {
        breaker.handle_banned(Some(Duration::from_secs(1)), at(0));
    }
    assert_eq!(breaker.counts(), [3, 2]);
    assert!(breaker.admit(Errand::Ask, at(1_000)));
    breaker.handle_served(at(1_000));
    assert_eq!((breaker.counts(), breaker.standing(at(1_000))), ([3, 2], Standing::Open));
}

/// Told to wait twice is not a ban, and after a ban is over the venue may only ask to wait.
#[test]
fn a_wait_is_a_ban_only_while_one_lasts() {
    let mut breaker = Breaker::default();
    breaker.handle_limited(Some(Duration::from_secs(5)), at(0));
    breaker.handle_limited(Some(Duration::from_secs(5)), at(1));
    assert_eq!(breaker.standing(at(1)), Standing::Limited(at(5_001)));
    assert!(breaker.admit(Errand::Cancel, at(1)));
    let mut breaker = Breaker::default();
    breaker.handle_banned(Some(Duration::from_secs(5)), at(0));
    breaker.handle_limited(Some(Duration::from_secs(5)), at(4_999));
    assert_eq!(breaker.standing(at(5_000)), Standing::Banned(at(9_999)));
    breaker.handle_limited(Some(Duration::from_secs(5)), at(9_999));
    assert_eq!(breaker.standing(at(9_999)), Standing::Limited(at(14_999)));
    assert!(breaker.admit(Errand::Cancel, at(10_000)), "a new wait has cancels of its own");
}

/// What may happen to an address.
#[derive(Clone, Copy, Debug)]
enum Step {
    Send(Errand),
    Limited(u64),
    Banned(u64),
    Served,
    Pass(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => prop::sample::select(ALL.to_vec()).prop_map(Step::Send),
        1 => (0_u64..5_000).prop_map(Step::Limited),
        1 => (0_u64..20_000).prop_map(Step::Banned),
        3 => Just(Step::Served),
        4 => (0_u64..4_000).prop_map(Step::Pass),
    ]
}

proptest! {
    #![proptest_config(crate::support::cases(2_000))]

    /// Promise P7: whatever happens, nothing leaves during a ban and no order or question while told to wait, and the
    /// moment that is named is never too late.
    #[test]
    fn nothing_leaves_that_the_venue_does_not_want(steps in prop::collection::vec(step(), 1..120)) {
        let (mut breaker, mut now) = (Breaker::default(), 1_000_u64);
        let (mut waits_until, mut banned_until) = (0, 0);
        for step in steps {
            match step {
                Step::Pass(ms) => now += ms,
                Step::Served => breaker.handle_served(at(now)),
                Step::Limited(ms) => {
                    breaker.handle_limited(Some(Duration::from_millis(ms)), at(now));
                    waits_until = waits_until.max(now + ms.max(1_000));
                }
                Step::Banned(ms) => {
                    breaker.handle_banned(Some(Duration::from_millis(ms)), at(now));
                    banned_until = banned_until.max(now + ms.max(1_000));
                    waits_until = waits_until.max(banned_until);
                }
                Step::Send(errand) => {
                    let from = breaker.from(errand, at(now));
                    let left = breaker.admit(errand, at(now));
                    prop_assert_eq!(left, from <= at(now));
                    prop_assert!(!left || now >= banned_until, "{errand:?} left during a ban");
                    prop_assert!(!left || now >= waits_until || errand == Errand::Cancel);
                }
            }
        }
    }

    /// Fault B11: whoever asks as often as it likes makes one connection a second and 60 in five minutes.
    #[test]
    fn connections_are_bounded_in_every_window(asks in prop::collection::vec(0_u64..9_000, 1..300)) {
        let (mut connects, mut now, mut begun) = (Connects::of_stream(), 0_u64, Vec::new());
        for after in asks {
            now += after;
            if connects.from(at(now)) <= at(now) {
                connects.begin(at(now));
                begun.push(now);
            }
            let window = begun.iter().filter(|begun| now - **begun < 300_000).count();
            prop_assert_eq!(connects.in_window(at(now)), window);
            prop_assert!(window <= 60);
        }
        prop_assert!(begun.windows(2).all(|pair| pair[1] - pair[0] >= 1_000));
    }
}
