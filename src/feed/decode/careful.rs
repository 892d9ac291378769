//! The careful reader of `ticker` payloads: keeps the text of every number and names what is wrong.

use std::borrow::Cow;
use std::fmt;

use schemas::tick::Tick;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::error::{DecodeError, shown};
use super::fields::{self, ID, NAMES, PRICE, QTY, SIDE, SYMBOL, TIME, Text};
use super::guess::not_text;
use super::{DEPTH_MAX, Ticker};

/// Reads a payload and says exactly what is wrong with it. The payload is no longer than the longest.
pub(super) fn careful(payload: &[u8]) -> Result<Ticker<'_>, DecodeError> {
    if payload.iter().all(|byte| *byte == 0 || byte.is_ascii_whitespace()) {
        return Err(DecodeError::Empty { len: payload.len() });
    }
    if let Some(error) = not_text(payload) {
        return Err(error);
    }
    let text = std::str::from_utf8(payload)
        .map_err(|error| DecodeError::NotText { at: error.valid_up_to(), what: "no UTF-8".to_owned() })?;
    check_depth(payload)?;
    check_surrogates(payload)?;
    serde_json::from_str::<&RawValue>(text).map_err(|error| malformed(text, &error))?;
    if !text.trim_start().starts_with('{') {
        return Err(DecodeError::NotObject { got: shown(text.trim().as_bytes()) });
    }
    let fields: Fields<'_> = serde_json::from_str(text).map_err(|error| malformed(text, &error))?;
    match fields.duplicate {
        Some(field) => Err(DecodeError::Duplicate { field: NAMES[field] }),
        None => fields.ticker(),
    }
}

/// Refuses nesting that no ticker needs, looking only at brackets outside strings.
fn check_depth(payload: &[u8]) -> Result<(), DecodeError> {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for (at, byte) in payload.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => depth += 1,
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > DEPTH_MAX {
            return Err(DecodeError::TooDeep { at });
        }
    }
    Ok(())
}

/// Refuses half a surrogate pair, which the JSON reader passes over in values that it does not read.
fn check_surrogates(payload: &[u8]) -> Result<(), DecodeError> {
    let unit = |at: usize| {
        let digits = payload.get(at..at + 6)?.strip_prefix(b"\\u")?;
        u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    };
    let mut at = 0;
    while at < payload.len() {
        let step = match (payload[at], unit(at)) {
            (b'\\', Some(0xd800..=0xdbff)) if matches!(unit(at + 6), Some(0xdc00..=0xdfff)) => 12,
            (b'\\', Some(0xd800..=0xdfff)) => {
                return Err(DecodeError::NotText { at, what: "half a surrogate pair".to_owned() });
            }
            (b'\\', _) => 2,
            _ => 1,
        };
        at += step;
    }
    Ok(())
}

fn malformed(text: &str, error: &serde_json::Error) -> DecodeError {
    let line: usize = text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum();
    let at = (line + error.column().saturating_sub(1)).min(text.len());
    if error.is_eof() {
        return DecodeError::Malformed { at: text.len(), near: "end of text".to_owned() };
    }
    DecodeError::Malformed { at, near: shown(&text.as_bytes()[at..text.len().min(at + 16)]) }
}

/// The values of the known fields, as they stand in the text.
#[derive(Default)]
struct Fields<'a> {
    values: [Option<&'a RawValue>; 6],
    duplicate: Option<usize>,
}

impl<'a> Fields<'a> {
    fn ticker(&self) -> Result<Ticker<'a>, DecodeError> {
        let price = self.decimal(PRICE)?.ok_or(DecodeError::Missing { field: "price" })?;
        let qty = self.decimal(QTY)?.ok_or(DecodeError::Missing { field: "qty" })?;
        let (price, price_fault) = fields::number("price", price.as_str());
        let (qty, qty_fault) = fields::number("qty", qty.as_str());
        let side = match self.text(SIDE, "\"buy\" or \"sell\"")? {
            Some(Text::String(text)) => fields::side(&text)?,
            Some(Text::Number(_)) => return Err(self.wrong(SIDE, "\"buy\" or \"sell\"")),
            None => None,
        };
        let time_ms = match self.text(TIME, "whole milliseconds")? {
            Some(text) => Some(fields::time_ms(text.as_str())?),
            None => None,
        };
        let id = match self.text(ID, "a trade id as text or number")? {
            Some(Text::String(text)) => Some(fields::id(&text)?),
            Some(Text::Number(text)) => Some(fields::id_number(text)?),
            None => None,
        };
        let symbol = match self.text(SYMBOL, "a symbol as text")? {
            Some(Text::String(text)) => Some(text),
            Some(Text::Number(_)) => return Err(self.wrong(SYMBOL, "a symbol as text")),
            None => None,
        };
        let tick = Tick { price, qty, side, time_ms, id };
        Ok(Ticker { tick, symbol, faults: [price_fault, qty_fault] })
    }

    /// A price or quantity: there, and text or a number. `null` is neither.
    fn decimal(&self, field: usize) -> Result<Option<Text<'a>>, DecodeError> {
        const WANT: &str = "a decimal as text or number";
        match (self.values[field], self.text(field, WANT)?) {
            (Some(_), None) => Err(self.wrong(field, WANT)),
            (_, text) => Ok(text),
        }
    }

    /// The text of a field's value; `None` where there is none, or `null`.
    fn text(&self, field: usize, want: &'static str) -> Result<Option<Text<'a>>, DecodeError> {
        let Some(raw) = self.values[field].map(RawValue::get) else { return Ok(None) };
        match raw.as_bytes().first() {
            Some(b'"') => serde_json::from_str::<Borrowed<'a>>(raw)
                .map(|text| Some(Text::String(text.0)))
                .map_err(|error| malformed(raw, &error)),
            Some(b'-' | b'0'..=b'9') => Ok(Some(Text::Number(raw))),
            Some(b'n') => Ok(None),
            _ => Err(self.wrong(field, want)),
        }
    }

    fn wrong(&self, field: usize, want: &'static str) -> DecodeError {
        let got = self.values[field].map_or_else(String::new, |raw| shown(raw.get().as_bytes()));
        DecodeError::WrongType { field: NAMES[field], got, want }
    }
}

/// Text that is borrowed where it has no escapes.
#[derive(serde::Deserialize)]
#[serde(transparent)]
struct Borrowed<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor)
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Fields<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
        let mut fields = Fields::default();
        while let Some((name, value)) = map.next_entry::<Borrowed<'de>, &'de RawValue>()? {
            if let Some(field) = NAMES.iter().position(|known| *known == name.0)
                && fields.values[field].replace(value).is_some()
            {
                fields.duplicate.get_or_insert(field);
            }
        }
        Ok(fields)
    }
}
