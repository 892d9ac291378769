//! The fields of a `ticker` payload, each from the text of its value.

use std::borrow::Cow;

use schemas::order::Side;
use schemas::tick::{TICK_ID_LEN_MAX, TickId};
use schemas::units::{Decimal, DecimalError, MAX_SIGNIFICANT_DIGITS};

use super::error::{DecodeError, shown};

/// The fields that are looked at; others may be there.
pub(super) const NAMES: [&str; 6] = ["price", "qty", "side", "time", "id", "symbol"];
pub(super) const PRICE: usize = 0;
pub(super) const QTY: usize = 1;
pub(super) const SIDE: usize = 2;
pub(super) const TIME: usize = 3;
pub(super) const ID: usize = 4;
pub(super) const SYMBOL: usize = 5;

/// Event times that are milliseconds: 1973 to 5138. Seconds lie below, microseconds above.
const TIME_MS: std::ops::Range<i64> = 100_000_000_000..100_000_000_000_000;

/// A number, or what is wrong with it. A number at or below zero comes back beside its fault: the rules skip it.
pub(super) fn number(field: &'static str, text: &str) -> (Option<Decimal>, Option<DecodeError>) {
    match Decimal::parse(text) {
        Ok(number) if number.is_positive() => (Some(number), None),
        Ok(number) => (Some(number), Some(not_positive(field, text))),
        Err(why) => (None, Some(no_number(field, text, why))),
    }
}

#[cold]
fn not_positive(field: &'static str, text: &str) -> DecodeError {
    let got = shown(text.as_bytes());
    if field == "price" { DecodeError::PriceNotPositive { got } } else { DecodeError::QtyNotPositive { got } }
}

#[cold]
fn no_number(field: &'static str, text: &str, why: DecimalError) -> DecodeError {
    let got = shown(text.as_bytes());
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let too_long = u32::try_from(digits).unwrap_or(u32::MAX) > MAX_SIGNIFICANT_DIGITS;
    match why {
        DecimalError::OutOfRange if too_long => {
            DecodeError::BadDecimal { field, got, why: DecimalError::TooManyDigits }
        }
        DecimalError::OutOfRange => DecodeError::OutOfRange { field, got },
        DecimalError::Syntax | DecimalError::TooManyDigits => DecodeError::BadDecimal { field, got, why },
    }
}

/// Whole milliseconds since the epoch, from digits.
pub(super) fn time_ms(text: &str) -> Result<i64, DecodeError> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse::<i64>() {
        Ok(time) if digits && TIME_MS.contains(&time) => Ok(time),
        parsed => Err(bad_time(text, parsed.ok().filter(|_| digits))),
    }
}

/// Whether a time already read is milliseconds.
pub(super) fn in_range(time_ms: i64) -> bool {
    TIME_MS.contains(&time_ms)
}

#[cold]
fn bad_time(text: &str, parsed: Option<i64>) -> DecodeError {
    let hint = match parsed {
        Some(1_000_000_000..100_000_000_000) => "; this looks like seconds",
        Some(100_000_000_000_000..100_000_000_000_000_000) => "; this looks like microseconds",
        Some(100_000_000_000_000_000..) => "; this looks like nanoseconds",
        Some(_) | None => "",
    };
    DecodeError::Time { got: shown(text.as_bytes()), hint }
}

/// The taker's side, any case; `unknown` and nothing are no side.
pub(super) fn side(text: &str) -> Result<Option<Side>, DecodeError> {
    match text {
        text if text.eq_ignore_ascii_case("buy") => Ok(Some(Side::Buy)),
        text if text.eq_ignore_ascii_case("sell") => Ok(Some(Side::Sell)),
        text if text.is_empty() || text.eq_ignore_ascii_case("unknown") => Ok(None),
        text => Err(DecodeError::WrongType {
            field: "side",
            got: format!("\"{}\"", shown(text.as_bytes())),
            want: "\"buy\" or \"sell\"",
        }),
    }
}

/// A trade id given as text.
pub(super) fn id(text: &str) -> Result<TickId, DecodeError> {
    let fits = (1..=TICK_ID_LEN_MAX).contains(&text.len()) && !text.chars().any(char::is_control);
    if fits { Ok(TickId::new(text)) } else { Err(bad_id(&format!("\"{}\"", shown(text.as_bytes())))) }
}

/// A trade id given as a number: whole, within 64 bits.
pub(super) fn id_number(text: &str) -> Result<TickId, DecodeError> {
    match text.parse::<u64>() {
        Ok(_) if text.bytes().all(|byte| byte.is_ascii_digit()) => Ok(TickId::new(text)),
        _ => Err(bad_id(&shown(text.as_bytes()))),
    }
}

/// A trade id given as a number that is already read; does not allocate.
pub(super) fn id_u64(mut number: u64) -> TickId {
    let mut digits = [b'0'; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + u8::try_from(number % 10).unwrap_or(0);
        number /= 10;
        if number == 0 {
            break;
        }
    }
    TickId::new(std::str::from_utf8(&digits[at..]).unwrap_or_default())
}

#[cold]
fn bad_id(got: &str) -> DecodeError {
    DecodeError::Id { got: got.to_owned() }
}

/// A field's value as its text: what a string says, or a number as it stands.
#[derive(Debug)]
pub(super) enum Text<'a> {
    /// From a JSON string.
    String(Cow<'a, str>),
    /// A JSON number, not looked at.
    Number(&'a str),
}

impl Text<'_> {
    pub(super) fn as_str(&self) -> &str {
        match self {
            Self::String(text) => text,
            Self::Number(text) => text,
        }
    }
}
