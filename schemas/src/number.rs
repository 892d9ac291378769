//! A JSON number read from its text, whether it stands as a number or in quotes.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::units::{Decimal, DecimalError};

/// Why a JSON value is no number for us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NumberError {
    /// Neither a number nor a text.
    #[error("neither a number nor a text")]
    WrongType,
    /// A number or text that breaks the rules.
    #[error(transparent)]
    Decimal(#[from] DecimalError),
}

/// Reads a number, or a text that holds one, exactly.
///
/// # Errors
/// [`NumberError`]: booleans, null, objects and arrays are no numbers; texts follow JSON's number grammar.
pub fn decimal_of(value: &RawValue) -> Result<Decimal, NumberError> {
    let text = value.get();
    match text.as_bytes().first() {
        Some(b'"') => {
            let inner: Cow<'_, str> = serde_json::from_str(text).map_err(|_| NumberError::WrongType)?;
            Ok(Decimal::parse(&inner)?)
        }
        Some(b'-' | b'0'..=b'9') => Ok(Decimal::parse(text)?),
        _ => Err(NumberError::WrongType),
    }
}
