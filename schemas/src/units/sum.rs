//! Sums and differences of numbers read from text, exact.

use super::decimal::Decimal;

impl Decimal {
    /// The exact sum; `None` where it does not fit.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        let (left, right, scale) = align(self, other)?;
        Some(Self::new(left.checked_add(right)?, scale))
    }

    /// The exact difference, which may be below zero; `None` where it does not fit.
    #[must_use]
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        let (left, right, scale) = align(self, other)?;
        Some(Self::new(left.checked_sub(right)?, scale))
    }
}

/// Both mantissas at the finer of the two scales.
fn align(left: Decimal, right: Decimal) -> Option<(i128, i128, u32)> {
    let scale = left.scale().max(right.scale());
    let at_scale = |number: Decimal| {
        10_i128.checked_pow(scale - number.scale()).and_then(|power| number.mantissa().checked_mul(power))
    };
    Some((at_scale(left)?, at_scale(right)?, scale))
}
