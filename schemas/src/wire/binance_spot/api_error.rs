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
        (500.., _) => ErrorClass::OutcomeUnknown,
        (401 | 403, _) | (_, -1002 | -1022 | -2008 | -2014 | -2015) => ErrorClass::Auth,
        (_, -1013 | -1111) => ErrorClass::Filter,
        (_, -1021) => ErrorClass::Clock,
        (_, -2010) => refusal(msg),
        (_, -2011) => ErrorClass::CancelRefused,
        (_, -2013 | -2026) => ErrorClass::NoSuchOrder,
        (_, -1121) => ErrorClass::NoSuchSymbol,
        (_, -1000 | -1001 | -1006 | -1007) => ErrorClass::OutcomeUnknown,
        (400..=499, -2999..=-1004) => ErrorClass::Refused,
        _ => ErrorClass::OutcomeUnknown,
    }
}

/// The engine refuses with one code and many words.
fn refusal(msg: &str) -> ErrorClass {
    if OlderEpoch::read(msg).is_some() {
        return ErrorClass::OlderEpoch;
    }
    const WORDS: [(&str, ErrorClass); 4] = [
        ("immediately match", ErrorClass::WouldMatch),
        ("insufficient balance", ErrorClass::Balance),
        ("Duplicate order", ErrorClass::Duplicate),
        ("Market is closed", ErrorClass::MarketClosed),
    ];
    WORDS.iter().find(|(words, _)| msg.contains(words)).map_or(ErrorClass::Refused, |(_, class)| *class)
}
