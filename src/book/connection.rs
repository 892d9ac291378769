//! One stream connection and the books that it feeds.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use pipeline::book::{BookRequest, Diff};
use pipeline::time::{Nanos, Now};
use schemas::config::Dialect;
use schemas::ids::symbol_hash;
use schemas::wire::binance::stream::{self, StreamFault, StreamMessage};
use schemas::wire::book_fault::BookFault;
use schemas::wire::cut::Cut;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::SymbolTop;
use super::question::{Tops, ask_forever};
use super::snapshots::{Fetched, Snapshots, Wanted};
use super::stats::BookStats;
use super::subscriptions::{Asked, Subscriptions};
use super::tracked::Tracked;
use crate::clock::Clock;
use crate::failpoint::break_in;
use crate::venue::backoff::Backoff;
use crate::venue::binance::rest::RestClient;
use crate::venue::binance::socket::{self, Frame};
use crate::venue::guard::{Endpoint, Target};
use crate::vital;

/// A stream connection that has confirmed everything and tells nothing for so long, where it has another path, is
/// tried on that.
const MUTE_MAX: Duration = Duration::from_secs(10);
/// How often deadlines are looked at.
const TICK: Duration = Duration::from_millis(50);
/// A connection without a byte for so long is dead: Spot pings every 20 s, USD-M every 3 min.
const IDLE_MAX: Duration = Duration::from_secs(60);
const IDLE_MAX_USDM: Duration = Duration::from_secs(400);
/// A connection that lasted so long was a good one; the next failure is a first one.
const PROVEN_AFTER: Duration = Duration::from_secs(30);
/// Answers that may wait for the connection; more are dropped, since each replaces the one before.
const ANSWERS_MAX: usize = 4;

pub(super) struct Connection {
    target: Target,
    clock: Clock,
    stats: Arc<BookStats>,
    books: Vec<Tracked>,
    /// By symbol, upper case.
    index: HashMap<String, usize>,
    snapshots: Snapshots,
    /// Decoded into again and again.
    diff: Diff,
    /// The older of the streams' two paths is in use.
    on_older_path: bool,
    /// A market message came over the present connection.
    heard_market: bool,
}

impl Connection {
    pub(super) fn new(target: Target, symbols: Vec<SymbolTop>, clock: Clock, stats: Arc<BookStats>) -> Self {
        let books: Vec<Tracked> = symbols.into_iter().map(Tracked::new).collect();
        let index = books.iter().enumerate().map(|(at, book)| (book.symbol.clone(), at)).collect();
        let snapshots = Snapshots::new(RestClient::new(target.clone()));
        Self {
            target,
            clock,
            stats,
            books,
            index,
            snapshots,
            diff: Diff::default(),
            on_older_path: false,
            heard_market: false,
        }
    }

    pub(super) async fn run(mut self, mut stop: watch::Receiver<bool>) {
        let symbols: Vec<_> = self.books.iter().map(|book| (book.symbol.clone(), book.claim())).collect();
        let seed = symbols.first().map_or(0, |(symbol, _)| symbol_hash(symbol));
        let (sender, mut answers) = mpsc::channel(ANSWERS_MAX);
        let mut questions = JoinSet::new();
        questions.spawn(ask_forever(self.target.clone(), symbols, sender, !seed));
        let mut backoff = Backoff::of_connection(seed);
        let mut turns = self.target.egress().turns();
        loop {
            tokio::select! {
                biased;
                () = told_to(&mut stop) => break,
                () = turns.next() => {}
            }
            let began = self.clock.now().mono;
            tokio::select! {
                biased;
                () = told_to(&mut stop) => break,
                Some(Err(error)) = questions.join_next() => vital::pass_on(error),
                Err(fault) = self.session(&mut answers) => self.lost(&fault),
            }
            self.on_older_path ^= !self.heard_market && self.target.older_path(Endpoint::Streams).is_some();
            if self.clock.now().mono.since(began) >= PROVEN_AFTER {
                backoff.reset();
            }
            tokio::select! {
                biased;
                () = told_to(&mut stop) => break,
                () = sleep(backoff.after_failure()) => {}
            }
        }
        self.disconnect();
    }

