//! What comes over a WS API connection: answers to requests, and what the venue says unasked, unread.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::api_error::{ApiError, Classify};
use super::limit::RateCounts;
use super::number::{Text, side};
use super::order::OrderAnswer;
use crate::units::Decimal;
use crate::wire::market::TopAnswer;
use crate::wire::order_fault::OrderFault;

/// What the frame of an answer begins with.
pub(crate) const ANSWER: &str = "{\"id\":";

/// One frame of a WS API connection.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "made and taken apart on the spot: a box would cost an allocation a frame"
)]
pub enum Incoming<'a> {
    /// The answer to a request.
    Answer(Answer<'a>),
    /// What the venue says unasked: the event's own text.
    Event(&'a str),
}

/// The answer to one request; its result is read when it is asked for, unless it is an order.
#[derive(Clone, Debug)]
pub struct Answer<'a> {
    /// The request's id; `None` if it is none of ours.
    pub id: Option<u64>,
    /// 200, or what an HTTP status of that number would mean.
    pub status: u16,
    order: Option<OrderAnswer<'a>>,
    result: Option<&'a RawValue>,
    error: Option<&'a RawValue>,
    rate_counts: RateCounts,
}

/// Reads one frame.
///
/// # Errors
/// [`OrderFault::Unreadable`] if it is no JSON object, [`OrderFault::Field`] if it is neither an answer nor an
/// event.
pub fn read(text: &str) -> Result<Incoming<'_>, OrderFault> {
    if let Some(answer) = quick(text) {
        return Ok(Incoming::Answer(answer));
    }
    let frame: Frame<'_> = serde_json::from_str(text).map_err(|_| OrderFault::Unreadable { status: 0 })?;
    if let Some(event) = frame.event {
        return Ok(Incoming::Event(event.get()));
    }
    Ok(Incoming::Answer(Answer {
        id: frame.id.0,
        status: frame.status.ok_or(OrderFault::Field { field: "status" })?,
        order: None,
        result: frame.result,
        error: frame.error,
        rate_counts: frame.rate_limits.map(|limits| RateCounts::read(limits.get())).unwrap_or_default(),
    }))
}

/// Reads in one pass what nearly every answer is: one to an order. It judges nothing: a frame that it does not
/// take is read by parts.
fn quick(text: &str) -> Option<Answer<'_>> {
    if !text.starts_with(ANSWER) {
        return None;
    }
    let frame: OrderFrame<'_> = serde_json::from_str(text).ok()?;
    if frame.error.is_some() || !frame.result.ids_are_ids() {
        return None;
    }
    Some(Answer {
        id: frame.id.0,
        status: frame.status,
        order: Some(frame.result),
        result: None,
        error: None,
        rate_counts: frame.rate_limits.unwrap_or_default(),
    })
}

impl<'a> Answer<'a> {
    /// The venue did what was asked.
    #[must_use]
    pub const fn is_ok(&self) -> bool {
        self.status == 200 && self.error.is_none()
    }

    /// Why it did not, by the dialect's table; `secret` (the API key) is blotted out of its words. `None` if it
    /// did.
    #[must_use]
    pub fn error(&self, classify: Classify, secret: &str) -> Option<ApiError> {
        let text = || self.error.map_or("", RawValue::get);
        (!self.is_ok()).then(|| ApiError::read(classify, self.status, text(), secret))
    }

    /// The venue's counts of its limits, where the answer carries them.
    #[must_use]
    pub const fn rate_counts(&self) -> RateCounts {
        self.rate_counts
    }

