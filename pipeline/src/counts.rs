//! What an instrument counted. `ticks + repeats = pairs + skips + conflated + overflow + waiting`, exactly.

use crate::skip::Skip;
use crate::trade::Outcome;

/// Counters of one instrument.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Ticks handed over by the feed.
    pub ticks: u64,
    /// Fires of On Quiet `repeat`.
    pub repeats: u64,
    /// Pairs decided.
    pub pairs: u64,
    /// Skips by reason, in the order of [`Skip::ALL`].
    pub skips: [u64; Skip::ALL.len()],
    /// Ticks that a newer one replaced.
    pub conflated: u64,
    /// Ticks for which there was no room.
    pub overflow: u64,
    /// Ticks that still wait.
    pub waiting: u64,
    /// Pairs that have come to an end, by outcome, in the order of [`Outcome::ALL`].
    pub outcomes: [u64; Outcome::ALL.len()],
    /// Orders of a predecessor that were cancelled at the start.
    pub swept: u64,
    /// Reports about orders that are no longer followed.
    pub late_reports: u64,
    /// Orders whose outcome was unknown for a time.
    pub unknown: u64,
    /// Orders that reached the venue after they had been given up.
    pub zombies: u64,
    /// New orders of another owner, seen while the instrument was ours.
    pub foreign: u64,
    /// Orders that the venue refused, but for makers that would have matched: the market had moved.
    pub refused: u64,
    /// Cancels that the venue refused, though it may know the order.
    pub cancels_refused: u64,
}

impl Counts {
    /// All skips.
    #[must_use]
    pub fn skipped(&self) -> u64 {
        self.skips.iter().sum()
    }

    /// The equation holds.
    #[must_use]
    pub fn balance(&self) -> bool {
        self.ticks + self.repeats
            == self.pairs + self.skipped() + self.conflated + self.overflow + self.waiting
    }

    /// Adds another instrument's.
    pub fn add(&mut self, other: &Self) {
        self.ticks += other.ticks;
        self.repeats += other.repeats;
        self.pairs += other.pairs;
        self.conflated += other.conflated;
        self.overflow += other.overflow;
        self.waiting += other.waiting;
        self.swept += other.swept;
        self.late_reports += other.late_reports;
        self.unknown += other.unknown;
        self.zombies += other.zombies;
        self.foreign += other.foreign;
        self.refused += other.refused;
        self.cancels_refused += other.cancels_refused;
        for (mine, others) in self.skips.iter_mut().zip(other.skips) {
            *mine += others;
        }
        for (mine, others) in self.outcomes.iter_mut().zip(other.outcomes) {
            *mine += others;
        }
    }
}
