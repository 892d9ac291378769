//! A number read from its text: `mantissa * 10^-scale`, exact.

use std::cmp::Ordering;
use std::fmt;

use super::ratio::{Rounding, ratio};
use super::sum::align;

/// Most significant digits that a number may have (spec: "at most 28 significant digits").
pub const MAX_SIGNIFICANT_DIGITS: u32 = 28;

/// The largest and the smallest magnitude other than zero is `10^18` and `10^-18`.
const MAX_EXPONENT: i64 = 18;

/// An exact decimal number: `mantissa * 10^-scale`.
///
/// The mantissa holds at most 28 digits and the scale is 0 to 46, so that every number which the
/// decision rules accept fits, and nothing else. Equality is by value: `1.0 == 1`.
#[derive(Clone, Copy, Debug)]
pub struct Decimal {
    mantissa: i128,
    scale: u32,
}

/// Why a text is no number for us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecimalError {
    /// Not in JSON's number grammar.
    #[error("not a decimal number")]
    Syntax,
    /// More than 28 significant digits.
    #[error("more than 28 significant digits")]
    TooManyDigits,
    /// Not zero, and not within `10^-18` and `10^18`.
    #[error("magnitude not within 1e-18 and 1e18")]
    OutOfRange,
}

impl Decimal {
    /// Zero.
    pub const ZERO: Self = Self { mantissa: 0, scale: 0 };
    /// One.
    pub const ONE: Self = Self { mantissa: 1, scale: 0 };

    /// `mantissa * 10^-scale`; for constants and tests. The scale is at most 46.
    #[must_use]
    pub const fn new(mantissa: i128, scale: u32) -> Self {
        assert!(scale <= 46, "scale beyond 46");
        Self { mantissa, scale }
    }

    /// Reads a number by JSON's grammar: optional minus, digits without a leading zero, optional
    /// fraction, optional exponent; no spaces, no plus sign.
    ///
    /// # Errors
    /// [`DecimalError`] says which of the rules the text breaks.
    pub fn parse(text: &str) -> Result<Self, DecimalError> {
        let bytes = text.as_bytes();
        let (negative, rest) = match bytes {
            [b'-', rest @ ..] => (true, rest),
            rest => (false, rest),
        };
        let mut digits = Digits::default();
        let rest = digits.integer(rest)?;
        let rest = digits.fraction(rest)?;
        let exponent = exponent(rest)?;
        digits.finish(negative, exponent)
    }

    /// The integer in `mantissa * 10^-scale`.
    #[must_use]
    pub const fn mantissa(self) -> i128 {
        self.mantissa
    }

    /// The power of ten in `mantissa * 10^-scale`.
    #[must_use]
    pub const fn scale(self) -> u32 {
        self.scale
    }

    /// Above zero.
    #[must_use]
    pub const fn is_positive(self) -> bool {
        self.mantissa > 0
    }

    /// Exactly zero.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.mantissa == 0
    }

    /// The number in steps of `10^-decimals`, rounded once. `None` if it is below zero or beyond `i128`.
    #[must_use]
    pub fn to_steps(self, decimals: u8, rounding: Rounding) -> Option<i128> {
        if self.scale == u32::from(decimals) && self.mantissa >= 0 {
            return Some(self.mantissa);
        }
        ratio([self.mantissa, 1, 1], 1, i32::from(decimals) - scale_of(self), rounding)
    }

    /// The number in steps of `10^-decimals` if it is a whole number of them.
    #[must_use]
    pub fn to_steps_exact(self, decimals: u8) -> Option<i128> {
        let down = self.to_steps(decimals, Rounding::Down)?;
        (self == Self::from_steps(down, decimals)).then_some(down)
    }

    /// `steps * 10^-decimals`.
    #[must_use]
    pub fn from_steps(steps: i128, decimals: u8) -> Self {
        Self { mantissa: steps, scale: u32::from(decimals) }
    }

    /// Digits after the point that the number needs: trailing zeros do not count.
    #[must_use]
    pub fn decimals(self) -> u32 {
        self.shortest().1
    }

    /// Mantissa and scale without trailing zeros: the same for every way of writing a number.
    #[must_use]
    pub fn shortest(self) -> (i128, u32) {
        let (mut mantissa, mut scale) = (self.mantissa, self.scale);
        while scale > 0 && mantissa % 10 == 0 {
            mantissa /= 10;
            scale -= 1;
        }
        (mantissa, scale)
    }
}

/// A scale as the signed exponent that [`ratio`] takes.
pub(super) fn scale_of(number: Decimal) -> i32 {
    i32::try_from(number.scale).unwrap_or(i32::MAX)
}

#[derive(Default)]
struct Digits {
    mantissa: i128,
    significant: u32,
    scale: i64,
    too_many: bool,
}

impl Digits {
    fn push(&mut self, digit: u8) {
        if self.significant > 0 || digit != b'0' {
            self.significant += 1;
        }
        if self.significant > MAX_SIGNIFICANT_DIGITS {
            self.too_many = true;
        } else {
            self.mantissa = self.mantissa * 10 + i128::from(digit - b'0');
        }
    }

