//! No call site fills a log: 20 lines at once, then one a second, errors like the rest; how many were left out is
//! said with the next line, or soon after the last. Debug lines and finer ones are not limited: who asks for them
//! wants them all.

use std::cell::Cell;
use std::collections::HashMap;
use std::fmt::Write;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use pipeline::time::Nanos;
use tracing::callsite::Identifier;
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer};

use crate::clock::Clock;

/// Lines that a call site may write at once.
const BURST: u32 = 20;
/// What one line costs.
const EACH: Duration = Duration::from_secs(1);
/// What was left out is told apart from any line once its call site was silent for this long.
const QUIET: Duration = Duration::from_secs(2);

thread_local! {
    /// How many lines were left out before the one that this thread is about to write.
    static LEFT_OUT: Cell<u64> = const { Cell::new(0) };
}

static SITES: OnceLock<Sites> = OnceLock::new();

struct Sites {
    clock: Clock,
    sites: Mutex<HashMap<Identifier, Site>>,
}

/// What one call site has written.
struct Site {
    at: &'static Metadata<'static>,
    /// Until when its budget is spent.
    spent_until: Nanos,
    left_out: u64,
    /// When the last line was left out.
    last: Nanos,
}

/// The layer that leaves lines out.
#[derive(Debug)]
pub(super) struct RateLimit(());

impl RateLimit {
    /// One budget a call site, for the whole process.
    pub(super) fn start() -> Self {
        SITES.get_or_init(|| Sites { clock: Clock::start(), sites: Mutex::default() });
        Self(())
    }
}

impl<S: Subscriber> Layer<S> for RateLimit {
    fn event_enabled(&self, event: &Event<'_>, _: Context<'_, S>) -> bool {
        let at = event.metadata();
        let Some(sites) = SITES.get().filter(|_| *at.level() <= Level::INFO) else { return true };
        let now = sites.clock.now().mono;
        let passed = sites.lock().entry(at.callsite()).or_insert_with(|| Site::new(at)).pass(now);
        LEFT_OUT.set(passed.unwrap_or(0));
        passed.is_some()
    }
}

/// Takes how many lines were left out before the one that this thread writes.
pub(super) fn take_left_out() -> u64 {
    LEFT_OUT.take()
}

/// Tells of lines that were left out and that no later line told of: call it every now and then.
pub fn tell_left_out() {
    tell(QUIET);
}

/// The same of all of them, at the end.
pub(super) fn tell_all_left_out() {
    tell(Duration::ZERO);
}

fn tell(quiet: Duration) {
    let Some(sites) = SITES.get() else { return };
    let now = sites.clock.now().mono;
    let mut places = String::new();
    let mut suppressed = 0;
    for site in sites.lock().values_mut() {
        if site.left_out > 0 && now.since(site.last) >= quiet {
            let separator = if places.is_empty() { "" } else { " " };
            let (file, line) = (site.at.file().unwrap_or("?"), site.at.line().unwrap_or(0));
            let count = std::mem::take(&mut site.left_out);
            write!(places, "{separator}{file}:{line}*{count}").expect("writing to a string cannot fail");
            suppressed += count;
        }
    }
    // The lock is free again: this is a line like any other.
    if suppressed > 0 {
        tracing::warn!(suppressed, places, "lines were left out");
    }
}

impl Sites {
    fn lock(&self) -> MutexGuard<'_, HashMap<Identifier, Site>> {
        self.sites.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Site {
    const fn new(at: &'static Metadata<'static>) -> Self {
        Self { at, spent_until: Nanos(0), left_out: 0, last: Nanos(0) }
    }

    /// Lets a line through and gives how many were left out before it, or counts it as left out.
    fn pass(&mut self, now: Nanos) -> Option<u64> {
        let spent_until = self.spent_until.max(now);
        if spent_until.since(now) > EACH * (BURST - 1) {
            self.left_out += 1;
            self.last = now;
            return None;
        }
        self.spent_until = spent_until + EACH;
        Some(std::mem::take(&mut self.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site() -> Site {
        let callsite = tracing::callsite!(name: "test", kind: tracing::metadata::Kind::EVENT, fields: );
        Site::new(tracing::callsite::Callsite::metadata(callsite))
    }

    fn at(ms: u64) -> Nanos {
        Nanos(ms * 1_000_000)
    }

    /// Fault K10.
    #[test]
    fn a_burst_then_one_a_second_and_none_is_forgotten() {
        let mut site = site();
        let passed = (0..100).filter(|_| site.pass(at(5_000)).is_some()).count();
        assert_eq!(passed, 20);
        assert_eq!(site.pass(at(5_999)), None);
        assert_eq!(site.pass(at(6_000)), Some(81), "80 at once and one since");
        assert_eq!(site.pass(at(6_500)), None);
        assert_eq!(site.pass(at(7_000)), Some(1));
        assert_eq!((0..100).filter(|_| site.pass(at(60_000)).is_some()).count(), 20, "the budget is back");
    }
}
