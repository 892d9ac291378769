//! Candles, built trade by trade.
//!
//! A trade touches the candle of its second alone; a second that is over is added to the candle of every
//! interval. Only candles with trades are kept: empty ones repeat the close before them, and are made up where
//! somebody asks for them.

use std::collections::VecDeque;

use super::topic::INTERVALS;

const SECOND_MS: i64 = 1_000;
const MINUTE_MS: i64 = 60 * SECOND_MS;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;

/// Candles with trades that are kept of an interval at least.
const KEPT: usize = 1_000;
/// As [`KEPT`], of minutes: a window of seven days is added up from them.
const MINUTES_KEPT: usize = 7 * 24 * 60 + 1;
/// The place of minutes in [`INTERVALS`].
const MINUTE: usize = 1;
/// The place of seconds in [`INTERVALS`].
const SECOND: usize = 0;

/// One candle: prices in ticks, quantities in lots, amounts in tick-lots.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::simulator) struct Candle {
    pub(in crate::simulator) open_ms: i64,
    pub(in crate::simulator) open: i64,
    pub(in crate::simulator) high: i64,
    pub(in crate::simulator) low: i64,
    pub(in crate::simulator) close: i64,
    pub(in crate::simulator) qty: i128,
    pub(in crate::simulator) quote: i128,
    /// What takers bought.
    pub(in crate::simulator) taker_qty: i128,
    pub(in crate::simulator) taker_quote: i128,
    pub(in crate::simulator) trades: u64,
    /// The first and the last trade; 0 if there is none.
    pub(in crate::simulator) ids: (u64, u64),
}

/// What candles ask of a trade.
#[derive(Clone, Copy, Debug)]
pub(in crate::simulator) struct Print {
    pub(in crate::simulator) id: u64,
    pub(in crate::simulator) time_ms: i64,
    pub(in crate::simulator) price: i64,
    pub(in crate::simulator) qty: i64,
    pub(in crate::simulator) buyer_is_maker: bool,
}

impl Candle {
    fn of_trade(trade: &Print) -> Self {
        let (qty, quote) = (i128::from(trade.qty), i128::from(trade.price) * i128::from(trade.qty));
        let bought = i128::from(!trade.buyer_is_maker);
        Self {
            open_ms: floor(SECOND, trade.time_ms),
            open: trade.price,
            high: trade.price,
            low: trade.price,
            close: trade.price,
            qty,
            quote,
            taker_qty: qty * bought,
            taker_quote: quote * bought,
            trades: 1,
            ids: (trade.id, trade.id),
        }
    }

    /// One without trades, after that close.
    const fn empty(open_ms: i64, close: i64) -> Self {
        Self {
            open_ms,
            open: close,
            high: close,
            low: close,
            close,
            qty: 0,
            quote: 0,
            taker_qty: 0,
            taker_quote: 0,
            trades: 0,
            ids: (0, 0),
        }
    }

    /// Adds what came after it.
    fn add(&mut self, later: &Self) {
        self.high = self.high.max(later.high);
        self.low = self.low.min(later.low);
        self.close = later.close;
        self.qty += later.qty;
        self.quote += later.quote;
        self.taker_qty += later.taker_qty;
        self.taker_quote += later.taker_quote;
        self.trades += later.trades;
        self.ids.1 = later.ids.1;
    }
}

/// A symbol's candles of all intervals.
#[derive(Debug, Default)]
pub(in crate::simulator) struct Candles {
    last: Option<Print>,
    /// The second that is not over yet.
    second: Option<Candle>,
    /// By place in [`INTERVALS`], oldest first, without the second above.
    series: [VecDeque<Candle>; INTERVALS.len()],
}

impl Candles {
    /// Adds a trade. Their times do not fall.
    pub(in crate::simulator) fn add(&mut self, trade: &Print) {
        let candle = Candle::of_trade(trade);
        self.last = Some(*trade);
        match &mut self.second {
            Some(second) if second.open_ms >= candle.open_ms => second.add(&candle),
            second => {
                if let Some(over) = second.replace(candle) {
                    self.keep(over);
                }
            }
        }
    }

