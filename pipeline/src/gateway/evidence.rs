//! What an answer proves. Transport errors and the venue's own doubts prove nothing.

use schemas::wire::order_update::OrderUpdate;

use crate::event::OpenOrder;

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
}

/// A venue's error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VenueRefusal {
    /// The answer's status (200, 400, 429, 5xx).
    pub status: u16,
    /// The venue's code.
    pub code: i64,
    /// The venue says that an order with this client id exists.
    pub duplicate: bool,
    /// Nothing may be sent before this wall-clock time (milliseconds since the epoch).
    pub retry_after_ms: Option<i64>,
}

/// What a refused request means for the order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The venue did not do it.
    Refused,
    /// The venue knows no such (open) order.
    NoSuchOrder,
    /// It may have been done.
    Unknown,
}

impl VenueRefusal {
    /// Reads the venue's codes (binance.md 10.2).
    pub(super) const fn verdict(&self) -> Verdict {
        match self.code {
            -1000 | -1001 | -1006 | -1007 => Verdict::Unknown,
            -2011 | -2013 => Verdict::NoSuchOrder,
            -1003 | -1008 | -1015 | -1016 => Verdict::Refused,
            _ if self.duplicate => Verdict::Unknown,
            _ if self.status >= 500 || self.code >= 0 => Verdict::Unknown,
            _ => Verdict::Refused,
        }
    }

    /// The venue wants silence: everything on this address stops until then.
    pub(super) const fn is_rate_limit(&self) -> bool {
        self.status == 429 || self.status == 418 || self.code == -1003
    }
}
