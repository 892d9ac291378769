//! A request's parameters, whichever way they came.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemas::units::Decimal;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::error::ApiError;
use super::sign;

/// Names and values as text. A JSON number or boolean is its raw token; null counts as not sent.
#[derive(Debug, Default)]
pub(in crate::simulator) struct Params<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

/// A JSON string without a copy where it has no escapes.
#[derive(serde::Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'a> Params<'a> {
    /// From a websocket request's `params`.
    pub(in crate::simulator) fn of_json(raw: &'a str) -> Result<Self, ApiError> {
        serde_json::from_str(raw).map_err(|_| ApiError::bad_json())
    }

    /// From a query string and a form body; where a name is in both, the query's value counts.
    pub(in crate::simulator) fn of_form(query: &'a str, body: &'a str) -> Self {
        let pairs = query.split('&').chain(body.split('&')).filter(|pair| !pair.is_empty());
        Self(
            pairs
                .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
                .map(|(name, value)| (decode(name), decode(value)))
                .collect(),
        )
    }

    pub(in crate::simulator) fn get(&self, name: &str) -> Option<&str> {
        let (_, value) = self.0.iter().find(|(own, _)| own == name)?;
        Some(value.as_ref()).filter(|value| !value.is_empty())
    }

    /// What was sent, or -1102.
    pub(in crate::simulator) fn required(&self, name: &'static str) -> Result<&str, ApiError> {
        self.get(name).ok_or_else(|| ApiError::mandatory(name))
    }

    /// A whole number, or -1100.
    pub(in crate::simulator) fn number<T: FromStr>(&self, name: &'static str) -> Result<Option<T>, ApiError> {
        self.get(name).map(|text| text.parse().map_err(|_| ApiError::illegal(name))).transpose()
    }

    /// A decimal number, or -1100.
    pub(in crate::simulator) fn decimal(&self, name: &'static str) -> Result<Option<Decimal>, ApiError> {
        self.get(name).map(|text| Decimal::parse(text).map_err(|_| ApiError::illegal(name))).transpose()
    }

    /// `true` or `false`; `None` if it is neither.
    pub(in crate::simulator) fn flag(&self, name: &str) -> Option<bool> {
        self.get(name)?.parse().ok()
    }

    /// A JSON array of strings, or -1100.
    pub(in crate::simulator) fn list(&self, name: &'static str) -> Result<Option<Vec<String>>, ApiError> {
        self.get(name).map(|text| serde_json::from_str(text).map_err(|_| ApiError::illegal(name))).transpose()
    }

    /// What a websocket request's signature covers.
    pub(in crate::simulator) fn payload(&self) -> String {
        sign::payload(&self.0)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Params<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ParamsVisitor)
    }
}

struct ParamsVisitor;

impl<'de> Visitor<'de> for ParamsVisitor {
    type Value = Params<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Params<'de>, A::Error> {
        let mut params = Vec::with_capacity(16);
        while let Some((name, value)) = map.next_entry::<Text<'de>, &'de RawValue>()? {
            let value = match value.get().as_bytes() {
                b"null" => continue,
                [b'"', ..] => {
                    serde_json::from_str::<Text<'de>>(value.get()).map_err(serde::de::Error::custom)?.0
                }
                _ => Cow::Borrowed(value.get()),
            };
            params.push((name.0, value));
        }
        Ok(Params(params))
    }
}

/// Percent-decodes; what is no escape stays as it is.
fn decode(text: &str) -> Cow<'_, str> {
    if !text.contains(['%', '+']) {
        return Cow::Borrowed(text);
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let escaped = match after {
            [high, low, ..] if *first == b'%' => sign::hex_digit(*high).zip(sign::hex_digit(*low)),
            _ => None,
        };
        let (byte, used) = match escaped {
            Some((high, low)) => (high << 4 | low, 3),
            None if *first == b'+' => (b' ', 1),
            None => (*first, 1),
        };
        bytes.push(byte);
        rest = &rest[used..];
    }
    Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_kept_by_their_raw_tokens() {
        let params =
            Params::of_json(r#"{"price":0.10,"qty":"1.50","flag":true,"none":null,"id":"a\u0062"}"#).unwrap();
        assert_eq!(params.payload(), "flag=true&id=ab&price=0.10&qty=1.50");
        assert_eq!(params.get("none"), None);
        assert!(Params::of_json("[1]").is_err());
    }

    #[test]
    fn the_query_wins_over_the_body_and_escapes_are_decoded() {
        let params = Params::of_form("a=1%2B2&b=x+y&c=%zz", "a=3&d=%5B%22A%22%5D&list=[{\"k\":\"v=w\"}]");
        assert_eq!(params.get("a"), Some("1+2"));
        assert_eq!(params.get("b"), Some("x y"));
        assert_eq!(params.get("c"), Some("%zz"));
        assert_eq!(params.list("d").unwrap().unwrap(), ["A"]);
        assert_eq!(params.get("list"), Some("[{\"k\":\"v=w\"}]"));
    }
}