    fn run<'a>(&mut self, bytes: &'a [u8], fraction: bool) -> Result<&'a [u8], DecimalError> {
        let length = bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if length == 0 {
            return Err(DecimalError::Syntax);
        }
        let (digits, rest) = bytes.split_at(length);
        for digit in digits {
            self.push(*digit);
            self.scale += i64::from(fraction);
        }
        Ok(rest)
    }

    fn integer<'a>(&mut self, bytes: &'a [u8]) -> Result<&'a [u8], DecimalError> {
        let rest = self.run(bytes, false)?;
        let leading_zero = bytes.len() - rest.len() > 1 && bytes.first() == Some(&b'0');
        if leading_zero { Err(DecimalError::Syntax) } else { Ok(rest) }
    }

    fn fraction<'a>(&mut self, bytes: &'a [u8]) -> Result<&'a [u8], DecimalError> {
        match bytes {
            [b'.', rest @ ..] => self.run(rest, true),
            rest => Ok(rest),
        }
    }

    /// Puts mantissa, scale and exponent together, and checks digits and range.
    fn finish(self, negative: bool, exponent: i64) -> Result<Decimal, DecimalError> {
        if self.significant == 0 {
            return Ok(Decimal::ZERO);
        }
        // The value lies in [10^(magnitude-1), 10^magnitude); counted over all digits, kept or not.
        let scale = self.scale - exponent;
        let magnitude = i64::from(self.significant) - scale;
        if !(1 - MAX_EXPONENT..=1 + MAX_EXPONENT).contains(&magnitude) {
            return Err(DecimalError::OutOfRange);
        }
        if self.too_many {
            return Err(DecimalError::TooManyDigits);
        }
        let (mantissa, scale) = match u32::try_from(scale) {
            Ok(scale) => (self.mantissa, scale),
            Err(_) => (self.mantissa * 10_i128.pow(scale.unsigned_abs().try_into().unwrap_or(0)), 0),
        };
        // Only `10^18` itself may have 19 digits before the point.
        if magnitude == 1 + MAX_EXPONENT && mantissa != 10_i128.pow(scale + 18) {
            return Err(DecimalError::OutOfRange);
        }
        Ok(Decimal { mantissa: if negative { -mantissa } else { mantissa }, scale })
    }
}

/// `e` or `E`, an optional sign, digits; and nothing after them. Saturates: the range check refuses it.
fn exponent(bytes: &[u8]) -> Result<i64, DecimalError> {
    let [b'e' | b'E', rest @ ..] = bytes else {
        return if bytes.is_empty() { Ok(0) } else { Err(DecimalError::Syntax) };
    };
    let (sign, digits) = match rest {
        [b'-', digits @ ..] => (-1, digits),
        [b'+', digits @ ..] => (1, digits),
        digits => (1, digits),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(DecimalError::Syntax);
    }
    let value = digits.iter().fold(0_i64, |value, digit| {
        value.saturating_mul(10).saturating_add(i64::from(digit - b'0')).min(1_000_000)
    });
    Ok(sign * value)
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        if let Some((left, right, _)) = align(*self, *other) {
            return left.cmp(&right);
        }
        // Compare whole parts first, then the fractions brought to one scale: at most 10^46 apart,
        // so each fraction is split once more at 10^-23.
        self.parts().cmp(&other.parts())
    }
}

impl Decimal {
    /// The number as whole part and two groups of 23 decimals, in the order in which they compare.
    fn parts(self) -> (i128, i128, i128) {
        const GROUP: u32 = 23;
        let power = |exponent: u32| 10_i128.pow(exponent.min(38));
        if self.scale > 38 {
            // The whole part is zero: the mantissa holds at most 28 digits.
            let low = self.scale - GROUP;
            let (high, rest) = (self.mantissa / power(low), self.mantissa % power(low));
            return (0, high, rest * power(2 * GROUP - self.scale));
        }
        let (whole, fraction) = (self.mantissa / power(self.scale), self.mantissa % power(self.scale));
        if self.scale <= GROUP {
            return (whole, fraction * power(GROUP - self.scale), 0);
        }
        let low = self.scale - GROUP;
        (whole, fraction / power(low), (fraction % power(low)) * power(GROUP - low))
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Decimal {
    fn eq(&self, other: &Self) -> bool {
        if self.scale == other.scale {
            return self.mantissa == other.mantissa;
        }
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Decimal {}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.mantissa < 0 { "-" } else { "" };
        let digits = self.mantissa.unsigned_abs().to_string();
        let scale = self.scale.try_into().unwrap_or(usize::MAX);
        if scale == 0 {
            return write!(f, "{sign}{digits}");
        }
        let padded = format!("{digits:0>width$}", width = scale + 1);
        let (whole, fraction) = padded.split_at(padded.len() - scale);
        write!(f, "{sign}{whole}.{fraction}")
    }
}

impl std::str::FromStr for Decimal {
    type Err = DecimalError;

    fn from_str(text: &str) -> Result<Self, DecimalError> {
        Self::parse(text)
    }
}
