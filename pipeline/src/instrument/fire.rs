//! The gate, and what happens to a tick that passes it: a pair or a skip.

use std::time::Duration;

use schemas::ids::{ClientOrderId, Leg as LegKind};
use schemas::tick::TradeKey;

use super::Instrument;
use crate::alarm::Alarm;
use crate::event::FeedTick;
use crate::rules::{BestPrices, decide};
use crate::skip::Skip;
use crate::time::{Nanos, Now};
use crate::trade::Trade;

/// A tick's time may lie this far ahead.
const FUTURE_MS_MAX: i64 = 2_000;
/// Orders of a pair.
const PAIR: u64 = 2;

impl Instrument {
    pub(super) const fn is_idle(&self) -> bool {
        self.may_probe() && self.probe.state().is_over()
    }

    pub(super) fn gate_open(&self, now: Now) -> bool {
        self.is_idle() && self.interval_left(now).is_zero()
    }

    /// What is left of the Interval since the last fire, or until its own rate allows another pair.
    pub(super) fn interval_left(&self, now: Now) -> Duration {
        let left = self.memory.last.map_or(0, |last| {
            self.settings.rules.interval_ms.saturating_sub(now.wall_ms.saturating_sub(last.fired_ms))
        });
        let rate = self.rate.map_or(Duration::ZERO, |rate| rate.from(PAIR).since(now.mono));
        Duration::from_millis(u64::try_from(left).unwrap_or(0)).max(rate)
    }

    /// Decides on one tick: a pair or a skip.
    pub(super) fn fire(&mut self, tick: FeedTick, now: Now) {
        match self.decide(&tick, now) {
            Ok(trade) => {
                self.position.follow(&trade);
                if let Some(TradeKey::Number(number)) = tick.tick.key() {
                    self.traded_up_to = Some(number);
                }
                if let Some(rate) = &mut self.rate {
                    rate.spend(PAIR, now.mono);
                }
                self.trade = Some(trade);
                self.run_trade(now);
            }
            Err(skip) => self.counts.skips[skip.index()] += 1,
        }
    }

    fn decide(&mut self, tick: &FeedTick, now: Now) -> Result<Trade, Skip> {
        let tick_until = self.tick_until(tick, now)?;
        self.doubt_a_book_that_stands_still(now);
        let top = self.live_top(now).ok_or(Skip::StaleBook)?;
        let view = self.own.view(&top, now);
        let best =
            BestPrices { bid: view.bid.map(|level| level.price), ask: view.ask.map(|level| level.price) };
        let sequence = self.sequence_from + self.counts.pairs - self.pairs_before;
        let draw = self.settings.chance.draw(self.counts.pairs);
        let mut memory = self.memory;
        let pair = decide(&self.settings.rules, &mut memory, &tick.tick, best, now.wall_ms, draw)?;
        let pair = pair.sent_in(self.settings.contract_size).ok_or(Skip::LimitsConflict)?;
        let price = pair.price.decimal(self.settings.rules.params.price_decimals);
        let resting = pair.order_qty.decimal(pair.order_qty_decimals);
        if !self.position.admits(resting, price) {
            self.alarms.insert(Alarm::PositionBound);
            return Err(Skip::PositionBound);
        }
        self.memory = memory;
        self.counts.pairs += 1;
        self.own.maker_resting(pair.maker_side, price, resting, view);
        let id = |leg| ClientOrderId::new(self.settings.prefix, self.settings.epoch, sequence, leg);
        // The taker meets our own maker: that one rests already, so its own freshness counts, not what is left
        // of the tick's and the book's.
        let ages = self.settings.tick_age_max.min(self.settings.book_age_max);
        let not_after = [tick_until.min(top.confirmed.mono + self.settings.book_age_max), now.mono + ages];
        let ids = [id(LegKind::Maker), id(LegKind::Taker)];
        let mut trade = Trade::new(pair, *tick, ids, self.settings.recv_window, not_after, now);
        trade.book_update_id = top.update_id;
        trade.expect_price(price);
        Ok(trade)
    }

    /// Until when a tick may be traded on, by its event time or else its arrival.
    pub(super) fn tick_until(&self, tick: &FeedTick, now: Now) -> Result<Nanos, Skip> {
        let arrived = now.mono.since(tick.received.mono);
        let age = match tick.tick.time_ms.map(|time_ms| now.wall_ms.saturating_sub(time_ms)) {
            Some(age_ms) if age_ms < -FUTURE_MS_MAX => return Err(Skip::FutureTick),
            // A tick that is dated ahead is as old as its arrival, however long it waits.
            Some(age_ms) => Duration::from_millis(u64::try_from(age_ms).unwrap_or(0)).max(arrived),
            None => arrived,
        };
        let left = self.settings.tick_age_max.checked_sub(age).ok_or(Skip::StaleTick)?;
        Ok(now.mono + left)
    }
}
