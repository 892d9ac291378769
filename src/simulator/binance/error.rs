//! Refusals in the codes and words that both dialects share. Clients switch on both.

use std::borrow::Cow;

use serde::Serialize;
use serde::ser::{SerializeStruct, Serializer};
use serde_json::value::RawValue;

use schemas::wire::older_epoch::OlderEpoch;

use super::time::Moment;
use crate::simulator::engine::Reject;
use crate::simulator::symbols::Product;

/// Why a request was refused.
#[derive(Clone, Debug)]
pub(in crate::simulator) struct ApiError {
    pub(in crate::simulator) status: u16,
    pub(in crate::simulator) code: i32,
    pub(in crate::simulator) msg: Cow<'static, str>,
    /// When it may be asked again, for who was told to wait.
    pub(in crate::simulator) retry: Option<Retry>,
    /// What else there is to tell, as JSON.
    pub(in crate::simulator) data: Option<Box<RawValue>>,
}

/// When a caller that has asked too much may ask again.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::simulator) struct Retry {
    pub(in crate::simulator) server_time: Moment,
    pub(in crate::simulator) retry_after: Moment,
}

impl Retry {
    /// Whole seconds to wait, at least 1.
    pub(in crate::simulator) const fn seconds(self) -> i64 {
        (self.retry_after.0 - self.server_time.0) / 1_000 + 1
    }
}

impl Serialize for ApiError {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut error = serializer.serialize_struct("ApiError", 3)?;
        error.serialize_field("code", &self.code)?;
        error.serialize_field("msg", &self.msg)?;
        if let Some(data) = &self.data {
            error.serialize_field("data", data)?;
        }
        error.end()
    }
}

/// What the legal characters of a parameter are, as the venue tells them.
pub(in crate::simulator) mod legal {
    pub(in crate::simulator) const NUMBER: &str = "^[0-9]{1,20}$";
    pub(in crate::simulator) const DECIMAL: &str = r"^([0-9]{1,20})(\.[0-9]{1,20})?$";
    pub(in crate::simulator) const CLIENT_ID: &str = "^[a-zA-Z0-9-_]{1,36}$";
    pub(in crate::simulator) const SYMBOLS: &str =
        r#"^\[("[A-Z0-9-_.]{1,20}"(,"[A-Z0-9-_.]{1,20}"){0,}){0,1}\]$"#;
}

impl ApiError {
    pub(in crate::simulator) const fn new(status: u16, code: i32, msg: &'static str) -> Self {
        Self { status, code, msg: Cow::Borrowed(msg), retry: None, data: None }
    }

    /// A refusal of status 400 whose words were made up for it.
    pub(in crate::simulator) fn told(code: i32, msg: String) -> Self {
        Self { msg: Cow::Owned(msg), ..Self::new(400, code, "") }
    }

    /// Too much was asked in one minute.
    pub(in crate::simulator) fn too_much_weight(limit: u64, retry: Retry) -> Self {
        let msg = format!(
            "Too much request weight used; current limit is {limit} request weight per 1 MINUTE. Please use \
             WebSocket Streams for live updates to avoid polling the API."
        );
        Self { status: 429, retry: Some(retry), ..Self::told(-1003, msg) }
    }

    /// Too many requests, whatever they weigh.
    pub(in crate::simulator) fn too_many_requests(limit: u64, minutes: i64, retry: Retry) -> Self {
        let msg = format!("Too many requests; current limit is {limit} requests per {minutes} MINUTE.");
        Self { status: 429, retry: Some(retry), ..Self::told(-1003, msg) }
    }

    /// Went on asking when told to wait.
    pub(in crate::simulator) fn banned(retry: Retry) -> Self {
        let msg = format!(
            "Way too much request weight used; IP banned until {}. Please use WebSocket Streams for live \
             updates to avoid bans.",
            retry.retry_after.0
        );
        Self { status: 418, retry: Some(retry), ..Self::told(-1003, msg) }
    }

