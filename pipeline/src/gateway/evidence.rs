//! What an answer proves. Transport errors and the venue's own doubts prove nothing.

use std::time::Duration;

use schemas::ids::Epoch;
use schemas::wire::order_update::OrderUpdate;

use crate::alarm::Alarm;
use crate::command::Command;
use crate::event::{CancelFailure, OpenOrder, OrderReport};

/// A venue's answer to one request, whatever its dialect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Statements about the order that the request was about, in order.
    Updates(Vec<OrderUpdate>),
    /// The open orders of the symbol that carry our prefix.
    OpenOrders(Vec<OpenOrder>),
    /// The venue refused the request.
    Refused(VenueRefusal),
    /// An answer came that says nothing we can use.
    Unreadable,
    /// An answer came that says what cannot be of what was sent: it proves nothing, and somebody must look.
    Contradicts(Alarm),
}

/// A venue's error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VenueRefusal {
    /// The venue's code.
    pub code: i64,
    /// What it means for the order.
    pub verdict: Verdict,
    /// The venue wants silence for so long, from its answer on.
    pub silent_for: Option<Duration>,
    /// Of what; means nothing without a time.
    pub silence: Silence,
}

/// What is to leave no more while a venue wants silence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Silence {
    /// New orders of the account: it placed too many.
    Orders,
    /// Everything from this address but a few cancels: it was told to wait (429).
    #[default]
    Most,
    /// Everything from this address: it is banned (418).
    All,
}

/// What a refused request means for the order that it was about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The venue did not do it.
    Refused,
    /// The venue did not do it: post-only, the order would have traded at once.
    WouldMatch,
    /// The venue did not do it: an owner of that epoch, later than the order's, has placed since.
    Superseded(Epoch),
    /// The venue knows no such order, or no open one.
    NoSuchOrder,
    /// It may have been done.
    Unknown,
}

/// What a request amounts to that nothing usable came back to: a place may have been done.
pub(super) const fn without_answer(command: &Command) -> OrderReport {
    match command {
        Command::PlaceMaker(leg) | Command::PlaceTaker(leg) => OrderReport::Unknown { id: leg.id },
        Command::Cancel(handle) => OrderReport::CancelFailed { id: handle.id, why: CancelFailure::NoAnswer },
        Command::Query(handle) => OrderReport::QueryFailed { id: handle.id, not_found: false },
        Command::ListOpen => OrderReport::ListFailed,
    }
}
