//! What a faulty venue answers instead: errors in its own words, and what is no answer at all.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::switch::{FaultParams, Status};
use crate::simulator::binance::error::ApiError;

/// How long a venue asks callers to wait, unless it is told otherwise, in seconds.
const RETRY_AFTER_S: u64 = 60;

/// Well-known refusals and unreadable answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Preset {
    /// 429, -1003, with `Retry-After`.
    TooManyRequests,
    /// 429, -1003, without `Retry-After`.
    TooManyRequestsBare,
    /// 418, -1003, with `Retry-After`.
    Banned,
    /// 418, -1003, without `Retry-After`.
    BannedBare,
    /// 429, -1015.
    TooManyOrders,
    /// 500, -1000: the outcome is unknown.
    Unknown,
    /// 500, -1001: the outcome is unknown.
    Disconnected,
    /// 500, -1006: the outcome is unknown.
    UnexpectedAnswer,
    /// 504, -1007: the outcome is unknown.
    Timeout,
    /// 503, -1008: refused for certain.
    Overloaded,
    /// 503, "Unknown error...": the outcome is unknown.
    UnknownError,
    /// 503, "Service Unavailable.": refused for certain.
    Unavailable,
    /// 503, "Internal error...": refused for certain.
    InternalError,
    /// 401, -2015.
    KeyRevoked,
    /// 400, -1022.
    BadSignature,
    /// 400, -2010: no balance.
    NoBalance,
    /// 400, -2010: a duplicate order.
    Duplicate,
    /// 500 and a page of HTML.
    Html,
    /// 403 and a page of HTML, as a firewall answers.
    Firewall,
    /// 200 and nothing.
    Empty,
    /// 204.
    NoContent,
    /// 302 to another address.
    Redirect,
    /// 200, said to be gzip, and it is not.
    GzipJunk,
    /// 200 and text that is not JSON.
    NotJson,
    /// 200 and an error's body.
    ErrorInOk,
    /// 200, and the body ends in the middle.
    CutBody,
}

/// What is answered instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::simulator) struct Reply {
    pub(in crate::simulator) status: u16,
    pub(in crate::simulator) body: ReplyBody,
    /// Seconds.
    pub(in crate::simulator) retry_after: Option<u64>,
    /// One more header.
    pub(in crate::simulator) header: Option<(&'static str, &'static str)>,
    /// The body ends before its length is reached.
    pub(in crate::simulator) cut: bool,
}

/// The body of a [`Reply`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::simulator) enum ReplyBody {
    /// A code and words.
    Error { code: i32, msg: Cow<'static, str> },
    /// Some text.
    Text(&'static str),
}

const HTML: &str = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body><center><h1>502 Bad \
                    Gateway</h1></center></body>\r\n</html>\r\n";
const FORBIDDEN: &str = "<html><head><title>403 Forbidden</title></head><body><h1>403 ERROR</h1><p>Request \
                         blocked.</p></body></html>";

impl Reply {
    /// What `reject` was told to answer: its preset, changed by what else was given.
    pub(super) fn of(params: &FaultParams) -> Self {
        let mut reply = Self::of_preset(params.preset.unwrap_or(Preset::Overloaded));
        if let Some(Status::Http(status)) = params.status {
            reply.status = status;
        }
        if params.code.is_some() || params.msg.is_some() {
            let (code, msg) = match reply.body {
                ReplyBody::Error { code, msg } => (code, msg),
                ReplyBody::Text(_) => (-1000, "".into()),
            };
            let (code, msg) = (params.code.unwrap_or(code), params.msg.clone().map_or(msg, Cow::Owned));
            reply.body = ReplyBody::Error { code, msg };
        }
        reply.retry_after = params.retry_after.or(reply.retry_after);
        reply
    }

    fn of_preset(preset: Preset) -> Self {
        let bare = |status, body| Self { status, body, retry_after: None, header: None, cut: false };
        let plain =
            |error: ApiError| bare(error.status, ReplyBody::Error { code: error.code, msg: error.msg });
        let error = |status, code, msg| bare(status, ReplyBody::Error { code, msg: Cow::Borrowed(msg) });
        let text = |status, text| bare(status, ReplyBody::Text(text));
        let waits = |reply: Self| Self { retry_after: Some(RETRY_AFTER_S), ..reply };
        let weight = || {
            error(429, -1003, "Too much request weight used; please use WebSocket Streams for live updates.")
        };
        let banned = || error(418, -1003, "Way too much request weight used; IP banned.");
        match preset {
            Preset::TooManyRequests => waits(weight()),
            Preset::TooManyRequestsBare => weight(),
            Preset::Banned => waits(banned()),
            Preset::BannedBare => banned(),
            Preset::TooManyOrders => plain(ApiError::too_many_orders(50, "10 SECOND")),
            Preset::Unknown => error(500, -1000, "An unknown error occurred while processing the request."),
            Preset::Disconnected => {
                error(500, -1001, "Internal error; unable to process your request. Please try again.")
            }
            Preset::UnexpectedAnswer => error(
                500,
                -1006,
                "An unexpected response was received from the message bus. Execution status unknown.",
            ),
            Preset::Timeout => plain(ApiError::timed_out()),
            Preset::Overloaded => plain(ApiError::overloaded()),
            Preset::UnknownError => {
                error(503, -1000, "Unknown error, please check your request or try again later.")
            }
            Preset::Unavailable => error(503, -1000, "Service Unavailable."),
            Preset::InternalError => {
                error(503, -1001, "Internal error; unable to process your request. Please try again.")
            }
            Preset::KeyRevoked => plain(ApiError::unknown_key()),
            Preset::BadSignature => plain(ApiError::bad_signature()),
            Preset::NoBalance => error(400, -2010, "Account has insufficient balance for requested action."),
            Preset::Duplicate => error(400, -2010, "Duplicate order sent."),
            Preset::Html => text(500, HTML),
            Preset::Firewall => text(403, FORBIDDEN),
            Preset::Empty => text(200, ""),
            Preset::NoContent => text(204, ""),
            Preset::Redirect => {
                Self { header: Some(("location", "http://127.0.0.1:1/elsewhere")), ..text(302, "") }
            }
            Preset::GzipJunk => {
                Self { header: Some(("content-encoding", "gzip")), ..text(200, "\u{1f}\u{8}no gzip at all") }
            }
            Preset::NotJson => text(200, "{\"orderId\": 12, \"status\": "),
            Preset::ErrorInOk => Self { status: 200, ..error(500, -1000, "An unknown error occurred.") },
            Preset::CutBody => Self { cut: true, ..text(200, "{\"symbol\":\"BTCUSDT\",\"orderId\":12,\"or") },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preset_is_changed_by_what_else_is_given() {
        let params = FaultParams {
            preset: Some(Preset::TooManyRequests),
            status: Some(Status::Http(418)),
            code: Some(-1),
            retry_after: Some(3),
            ..FaultParams::default()
        };
        let reply = Reply::of(&params);
        assert_eq!((reply.status, reply.retry_after), (418, Some(3)));
        let ReplyBody::Error { code, msg } = reply.body else { panic!("an error") };
        assert_eq!(code, -1);
        assert!(msg.starts_with("Too much request weight used"));
    }
}
