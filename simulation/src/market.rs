//! The reference markets: each prints trades with rising ids; publishers send them on.

use std::collections::VecDeque;

use schemas::order::Side;
use schemas::tick::{Tick, TickId};
use schemas::units::Decimal;

use crate::dice::Dice;
use crate::setup::{PRICE_DECIMALS, QTY_DECIMALS};
use crate::wall_ms;

/// Trades that can come again.
const KEPT: usize = 600;

/// One trade of a reference market.
#[derive(Clone, Copy, Debug)]
pub struct Print {
    /// Its number, rising by one.
    pub id: u64,
    /// When it truly happened.
    pub at: u64,
    /// As it is published.
    pub tick: Tick,
}

/// One reference market.
#[derive(Debug)]
pub struct Market {
    next_id: u64,
    /// In steps.
    price: i64,
    printed: VecDeque<Print>,
}

impl Market {
    /// A market at that price, in steps, whose trades are counted from `first`.
    #[must_use]
    pub fn new(price: i64, first: u64) -> Self {
        Self { next_id: first, price, printed: VecDeque::with_capacity(KEPT) }
    }

    /// The last price, in steps.
    #[must_use]
    pub const fn price(&self) -> i64 {
        self.price
    }

    /// Another trade. With `jump` its price is half as high again, for once.
    pub fn print(&mut self, at: u64, jump: bool, dice: &mut Dice) -> Print {
        self.price = (self.price + dice.around(30)).clamp(50_000, 200_000);
        let price = if jump { self.price * 3 / 2 } else { self.price };
        let print = Print {
            id: self.next_id,
            at,
            tick: Tick {
                price: Some(Decimal::from_steps(i128::from(price), PRICE_DECIMALS)),
                qty: Some(Decimal::from_steps(i128::from(dice.between(1, 1_500)), QTY_DECIMALS)),
                side: Some(dice.pick(&[Side::Buy, Side::Sell])),
                time_ms: Some(wall_ms(at)),
                id: Some(TickId::new(&self.next_id.to_string())),
            },
        };
        self.next_id += 1;
        if self.printed.len() == KEPT {
            self.printed.pop_front();
        }
        self.printed.push_back(print);
        print
    }

    /// When a trade truly happened, where that is still known.
    #[must_use]
    pub fn happened(&self, id: u64) -> Option<u64> {
        let first = self.printed.front()?.id;
        let place = usize::try_from(id.checked_sub(first)?).ok()?;
        self.printed.get(place).map(|print| print.at)
    }

    /// The last so many trades, oldest first.
    pub fn last(&self, count: usize) -> impl Iterator<Item = &Print> {
        self.printed.iter().skip(self.printed.len().saturating_sub(count))
    }
}
