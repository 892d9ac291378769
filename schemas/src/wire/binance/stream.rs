//! What comes over a market stream connection: best quotes, diffs, replies; combined or bare.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use super::answer::Id;
use super::api_error::{ApiError, ErrorClass};
use super::number::{LevelsInto, Text, level, side};
use crate::units::Decimal;
use crate::wire::book_fault::BookFault;
use crate::wire::cut::Cut;
use crate::wire::market::{Best, Diff, Level};

/// In how many of a frame's first bytes its stream's name stands.
const STREAM_WITHIN: usize = 48;

/// One frame of a stream connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StreamMessage<'a> {
    /// `bookTicker`.
    Best {
        /// The symbol, upper case.
        symbol: Cow<'a, str>,
        /// The best quotes.
        best: Best,
    },
    /// `depthUpdate`; its content is in the [`Diff`] that was lent.
    Depth {
        /// The symbol, upper case.
        symbol: Cow<'a, str>,
    },
    /// The reply to a SUBSCRIBE that was accepted.
    Subscribed {
        /// The request's id.
        id: Option<u64>,
    },
    /// `serverShutdown`: move to another connection at once.
    ServerShutdown,
    /// A kind that this program does not know; counted and left.
    Ignored,
}

impl StreamMessage<'_> {
    /// Whether the payload names the symbol that its stream is named after.
    fn is_about(&self, stream_symbol: &str) -> bool {
        match self {
            Self::Best { symbol, .. } | Self::Depth { symbol } => symbol.eq_ignore_ascii_case(stream_symbol),
            Self::Subscribed { .. } | Self::ServerShutdown | Self::Ignored => true,
        }
    }
}

/// A frame that could not be read, and whose book it spoils.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{fault}")]
pub struct StreamFault<'a> {
    /// The symbol whose update is lost (any case: a stream's name has it lower); `None` if it cannot be told.
    pub symbol: Option<Cow<'a, str>>,
    /// What is wrong.
    pub fault: BookFault,
}

/// Reads one frame; a diff's levels go into `diff`, whose lists are reused.
///
/// # Errors
/// [`StreamFault`] says what is wrong and, where it can, which symbol's update is lost.
pub fn read<'a>(text: &'a str, diff: &mut Diff) -> Result<StreamMessage<'a>, StreamFault<'a>> {
    if let Some(best) = quick_best(text) {
        return Ok(best);
    }
    let frame: Frame<'a> = serde_json::from_str(text).map_err(|_| unreadable(text))?;
    match (frame.data, frame.stream) {
        (Some(data), Some(stream)) => {
            let symbol = stream_symbol(&stream);
            match read_payload(data.get(), Kind::of_stream(&stream), diff) {
                Ok(message) if message.is_about(&symbol) => Ok(message),
                Ok(_) => Err(StreamFault { symbol: Some(symbol), fault: unexpected(&stream) }),
                Err(fault) => Err(StreamFault { symbol: Some(symbol), fault }),
            }
        }
        (None, Some(stream)) => Err(StreamFault {
            symbol: Some(stream_symbol(&stream)),
            fault: BookFault::Malformed { what: "field data".into() },
        }),
        (_, None) if frame.error.is_some() || frame.code.is_some() => Err(refused(text, frame.error)),
        (_, None) if frame.has_result => Ok(StreamMessage::Subscribed { id: frame.id.0 }),
        (_, None) => {
            let symbol = frame.s;
            read_payload(text, Kind::of_event(frame.e.as_deref()), diff)
                .map_err(|fault| StreamFault { symbol, fault })
        }
    }
}

/// Reads in one pass what most frames are: a best quote of a combined stream. It judges nothing: a frame that
/// it does not take is read by parts.
fn quick_best(text: &str) -> Option<StreamMessage<'_>> {
    if !text.get(..STREAM_WITHIN)?.contains("@bookTicker\"") {
        return None;
    }
    let BestFrame { stream, data } = serde_json::from_str(text).ok()?;
    let best = data.best()?;
    let message = StreamMessage::Best { symbol: data.s, best };
    let meant = matches!(Kind::of_stream(&stream), Kind::Best) && message.is_about(&stream_symbol(&stream));
    meant.then_some(message)
}

