//! Chance, seeded: one stream for each thing that needs some, so that leaving out a fault moves the others little.

use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};

/// A stream of chance.
#[derive(Clone, Debug)]
pub struct Dice(Xoshiro256PlusPlus);

impl Dice {
    /// The stream of that name under that seed.
    #[must_use]
    pub fn new(seed: u64, stream: u64) -> Self {
        Self(Xoshiro256PlusPlus::seed_from_u64(
            seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(31) ^ stream,
        ))
    }

    /// A number from `low` up to, not including, `high`; `low` where there is none.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        if low >= high { low } else { self.0.random_range(low..high) }
    }

    /// A whole number around zero, both bounds included.
    pub fn around(&mut self, most: i64) -> i64 {
        self.0.random_range(-most..=most)
    }

    /// True so many times in a thousand.
    pub fn thousandths(&mut self, of_1000: u32) -> bool {
        of_1000 > 0 && self.0.random_range(0..1_000) < of_1000
    }

    /// One of them.
    pub fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.0.random_range(0..of.len())]
    }

    /// A waiting time of that mean: mostly shorter, sometimes several times as long.
    pub fn wait(&mut self, mean: u64) -> u64 {
        let (a, b) = (self.between(1, 2 * mean.max(1)), self.between(1, 2 * mean.max(1)));
        if self.thousandths(100) { a + b } else { a.min(b) + a / 4 }
    }
}
