//! The `ticker` payload: an object with `price` and `qty` and, where known, `side`, `time`, `id`, `symbol`.
//!
//! Two readers that agree: a quick one over simd-json's tape that keeps its buffers and takes what is well
//! formed with its numbers as text, and a careful one that keeps every number's text and names what is wrong.
//! The quick one never decides that a message is bad: what it cannot take, the careful one judges.

use std::borrow::Cow;
use std::fmt;

use schemas::tick::Tick;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use simd_json::{Buffers, INPUT_PADDING, Node, StaticNode, Tape, fill_tape_padded};

use super::error::{DecodeError, shown};
use super::fields::{self, Text};
use super::guess::not_text;
use super::{DEPTH_MAX, PAYLOAD_LEN_MAX, Ticker};

/// The fields that are looked at; others may be there.
const NAMES: [&str; 6] = ["price", "qty", "side", "time", "id", "symbol"];
const PRICE: usize = 0;
const QTY: usize = 1;
const SIDE: usize = 2;
const TIME: usize = 3;
const ID: usize = 4;
const SYMBOL: usize = 5;

/// Decodes `ticker` payloads; keeps its buffers, so that a well-formed message with its numbers as text costs
/// no allocation.
pub struct Decoder {
    buffers: Buffers,
    tape: Option<Tape<'static>>,
    scratch: Vec<u8>,
}

impl Default for Decoder {
    fn default() -> Self {
        Self {
            buffers: Buffers::with_max_depth(1024, DEPTH_MAX),
            tape: None,
            scratch: Vec::with_capacity(2048),
        }
    }
}

impl Decoder {
    /// Reads one payload.
    ///
    /// # Errors
    /// [`DecodeError`] where the message is not to be used at all. A price or quantity that is no number, or
    /// not above zero, is no such error: it comes back in [`Ticker::faults`].
    pub fn ticker<'a>(&'a mut self, payload: &'a [u8]) -> Result<Ticker<'a>, DecodeError> {
        if payload.len() > PAYLOAD_LEN_MAX {
            return Err(DecodeError::TooLarge { len: payload.len() });
        }
        match self.quick(payload) {
            Some(ticker) => Ok(ticker),
            None => careful(payload),
        }
    }

    fn quick<'a>(&'a mut self, payload: &'a [u8]) -> Option<Ticker<'a>> {
        self.scratch.clear();
        self.scratch.extend_from_slice(payload);
        self.scratch.resize(payload.len() + INPUT_PADDING, b' ');
        let mut tape: Tape<'a> = self.tape.take().unwrap_or_else(|| Tape(Vec::with_capacity(64))).reset();
        let parsed = fill_tape_padded(&mut self.scratch, payload.len(), &mut self.buffers, &mut tape);
        let ticker = parsed.ok().and_then(|()| from_tape(&tape.0));
        self.tape = Some(tape.reset());
        ticker
    }
}

/// The ticker on a tape, if it is one in good order with its price and quantity as text.
fn from_tape<'a>(tape: &[Node<'a>]) -> Option<Ticker<'a>> {
    let (Some(Node::Object { len, .. }), mut rest) = (tape.first(), tape.get(1..)?) else { return None };
    let mut values: [Option<Node<'a>>; 6] = [None; 6];
    for _ in 0..*len {
        let [Node::String(name), value, ..] = rest else { return None };
        if let Some(field) = NAMES.iter().position(|known| known == name)
            && values[field].replace(*value).is_some()
        {
            return None;
        }
        rest = rest.get(1 + nodes(value)..)?;
    }
    assemble(values)
}

/// How many places of the tape a value takes.
const fn nodes(value: &Node<'_>) -> usize {
    match value {
        Node::Object { count, .. } | Node::Array { count, .. } => *count + 1,
        Node::String(_) | Node::Static(_) => 1,
    }
}

