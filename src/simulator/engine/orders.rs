//! The open orders: a slab, and the ways to find one.

use std::collections::HashMap;

use foldhash::fast::FixedState;
use schemas::order::Side;

use super::types::{AccountId, ClientId, Order, OrderId, SymbolId};

/// A place in the slab. [`NONE`] is no place.
pub(super) type Slot = u32;

/// The end of a list.
pub(super) const NONE: Slot = Slot::MAX;

/// Client ids are unique among an account's open orders of one product.
type ClientKey = (AccountId, bool, ClientId);

/// An order and its neighbours in its level's queue.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) order: Order,
    pub(super) earlier: Slot,
    pub(super) later: Slot,
    is_perpetual: bool,
    is_open: bool,
}

/// The open orders of all symbols. The maps are never walked, so their order has no say in anything.
#[derive(Debug, Default)]
pub(super) struct Orders {
    entries: Vec<Entry>,
    vacant: Vec<Slot>,
    by_id: HashMap<OrderId, Slot, FixedState>,
    by_client: HashMap<ClientKey, Slot, FixedState>,
    /// By account, then by symbol.
    counts: Vec<Vec<usize>>,
}

impl Orders {
    pub(super) fn insert(&mut self, order: Order, is_perpetual: bool) -> Slot {
        let entry = Entry { order, earlier: NONE, later: NONE, is_perpetual, is_open: true };
        let slot = match self.vacant.pop() {
            Some(slot) => {
                self.entries[index(slot)] = entry;
                slot
            }
            None => {
                self.entries.push(entry);
                Slot::try_from(self.entries.len() - 1).expect("fewer open orders than 2^32")
            }
        };
        self.by_id.insert(order.id, slot);
        self.by_client.insert((order.account, is_perpetual, order.client), slot);
        *self.count_mut(&order) += 1;
        slot
    }

    pub(super) fn remove(&mut self, slot: Slot) {
        let entry = &mut self.entries[index(slot)];
        entry.is_open = false;
        let (order, is_perpetual) = (entry.order, entry.is_perpetual);
        self.vacant.push(slot);
        self.by_id.remove(&order.id);
        self.by_client.remove(&(order.account, is_perpetual, order.client));
        *self.count_mut(&order) -= 1;
    }

    /// An open order answers to another client id from now on.
    pub(super) fn rename(&mut self, slot: Slot, client: ClientId) {
        let entry = &mut self.entries[index(slot)];
        let (account, is_perpetual) = (entry.order.account, entry.is_perpetual);
        let before = std::mem::replace(&mut entry.order.client, client);
        self.by_client.remove(&(account, is_perpetual, before));
        self.by_client.insert((account, is_perpetual, client), slot);
    }

    pub(super) fn slot(&self, id: OrderId) -> Option<Slot> {
        self.by_id.get(&id).copied()
    }

    pub(super) fn slot_of_client(
        &self,
        account: AccountId,
        is_perpetual: bool,
        client: ClientId,
    ) -> Option<Slot> {
        self.by_client.get(&(account, is_perpetual, client)).copied()
    }

    pub(super) fn order(&self, slot: Slot) -> Order {
        self.entries[index(slot)].order
    }

    pub(super) fn entry(&self, slot: Slot) -> &Entry {
        &self.entries[index(slot)]
    }

    pub(super) fn entry_mut(&mut self, slot: Slot) -> &mut Entry {
        &mut self.entries[index(slot)]
    }

    pub(super) fn count(&self, account: AccountId, symbol: SymbolId) -> usize {
        let counts = self.counts.get(account.index());
        counts.and_then(|counts| counts.get(symbol.index())).copied().unwrap_or(0)
    }

    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Order> {
        self.entries.iter().filter(|entry| entry.is_open).map(|entry| &entry.order)
    }

    /// The account's newest order of that side and symbol that only closes. Looks at all open orders.
    pub(super) fn newest_closing(&self, account: AccountId, symbol: SymbolId, side: Side) -> Option<Slot> {
        let is_meant = |order: &&Order| {
            order.account == account && order.symbol == symbol && order.side == side && order.closes()
        };
        let newest = self.iter().filter(is_meant).map(|order| order.id).max()?;
        self.slot(newest)
    }

    pub(super) fn wipe(&mut self) {
        self.entries.clear();
        self.vacant.clear();
        self.by_id.clear();
        self.by_client.clear();
        for counts in &mut self.counts {
            counts.fill(0);
        }
    }

    fn count_mut(&mut self, order: &Order) -> &mut usize {
        let (account, symbol) = (order.account.index(), order.symbol.index());
        if self.counts.len() <= account {
            self.counts.resize_with(account + 1, Vec::new);
        }
        let counts = &mut self.counts[account];
        if counts.len() <= symbol {
            counts.resize(symbol + 1, 0);
        }
        &mut counts[symbol]
    }
}

fn index(slot: Slot) -> usize {
    usize::try_from(slot).expect("32 bits fit")
}