    /// One connection, until it is of no more use.
    async fn session(&mut self, answers: &mut mpsc::Receiver<Tops>) -> Result<Infallible, BookFault> {
        self.heard_market = false;
        let opened = socket::open_at(&self.target, Endpoint::Streams, self.path()).await;
        let (mut reader, mut writer) = opened.map_err(|error| error.book_fault())?;
        let mut subscriptions = Subscriptions::new(self.books.len());
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let began = self.clock.now().mono;
        let mut heard = began;
        loop {
            // The rare ones first: a flood of frames must not hold up deadlines.
            tokio::select! {
                biased;
                _ = ticks.tick() => {
                    break_in("books");
                    let now = self.clock.now();
                    self.silent(began, heard, now.mono)?;
                    let wanted = |at: usize| self.books[at].is_wanted();
                    let symbols = |at: usize| self.books[at].symbol.as_str();
                    if self.target.egress().is_open()
                        && let Some((asked, frame)) = subscriptions.poll_frame(now.mono, wanted, symbols)? {
                        writer.send(frame).await.map_err(|error| error.book_fault())?;
                        self.asked(asked, now);
                    }
                    self.timeouts(now);
                }
                Some(tops) = answers.recv() => self.answered(&tops),
                fetched = self.snapshots.next() => self.fetched(fetched),
                frame = reader.next() => {
                    heard = self.clock.now().mono;
                    if let Frame::Text(text) = frame.map_err(|error| error.book_fault())? {
                        self.message(&text, &mut subscriptions)?;
                    }
                }
            }
        }
    }

    /// A book whose streams were closed is none any more.
    fn asked(&mut self, asked: Asked, now: Now) {
        let Asked::Closed(symbols) = asked else { return };
        for at in symbols {
            self.books[at].book.handle_disconnected();
            self.settle(at, None, now);
        }
    }

    fn message(&mut self, text: &str, subscriptions: &mut Subscriptions) -> Result<(), BookFault> {
        let now = self.clock.now();
        let mut diff = std::mem::take(&mut self.diff);
        let result = match stream::read(text, &mut diff) {
            Ok(StreamMessage::Best { symbol, best }) => {
                self.heard_market = true;
                self.update(&symbol, now, |book| book.book.handle_best(best, now));
                Ok(())
            }
            Ok(StreamMessage::Depth { symbol }) => {
                self.heard_market = true;
                self.update(&symbol, now, |book| book.book.handle_diff(&diff, now));
                Ok(())
            }
            Ok(StreamMessage::Subscribed { id }) => {
                for at in subscriptions.confirmed(id) {
                    self.books[at].book.handle_subscribed(now);
                    self.settle(at, None, now);
                }
                Ok(())
            }
            Ok(StreamMessage::ServerShutdown) => Err(BookFault::Protocol { got: "serverShutdown".into() }),
            Ok(StreamMessage::Ignored) => Ok(()),
            Err(fault) => self.unreadable(fault, now),
        };
        self.diff = diff;
        result
    }

    fn update(&mut self, symbol: &str, now: Now, handle: impl FnOnce(&mut Tracked) -> Option<BookFault>) {
        match self.index.get(symbol) {
            Some(at) => {
                let at = *at;
                let fault = handle(&mut self.books[at]);
                self.settle(at, fault, now);
            }
            None => self.stranger(symbol),
        }
    }

    /// A message that could not be read spoils its symbol's book, and where it cannot be told whose it was,
    /// the connection.
    fn unreadable(
        &mut self,
        StreamFault { symbol, fault }: StreamFault<'_>,
        now: Now,
    ) -> Result<(), BookFault> {
        let Some(symbol) = symbol else {
            return Err(fault);
        };
        match self.index.get(&symbol.to_ascii_uppercase()) {
            None => self.stranger(&symbol),
            Some(at) => {
                let at = *at;
                self.books[at].book.handle_unreadable(now);
                self.settle(at, Some(fault), now);
            }
        }
        Ok(())
    }