fn assemble<'a>(values: [Option<Node<'a>>; 6]) -> Option<Ticker<'a>> {
    let (Some(Node::String(price)), Some(Node::String(qty))) = (values[PRICE], values[QTY]) else {
        return None;
    };
    let (price, price_fault) = fields::number("price", price);
    let (qty, qty_fault) = fields::number("qty", qty);
    let side = match values[SIDE] {
        Some(Node::String(text)) => fields::side(text).ok()?,
        None => None,
        Some(_) => return None,
    };
    let time_ms = match values[TIME] {
        Some(Node::String(text)) => Some(fields::time_ms(text).ok()?),
        Some(Node::Static(StaticNode::U64(time))) => Some(whole_ms(i64::try_from(time).ok()?)?),
        Some(Node::Static(StaticNode::I64(time))) => Some(whole_ms(time)?),
        None => None,
        Some(_) => return None,
    };
    let id = match values[ID] {
        Some(Node::String(text)) => Some(fields::id(text).ok()?),
        Some(Node::Static(StaticNode::U64(id))) => Some(fields::id_u64(id)),
        Some(Node::Static(StaticNode::I64(id))) => Some(fields::id_u64(u64::try_from(id).ok()?)),
        None => None,
        Some(_) => return None,
    };
    let symbol = match values[SYMBOL] {
        Some(Node::String(text)) => Some(Cow::Borrowed(text)),
        None => None,
        Some(_) => return None,
    };
    let tick = Tick { price, qty, side, time_ms, id };
    Some(Ticker { tick, symbol, faults: [price_fault, qty_fault] })
}

fn whole_ms(time: i64) -> Option<i64> {
    fields::in_range(time).then_some(time)
}

/// Reads a payload and says exactly what is wrong with it. The payload is no longer than the longest.
fn careful(payload: &[u8]) -> Result<Ticker<'_>, DecodeError> {
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, PartialEq)]
    struct Read {
        tick: Tick,
        symbol: Option<String>,
        faults: [Option<DecodeError>; 2],
    }

    fn read(ticker: Ticker<'_>) -> Read {
        Read { tick: ticker.tick, symbol: ticker.symbol.map(Cow::into_owned), faults: ticker.faults }
    }

    fn value() -> impl Strategy<Value = String> {
        prop_oneof![
            Just("\"64000.10\"".to_owned()),
            Just("0.25".to_owned()),
            Just("\"0\"".to_owned()),
            Just("\"abc\"".to_owned()),
            Just("\"1e-30\"".to_owned()),
            Just("\"buy\"".to_owned()),
            Just("\"SELL\"".to_owned()),
            Just("1700000000123".to_owned()),
            Just("\"1700000000123\"".to_owned()),
            Just("1700000000".to_owned()),
            Just("-7".to_owned()),
            Just("1.5e3".to_owned()),
            Just("18446744073709551616".to_owned()),
            Just("\"a\\u0041\\\"\"".to_owned()),
            Just("\"\\ud800\"".to_owned()),
            Just("null".to_owned()),
            Just("true".to_owned()),
            Just("[1,{\"price\":2}]".to_owned()),
            Just("{}".to_owned()),
        ]
    }

    fn name() -> impl Strategy<Value = &'static str> {
        prop_oneof![
            Just("price"),
            Just("qty"),
            Just("price"),
            Just("qty"),
            Just("side"),
            Just("time"),
            Just("id"),
            Just("symbol"),
            Just("extra"),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]

        #[test]
        fn the_quick_reader_agrees_with_the_careful_one(
            members in proptest::collection::vec((name(), value()), 0..7), tail in prop_oneof![9 => Just("}"), 1 => Just("")],
        ) {
            let body: Vec<String> = members.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
            let text = format!("{{{}{tail}", body.join(","));
            let mut decoder = Decoder::default();
            if let Some(quick) = decoder.quick(text.as_bytes()).map(read) {
                let careful = careful(text.as_bytes()).map(read);
                prop_assert_eq!(Ok(quick), careful, "{}", text);
            }
        }

        #[test]
        fn no_bytes_bring_the_reader_down(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut decoder = Decoder::default();
            drop(decoder.ticker(&bytes).map(read));
        }
    }

    #[test]
    fn the_quick_reader_takes_the_common_forms() {
        for text in [
            r#"{"price":"64000.10","qty":"0.5"}"#,
            r#"{"price":"1","qty":"2","side":"buy","time":1700000000123,"id":42,"symbol":"BTCUSDT","x":{"y":[1,2]}}"#,
            r#"{"price":"1","qty":"2","side":"SELL","time":"1700000000123","id":"a-1"}"#,
        ] {
            assert!(Decoder::default().quick(text.as_bytes()).is_some(), "{text}");
        }
    }
}
