//! Beside an order connection: the user stream and the lists of open orders, each a task of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use hyper::Method;
use pipeline::gateway::Answer;
use schemas::ids::InstrumentPrefix;
use schemas::wire::binance::encode::Value;
use schemas::wire::binance::order::OrderAnswer;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinSet;

use super::user_stream;
use crate::clock::Clock;
use crate::failpoint::break_in;
use crate::venue::binance::account::AccountKey;
use crate::venue::binance::gateway::GatewayParts;
use crate::venue::binance::positions::Positions;
use crate::venue::binance::rest::{RestClient, RestError, percent_encode};
use crate::venue::binance::{Beside, ListJob, open_orders, refusal_by_rest, warn};
use crate::venue::guard::Target;
use crate::vital;

/// News that may wait for the gateway; the task that brings them waits with the next.
const NEWS_MAX: usize = 4_096;
/// Lists that may wait to be asked for; one more counts as not answered.
const LISTS_MAX: usize = 4_096;
/// Lists under way at once.
const LISTS_AT_ONCE: usize = 4;

/// What the tasks need to know.
#[derive(Clone, Debug)]
pub(crate) struct SideParts {
    pub(super) target: Target,
    pub(super) account: AccountKey,
    pub(super) recv_window_ms: u32,
    pub(super) clock_offset_ms: Arc<AtomicI64>,
    pub(super) positions: Positions,
    pub(super) rest: Arc<RestClient>,
    /// For what the gateway's machine has let leave.
    lists: Arc<RestClient>,
    pub(super) clock: Clock,
    /// The venue's symbol of each instrument.
    pub(super) symbols: Vec<(InstrumentPrefix, String)>,
}

impl SideParts {
    /// Those of a gateway.
    pub(crate) fn of(parts: &GatewayParts, clock: Clock) -> Self {
        Self {
            target: parts.target.clone(),
            account: parts.account.clone(),
            recv_window_ms: parts.recv_window_ms,
            clock_offset_ms: Arc::clone(&parts.clock_offset_ms),
            positions: parts.positions.clone(),
            rest: Arc::new(RestClient::new(parts.target.clone())),
            lists: Arc::new(RestClient::admitted(parts.target.clone())),
            clock,
            symbols: parts.lanes.iter().map(|lane| (lane.prefix, lane.symbol.clone())).collect(),
        }
    }

    /// The venue's symbol of the instrument with that prefix.
    pub(super) fn symbol_of(&self, prefix: InstrumentPrefix) -> Option<&str> {
        self.symbols.iter().find(|(known, _)| *known == prefix).map(|(_, symbol)| symbol.as_str())
    }

    /// The venue's wall clock.
    pub(super) fn venue_ms(&self) -> i64 {
        self.clock.now().wall_ms + self.clock_offset_ms.load(Ordering::Relaxed)
    }
}

/// A gateway's end of the tasks; dropped, they end at once.
pub(crate) struct Side {
    /// `None` where the order connection carries everything.
    ways: Option<Ways>,
}

struct Ways {
    news: mpsc::Receiver<Beside>,
    lists: mpsc::Sender<ListJob>,
    renew: Arc<Notify>,
    tasks: JoinSet<()>,
}

impl Side {
    /// There is nothing beside the order connection.
    pub(crate) const fn none() -> Self {
        Self { ways: None }
    }

    /// Starts both tasks.
    pub(crate) fn start(parts: SideParts) -> Self {
        let (sender, news) = mpsc::channel(NEWS_MAX);
        let (lists, jobs) = mpsc::channel(LISTS_MAX);
        let renew = Arc::new(Notify::new());
        let mut tasks = JoinSet::new();
        tasks.spawn(user_stream::run(parts.clone(), sender.clone(), Arc::clone(&renew)));
        tasks.spawn(ask_lists(parts, jobs, sender));
        Self { ways: Some(Ways { news, lists, renew, tasks }) }
    }

    /// Whether events come this way.
    pub(crate) const fn hears(&self) -> bool {
        self.ways.is_some()
    }

