//! The drop copy at work: facts are noted where they come up and compared on a thread of their own, so that the order
//! path pays for no more than a push.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use pipeline::drop_copy::{Difference, DropCopy, Fact};
use pipeline::time::Nanos;
use schemas::ids::ClientOrderId;
use tokio::sync::Notify;

use super::health::lock;
use crate::clock::Clock;
use crate::failpoint::break_in;
use crate::vital;

/// How often what was noted is taken in.
const TAKE: Duration = Duration::from_secs(1);
/// How often it is compared: every so many takes.
const COMPARE: u32 = 10;
/// Most facts that wait; more are dropped, and all that was known before with them.
const FACTS_MAX: usize = 1 << 18;

/// Where facts are noted.
#[derive(Debug, Default)]
pub(super) struct Tap {
    facts: Mutex<Vec<Fact>>,
    overflown: AtomicBool,
}

impl Tap {
    pub(super) fn note(&self, fact: Fact) {
        let mut facts = lock(&self.facts);
        if facts.len() < FACTS_MAX {
            facts.push(fact);
        } else {
            self.overflown.store(true, Ordering::Relaxed);
        }
    }

    fn take(&self, into: &mut Vec<Fact>) -> bool {
        std::mem::swap(&mut *lock(&self.facts), into);
        self.overflown.swap(false, Ordering::Relaxed)
    }
}

/// The thread that compares; it ends after a last comparison.
#[derive(Debug)]
pub(super) struct Comparer {
    stop: SyncSender<()>,
    thread: JoinHandle<()>,
}

impl Comparer {
    pub(super) fn spawn(tap: Arc<Tap>, clock: Clock, failed: Arc<Notify>) -> Option<Self> {
        let (stop, stopped) = sync_channel(1);
        match vital::spawn("drop-copy", "journal", failed, move || Books::new(tap, clock).run(&stopped)) {
            Ok(thread) => Some(Self { stop, thread }),
            Err(error) => {
                tracing::error!(%error, "the thread of the drop copy could not be started");
                None
            }
        }
    }

    pub(super) fn finish(self) {
        drop(self.stop);
        if self.thread.join().is_err() {
            tracing::error!("the thread of the drop copy failed");
        }
    }
}

struct Books {
    tap: Arc<Tap>,
    clock: Clock,
    copy: DropCopy,
    facts: Vec<Fact>,
    /// Told in the log already.
    logged: BTreeSet<ClientOrderId>,
}

impl Books {
    fn new(tap: Arc<Tap>, clock: Clock) -> Self {
        let books =
            Self { tap, clock, copy: DropCopy::default(), facts: Vec::new(), logged: BTreeSet::new() };
        books.show(&[]);
        books
    }

    fn run(mut self, stopped: &Receiver<()>) {
        let mut takes = 0;
        loop {
            let goes_on = stopped.recv_timeout(TAKE) == Err(RecvTimeoutError::Timeout);
            break_in("drop_copy");
            let now = self.clock.now().mono;
            self.take(now);
            takes += 1;
            if !goes_on || takes % COMPARE == 0 {
                self.compare(now);
            }
            if !goes_on {
                return;
            }
        }
    }

    fn take(&mut self, now: Nanos) {
        let overflown = self.tap.take(&mut self.facts);
        for fact in self.facts.drain(..) {
            self.copy.take(fact, now);
        }
        if overflown {
            self.copy.forget();
            metrics::counter!("st_drop_copy_gaps_total").increment(1);
        }
    }

    fn compare(&mut self, now: Nanos) {
        let found = self.copy.compare(now);
        for (id, difference) in &found {
            if self.logged.insert(*id) {
                tracing::error!("the journal and the user stream differ: {id} {}", difference.name());
            }
        }
        self.logged.retain(|id| found.iter().any(|(known, _)| known == id));
        self.show(&found);
    }

    fn show(&self, found: &[(ClientOrderId, Difference)]) {
        for kind in Difference::ALL {
            let count = found.iter().filter(|(_, difference)| *difference == kind).count();
            let count = u32::try_from(count).unwrap_or(u32::MAX);
            metrics::gauge!("st_drop_copy_differences", "kind" => kind.name()).set(count);
        }
    }
}
