//! The book as a machine: `handle_*` takes in, `poll_*` and [`Book::top`] give out.

use std::time::Duration;

use schemas::wire::book_fault::{BookFault, TopText};

use super::buffer::Buffer;
use super::request::SnapshotRequest;
use super::side::{Change, Side};
use super::{
    Best, BookCounts, BookRequest, BookState, Diff, Level, STALE_AFTER, Snapshot, Top, TopAnswer, TopView,
};
use crate::time::{Nanos, Now};

/// A crossed book that lasts is a wrong one.
const CROSSED_MAX: Duration = Duration::from_secs(1);
/// Best quotes that run ahead of the diffs for so long mean that the diffs no longer come.
const SILENT_MAX: Duration = Duration::from_secs(5);
/// A book that was in sequence for so long starts its retries anew.
const PROVEN_AFTER: Duration = Duration::from_secs(10);
/// Answers in a row that may disagree with the top before the book is thrown away: one can be a race.
const DISAGREEMENTS_MAX: u8 = 2;

/// One symbol's book. Everything that returns a [`BookFault`] has drawn the consequences itself.
#[derive(Clone, Debug)]
pub struct Book {
    phase: Phase,
    request: SnapshotRequest,
    buffer: Buffer,
    bids: Side,
    asks: Side,
    /// Update id of the last diff (or of the snapshot).
    last_id: u64,
    /// A diff has joined the snapshot: from here on each must follow the one before.
    bridged: bool,
    /// The newest best quote, whatever the diffs say.
    best: Option<Best>,
    confirmed: Now,
    disagreements: u8,
    crossed_since: Option<Nanos>,
    /// Since when best quotes have come without any diff.
    ahead_since: Option<Nanos>,
    counts: BookCounts,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Disconnected,
    Syncing,
    Live { since: Nanos },
}

impl Default for Book {
    fn default() -> Self {
        Self::new()
    }
}

impl Book {
    /// A book without a connection.
    #[must_use]
    pub fn new() -> Self {
        Self {
            phase: Phase::Disconnected,
            request: SnapshotRequest::default(),
            buffer: Buffer::default(),
            bids: Side::bids(),
            asks: Side::asks(),
            last_id: 0,
            bridged: false,
            best: None,
            confirmed: Now::default(),
            disagreements: 0,
            crossed_since: None,
            ahead_since: None,
            counts: BookCounts::default(),
        }
    }

    /// The venue confirmed that the symbol's streams are open: whatever happens from here on will be told.
    pub fn handle_subscribed(&mut self, now: Now) {
        self.forget();
        self.phase = Phase::Syncing;
        self.request.restart(now.mono);
    }

    /// The connection is gone.
    pub fn handle_disconnected(&mut self) {
        self.forget();
        self.phase = Phase::Disconnected;
        self.request.withdraw();
    }

    /// A diff came.
    pub fn handle_diff(&mut self, diff: &Diff, now: Now) -> Option<BookFault> {
        if !ids_possible(diff) {
            return self.gap(diff, None, now);
        }
        match self.phase {
            Phase::Disconnected => None,
            Phase::Syncing => {
                self.buffer.push(diff.clone());
                None
            }
            Phase::Live { .. } => self.apply(diff, now),
        }
    }

    /// A best quote came. It counts for the top as long as it is newer than the diffs.
    pub fn handle_best(&mut self, best: Best, now: Now) -> Option<BookFault> {
        if self.phase == Phase::Disconnected {
            return None;
        }
        if self.best.is_some_and(|newest| best.update_id < newest.update_id) {
            self.counts.duplicates += 1;
            return None;
        }
        self.best = Some(best);
        if !self.is_live() {
            return None;
        }
        if best.update_id < self.last_id {
            self.counts.duplicates += 1;
            return None;
        }
        if best.update_id > self.last_id {
            self.ahead_since.get_or_insert(now.mono);
        }
        self.settle(now)
    }

    /// The venue answered a question about its best quotes. The answer has no update id, so a single one that
    /// disagrees may merely have crossed an update on its way.
    pub fn handle_top_answer(&mut self, answer: TopAnswer, now: Now) -> Option<BookFault> {
        if !self.is_live() {
            return None;
        }
        let top = self.raw_top();
        if (top.bid, top.ask) == (answer.bid, answer.ask) {
            self.confirmed = now;
            self.disagreements = 0;
            return None;
        }
        self.disagreements += 1;
        if self.disagreements < DISAGREEMENTS_MAX {
            return None;
        }
        Some(self.mismatch("answer", TopText { bid: answer.bid, ask: answer.ask }, top, now))
    }

