//! Lengths of time as scripts write them.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use schemas::units::Decimal;
use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize};

/// Longest one: 30 days.
const MS_MAX: u64 = 30 * 24 * 3_600_000;

/// Whole milliseconds: a number of them, or text like `2.5s`, `300ms`, `1m`, `2h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Span(u64);

impl Span {
    /// So many milliseconds.
    #[must_use]
    pub const fn of_ms(ms: u64) -> Self {
        Self(ms)
    }

    /// In milliseconds.
    #[must_use]
    pub const fn ms(self) -> u64 {
        self.0
    }

    fn parse(text: &str) -> Option<Self> {
        let unit_at = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
        let (number, unit) = text.split_at(unit_at);
        let ms = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            _ => return None,
        };
        let thousandths = Decimal::parse(number).ok()?.to_steps_exact(3)?.checked_mul(ms)?;
        let whole = (thousandths % 1_000 == 0).then_some(thousandths / 1_000)?;
        u64::try_from(whole).ok().filter(|ms| *ms <= MS_MAX).map(Self)
    }
}

impl JsonSchema for Span {
    fn schema_name() -> Cow<'static, str> {
        "Span".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Milliseconds, or text like 2.5s (ms, s, m, h), at most 30 days.",
            "anyOf": [
                {"type": "integer", "minimum": 0, "maximum": MS_MAX},
                {"type": "string", "pattern": r"^[0-9]+(\.[0-9]{1,3})?(ms|s|m|h)$"},
            ],
        })
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Spans;
        impl Visitor<'_> for Spans {
            type Value = Span;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("milliseconds, or text like \"2.5s\" (ms, s, m, h), at most 30 days")
            }

            fn visit_u64<E: de::Error>(self, ms: u64) -> Result<Span, E> {
                Some(Span(ms))
                    .filter(|_| ms <= MS_MAX)
                    .ok_or_else(|| E::invalid_value(de::Unexpected::Unsigned(ms), &self))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Span, E> {
                Span::parse(text).ok_or_else(|| {
                    E::custom(format_args!(
                        "no length of time (got {:.64}, want like \"2.5s\", at most 30 days)",
                        text.escape_debug().to_string()
                    ))
                })
            }
        }
        deserializer.deserialize_any(Spans)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_with_a_unit_is_read_exactly() {
        let read = |json: &str| serde_json::from_str::<Span>(json).ok().map(Span::ms);
        assert_eq!(read(r#""2.5s""#), Some(2_500));
        assert_eq!(read(r#""300ms""#), Some(300));
        assert_eq!(read(r#""1.5m""#), Some(90_000));
        assert_eq!(read(r#""2h""#), Some(7_200_000));
        assert_eq!(read("40"), Some(40));
        for bad in [
            r#""""#,
            r#""5""#,
            r#""-1s""#,
            r#""0.5ms""#,
            r#""1d""#,
            r#""s""#,
            "-1",
            "1.5",
            "true",
            r#""721h""#,
            r#""1e3s""#,
        ] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
