//! Epochs from the wall clock: they grow with every start without anything to store.

use schemas::ids::Epoch;

/// Epochs count quarter seconds since the beginning of 2026.
const ZERO_MS: i64 = 1_767_225_600_000;
const STEP_MS: i64 = 250;

/// The epoch of a moment of the wall clock, milliseconds since 1970.
#[must_use]
pub fn epoch_at(wall_ms: i64) -> Epoch {
    let since = (wall_ms - ZERO_MS).max(0) / STEP_MS;
    Epoch::new(u32::try_from(since).unwrap_or(Epoch::MAX))
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
    fn an_epoch_is_later_than_the_one_before_it() {
        let now = epoch_at(ZERO_MS + 10_000);
        assert_eq!(now.number(), 40);
        assert_eq!(epoch_at(0).number(), 0);
        assert_eq!(epoch_after(None, ZERO_MS + 10_000), now);
        assert_eq!(epoch_after(Some(Epoch::new(7)), ZERO_MS + 10_000), now);
        assert_eq!(epoch_after(Some(Epoch::new(40)), ZERO_MS + 10_000), Epoch::new(41));
    }
}
