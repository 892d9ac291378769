//! One symbol's book: two halves of sorted levels, each a queue of orders in the slab.

use schemas::order::Side;

use super::orders::{NONE, Orders, Slot};
use super::types::{Event, SymbolId, reaches};

/// All orders at one price, the oldest first.
#[derive(Clone, Copy, Debug)]
pub(super) struct Level {
    rank: i64,
    qty: i64,
    first: Slot,
    last: Slot,
}

/// One side of a book. Levels lie worst first, so that the best one comes and goes at the vector's end.
///
/// A level's rank is its price, negated on the ask side: the better price has the higher rank.
#[derive(Debug)]
pub(super) struct Half {
    side: Side,
    levels: Vec<Level>,
}

impl Half {
    fn new(side: Side) -> Self {
        Self { side, levels: Vec::new() }
    }

    /// Rank of a price, and price of a rank.
    const fn rank(&self, price: i64) -> i64 {
        match self.side {
            Side::Buy => price,
            Side::Sell => -price,
        }
    }

    /// Price and quantity, best first.
    pub(super) fn levels(&self) -> impl Iterator<Item = (i64, i64)> {
        self.levels.iter().rev().map(|level| (self.rank(level.rank), level.qty))
    }

    /// Price and oldest order, best first.
    pub(super) fn queues(&self) -> impl Iterator<Item = (i64, Slot)> {
        self.levels.iter().rev().map(|level| (self.rank(level.rank), level.first))
    }

    pub(super) fn quantity_at(&self, price: i64) -> i64 {
        self.position(price).map_or(0, |at| self.levels[at].qty)
    }

    /// The oldest order at the best price, and that price.
    pub(super) fn front(&self) -> Option<(i64, Slot)> {
        self.levels.last().map(|level| (self.rank(level.rank), level.first))
    }

    /// Where the price's level is, or where it would go.
    fn position(&self, price: i64) -> Result<usize, usize> {
        let rank = self.rank(price);
        // Most of what happens, happens at the touch.
        match self.levels.last() {
            None => Err(0),
            Some(best) if best.rank == rank => Ok(self.levels.len() - 1),
            Some(best) if best.rank < rank => Err(self.levels.len()),
            Some(_) => self.levels.binary_search_by_key(&rank, |level| level.rank),
        }
    }

    fn level_mut(&mut self, price: i64) -> &mut Level {
        let at = self.position(price).expect("an open order's level exists");
        &mut self.levels[at]
    }
}

/// Both halves, and the number of the last change.
#[derive(Debug)]
pub(super) struct Book {
    bids: Half,
    asks: Half,
    update_id: u64,
}

impl Default for Book {
    fn default() -> Self {
        Self { bids: Half::new(Side::Buy), asks: Half::new(Side::Sell), update_id: 0 }
    }
}

impl Book {
    pub(super) const fn half(&self, side: Side) -> &Half {
        match side {
            Side::Buy => &self.bids,
            Side::Sell => &self.asks,
        }
    }

    /// An empty book; its levels' room is kept.
    pub(super) fn wipe(&mut self) {
        self.bids.levels.clear();
        self.asks.levels.clear();
        self.update_id = 0;
    }

    const fn half_mut(&mut self, side: Side) -> &mut Half {
        match side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.asks,
        }
    }

    pub(super) const fn update_id(&self) -> u64 {
        self.update_id
    }

    /// Whether an order of `side` at `price` would trade at once.
    pub(super) fn crosses(&self, side: Side, price: i64) -> bool {
        self.half(side.opposite()).front().is_some_and(|(best, _)| reaches(side, price, best))
    }

    /// Puts an order at the end of its level's queue.
    pub(super) fn link(&mut self, orders: &mut Orders, slot: Slot) {
        let order = orders.order(slot);
        let half = self.half_mut(order.side);
        let qty = order.remaining();
        match half.position(order.price) {
            Ok(at) => {
                let level = &mut half.levels[at];
                let last = std::mem::replace(&mut level.last, slot);
                level.qty += qty;
                orders.entry_mut(last).later = slot;
                orders.entry_mut(slot).earlier = last;
            }
            Err(at) => {
                let level = Level { rank: half.rank(order.price), qty, first: slot, last: slot };
                half.levels.insert(at, level);
            }
        }
    }

    /// Takes an order out of its level's queue, and the level away if it was the last.
    pub(super) fn unlink(&mut self, orders: &mut Orders, slot: Slot) {
        let order = orders.order(slot);
        let (earlier, later) = {
            let entry = orders.entry_mut(slot);
            (entry.earlier, entry.later)
        };
        let half = self.half_mut(order.side);
        let at = half.position(order.price).expect("an open order's level exists");
        let level = &mut half.levels[at];
        level.qty -= order.remaining();
        match earlier {
            NONE => level.first = later,
            earlier => orders.entry_mut(earlier).later = later,
        }
        match later {
            NONE => level.last = earlier,
            later => orders.entry_mut(later).earlier = earlier,
        }
        if level.first == NONE {
            half.levels.remove(at);
        }
    }

    /// Takes `qty` lots off a level: one of its orders became smaller by as much.
    pub(super) fn reduce(&mut self, side: Side, price: i64, qty: i64) {
        self.half_mut(side).level_mut(price).qty -= qty;
    }

    /// Writes the level's quantity as it is now.
    pub(super) fn report(&mut self, symbol: SymbolId, side: Side, price: i64, events: &mut Vec<Event>) {
        self.update_id += 1;
        let qty = self.half(side).quantity_at(price);
        events.push(Event::Level { symbol, side, price, qty, update: self.update_id });
    }
}
