//! Plays a tape on a thread of its own: reading, unpacking and waiting for the planned moment never touch the
//! runtime, and a thread's sleep is finer than the runtime's millisecond.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use pipeline::time::Now;
use tokio::sync::mpsc;

use super::{TapeReader, TapeTrade};
use crate::clock::Clock;
use crate::feed::schedule::{Schedule, Speed};

/// Trades on their way from the thread; when full, the thread waits: a tape loses nothing.
const QUEUE_LEN: usize = 1_024;
/// Longest single sleep, so that a stop is noticed within it.
const SLEEP_MAX: Duration = Duration::from_millis(100);
/// Of the bad lines the first and then each thousandth is logged.
const LOG_EVERY: u64 = 1_000;

/// A trade at its planned moment.
#[derive(Clone, Debug)]
pub struct Played {
    /// The trade as recorded.
    pub trade: TapeTrade,
    /// When it was to be sent: both clocks.
    pub planned: Now,
}

/// What became of a tape's lines; shared with the thread that reads them.
#[derive(Debug, Default)]
pub struct TapeTotals {
    trades: AtomicU64,
    bad_lines: AtomicU64,
    first_bad: OnceLock<String>,
    empty: OnceLock<String>,
}

impl TapeTotals {
    /// Trades handed over.
    #[must_use]
    pub fn trades(&self) -> u64 {
        self.trades.load(Ordering::Relaxed)
    }

    /// Lines passed over because they are broken.
    #[must_use]
    pub fn bad_lines(&self) -> u64 {
        self.bad_lines.load(Ordering::Relaxed)
    }

    /// What is wrong with the first of them.
    #[must_use]
    pub fn first_bad_line(&self) -> Option<&str> {
        self.first_bad.get().map(String::as_str)
    }

    /// What to say of a tape that ended without one trade.
    #[must_use]
    pub fn no_trades(&self) -> Option<&str> {
        self.empty.get().map(String::as_str)
    }

    fn bad_line(&self, error: &super::TapeLineError) {
        let before = self.bad_lines.fetch_add(1, Ordering::Relaxed);
        if before == 0 {
            let _ = self.first_bad.set(error.to_string());
        }
        if before.is_multiple_of(LOG_EVERY) {
            tracing::warn!(target: "feed", count = before + 1, "{error}");
        }
    }
}

/// A tape being played; dropping it stops the thread.
pub struct Player {
    played: mpsc::Receiver<Played>,
    totals: Arc<TapeTotals>,
}

impl Player {
    /// Starts to play: the first trade is due at once.
    ///
    /// # Errors
    /// The system has no thread left.
    pub fn start(reader: TapeReader, speed: Speed, clock: Clock) -> std::io::Result<Self> {
        Self::spawn(move |stage| play(reader, speed, &clock, &stage))
    }

    /// Plays what `play` gives to the stage, on the thread.
    ///
    /// # Errors
    /// The system has no thread left.
    pub fn spawn(play: impl FnOnce(Stage) + Send + 'static) -> std::io::Result<Self> {
        let (sender, played) = mpsc::channel(QUEUE_LEN);
        let totals = Arc::new(TapeTotals::default());
        let stage = Stage { sender, totals: totals.clone() };
        thread::Builder::new().name("tape".to_owned()).spawn(move || play(stage))?;
        Ok(Self { played, totals })
    }

    /// The next trade, at its planned moment or after; `None` at the end. Cancel safe.
    pub async fn next(&mut self) -> Option<Played> {
        self.played.recv().await
    }

    /// A trade that is due already, without waiting.
    pub fn try_next(&mut self) -> Option<Played> {
        self.played.try_recv().ok()
    }

    /// What became of the tape's lines so far.
    #[must_use]
    pub fn totals(&self) -> &Arc<TapeTotals> {
        &self.totals
    }
}

/// Where the thread puts its trades.
pub struct Stage {
    sender: mpsc::Sender<Played>,
    totals: Arc<TapeTotals>,
}

impl Stage {
    /// Hands a trade over at its planned moment; false once nobody listens any more.
    #[must_use]
    pub fn play(&self, clock: &Clock, played: Played) -> bool {
        let listened =
            sleep_until(clock, played.planned, &self.sender) && self.sender.blocking_send(played).is_ok();
        self.totals.trades.fetch_add(u64::from(listened), Ordering::Relaxed);
        listened
    }

    /// Counts a line that is passed over.
    pub fn bad_line(&self, error: &super::TapeLineError) {
        self.totals.bad_line(error);
    }

    /// Says what the tape has instead of trades, if it gave none.
    pub fn end(&self, reader: &TapeReader) {
        if self.totals.trades() == 0 {
            let _ = self.totals.empty.set(reader.no_trades().to_string());
        }
    }
}

fn play(mut reader: TapeReader, speed: Speed, clock: &Clock, stage: &Stage) {
    let mut schedule: Option<Schedule> = None;
    for next in reader.by_ref() {
        match next {
            Ok(trade) => {
                let now = clock.now();
                let planned =
                    schedule.get_or_insert_with(|| Schedule::new(speed, now)).plan(trade.at_ns, now);
                if !stage.play(clock, Played { trade, planned }) {
                    return;
                }
            }
            Err(error) => stage.bad_line(&error),
        }
    }
    stage.end(&reader);
}

/// Sleeps until the planned moment; false once nobody listens any more.
fn sleep_until(clock: &Clock, planned: Now, sender: &mpsc::Sender<Played>) -> bool {
    loop {
        if sender.is_closed() {
            return false;
        }
        let left = planned.mono.since(clock.now().mono);
        if left.is_zero() {
            return true;
        }
        thread::sleep(left.min(SLEEP_MAX));
    }
}
