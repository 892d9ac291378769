//! Writes WS API frames into buffers that the caller keeps: no allocation once they have grown.
//!
//! A request lists its parameters once, sorted by name; the payload that is signed and the JSON that is sent
//! are two writings of that one list, so they cannot differ.

use std::fmt::Write;

use super::request::{AboutOrder, OrderRef, Sign};
use crate::units::{Scaled, write_scaled};

/// Who signs.
#[derive(Clone, Copy)]
pub struct Account<'a> {
    /// The API key, sent with every signed request.
    pub api_key: &'a str,
    /// Holds the secret.
    pub sign: &'a dyn Sign,
}

/// What every frame carries beside its parameters.
#[derive(Clone, Copy, Debug)]
pub struct Envelope {
    /// Comes back with the answer; never twice in flight on one connection.
    pub id: u64,
    /// Whether the answer tells the venue's counts of its limits.
    pub rate_limits: bool,
}

/// A request that is signed.
pub trait Signed {
    /// The method's name.
    const METHOD: &'static str;

    /// Calls `each` for every parameter but `apiKey`, `returnRateLimits` and `signature`, sorted by name.
    fn params(&self, each: impl FnMut(Name, Value<'_>));
}

/// A parameter's name as it is signed and as it is sent, with what stands around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name {
    pub(crate) signed: &'static str,
    pub(crate) sent: &'static str,
}

/// A [`Name`], put together when the program is built.
macro_rules! name {
    ($name:literal) => {
        $crate::wire::binance::encode::Name {
            signed: concat!("&", $name, "="),
            sent: concat!(",\"", $name, "\":"),
        }
    };
}
pub(crate) use name;

/// A parameter's value.
#[derive(Clone, Copy, Debug)]
pub enum Value<'a> {
    /// Quoted in JSON, and escaped where it must be.
    Text(&'a str),
    /// Quoted in JSON: a word of the dialect or an id of ours, which need no escapes.
    Word(&'a str),
    /// A whole number.
    Number(u64),
    /// Milliseconds since the epoch.
    Millis(i64),
    /// Quoted in JSON, with exactly these digits.
    Decimal(Scaled),
    /// `true` or `false`.
    Flag(bool),
}

/// Writes the frame of a signed request over `frame`; `payload` is scratch and holds what was signed.
pub fn signed<R: Signed>(
    request: &R,
    envelope: Envelope,
    account: Account<'_>,
    payload: &mut String,
    frame: &mut String,
) {
    open(frame, envelope.id, R::METHOD);
    // It sorts before every other name there is.
    payload.clear();
    payload.push_str("apiKey=");
    payload.push_str(account.api_key);
    frame.push_str("\"apiKey\":");
    push_quoted(frame, account.api_key);
    each_param(request, envelope, |name, value| push_both(payload, frame, name, value));
    let mut signature = [0; 64];
    account.sign.sign(payload.as_bytes(), &mut signature);
    frame.push_str(",\"signature\":\"");
    frame.push_str(std::str::from_utf8(&signature).unwrap_or_default());
    frame.push_str("\"}}");
}

/// Writes `time` over `frame`.
pub fn time(id: u64, frame: &mut String) {
    open(frame, id, "time");
    frame.push_str("\"returnRateLimits\":false}}");
}

/// Writes a stream connection's SUBSCRIBE over `frame`.
pub fn subscribe(id: u64, streams: &mut dyn Iterator<Item = &str>, frame: &mut String) {
    stream_request("SUBSCRIBE", id, streams, frame);
}

/// Writes a stream connection's UNSUBSCRIBE over `frame`.
pub fn unsubscribe(id: u64, streams: &mut dyn Iterator<Item = &str>, frame: &mut String) {
    stream_request("UNSUBSCRIBE", id, streams, frame);
}

fn stream_request(method: &str, id: u64, streams: &mut dyn Iterator<Item = &str>, frame: &mut String) {
    frame.clear();
    push(frame, format_args!("{{\"method\":\"{method}\",\"params\":["));
    for (index, stream) in streams.enumerate() {
        frame.push_str(if index == 0 { "" } else { "," });
        push_quoted(frame, stream);
    }
    push(frame, format_args!("],\"id\":{id}}}"));
}

/// Appends `name=value&...&signature=...` for a signed REST request to `query`, which may hold unsigned
/// parameters already (they are signed too, from `start` on).
pub fn signed_query(
    params: &[(&'static str, Value<'_>)],
    start: usize,
    account: Account<'_>,
    query: &mut String,
) {
    for (name, value) in params {
        if query.len() > start {
            query.push('&');
        }
        query.push_str(name);
        query.push('=');
        push_plain(query, *value);
    }
    let mut signature = [0; 64];
    account.sign.sign(&query.as_bytes()[start..], &mut signature);
    query.push_str("&signature=");
    query.push_str(std::str::from_utf8(&signature).unwrap_or_default());
}

/// All parameters after `apiKey` but the signature, sorted: `returnRateLimits` is put in its place.
fn each_param<R: Signed>(request: &R, envelope: Envelope, mut each: impl FnMut(Name, Value<'_>)) {
    const FLAG: Name = name!("returnRateLimits");
    let mut pending = !envelope.rate_limits;
    request.params(|name, value| {
        if pending && name > FLAG {
            each(FLAG, Value::Flag(false));
            pending = false;
        }
        each(name, value);
    });
    if pending {
        each(FLAG, Value::Flag(false));
    }
}

/// `order.cancel`.
#[derive(Clone, Copy, Debug)]
pub struct CancelOrder<'a>(pub AboutOrder<'a>);

/// `order.status`.
#[derive(Clone, Copy, Debug)]
pub struct QueryOrder<'a>(pub AboutOrder<'a>);

impl Signed for CancelOrder<'_> {
    const METHOD: &'static str = "order.cancel";

