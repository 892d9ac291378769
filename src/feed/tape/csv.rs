//! Fields of a CSV line. The dumps quote nothing, so a comma always ends a field.

use schemas::units::Decimal;

/// Splits a line into exactly `N` fields.
pub(super) fn fields<const N: usize>(line: &str) -> Result<[&str; N], String> {
    let mut fields = [""; N];
    let mut count = 0;
    for field in line.split(',') {
        if let Some(slot) = fields.get_mut(count) {
            *slot = field;
        }
        count += 1;
    }
    if count == N { Ok(fields) } else { Err(format!("{count} fields (want {N})")) }
}

/// A field that must be a decimal above zero: a tape is a record of trades.
pub(super) fn number(name: &str, text: &str) -> Result<Decimal, String> {
    match Decimal::parse(text) {
        Ok(number) if number.is_positive() => Ok(number),
        Ok(_) => Err(format!("field \"{name}\": not above zero (got \"{}\")", cut(text))),
        Err(error) => Err(format!("field \"{name}\": {error} (got \"{}\")", cut(text))),
    }
}

/// A field that must be a whole number.
pub(super) fn whole<T: std::str::FromStr>(name: &str, text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("field \"{name}\": no whole number (got \"{}\")", cut(text)))
}

/// A field that must be true or false, any case, or 1 or 0.
pub(super) fn boolean(name: &str, text: &str) -> Result<bool, String> {
    match text {
        "1" => Ok(true),
        "0" => Ok(false),
        text if text.eq_ignore_ascii_case("true") => Ok(true),
        text if text.eq_ignore_ascii_case("false") => Ok(false),
        text => Err(format!("field \"{name}\": neither true nor false (got \"{}\")", cut(text))),
    }
}

pub(super) fn is_boolean(text: &str) -> bool {
    text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false")
}

fn cut(text: &str) -> String {
    super::super::decode::shown(text.as_bytes())
}
