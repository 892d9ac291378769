//! A run under way, and its end in order: feed, lanes, gateways and books, ledger, recorder, venue.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use schemas::journal::Traded;
use schemas::summary::Summary;
use tokio::sync::{Notify, watch};
use tokio::task::{JoinError, JoinHandle, JoinSet};
use tokio::time::{Instant, timeout, timeout_at};

use super::account::GatewayHandle;
use super::build::Parts;
use super::fleet::Leases;
use super::ledger;
use super::summary;
use crate::book::Books;
use crate::clock::Clock;
use crate::drain::{CLOSE_MAX, STOP_MAX, StopReason};
use crate::failpoint::failpoint;
use crate::feed::{self, FeedEnd, FeedError, FeedState, FeedStop, Intake, Route};
use crate::lane::LaneEnd;
use crate::status::AppStatus;
use crate::vital::{count_panic, first_panic};

/// The feed starts when everything is ready, or after this.
const READY_MAX: Duration = Duration::from_secs(10);
/// How long any one task may take to follow once it was told to stop.
const TASK_MAX: Duration = Duration::from_millis(500);
/// How long a feed may take to leave its group.
const LEAVE_MAX: Duration = Duration::from_millis(1_500);
/// How long the venues' ledgers may take to tell their totals.
const LEDGER_MAX: Duration = Duration::from_secs(1);
/// How long the last labels may take.
const LABELS_MAX: Duration = Duration::from_secs(1);
/// How long lanes may take over the last ticks of a feed that has ended.
const LAST_TICKS_MAX: Duration = Duration::from_secs(5);

/// The feed before it runs.
pub(super) struct FeedPlan {
    pub(super) source: feed::Source,
    pub(super) routes: Vec<Route>,
    /// Reference trades that earlier runs made pairs of.
    pub(super) traded: Vec<Traded>,
    pub(super) state: watch::Sender<FeedState>,
}

/// The feed's task.
#[derive(Debug)]
pub(super) struct FeedHandle {
    pub(super) stop: watch::Sender<FeedStop>,
    pub(super) task: JoinHandle<Result<FeedEnd, FeedError>>,
    /// It belongs to a group, and with it the instruments do.
    pub(super) is_member: bool,
}

/// A run under way.
pub struct Running {
    pub(super) clock: Clock,
    pub(super) stop_lanes: watch::Sender<bool>,
    pub(super) give_up: watch::Sender<bool>,
    pub(super) lanes: JoinSet<LaneEnd>,
    /// Lanes that ended before they were told to.
    pub(super) ends: Vec<LaneEnd>,
    pub(super) feed_plan: Option<FeedPlan>,
    pub(super) feed: Option<FeedHandle>,
    pub(super) gateways: Vec<GatewayHandle>,
    pub(super) book_stop: watch::Sender<bool>,
    pub(super) books: Vec<Books>,
    pub(super) heart: JoinSet<()>,
    pub(super) failed: Failed,
    pub(super) parts: Parts,
}

/// Told when what has a thread of its own has failed.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) labels: Arc<Notify>,
    pub(super) journal: Arc<Notify>,
    pub(super) halt_file: Arc<Notify>,
}

impl Failed {
    async fn first(&self) -> &'static str {
        tokio::select! {
            () = self.labels.notified() => "the label file",
            () = self.journal.notified() => "the journal's thread",
            () = self.halt_file.notified() => "the watch over the halt file",
        }
    }
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
    pub fn before_start(reason: StopReason) -> Self {
        Self { reason, summary: Summary { books_balance: true, ..Summary::default() } }
    }
}

impl Running {
    /// What an operator may see.
    #[must_use]
    pub fn status(&self) -> AppStatus {
        self.parts.status.clone()
    }

    /// Starts the feed when the rest is ready, and waits until it has no more and its last ticks are dealt
    /// with, or a part that the run cannot do without has failed.
    pub(super) async fn trade(&mut self) -> StopReason {
        self.ready().await;
        self.start_feed();
        let Self { feed, lanes, ends, gateways, books, heart, failed, parts, .. } = self;
        tokio::select! {
            ended = feed_end(feed) => match ended {
                Ok(Ok(FeedEnd::Exhausted | FeedEnd::Stopped)) => {}
                Ok(Err(error)) => return failure("the feed", &error),
                Err(error) => {
                    count_panic("feed", &error);
                    return failure("the feed's task", &error);
                }
            },
            Some(lane) = lanes.join_next() => {
                let reason = failure("a lane", &lane.as_ref().map_or_else(ToString::to_string, |end| end.symbol.clone()));
                ends.extend(lane);
                return reason;
            }
            error = first_end(gateways) => return failure("a gateway's task", &error),
            error = first_panic("other", heart) => return failure("a task that the run cannot do without", &error),
            error = first_failed(books) => return failure("a book connection's task", &error),
            error = no_leases(&mut parts.leases) => return failure("the leases' task", &error),
            what = failed.first() => return failure(what, &"see above"),
        }
        self.last_ticks().await;
        StopReason::FeedExhausted
    }

