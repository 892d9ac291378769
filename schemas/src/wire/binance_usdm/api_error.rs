//! What the refusals of this dialect mean.

use crate::wire::binance::api_error::ErrorClass;
use crate::wire::older_epoch::OlderEpoch;

/// What a refusal of this dialect means.
#[must_use]
pub fn classify(status: u16, code: i64, msg: &str) -> ErrorClass {
    match (status, code) {
        (_, -1015) => ErrorClass::OrderLimit,
        (418 | 429, _) | (_, -1003) => ErrorClass::RateLimited,
        (_, -1008 | -1016) => ErrorClass::Overloaded,
        (500.., _) => failure(msg),
        (408, _) | (_, -1000 | -1001 | -1006 | -1007) => ErrorClass::OutcomeUnknown,
        (401 | 403, _) | (_, -1002 | -1022 | -2008 | -2014 | -2015) => ErrorClass::Auth,
        (_, -1013 | -1111 | -4005..=-4001 | -4013 | -4014 | -4016 | -4023 | -4024 | -4131 | -4164) => {
            ErrorClass::Filter
        }
        (_, -1021 | -5028) => ErrorClass::Clock,
        (_, -5022) => ErrorClass::WouldMatch,
        (_, -2018 | -2019 | -2025 | -2027) => ErrorClass::Balance,
        (_, -4116) => ErrorClass::Duplicate,
        (_, -2011) => ErrorClass::CancelRefused,
        (_, -2013 | -2026) => ErrorClass::NoSuchOrder,
        (_, -1121) => ErrorClass::NoSuchSymbol,
        (_, -2010) if OlderEpoch::read(msg).is_some() => ErrorClass::OlderEpoch,
        (400..=499, -5999..=-1004) => ErrorClass::Refused,
        _ => ErrorClass::OutcomeUnknown,
    }
}

/// Two of the venue's 503 texts say that nothing was done; any other failure of the server may have done it.
fn failure(msg: &str) -> ErrorClass {
    const NOT_DONE: [&str; 2] =
        ["Service Unavailable.", "Internal error; unable to process your request. Please try again."];
    if NOT_DONE.contains(&msg.trim()) { ErrorClass::Overloaded } else { ErrorClass::OutcomeUnknown }
}