#[derive(Clone, Copy)]
enum Kind {
    Best,
    Depth,
    Shutdown,
    Other,
}

impl Kind {
    fn of_stream(stream: &str) -> Self {
        match stream.split_once('@') {
            Some((_, "bookTicker")) => Self::Best,
            // `depth`, `depth@100ms`, `depth@0ms`; not `depth20@100ms`, which is no diff.
            Some((_, kind)) if kind.split('@').next() == Some("depth") => Self::Depth,
            Some(_) | None => Self::Other,
        }
    }

    /// A bare `bookTicker` of Spot is the one payload without `e`.
    fn of_event(event: Option<&str>) -> Self {
        match event {
            None | Some("bookTicker") => Self::Best,
            Some("depthUpdate") => Self::Depth,
            Some("serverShutdown") => Self::Shutdown,
            Some(_) => Self::Other,
        }
    }
}

fn read_payload<'a>(text: &'a str, kind: Kind, diff: &mut Diff) -> Result<StreamMessage<'a>, BookFault> {
    match kind {
        Kind::Best => {
            let body: BestBody<'a> = serde_json::from_str(text).map_err(|_| best_fault(text))?;
            let best = body.best().ok_or_else(|| best_fault(text))?;
            Ok(StreamMessage::Best { symbol: body.s, best })
        }
        Kind::Depth => {
            let symbol = DiffInto(diff)
                .deserialize(&mut serde_json::Deserializer::from_str(text))
                .map_err(|_| diagnose(text, &["U", "u"], [("b", "bids"), ("a", "asks")]))?;
            Ok(StreamMessage::Depth { symbol })
        }
        Kind::Shutdown => Ok(StreamMessage::ServerShutdown),
        Kind::Other => Ok(StreamMessage::Ignored),
    }
}

/// A best quote of a combined stream, all of it.
#[derive(Deserialize)]
struct BestFrame<'a> {
    #[serde(borrow)]
    stream: Cow<'a, str>,
    #[serde(borrow)]
    data: BestBody<'a>,
}

#[derive(Deserialize)]
struct Frame<'a> {
    #[serde(borrow)]
    stream: Option<Cow<'a, str>>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    #[serde(borrow)]
    e: Option<Cow<'a, str>>,
    #[serde(borrow)]
    s: Option<Cow<'a, str>>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
    code: Option<IgnoredAny>,
    #[serde(default)]
    id: Id,
    #[serde(rename = "result", default, deserialize_with = "present")]
    has_result: bool,
}

/// `null` is what a SUBSCRIBE is answered with, so being there is what counts.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(deserializer).map(|_| true)
}

#[derive(Deserialize)]
struct BestBody<'a> {
    u: u64,
    #[serde(borrow)]
    s: Cow<'a, str>,
    b: Text,
    #[serde(rename = "B")]
    bid_qty: Text,
    a: Text,
    #[serde(rename = "A")]
    ask_qty: Text,
}

impl BestBody<'_> {
    fn best(&self) -> Option<Best> {
        let bid = side(self.b.0, self.bid_qty.0).ok()?;
        let ask = side(self.a.0, self.ask_qty.0).ok()?;
        Some(Best { update_id: self.u, bid, ask })
    }
}

/// Reads a `depthUpdate` over a [`Diff`] that is kept; gives the symbol.
struct DiffInto<'v>(&'v mut Diff);

impl<'de> DeserializeSeed<'de> for DiffInto<'_> {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

