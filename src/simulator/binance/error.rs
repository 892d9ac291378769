//! Refusals in the codes and words that both dialects share. Clients switch on both.

use std::borrow::Cow;

use serde::Serialize;

use crate::simulator::engine::Reject;

/// Why a request was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(in crate::simulator) struct ApiError {
    #[serde(skip)]
    pub(in crate::simulator) status: u16,
    pub(in crate::simulator) code: i32,
    pub(in crate::simulator) msg: Cow<'static, str>,
}

impl ApiError {
    pub(in crate::simulator) const fn new(status: u16, code: i32, msg: &'static str) -> Self {
        Self { status, code, msg: Cow::Borrowed(msg) }
    }

    pub(in crate::simulator) const fn told(code: i32, msg: String) -> Self {
        Self { status: 400, code, msg: Cow::Owned(msg) }
    }

    pub(in crate::simulator) const fn too_much_weight() -> Self {
        Self::new(429, -1003, "Too much request weight used; please use WebSocket Streams for live updates.")
    }

    /// The order's fate is not told.
    pub(in crate::simulator) const fn timed_out() -> Self {
        Self::new(
            504,
            -1007,
            "Timeout waiting for response from backend server. Send status unknown; execution status unknown.",
        )
    }

    pub(in crate::simulator) const fn overloaded() -> Self {
        Self::new(
            503,
            -1008,
            "Server is currently overloaded with other requests. Please try again in a few minutes.",
        )
    }

    pub(in crate::simulator) fn filter(name: &str) -> Self {
        Self::told(-1013, format!("Filter failure: {name}"))
    }

    pub(in crate::simulator) const fn stp_not_allowed() -> Self {
        Self::new(400, -1013, "This symbol does not allow the specified self-trade prevention mode.")
    }

    pub(in crate::simulator) fn too_many_orders(limit: u64, interval: &str) -> Self {
        let msg = format!("Too many new orders; current limit is {limit} orders per {interval}.");
        Self { status: 429, ..Self::told(-1015, msg) }
    }

    pub(in crate::simulator) const fn unsupported() -> Self {
        Self::new(400, -1020, "This operation is not supported.")
    }

    pub(in crate::simulator) const fn too_late() -> Self {
        Self::new(400, -1021, "Timestamp for this request is outside of the recvWindow.")
    }

    pub(in crate::simulator) const fn too_early() -> Self {
        Self::new(400, -1021, "Timestamp for this request was 1000ms ahead of the server's time.")
    }

    pub(in crate::simulator) const fn bad_signature() -> Self {
        Self::new(400, -1022, "Signature for this request is not valid.")
    }

    pub(in crate::simulator) fn illegal(name: &str) -> Self {
        Self::told(-1100, format!("Illegal characters found in parameter '{name}'."))
    }

    pub(in crate::simulator) fn mandatory(name: &str) -> Self {
        Self::told(-1102, format!("Mandatory parameter '{name}' was not sent, was empty/null, or malformed."))
    }

    pub(in crate::simulator) fn not_required(name: &str) -> Self {
        Self::told(-1106, format!("Parameter '{name}' sent when not required."))
    }

    pub(in crate::simulator) fn too_precise(name: &str) -> Self {
        Self::told(-1111, format!("Parameter '{name}' has too much precision."))
    }

    pub(in crate::simulator) const fn bad_time_in_force() -> Self {
        Self::new(400, -1115, "Invalid timeInForce.")
    }

    pub(in crate::simulator) const fn bad_type() -> Self {
        Self::new(400, -1116, "Invalid orderType.")
    }

    pub(in crate::simulator) const fn bad_side() -> Self {
        Self::new(400, -1117, "Invalid side.")
    }

    pub(in crate::simulator) const fn bad_symbol() -> Self {
        Self::new(400, -1121, "Invalid symbol.")
    }

    pub(in crate::simulator) const fn bad_recv_window() -> Self {
        Self::new(400, -1131, "recvWindow must be less than 60000.")
    }

    pub(in crate::simulator) const fn bad_json() -> Self {
        Self::new(400, -1135, "Invalid JSON Request.")
    }

    pub(in crate::simulator) fn bad_enum(name: &str) -> Self {
        Self::told(-1145, format!("Invalid value for parameter '{name}'."))
    }

    pub(in crate::simulator) const fn unknown_order() -> Self {
        Self::new(400, -2011, "Unknown order sent.")
    }

    pub(in crate::simulator) const fn cancel_restricted() -> Self {
        Self::new(400, -2011, "Order was not canceled due to cancel restrictions.")
    }

    pub(in crate::simulator) const fn no_such_order() -> Self {
        Self::new(400, -2013, "Order does not exist.")
    }

    pub(in crate::simulator) const fn bad_key_format() -> Self {
        Self::new(401, -2014, "API-key format invalid.")
    }

    pub(in crate::simulator) const fn unknown_key() -> Self {
        Self::new(401, -2015, "Invalid API-key, IP, or permissions for action.")
    }

    pub(in crate::simulator) const fn already_subscribed() -> Self {
        Self::new(400, -2035, "User Data Stream subscription already active.")
    }

    pub(in crate::simulator) const fn not_subscribed() -> Self {
        Self::new(400, -2036, "User Data Stream subscription not active.")
    }

    pub(in crate::simulator) const fn client_id_differs() -> Self {
        Self::new(400, -2039, "Client order ID is not correct for this order ID.")
    }
}

impl From<Reject> for ApiError {
    fn from(reject: Reject) -> Self {
        match reject {
            Reject::NotPositive => Self::filter("PRICE_FILTER"),
            Reject::DuplicateClientId => Self::new(400, -2010, "Duplicate order sent."),
            Reject::WouldMatch => Self::new(400, -2010, "Order would immediately match and take."),
            Reject::InsufficientMargin
            | Reject::ReduceOnly
            | Reject::PositionSideMismatch
            | Reject::CannotFill
            | Reject::UnknownId
            | Reject::AmendQty
            | Reject::NoChange
            | Reject::OpenOrders
            | Reject::OpenPosition
            | Reject::OutOfBounds
            | Reject::TooMuch
            | Reject::TooFine
            | Reject::Unsupported => Self::bad_type(),
            Reject::UnknownOrder => Self::unknown_order(),
            Reject::InsufficientBalance => {
                Self::new(400, -2010, "Account has insufficient balance for requested action.")
            }
        }
    }
}
