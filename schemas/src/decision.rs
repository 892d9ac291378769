//! The words of `decide`: one event a line in, one answer a line out (the case format of the rules).

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::number::decimal_of;
use crate::order::{PositionSide, Side, TimeInForce};
use crate::tick::Tick;
use crate::units::Decimal;

/// One event: a tick, the top of book at that moment, and the draw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecisionEvent {
    /// Wall clock, milliseconds since the epoch.
    pub at_ms: i64,
    /// The tick; a price or quantity that is no number is `None`, and the rules skip it.
    pub tick: Tick,
    /// Best bid, if there is one.
    pub bid: Option<Decimal>,
    /// Best ask, if there is one.
    pub ask: Option<Decimal>,
    /// The draw; without one the program draws by seed, symbol and count.
    pub draw: Option<(Decimal, Side)>,
}

/// What is wrong with a line that is no event.
#[derive(Debug, thiserror::Error)]
pub enum EventError {
    /// Not JSON, or not of an event's shape.
    #[error("not an event: {0}")]
    Shape(#[from] serde_json::Error),
    /// A field that has to be a number is none.
    #[error("not an event: {field} is no number (got {got})")]
    Number {
        /// The field.
        field: &'static str,
        /// What it holds, cut.
        got: String,
    },
}

#[derive(Deserialize)]
struct EventLine<'a> {
    at_ms: i64,
    #[serde(borrow)]
    tick: TickLine<'a>,
    #[serde(borrow, default)]
    book: Option<BookLine<'a>>,
    #[serde(borrow, default)]
    draw: Option<DrawLine<'a>>,
}

#[derive(Deserialize)]
struct TickLine<'a> {
    #[serde(borrow, default)]
    price: Option<&'a RawValue>,
    #[serde(borrow, default)]
    qty: Option<&'a RawValue>,
    #[serde(default)]
    side: Option<TickSide>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum TickSide {
    Buy,
    Sell,
}

#[derive(Deserialize)]
struct BookLine<'a> {
    #[serde(borrow, default)]
    bid: Option<&'a RawValue>,
    #[serde(borrow, default)]
    ask: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct DrawLine<'a> {
    #[serde(borrow)]
    coefficient: &'a RawValue,
    maker_side: Side,
}

impl DecisionEvent {
    /// Reads one line.
    ///
    /// # Errors
    /// [`EventError`] if the line is no event. A tick whose price or quantity is no number is one.
    pub fn parse(line: &str) -> Result<Self, EventError> {
        let line: EventLine<'_> = serde_json::from_str(line)?;
        let number = |value: Option<&RawValue>| value.and_then(|value| decimal_of(value).ok());
        let tick = Tick {
            price: number(line.tick.price),
            qty: number(line.tick.qty),
            side: line.tick.side.map(|side| match side {
                TickSide::Buy => Side::Buy,
                TickSide::Sell => Side::Sell,
            }),
            time_ms: None,
            id: None,
        };
        let (bid, ask) = line.book.map_or((None, None), |book| (book.bid, book.ask));
        let draw = match line.draw {
            Some(draw) => Some((required("draw.coefficient", draw.coefficient)?, draw.maker_side)),
            None => None,
        };
        Ok(Self {
            at_ms: line.at_ms,
            tick,
            bid: optional("book.bid", bid)?,
            ask: optional("book.ask", ask)?,
            draw,
        })
    }
}

fn required(field: &'static str, value: &RawValue) -> Result<Decimal, EventError> {
    decimal_of(value).map_err(|_| EventError::Number { field, got: value.get().chars().take(64).collect() })
}

fn optional(field: &'static str, value: Option<&RawValue>) -> Result<Option<Decimal>, EventError> {
    match value {
        Some(value) if value.get() != "null" => required(field, value).map(Some),
        _ => Ok(None),
    }
}

/// One answer: a pair, or a skip and its reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "decision", rename_all = "lowercase")]
pub enum Answer {
    /// What would be sent.
    Pair {
        /// The post-only leg.
        maker: LegAnswer,
        /// The IOC leg.
        taker: LegAnswer,
        /// Names of the rules that fired, in the order of the steps.
        rules: Vec<&'static str>,
    },
    /// Why nothing would be sent.
    Skip {
        /// The reason's name.
        reason: &'static str,
    },
}

/// One leg of an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LegAnswer {
    /// BUY or SELL.
    pub side: Side,
    /// Always LIMIT.
    #[serde(rename = "type")]
    pub order_type: &'static str,
    /// GTX for the maker, IOC for the taker.
    pub tif: TimeInForce,
    /// The price's text.
    pub price: String,
    /// The quantity's text; contracts for futures.
    pub qty: String,
    /// The position side; empty for spot.
    pub position_side: PositionSide,
}
