//! What is to happen, in its order: by time, then in the order in which it was decided.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

/// A queue of events.
#[derive(Debug)]
pub(super) struct Queue<E> {
    heap: BinaryHeap<Reverse<Timed<E>>>,
    turns: u64,
}

#[derive(Debug)]
struct Timed<E> {
    at: u64,
    turn: u64,
    event: E,
}

impl<E> Default for Queue<E> {
    fn default() -> Self {
        Self { heap: BinaryHeap::new(), turns: 0 }
    }
}

impl<E> Queue<E> {
    pub(super) fn push(&mut self, at: u64, event: E) {
        self.turns += 1;
        self.heap.push(Reverse(Timed { at, turn: self.turns, event }));
    }

    /// The next one, unless it is later than that.
    pub(super) fn pop_until(&mut self, end: u64) -> Option<(u64, E)> {
        if self.heap.peek().is_none_or(|Reverse(next)| next.at > end) {
            return None;
        }
        self.heap.pop().map(|Reverse(timed)| (timed.at, timed.event))
    }
}

impl<E> PartialEq for Timed<E> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl<E> Eq for Timed<E> {}

impl<E> PartialOrd for Timed<E> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<E> Ord for Timed<E> {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.at, self.turn).cmp(&(other.at, other.turn))
    }
}
