//! How long the machine itself stood still: what a bound on a program's time leaves out. A processor that is taken
//! away is nobody's slowness, and only who is waiting at the same time can tell.

use std::sync::{Arc, Mutex, Weak};
use std::thread;
use std::time::Duration;

use self_trader::clock::wall_ms;

/// Each sleeps on whatever processor it was last on: one may stand still while another goes on.
const WATCHERS: usize = 4;
const NAP: Duration = Duration::from_millis(5);
/// What a nap may take on a machine that is only busy.
const LATE_MS: i64 = 100;

/// Watches until it is dropped. Clones are the same one.
#[derive(Clone)]
pub(crate) struct Stalls(Vec<Arc<Mutex<Watcher>>>);

struct Watcher {
    /// When it last woke, milliseconds.
    woke: i64,
    /// From when to when it overslept, milliseconds.
    overslept: Vec<(i64, i64)>,
}

impl Stalls {
    pub(crate) fn watch() -> Self {
        let watcher = |_| Arc::new(Mutex::new(Watcher { woke: wall_ms(), overslept: Vec::new() }));
        let watchers: Vec<_> = (0..WATCHERS).map(watcher).collect();
        for watcher in &watchers {
            let watcher = Arc::downgrade(watcher);
            thread::spawn(move || nap(&watcher));
        }
        Self(watchers)
    }

    /// How long any of them overslept between two moments, milliseconds.
    pub(crate) fn between(&self, from: i64, to: i64) -> i64 {
        let mut overslept = Vec::new();
        for watcher in &self.0 {
            let watcher = watcher.lock().unwrap();
            // It may not have woken yet.
            let all = watcher.overslept.iter().copied().chain(late(watcher.woke, wall_ms()));
            overslept.extend(all.filter(|(began, ended)| *began < to && *ended > from));
        }
        overslept.sort_unstable();
        let (mut still, mut counted) = (0, from);
        for (began, ended) in overslept {
            let (began, ended) = (began.max(counted), ended.min(to));
            still += (ended - began).max(0);
            counted = counted.max(ended);
        }
        still
    }

    /// A time that began at that moment and ends now, without what the machine stood still of it.
    pub(crate) fn leave_out(&self, took: Duration, began: i64) -> Duration {
        let still = u64::try_from(self.between(began, wall_ms())).unwrap();
        took.saturating_sub(Duration::from_millis(still))
    }
}

fn nap(watcher: &Weak<Mutex<Watcher>>) {
    while watcher.strong_count() > 0 {
        thread::sleep(NAP);
        let Some(watcher) = watcher.upgrade() else { return };
        let mut watcher = watcher.lock().unwrap();
        let woke = wall_ms();
        let late = late(watcher.woke, woke);
        watcher.overslept.extend(late);
        watcher.woke = woke;
    }
}

/// What is too long between two looks.
fn late(before: i64, now: i64) -> Option<(i64, i64)> {
    (now - before > LATE_MS).then_some((before, now))
}
