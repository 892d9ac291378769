//! A run under way, and its end in order: feed, lanes, gateways and books, ledger, recorder, venue.

use std::time::Duration;

use schemas::ids::ClientOrderId;
use schemas::summary::Summary;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, timeout, timeout_at};

use super::account::GatewayHandle;
use super::build::Parts;
use super::status::AppStatus;
use super::summary;
use crate::book::Books;
use crate::clock::Clock;
use crate::drain::{CLOSE_MAX, StopReason};
use crate::feed::{FeedEnd, FeedError};
use crate::lane::LaneEnd;
use crate::venue::binance_spot::rest::RestClient;

/// How long a feed may take to stop, and a gateway or book to follow its lanes.
const TASK_MAX: Duration = Duration::from_millis(500);
/// How long the venue's ledger may take to tell its totals.
const LEDGER_MAX: Duration = Duration::from_secs(1);
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
    pub(super) gateways: Vec<GatewayHandle>,
    pub(super) book_stop: watch::Sender<bool>,
    pub(super) books: Vec<Books>,
    pub(super) heart: JoinSet<()>,
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
    /// Stopped before anything had begun.
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

    /// Waits until the feed has no more and its last ticks are dealt with, or has failed.
    pub(super) async fn feed_ended(&mut self) -> StopReason {
        match (&mut self.parts.feed.task).await {
            Ok(Ok(FeedEnd::Exhausted | FeedEnd::Stopped)) => {
                self.last_ticks().await;
                StopReason::FeedExhausted
            }
            Ok(Err(error)) => {
                tracing::error!(%error, "the feed failed");
                StopReason::Failure
            }
            Err(error) => {
                tracing::error!(%error, "the feed's task failed");
                StopReason::Failure
            }
        }
    }

    /// Stops in order, within [`crate::drain::STOP_MAX`].
    pub(super) async fn stop(mut self, reason: StopReason) -> Ended {
        self.stop_feed().await;
        let lanes = self.stop_lanes().await;
        self.book_stop.send_replace(true);
        for gateway in self.gateways {
            drop(gateway.commands);
            if timeout(TASK_MAX, gateway.task).await.is_err() {
                tracing::warn!("a gateway did not end in time");
            }
        }
        for books in &mut self.books {
            if timeout(TASK_MAX, books.ended()).await.is_err() {
                tracing::warn!("a book connection did not end in time");
            }
        }
        self.heart.shutdown().await;
        let totals = match &self.parts.ledger {
            Some(target) => {
                let rest = RestClient::new(target.clone());
                timeout(LEDGER_MAX, summary::venue_trades(&rest)).await.ok().flatten()
            }
            None => None,
        };
        let Parts { venue, recorder, status, admin, counters, .. } = self.parts;
        let recorded = recorder.recorded();
        recorder.finish();
        let run = self.clock.now().mono.since(status.started.mono);
        let summary = summary::summary(run, &lanes, &counters.snapshot(), &recorded, totals);
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
        let _ = timeout(LAST_TICKS_MAX, idle).await;
    }

    async fn stop_feed(&mut self) {
        self.parts.feed.stop.send_replace(true);
        if !self.parts.feed.task.is_finished() && timeout(TASK_MAX, &mut self.parts.feed.task).await.is_err()
        {
            self.parts.feed.task.abort();
        }
    }

    /// Lanes end their pairs and sweep; those that cannot in time are told to give up and say what may be open.
    async fn stop_lanes(&mut self) -> Vec<LaneEnd> {
        self.stop_lanes.send_replace(true);
        let deadline = Instant::now() + CLOSE_MAX;
        let mut ends = Vec::new();
        loop {
            match timeout_at(deadline, self.lanes.join_next()).await {
                Ok(Some(Ok(end))) => ends.push(end),
                Ok(Some(Err(error))) => tracing::error!(%error, "a lane failed"),
                Ok(None) => return ends,
                Err(_) => break,
            }
        }
        self.give_up.send_replace(true);
        while let Ok(Some(end)) = timeout(TASK_MAX, self.lanes.join_next()).await {
            ends.extend(end);
        }
        ends
    }
}

/// Orders of ours that may still be open, over all lanes.
pub(super) fn maybe_open(lanes: &[LaneEnd]) -> Vec<ClientOrderId> {
    lanes.iter().flat_map(|lane| lane.maybe_open.iter().copied()).collect()
}