#[derive(Deserialize)]
#[serde(field_identifier)]
enum DiffKey {
    #[serde(rename = "s")]
    Symbol,
    #[serde(rename = "U")]
    FirstId,
    #[serde(rename = "u")]
    LastId,
    #[serde(rename = "pu")]
    PreviousId,
    #[serde(rename = "E")]
    EventTime,
    #[serde(rename = "b")]
    Bids,
    #[serde(rename = "a")]
    Asks,
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Borrowed<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de> Visitor<'de> for DiffInto<'_> {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a depth update")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let diff = self.0;
        diff.event_time_ms = None;
        diff.previous_id = None;
        let mut symbol = None;
        let mut seen = [false; 4];
        while let Some(key) = map.next_key()? {
            match key {
                DiffKey::Symbol => symbol = Some(map.next_value::<Borrowed<'de>>()?.0),
                DiffKey::FirstId => (diff.first_id, seen[0]) = (map.next_value()?, true),
                DiffKey::LastId => (diff.last_id, seen[1]) = (map.next_value()?, true),
                DiffKey::PreviousId => diff.previous_id = map.next_value()?,
                DiffKey::EventTime => diff.event_time_ms = map.next_value()?,
                DiffKey::Bids => {
                    map.next_value_seed(LevelsInto(&mut diff.bids))?;
                    seen[2] = true;
                }
                DiffKey::Asks => {
                    map.next_value_seed(LevelsInto(&mut diff.asks))?;
                    seen[3] = true;
                }
                DiffKey::Other => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        if seen != [true; 4] {
            return Err(A::Error::custom("a field is missing"));
        }
        symbol.ok_or_else(|| A::Error::missing_field("s"))
    }
}

/// `btcusdt@depth@100ms` is about `btcusdt`.
fn stream_symbol<'a>(stream: &Cow<'a, str>) -> Cow<'a, str> {
    match stream {
        Cow::Borrowed(stream) => Cow::Borrowed(stream.split('@').next().unwrap_or(stream)),
        Cow::Owned(stream) => Cow::Owned(stream.split('@').next().unwrap_or(stream).to_owned()),
    }
}

fn unreadable(text: &str) -> StreamFault<'_> {
    StreamFault { symbol: None, fault: BookFault::Unreadable { got: Cut(text).to_string().into() } }
}

/// `{"error":{"code":..,"msg":..}}` and the bare `{"code":..,"msg":..}` both occur.
fn refused<'a>(text: &str, error: Option<&RawValue>) -> StreamFault<'a> {
    let error = ApiError::read(|_, _, _| ErrorClass::Refused, 400, error.map_or(text, RawValue::get), "");
    StreamFault { symbol: None, fault: BookFault::Refused { code: error.code, msg: error.msg } }
}

fn best_fault(text: &str) -> BookFault {
    let body: Value = serde_json::from_str(text).unwrap_or_default();
    if !body["u"].is_u64() || !body["s"].is_string() {
        return malformed("field u or s");
    }
    for (what, price, qty) in [("bid", "b", "B"), ("ask", "a", "A")] {
        let pair = Value::Array(vec![body[price].clone(), body[qty].clone()]);
        let empty_side = pair[1].as_str().is_some_and(|qty| Decimal::parse(qty).is_ok_and(Decimal::is_zero));
        if let (false, Some(fault)) = (empty_side, level_fault(what, &pair)) {
            return fault;
        }
    }
    malformed("best quote")
}

/// Finds out what ails a diff or snapshot that could not be read; takes its time, since that is rare.
pub(super) fn diagnose(text: &str, ids: &[&str], sides: [(&str, &str); 2]) -> BookFault {
    let Ok(body) = serde_json::from_str::<Value>(text) else {
        return BookFault::Unreadable { got: Cut(text).to_string().into() };
    };
    if let Some(id) = ids.iter().find(|id| !body[**id].is_u64()) {
        return malformed(&format!("field {id}"));
    }
    for (field, name) in sides {
        let Some(levels) = body[field].as_array() else {
            return malformed(&format!("field {field}"));
        };
        let faults = levels.iter().enumerate();
        if let Some(fault) =
            faults.filter_map(|(at, pair)| level_fault(&format!("{name} level {at}"), pair)).next()
        {
            return fault;
        }
    }
    malformed("field s")
}

fn level_fault(what: &str, pair: &Value) -> Option<BookFault> {
    let (Some(2), Some(price), Some(qty)) =
        (pair.as_array().map(Vec::len), pair[0].as_str(), pair[1].as_str())
    else {
        return Some(malformed(what));
    };
    let read = Decimal::parse(price).ok().zip(Decimal::parse(qty).ok());
    let sound: Option<Level> = read.and_then(|(price, qty)| level(price, qty));
    let got = Cut(&format!("{price} x {qty}")).to_string().into();
    sound.is_none().then(|| BookFault::OutOfRange { what: what.into(), got })
}

fn unexpected(stream: &str) -> BookFault {
    BookFault::UnexpectedStream { got: Cut(stream).to_string().into() }
}

fn malformed(what: &str) -> BookFault {
    BookFault::Malformed { what: what.into() }
}
