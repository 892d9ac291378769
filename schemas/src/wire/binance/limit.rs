//! The venue's limits, as exchangeInfo lists them and answers count them.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, SeqAccess, Visitor};

/// What a limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LimitKind {
    /// Weight of requests, by address.
    RequestWeight,
    /// Orders, by account.
    Orders,
    /// Requests, whatever their weight, by address.
    RawRequests,
    /// Anything else.
    Other,
}

/// One limit: so many in each window. Windows are aligned to the wall clock, not sliding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// What is counted.
    pub kind: LimitKind,
    /// Length of the window, seconds.
    pub window_s: u64,
    /// How many are allowed in a window.
    pub limit: u64,
    /// How many the venue has counted in the present one; `None` where it only states the limit.
    pub count: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    #[serde(borrow)]
    rate_limit_type: Cow<'a, str>,
    #[serde(borrow)]
    interval: Cow<'a, str>,
    interval_num: u64,
    limit: u64,
    count: Option<u64>,
}

impl Body<'_> {
    fn limit(&self) -> RateLimit {
        let kind = match &*self.rate_limit_type {
            "REQUEST_WEIGHT" => LimitKind::RequestWeight,
            "ORDERS" => LimitKind::Orders,
            "RAW_REQUESTS" => LimitKind::RawRequests,
            _ => LimitKind::Other,
        };
        let unit_s = match &*self.interval {
            "MINUTE" => 60,
            "HOUR" => 3_600,
            "DAY" => 86_400,
            _ => 1,
        };
        let window_s = unit_s * self.interval_num.clamp(1, 1_000_000);
        RateLimit { kind, window_s, limit: self.limit, count: self.count }
    }
}

impl<'de> Deserialize<'de> for RateLimit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Body::deserialize(deserializer).map(|body| body.limit())
    }
}

/// Most limits that one answer's counts are kept of.
const COUNTS_MAX: usize = 8;

/// The counts that came with one answer, kept without allocating.
#[derive(Clone, Copy, Debug, Default)]
pub struct RateCounts {
    limits: [Option<RateLimit>; COUNTS_MAX],
}

impl RateCounts {
    /// Reads `rateLimits`; what cannot be read counts as absent, since the answer beside it still holds.
    #[must_use]
    pub fn read(text: &str) -> Self {
        serde_json::from_str(text).unwrap_or_default()
    }

    /// The limits.
    pub fn iter(&self) -> impl Iterator<Item = &RateLimit> {
        self.limits.iter().flatten()
    }
}

impl<'de> Deserialize<'de> for RateCounts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(CountsVisitor)
    }
}

struct CountsVisitor;

impl<'de> Visitor<'de> for CountsVisitor {
    type Value = RateCounts;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of rate limits")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<RateCounts, A::Error> {
        let mut counts = RateCounts::default();
        let mut slots = counts.limits.iter_mut();
        while let Some(limit) = seq.next_element::<RateLimit>()? {
            if let Some(slot) = slots.next() {
                *slot = Some(limit);
            }
        }
        Ok(counts)
    }
}
