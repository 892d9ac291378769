//! Whether the journal can be relied on, readable from any thread.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pipeline::time::Nanos;

/// A write or sync that takes longer than this stops new orders.
pub const STALL_MAX: Duration = Duration::from_millis(250);

/// Whether the journal can be relied on.
#[derive(Debug, Default)]
pub struct Health {
    /// Why nothing is written any more.
    broken: Mutex<Option<String>>,
    /// The same, for who must not wait; 1 = broken.
    is_broken: AtomicU64,
    /// Since when something that was written waits to be synced; 0 = nothing does.
    waits: AtomicU64,
    /// Since when what is being synced has waited; 0 = nothing is.
    syncs: AtomicU64,
}

impl Health {
    /// What is wrong, if anything.
    pub fn trouble(&self, now: Nanos) -> Option<String> {
        if self.is_broken.load(Ordering::Acquire) != 0 {
            return Some(lock(&self.broken).clone().unwrap_or_default());
        }
        let late = self.stalled(now)?;
        Some(format!("not synced for {} ms", late.as_millis()))
    }

    /// Whether orders may be written down.
    pub fn is_good(&self, now: Nanos) -> bool {
        self.is_broken.load(Ordering::Acquire) == 0 && self.stalled(now).is_none()
    }

    /// Nothing is written any more.
    pub fn is_broken(&self) -> bool {
        self.is_broken.load(Ordering::Acquire) != 0
    }

    /// Nothing can be written any more, for that reason.
    pub fn break_down(&self, why: String) {
        *lock(&self.broken) = Some(why);
        self.is_broken.store(1, Ordering::Release);
    }

    /// A new file was begun, and is synced.
    pub fn mended(&self) {
        self.waits.store(0, Ordering::Release);
        self.syncs.store(0, Ordering::Release);
        self.is_broken.store(0, Ordering::Release);
    }

    /// Something was written.
    pub fn written(&self, now: Nanos) {
        let _ = self.waits.compare_exchange(0, now.0.max(1), Ordering::AcqRel, Ordering::Acquire);
    }

    /// All that was written so far is about to be synced.
    pub fn syncing(&self) {
        self.syncs.store(self.waits.swap(0, Ordering::AcqRel), Ordering::Release);
    }

    /// It is synced.
    pub fn synced(&self) {
        self.syncs.store(0, Ordering::Release);
    }

    fn stalled(&self, now: Nanos) -> Option<Duration> {
        let waits = |since: &AtomicU64| Some(since.load(Ordering::Acquire)).filter(|since| *since != 0);
        let oldest = [waits(&self.syncs), waits(&self.waits)].into_iter().flatten().min()?;
        Some(now.since(Nanos(oldest))).filter(|late| *late > STALL_MAX)
    }
}

/// A mutex of which a panic elsewhere changes nothing.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
