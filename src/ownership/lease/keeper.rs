//! The task that keeps the leases: it moves what the machine asks for to the store, its answers back, and what
//! became of the leases to the holds.

use std::collections::BTreeSet;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use fred::types::Key;
use futures_util::FutureExt;
use futures_util::stream::{FuturesUnordered, StreamExt};
use pipeline::lease::{Answer, Event, Leases, Request, Ticket, Times};
use pipeline::ownership::Generation;
use pipeline::time::{Nanos, Now};
use tokio::sync::watch;

use super::store::{Address, Call, Lost, Store};
use super::{LeasePlan, LeaseStatus, OWNERS_SHOWN_MAX, StoreError};
use crate::clock::Clock;
use crate::failpoint::break_in;
use crate::ownership::{Hold, epoch_at};
use crate::venue::backoff::Backoff;

/// How long the instruments may take to become quiet at the end.
const CLOSE_MAX: Duration = Duration::from_secs(6);
/// How long the store may then take to take the leases back.
const RELEASE_MAX: Duration = Duration::from_secs(2);
const RETRY_MIN: Duration = Duration::from_millis(100);
const RETRY_MAX: Duration = Duration::from_secs(1);
/// The pause after a refusal, which stays the same for a while.
const REFUSED_RETRY: Duration = Duration::from_secs(5);
/// A loop without anything to wait for comes back after this.
const IDLE: Duration = Duration::from_secs(1);

type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Without a store there is nothing to do but to say so.
pub(super) async fn refused(
    error: &StoreError,
    plan: &LeasePlan,
    status: &watch::Sender<LeaseStatus>,
    mut stop: watch::Receiver<bool>,
) -> usize {
    tracing::error!(target: "lease", "{error}");
    status.send_replace(LeaseStatus {
        waiting: plan.names.len(),
        error: Some(error.to_string()),
        errors: 1,
        ..LeaseStatus::default()
    });
    stopped(&mut stop).await;
    0
}

/// What is kept, and by what means.
pub(super) struct Keeper {
    address: Arc<Address>,
    owner: Bytes,
    keys: Vec<[Key; 2]>,
    holds: Vec<Arc<Hold>>,
    clock: Clock,
    status: watch::Sender<LeaseStatus>,
    times: Times,
    leases: Leases,
    link: Link,
    retry: Backoff,
    /// The last line that was logged: the same is not said twice.
    said: Option<String>,
    /// Requests on their way.
    asked: FuturesUnordered<Boxed<(Ticket, Result<Answer, Lost>)>>,
    /// Instruments that are closing.
    closing: FuturesUnordered<Boxed<usize>>,
    /// When to give up, once there is an end.
    give_up: Option<Nanos>,
    counts: LeaseStatus,
}

enum Link {
    Up(Arc<Store>),
    Opening(Boxed<Result<Store, Lost>>),
}

impl Link {
    /// Ends when there is a connection, or none could be had; never while there is one. Cancel safe.
    async fn opened(&mut self) -> Result<Store, Lost> {
        match self {
            Self::Up(_) => std::future::pending().await,
            Self::Opening(opening) => opening.await,
        }
    }
}

/// What the task was woken for.
enum Woken {
    Stop,
    Opened(Result<Store, Lost>),
    Answered(Ticket, Result<Answer, Lost>),
    Quiet(usize),
    Time,
}

impl Keeper {
    pub(super) fn new(
        address: Address,
        plan: LeasePlan,
        clock: Clock,
        status: watch::Sender<LeaseStatus>,
        times: Times,
    ) -> Self {
        let address = Arc::new(address);
        let seed = clock.now().mono.0 ^ u64::from(std::process::id());
        let mut leases = Leases::new(plan.names.len(), times);
        for (index, hold) in plan.holds.iter().enumerate() {
            hold.floor().into_iter().for_each(|floor| leases.outgrow(index, floor));
        }
        Self {
            link: Link::Opening(open(&address, Duration::ZERO)),
            address,
            owner: Bytes::from(plan.owner),
            keys: plan.names.iter().map(super::LeaseName::keys).collect(),
            leases,
            holds: plan.holds,
            clock,
            status,
            times,
            retry: Backoff::new(RETRY_MIN, RETRY_MAX, seed),
            said: None,
            asked: FuturesUnordered::new(),
            closing: FuturesUnordered::new(),
            give_up: None,
            counts: LeaseStatus::default(),
        }
    }

    pub(super) async fn run(mut self, mut stop: watch::Receiver<bool>) -> usize {
        if self.keys.is_empty() {
            // A process that owns nothing has nothing to ask for.
            stopped(&mut stop).await;
            return 0;
        }
        loop {
            break_in("leases");
            let now = self.clock.now();
            self.leases.handle_timeout(now);
            self.heed_conflicts(now);
            self.tell_holds();
            self.send_requests();
            self.publish();
            if self.give_up.is_some_and(|at| self.leases.remaining() == 0 || at <= now.mono) {
                return self.leases.remaining();
            }
            let woken = self.wait(&mut stop, now).await;
            self.take(woken);
        }
    }

    async fn wait(&mut self, stop: &mut watch::Receiver<bool>, now: Now) -> Woken {
        let connected = matches!(self.link, Link::Up(_));
        let next = self.leases.poll_timeout(connected).into_iter().chain(self.give_up).min();
        let next = next.unwrap_or(now.mono + IDLE);
        tokio::select! {
            biased;
            () = stopped(stop), if self.give_up.is_none() => Woken::Stop,
            Some((ticket, answer)) = self.asked.next() => Woken::Answered(ticket, answer),
            Some(index) = self.closing.next() => Woken::Quiet(index),
            opened = self.link.opened() => Woken::Opened(opened),
            () = tokio::time::sleep_until(self.clock.instant(next)) => Woken::Time,
        }
    }