    /// The next news; never where there are none to come.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub(crate) async fn next(&mut self) -> Option<Beside> {
        match &mut self.ways {
            Some(ways) => {
                let Ways { news, tasks, .. } = ways;
                tokio::select! {
                    told = news.recv() => told,
                    Some(ended) = tasks.join_next() => {
                        // Without it nothing would ever be heard again, and nobody would know: it fails as a whole.
                        if let Err(error) = ended {
                            vital::pass_on(error);
                        }
                        None
                    }
                }
            }
            None => std::future::pending().await,
        }
    }

    /// The next news if they have come already.
    pub(crate) fn next_now(&mut self) -> Option<Beside> {
        self.ways.as_mut()?.news.try_recv().ok()
    }

    /// Asks for a list; whether it will be.
    pub(crate) fn list(&self, job: ListJob) -> bool {
        self.ways.as_ref().is_some_and(|ways| ways.lists.try_send(job).is_ok())
    }

    /// Gives the user stream up for another one.
    pub(crate) fn renew(&self) {
        if let Some(ways) = &self.ways {
            ways.renew.notify_one();
        }
    }
}

/// Asks for open orders, a few symbols at once, until the gateway is gone.
async fn ask_lists(parts: SideParts, mut jobs: mpsc::Receiver<ListJob>, news: mpsc::Sender<Beside>) {
    let mut under_way = FuturesUnordered::new();
    loop {
        break_in("lists");
        tokio::select! {
            Some(answered) = under_way.next() => {
                if news.send(answered).await.is_err() {
                    return;
                }
            }
            job = jobs.recv(), if under_way.len() < LISTS_AT_ONCE => match job {
                // Whoever asked has given it up and asks anew: it would only hold up the others.
                Some(job) if parts.clock.now().mono >= job.late => {}
                Some(job) => under_way.push(ask_list(&parts, job)),
                None => return,
            },
        }
    }
}

async fn ask_list(parts: &SideParts, job: ListJob) -> Beside {
    let symbol = percent_encode(&job.symbol);
    let params = [
        ("symbol", Value::Text(&symbol)),
        ("recvWindow", Value::Number(parts.recv_window_ms.into())),
        ("timestamp", Value::Millis(parts.venue_ms())),
    ];
    let asked = parts.lists.signed(Method::GET, "/openOrders", &params, parts.account.account()).await;
    let answer = match asked {
        Ok(text) => match OrderAnswer::read_list(&text) {
            Ok(orders) => open_orders(&orders, job.prefix),
            Err(fault) => {
                warn(&fault);
                Answer::Unreadable
            }
        },
        Err(RestError::Api { error, retry_after }) => {
            Answer::Refused(refusal_by_rest(&error, retry_after, parts.venue_ms()))
        }
        Err(error @ (RestError::Fault(_) | RestError::Depth(_) | RestError::Held(_))) => {
            tracing::warn!(symbol = job.symbol, %error, "open orders could not be listed");
            Answer::Unreadable
        }
    };
    Beside::Answer { request: job.request, answer }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use pipeline::time::Nanos;

    use super::*;

    #[tokio::test]
    async fn a_list_that_nobody_waits_for_any_more_is_not_asked_for() {
        // Nobody listens at that port: each list that is asked for fails at once.
        let target = Target::simulated_futures("127.0.0.1:1".parse().unwrap()).unwrap();
        let clock = Clock::of_process();
        let parts = SideParts {
            target: target.clone(),
            account: AccountKey::new("k", b"s"),
            recv_window_ms: 2_000,
            clock_offset_ms: Arc::default(),
            positions: Positions::new(std::iter::empty()),
            rest: Arc::new(RestClient::new(target.clone())),
            lists: Arc::new(RestClient::admitted(target)),
            clock,
            symbols: Vec::new(),
        };
        let (lists, jobs) = mpsc::channel(4);
        let (sender, mut news) = mpsc::channel(4);
        let fresh = clock.now().mono + Duration::from_secs(60);
        for (request, late) in [(1, Nanos(0)), (2, fresh)] {
            let prefix = InstrumentPrefix::new("main", "BTCUSDT");
            lists.send(ListJob { request, symbol: "BTCUSDT".to_owned(), prefix, late }).await.unwrap();
        }
        let asking = tokio::spawn(ask_lists(parts, jobs, sender));
        let first = news.recv().await;
        assert!(
            matches!(first, Some(Beside::Answer { request: 2, answer: Answer::Unreadable })),
            "{first:?}"
        );
        drop(lists);
        asking.await.unwrap();
        assert!(news.recv().await.is_none());
    }
}
