//! One symbol of a connection: its book, its reader, and how loud it may be.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use pipeline::book::{Book, BookRequest, Top};
use pipeline::ownership::Claim;
use pipeline::time::{Nanos, Now};
use schemas::wire::book_fault::BookFault;
use tokio::sync::watch;

use super::stats::BookStats;

/// Between two warnings about one symbol; the counters count them all.
const WARN_EVERY: Duration = Duration::from_secs(1);

pub(super) struct Tracked {
    pub(super) symbol: String,
    pub(super) book: Book,
    top: watch::Sender<Option<Top>>,
    claim: Option<watch::Receiver<Claim>>,
    doubt: Arc<AtomicBool>,
    resyncs_counted: u64,
    warned: Option<Nanos>,
}

impl Tracked {
    pub(super) fn new(super::SymbolTop { symbol, top, claim, doubt }: super::SymbolTop) -> Self {
        Self { symbol, book: Book::new(), top, claim, doubt, resyncs_counted: 0, warned: None }
    }

    /// Whether anybody here wants the book.
    pub(super) fn is_wanted(&self) -> bool {
        super::is_wanted(self.claim.as_ref())
    }

    /// The same, for somebody else to ask.
    pub(super) fn claim(&self) -> Option<watch::Receiver<Claim>> {
        self.claim.clone()
    }

    /// Fetches the book anew if its reader doubts it.
    pub(super) fn heed_doubt(&mut self, now: Now) {
        if self.doubt.swap(false, Ordering::Relaxed) {
            self.book.handle_doubt(now);
        }
    }

    /// After anything that was handed to the book: counts what it found, shows its top, and gives what it
    /// asks for.
    pub(super) fn settle(
        &mut self,
        fault: Option<BookFault>,
        now: Now,
        stats: &BookStats,
    ) -> Option<BookRequest> {
        if let Some(fault) = fault {
            self.report(&fault, now, stats);
        }
        let resyncs = self.book.counts().resyncs;
        stats.resynced(resyncs - self.resyncs_counted);
        self.resyncs_counted = resyncs;
        self.show(now, stats);
        self.book.poll_request(now)
    }

    /// Counts a fault and says it, unless it was said a moment ago.
    pub(super) fn report(&mut self, fault: &BookFault, now: Now, stats: &BookStats) {
        stats.fault(fault);
        if self.warned.is_none_or(|warned| now.mono.since(warned) >= WARN_EVERY) {
            self.warned = Some(now.mono);
            tracing::warn!("{}", fault.line(&self.symbol));
        }
    }

    fn show(&mut self, now: Now, stats: &BookStats) {
        let top = self.book.top(now).top;
        self.top.send_if_modified(|shown| {
            if shown.is_some() != top.is_some() {
                stats.shown(top.is_some());
            }
            std::mem::replace(shown, top) != top
        });
    }
}
