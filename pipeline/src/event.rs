//! What comes to an instrument: ticks from its feed, reports from its gateway.

use schemas::ids::ClientOrderId;
use schemas::tick::Tick;
use schemas::wire::order_update::OrderUpdate;

use crate::alarm::Alarm;
use crate::ownership::Generation;
use crate::time::{Nanos, Now};

/// A follow tick on its way from the feed to a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeedTick {
    /// The trade of the reference market.
    pub tick: Tick,
    /// When the message was received.
    pub received: Now,
    /// Since when it may have been there for all to see: `received` where it was sent to us, earlier where it was
    /// found.
    pub since: Nanos,
    /// The assignment that it came under.
    pub generation: Generation,
}

/// What the gateway says of an instrument's orders.
///
/// Only [`OrderReport::Update`], [`OrderReport::Rejected`] and [`OrderReport::Denied`] are evidence. Whatever a
/// transport does wrong comes as `Unknown` or as an answer that never came, and decides nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "most are updates: a box would cost an allocation each")]
pub enum OrderReport {
    /// The order's frame was handed to the socket.
    Sent {
        /// The order.
        id: ClientOrderId,
        /// When.
        at: Nanos,
    },
    /// The venue's statement about an order: an answer, a user event or the answer to a question.
    Update(OrderUpdate),
    /// The venue refused the order: it does not exist.
    Rejected {
        /// The order.
        id: ClientOrderId,
        /// The venue's code.
        code: i64,
        /// It was post-only and would have traded at once.
        would_match: bool,
    },
    /// The order never left this process.
    Denied {
        /// The order.
        id: ClientOrderId,
        /// Why.
        why: Denial,
    },
    /// The order left, and what became of it is not known.
    Unknown {
        /// The order.
        id: ClientOrderId,
    },
    /// A cancel brought no end.
    CancelFailed {
        /// The order that was to be cancelled.
        id: ClientOrderId,
        /// Why.
        why: CancelFailure,
    },
    /// A question brought no statement.
    QueryFailed {
        /// The order that was asked about.
        id: ClientOrderId,
        /// The venue answered that it knows no such order; otherwise no answer came.
        not_found: bool,
    },
    /// The open orders of the instrument's symbol that carry its prefix.
    OpenOrders(Vec<OpenOrder>),
    /// The list of open orders did not come.
    ListFailed,
    /// The venue said what cannot be of an order of the instrument.
    Alarm(Alarm),
}

/// An order that a venue lists as open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenOrder {
    /// Our id of it.
    pub id: ClientOrderId,
    /// The venue's id of it.
    pub venue_id: u64,
}

/// Why an order never left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denial {
    /// It waited until what it was decided on was stale.
    TooLate,
    /// No connection to the venue.
    Disconnected,
    /// Too many requests are waiting or in flight.
    QueueFull,
    /// The instrument is not ours, not yet, or no longer.
    NoPermit,
    /// Trading was halted.
    Halted,
    /// What time it is at the venue is not known well enough.
    ClockUnsure,
    /// The venue's dead man's switch is not known to be armed.
    SwitchOff,
    /// A cap on orders or amounts is reached.
    Capped,
    /// It could not be written to the journal.
    NoJournal,
}

impl Denial {
    /// The name in labels and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::TooLate => "too_late",
            Self::Disconnected => "disconnected",
            Self::QueueFull => "queue_full",
            Self::NoPermit => "no_permit",
            Self::Halted => "halted",
            Self::ClockUnsure => "clock_unsure",
            Self::SwitchOff => "switch_off",
            Self::Capped => "capped",
            Self::NoJournal => "no_journal",
        }
    }
}

/// Why a cancel brought no end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CancelFailure {
    /// The venue knows no such open order.
    UnknownOrder,
    /// The venue refused for another reason: its code.
    Refused(i64),
    /// No answer came.
    NoAnswer,
}
