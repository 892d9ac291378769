//! One product over one divisor, rounded once: the only arithmetic that the rules need.

use bnum::types::U512;

/// Which way a quotient goes to the step that the rule names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rounding {
    /// To the nearest step, a half to the even one.
    HalfEven,
    /// Toward minus infinity.
    Down,
    /// Toward plus infinity.
    Up,
}

/// `a * b * c * 10^exponent / divisor`, rounded once.
///
/// Exact: products beyond 128 bits are carried in 512. `None` if a factor is below zero, the divisor is
/// not above zero, or the result does not fit `i128`.
#[must_use]
pub fn ratio(factors: [i128; 3], divisor: i128, exponent: i32, rounding: Rounding) -> Option<i128> {
    if divisor <= 0 || factors.iter().any(|factor| *factor < 0) {
        return None;
    }
    if factors.contains(&0) {
        return Some(0);
    }
    match narrow(factors, divisor, exponent, rounding) {
        Some(result) => Some(result),
        None => wide(factors, divisor, exponent, rounding),
    }
}

/// The way nearly every tick goes: everything fits 128 bits.
fn narrow([a, b, c]: [i128; 3], divisor: i128, exponent: i32, rounding: Rounding) -> Option<i128> {
    let power = power_of_ten(exponent.unsigned_abs())?;
    let product = a.checked_mul(b)?.checked_mul(c)?;
    let (product, divisor) = if exponent >= 0 {
        (product.checked_mul(power)?, divisor)
    } else {
        (product, divisor.checked_mul(power)?)
    };
    let (quotient, rest) = divide(product, divisor);
    let up = match rounding {
        Rounding::Down => false,
        Rounding::Up => rest > 0,
        Rounding::HalfEven => match rest.cmp(&(divisor - rest)) {
            std::cmp::Ordering::Less => false,
            std::cmp::Ordering::Equal => quotient % 2 == 1,
            std::cmp::Ordering::Greater => true,
        },
    };
    quotient.checked_add(i128::from(up))
}

/// `10^exponent`; `None` beyond 128 bits.
pub(super) fn power_of_ten(exponent: u32) -> Option<i128> {
    POWERS_OF_TEN.get(usize::try_from(exponent).ok()?).copied()
}

const POWERS_OF_TEN: [i128; 39] = {
    let mut powers = [1; 39];
    let mut at = 1;
    while at < powers.len() {
        powers[at] = powers[at - 1] * 10;
        at += 1;
    }
    powers
};

/// Division of 128 bits costs several times that of 64, and most operands fit 64.
fn divide(product: i128, divisor: i128) -> (i128, i128) {
    match (u64::try_from(product), u64::try_from(divisor)) {
        (Ok(product), Ok(divisor)) => (i128::from(product / divisor), i128::from(product % divisor)),
        _ => (product / divisor, product % divisor),
    }
}

fn wide(factors: [i128; 3], divisor: i128, exponent: i32, rounding: Rounding) -> Option<i128> {
    let mut product = U512::ONE;
    for factor in factors {
        product = product.checked_mul(U512::from(factor.unsigned_abs()))?;
    }
    let mut divisor = U512::from(divisor.unsigned_abs());
    // The exponent is split: what the divisor cannot take is far below the smallest product's last digit.
    let power = U512::from(10_u8).checked_pow(exponent.unsigned_abs());
    match (exponent >= 0, power) {
        (true, power) => product = product.checked_mul(power?)?,
        (false, Some(power)) => divisor = divisor.checked_mul(power)?,
        (false, None) => return Some(i128::from(rounding == Rounding::Up)),
    }
    let (quotient, rest) = (product / divisor, product % divisor);
    let up = match rounding {
        Rounding::Down => false,
        Rounding::Up => rest > U512::ZERO,
        Rounding::HalfEven => match rest.cmp(&(divisor - rest)) {
            std::cmp::Ordering::Less => false,
            std::cmp::Ordering::Equal => quotient % U512::TWO == U512::ONE,
            std::cmp::Ordering::Greater => true,
        },
    };
    i128::try_from(u128::try_from(quotient).ok()?).ok()?.checked_add(i128::from(up))
}
