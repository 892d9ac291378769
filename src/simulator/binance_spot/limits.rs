//! Rate limits: windows aligned to the wall clock.

use serde::Serialize;

use super::error::ApiError;
use crate::simulator::VenueOptions;

const SECOND_MS: i64 = 1_000;
const MINUTE_MS: i64 = 60 * SECOND_MS;
const DAY_MS: i64 = 24 * 60 * MINUTE_MS;

/// One limit as answers and exchangeInfo show it.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RateLimit {
    rate_limit_type: &'static str,
    interval: &'static str,
    interval_num: u32,
    limit: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<u64>,
}

impl RateLimit {
    pub(super) const fn without_count(self) -> Self {
        Self { count: None, ..self }
    }
}

/// A count that begins anew with each interval of the wall clock.
#[derive(Clone, Copy, Debug)]
struct Window {
    length_ms: i64,
    limit: u64,
    interval: i64,
    count: u64,
}

impl Window {
    const fn new(length_ms: i64, limit: u64) -> Self {
        Self { length_ms, limit, interval: 0, count: 0 }
    }

    fn at(&mut self, now_ms: i64) -> &mut u64 {
        let interval = now_ms.div_euclid(self.length_ms);
        if interval != self.interval {
            (self.interval, self.count) = (interval, 0);
        }
        &mut self.count
    }

    fn is_full(&mut self, now_ms: i64) -> bool {
        *self.at(now_ms) >= self.limit
    }
}

/// Request weight. There is one caller's address: loopback.
#[derive(Debug)]
pub(crate) struct WeightLimit {
    window: Window,
    peak: u64,
    refused: u64,
}

impl WeightLimit {
    pub(crate) fn new(options: &VenueOptions) -> Self {
        let most = options.weight_per_minute.unwrap_or_else(|| options.profile.weight_per_minute());
        Self { window: Window::new(MINUTE_MS, most), peak: 0, refused: 0 }
    }

    /// Counts a request.
    pub(super) fn spend(&mut self, weight: u64, now_ms: i64) -> Result<(), ApiError> {
        let full = self.window.is_full(now_ms);
        let count = self.window.at(now_ms);
        *count += weight;
        self.peak = self.peak.max(*count);
        self.refused += u64::from(full);
        if full { Err(ApiError::too_much_weight()) } else { Ok(()) }
    }

    /// The most that was spent in any minute.
    pub(crate) const fn peak(&self) -> u64 {
        self.peak
    }

    /// Requests that found nothing left.
    pub(crate) const fn refused(&self) -> u64 {
        self.refused
    }

    pub(super) fn shown(&mut self, now_ms: i64) -> RateLimit {
        RateLimit {
            rate_limit_type: "REQUEST_WEIGHT",
            interval: "MINUTE",
            interval_num: 1,
            limit: self.window.limit,
            count: Some(*self.window.at(now_ms)),
        }
    }

    pub(super) fn used(&mut self, now_ms: i64) -> u64 {
        *self.window.at(now_ms)
    }

    /// Seconds until the window ends.
    pub(super) const fn retry_after_s(now_ms: i64) -> i64 {
        (MINUTE_MS - now_ms.rem_euclid(MINUTE_MS)) / SECOND_MS + 1
    }
}

/// An account's unfilled orders: one more for each that is accepted, fewer when they trade.
#[derive(Debug)]
pub(crate) struct OrderLimit {
    ten_seconds: Window,
    day: Window,
    peak: u64,
    refused: u64,
}

impl OrderLimit {
    pub(crate) fn new(options: &VenueOptions) -> Self {
        let most = options.orders_per_10s.unwrap_or_else(|| options.profile.orders_per_10s());
        Self {
            ten_seconds: Window::new(10 * SECOND_MS, most),
            day: Window::new(DAY_MS, options.profile.orders_per_day()),
            peak: 0,
            refused: 0,
        }
    }

    /// Counts an order that finds nothing left.
    pub(super) fn check(&mut self, now_ms: i64) -> Result<(), ApiError> {
        let full = self.full(now_ms);
        self.refused += u64::from(full.is_some());
        full.map_or(Ok(()), |(limit, interval)| Err(ApiError::too_many_orders(limit, interval)))
    }

    fn full(&mut self, now_ms: i64) -> Option<(u64, &'static str)> {
        let windows = [(&mut self.ten_seconds, "10 SECOND"), (&mut self.day, "1 DAY")];
        let mut full = windows.into_iter().filter_map(|(window, interval)| {
            let is_full = window.is_full(now_ms);
            is_full.then_some((window.limit, interval))
        });
        full.next()
    }

    pub(super) fn accepted(&mut self, now_ms: i64) {
        let count = self.ten_seconds.at(now_ms);
        *count += 1;
        self.peak = self.peak.max(*count);
        *self.day.at(now_ms) += 1;
    }

    /// The most unfilled orders of any 10 s.
    pub(crate) const fn peak(&self) -> u64 {
        self.peak
    }

    /// Orders that found nothing left.
    pub(crate) const fn refused(&self) -> u64 {
        self.refused
    }

    /// An order traded for the first time: that gives one back to a taker and more to a maker.
    pub(super) fn first_fill(&mut self, gives_back: u64, now_ms: i64) {
        for window in [&mut self.ten_seconds, &mut self.day] {
            let count = window.at(now_ms);
            *count = count.saturating_sub(gives_back);
        }
    }

    pub(super) fn used(&mut self, now_ms: i64) -> (u64, u64) {
        (*self.ten_seconds.at(now_ms), *self.day.at(now_ms))
    }

    pub(super) fn shown(&mut self, now_ms: i64) -> [RateLimit; 2] {
        let (ten_seconds, day) = self.used(now_ms);
        let limit = |interval, interval_num, limit, count| RateLimit {
            rate_limit_type: "ORDERS",
            interval,
            interval_num,
            limit,
            count: Some(count),
        };
        [limit("SECOND", 10, self.ten_seconds.limit, ten_seconds), limit("DAY", 1, self.day.limit, day)]
    }
}
