//! What a crowd wants of one symbol: pure. The book as it is and a moment come in, intents go out.
//!
//! Resting orders lie on a ladder, one a level, bids up to a price and asks from one tick above it. The price follows a
//! reference, and leaves it by a few ticks at most. Chance is seeded; the same calls give the same intents.

use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};
use schemas::order::Side;

use super::settings::CrowdSettings;
use crate::simulator::engine::OrderId;
use crate::simulator::profile::{Range, STEPS_MAX};

const MILLION: u32 = 1_000_000;
/// Ticks by which the price may leave its reference without a reason.
const STRAY_MAX: i64 = 3;
/// Of a million looks, how many move the price by a tick without a reason.
const STRAY_PPM: u32 = 100_000;
/// Of a million takers, how many take the same side as the one before.
const SAME_SIDE_PPM: u32 = 700_000;
/// Most ticks by which one print at the touch moves the price.
const PUSH_MAX: i64 = 64;
/// Levels beyond the ladder's end at which an order may stay.
const SLACK: i64 = 5;
/// Most strangers' orders of one look.
const TAKERS_MAX: u64 = 16;
/// Most resting orders that one look places.
const PLACES_MAX: usize = 200;
/// Longest time that one look makes up for.
const GAP_MS_MAX: i64 = 1_000;

/// What the crowd wants done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intent {
    /// Take one of the crowd's orders out of the book.
    Cancel(OrderId),
    /// Put an order into the book, if it does not trade at once.
    Rest {
        /// Bid or ask.
        side: Side,
        /// In ticks.
        price: i64,
        /// In lots.
        lots: i64,
    },
    /// Trade with who is there, and leave nothing behind.
    Take {
        /// Buy or sell.
        side: Side,
        /// The worst price, in ticks.
        price: i64,
        /// In lots.
        lots: i64,
    },
}

/// An order of the crowd that rests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resting {
    /// Its number.
    pub id: OrderId,
    /// Bid or ask.
    pub side: Side,
    /// In ticks.
    pub price: i64,
}

/// The book as the crowd sees it.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// The crowd's own orders.
    pub own: Vec<Resting>,
    /// Best bid and best ask of all, in ticks.
    pub best: [Option<i64>; 2],
}

/// What a symbol's prices and quantities may be.
#[derive(Clone, Copy, Debug)]
pub struct Grid {
    /// Prices, in ticks.
    pub price: Range,
    /// Quantities, in lots.
    pub lot: Range,
    /// Price times quantity of one whole unit of the quote asset, in tick-lots.
    pub unit: i128,
}

/// The crowd of one symbol.
#[derive(Clone, Debug)]
pub struct Shape {
    settings: CrowdSettings,
    grid: Grid,
    rng: Xoshiro256PlusPlus,
    /// Where the market is, in ticks; none until somebody has said so.
    reference: Option<i64>,
    /// The best bid that is wanted.
    bid: i64,
    /// Steps by which the last print moved the price; its sign is the direction.
    push: i64,
    looked_ms: Option<i64>,
    taker_side: Side,
}

impl Shape {
    /// The crowd that a seed gives a symbol; silent until it has a reference.
    #[must_use]
    pub fn new(settings: &CrowdSettings, seed: u64, grid: Grid) -> Self {
        Self {
            settings: settings.clone(),
            grid,
            rng: Xoshiro256PlusPlus::seed_from_u64(seed),
            reference: None,
            bid: 0,
            push: 0,
            looked_ms: None,
            taker_side: Side::Buy,
        }
    }

    /// Where the crowd thinks the market is, in ticks.
    #[must_use]
    pub const fn reference(&self) -> Option<i64> {
        self.reference
    }

    /// The reference market is at that price.
    pub fn set_reference(&mut self, price: i64) {
        self.push = 0;
        self.go_to(price);
    }

