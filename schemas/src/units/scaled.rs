//! Prices in ticks, quantities in lots, amounts in tick-lots: integers that cannot be mixed up.

use std::fmt;

use super::decimal::Decimal;
use super::ratio::Rounding;

macro_rules! scaled_unit {
    ($name:ident, $step:literal, $doc:literal) => {
        #[doc = $doc]
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(i128);

        impl $name {
            /// Zero.
            pub const ZERO: Self = Self(0);

            #[doc = concat!("A number of ", $step, "s.")]
            #[must_use]
            pub const fn from_steps(steps: i128) -> Self {
                Self(steps)
            }

            #[doc = concat!("How many ", $step, "s.")]
            #[must_use]
            pub const fn steps(self) -> i128 {
                self.0
            }

            #[doc = concat!("Reads a number into ", $step, "s of `10^-decimals`, rounded once; `None` below zero.")]
            #[must_use]
            pub fn round(number: Decimal, decimals: u8, rounding: Rounding) -> Option<Self> {
                number.to_steps(decimals, rounding).map(Self)
            }

            #[doc = concat!("That many ", $step, "s more (or fewer, if below zero); stays at the end of the range.")]
            #[must_use]
            pub const fn plus(self, steps: i128) -> Self {
                Self(self.0.saturating_add(steps))
            }

            /// The exact number.
            #[must_use]
            pub fn decimal(self, decimals: u8) -> Decimal {
                Decimal::from_steps(self.0, decimals)
            }

            /// The exact text, with exactly `decimals` digits after the point.
            #[must_use]
            pub const fn text(self, decimals: u8) -> Scaled {
                Scaled { steps: self.0, decimals }
            }
        }
    };
}

scaled_unit!(Price, "tick", "A price as a whole number of ticks (`10^-Price Decimals` each).");
scaled_unit!(Qty, "lot", "A quantity as a whole number of lots (`10^-Qty Decimals` each).");
scaled_unit!(
    Notional,
    "tick-lot",
    "Price times quantity, in steps of `10^-(Price Decimals + Qty Decimals)` of the quote asset."
);

impl Price {
    /// Price times quantity, exact; `None` beyond `i128`.
    #[must_use]
    pub fn times(self, qty: Qty) -> Option<Notional> {
        self.0.checked_mul(qty.0).map(Notional)
    }
}

/// `steps * 10^-decimals` as text with exactly `decimals` digits after the point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scaled {
    steps: i128,
    decimals: u8,
}

impl Scaled {
    /// Lends the text, which is written nowhere else.
    pub fn with_text<T>(self, take: impl FnOnce(&str) -> T) -> T {
        take(Buffer::default().fill(self.steps, self.decimals))
    }

    /// Appends the text. Does not allocate where `out` has room for 42 bytes more.
    pub fn write(self, out: &mut String) {
        write_scaled(out, self.steps, self.decimals);
    }
}

impl fmt::Display for Scaled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Buffer::default();
        f.write_str(text.fill(self.steps, self.decimals))
    }
}

/// Appends `steps * 10^-decimals` with exactly `decimals` digits after the point. Does not allocate
/// where `out` has room for 42 bytes more.
pub fn write_scaled(out: &mut String, steps: i128, decimals: u8) {
    let mut text = Buffer::default();
    out.push_str(text.fill(steps, decimals));
}

/// Room for 39 digits, a point, a minus sign and a leading zero.
struct Buffer([u8; 64]);

impl Default for Buffer {
    fn default() -> Self {
        Self([b'0'; 64])
    }
}

impl Buffer {
    /// Writes from the right: fraction, point, whole part, sign.
    fn fill(&mut self, steps: i128, decimals: u8) -> &str {
        let decimals = usize::from(decimals.min(18));
        let magnitude = steps.unsigned_abs();
        let mut at = match u64::try_from(magnitude) {
            Ok(small) => self.fill_small(small, decimals),
            Err(_) => self.fill_large(magnitude, decimals),
        };
        if steps < 0 {
            at -= 1;
            self.0[at] = b'-';
        }
        std::str::from_utf8(&self.0[at..]).unwrap_or_default()
    }

    /// Division of 64 bits costs a fraction of that of 128, and nearly every number fits.
    fn fill_small(&mut self, mut rest: u64, decimals: usize) -> usize {
        let mut at = self.0.len();
        if decimals > 0 {
            let point = at - decimals - 1;
            while at >= point + 1 + PAIR {
                (at, rest) = self.fill_pair(at, rest);
            }
            while at > point + 1 {
                (at, rest) = self.fill_one(at, rest);
            }
            at = point;
            self.0[at] = b'.';
        }
        while rest >= 100 {
            (at, rest) = self.fill_pair(at, rest);
        }
        loop {
            (at, rest) = self.fill_one(at, rest);
            if rest == 0 {
                return at;
            }
        }
    }

    fn fill_pair(&mut self, at: usize, rest: u64) -> (usize, u64) {
        let pair = usize::try_from(rest % 100).unwrap_or(0) * PAIR;
        self.0[at - PAIR..at].copy_from_slice(&PAIRS[pair..pair + PAIR]);
        (at - PAIR, rest / 100)
    }

    fn fill_one(&mut self, at: usize, rest: u64) -> (usize, u64) {
        self.0[at - 1] = digit(rest % 10);
        (at - 1, rest / 10)
    }

    fn fill_large(&mut self, magnitude: u128, decimals: usize) -> usize {
        let mut at = self.0.len();
        let mut rest = magnitude;
        let mut written = 0;
        while rest > 0 || written <= decimals {
            if written == decimals && decimals > 0 {
                at -= 1;
                self.0[at] = b'.';
            }
            at -= 1;
            self.0[at] = digit(u64::try_from(rest % 10).unwrap_or(0));
            rest /= 10;
            written += 1;
        }
        at
    }
}

fn digit(value: u64) -> u8 {
    b'0' + u8::try_from(value).unwrap_or(0)
}

const PAIR: usize = 2;

/// "00" to "99", one after the other.
const PAIRS: [u8; 200] = {
    let mut pairs = [b'0'; 200];
    let mut at = 0_u8;
    while at < 100 {
        pairs[at as usize * PAIR] += at / 10;
        pairs[at as usize * PAIR + 1] += at % 10;
        at += 1;
    }
    pairs
};