    /// The snapshot of that ticket came.
    pub fn handle_snapshot(&mut self, ticket: u32, snapshot: &Snapshot, now: Now) -> Option<BookFault> {
        if self.phase != Phase::Syncing || !self.request.awaits(ticket) {
            return None;
        }
        if let Some(first) =
            self.buffer.first_id().filter(|first| snapshot.last_id.saturating_add(1) < *first)
        {
            self.counts.old_snapshots += 1;
            self.request.again(now.mono);
            return Some(BookFault::OldSnapshot { got: snapshot.last_id, first });
        }
        self.counts.repeated_prices += self.bids.load(&snapshot.bids) + self.asks.load(&snapshot.asks);
        self.last_id = snapshot.last_id;
        self.phase = Phase::Live { since: now.mono };
        self.settle(now).or_else(|| self.catch_up(now))
    }

    /// The snapshot of that ticket could not be had; it is asked for again.
    pub fn handle_snapshot_failed(&mut self, ticket: u32, now: Now) {
        if self.phase == Phase::Syncing && self.request.awaits(ticket) {
            self.request.again(now.mono);
        }
    }

    /// A message about this symbol could not be read, so an update is lost.
    pub fn handle_unreadable(&mut self, now: Now) {
        if self.phase != Phase::Disconnected {
            self.resync(now);
        }
    }

    /// The reader has reason to think that the book stands still: it is fetched anew.
    pub fn handle_doubt(&mut self, now: Now) {
        if self.is_live() {
            self.resync(now);
        }
    }

    /// Looks at what lasts: a crossed book, diffs that no longer come. Due at [`Book::poll_timeout`].
    pub fn handle_timeout(&mut self, now: Now) -> Option<BookFault> {
        let over = |since: Option<Nanos>, most| since.is_some_and(|since| now.mono.since(since) >= most);
        if over(self.crossed_since, CROSSED_MAX) {
            let fault =
                self.crossing().map(|(bid, ask)| BookFault::Crossed { bid: bid.price, ask: ask.price });
            self.resync(now);
            return fault;
        }
        if over(self.ahead_since, SILENT_MAX) {
            let best = self.best.map_or(0, |best| best.update_id);
            let fault = BookFault::Silent { have: self.last_id, best };
            self.resync(now);
            return Some(fault);
        }
        None
    }

    /// What the connection has to do now; each request is given out once.
    pub fn poll_request(&mut self, now: Now) -> Option<BookRequest> {
        self.request.poll(now.mono)
    }

