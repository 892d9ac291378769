//! What can be wrong with a venue's statement about an order, one line each.

use crate::units::Decimal;

/// A fault of an order's answer or event. Displayed without its place; [`OrderFault::line`] adds it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OrderFault {
    /// The connection failed while an answer was due: the order may exist.
    #[error("outcome unknown (transport: {kind})")]
    Transport {
        /// What failed, cut.
        kind: Box<str>,
    },
    /// An answer came that says nothing.
    #[error("outcome unknown (unreadable answer, status {status})")]
    Unreadable {
        /// HTTP status, or the frame's.
        status: u16,
    },
    /// The venue points elsewhere; nobody goes there.
    #[error("redirect refused (status {status})")]
    Redirect {
        /// HTTP status.
        status: u16,
    },
    /// A field is missing or of another form.
    #[error("outcome unknown (field {field})")]
    Field {
        /// Its name in the venue's dialect.
        field: &'static str,
    },
    /// The answer is about something else than what was sent.
    #[error("mismatch in {field} (sent {sent}, got {got})")]
    Mismatch {
        /// Its name in the venue's dialect.
        field: &'static str,
        /// What was sent.
        sent: Box<str>,
        /// What came, cut.
        got: Box<str>,
    },
    /// A status word that is not known; the order counts as open.
    #[error("unknown order status, treated as open (got {got})")]
    UnknownStatus {
        /// The word, cut.
        got: Box<str>,
    },
    /// Quantities that cannot be.
    #[error("impossible fill in {field} (got {got}, want {want})")]
    ImpossibleFill {
        /// Its name in the venue's dialect.
        field: &'static str,
        /// What came.
        got: Decimal,
        /// What bounds it.
        want: Decimal,
    },
    /// The venue went back on its word; ignored.
    #[error("stale update (have {have}, got {got})")]
    Stale {
        /// What is known.
        have: &'static str,
        /// What came.
        got: &'static str,
    },
    /// An order of several is not in the answer.
    #[error("outcome unknown (missing from the answer)")]
    Missing,
    /// A header that cannot be read; the default holds.
    #[error("header {name} unreadable (got {got}, using {used_s} s)")]
    Header {
        /// The header's name.
        name: &'static str,
        /// What came, cut.
        got: Box<str>,
        /// What is used instead, seconds.
        used_s: u64,
    },
    /// An answer that no request in flight waits for; dropped.
    #[error("answer to nothing in flight (id {id})")]
    Uncorrelated {
        /// Its id, cut.
        id: Box<str>,
    },
}

impl OrderFault {
    /// The code: label of metrics, first word of the line.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Transport { .. } => "ORD-001",
            Self::Unreadable { .. } => "ORD-002",
            Self::Redirect { .. } => "ORD-003",
            Self::Field { .. } => "ORD-004",
            Self::Mismatch { .. } => "ORD-005",
            Self::UnknownStatus { .. } => "ORD-006",
            Self::ImpossibleFill { .. } => "ORD-007",
            Self::Stale { .. } => "ORD-008",
            Self::Missing => "ORD-009",
            Self::Header { .. } => "ORD-010",
            Self::Uncorrelated { .. } => "ORD-011",
        }
    }

    /// `CODE place: what is wrong`.
    #[must_use]
    pub fn line(&self, place: &str) -> String {
        format!("{} {place}: {self}", self.code())
    }
}
