//! The clock's part of an epoch.

use schemas::ids::Epoch;

/// The beginning of 2026, in milliseconds since the Unix epoch.
const ZERO_MS: i64 = 1_767_225_600_000;
const STEP_MS: i64 = 250;

/// The epoch of a moment: quarter seconds since the beginning of 2026. It grows without anything to store; six
/// base-36 digits last until 2043.
#[must_use]
pub fn epoch_at(wall_ms: i64) -> Epoch {
    let steps = wall_ms.saturating_sub(ZERO_MS).max(0) / STEP_MS;
    Epoch::new(u32::try_from(steps).unwrap_or(Epoch::MAX))
}

/// The epoch of a new owner: the clock's, but later than the one before it, whatever the clocks say.
#[must_use]
pub fn epoch_after(before: Option<Epoch>, wall_ms: i64) -> Epoch {
    let clock = epoch_at(wall_ms);
    before.map_or(clock, |before| Epoch::new(clock.number().max(before.number().saturating_add(1))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_is_a_quarter_second_and_stays_within_its_digits() {
        let numbers = [i64::MIN, 0, ZERO_MS, ZERO_MS + 249, ZERO_MS + 250, ZERO_MS + 60_000]
            .map(|wall_ms| epoch_at(wall_ms).number());
        assert_eq!(numbers, [0, 0, 0, 0, 1, 240]);
        assert_eq!(epoch_at(i64::MAX).number(), Epoch::MAX);
    }

    #[test]
    fn an_epoch_is_later_than_the_one_before_it() {
        let now = epoch_at(ZERO_MS + 10_000);
        assert_eq!(epoch_after(None, ZERO_MS + 10_000), now);
        assert_eq!(epoch_after(Some(Epoch::new(7)), ZERO_MS + 10_000), now);
        assert_eq!(epoch_after(Some(Epoch::new(40)), ZERO_MS + 10_000), Epoch::new(41));
    }
}
