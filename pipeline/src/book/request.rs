//! When to ask for a snapshot: at once, then bounded retries, then backing off.

use std::time::Duration;

use crate::time::Nanos;

/// What a book asks of its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BookRequest {
    /// A snapshot; whatever comes of it is handed back with the ticket.
    Snapshot {
        /// Tells this request's answer from an older one's.
        ticket: u32,
    },
}

/// Retries before the delay grows.
const QUICK_RETRIES: u32 = 5;
const QUICK_DELAY: Duration = Duration::from_millis(200);
/// Below the ten seconds within which a mended venue is to be traded on again.
const DELAY_MAX: Duration = Duration::from_secs(5);

/// The snapshot that a syncing book waits for.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct SnapshotRequest {
    ticket: u32,
    attempts: u32,
    due: Option<Nanos>,
}

impl SnapshotRequest {
    /// Asks at once, with no failures behind it.
    pub(super) fn restart(&mut self, now: Nanos) {
        self.attempts = 0;
        self.schedule(now);
    }

    /// Asks again, the later the more often it was asked before.
    pub(super) fn again(&mut self, now: Nanos) {
        self.schedule(now + delay(self.attempts));
    }

    /// Nothing is asked and no answer is waited for.
    pub(super) fn withdraw(&mut self) {
        self.due = None;
        self.ticket = self.ticket.wrapping_add(1);
    }

    pub(super) fn poll(&mut self, now: Nanos) -> Option<BookRequest> {
        self.due.filter(|due| *due <= now)?;
        self.due = None;
        Some(BookRequest::Snapshot { ticket: self.ticket })
    }

    pub(super) const fn due(&self) -> Option<Nanos> {
        self.due
    }

    /// Whether an answer with that ticket is waited for.
    pub(super) fn awaits(&self, ticket: u32) -> bool {
        self.due.is_none() && self.ticket == ticket
    }

    fn schedule(&mut self, at: Nanos) {
        self.attempts = self.attempts.saturating_add(1);
        self.ticket = self.ticket.wrapping_add(1);
        self.due = Some(at);
    }
}

/// Nothing before the first try.
fn delay(attempts: u32) -> Duration {
    match attempts {
        0 => Duration::ZERO,
        1..=QUICK_RETRIES => QUICK_DELAY,
        more => QUICK_DELAY.saturating_mul(2_u32.saturating_pow(more - QUICK_RETRIES)).min(DELAY_MAX),
    }
}
