//! What can be wrong with a book message, one line each.

use std::fmt;

use super::market::Level;
use crate::units::Decimal;

/// A fault of a book or of its connection. Displayed without its place; [`BookFault::line`] adds it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BookFault {
    /// Updates are missing, or their ids are none.
    #[error("sequence gap (have {have}, got {first}..{last})")]
    Gap {
        /// Last update id of the book.
        have: u64,
        /// First update id of the message.
        first: u64,
        /// Last update id of the message.
        last: u64,
    },
    /// The snapshot ends before the first buffered update begins.
    #[error("snapshot too old (got {got}, want {first} or newer)")]
    OldSnapshot {
        /// The snapshot's update id.
        got: u64,
        /// The first buffered update's first id.
        first: u64,
    },
    /// A level that is not two numbers as text, or a message that has not its fields.
    #[error("malformed {what}")]
    Malformed {
        /// `bids level 3`, `field u`.
        what: Box<str>,
    },
    /// A price that is not above zero, a quantity below it, or a text that is no number.
    #[error("price or quantity out of range in {what} (got {got})")]
    OutOfRange {
        /// `bids level 3`.
        what: Box<str>,
        /// What was sent, cut.
        got: Box<str>,
    },
    /// The best bid is not below the best ask, and stays so.
    #[error("crossed book (bid {bid}, ask {ask})")]
    Crossed {
        /// Best bid.
        bid: Decimal,
        /// Best ask.
        ask: Decimal,
    },
    /// A message of a stream or symbol that was not asked for.
    #[error("unexpected stream (got {got})")]
    UnexpectedStream {
        /// Its name, cut.
        got: Box<str>,
    },
    /// The websocket protocol was broken, or the connection closed.
    #[error("ws protocol error (got {got})")]
    Protocol {
        /// The close code or the error, cut.
        got: Box<str>,
    },
    /// A frame that cannot be read at all: binary, too large, no JSON.
    #[error("unreadable frame (got {got}, want one JSON object as text)")]
    Unreadable {
        /// What it was, cut.
        got: Box<str>,
    },
    /// The venue refused a subscription.
    #[error("subscribe refused: {code}, {msg}")]
    Refused {
        /// The venue's code.
        code: i64,
        /// The venue's words, cut.
        msg: Box<str>,
    },
    /// Two accounts of the best quotes that must be the same are not.
    #[error("top mismatch at {update_id} ({against} says {got}, the book says {have})")]
    TopMismatch {
        /// The update id of the book's top.
        update_id: u64,
        /// `best quote` or `answer`.
        against: &'static str,
        /// The other account.
        got: Box<str>,
        /// The book's.
        have: Box<str>,
    },
    /// The best quotes move and no diff comes.
    #[error("diffs fell silent (have {have}, best quote at {best})")]
    Silent {
        /// Last update id of the diffs.
        have: u64,
        /// Update id of the best quote.
        best: u64,
    },
}

impl BookFault {
    /// The code: label of metrics, first word of the line.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Gap { .. } => "BOOK-001",
            Self::OldSnapshot { .. } => "BOOK-002",
            Self::Malformed { .. } => "BOOK-003",
            Self::OutOfRange { .. } => "BOOK-004",
            Self::Crossed { .. } => "BOOK-005",
            Self::UnexpectedStream { .. } => "BOOK-006",
            Self::Protocol { .. } => "BOOK-007",
            Self::Unreadable { .. } => "BOOK-008",
            Self::Refused { .. } => "BOOK-009",
            Self::TopMismatch { .. } => "BOOK-011",
            Self::Silent { .. } => "BOOK-012",
        }
    }

    /// `CODE place: what is wrong`.
    #[must_use]
    pub fn line(&self, place: &str) -> String {
        format!("{} {place}: {self}", self.code())
    }
}

/// Best quotes as one short text, for [`BookFault::TopMismatch`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TopText {
    /// Best bid.
    pub bid: Option<Level>,
    /// Best ask.
    pub ask: Option<Level>,
}

impl fmt::Display for TopText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (separator, side) in [("", self.bid), ("/", self.ask)] {
            match side {
                Some(level) => write!(f, "{separator}{}x{}", level.price, level.qty)?,
                None => write!(f, "{separator}none")?,
            }
        }
        Ok(())
    }
}
