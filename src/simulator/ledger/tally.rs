//! Exact counts of what the engine was told and did, and the hash of it: the same for a run and its replay.

use super::canonical::EventHash;
use crate::simulator::engine::Event;

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
            Event::Accepted { .. } => self.orders += 1,
            Event::Traded(_) => self.trades += 1,
            Event::Prevented(_) => self.prevented += 1,
            Event::Ended { .. } => self.ended += 1,
            Event::Amended { .. }
            | Event::Modified { .. }
            | Event::Level { .. }
            | Event::Position { .. }
            | Event::Balance { .. }
            | Event::Wiped => {}
        }
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