    fn keep(&mut self, second: Candle) {
        for (interval, series) in self.series.iter_mut().enumerate() {
            let open_ms = floor(interval, second.open_ms);
            match series.back_mut().filter(|last| last.open_ms == open_ms) {
                Some(last) => last.add(&second),
                None => {
                    let most = if interval == MINUTE { MINUTES_KEPT } else { KEPT };
                    if series.len() >= most {
                        series.pop_front();
                    }
                    series.push_back(Candle { open_ms, ..second });
                }
            }
        }
    }

    /// The last trade.
    pub(in crate::simulator) const fn last(&self) -> Option<Print> {
        self.last
    }

    /// The candles with trades of an interval, newest first.
    pub(in crate::simulator) fn newest_first(&self, interval: usize) -> impl Iterator<Item = Candle> {
        let series = &self.series[interval];
        let newest = self.second.map(|second| {
            let open_ms = floor(interval, second.open_ms);
            match series.back().filter(|last| last.open_ms == open_ms) {
                None => (Candle { open_ms, ..second }, 0),
                Some(last) => {
                    let mut whole = *last;
                    whole.add(&second);
                    (whole, 1)
                }
            }
        });
        let merged = newest.map_or(0, |(_, merged)| merged);
        newest.map(|(candle, _)| candle).into_iter().chain(series.iter().rev().skip(merged).copied())
    }

    /// The candle of an interval that is open at `at_ms`; none before the first trade.
    pub(in crate::simulator) fn at(&self, interval: usize, at_ms: i64) -> Option<Candle> {
        let open_ms = floor(interval, at_ms);
        let last = self.newest_first(interval).find(|candle| candle.open_ms <= open_ms)?;
        Some(if last.open_ms == open_ms { last } else { Candle::empty(open_ms, last.close) })
    }

    /// Candles of an interval that open in `from_ms..=to_ms`, empty ones too, oldest first: the newest `limit`
    /// of them, or the oldest where `from_ms` is given. None opens after `now_ms`.
    pub(in crate::simulator) fn list(
        &self,
        interval: usize,
        (from_ms, to_ms): (Option<i64>, i64),
        limit: usize,
        now_ms: i64,
    ) -> Vec<Candle> {
        let mut known: Vec<Candle> = self.newest_first(interval).collect();
        known.reverse();
        let (Some(first), last_ms) = (known.first(), floor(interval, to_ms.min(now_ms))) else {
            return Vec::new();
        };
        let mut open_ms = match from_ms {
            Some(from_ms) if floor(interval, from_ms) < from_ms => next(interval, from_ms),
            Some(from_ms) => from_ms,
            None => back(interval, last_ms, limit - 1),
        }
        .max(first.open_ms);
        let mut out = Vec::with_capacity(limit.min(1_000));
        let mut at = known.partition_point(|candle| candle.open_ms <= open_ms);
        while open_ms <= last_ms && out.len() < limit {
            while known.get(at).is_some_and(|candle| candle.open_ms <= open_ms) {
                at += 1;
            }
            let last = known[at - 1];
            out.push(if last.open_ms == open_ms { last } else { Candle::empty(open_ms, last.close) });
            open_ms = next(interval, open_ms);
        }
        out
    }

    /// All trades since a minute began, as one candle that opens then; the price before it where there are none,
    /// nothing before the first trade.
    pub(in crate::simulator) fn since(&self, minute_ms: i64) -> Option<Candle> {
        let mut sum: Option<Candle> = None;
        for candle in self.newest_first(MINUTE) {
            if candle.open_ms < minute_ms {
                return Some(match sum {
                    None => Candle::empty(minute_ms, candle.close),
                    Some(sum) => Candle { open_ms: minute_ms, ..sum },
                });
            }
            let mut older = candle;
            if let Some(newer) = &sum {
                older.add(newer);
            }
            sum = Some(older);
        }
        sum.map(|sum| Candle { open_ms: minute_ms, ..sum })
    }

