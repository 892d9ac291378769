//! One side of a book: sorted, the best level last, where changes are most frequent and cheapest.

use std::cmp::Ordering;

use super::{LEVELS_MAX, Level};

/// Levels beyond the cap that are tolerated before the worst are cut off in one go.
const SLACK: usize = 256;

#[derive(Clone, Debug)]
pub(super) struct Side {
    levels: Vec<Level>,
    /// How a worse price compares with a better one.
    worse: Ordering,
}

/// What a change did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Set,
    Removed,
    NothingToRemove,
}

impl Side {
    pub(super) const fn bids() -> Self {
        Self { levels: Vec::new(), worse: Ordering::Less }
    }

    pub(super) const fn asks() -> Self {
        Self { levels: Vec::new(), worse: Ordering::Greater }
    }

    pub(super) fn best(&self) -> Option<Level> {
        self.levels.last().copied()
    }

    /// Best first.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Level> {
        self.levels.iter().rev()
    }

    pub(super) fn clear(&mut self) {
        self.levels.clear();
    }

    /// Sets the quantity at a price; zero removes it.
    pub(super) fn set(&mut self, level: Level) -> Change {
        match (self.find(&level), level.qty.is_zero()) {
            (Ok(at), true) => {
                self.levels.remove(at);
                Change::Removed
            }
            (Ok(at), false) => {
                self.levels[at] = level;
                Change::Set
            }
            (Err(_), true) => Change::NothingToRemove,
            (Err(at), false) => {
                self.levels.insert(at, level);
                self.cut(LEVELS_MAX + SLACK);
                Change::Set
            }
        }
    }

    /// Replaces everything. The levels may come in any order; of one price twice the last counts, and how
    /// often that was is returned.
    pub(super) fn load(&mut self, levels: &[Level]) -> u64 {
        self.levels.clear();
        // Best first in, best last kept: reversed, so that the sort of a tidy snapshot has nothing to do.
        self.levels.extend(levels.iter().rev());
        let worse = self.worse;
        self.levels.sort_by(|a, b| towards(worse, a, b));
        let before = self.levels.len();
        // Of equal prices the sort keeps the order, which is reversed here: the first is the newest.
        self.levels.dedup_by(|later, kept| later.price == kept.price);
        let repeated = before - self.levels.len();
        self.levels.retain(|level| !level.qty.is_zero());
        self.cut(LEVELS_MAX);
        u64::try_from(repeated).unwrap_or(u64::MAX)
    }

    fn find(&self, level: &Level) -> Result<usize, usize> {
        self.levels.binary_search_by(|kept| towards(self.worse, kept, level))
    }

    fn cut(&mut self, tolerated: usize) {
        if self.levels.len() > tolerated {
            self.levels.drain(..self.levels.len() - LEVELS_MAX);
        }
    }
}

fn towards(worse: Ordering, a: &Level, b: &Level) -> Ordering {
    let order = a.price.cmp(&b.price);
    if worse == Ordering::Less { order } else { order.reverse() }
}
