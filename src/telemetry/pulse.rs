//! Whether the trading thread turns: it says so itself, and a thread of its own notices where it does not.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context;
use pipeline::time::Nanos;
use tokio::time::MissedTickBehavior;

use super::logging;
use crate::clock::Clock;

/// How often the trading thread says that it turns.
const BEAT: Duration = Duration::from_millis(250);
/// A trading thread that says nothing for longer stands still.
const STALL: Duration = Duration::from_secs(2);
/// No stall was counted yet.
const NEVER: u64 = u64::MAX;

/// The trading thread's heartbeat. Clones look at the same one.
#[derive(Clone, Debug)]
pub struct Pulse {
    clock: Clock,
    /// Monotonic nanoseconds of the last beat.
    beat: Arc<AtomicU64>,
    /// The beat after which the last counted stall began.
    counted: Arc<AtomicU64>,
}

impl Pulse {
    /// A heartbeat that begins now.
    #[must_use]
    pub fn start(clock: Clock) -> Self {
        let now = clock.now().mono.0;
        Self { clock, beat: Arc::new(now.into()), counted: Arc::new(NEVER.into()) }
    }

    /// How long ago the trading thread last turned.
    #[must_use]
    pub fn age(&self) -> Duration {
        self.clock.now().mono.since(self.last())
    }

    /// Notes again and again that the trading thread turns; until dropped.
    pub async fn run(self) {
        let mut beats = tokio::time::interval(BEAT);
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            beats.tick().await;
            let now = self.clock.now().mono;
            let before = Nanos(self.beat.swap(now.0, Ordering::Relaxed));
            let silence = now.since(before);
            if silence > STALL {
                self.count(before);
                let stood_still_ms = u64::try_from(silence.as_millis()).unwrap_or(u64::MAX);
                tracing::warn!(stood_still_ms, "the trading thread stood still");
            }
        }
    }

    fn last(&self) -> Nanos {
        Nanos(self.beat.load(Ordering::Relaxed))
    }

    /// Counts the stall that began after that beat, whoever notices it first.
    fn count(&self, before: Nanos) {
        if self.counted.swap(before.0, Ordering::Relaxed) != before.0 {
            metrics::counter!("st_loop_stalls_total").increment(1);
        }
    }

    fn look(&self) {
        let last = self.last();
        if self.clock.now().mono.since(last) > STALL {
            self.count(last);
        }
    }
}

/// The thread that looks at the pulse; dropped, it ends.
#[derive(Debug)]
pub struct Watch {
    stop: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Watch {
    /// Looks from now on.
    ///
    /// # Errors
    /// If the thread cannot be started.
    pub fn start(pulse: Pulse) -> anyhow::Result<Self> {
        let (stop, stopped) = sync_channel(0);
        let thread = std::thread::Builder::new()
            .name("watch".to_owned())
            .spawn(move || {
                while stopped.recv_timeout(BEAT) == Err(RecvTimeoutError::Timeout) {
                    pulse.look();
                    logging::tell_left_out();
                }
            })
            .context("failed to start the watch over the trading thread")?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the watch over the trading thread failed");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stall_is_counted_once_by_whoever_sees_it() {
        let pulse = Pulse::start(Clock::start());
        let counted = || pulse.counted.load(Ordering::Relaxed);
        pulse.look();
        assert_eq!(counted(), NEVER, "it has just begun");
        pulse.count(Nanos(7));
        assert_eq!(counted(), 7);
        pulse.count(Nanos(7));
        pulse.count(Nanos(9));
        assert_eq!(counted(), 9);
    }
}