    async fn ready(&self) {
        let status = &self.parts.status;
        let ready = async {
            while !status.waits_for_before_feed().is_empty() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        if timeout(READY_MAX, ready).await.is_err() {
            let waits_for = status.waits_for_before_feed();
            tracing::warn!(?waits_for, "starting the feed before everything is ready");
        }
    }

    fn start_feed(&mut self) {
        let Some(FeedPlan { source, routes, traded, state }) = self.feed_plan.take() else { return };
        let mut intake = Intake::new(routes, Arc::clone(&self.parts.counters));
        if source.goes_on() {
            intake.restore(&traded);
        }
        let is_member = source.is_member();
        let (stop, stopped) = watch::channel(FeedStop::Run);
        let clock = self.clock;
        let task = tokio::spawn(async move { feed::run(source, intake, clock, state, stopped).await });
        self.feed = Some(FeedHandle { stop, task, is_member });
    }

    /// Stops in order, within [`STOP_MAX`].
    pub(super) async fn stop(mut self, reason: StopReason) -> Ended {
        let deadline = Instant::now() + STOP_MAX;
        self.parts.status.stopping.store(true, Ordering::Relaxed);
        // Told at once: while the feed is waited for, nothing new begins.
        self.stop_lanes.send_replace(true);
        self.quiet_feed().await;
        failpoint!("in_stop");
        if let Some(leases) = &self.parts.leases {
            leases.leave();
        }
        self.stop_lanes().await;
        self.leave_feed().await;
        if let Some(leases) = self.parts.leases.take() {
            leases.given_back().await;
        }
        drop(self.parts.takeovers.take());
        self.book_stop.send_replace(true);
        for gateway in self.gateways {
            drop(gateway.commands);
            if !gateway.task.is_finished() && timeout_at(soon(deadline), gateway.task).await.is_err() {
                tracing::warn!("a gateway did not end in time");
            }
        }
        for books in &mut self.books {
            if timeout_at(soon(deadline), books.ended()).await.is_err() {
                tracing::warn!("a book connection did not end in time");
            }
        }
        let Parts { venue, ledgers, recorder, status, admin, watch, halt_file, counters, journal, .. } =
            self.parts;
        drop((watch, halt_file));
        self.heart.shutdown().await;
        journal.finish();
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

    /// No more ticks. A feed whose membership holds the instruments stays a member until their lanes have closed.
    async fn quiet_feed(&mut self) {
        let Some(FeedHandle { stop, task, is_member }) = &mut self.feed else { return };
        stop.send_replace(FeedStop::Quiet);
        if !*is_member && !task.is_finished() && timeout(TASK_MAX, &mut *task).await.is_err() {
            task.abort();
        }
    }

    /// Gives the membership up, if there is one: what was closed can be taken over at once.
    async fn leave_feed(&mut self) {
        let Some(FeedHandle { stop, task, .. }) = &mut self.feed else { return };
        stop.send_replace(FeedStop::End);
        if !task.is_finished() && timeout(LEAVE_MAX, &mut *task).await.is_err() {
            task.abort();
        }
    }

    /// Lanes end their pairs and sweep; those that cannot in time are told to give up and say what may be open.
    async fn stop_lanes(&mut self) {
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

async fn feed_end(feed: &mut Option<FeedHandle>) -> Result<Result<FeedEnd, FeedError>, JoinError> {
    match feed {
        Some(feed) => (&mut feed.task).await,
        None => std::future::pending().await,
    }
}

/// Books are kept until they are told to stop.
async fn first_failed(books: &mut [Books]) -> String {
    if books.is_empty() {
        return std::future::pending().await;
    }
    let (error, _, _) =
        futures_util::future::select_all(books.iter_mut().map(|books| Box::pin(books.failed()))).await;
    error
}

/// Leases are kept until they are given back.
async fn no_leases(leases: &mut Option<Leases>) -> String {
    match leases {
        Some(leases) => leases.failed().await,
        None => std::future::pending().await,
    }
}

/// A task's own time, within everybody's.
fn soon(deadline: Instant) -> Instant {
    deadline.min(Instant::now() + TASK_MAX)
}

/// Gateways end with their lanes, not before. A process that owns nothing has none.
async fn first_end(gateways: &mut [GatewayHandle]) -> String {
    if gateways.is_empty() {
        return std::future::pending().await;
    }
    let ends = gateways.iter_mut().map(|gateway| &mut gateway.task);
    let (ended, _, _) = futures_util::future::select_all(ends).await;
    match ended {
        Ok(()) => "before its lanes".to_owned(),
        Err(error) => {
            count_panic("gateway", &error);
            error.to_string()
        }
    }
}
