//! The rate against a plain count of every window.

use pipeline::gateway::Gcra;
use pipeline::time::Nanos;
use proptest::prelude::*;

const SECOND: u64 = 1_000_000_000;

/// Promise P5: whatever the times and sizes of what wants to leave, no window holds more than the burst and what the
/// rate gives in it.
fn holds_in_every_window(rate: u32, sharers: u32, wanted: &[(u64, u64)]) -> Result<(), TestCaseError> {
    let mut gcra = Gcra::new(rate, sharers, 2);
    let mut left: Vec<u64> = Vec::new();
    let mut now = 5 * SECOND;
    for (after, count) in wanted {
        now += after;
        let count = (*count).min(gcra.burst());
        if gcra.allows(count, Nanos(now)) {
            gcra.spend(count, Nanos(now));
            left.extend((0..count).map(|_| now));
        }
    }
    for (first, from) in left.iter().enumerate() {
        for (last, to) in left.iter().enumerate().skip(first) {
            let held = u64::try_from(last - first + 1).unwrap();
            let given = u128::from(to - from) * u128::from(rate) / u128::from(SECOND * u64::from(sharers));
            let most = u128::from(gcra.burst()) + given;
            prop_assert!(u128::from(held) <= most, "{held} within {} ns, at most {most}", to - from);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(crate::support::cases(2_000))]

    #[test]
    fn no_window_holds_more_than_burst_and_rate(
        rate in 1_u32..200,
        sharers in 1_u32..6,
        wanted in prop::collection::vec((0..SECOND / 4, 1_u64..5), 1..80),
    ) {
        holds_in_every_window(rate, sharers, &wanted)?;
    }

    /// What is not allowed is allowed at the moment that is named, and not a nanosecond before.
    #[test]
    fn the_moment_that_is_named_is_the_first(rate in 1_u32..1_000, spent in 1_u64..50, count in 1_u64..4) {
        let mut gcra = Gcra::new(rate, 1, 2);
        gcra.spend(spent, Nanos(SECOND));
        let count = count.min(gcra.burst());
        let from = gcra.from(count);
        prop_assert!(gcra.allows(count, from));
        prop_assert!(from.0 == 0 || !gcra.allows(count, Nanos(from.0 - 1)));
        prop_assert_eq!(gcra.from(gcra.burst() + 1), Nanos(u64::MAX), "more than ever fit");
    }

    /// Nothing is withheld either: who asks all the time gets the rate.
    #[test]
    fn in_the_long_run_the_rate_is_reached(rate in 1_u32..500) {
        let mut gcra = Gcra::new(rate, 1, 2);
        let mut left = 0_u64;
        for ms in 0..20_000_u64 {
            let now = Nanos(SECOND + ms * 1_000_000);
            while gcra.allows(1, now) {
                gcra.spend(1, now);
                left += 1;
            }
        }
        prop_assert!(left >= 19 * u64::from(rate), "{left} in 20 s at {rate} a second");
    }
}