    /// Somebody else's trade: at the touch it moves the price, twice as far each time in a row; between bid and ask, or
    /// beyond them, it is the price.
    pub fn handle_print(&mut self, price: i64) {
        let step = self.step();
        let direction = match self.reference {
            None => 0,
            Some(_) if price == self.bid + step => 1,
            Some(_) if price == self.bid => -1,
            Some(_) => 0,
        };
        let doubled = (self.push.abs() * 2).clamp(1, PUSH_MAX);
        self.push = if self.push.signum() == direction { direction * doubled } else { direction };
        self.go_to(price + self.push * step);
    }

    /// An order of somebody else has come to rest, at the touch, with so many lots at its price in all: a stranger may
    /// take it at once.
    pub fn handle_rested(&mut self, side: Side, price: i64, lots: i64) -> Option<Intent> {
        let sniped = self.reference.is_some() && self.chance(self.settings.snipe_ppm);
        sniped.then_some(Intent::Take { side: opposite(side), price, lots })
    }

    /// What is wanted now; to be called often. Nothing before the next look is due.
    pub fn poll(&mut self, now_ms: i64, view: &View, out: &mut Vec<Intent>) {
        let every = i64::try_from(self.settings.refresh_ms).unwrap_or(i64::MAX);
        let gone = self.looked_ms.map_or(every, |looked_ms| now_ms.saturating_sub(looked_ms));
        if self.reference.is_none() || (gone < every && gone >= 0) {
            return;
        }
        self.looked_ms = Some(now_ms);
        self.stray();
        let (bid, ask) = self.touch();
        let kept = self.cancel(view, bid, ask, out);
        self.fill(view, &kept, bid, ask, out);
        self.take(view, gone.clamp(0, GAP_MS_MAX), out);
    }

    fn step(&self) -> i64 {
        self.grid.price.step.max(1)
    }

    /// The ladder's middle moves only as far as it must.
    fn go_to(&mut self, price: i64) {
        let step = self.step();
        let depth = i64::from(self.settings.levels) * step;
        let top = if self.grid.price.max == 0 { STEPS_MAX } else { self.grid.price.max };
        let lowest = self.grid.price.min.max(step);
        // Asks need room above, bids may end at the lowest price.
        let price = price.clamp(lowest, (top - depth - step).max(lowest));
        let price = price - price.rem_euclid(step);
        if self.reference.is_none() || price < self.bid {
            self.bid = price;
        } else if price > self.bid + step {
            self.bid = price - step;
        }
        self.reference = Some(price);
    }

    /// A tick up or down now and then, and back.
    fn stray(&mut self) {
        let Some(reference) = self.reference else { return };
        if !self.chance(STRAY_PPM) {
            return;
        }
        let step = self.step();
        let bid = if self.rng.random::<bool>() { self.bid + step } else { self.bid - step };
        let near = (reference - (STRAY_MAX + 1) * step)..=(reference + STRAY_MAX * step);
        if near.contains(&bid) && bid >= self.grid.price.min.max(step) {
            self.bid = bid;
        }
    }

    /// Best bid and ask for this look: one tick apart most of the time.
    fn touch(&mut self) -> (i64, i64) {
        let (step, mut bid) = (self.step(), self.bid);
        let mut ask = bid + step;
        if self.chance(self.settings.wide_ppm) {
            let more = self.rng.random_range(1..=3) * step;
            if self.rng.random::<bool>() {
                ask += more;
            } else {
                bid -= more;
            }
        }
        (bid, ask)
    }