    /// The close of the newest minute that is over before `minute_ms`.
    pub(in crate::simulator) fn close_before(&self, minute_ms: i64) -> Option<i64> {
        self.newest_first(MINUTE).find(|candle| candle.open_ms < minute_ms).map(|candle| candle.close)
    }

    /// The price of the last so many seconds' trades, weighted by quantity, in ticks and rounded to the nearest;
    /// the last price where nothing traded.
    pub(in crate::simulator) fn average(&self, seconds: i64, now_ms: i64) -> Option<i64> {
        let from_ms = floor(SECOND, now_ms) - (seconds - 1) * SECOND_MS;
        let recent = self.newest_first(SECOND).take_while(|candle| candle.open_ms >= from_ms);
        let (qty, quote) = recent.fold((0, 0), |(qty, quote), c| (qty + c.qty, quote + c.quote));
        if qty > 0 {
            return i64::try_from((2 * quote + qty) / (2 * qty)).ok();
        }
        self.newest_first(SECOND).next().map(|candle| candle.close)
    }
}

/// When the candle of an interval (a place in [`INTERVALS`]) opened that holds that moment. Weeks begin on
/// Monday, months on their first day, all of it in UTC.
pub(in crate::simulator) fn floor(interval: usize, at_ms: i64) -> i64 {
    const MONDAY_MS: i64 = 4 * DAY_MS;
    match length_ms(interval) {
        None => month_ms(month_of(at_ms)),
        Some(length_ms) if length_ms == 7 * DAY_MS => {
            (at_ms - MONDAY_MS).div_euclid(length_ms) * length_ms + MONDAY_MS
        }
        Some(length_ms) => at_ms.div_euclid(length_ms) * length_ms,
    }
}

/// When the next candle opens after that which holds that moment.
pub(in crate::simulator) fn next(interval: usize, at_ms: i64) -> i64 {
    match length_ms(interval) {
        None => month_ms(month_of(at_ms) + 1),
        Some(length_ms) => floor(interval, at_ms) + length_ms,
    }
}

/// When the candle opened that is so many before the one that opened at `open_ms`.
fn back(interval: usize, open_ms: i64, count: usize) -> i64 {
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    match length_ms(interval) {
        None => month_ms((month_of(open_ms) - count).max(0)),
        Some(length_ms) => open_ms.saturating_sub(length_ms.saturating_mul(count)),
    }
}

/// How long candles of an interval are; none = a month.
fn length_ms(interval: usize) -> Option<i64> {
    let name = INTERVALS[interval];
    let (count, unit) = name.split_at(name.len() - 1);
    let count: i64 = count.parse().expect("intervals are a number and a unit");
    match unit {
        "s" => Some(count * SECOND_MS),
        "m" => Some(count * MINUTE_MS),
        "h" => Some(count * HOUR_MS),
        "d" => Some(count * DAY_MS),
        "w" => Some(count * 7 * DAY_MS),
        _ => None,
    }
}

/// Months since the beginning of the epoch.
fn month_of(at_ms: i64) -> i64 {
    let day = at_ms.div_euclid(DAY_MS);
    // Never too many: no month is shorter than 28 days.
    let mut month = day / 31;
    while month_ms(month + 1) <= day * DAY_MS {
        month += 1;
    }
    month
}