    fn params(&self, each: impl FnMut(Name, Value<'_>)) {
        about_order(&self.0, each);
    }
}

impl Signed for QueryOrder<'_> {
    const METHOD: &'static str = "order.status";

    fn params(&self, each: impl FnMut(Name, Value<'_>)) {
        about_order(&self.0, each);
    }
}

fn about_order(about: &AboutOrder<'_>, mut each: impl FnMut(Name, Value<'_>)) {
    match about.order {
        OrderRef::Venue(id) => each(name!("orderId"), Value::Number(id)),
        OrderRef::Client(id) => each(name!("origClientOrderId"), Value::Word(id.as_str())),
    }
    recv_window(about.recv_window_ms, &mut each);
    each(name!("symbol"), Value::Text(about.symbol));
    each(name!("timestamp"), Value::Millis(about.timestamp_ms));
}

pub(crate) fn recv_window(window_ms: Option<u32>, each: &mut impl FnMut(Name, Value<'_>)) {
    if let Some(window) = window_ms {
        each(name!("recvWindow"), Value::Number(window.into()));
    }
}

pub(crate) fn open(frame: &mut String, id: u64, method: &str) {
    frame.clear();
    frame.push_str("{\"id\":");
    push_number(frame, id.into());
    frame.push_str(",\"method\":\"");
    frame.push_str(method);
    frame.push_str("\",\"params\":{");
}

/// One parameter, to what is signed and to what is sent: a value is written once and copied, so that the two
/// cannot differ.
fn push_both(payload: &mut String, frame: &mut String, name: Name, value: Value<'_>) {
    payload.push_str(name.signed);
    let start = payload.len();
    push_plain(payload, value);
    let plain = &payload[start..];
    frame.push_str(name.sent);
    match value {
        Value::Text(_) => push_quoted(frame, plain),
        Value::Word(_) | Value::Decimal(_) => {
            frame.push('"');
            frame.push_str(plain);
            frame.push('"');
        }
        Value::Number(_) | Value::Millis(_) | Value::Flag(_) => frame.push_str(plain),
    }
}

fn push_plain(out: &mut String, value: Value<'_>) {
    match value {
        Value::Text(text) | Value::Word(text) => out.push_str(text),
        Value::Number(number) => push_number(out, number.into()),
        Value::Millis(millis) => push_number(out, millis.into()),
        Value::Decimal(decimal) => decimal.write(out),
        Value::Flag(flag) => out.push_str(if flag { "true" } else { "false" }),
    }
}

fn push_number(out: &mut String, number: i128) {
    write_scaled(out, number, 0);
}

/// A JSON string; keys and symbols come from the configuration, so nothing is taken on trust.
pub(crate) fn push_quoted(out: &mut String, text: &str) {
    out.push('"');
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\') {
        out.push_str(text);
    } else {
        push_escaped(out, text);
    }
    out.push('"');
}

#[cold]
fn push_escaped(out: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            control if control.is_control() => push(out, format_args!("\\u{:04x}", u32::from(control))),
            plain => out.push(plain),
        }
    }
}

fn push(out: &mut String, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("writing to a String cannot fail");
}
