//! What the book connections have met: atomics for this process, and the same as metrics.

use std::sync::atomic::{AtomicU64, Ordering};

use schemas::wire::book_fault::BookFault;

/// Names and meanings of this part's metrics.
pub const METRICS: [(&str, &str); 8] = [
    (GAPS, "sequence gaps in book updates"),
    (RESYNCS, "books thrown away and asked for again"),
    (RECONNECTS, "book connections lost or not made"),
    (MISMATCHES, "times that two accounts of a top disagreed"),
    (SNAPSHOT_RETRIES, "snapshots that were too old or did not come"),
    (SUBSCRIBE_ERRORS, "subscriptions that the venue refused"),
    (FRAME_ERRORS, "book messages that could not be read"),
    (LIVE, "books that show a top"),
];

const GAPS: &str = "st_book_gaps_total";
const RESYNCS: &str = "st_book_resyncs_total";
const RECONNECTS: &str = "st_book_reconnects_total";
const MISMATCHES: &str = "st_book_mismatches_total";
const SNAPSHOT_RETRIES: &str = "st_book_snapshot_retries_total";
const SUBSCRIBE_ERRORS: &str = "st_ws_subscribe_errors_total";
const FRAME_ERRORS: &str = "st_ws_frame_errors_total";
const LIVE: &str = "st_books_live";

/// Counts over all book connections since the start.
#[derive(Debug, Default)]
pub struct BookStats {
    gaps: AtomicU64,
    resyncs: AtomicU64,
    reconnects: AtomicU64,
    mismatches: AtomicU64,
    snapshot_retries: AtomicU64,
    subscribe_errors: AtomicU64,
    frame_errors: AtomicU64,
    live: AtomicU64,
}

impl BookStats {
    /// Sequence gaps.
    pub fn gaps(&self) -> u64 {
        self.gaps.load(Ordering::Relaxed)
    }

    /// Books thrown away and asked for again.
    pub fn resyncs(&self) -> u64 {
        self.resyncs.load(Ordering::Relaxed)
    }

    /// Connections lost or not made.
    pub fn reconnects(&self) -> u64 {
        self.reconnects.load(Ordering::Relaxed)
    }

    /// Times that two accounts of a top disagreed.
    pub fn mismatches(&self) -> u64 {
        self.mismatches.load(Ordering::Relaxed)
    }

    /// Snapshots that were too old or did not come.
    pub fn snapshot_retries(&self) -> u64 {
        self.snapshot_retries.load(Ordering::Relaxed)
    }

    /// Subscriptions that the venue refused.
    pub fn subscribe_errors(&self) -> u64 {
        self.subscribe_errors.load(Ordering::Relaxed)
    }

    /// Messages that could not be read.
    pub fn frame_errors(&self) -> u64 {
        self.frame_errors.load(Ordering::Relaxed)
    }

    /// Books that show a top now.
    pub fn live(&self) -> u64 {
        self.live.load(Ordering::Relaxed)
    }

    pub(super) fn fault(&self, fault: &BookFault) {
        match fault {
            BookFault::Gap { .. } => add(&self.gaps, GAPS),
            BookFault::OldSnapshot { .. } => add(&self.snapshot_retries, SNAPSHOT_RETRIES),
            BookFault::TopMismatch { .. } => add(&self.mismatches, MISMATCHES),
            BookFault::Refused { .. } => add(&self.subscribe_errors, SUBSCRIBE_ERRORS),
            BookFault::Malformed { .. }
            | BookFault::OutOfRange { .. }
            | BookFault::UnexpectedStream { .. }
            | BookFault::Unreadable { .. } => add(&self.frame_errors, FRAME_ERRORS),
            BookFault::Crossed { .. } | BookFault::Protocol { .. } | BookFault::Silent { .. } => {}
        }
    }

    pub(super) fn resynced(&self, times: u64) {
        for _ in 0..times {
            add(&self.resyncs, RESYNCS);
        }
    }

    pub(super) fn reconnect(&self) {
        add(&self.reconnects, RECONNECTS);
    }

    pub(super) fn snapshot_failed(&self) {
        add(&self.snapshot_retries, SNAPSHOT_RETRIES);
    }

    pub(super) fn shown(&self, is_live: bool) {
        if is_live {
            self.live.fetch_add(1, Ordering::Relaxed);
            metrics::gauge!(LIVE).increment(1.0);
        } else {
            self.live.fetch_sub(1, Ordering::Relaxed);
            metrics::gauge!(LIVE).decrement(1.0);
        }
    }
}

fn add(count: &AtomicU64, name: &'static str) {
    count.fetch_add(1, Ordering::Relaxed);
    metrics::counter!(name).increment(1);
}
