//! Rate limits: windows aligned to the wall clock. What addresses are limited in is told in
//! [`addresses`](super::addresses).

use serde::Serialize;

use super::error::ApiError;
use crate::simulator::profile::{MarketProfile, OrderWindow};

const SECOND_MS: i64 = 1_000;
const MINUTE_MS: i64 = 60 * SECOND_MS;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;

/// One limit as answers and exchangeInfo show it.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::simulator) struct RateLimit {
    rate_limit_type: &'static str,
    interval: &'static str,
    interval_num: i64,
    limit: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<u64>,
}

impl RateLimit {
    pub(super) const fn new(
        rate_limit_type: &'static str,
        (interval, interval_num): (&'static str, i64),
        limit: u64,
        count: Option<u64>,
    ) -> Self {
        Self { rate_limit_type, interval, interval_num, limit, count }
    }

    pub(in crate::simulator) const fn without_count(self) -> Self {
        Self { count: None, ..self }
    }
}

/// A count that begins anew with each interval of the wall clock.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    length_ms: i64,
    pub(super) limit: u64,
    interval: i64,
    count: u64,
}

impl Window {
    pub(super) const fn new(length_ms: i64, limit: u64) -> Self {
        Self { length_ms, limit, interval: 0, count: 0 }
    }

    pub(super) fn at(&mut self, now_ms: i64) -> &mut u64 {
        let interval = now_ms.div_euclid(self.length_ms);
        if interval != self.interval {
            (self.interval, self.count) = (interval, 0);
        }
        &mut self.count
    }

    /// When it begins anew.
    pub(super) const fn end_ms(&self, now_ms: i64) -> i64 {
        (now_ms.div_euclid(self.length_ms) + 1) * self.length_ms
    }

    pub(super) fn is_full(&mut self, now_ms: i64) -> bool {
        *self.at(now_ms) >= self.limit
    }
}

/// An account's orders of one product. Spot counts unfilled ones: one more for each that is accepted, fewer when
/// they trade. USD-M counts all.
#[derive(Debug)]
pub(in crate::simulator) struct OrderLimit {
    windows: [Window; 2],
    /// The most of the first window.
    peak: u64,
    refused: u64,
}

impl OrderLimit {
    pub(in crate::simulator) fn new(market: &MarketProfile) -> Self {
        let window = |OrderWindow { length_ms, limit }| Window::new(length_ms, limit);
        Self { windows: market.orders.map(window), peak: 0, refused: 0 }
    }

    /// Counts an order that finds nothing left.
    pub(in crate::simulator) fn check(&mut self, now_ms: i64) -> Result<(), ApiError> {
        let full = self.full(now_ms);
        self.refused += u64::from(full.is_some());
        full.map_or(Ok(()), |(limit, interval)| Err(ApiError::too_many_orders(limit, &interval)))
    }

    fn full(&mut self, now_ms: i64) -> Option<(u64, String)> {
        let mut full = self.windows.iter_mut().filter_map(|window| {
            let is_full = window.is_full(now_ms);
            let (interval, count) = words(window.length_ms);
            is_full.then(|| (window.limit, format!("{count} {interval}")))
        });
        full.next()
    }

    pub(in crate::simulator) fn accepted(&mut self, now_ms: i64) {
        self.count([1, 1], now_ms);
    }

    /// Counts so many orders in each window: a batch counts differently in the two.
    pub(in crate::simulator) fn count(&mut self, counts: [u64; 2], now_ms: i64) {
        for (window, count) in self.windows.iter_mut().zip(counts) {
            *window.at(now_ms) += count;
        }
        self.peak = self.peak.max(self.windows[0].count);
    }

    /// The most orders of any first window.
    pub(in crate::simulator) const fn peak(&self) -> u64 {
        self.peak
    }

    /// Orders that found nothing left.
    pub(in crate::simulator) const fn refused(&self) -> u64 {
        self.refused
    }

    /// An order traded for the first time: that gives one back to a taker and more to a maker.
    pub(in crate::simulator) fn first_fill(&mut self, gives_back: u64, now_ms: i64) {
        for window in &mut self.windows {
            let count = window.at(now_ms);
            *count = count.saturating_sub(gives_back);
        }
    }

    pub(in crate::simulator) fn used(&mut self, now_ms: i64) -> [u64; 2] {
        let [first, second] = &mut self.windows;
        [*first.at(now_ms), *second.at(now_ms)]
    }

    pub(in crate::simulator) fn shown(&mut self, now_ms: i64) -> [RateLimit; 2] {
        let used = self.used(now_ms);
        let limit = |at: usize| {
            let window: &Window = &self.windows[at];
            let (interval, interval_num) = words(window.length_ms);
            RateLimit {
                rate_limit_type: "ORDERS",
                interval,
                interval_num,
                limit: window.limit,
                count: Some(used[at]),
            }
        };
        [limit(0), limit(1)]
    }
}

/// A window's length as the dialects write it: a word, and how many of them.
const fn words(length_ms: i64) -> (&'static str, i64) {
    match length_ms {
        ms if ms % DAY_MS == 0 => ("DAY", ms / DAY_MS),
        ms if ms % HOUR_MS == 0 => ("HOUR", ms / HOUR_MS),
        ms if ms % MINUTE_MS == 0 => ("MINUTE", ms / MINUTE_MS),
        ms => ("SECOND", ms / SECOND_MS),
    }
}
