//! Exact counts of what the engine was told and did, and the hash of it: the same for a run and its replay.

use schemas::order::OrderStatus;

use super::canonical::EventHash;
use crate::simulator::engine::{Event, SymbolId};

/// Counts since the venue began.
#[derive(Debug, Default)]
pub(in crate::simulator) struct Tally {
    pub(in crate::simulator) commands: u64,
    /// Commands that changed nothing.
    pub(in crate::simulator) refused: u64,
    pub(in crate::simulator) events: u64,
    pub(in crate::simulator) orders: u64,
    pub(in crate::simulator) trades: u64,
    pub(in crate::simulator) prevented: u64,
    pub(in crate::simulator) ended: u64,
    hash: EventHash,
    by_symbol: Vec<SymbolTally>,
}

/// What became of one symbol's orders.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::simulator) struct SymbolTally {
    pub(in crate::simulator) orders: u64,
    pub(in crate::simulator) trades: u64,
    pub(in crate::simulator) cancels: u64,
    pub(in crate::simulator) expired: u64,
    /// Matches that self-trade prevention stopped.
    pub(in crate::simulator) prevented: u64,
}

/// What a venue did, as it is printed at its end and after a replay.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Commands that the engine was given.
    pub commands: u64,
    /// Those of them that it refused.
    pub refused: u64,
    /// What it did.
    pub events: u64,
    /// Orders that it took in.
    pub orders: u64,
    /// Trades.
    pub trades: u64,
    /// Matches that self-trade prevention stopped.
    pub prevented: u64,
    /// Orders that were cancelled or expired.
    pub ended: u64,
    /// Of all events in their order: 32 hexadecimal digits.
    pub event_log_hash: String,
}

impl Tally {
    /// A command was carried out or refused.
    pub(super) fn add(&mut self, events: &[Event], refused: bool) {
        self.commands += 1;
        self.refused += u64::from(refused);
        self.events += events.len() as u64;
        for event in events {
            self.count(event);
        }
        if !events.is_empty() {
            self.hash.add(events);
        }
    }

    fn count(&mut self, event: &Event) {
        match event {
            Event::Accepted { order, .. } => {
                self.orders += 1;
                self.symbol(order.symbol).orders += 1;
            }
            Event::Traded(trade) => {
                self.trades += 1;
                self.symbol(trade.symbol).trades += 1;
            }
            Event::Prevented(prevented) => {
                self.prevented += 1;
                self.symbol(prevented.symbol).prevented += 1;
            }
            Event::Ended { order, .. } => {
                self.ended += 1;
                let is_cancelled = order.status == OrderStatus::Canceled;
                let symbol = self.symbol(order.symbol);
                symbol.cancels += u64::from(is_cancelled);
                symbol.expired += u64::from(!is_cancelled);
            }
            Event::Amended { .. }
            | Event::Modified { .. }
            | Event::Level { .. }
            | Event::Position { .. }
            | Event::Balance { .. }
            | Event::Wiped => {}
        }
    }

    fn symbol(&mut self, id: SymbolId) -> &mut SymbolTally {
        if id.index() >= self.by_symbol.len() {
            self.by_symbol.resize_with(id.index() + 1, SymbolTally::default);
        }
        &mut self.by_symbol[id.index()]
    }

    /// The sum over those symbols.
    pub(in crate::simulator) fn of(&self, symbols: impl IntoIterator<Item = SymbolId>) -> SymbolTally {
        let known = symbols.into_iter().filter_map(|id| self.by_symbol.get(id.index()));
        known.fold(SymbolTally::default(), |sum, symbol| SymbolTally {
            orders: sum.orders + symbol.orders,
            trades: sum.trades + symbol.trades,
            cancels: sum.cancels + symbol.cancels,
            expired: sum.expired + symbol.expired,
            prevented: sum.prevented + symbol.prevented,
        })
    }

    /// The counts and the hash as they stand.
    pub(in crate::simulator) fn summary(&self) -> Summary {
        Summary {
            commands: self.commands,
            refused: self.refused,
            events: self.events,
            orders: self.orders,
            trades: self.trades,
            prevented: self.prevented,
            ended: self.ended,
            event_log_hash: self.hash.text(),
        }
    }
}