    fn take(&mut self, woken: Woken) {
        let now = self.clock.now();
        match woken {
            Woken::Stop => self.leave(now),
            Woken::Answered(ticket, Ok(answer)) => {
                self.answered();
                self.leases.handle_answer(ticket, answer, now);
            }
            Woken::Answered(_, Err(lost)) | Woken::Opened(Err(lost)) => self.disconnected(&lost),
            Woken::Opened(Ok(store)) => self.connected(store, now),
            Woken::Quiet(index) => {
                self.let_go(index);
                // Many become quiet at once.
                while let Some(Some(index)) = self.closing.next().now_or_never() {
                    self.let_go(index);
                }
                self.hurry(now);
            }
            Woken::Time => {}
        }
    }

    fn let_go(&mut self, index: usize) {
        self.leases.let_go(index, self.holds[index].traded_up_to());
    }

    fn leave(&mut self, now: Now) {
        self.give_up = Some(now.mono + CLOSE_MAX);
        for index in self.leases.leave() {
            let hold = Arc::clone(&self.holds[index]);
            hold.leave();
            self.closing.push(Box::pin(async move {
                hold.quiet().await;
                index
            }));
        }
        self.hurry(now);
    }

    /// With nothing left to be closed, only the store is waited for.
    fn hurry(&mut self, now: Now) {
        if self.leases.is_closed() {
            self.give_up = self.give_up.map(|at| at.min(now.mono + RELEASE_MAX));
        }
    }

    fn connected(&mut self, store: Store, now: Now) {
        tracing::info!(target: "lease", leases = self.keys.len(), "lease store {} connected", self.address);
        self.link = Link::Up(Arc::new(store));
        self.leases.handle_connected(now);
    }

    /// Whatever it was, the connection is not trusted any further.
    fn disconnected(&mut self, lost: &Lost) {
        let line = lost.to_string();
        if self.said.as_ref() != Some(&line) {
            tracing::warn!(target: "lease", "LEASE-002 lease store {}: {line}; trying again", self.address);
        }
        self.said = Some(line.clone());
        self.counts.error = Some(line);
        self.counts.errors += 1;
        let wait = self.retry.after_failure();
        let wait = if lost.is_refused() { REFUSED_RETRY + wait } else { RETRY_MIN + wait };
        self.asked.clear();
        self.leases.handle_disconnected();
        self.link = Link::Opening(open(&self.address, wait));
    }

    /// An answer is what shows that the store is of use: a connection alone may be refused everything.
    fn answered(&mut self) {
        self.retry.reset();
        self.said = None;
        self.counts.error = None;
    }

    /// What the venue said against our terms. A turn comes with each renewal: soon enough, since the hold is shut.
    fn heed_conflicts(&mut self, now: Now) {
        for (index, hold) in self.holds.iter().enumerate() {
            if hold.take_superseded()
                && let Some(newest) = hold.floor()
            {
                tracing::error!(
                    target: "lease",
                    key = %String::from_utf8_lossy(self.keys[index][0].as_bytes()),
                    epoch = newest.number(),
                    "LEASE-003 an owner of a later epoch has traded while the lease was ours: taking it anew"
                );
                self.leases.handle_superseded(index, newest, now);
            }
        }
    }

    fn tell_holds(&mut self) {
        while let Some(event) = self.leases.poll_event() {
            match event {
                Event::Begin { index, term, until } => {
                    self.holds[index].begin(term, Generation::default(), until);
                }
                Event::Prolong { index, until } => self.holds[index].prolong(until),
                Event::Lost { index } => {
                    self.counts.lost += 1;
                    self.holds[index].lose();
                }
            }
        }
    }

    fn send_requests(&mut self) {
        let Link::Up(store) = &self.link else { return };
        // Read anew: the moment must be one before the request leaves, and no earlier than needed.
        let now = self.clock.now();
        while let Some(request) = self.leases.poll_request(now) {
            let Request { ticket, ask, indices, above, traded_up_to } = request;
            let call = Call {
                ask,
                keys: indices.iter().map(|index| self.keys[*index].clone()).collect(),
                above,
                traded_up_to,
                clock: epoch_at(now.wall_ms),
                owner: self.owner.clone(),
                ttl: self.times.ttl,
            };
            let store = Arc::clone(store);
            self.asked.push(Box::pin(async move { (ticket, store.ask(&call).await) }));
        }
    }

    fn publish(&mut self) {
        let held = self.leases.held();
        let owners: BTreeSet<&str> = self.leases.owners().collect();
        let error = self.counts.error.take();
        self.counts = LeaseStatus {
            connected: matches!(self.link, Link::Up(_)) && error.is_none(),
            held,
            waiting: if self.give_up.is_some() { 0 } else { self.keys.len() - held },
            owners: owners.into_iter().take(OWNERS_SHOWN_MAX).map(str::to_owned).collect(),
            error,
            errors: self.counts.errors,
            lost: self.counts.lost,
            until: self.leases.until(),
        };
        let counts = &self.counts;
        self.status.send_if_modified(|known| {
            let news = known != counts;
            if news {
                known.clone_from(counts);
            }
            news
        });
    }
}

/// Opens a connection after that pause.
fn open(address: &Arc<Address>, pause: Duration) -> Boxed<Result<Store, Lost>> {
    let address = Arc::clone(address);
    Box::pin(async move {
        tokio::time::sleep(pause).await;
        Store::open(&address).await
    })
}

/// Waits until the stop signal is given, or nobody is left to give it. Cancel safe.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    // An error means that the other end is gone: nobody can stop us any more, so we stop.
    let _ = stop.wait_for(|stop| *stop).await;
}
