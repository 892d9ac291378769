//! What a book has met, counted.

/// Counts of one book since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BookCounts {
    /// Updates that were missing, or whose ids were none.
    pub gaps: u64,
    /// Times that the book was thrown away while in sequence or syncing, for whatever reason.
    pub resyncs: u64,
    /// Snapshots that were older than the diffs.
    pub old_snapshots: u64,
    /// Times that two accounts of the top disagreed.
    pub mismatches: u64,
    /// Diffs and best quotes that told nothing new.
    pub duplicates: u64,
    /// Removals of levels that were not there: normal, since a snapshot is only so deep.
    pub unknown_removals: u64,
    /// Prices that came twice in a row within one message; the last one won.
    pub repeated_prices: u64,
}
