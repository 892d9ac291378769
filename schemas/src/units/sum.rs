//! Sums and differences of numbers read from text, exact.

use std::cmp::Ordering;

use super::decimal::Decimal;
use super::ratio::power_of_ten;

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

/// Both mantissas at the finer of the two scales; `None` where one does not fit.
pub(super) fn align(left: Decimal, right: Decimal) -> Option<(i128, i128, u32)> {
    let (left_scale, right_scale) = (left.scale(), right.scale());
    let finer = |number: Decimal, by| number.mantissa().checked_mul(power_of_ten(by)?);
    Some(match left_scale.cmp(&right_scale) {
        Ordering::Equal => (left.mantissa(), right.mantissa(), left_scale),
        Ordering::Less => (finer(left, right_scale - left_scale)?, right.mantissa(), right_scale),
        Ordering::Greater => (left.mantissa(), finer(right, left_scale - right_scale)?, left_scale),
    })
}
