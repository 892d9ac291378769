//! What waits to be written to one connection.
//!
//! Bounded by count and by bytes. A reader that lets it fill up is disconnected: its stream would have a
//! hole, and a venue never waits for a reader.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use axum::extract::ws::Utf8Bytes;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::faults::Line;

use super::binance::time::TimeUnit;
use super::lag::{Kind, Lags};

/// Most messages that may wait.
const MESSAGES_MAX: usize = 65_536;
/// Most bytes that may wait.
const BYTES_MAX: usize = 64 << 20;

/// One connection's queue of messages, in the order in which they are to be written.
#[derive(Debug)]
pub(super) struct Outbox {
    /// The connection's number.
    pub(super) id: u64,
    /// Wrap stream payloads with their stream's name.
    pub(super) combined: AtomicBool,
    /// What moments are told in.
    pub(super) unit: TimeUnit,
    queue: Mutex<Queue>,
    wake: Notify,
    broken: Notify,
    line: OnceLock<Line>,
}

/// Counts of one connection, from its beginning, what waits included.
#[derive(Clone, Copy, Debug)]
pub(super) struct Traffic {
    pub(super) messages: u64,
    pub(super) bytes: u64,
    pub(super) waiting_messages: usize,
    pub(super) waiting_bytes: usize,
}

#[derive(Debug, Default)]
struct Queue {
    ready: VecDeque<Utf8Bytes>,
    /// Messages that a fault or the profile holds back, by the moment they are due; the number keeps equal moments apart.
    held: BTreeMap<(Instant, u64), Utf8Bytes>,
    held_so_far: u64,
    bytes: usize,
    broken: bool,
    /// How late the profile makes messages; none if not at all.
    lags: Option<Lags>,
    /// Messages and bytes of all time.
    told: (u64, u64),
    /// Nothing more comes: the connection ends when all is written.
    finished: bool,
}

impl Queue {
    fn len(&self) -> usize {
        self.ready.len() + self.held.len()
    }

    fn release_due(&mut self) {
        if self.held.is_empty() {
            return;
        }
        let now = Instant::now();
        while let Some(entry) = self.held.first_entry().filter(|entry| entry.key().0 <= now) {
            self.ready.push_back(entry.remove());
        }
    }
}

impl Outbox {
    pub(super) fn new(id: u64, combined: bool, unit: TimeUnit) -> Self {
        Self {
            id,
            combined: AtomicBool::new(combined),
            unit,
            queue: Mutex::default(),
            wake: Notify::new(),
            broken: Notify::new(),
            line: OnceLock::new(),
        }
    }

    /// Notes which connection it writes to.
    pub(super) fn attach(&self, line: Line) {
        // A queue has one connection.
        let _ = self.line.set(line);
    }

    /// The connection it writes to.
    pub(super) fn line(&self) -> Option<&Line> {
        self.line.get()
    }

    /// Whether stream payloads are to be wrapped.
    pub(super) fn is_combined(&self) -> bool {
        self.combined.load(Ordering::Relaxed)
    }

    /// Makes messages late.
    pub(super) fn set_lags(&self, lags: Option<Lags>) {
        self.lock().lags = lags;
    }

    /// Queues a message that tells of an event; a full queue breaks the connection.
    pub(super) fn push(&self, message: Utf8Bytes) {
        self.push_kind(message, Kind::Event, Duration::ZERO);
    }

    /// Queues an answer that is not to be written before `delay` has passed.
    pub(super) fn push_after(&self, message: Utf8Bytes, delay: Duration) {
        self.push_kind(message, Kind::Answer, delay);
    }

    fn push_kind(&self, message: Utf8Bytes, kind: Kind, delay: Duration) {
        self.add(message, |queue, message| {
            let due = match &mut queue.lags {
                None => (!delay.is_zero()).then(|| Instant::now() + delay),
                Some(lags) => lags.due(kind, delay, Instant::now()),
            };
            match due {
                None => queue.ready.push_back(message),
                Some(due) => {
                    queue.held_so_far += 1;
                    queue.held.insert((due, queue.held_so_far), message);
                }
            }
        });
        self.wake.notify_one();
    }

    fn add(&self, message: Utf8Bytes, put: impl FnOnce(&mut Queue, Utf8Bytes)) {
        let mut queue = self.lock();
        if queue.broken || queue.finished {
            return;
        }
        queue.bytes += message.len();
        if queue.len() >= MESSAGES_MAX || queue.bytes > BYTES_MAX {
            *queue = Queue { broken: true, ..Queue::default() };
            self.broken.notify_one();
            return;
        }
        queue.told.0 += 1;
        queue.told.1 += message.len() as u64;
        put(&mut queue, message);
    }

    /// What was and is to be written.
    pub(super) fn traffic(&self) -> Traffic {
        let queue = self.lock();
        Traffic {
            messages: queue.told.0,
            bytes: queue.told.1,
            waiting_messages: queue.len(),
            waiting_bytes: queue.bytes,
        }
    }

    /// Ends the connection when what waits has been written.
    pub(super) fn finish(&self) {
        self.lock().finished = true;
        self.wake.notify_one();
    }

    /// All is written, and nothing more comes.
    pub(super) fn is_finished(&self) -> bool {
        let queue = self.lock();
        queue.finished && queue.ready.is_empty()
    }

    /// The next message to write, if one is ready.
    pub(super) fn pop(&self) -> Option<Utf8Bytes> {
        let mut queue = self.lock();
        queue.release_due();
        let message = queue.ready.pop_front()?;
        queue.bytes -= message.len();
        Some(message)
    }

    /// Comes back when there may be something to write. Cancel safe.
    pub(super) async fn ready(&self) {
        let due = self.lock().held.first_key_value().map(|((due, _), _)| *due);
        match due {
            None => self.wake.notified().await,
            Some(due) => {
                tokio::select! {
                    () = self.wake.notified() => {}
                    () = tokio::time::sleep_until(due) => {}
                }
            }
        }
    }

    /// Comes back when the queue has overflowed. Cancel safe.
    pub(super) async fn broken(&self) {
        self.broken.notified().await;
    }

    /// The queue has overflowed: the connection is to end.
    pub(super) fn is_broken(&self) -> bool {
        self.lock().broken
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_reader_that_does_not_read_is_cut_off_and_its_queue_let_go() {
        let outbox = Outbox::new(1, false, TimeUnit::Milli);
        for _ in 0..MESSAGES_MAX {
            outbox.push("{}".into());
        }
        assert!(!outbox.is_broken());
        outbox.push("{}".into());
        assert!(outbox.is_broken());
        outbox.broken().await;
        assert_eq!(outbox.pop(), None);
        outbox.push("{}".into());
        assert_eq!(outbox.pop(), None, "nothing more is kept for it");
    }

    #[tokio::test]
    async fn what_is_held_back_comes_when_it_is_due() {
        let outbox = Outbox::new(1, false, TimeUnit::Milli);
        // Long enough that it cannot be due before the next has been looked for.
        outbox.push_after("late".into(), Duration::from_secs(2));
        outbox.push("now".into());
        assert_eq!(outbox.pop(), Some("now".into()));
        assert_eq!(outbox.pop(), None);
        let mut late = None;
        while late.is_none() {
            tokio::time::timeout(Duration::from_secs(20), outbox.ready()).await.unwrap();
            late = outbox.pop();
        }
        assert_eq!(late, Some("late".into()));
        assert_eq!(outbox.lock().bytes, 0);
    }
}
