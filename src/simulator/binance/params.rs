//! A request's parameters, whichever way they came.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemas::units::Decimal;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::error::{ApiError, legal};
use super::sign;

/// Names and values as text. A JSON number or boolean is its raw token; null counts as not sent.
#[derive(Debug, Default)]
pub(in crate::simulator) struct Params<'a> {
    pairs: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    /// A name came twice, in one place.
    repeats: bool,
}

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
        let mut params = Self::default();
        params.add_form(query, 0);
        params.add_form(body, params.pairs.len());
        params
    }

    /// Adds pairs; those before `own` are another place's.
    fn add_form(&mut self, form: &'a str, own: usize) {
        for pair in form.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            self.add(decode(name), decode(value), own);
        }
    }

    fn add(&mut self, name: Cow<'a, str>, value: Cow<'a, str>, own: usize) {
        self.repeats |= self.pairs[own..].iter().any(|(known, _)| *known == name);
        self.pairs.push((name, value));
    }

    /// What was sent, whatever it is: not twice (-1101) and not empty (-1105), and nothing beyond `known` where
    /// that is given (-1104).
    pub(in crate::simulator) fn check(&self, known: Option<&[&str]>) -> Result<(), ApiError> {
        if self.repeats {
            return Err(ApiError::duplicate_parameter());
        }
        if let Some((name, _)) = self.pairs.iter().find(|(_, value)| value.is_empty()) {
            return Err(match name.as_ref() {
                "newClientOrderId" => ApiError::empty_client_id(),
                "origClientOrderId" | "cancelOrigClientOrderId" => ApiError::empty_original_client_id(),
                name => ApiError::empty(name),
            });
        }
        let Some(known) = known else { return Ok(()) };
        let read = self.pairs.iter().filter(|(name, _)| known.contains(&name.as_ref())).count();
        if read < self.pairs.len() { Err(ApiError::surplus(read, self.pairs.len())) } else { Ok(()) }
    }

    pub(in crate::simulator) fn get(&self, name: &str) -> Option<&str> {
        let (_, value) = self.pairs.iter().find(|(own, _)| own == name)?;
        Some(value.as_ref()).filter(|value| !value.is_empty())
    }

    /// What was sent, or -1102.
    pub(in crate::simulator) fn required(&self, name: &'static str) -> Result<&str, ApiError> {
        self.get(name).ok_or_else(|| ApiError::mandatory(name))
    }

    /// A whole number that is not negative: -1100 for anything else, -1108 for what is too large.
    pub(in crate::simulator) fn number<T: FromStr>(&self, name: &'static str) -> Result<Option<T>, ApiError> {
        let Some(text) = self.get(name) else { return Ok(None) };
        if !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(ApiError::illegal(name));
        }
        text.parse().map(Some).map_err(|_| ApiError::overflowed(name))
    }

    /// A whole number from 1 on, `default` unless given, never more than `most`; -1130 for 0.
    pub(in crate::simulator) fn limit(
        &self,
        name: &'static str,
        default: usize,
        most: usize,
    ) -> Result<usize, ApiError> {
        match self.number::<usize>(name)? {
            Some(0) => Err(ApiError::not_valid(name)),
            given => Ok(given.unwrap_or(default).min(most)),
        }
    }

    /// A decimal number that is not negative, or -1100.
    pub(in crate::simulator) fn decimal(&self, name: &'static str) -> Result<Option<Decimal>, ApiError> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        Decimal::parse(text)
            .ok()
            .filter(|_| plain)
            .map(Some)
            .ok_or_else(|| ApiError::illegal_in(name, legal::DECIMAL))
    }

    /// `true` or `false`; `None` if it is neither.
    pub(in crate::simulator) fn flag(&self, name: &str) -> Option<bool> {
        self.get(name)?.parse().ok()
    }

    /// A JSON array of strings, or -1100.
    pub(in crate::simulator) fn list(&self, name: &'static str) -> Result<Option<Vec<String>>, ApiError> {
        let list = |text| serde_json::from_str(text).map_err(|_| ApiError::illegal_in(name, legal::SYMBOLS));
        self.get(name).map(list).transpose()
    }

    /// What a websocket request's signature covers.
    pub(in crate::simulator) fn payload(&self) -> String {
        sign::payload(&self.pairs)
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
        let mut params = Params { pairs: Vec::with_capacity(16), repeats: false };
        while let Some((name, value)) = map.next_entry::<Text<'de>, &'de RawValue>()? {
            let value = match value.get().as_bytes() {
                b"null" => continue,
                [b'"', ..] => {
                    serde_json::from_str::<Text<'de>>(value.get()).map_err(serde::de::Error::custom)?.0
                }
                _ => Cow::Borrowed(value.get()),
            };
            params.add(name.0, value, 0);
        }
        Ok(params)
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