    /// The result of `order.place`, `order.cancel`, `order.status`.
    ///
    /// # Errors
    /// [`OrderFault::Field`].
    pub fn order(&self) -> Result<OrderAnswer<'a>, OrderFault> {
        self.order.clone().map_or_else(|| OrderAnswer::read(self.result()?), Ok)
    }

    /// The result of `openOrders.status`.
    ///
    /// # Errors
    /// [`OrderFault::Field`].
    pub fn orders(&self) -> Result<Vec<OrderAnswer<'a>>, OrderFault> {
        OrderAnswer::read_list(self.result()?)
    }

    /// The result of `ticker.book`, whether it was asked for one symbol or several.
    ///
    /// # Errors
    /// [`OrderFault::Field`].
    pub fn tops(&self) -> Result<Vec<(Cow<'a, str>, TopAnswer)>, OrderFault> {
        read_tops(self.result()?)
    }

    /// The result of `userDataStream.subscribe.signature`.
    ///
    /// # Errors
    /// [`OrderFault::Field`].
    pub fn subscription_id(&self) -> Result<u64, OrderFault> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Body {
            subscription_id: u64,
        }
        let body: Body = read_as(self.result()?, "subscriptionId")?;
        Ok(body.subscription_id)
    }

    /// The result of `time`, milliseconds since the epoch.
    ///
    /// # Errors
    /// [`OrderFault::Field`].
    pub fn server_time_ms(&self) -> Result<i64, OrderFault> {
        super::rest::read_time(self.result()?)
    }

    fn result(&self) -> Result<&'a str, OrderFault> {
        self.result.map(RawValue::get).ok_or(OrderFault::Field { field: "result" })
    }
}

pub(crate) fn read_as<'a, T: Deserialize<'a>>(text: &'a str, field: &'static str) -> Result<T, OrderFault> {
    serde_json::from_str(text).map_err(|_| OrderFault::Field { field })
}

fn read_tops(text: &str) -> Result<Vec<(Cow<'_, str>, TopAnswer)>, OrderFault> {
    let bodies: Vec<TopBody<'_>> =
        if text.starts_with('[') { read_as(text, "result")? } else { vec![read_as(text, "result")?] };
    bodies.into_iter().map(TopBody::top).collect()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TopBody<'a> {
    #[serde(borrow)]
    symbol: Cow<'a, str>,
    bid_price: Text,
    bid_qty: Text,
    ask_price: Text,
    ask_qty: Text,
}

impl<'a> TopBody<'a> {
    fn top(self) -> Result<(Cow<'a, str>, TopAnswer), OrderFault> {
        let side =
            |field, price: Text, qty: Text| side(price.0, qty.0).map_err(|()| OrderFault::Field { field });
        let bid = side("bidPrice", self.bid_price, self.bid_qty)?;
        let ask = side("askPrice", self.ask_price, self.ask_qty)?;
        Ok((self.symbol, TopAnswer { bid, ask }))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Frame<'a> {
    #[serde(default)]
    id: Id,
    status: Option<u16>,
    #[serde(borrow)]
    result: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
    #[serde(borrow)]
    rate_limits: Option<&'a RawValue>,
    #[serde(borrow)]
    event: Option<&'a RawValue>,
}

/// The answer to an order, all of it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OrderFrame<'a> {
    id: Id,
    status: u16,
    #[serde(borrow)]
    result: OrderAnswer<'a>,
    error: Option<IgnoredAny>,
    rate_limits: Option<RateCounts>,
}

/// An id, read whatever it is: only whole numbers are ours.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Id(pub(super) Option<u64>);

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(IdVisitor)
    }
}

struct IdVisitor;

impl<'de> Visitor<'de> for IdVisitor {
    type Value = Id;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an id")
    }

    fn visit_u64<E: Error>(self, id: u64) -> Result<Id, E> {
        Ok(Id(Some(id)))
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Id, E> {
        Ok(Id(None))
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Id, E> {
        Ok(Id(None))
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Id, E> {
        Ok(Id(None))
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Id, E> {
        Ok(Id(None))
    }

    fn visit_unit<E: Error>(self) -> Result<Id, E> {
        Ok(Id(None))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Id, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Id(None))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Id, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Id(None))
    }
}

/// A decimal that need not be there.
pub(crate) fn number(text: Option<Text>) -> Option<Decimal> {
    text.map(|text| text.0)
}
