//! Our own maker taken out of the top, so that the rules never answer to ourselves.
//!
//! Orders and book come over different connections: a book update that still shows our maker can arrive long
//! after the maker's end. Such a side is a ghost, and what was there before the maker counts instead.

use std::collections::VecDeque;
use std::time::Duration;

use schemas::order::Side;
use schemas::units::Decimal;

use super::{Level, Top};
use crate::time::{Nanos, Now};

/// How long a maker that is gone may still haunt the book.
pub const GHOST_MAX: Duration = Duration::from_secs(2);
/// Makers that are remembered; the oldest go first.
const MAKERS_MAX: usize = 16;
/// Quantities that a maker is remembered to have shown; of more the first and the latest.
const SHOWN_MAX: usize = 8;

/// The top of one symbol without our own makers.
#[derive(Clone, Debug)]
pub struct OwnView {
    /// Newest last; never more than [`MAKERS_MAX`].
    makers: VecDeque<Maker>,
}

/// Where a maker rests. One value, so that it lies in one piece of memory: it is all that most looks at a
/// maker need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    side: Side,
    price: Decimal,
}

#[derive(Clone, Copy, Debug)]
struct Maker {
    place: Place,
    /// What the view showed on this side before the maker.
    before: Option<Level>,
    /// What others show at its price, as far as is known.
    others: Decimal,
    shown: Shown,
    ended: Option<Nanos>,
    /// The newest update that showed it.
    seen: Option<u64>,
}

impl Default for OwnView {
    fn default() -> Self {
        Self { makers: VecDeque::with_capacity(MAKERS_MAX) }
    }
}

impl OwnView {
    /// A view without makers.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A maker of ours rests with that quantity; `top_before` is the view that it was decided on.
    pub fn maker_resting(&mut self, side: Side, price: Decimal, remaining: Decimal, top_before: Top) {
        if self.makers.len() == MAKERS_MAX {
            self.makers.pop_front();
        }
        let before = side_of(&top_before, side);
        let others = before.filter(|level| level.price == price).map_or(Decimal::ZERO, |level| level.qty);
        self.makers.push_back(Maker {
            place: Place { side, price },
            before,
            others,
            shown: Shown::new(remaining),
            ended: None,
            seen: None,
        });
    }

    /// A part of the newest maker traded; that much still rests.
    pub fn maker_filled(&mut self, remaining: Decimal) {
        if let Some(maker) = self.newest_resting() {
            maker.shown.push(remaining);
        }
    }

    /// The newest maker is filled, cancelled or expired.
    pub fn maker_ended(&mut self, now: Now) {
        if let Some(maker) = self.newest_resting() {
            maker.ended = Some(now.mono);
        }
    }

    /// What the venue shows, without us. To be called with every raw top that is looked at: what it learns
    /// from one helps to read the next.
    pub fn view(&mut self, raw: &Top, now: Now) -> Top {
        self.makers.retain(|maker| !maker.is_over(raw, now.mono));
        Top { bid: self.side(Side::Buy, raw), ask: self.side(Side::Sell, raw), ..*raw }
    }

    fn newest_resting(&mut self) -> Option<&mut Maker> {
        self.makers.iter_mut().rev().find(|maker| maker.ended.is_none())
    }

    /// Ghosts first: where one of them explains the level whole, nobody else can be behind it.
    fn side(&mut self, side: Side, raw: &Top) -> Option<Level> {
        let level = side_of(raw, side)?;
        let mut resting = None;
        let place = Place { side, price: level.price };
        for maker in self.makers.iter_mut().filter(|maker| maker.place == place) {
            if maker.ended.is_none() {
                resting = resting.or(Some(maker));
            } else if maker.explains(level.qty) {
                maker.seen = Some(raw.update_id);
                return maker.before;
            }
        }
        resting.map_or(Some(level), |maker| maker.take_out(level, raw.update_id))
    }
}

impl Maker {
    /// What is left of a level without this maker, which rests; the level of before if nothing is.
    fn take_out(&mut self, level: Level, update_id: u64) -> Option<Level> {
        self.seen = Some(update_id);
        // The book may lag behind our fills: a quantity that we had explains it as well as the latest one.
        if !self.explains(level.qty) {
            self.others = self.without_latest(level.qty);
        }
        if self.others.is_positive() { Some(Level { qty: self.others, ..level }) } else { self.before }
    }

    fn without_latest(&self, qty: Decimal) -> Decimal {
        match qty.checked_sub(self.shown.latest()) {
            Some(rest) if rest.is_positive() => rest,
            Some(_) | None => Decimal::ZERO,
        }
    }

    /// Whether others and a quantity that the maker once had make up exactly this one.
    fn explains(&self, qty: Decimal) -> bool {
        self.shown.iter().any(|ours| ours.is_positive() && self.others.checked_add(ours) == Some(qty))
    }

    /// Gone long enough, or seen and then no longer.
    fn is_over(&self, raw: &Top, now: Nanos) -> bool {
        let Some(ended) = self.ended else {
            return false;
        };
        let still_there = || {
            side_of(raw, self.place.side)
                .is_some_and(|level| level.price == self.place.price && self.explains(level.qty))
        };
        let gone = self.seen.is_some_and(|seen| raw.update_id > seen) && !still_there();
        gone || now.since(ended) >= GHOST_MAX
    }
}

const fn side_of(top: &Top, side: Side) -> Option<Level> {
    match side {
        Side::Buy => top.bid,
        Side::Sell => top.ask,
    }
}

/// The quantities that a maker had, in turn.
#[derive(Clone, Copy, Debug)]
struct Shown {
    quantities: [Decimal; SHOWN_MAX],
    len: usize,
}

impl Shown {
    fn new(first: Decimal) -> Self {
        let mut quantities = [Decimal::ZERO; SHOWN_MAX];
        quantities[0] = first;
        Self { quantities, len: 1 }
    }

    fn push(&mut self, quantity: Decimal) {
        if self.len == SHOWN_MAX {
            self.quantities.copy_within(2.., 1);
            self.len -= 1;
        }
        self.quantities[self.len] = quantity;
        self.len += 1;
    }

    fn iter(&self) -> impl Iterator<Item = Decimal> + '_ {
        self.quantities[..self.len].iter().copied()
    }

    fn latest(&self) -> Decimal {
        self.quantities[self.len - 1]
    }
}
