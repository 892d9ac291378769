//! What the dialect remembers beside the engine: listen keys, timers, and what an order said that the engine does
//! not know.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use schemas::order::PositionSide;

use super::amendments::Amendments;
use super::listen_keys::ListenKeys;
use crate::simulator::engine::{AccountId, OrderId, StpMode, SymbolId};

/// Orders whose particulars are kept; those of older ones are forgotten.
const PARTICULARS_MAX: usize = 100_000;

/// What the dialect remembers.
#[derive(Debug)]
pub(in crate::simulator) struct Desk {
    pub(in crate::simulator) listen_keys: ListenKeys,
    /// When all of an account's orders on a symbol are to be cancelled.
    countdowns: BTreeMap<(AccountId, SymbolId), i64>,
    particulars: BTreeMap<OrderId, Particulars>,
    /// Open orders with an end, by that end.
    ends: BTreeSet<(i64, OrderId)>,
    positions_ms: HashMap<(AccountId, SymbolId, PositionSide), i64>,
    /// How many of each symbol's trades its mark has followed.
    pub(super) followed: HashMap<SymbolId, u64>,
    pub(super) amendments: Amendments,
    shuffle: Option<Shuffle>,
}

/// What an order said that the engine does not know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Particulars {
    /// When a GTD order ends, milliseconds since the epoch.
    pub(super) good_till_ms: Option<i64>,
    /// How it chose its price.
    pub(super) price_match: Option<&'static str>,
    /// The self-trade prevention that it named, where the engine was told another one.
    pub(super) stp: Option<StpMode>,
}

impl Desk {
    /// `shuffle` is the seed by which batches are worked through in random order; none: in their own.
    pub(in crate::simulator) fn new(listen_key_ms: i64, shuffle: Option<u64>) -> Self {
        Self {
            listen_keys: ListenKeys::new(listen_key_ms),
            countdowns: BTreeMap::new(),
            particulars: BTreeMap::new(),
            ends: BTreeSet::new(),
            positions_ms: HashMap::new(),
            followed: HashMap::new(),
            amendments: Amendments::default(),
            shuffle: shuffle.map(Shuffle),
        }
    }

    /// The monthly reset: orders and positions are gone, timers stop, listen keys end.
    pub(in crate::simulator) fn wipe(&mut self, now_ms: i64) {
        self.listen_keys.expire_now(None, now_ms);
        self.followed.clear();
        self.countdowns.clear();
        self.particulars.clear();
        self.ends.clear();
        self.positions_ms.clear();
        self.amendments = Amendments::default();
    }

    /// Sets, restarts or, with none, stops a symbol's countdown.
    pub(super) fn count_down(&mut self, account: AccountId, symbol: SymbolId, due_ms: Option<i64>) {
        match due_ms {
            Some(due_ms) => self.countdowns.insert((account, symbol), due_ms),
            None => self.countdowns.remove(&(account, symbol)),
        };
    }

    /// The countdowns that have run out, which are then stopped.
    pub(super) fn countdowns_due(&mut self, now_ms: i64) -> Vec<(AccountId, SymbolId)> {
        let due = self.countdowns.iter().filter(|(_, due_ms)| **due_ms <= now_ms);
        let due: Vec<_> = due.map(|(key, _)| *key).collect();
        for key in &due {
            self.countdowns.remove(key);
        }
        due
    }

    /// Keeps an order's particulars, if it has any.
    pub(super) fn note(&mut self, order: OrderId, particulars: Particulars) {
        if particulars == Particulars::default() {
            return;
        }
        self.particulars.insert(order, particulars);
        if let Some(good_till_ms) = particulars.good_till_ms {
            self.ends.insert((good_till_ms, order));
        }
        while self.particulars.len() > PARTICULARS_MAX {
            self.particulars.pop_first();
        }
    }

    pub(super) fn particulars(&self, order: OrderId) -> Particulars {
        self.particulars.get(&order).copied().unwrap_or_default()
    }

    /// The GTD orders whose time is over, open or not.
    pub(super) fn ends_due(&mut self, now_ms: i64) -> Vec<OrderId> {
        let mut due = Vec::new();
        while let Some((end_ms, order)) = self.ends.first().copied()
            && end_ms <= now_ms
        {
            self.ends.pop_first();
            due.push(order);
        }
        due
    }

    pub(super) fn position_changed(&mut self, key: (AccountId, SymbolId, PositionSide), now_ms: i64) {
        self.positions_ms.insert(key, now_ms);
    }

    /// When that position last changed; 0 if it never did.
    pub(super) fn position_changed_ms(&self, key: (AccountId, SymbolId, PositionSide)) -> i64 {
        self.positions_ms.get(&key).copied().unwrap_or(0)
    }

    /// In which order a batch of so many items is worked through.
    pub(super) fn batch_order(&mut self, count: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..count).collect();
        if let Some(shuffle) = &mut self.shuffle {
            for at in (1..count).rev() {
                order.swap(at, shuffle.below(at + 1));
            }
        }
        order
    }
}

/// A seeded source of numbers: a counter whose steps are scrambled.
#[derive(Debug)]
struct Shuffle(u64);

impl Shuffle {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^= mixed >> 31;
        usize::try_from(mixed % u64::try_from(bound).unwrap_or(u64::MAX)).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_worked_through_in_its_own_order_unless_seeded() {
        let mut plain = Desk::new(1, None);
        assert_eq!(plain.batch_order(5), [0, 1, 2, 3, 4]);
        let orders = |seed| {
            let mut desk = Desk::new(1, Some(seed));
            (0..20).map(|_| desk.batch_order(5)).collect::<Vec<_>>()
        };
        assert_eq!(orders(7), orders(7), "the same seed, the same orders");
        assert!(orders(7).iter().any(|order| order != &[0, 1, 2, 3, 4]));
        for mut order in orders(8) {
            order.sort_unstable();
            assert_eq!(order, [0, 1, 2, 3, 4]);
        }
    }

    #[test]
    fn timers_fire_once() {
        let mut desk = Desk::new(1, None);
        let (account, symbol) = (AccountId::new(0), SymbolId::new(0));
        desk.count_down(account, symbol, Some(100));
        desk.count_down(account, symbol, Some(200));
        assert!(desk.countdowns_due(199).is_empty(), "set again, it starts again");
        assert_eq!(desk.countdowns_due(200), [(account, symbol)]);
        assert!(desk.countdowns_due(1_000).is_empty());
        desk.note(OrderId(3), Particulars { good_till_ms: Some(50), ..Particulars::default() });
        assert!(desk.ends_due(49).is_empty());
        assert_eq!(desk.ends_due(50), [OrderId(3)]);
        assert_eq!(desk.particulars(OrderId(3)).good_till_ms, Some(50), "an ended order still shows it");
    }
}