    /// When to call [`Book::handle_timeout`] and [`Book::poll_request`] at the latest.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Nanos> {
        let crossed = self.crossed_since.map(|since| since + CROSSED_MAX);
        let silent = self.ahead_since.map(|since| since + SILENT_MAX);
        [self.request.due(), crossed, silent].into_iter().flatten().min()
    }

    /// The top and how far it can be trusted.
    #[must_use]
    pub fn top(&self, now: Now) -> TopView {
        let top = self.is_live().then(|| self.raw_top());
        TopView { state: self.state(now), top }
    }

    /// How far the book can be trusted.
    #[must_use]
    pub fn state(&self, now: Now) -> BookState {
        match self.phase {
            Phase::Disconnected | Phase::Syncing => BookState::Syncing,
            Phase::Live { .. } if self.crossed_since.is_some() => BookState::Crossed,
            Phase::Live { .. } if now.mono.since(self.confirmed.mono) > STALE_AFTER => BookState::Stale,
            Phase::Live { .. } => BookState::Live,
        }
    }

    /// The bids as the diffs have them, best first.
    pub fn bids(&self) -> impl Iterator<Item = &Level> {
        self.bids.iter()
    }

    /// The asks as the diffs have them, best first.
    pub fn asks(&self) -> impl Iterator<Item = &Level> {
        self.asks.iter()
    }

    /// What the book has met.
    #[must_use]
    pub const fn counts(&self) -> BookCounts {
        self.counts
    }

    const fn is_live(&self) -> bool {
        matches!(self.phase, Phase::Live { .. })
    }

    /// The diffs that waited for the snapshot, in sequence.
    fn catch_up(&mut self, now: Now) -> Option<BookFault> {
        let mut waiting = std::mem::take(&mut self.buffer);
        while let Some(diff) = waiting.pop() {
            if diff.last_id <= self.last_id {
                continue;
            }
            if let Some(fault) = self.apply(&diff, now) {
                // What came after the gap still counts for the next snapshot.
                while let Some(diff) = waiting.pop() {
                    self.buffer.push(diff);
                }
                return Some(fault);
            }
        }
        None
    }

    fn apply(&mut self, diff: &Diff, now: Now) -> Option<BookFault> {
        if diff.last_id <= self.last_id {
            self.counts.duplicates += 1;
            return None;
        }
        if !self.follows(diff) {
            return self.gap(diff, Some(diff), now);
        }
        self.bridged = true;
        for (side, levels) in [(&mut self.bids, &diff.bids), (&mut self.asks, &diff.asks)] {
            for level in levels {
                let nothing = side.set(*level) == Change::NothingToRemove;
                self.counts.unknown_removals += u64::from(nothing);
            }
            let repeated = levels.windows(2).filter(|pair| pair[0].price == pair[1].price).count();
            self.counts.repeated_prices += u64::try_from(repeated).unwrap_or(u64::MAX);
        }
        self.last_id = diff.last_id;
        let still_ahead = self.best.is_some_and(|best| best.update_id > self.last_id);
        self.ahead_since = still_ahead.then_some(now.mono);
        self.settle(now)
    }

    /// Whether nothing is missing between the book and a diff that is newer. Where diffs are chained each names
    /// the one before it, and its ids need not begin where that one's ended; only the first after a snapshot
    /// may name an older one, since the snapshot lies within it.
    const fn follows(&self, diff: &Diff) -> bool {
        match diff.previous_id {
            None => diff.first_id <= self.last_id + 1,
            Some(previous) if self.bridged => previous == self.last_id,
            Some(previous) => previous <= self.last_id,
        }
    }

    /// After an update: the two accounts of the top must agree where they are of one update, and the venue
    /// has just confirmed what is shown.
    fn settle(&mut self, now: Now) -> Option<BookFault> {
        let (bid, ask) = (self.bids.best(), self.asks.best());
        if let Some(best) = self.best.filter(|best| best.update_id == self.last_id)
            && (best.bid, best.ask) != (bid, ask)
        {
            let book = Top { bid, ask, update_id: self.last_id, confirmed: now };
            return Some(self.mismatch("best quote", TopText { bid: best.bid, ask: best.ask }, book, now));
        }
        self.confirmed = now;
        self.disagreements = 0;
        match self.crossing() {
            Some(_) => _ = self.crossed_since.get_or_insert(now.mono),
            None => self.crossed_since = None,
        }
        None
    }

    /// The two levels that cross, in the diffs' book or in what is shown.
    fn crossing(&self) -> Option<(Level, Level)> {
        let top = self.raw_top();
        [(self.bids.best(), self.asks.best()), (top.bid, top.ask)]
            .into_iter()
            .filter_map(|(bid, ask)| bid.zip(ask))
            .find(|(bid, ask)| bid.price >= ask.price)
    }

    /// The newest account of the top.
    fn raw_top(&self) -> Top {
        match self.best.filter(|best| best.update_id > self.last_id) {
            Some(Best { update_id, bid, ask }) => Top { bid, ask, update_id, confirmed: self.confirmed },
            None => Top {
                bid: self.bids.best(),
                ask: self.asks.best(),
                update_id: self.last_id,
                confirmed: self.confirmed,
            },
        }
    }

    fn gap(&mut self, diff: &Diff, keep: Option<&Diff>, now: Now) -> Option<BookFault> {
        if self.phase == Phase::Disconnected {
            return None;
        }
        self.counts.gaps += 1;
        let fault = BookFault::Gap { have: self.last_id, first: diff.first_id, last: diff.last_id };
        self.resync(now);
        if let Some(diff) = keep {
            self.buffer.push(diff.clone());
        }
        Some(fault)
    }

    fn mismatch(&mut self, against: &'static str, got: TopText, have: Top, now: Now) -> BookFault {
        self.counts.mismatches += 1;
        self.resync(now);
        BookFault::TopMismatch {
            update_id: have.update_id,
            against,
            got: got.to_string().into(),
            have: TopText { bid: have.bid, ask: have.ask }.to_string().into(),
        }
    }

    /// Throws the book away and asks for another snapshot.
    fn resync(&mut self, now: Now) {
        self.counts.resyncs += 1;
        let proven = match self.phase {
            Phase::Live { since } => now.mono.since(since) >= PROVEN_AFTER,
            Phase::Disconnected | Phase::Syncing => false,
        };
        self.forget();
        self.phase = Phase::Syncing;
        if proven {
            self.request.restart(now.mono);
        } else {
            self.request.again(now.mono);
        }
    }

    fn forget(&mut self) {
        self.buffer.clear();
        self.bids.clear();
        self.asks.clear();
        self.last_id = 0;
        self.bridged = false;
        self.best = None;
        self.disagreements = 0;
        self.crossed_since = None;
        self.ahead_since = None;
    }
}

/// Ids fit 63 bits, and a diff ends neither before it begins nor before the one that it follows.
fn ids_possible(diff: &Diff) -> bool {
    let follows = diff.previous_id.is_none_or(|previous| previous < diff.last_id);
    diff.last_id > 0 && diff.first_id <= diff.last_id && follows && i64::try_from(diff.last_id).is_ok()
}
