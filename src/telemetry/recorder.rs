//! Takes every ended pair, on a thread of its own: writes its label, keeps latencies and what a screen shows.

use std::collections::{BTreeSet, VecDeque};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context;
use hdrhistogram::Histogram;
use pipeline::time::Nanos;
use pipeline::trade::{Outcome, Trade};
use schemas::order::Side;
use schemas::summary::Percentiles;
use schemas::units::Decimal;
use tokio::sync::{Notify, mpsc};

use super::timings::Timings;
use crate::failpoint::break_in;
use crate::labels::sinks::OpenSinks;
use crate::labels::{LabelSinks, LabelSource, label};
use crate::publish::producer::Deliveries;
use crate::vital;

/// Pairs that may wait to be recorded; a lane that finds it full waits, and its gate stays shut.
pub const RECORDS_MAX: usize = 8_192;
/// Pairs that are recorded together.
const BATCH_MAX: usize = 256;
/// How long ended pairs may wait for the recorder.
const LOOK_AGAIN: std::time::Duration = std::time::Duration::from_millis(5);
/// Longer times count as this one: an hour.
const MICROS_MAX: u64 = 3_600_000_000;
/// How many trades a screen can show.
const RECENT_MAX: usize = 256;

/// An ended pair on its way to the recorder.
#[derive(Debug)]
pub struct Record {
    /// Whose it is.
    pub source: Arc<LabelSource>,
    /// The pair.
    pub trade: Box<Trade>,
    /// When its last leg ended.
    pub done: Nanos,
}

/// A pair that traded, for the screen.
#[derive(Clone, Debug)]
pub struct RecentTrade {
    /// The symbol on the venue.
    pub symbol: String,
    /// When, milliseconds since the epoch.
    pub at_ms: i64,
    /// The taker's side.
    pub taker: Side,
    /// The followed price.
    pub followed: Decimal,
    /// The price of the pair.
    pub produced: Decimal,
    /// Its price's text.
    pub price: String,
    /// What traded.
    pub qty: String,
    /// What became of it.
    pub outcome: Outcome,
}

/// What the recorder knows so far.
#[derive(Debug)]
pub struct Recorded {
    /// Receipt of the tick to the maker's frame written, microseconds.
    pub tick_to_maker_us: Histogram<u64>,
    /// Receipt of the tick to both legs ended, microseconds.
    pub tick_to_done_us: Histogram<u64>,
    /// The longest that a maker stayed open, milliseconds.
    pub oldest_open_maker_ms: u64,
    /// Distinct trades of our legs.
    pub trades: u64,
    /// Pairs recorded.
    pub pairs: u64,
    /// Probe pairs, which no other number holds.
    pub probes: u64,
    /// The newest pairs that traded, newest last.
    pub recent: VecDeque<RecentTrade>,
    /// Labels that were not written, or not known to be: after the file's first failure it is not tried again.
    pub labels_lost: u64,
}

impl Recorded {
    fn new() -> anyhow::Result<Self> {
        let histogram =
            || Histogram::new_with_bounds(1, MICROS_MAX, 3).context("a histogram of 3 digits over an hour");
        Ok(Self {
            tick_to_maker_us: histogram()?,
            tick_to_done_us: histogram()?,
            oldest_open_maker_ms: 0,
            trades: 0,
            pairs: 0,
            probes: 0,
            recent: VecDeque::with_capacity(RECENT_MAX),
            labels_lost: 0,
        })
    }

    fn add(&mut self, record: &Record) {
        let trade = &record.trade;
        let received = trade.tick.received.mono;
        let micros = |at: Nanos| u64::try_from(at.since(received).as_micros()).unwrap_or(u64::MAX);
        if trade.maker.id.is_probe() {
            self.probes += 1;
            return;
        }
        self.pairs += 1;
        if let Some(sent) = trade.maker.sent_at {
            self.tick_to_maker_us.saturating_record(micros(sent));
            self.tick_to_done_us.saturating_record(micros(record.done));
            let open = trade.maker.ended_at.unwrap_or(record.done).since(sent).as_millis();
            self.oldest_open_maker_ms =
                self.oldest_open_maker_ms.max(u64::try_from(open).unwrap_or(u64::MAX));
        }
        let ids: BTreeSet<u64> =
            trade.maker.fills().iter().chain(trade.taker.fills()).map(|fill| fill.trade_id).collect();
        self.trades += u64::try_from(ids.len()).unwrap_or(0);
        if !ids.is_empty() {
            self.remember(record);
        }
    }

    fn remember(&mut self, record: &Record) {
        if self.recent.len() == RECENT_MAX {
            self.recent.pop_front();
        }
        let (trade, decimals) = (&record.trade, record.source.price_decimals);
        self.recent.push_back(RecentTrade {
            symbol: record.source.maker_symbol.clone(),
            at_ms: trade.decided.wall_ms,
            taker: trade.pair.maker_side.opposite(),
            followed: trade.tick.tick.price.unwrap_or(Decimal::ZERO),
            produced: trade.pair.price.decimal(decimals),
            price: trade.pair.price.text(decimals).to_string(),
            qty: trade.taker.executed().max(trade.maker.executed()).to_string(),
            outcome: trade.outcome(),
        });
    }
}

