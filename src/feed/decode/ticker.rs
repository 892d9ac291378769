//! The `ticker` payload: an object with `price` and `qty` and, where known, `side`, `time`, `id`, `symbol`.
//!
//! Two readers that agree: a quick one over simd-json's tape that keeps its buffers and takes what is well
//! formed with its numbers as text, and a careful one that keeps every number's text and names what is wrong.
//! The quick one never decides that a message is bad: what it cannot take, the careful one judges.

use std::borrow::Cow;

use schemas::tick::Tick;
use simd_json::{Buffers, INPUT_PADDING, Node, StaticNode, Tape, fill_tape_padded};

use super::careful::careful;
use super::error::DecodeError;
use super::fields::{self, ID, NAMES, PRICE, QTY, SIDE, SYMBOL, TIME};
use super::{DEPTH_MAX, PAYLOAD_LEN_MAX, Ticker};

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