/// When that month began.
const fn month_ms(month: i64) -> i64 {
    let (year, month) = (1970 + month.div_euclid(12), month.rem_euclid(12));
    // Years that begin in March have the leap day at their end.
    let (year, from_march) = if month < 2 { (year - 1, month + 10) } else { (year, month - 2) };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    let days = 365 * year + leap_days + (153 * from_march + 2) / 5;
    // The first of March of the year 0 is that many days before the epoch.
    (days - 719_468) * DAY_MS
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON_MS: i64 = 1_790_000_000_000;

    fn at(name: &str) -> usize {
        INTERVALS.iter().position(|own| *own == name).unwrap()
    }

    fn trade(id: u64, time_ms: i64, price: i64, qty: i64) -> Print {
        Print { id, time_ms, price, qty, buyer_is_maker: id.is_multiple_of(2) }
    }

    #[test]
    fn a_coarse_candle_is_the_sum_of_its_seconds() {
        let mut candles = Candles::default();
        let open_ms = floor(at("1h"), NOON_MS);
        for (id, (after_ms, price)) in
            [(0, 100), (900, 120), (59_000, 90), (3_599_999, 110)].iter().enumerate()
        {
            candles.add(&trade(id as u64 + 1, open_ms + after_ms, *price, 2));
        }
        let hour = candles.at(at("1h"), open_ms + 3_599_999).unwrap();
        assert_eq!((hour.open, hour.high, hour.low, hour.close), (100, 120, 90, 110));
        assert_eq!((hour.qty, hour.quote, hour.taker_qty, hour.trades), (8, 840, 4, 4));
        assert_eq!(hour.ids, (1, 4));
        let minute = candles.at(at("1m"), open_ms).unwrap();
        assert_eq!((minute.close, minute.trades), (90, 3));
    }

    #[test]
    fn empty_candles_repeat_the_close_before_them() {
        let mut candles = Candles::default();
        let open_ms = floor(at("1m"), NOON_MS);
        candles.add(&trade(1, open_ms, 100, 1));
        candles.add(&trade(2, open_ms + 180_000, 105, 1));
        let now_ms = open_ms + 240_000;
        let all = candles.list(at("1m"), (None, i64::MAX), 500, now_ms);
        let closes: Vec<_> = all.iter().map(|candle| (candle.open, candle.close, candle.trades)).collect();
        assert_eq!(closes, [(100, 100, 1), (100, 100, 0), (100, 100, 0), (105, 105, 1), (105, 105, 0)]);
        let two = candles.list(at("1m"), (None, i64::MAX), 2, now_ms);
        assert_eq!(two, all[3..]);
        let from = candles.list(at("1m"), (Some(open_ms + 1), i64::MAX), 2, now_ms);
        assert_eq!(from, all[1..3]);
        assert_eq!(candles.list(at("1m"), (Some(open_ms), open_ms + 60_000), 9, now_ms), all[..2]);
    }

    #[test]
    fn a_window_and_an_average_take_what_lies_in_them() {
        let mut candles = Candles::default();
        let open_ms = floor(at("1h"), NOON_MS);
        candles.add(&trade(1, open_ms, 100, 1));
        candles.add(&trade(2, open_ms + 600_000, 200, 3));
        assert_eq!(candles.since(open_ms).unwrap().quote, 700);
        assert_eq!(candles.since(open_ms + 60_000).unwrap().trades, 1);
        assert_eq!(candles.since(open_ms + 660_000).unwrap().close, 200);
        assert_eq!(candles.average(1_200, open_ms + 600_000), Some(175));
        assert_eq!(candles.average(60, open_ms + 6_000_000), Some(200), "nothing traded: the last price");
    }

    #[test]
    fn weeks_begin_on_monday_and_months_on_their_first_day() {
        // 2026-09-21 was a Monday; NOON_MS lies in it.
        assert_eq!(floor(at("1w"), NOON_MS), 1_789_948_800_000);
        assert_eq!(floor(at("1M"), NOON_MS), 1_788_220_800_000);
        assert_eq!(next(at("1M"), NOON_MS), 1_790_812_800_000);
        assert_eq!(floor(at("1M"), 1_709_210_000_000), 1_706_745_600_000, "29 February 2024");
        assert_eq!(next(at("1M"), 1_709_210_000_000), 1_709_251_200_000);
        assert_eq!(floor(at("1M"), 0), 0);
    }

    #[test]
    fn many_candles_are_kept_and_not_all() {
        let mut candles = Candles::default();
        for second in 0..2_500_u64 {
            candles.add(&trade(second + 1, NOON_MS + second as i64 * 1_000, 100, 1));
        }
        assert_eq!(candles.newest_first(SECOND).count(), KEPT + 1);
        let now_ms = NOON_MS + 2_499_000;
        assert_eq!(candles.list(SECOND, (None, i64::MAX), 1_000, now_ms).len(), 1_000);
    }
}
