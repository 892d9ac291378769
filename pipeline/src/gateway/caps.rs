//! Caps on what an account does in an hour: orders, and what they are worth. Whole numbers throughout.

use std::collections::VecDeque;
use std::time::Duration;

use schemas::units::{Decimal, Rounding};

use super::bounds::Bounds;
use crate::command::PlaceLeg;
use crate::time::Nanos;

/// An hour is counted in minutes; the one that is half over counts whole.
const SLOT: Duration = Duration::from_secs(60);
const SLOTS: u64 = 61;
/// Digits after the point of what orders are worth; the rest is rounded up.
const DECIMALS: u8 = 8;

/// The account's hour.
#[derive(Clone, Debug, Default)]
pub(super) struct Caps {
    orders: Option<u64>,
    notional: Option<i128>,
    /// The minutes in which something left, oldest first: their number, orders, worth.
    slots: VecDeque<(u64, u64, i128)>,
}

impl Caps {
    /// One of `sharers` equal parts of an account's caps.
    pub(super) fn new(bounds: &Bounds, sharers: u32) -> Self {
        let sharers = sharers.max(1);
        let worth = |most: Decimal| most.to_steps(DECIMALS, Rounding::Down).unwrap_or(i128::MAX);
        Self {
            orders: bounds.orders_an_hour.map(|most| most / u64::from(sharers)),
            notional: bounds.notional_an_hour.map(|most| worth(most) / i128::from(sharers)),
            slots: VecDeque::with_capacity(usize::try_from(SLOTS + 1).unwrap_or(64)),
        }
    }

    /// Whether so many orders like this one may leave within the hour.
    pub(super) fn allows(&self, count: u64, leg: &PlaceLeg, price_decimals: u8, now: Nanos) -> bool {
        if self.orders.is_none() && self.notional.is_none() {
            return true;
        }
        let (orders, notional) = self.left(now);
        let worth = worth(leg, price_decimals).and_then(|worth| worth.checked_mul(i128::from(count)));
        orders >= count && (self.notional.is_none() || worth.is_some_and(|worth| worth <= notional))
    }

    /// An order left.
    pub(super) fn spend(&mut self, leg: &PlaceLeg, price_decimals: u8, now: Nanos) {
        if self.orders.is_none() && self.notional.is_none() {
            return;
        }
        let minute = minute(now);
        while self.slots.front().is_some_and(|(at, ..)| at + SLOTS <= minute) {
            self.slots.pop_front();
        }
        if self.slots.back().is_none_or(|(at, ..)| *at != minute) {
            self.slots.push_back((minute, 0, 0));
        }
        if let Some((_, orders, notional)) = self.slots.back_mut() {
            *orders += 1;
            *notional = notional.saturating_add(worth(leg, price_decimals).unwrap_or(i128::MAX));
        }
    }

    fn left(&self, now: Nanos) -> (u64, i128) {
        let minute = minute(now);
        let hour = self.slots.iter().filter(|(at, ..)| at + SLOTS > minute);
        let (orders, notional) = hour
            .fold((0, 0_i128), |(orders, sum), (_, more, worth)| (orders + more, sum.saturating_add(*worth)));
        (
            self.orders.map_or(u64::MAX, |most| most.saturating_sub(orders)),
            self.notional.map_or(i128::MAX, |most| most.saturating_sub(notional)),
        )
    }
}

/// What an order is worth in the quote asset; `None` beyond numbers.
fn worth(leg: &PlaceLeg, price_decimals: u8) -> Option<i128> {
    let steps = leg.price.steps().checked_mul(leg.qty.steps())?;
    let decimals = price_decimals.checked_add(leg.qty_decimals)?;
    Decimal::from_steps(steps, decimals).to_steps(DECIMALS, Rounding::Up)
}

fn minute(now: Nanos) -> u64 {
    now.0 / u64::try_from(SLOT.as_nanos()).unwrap_or(u64::MAX)
}