    fn stranger(&self, symbol: &str) {
        let fault = BookFault::UnexpectedStream { got: Cut(symbol).to_string().into() };
        self.stats.fault(&fault);
        tracing::debug!("{}", fault.line("book"));
    }

    fn answered(&mut self, tops: &Tops) {
        let now = self.clock.now();
        for (symbol, top) in tops {
            self.update(symbol, now, |book| book.book.handle_top_answer(*top, now));
        }
    }

    fn fetched(&mut self, (wanted, result): Fetched) {
        let now = self.clock.now();
        let tracked = &mut self.books[wanted.index];
        let fault = match result {
            Ok(snapshot) => tracked.book.handle_snapshot(wanted.ticket, &snapshot, now),
            Err(error) => {
                self.stats.snapshot_failed();
                tracing::warn!("snapshot of {} failed: {error}", tracked.symbol);
                let silence = error.wanted_silence();
                if !silence.is_zero() {
                    self.snapshots.pause(now.mono, silence);
                }
                tracked.book.handle_snapshot_failed(wanted.ticket, now);
                None
            }
        };
        self.settle(wanted.index, fault, now);
        self.snapshots.start();
    }

    fn timeouts(&mut self, now: Now) {
        self.snapshots.resume(now.mono);
        for at in 0..self.books.len() {
            self.books[at].heed_doubt(now);
            if self.books[at].book.poll_timeout().is_some_and(|due| due <= now.mono) {
                let fault = self.books[at].book.handle_timeout(now);
                self.settle(at, fault, now);
            }
        }
    }

    fn settle(&mut self, at: usize, fault: Option<BookFault>, now: Now) {
        let tracked = &mut self.books[at];
        match tracked.settle(fault, now, &self.stats) {
            Some(BookRequest::Snapshot { ticket }) => {
                self.snapshots.want(Wanted { index: at, ticket }, &tracked.symbol);
            }
            None => {}
        }
    }

    /// Where the streams are: the path that they have now, or the one that they had.
    fn path(&self) -> &'static str {
        let older = self.target.older_path(Endpoint::Streams).filter(|_| self.on_older_path);
        older.unwrap_or(self.target.path(Endpoint::Streams))
    }

    /// A connection without a sign of life; and, where there is another path to try, one without a market.
    fn silent(&self, began: Nanos, heard: Nanos, now: Nanos) -> Result<(), BookFault> {
        let is_usdm = self.target.dialect() == Dialect::BinanceUsdm;
        let idle_max = if is_usdm { IDLE_MAX_USDM } else { IDLE_MAX };
        let other_path = self.target.older_path(Endpoint::Streams).is_some();
        let wanted = self.books.iter().any(Tracked::is_wanted);
        let mute = other_path && wanted && !self.heard_market && now.since(began) >= MUTE_MAX;
        if now.since(heard) < idle_max && !mute {
            return Ok(());
        }
        let silence = if mute { now.since(began) } else { idle_max };
        Err(BookFault::Protocol { got: format!("nothing heard for {} s", silence.as_secs()).into() })
    }

    fn lost(&mut self, fault: &BookFault) {
        self.stats.fault(fault);
        self.stats.reconnect();
        tracing::warn!("{}", fault.line("book connection"));
        self.disconnect();
    }

    fn disconnect(&mut self) {
        self.snapshots.forget();
        let now = self.clock.now();
        for at in 0..self.books.len() {
            self.books[at].book.handle_disconnected();
            self.settle(at, None, now);
        }
    }
}

/// Returns when whoever started this wants it to end, or is gone.
async fn told_to(stop: &mut watch::Receiver<bool>) {
    _ = stop.wait_for(|stop| *stop).await;
}
