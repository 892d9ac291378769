//! Snapshots over REST, two at a time, and none while the venue wants to be left alone.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use pipeline::time::Nanos;
use schemas::wire::market::Snapshot;

use crate::venue::binance::rest::{RestClient, RestError};

/// Levels a side: costs 50 of a minute's 6,000 weight.
const LEVELS: u16 = 1_000;
/// Snapshots under way at once.
const AT_ONCE: usize = 2;

/// A snapshot that a book asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    /// Which of the connection's symbols.
    pub(super) index: usize,
    /// The book's ticket.
    pub(super) ticket: u32,
}

/// What came of it.
pub(super) type Fetched = (Wanted, Result<Snapshot, RestError>);

/// At most one request of each book waits, so the backlog is bounded by their number.
pub(super) struct Snapshots {
    rest: Arc<RestClient>,
    backlog: VecDeque<(Wanted, String)>,
    under_way: FuturesUnordered<BoxFuture<'static, Fetched>>,
    /// Until when the venue wants no request; asking all the same ends in a ban.
    paused_until: Option<Nanos>,
}

impl Snapshots {
    pub(super) fn new(rest: RestClient) -> Self {
        Self {
            rest: Arc::new(rest),
            backlog: VecDeque::new(),
            under_way: FuturesUnordered::new(),
            paused_until: None,
        }
    }

    pub(super) fn want(&mut self, wanted: Wanted, symbol: &str) {
        self.backlog.retain(|(waiting, _)| waiting.index != wanted.index);
        self.backlog.push_back((wanted, symbol.to_owned()));
        self.start();
    }

    /// The venue wants to be left alone for so long.
    pub(super) fn pause(&mut self, now: Nanos, how_long: Duration) {
        self.paused_until = self.paused_until.max(Some(now + how_long));
    }

    /// Goes on once a pause is over.
    pub(super) fn resume(&mut self, now: Nanos) {
        if self.paused_until.is_some_and(|until| until <= now) {
            self.paused_until = None;
            self.start();
        }
    }

    /// What was asked for on a connection that is gone is of no use.
    pub(super) fn forget(&mut self) {
        self.backlog.clear();
        self.under_way.clear();
    }

    /// The next snapshot that came; never while none is under way.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub(super) async fn next(&mut self) -> Fetched {
        match self.under_way.next().await {
            Some(fetched) => fetched,
            None => std::future::pending().await,
        }
    }

    /// Starts what waits, as far as it may.
    pub(super) fn start(&mut self) {
        while self.paused_until.is_none()
            && self.under_way.len() < AT_ONCE
            && let Some((wanted, symbol)) = self.backlog.pop_front()
        {
            let rest = Arc::clone(&self.rest);
            self.under_way.push(Box::pin(async move { (wanted, rest.depth(&symbol, LEVELS).await) }));
        }
    }
}
