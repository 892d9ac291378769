//! How long to wait before a connection is tried again: full jitter, so that many do not come at once.

use std::time::Duration;

/// Waits between zero and a ceiling that doubles with every failure.
#[derive(Clone, Debug)]
pub struct Backoff {
    base: Duration,
    cap: Duration,
    failures: u32,
    seed: u64,
}

impl Backoff {
    /// The ceiling of the first wait, and the last one's. The seed only has to differ between those that
    /// wait for the same thing.
    #[must_use]
    pub const fn new(base: Duration, cap: Duration, seed: u64) -> Self {
        Self { base, cap, failures: 0, seed }
    }

    /// A venue connection's: between the failures that a restart makes and the ten seconds within which a
    /// mended venue is to be traded on again.
    #[must_use]
    pub const fn of_connection(seed: u64) -> Self {
        Self::new(Duration::from_millis(250), Duration::from_secs(8), seed)
    }

    /// It worked: the next failure is a first one.
    pub const fn reset(&mut self) {
        self.failures = 0;
    }

    /// The wait after one more failure.
    pub fn after_failure(&mut self) -> Duration {
        let ceiling = self.base.saturating_mul(2_u32.saturating_pow(self.failures)).min(self.cap);
        self.failures = self.failures.saturating_add(1);
        self.seed = self.seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let ceiling_us = u64::try_from(ceiling.as_micros()).unwrap_or(u64::MAX);
        Duration::from_micros(mix(self.seed) % ceiling_us.saturating_add(1))
    }
}

/// The finaliser of splitmix64: spreads a counter over all bits.
const fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fault B11.
    #[test]
    fn waits_spread_below_a_ceiling_that_grows_to_the_cap() {
        for failures in 0..12_u32 {
            let ceiling = Duration::from_millis(250 * 2_u64.pow(failures)).min(Duration::from_secs(8));
            let waits: Vec<Duration> = (0..200)
                .map(|seed| {
                    let mut backoff = Backoff::of_connection(seed);
                    (0..failures).for_each(|_| _ = backoff.after_failure());
                    backoff.after_failure()
                })
                .collect();
            assert!(waits.iter().all(|wait| *wait <= ceiling));
            assert!(waits.iter().any(|wait| *wait < ceiling / 4));
            assert!(waits.iter().any(|wait| *wait > ceiling / 4 * 3));
        }
    }
}