    /// Takes out what lies on the wrong side or too far away, what is there twice, and now and then one level; answers
    /// what stays.
    fn cancel(&mut self, view: &View, bid: i64, ask: i64, out: &mut Vec<Intent>) -> Vec<Resting> {
        let reach = (i64::from(self.settings.levels) + SLACK) * self.step();
        let mut kept: Vec<Resting> = Vec::with_capacity(view.own.len());
        for own in &view.own {
            let place = match own.side {
                Side::Buy => own.price <= bid && own.price > bid - reach,
                Side::Sell => own.price >= ask && own.price < ask + reach,
            };
            if place && kept.iter().all(|other| (other.side, other.price) != (own.side, own.price)) {
                kept.push(*own);
            } else {
                out.push(Intent::Cancel(own.id));
            }
        }
        if !kept.is_empty() && self.chance(self.settings.churn_ppm) {
            let gone = kept.swap_remove(self.rng.random_range(0..kept.len()));
            out.push(Intent::Cancel(gone.id));
        }
        kept
    }

    /// Fills the levels that have no order, the best ones first.
    fn fill(&mut self, view: &View, kept: &[Resting], bid: i64, ask: i64, out: &mut Vec<Intent>) {
        let step = self.step();
        let foreign = self.foreign(view);
        let mut placed = 0;
        for level in 0..i64::from(self.settings.levels) {
            for (side, price) in [(Side::Buy, bid - level * step), (Side::Sell, ask + level * step)] {
                let free = kept.iter().all(|own| (own.side, own.price) != (side, price));
                let crosses = match side {
                    Side::Buy => foreign[1].is_some_and(|best| price >= best),
                    Side::Sell => foreign[0].is_some_and(|best| price <= best),
                };
                if free && !crosses && self.grid.price.bounds(price) && placed < PLACES_MAX {
                    placed += 1;
                    let lots = self.lots(price, self.settings.level_notional);
                    out.push(Intent::Rest { side, price, lots });
                }
            }
        }
    }

    /// Best bid and ask where they are not the crowd's own.
    fn foreign(&self, view: &View) -> [Option<i64>; 2] {
        let ours = |side, price| view.own.iter().any(|own| own.side == side && own.price == price);
        let [bid, ask] = view.best;
        [bid.filter(|price| !ours(Side::Buy, *price)), ask.filter(|price| !ours(Side::Sell, *price))]
    }

    /// The strangers of `gone` milliseconds; they take what was there before this look.
    fn take(&mut self, view: &View, gone: i64, out: &mut Vec<Intent>) {
        let millionths = self.settings.takers_per_1000_s.saturating_mul(gone.unsigned_abs());
        let part = u32::try_from(millionths % u64::from(MILLION)).unwrap_or(0);
        let count = millionths / u64::from(MILLION) + u64::from(self.chance(part));
        for _ in 0..count.min(TAKERS_MAX) {
            if !self.chance(SAME_SIDE_PPM) {
                self.taker_side = opposite(self.taker_side);
            }
            let best = match self.taker_side {
                Side::Buy => view.best[1],
                Side::Sell => view.best[0],
            };
            if let Some(price) = best {
                let lots = self.lots(price, self.settings.taker_notional);
                out.push(Intent::Take { side: self.taker_side, price, lots });
            }
        }
    }

    /// A quantity worth something between the bounds; every doubling is as likely.
    fn lots(&mut self, price: i64, (least, most): (u64, u64)) -> i64 {
        let doublings = (most / least.max(1)).max(1).ilog2();
        let low = least.max(1) << self.rng.random_range(0..=doublings);
        let worth = self.rng.random_range(low..=low.saturating_mul(2).min(most.max(low)));
        let lots = i128::from(worth) * self.grid.unit / i128::from(price.max(1));
        let lot = self.grid.lot;
        let most = if lot.max == 0 { STEPS_MAX } else { lot.max };
        let (least, step) = (lot.min.max(lot.step).max(1), lot.step.max(1));
        let lots = i64::try_from(lots).unwrap_or(most).clamp(least, most.max(least));
        lots - (lots - least).rem_euclid(step)
    }

    fn chance(&mut self, ppm: u32) -> bool {
        self.rng.random_range(0..MILLION) < ppm
    }
}

const fn opposite(side: Side) -> Side {
    match side {
        Side::Buy => Side::Sell,
        Side::Sell => Side::Buy,
    }
}
