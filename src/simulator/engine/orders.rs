//! The open orders: a slab, and the ways to find one.

use std::collections::HashMap;

use super::types::{AccountId, ClientId, Order, OrderId, SymbolId};

/// A place in the slab. [`NONE`] is no place.
pub(super) type Slot = u32;

/// The end of a list.
pub(super) const NONE: Slot = Slot::MAX;

/// An order and its neighbours in its level's queue.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) order: Order,
    pub(super) earlier: Slot,
    pub(super) later: Slot,
    open: bool,
}

/// The open orders of all symbols.
#[derive(Debug, Default)]
pub(super) struct Orders {
    entries: Vec<Entry>,
    vacant: Vec<Slot>,
    by_id: HashMap<OrderId, Slot>,
    by_client: HashMap<(AccountId, ClientId), Slot>,
    counts: HashMap<(AccountId, SymbolId), usize>,
}

impl Orders {
    pub(super) fn insert(&mut self, order: Order) -> Slot {
        let entry = Entry { order, earlier: NONE, later: NONE, open: true };
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
        self.by_client.insert((order.account, order.client), slot);
        *self.counts.entry((order.account, order.symbol)).or_default() += 1;
        slot
    }

    pub(super) fn remove(&mut self, slot: Slot) {
        let entry = &mut self.entries[index(slot)];
        entry.open = false;
        let order = entry.order;
        self.vacant.push(slot);
        self.by_id.remove(&order.id);
        self.by_client.remove(&(order.account, order.client));
        if let Some(count) = self.counts.get_mut(&(order.account, order.symbol)) {
            *count -= 1;
        }
    }

    pub(super) fn slot(&self, id: OrderId) -> Option<Slot> {
        self.by_id.get(&id).copied()
    }

    pub(super) fn slot_of_client(&self, account: AccountId, client: ClientId) -> Option<Slot> {
        self.by_client.get(&(account, client)).copied()
    }

    pub(super) fn order(&self, slot: Slot) -> Order {
        self.entries[index(slot)].order
    }

    pub(super) fn entry_mut(&mut self, slot: Slot) -> &mut Entry {
        &mut self.entries[index(slot)]
    }

    pub(super) fn count(&self, account: AccountId, symbol: SymbolId) -> usize {
        self.counts.get(&(account, symbol)).copied().unwrap_or(0)
    }

    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Order> {
        self.entries.iter().filter(|entry| entry.open).map(|entry| &entry.order)
    }
}

fn index(slot: Slot) -> usize {
    usize::try_from(slot).expect("32 bits fit")
}
