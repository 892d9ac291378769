//! What comes over an order connection: answers to requests, and the events of the user stream beside them.

use super::event::UserEvent;
use crate::wire::binance::answer::{self, ANSWER, Answer};
use crate::wire::order_fault::OrderFault;

/// One frame of an order connection.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "made and taken apart on the spot: a box would cost an allocation a frame"
)]
pub enum Incoming<'a> {
    /// The answer to a request.
    Answer(Answer<'a>),
    /// An event of the user stream, or a word of the venue about the connection.
    Event(UserEvent<'a>),
}

/// Reads one frame.
///
/// # Errors
/// [`OrderFault::Unreadable`] if it is no JSON object, [`OrderFault::Field`] if it is neither an answer nor an
/// event, or an event that lacks what its kind must have.
pub fn read(text: &str) -> Result<Incoming<'_>, OrderFault> {
    if !text.starts_with(ANSWER)
        && let Some(event) = UserEvent::quick(text)
    {
        return Ok(Incoming::Event(event));
    }
    match answer::read(text)? {
        answer::Incoming::Answer(answer) => Ok(Incoming::Answer(answer)),
        answer::Incoming::Event(event) => UserEvent::read(event).map(Incoming::Event),
    }
}