    /// The order's fate is not told. USD-M has a status of its own for it.
    pub(in crate::simulator) const fn timed_out(product: Product) -> Self {
        let status = match product {
            Product::Spot => 504,
            Product::UsdM => 408,
        };
        Self::new(
            status,
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

    /// No whole number.
    pub(in crate::simulator) fn illegal(name: &str) -> Self {
        Self::illegal_in(name, legal::NUMBER)
    }

    /// Characters beyond the legal ones ([`legal`]).
    pub(in crate::simulator) fn illegal_in(name: &str, range: &str) -> Self {
        Self::told(
            -1100,
            format!("Illegal characters found in parameter '{name}'; legal range is '{range}'."),
        )
    }

    pub(in crate::simulator) fn too_many_values(most: usize, sent: usize) -> Self {
        Self::told(-1101, format!("Too many parameters; expected '{most}' and received '{sent}'."))
    }

    pub(in crate::simulator) const fn duplicate_parameter() -> Self {
        Self::new(400, -1101, "Duplicate values for a parameter detected.")
    }

    pub(in crate::simulator) fn mandatory(name: &str) -> Self {
        Self::told(-1102, format!("Mandatory parameter '{name}' was not sent, was empty/null, or malformed."))
    }

    pub(in crate::simulator) fn neither(one: &str, other: &str) -> Self {
        Self::told(-1102, format!("Param '{one}' or '{other}' must be sent, but both were empty/null!"))
    }

    pub(in crate::simulator) fn surplus(read: usize, sent: usize) -> Self {
        let msg =
            format!("Not all sent parameters were read; read '{read}' parameter(s) but was sent '{sent}'.");
        Self::told(-1104, msg)
    }

    pub(in crate::simulator) fn empty(name: &str) -> Self {
        Self::told(-1105, format!("Parameter '{name}' was empty."))
    }

    pub(in crate::simulator) fn not_required(name: &str) -> Self {
        Self::told(-1106, format!("Parameter '{name}' sent when not required."))
    }

    pub(in crate::simulator) fn overflowed(name: &str) -> Self {
        Self::told(-1108, format!("Parameter '{name}' overflowed."))
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

    pub(in crate::simulator) const fn empty_client_id() -> Self {
        Self::new(400, -1118, "New client order ID was empty.")
    }

    pub(in crate::simulator) const fn empty_original_client_id() -> Self {
        Self::new(400, -1119, "Original client order ID was empty.")
    }

    pub(in crate::simulator) const fn bad_interval() -> Self {
        Self::new(400, -1120, "Invalid interval.")
    }

    pub(in crate::simulator) const fn bad_symbol() -> Self {
        Self::new(400, -1121, "Invalid symbol.")
    }

    pub(in crate::simulator) const fn bad_symbol_status() -> Self {
        Self::new(400, -1122, "Invalid symbolStatus.")
    }

    pub(in crate::simulator) fn span_too_long(hours: i64) -> Self {
        Self::told(-1127, format!("More than {hours} hours between startTime and endTime."))
    }

    pub(in crate::simulator) const fn bad_combination() -> Self {
        Self::new(400, -1128, "Combination of optional parameters invalid.")
    }

    pub(in crate::simulator) fn not_valid(name: &str) -> Self {
        Self::told(-1130, format!("Data sent for parameter '{name}' is not valid."))
    }

    pub(in crate::simulator) const fn bad_recv_window() -> Self {
        Self::new(400, -1131, "recvWindow must be less than 60000.")
    }

    pub(in crate::simulator) const fn bad_listen_key() -> Self {
        Self::new(400, -1125, "This listenKey does not exist.")
    }

    pub(in crate::simulator) const fn bad_json() -> Self {
        Self::new(400, -1135, "Invalid JSON Request.")
    }

    pub(in crate::simulator) const fn bad_strategy_type() -> Self {
        Self::new(400, -1134, "`strategyType` was less than 1000000.")
    }

    pub(in crate::simulator) const fn bad_ticker_type() -> Self {
        Self::new(400, -1139, "Invalid ticker type.")
    }

    pub(in crate::simulator) const fn bad_cancel_restrictions() -> Self {
        Self::new(400, -1145, "`cancelRestrictions` has to be either `ONLY_NEW` or `ONLY_PARTIALLY_FILLED`.")
    }

    pub(in crate::simulator) const fn repeated_symbol() -> Self {
        Self::new(400, -1151, "Symbol is present multiple times in the list.")
    }

    pub(in crate::simulator) const fn bad_time_unit() -> Self {
        Self::new(400, -1194, "Invalid value for time unit; expected either MICROSECOND or MILLISECOND.")
    }

    pub(in crate::simulator) const fn other_symbol_status() -> Self {
        Self::new(400, -1220, "The symbol's status does not match the requested symbolStatus.")
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

    pub(in crate::simulator) fn amend_refused(words: &'static str) -> Self {
        Self::new(400, -2038, words)
    }

    pub(in crate::simulator) const fn client_id_differs() -> Self {
        Self::new(400, -2039, "Client order ID is not correct for this order ID.")
    }

    pub(in crate::simulator) const fn subscriptions_used_up() -> Self {
        Self::new(400, -2042, "Maximum subscription ID reached for this connection.")
    }

    pub(in crate::simulator) const fn no_reference_price() -> Self {
        Self::new(400, -2043, "This symbol doesn't have a reference price.")
    }

    /// A session is for who signs with Ed25519.
    pub(in crate::simulator) const fn no_session_for_hmac() -> Self {
        Self::new(400, -4056, "HMAC_SHA256 API key is not supported.")
    }

    /// The engine's refusal of an order, where it has no code of its own.
    pub(in crate::simulator) const fn order_refused(words: &'static str) -> Self {
        Self::new(400, -2010, words)
    }
}

impl From<OlderEpoch> for ApiError {
    /// No public venue says so: both dialects have a code for an order that is not taken.
    fn from(refusal: OlderEpoch) -> Self {
        Self::told(-2010, refusal.to_string())
    }
}

impl From<Reject> for ApiError {
    fn from(reject: Reject) -> Self {
        match reject {
            Reject::NotPositive => Self::filter("PRICE_FILTER"),
            Reject::DuplicateClientId => Self::order_refused("Duplicate order sent."),
            Reject::WouldMatch => Self::order_refused("Order would immediately match and take."),
            Reject::AmendQty => Self::amend_refused("Order amend (quantity increase) is not supported."),
            Reject::InsufficientMargin
            | Reject::ReduceOnly
            | Reject::PositionSideMismatch
            | Reject::CannotFill
            | Reject::UnknownId
            | Reject::NoChange
            | Reject::OpenOrders
            | Reject::OpenPosition
            | Reject::OutOfBounds
            | Reject::TooMuch
            | Reject::TooFine
            | Reject::Unsupported => Self::bad_type(),
            Reject::UnknownOrder => Self::unknown_order(),
            Reject::InsufficientBalance => {
                Self::order_refused("Account has insufficient balance for requested action.")
            }
        }
    }
}
