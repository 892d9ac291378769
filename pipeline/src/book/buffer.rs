//! Diffs that wait for the snapshot that bridges them.

use std::collections::VecDeque;

use super::{BUFFERED_DIFFS_MAX, BUFFERED_LEVELS_MAX, Diff};

/// Bounded in diffs and in levels. Dropping the oldest is safe: the snapshot must then be newer than what is
/// left, and is asked for again until it is.
#[derive(Clone, Debug, Default)]
pub(super) struct Buffer {
    diffs: VecDeque<Diff>,
    levels: usize,
}

impl Buffer {
    pub(super) fn push(&mut self, diff: Diff) {
        self.levels += levels_of(&diff);
        self.diffs.push_back(diff);
        while self.diffs.len() > BUFFERED_DIFFS_MAX || self.levels > BUFFERED_LEVELS_MAX {
            self.pop();
        }
    }

    pub(super) fn pop(&mut self) -> Option<Diff> {
        let diff = self.diffs.pop_front()?;
        self.levels -= levels_of(&diff);
        Some(diff)
    }

    /// The first update that a snapshot need not hold: one that ends before it leaves a gap.
    pub(super) fn first_id(&self) -> Option<u64> {
        self.diffs.front().map(|diff| diff.previous_id.map_or(diff.first_id, |previous| previous + 1))
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

fn levels_of(diff: &Diff) -> usize {
    diff.bids.len() + diff.asks.len()
}
