//! A run under way, and its end in order: feed, lanes, gateways and books, ledger, recorder, venue.

use std::sync::Arc;
use std::time::Duration;

use schemas::summary::Summary;
use tokio::sync::{Notify, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, timeout, timeout_at};

use super::account::GatewayHandle;
use super::build::Parts;
use super::ledger;
use super::summary;
use crate::book::Books;
use crate::clock::Clock;
use crate::drain::{CLOSE_MAX, STOP_MAX, StopReason};
use crate::feed::{FeedEnd, FeedError};
use crate::lane::LaneEnd;
use crate::status::AppStatus;

/// How long any one task may take to follow once it was told to stop.
const TASK_MAX: Duration = Duration::from_millis(500);
/// How long the venues' ledgers may take to tell their totals.
const LEDGER_MAX: Duration = Duration::from_secs(1);
/// How long the last labels may take.
const LABELS_MAX: Duration = Duration::from_secs(1);
/// How long lanes may take over the last ticks of a feed that has ended.
const LAST_TICKS_MAX: Duration = Duration::from_secs(5);

/// The feed's task.
#[derive(Debug)]
pub(super) struct FeedHandle {
    pub(super) stop: watch::Sender<bool>,
    pub(super) task: JoinHandle<Result<FeedEnd, FeedError>>,
}

/// A run under way.
pub struct Running {
    pub(super) clock: Clock,
    pub(super) stop_lanes: watch::Sender<bool>,
    pub(super) give_up: watch::Sender<bool>,
    pub(super) lanes: JoinSet<LaneEnd>,
    /// Lanes that ended before they were told to.
    pub(super) ends: Vec<LaneEnd>,
    pub(super) gateways: Vec<GatewayHandle>,
    pub(super) book_stop: watch::Sender<bool>,
    pub(super) books: Vec<Books>,
    pub(super) heart: JoinSet<()>,
    pub(super) labels_failed: Arc<Notify>,
    pub(super) parts: Parts,
}

/// How a run ended.
#[derive(Clone, Debug)]
pub struct Ended {
    /// Why.
    pub reason: StopReason,
    /// What it did.
    pub summary: Summary,
}

impl Ended {
    /// Stopped before anything had begun: this process has placed nothing.
    #[must_use]
    pub fn before_start() -> Self {
        Self { reason: StopReason::Signal, summary: Summary { books_balance: true, ..Summary::default() } }
    }
}

impl Running {
    /// What an operator may see.
    #[must_use]
    pub fn status(&self) -> AppStatus {
        self.parts.status.clone()
    }

    /// Waits until the feed has no more and its last ticks are dealt with, or a part that the run cannot do
    /// without has failed.
    pub(super) async fn ended(&mut self) -> StopReason {
        tokio::select! {
            ended = &mut self.parts.feed.task => match ended {
                Ok(Ok(FeedEnd::Exhausted | FeedEnd::Stopped)) => {}
                Ok(Err(error)) => return failure("the feed", &error),
                Err(error) => return failure("the feed's task", &error),
            },
            Some(lane) = self.lanes.join_next() => {
                let reason = failure("a lane", &lane.as_ref().map_or_else(ToString::to_string, |end| end.symbol.clone()));
                self.ends.extend(lane);
                return reason;
            }
            error = first_end(&mut self.gateways) => return failure("a gateway's task", &error),
            () = self.labels_failed.notified() => return failure("the label file", &"see above"),
        }
        self.last_ticks().await;
        StopReason::FeedExhausted
    }

    /// Stops in order, within [`STOP_MAX`].
    pub(super) async fn stop(mut self, reason: StopReason) -> Ended {
        let deadline = Instant::now() + STOP_MAX;
        self.stop_feed().await;
        self.stop_lanes().await;
        self.book_stop.send_replace(true);
        for gateway in self.gateways {
            drop(gateway.commands);
            if timeout_at(soon(deadline), gateway.task).await.is_err() {
                tracing::warn!("a gateway did not end in time");
            }
        }
        for books in &mut self.books {
            if timeout_at(soon(deadline), books.ended()).await.is_err() {
                tracing::warn!("a book connection did not end in time");
            }
        }
        self.heart.shutdown().await;
        let Parts { venue, ledgers, recorder, status, admin, counters, .. } = self.parts;
        let until = deadline.min(Instant::now() + LEDGER_MAX);
        let trades = timeout_at(until, ledger::trades_since(&ledgers)).await.ok().flatten();
        let recorded = recorder.recorded();
        recorder.finish(LABELS_MAX);
        let run = self.clock.now().mono.since(status.started.mono);
        let summary =
            summary::summary(run, &status.lanes, &self.ends, &counters.snapshot(), &recorded, trades);
        drop(admin);
        if let Some(venue) = venue {
            venue.shutdown();
        }
        Ended { reason, summary }
    }

    /// Every tick that was handed over is fired or counted; bounded.
    async fn last_ticks(&self) {
        let status = &self.parts.status;
        let idle = async {
            loop {
                let totals = status.totals();
                let fed = self.parts.counters.snapshot();
                let ended: u64 = totals.outcomes.iter().sum();
                if totals.waiting == 0 && ended == totals.pairs && totals.ticks + fed.overflow == fed.ticks {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        if timeout(LAST_TICKS_MAX, idle).await.is_err() {
            tracing::info!("the last ticks still wait");
        }
    }

    async fn stop_feed(&mut self) {
        self.parts.feed.stop.send_replace(true);
        let task = &mut self.parts.feed.task;
        if !task.is_finished() && timeout(TASK_MAX, &mut *task).await.is_err() {
            task.abort();
        }
    }

    /// Lanes end their pairs and sweep; those that cannot in time are told to give up and say what may be open.
    async fn stop_lanes(&mut self) {
        self.stop_lanes.send_replace(true);
        self.join_lanes(Instant::now() + CLOSE_MAX).await;
        self.give_up.send_replace(true);
        self.join_lanes(Instant::now() + TASK_MAX).await;
    }

    async fn join_lanes(&mut self, deadline: Instant) {
        while let Ok(Some(lane)) = timeout_at(deadline, self.lanes.join_next()).await {
            match lane {
                Ok(end) => self.ends.push(end),
                Err(error) => tracing::error!(%error, "a lane failed"),
            }
        }
    }
}

fn failure(what: &str, error: &dyn std::fmt::Display) -> StopReason {
    tracing::error!("{what} ended: {error}");
    StopReason::Failure
}

/// A task's own time, within everybody's.
fn soon(deadline: Instant) -> Instant {
    deadline.min(Instant::now() + TASK_MAX)
}

/// Gateways end with their lanes, not before.
async fn first_end(gateways: &mut [GatewayHandle]) -> String {
    let ends = gateways.iter_mut().map(|gateway| &mut gateway.task);
    let (ended, _, _) = futures_util::future::select_all(ends).await;
    ended.map_or_else(|error| error.to_string(), |()| "before its lanes".to_owned())
}