/// The recorder: its intake, what it knows, and its thread.
#[derive(Debug)]
pub struct Recorder {
    sender: mpsc::Sender<Record>,
    recorded: Arc<Mutex<Recorded>>,
    failed: Arc<Notify>,
    /// Of the labels' topic.
    deliveries: Option<Arc<Deliveries>>,
    thread: JoinHandle<()>,
    done: Receiver<()>,
}

impl Recorder {
    /// Opens the sinks and starts the thread. Blocks for up to 5 s where labels go to a topic.
    ///
    /// # Errors
    /// If the file or the topic cannot be opened or the thread not started.
    pub fn start(labels: &LabelSinks) -> anyhow::Result<Self> {
        let failed = Arc::<Notify>::default();
        let sinks = labels.open(&failed)?;
        let deliveries = sinks.deliveries();
        let (sender, receiver) = mpsc::channel(RECORDS_MAX);
        let (ended, done) = sync_channel(1);
        let recorded = Arc::new(Mutex::new(Recorded::new()?));
        let (shared, on_failure) = (Arc::clone(&recorded), Arc::clone(&failed));
        let thread = vital::spawn("recorder", "other", Arc::clone(&failed), move || {
            record_all(receiver, sinks, &shared, &on_failure);
            // Nobody listens any more if the owner has given up waiting.
            let _ = ended.send(());
        });
        let thread = thread.context("failed to start the recorder's thread")?;
        Ok(Self { sender, recorded, failed, deliveries, thread, done })
    }

    /// Where lanes send ended pairs.
    #[must_use]
    pub fn sender(&self) -> mpsc::Sender<Record> {
        self.sender.clone()
    }

    /// What it knows, for screens and summaries.
    #[must_use]
    pub fn recorded(&self) -> Arc<Mutex<Recorded>> {
        Arc::clone(&self.recorded)
    }

    /// Told when a label could not be written: trading without ground truth has to stop.
    #[must_use]
    pub fn failed(&self) -> Arc<Notify> {
        Arc::clone(&self.failed)
    }

    /// Ends once every sender is gone and all labels are written and confirmed, or after `within`. What is not
    /// confirmed then counts as lost.
    pub fn finish(self, within: Duration) {
        drop(self.sender);
        if self.done.recv_timeout(within) == Err(RecvTimeoutError::Timeout) {
            tracing::error!("the last labels were not written in time");
            lock(&self.recorded).labels_lost += u64::from(self.deliveries.is_none());
        } else if self.thread.join().is_err() {
            tracing::error!("the recorder's thread failed");
        }
        if let Some(deliveries) = self.deliveries {
            lock(&self.recorded).labels_lost += deliveries.unconfirmed();
        }
    }
}

/// What the recorder knows, also after its thread failed.
pub fn lock(recorded: &Mutex<Recorded>) -> MutexGuard<'_, Recorded> {
    recorded.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A distribution in three numbers.
#[must_use]
pub fn percentiles(histogram: &Histogram<u64>) -> Percentiles {
    Percentiles {
        p50: histogram.value_at_quantile(0.5),
        p99: histogram.value_at_quantile(0.99),
        max: histogram.max(),
        count: histogram.len(),
    }
}

/// Lanes pay for waking a thread that waits, and nothing for one that sleeps: it takes what has come and looks
/// again a moment later.
fn record_all(
    mut records: mpsc::Receiver<Record>,
    mut sinks: OpenSinks,
    recorded: &Mutex<Recorded>,
    failed: &Notify,
) {
    let mut batch = Vec::with_capacity(BATCH_MAX);
    let timings = Timings::default();
    while records.blocking_recv_many(&mut batch, BATCH_MAX) > 0 {
        break_in("labels");
        let labels = batch.iter().map(|record: &Record| label(&record.source, &record.trade, record.done));
        let written = if sinks.is_empty() { Ok(()) } else { sinks.write(labels) };
        let more_waits = batch.len() == BATCH_MAX;
        let mut recorded = lock(recorded);
        let taken = u64::try_from(batch.len()).unwrap_or(u64::MAX);
        for record in batch.drain(..) {
            timings.add(&record);
            recorded.add(&record);
        }
        if let Err(error) = written {
            if recorded.labels_lost == 0 {
                tracing::error!(%error, "labels could not be written");
            }
            recorded.labels_lost += taken;
            failed.notify_one();
        }
        drop(recorded);
        if !more_waits && !records.is_closed() {
            std::thread::sleep(LOOK_AGAIN);
        }
    }
    sinks.finish();
}
