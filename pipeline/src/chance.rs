//! Chance as an argument: the draw of a pair is a function of (Seed, Maker Symbol, pairs decided before).

use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};
use schemas::ids::symbol_hash;
use schemas::order::Side;
use schemas::units::Decimal;

/// What chance decides for one pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Draw {
    /// Uniform over 0.99950, 0.99951 ... 1.00049.
    pub coefficient: Decimal,
    /// BUY or SELL alike.
    pub maker_side: Side,
}

/// The source of one instrument's draws.
#[derive(Clone, Copy, Debug)]
pub struct Chance {
    key: u64,
}

impl Chance {
    /// The draws of `maker_symbol` under `seed`.
    #[must_use]
    pub fn new(seed: u64, maker_symbol: &str) -> Self {
        Self { key: seed.rotate_left(32) ^ symbol_hash(maker_symbol) }
    }

    /// The draw of the pair that `pairs_before` pairs were decided before.
    #[must_use]
    pub fn draw(&self, pairs_before: u64) -> Draw {
        let state = self.key.wrapping_add(pairs_before.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(state);
        let hundred_thousandths: u32 = rng.random_range(99_950..=100_049);
        Draw {
            coefficient: Decimal::new(i128::from(hundred_thousandths), 5),
            maker_side: if rng.random::<bool>() { Side::Buy } else { Side::Sell },
        }
    }
}
