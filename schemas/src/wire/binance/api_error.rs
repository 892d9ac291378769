//! The venue's refusals: code, words, and what follows from them.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use crate::wire::cut::cut_without;

/// A refusal, its words cut and free of the key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("venue error {code} (status {status}): {msg}")]
pub struct ApiError {
    /// HTTP status, or the frame's.
    pub status: u16,
    /// The venue's code; 0 if it gave none that can be read.
    pub code: i64,
    /// The venue's words.
    pub msg: Box<str>,
    /// When to come back, milliseconds since the epoch, where the venue says so.
    pub retry_after_ms: Option<i64>,
    /// What time it is at the venue, milliseconds since the epoch, where it says so beside.
    pub server_time_ms: Option<i64>,
    class: ErrorClass,
}

/// A dialect's table: HTTP status (or the frame's), code and words to what they mean.
pub type Classify = fn(u16, i64, &str) -> ErrorClass;

/// What a refusal means for whoever sent the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorClass {
    /// It may have been done: ask.
    OutcomeUnknown,
    /// Too much (429, 418, -1003): nothing more from this address until told.
    RateLimited,
    /// Too many orders (-1015): no new ones until the window ends; cancels go on.
    OrderLimit,
    /// The venue is busy or going away (-1008, -1016): later.
    Overloaded,
    /// A filter refused price or quantity (-1013, -1111): read the filters again.
    Filter,
    /// The clocks differ (-1021): measure the offset.
    Clock,
    /// Key, signature or permission (-1002, -1022, -2008, -2014, -2015, 401, 403): stop the account.
    Auth,
    /// Post-only order that would have traded at once.
    WouldMatch,
    /// Not enough balance.
    Balance,
    /// The client id is in use: an earlier send got through; ask by that id.
    Duplicate,
    /// A later owner of the instrument has placed since: a venue of our own refuses what an earlier one sends.
    OlderEpoch,
    /// The symbol does not trade now.
    MarketClosed,
    /// The order to cancel is not open (-2011): ask once.
    CancelRefused,
    /// No such order, or not yet (-2013, -2026).
    NoSuchOrder,
    /// The symbol is not known (-1121).
    NoSuchSymbol,
    /// Definitely not done, for another reason.
    Refused,
}

impl ApiError {
    /// Reads `{code, msg, data}`; whatever it is, something comes of it. `classify` is the dialect's.
    #[must_use]
    pub fn read(classify: Classify, status: u16, text: &str, secret: &str) -> Self {
        let body: Body = serde_json::from_str(text).unwrap_or_default();
        let code = body.code.as_i64().or_else(|| body.code.as_str()?.parse().ok()).unwrap_or(0);
        let msg = body.msg.as_str().unwrap_or_default();
        let told = |name: &str| body.data.get(name).and_then(Value::as_i64);
        Self {
            status,
            code,
            msg: cut_without(msg, secret),
            retry_after_ms: told("retryAfter"),
            server_time_ms: told("serverTime"),
            class: classify(status, code, msg),
        }
    }

    /// How long to stay away, where the venue says when to come back: from its own reading of the time, else from
    /// `venue_ms`, what its clock is taken to show (milliseconds since the epoch).
    #[must_use]
    pub fn wait(&self, venue_ms: i64) -> Option<Duration> {
        let wait_ms = self.retry_after_ms?.saturating_sub(self.server_time_ms.unwrap_or(venue_ms));
        Some(Duration::from_millis(u64::try_from(wait_ms).unwrap_or(0)))
    }

    /// What it means.
    #[must_use]
    pub const fn class(&self) -> ErrorClass {
        self.class
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Body {
    code: Value,
    msg: Value,
    data: Value,
}
