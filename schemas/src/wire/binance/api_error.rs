//! The venue's refusals: code, words, and what follows from them.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use crate::wire::cut::cut_without;

/// The most that our clock and a venue's may lie apart, and what that is known by.
const CLOCKS_APART_MAX: Duration = Duration::from_millis(1_500);

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
    /// When to come back, where the venue says so.
    pub retry_after: Option<RetryAfter>,
    class: ErrorClass,
}

/// When a venue wants to be asked again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryAfter {
    /// By the venue's clock, milliseconds since the epoch.
    pub at_ms: i64,
    /// What that clock showed as it said so.
    pub said_ms: Option<i64>,
}

impl RetryAfter {
    /// How long to wait from now on. Where the venue said what time it was, no clock of ours has a part in it; else the
    /// most is added that ours may be wrong by.
    #[must_use]
    pub fn wait(self, now_ms: i64) -> Duration {
        let millis = |from: i64| u64::try_from(self.at_ms.saturating_sub(from)).unwrap_or(0);
        match self.said_ms {
            Some(said_ms) => Duration::from_millis(millis(said_ms)),
            None => Duration::from_millis(millis(now_ms)) + CLOCKS_APART_MAX,
        }
    }
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
        let moment = |key| body.data.get(key).and_then(Value::as_i64);
        Self {
            status,
            code,
            msg: cut_without(msg, secret),
            retry_after: moment("retryAfter")
                .map(|at_ms| RetryAfter { at_ms, said_ms: moment("serverTime") }),
            class: classify(status, code, msg),
        }
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
