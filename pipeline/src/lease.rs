//! The leases of one process: a machine without I/O. Each says until when its instrument is proved to be ours.
//!
//! A store holds one lease a name, with the owner's name in it, and lets it run out [`Times::ttl`] after it was
//! last taken or renewed. Here a lease ends [`Times::margin`] earlier, counted from the moment *before* the request
//! left: whatever happened between the two, the store counts from a later moment. So nobody else can have it while
//! we trust it, and what we sent last is refused by the venue (recvWindow) before the next owner begins.
//!
//! A store may lose its memory: wiped, started anew, a replica in its place. It says then how long an owner that
//! it has forgotten may still trust its lease, and the new term begins only after that.
//!
//! What nobody can see from here, and must be kept away by who runs the store: two servers that both take
//! themselves for the store, and a store whose own clock jumps ahead by more than the margin.

use std::collections::VecDeque;
use std::time::Duration;

use schemas::ids::Epoch;

use crate::ownership::Term;
use crate::time::{Nanos, Now};

/// The waits of a lease.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// How long the store keeps a lease that is not renewed.
    pub ttl: Duration,
    /// How much earlier its owner stops: recvWindow (2 s), and 1 s for clocks that run apart.
    pub margin: Duration,
    /// How often what is held is renewed.
    pub renew_every: Duration,
    /// How often what others hold is asked for.
    pub retry_every: Duration,
}

impl Default for Times {
    fn default() -> Self {
        Self {
            ttl: Duration::from_secs(8),
            margin: Duration::from_secs(3),
            renew_every: Duration::from_secs(1),
            retry_every: Duration::from_millis(250),
        }
    }
}

/// Names a request in its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket(u64);

/// What the store is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Take each lease that is free or ours, under an epoch above what the store knows and above
    /// [`Request::above`].
    Acquire,
    /// Prolong each that is ours.
    Renew,
    /// Give back each that is ours.
    Release,
}

/// One request about many leases: to be answered, or to fail, exactly once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// To be given back with the answer.
    pub ticket: Ticket,
    /// What is asked.
    pub ask: Ask,
    /// Of which leases; the answer has their order.
    pub indices: Vec<usize>,
    /// The latest epoch that this process knows of each: a store that has forgotten it must not give it out again.
    pub above: Vec<Epoch>,
    /// With [`Ask::Release`], of each: the reference trade that its last pair was made of, for who comes next.
    pub traded_up_to: Vec<Option<u64>>,
}

/// What the store says to [`Ask::Acquire`] of one lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Acquired {
    /// It is ours.
    Got {
        /// Under this epoch, later than any before.
        epoch: Epoch,
        /// How long an owner before us may still trust its lease.
        wait: Duration,
        /// What the owner before told with [`Request::traded_up_to`].
        traded_up_to: Option<u64>,
    },
    /// Somebody else's.
    Foreign {
        /// Whose.
        owner: String,
        /// Under which epoch, as far as the store knows.
        epoch: Epoch,
    },
}

/// The store's answer; the lists have the order of the request's indices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// To [`Ask::Acquire`].
    Acquired(Vec<Acquired>),
    /// To [`Ask::Renew`]: whether each was still ours, and is now for another full time.
    Renewed(Vec<bool>),
    /// To [`Ask::Release`].
    Released,
}

/// What became of a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A term begins, proved until that moment.
    Begin {
        /// Which lease.
        index: usize,
        /// The term.
        term: Term,
        /// Until when.
        until: Nanos,
    },
    /// The running term is proved for longer.
    Prolong {
        /// Which lease.
        index: usize,
        /// Until when.
        until: Nanos,
    },
    /// The term is over: the lease is another's, or nobody's, or was not renewed in time.
    Lost {
        /// Which lease.
        index: usize,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Lease {
    /// Not ours; the last known owner.
    Wanted(Option<String>),
    Asking,
    Held {
        epoch: Epoch,
        until: Nanos,
    },
    /// Its instrument is being closed: kept from others until that is done.
    Leaving,
    /// To be given back.
    Done,
    /// Of no interest any more.
    Gone,
}

/// What is on its way to the store.
#[derive(Debug)]
struct Batch {
    ticket: Ticket,
    /// Before the request left.
    sent: Nanos,
    indices: Vec<usize>,
    /// The epoch known of each when it left.
    epochs: Vec<Epoch>,
}

/// One kind of request: one is on its way at a time.
#[derive(Debug, Default)]
struct Channel {
    due: Nanos,
    batch: Option<Batch>,
}

/// All leases of a process.
#[derive(Debug)]
pub struct Leases {
    times: Times,
    leases: Vec<Lease>,
    /// The latest epoch heard of, of each.
    latest: Vec<Epoch>,
    acquire: Channel,
    renew: Channel,
    release: Channel,
    tickets: u64,
    leaving: bool,
    /// Of each: it was asked for, and the store has not denied since that it is ours.
    may_be_ours: Vec<bool>,
    /// Of each: a later owner's orders ended our last term, wherever that one has it from.
    contested: Vec<bool>,
    /// Of each, at the end: nothing of any term of ours is left.
    quiet: Vec<bool>,
    /// Of each: what its next owner is told.
    traded_up_to: Vec<Option<u64>>,
    events: VecDeque<Event>,
}

impl Leases {
    /// That many leases, all wanted.
    #[must_use]
    pub fn new(count: usize, times: Times) -> Self {
        Self {
            times,
            leases: vec![Lease::Wanted(None); count],
            latest: vec![Epoch::new(0); count],
            acquire: Channel::default(),
            renew: Channel::default(),
            release: Channel::default(),
            tickets: 0,
            leaving: false,
            may_be_ours: vec![false; count],
            contested: vec![false; count],
            quiet: vec![false; count],
            traded_up_to: vec![None; count],
            events: VecDeque::new(),
        }
    }

    /// An owner of that epoch is known to have traded: no term of ours begins at or below it, whatever the store says.
    pub fn outgrow(&mut self, index: usize, epoch: Epoch) {
        self.latest[index] = self.latest[index].max(epoch);
    }

    /// While it was ours, the venue told of an owner of that later epoch: our term is over. Either the store has
    /// forgotten epochs, or there is an owner that it does not know: the next term begins a whole TTL after it was
    /// got, as after any loss of the store's memory.
    pub fn handle_superseded(&mut self, index: usize, newest: Epoch, now: Now) {
        self.outgrow(index, newest);
        if matches!(self.leases[index], Lease::Held { .. }) {
            self.contested[index] = true;
            self.lose(index, now);
        }
    }

    /// A connection to the store is there: everything is due.
    pub fn handle_connected(&mut self, now: Now) {
        for channel in [&mut self.acquire, &mut self.renew, &mut self.release] {
            channel.due = now.mono;
        }
    }

    /// The store has answered.
    pub fn handle_answer(&mut self, ticket: Ticket, answer: Answer, now: Now) {
        self.handle_timeout(now);
        match answer {
            Answer::Acquired(answers) => {
                let Some(batch) = self.acquire.take(ticket) else { return };
                for (index, answer) in batch.indices.iter().zip(answers) {
                    self.take_acquired(*index, answer, batch.sent, now);
                }
                self.forget_asking();
            }
            Answer::Renewed(answers) => {
                let Some(batch) = self.renew.take(ticket) else { return };
                let until = self.proved(batch.sent);
                for ((index, epoch), ours) in batch.indices.iter().zip(&batch.epochs).zip(answers) {
                    self.take_renewed(*index, *epoch, ours, until, now);
                }
            }
            Answer::Released => {
                let Some(batch) = self.release.take(ticket) else { return };
                batch.indices.iter().for_each(|index| self.leases[*index] = Lease::Gone);
            }
        }
    }

    /// The request has failed: what it did at the store, if anything, is unknown.
    pub fn handle_failure(&mut self, ticket: Ticket, now: Now) {
        let retry = now.mono + self.times.retry_every;
        for channel in [&mut self.acquire, &mut self.renew, &mut self.release] {
            if channel.take(ticket).is_some() {
                channel.due = retry;
            }
        }
        if self.acquire.batch.is_none() {
            self.forget_asking();
        }
    }

    /// The connection is lost, and all that was on its way with it.
    pub fn handle_disconnected(&mut self) {
        for channel in [&mut self.acquire, &mut self.renew, &mut self.release] {
            channel.batch = None;
        }
        self.forget_asking();
    }

    /// Ends what was not renewed in time.
    pub fn handle_timeout(&mut self, now: Now) {
        for index in 0..self.leases.len() {
            if matches!(self.leases[index], Lease::Held { until, .. } if until <= now.mono) {
                self.lose(index, now);
            }
        }
    }

    /// Everything is to be handed over: nothing more is asked for. What is held, or may be, stays so until
    /// [`Leases::let_go`]; the others are of no interest any more. Gives those that are to be let go.
    ///
    /// One that is over here may still be ours in the store: its next owner would wait until that has run out.
    pub fn leave(&mut self) -> Vec<usize> {
        self.leaving = true;
        let mut closing = Vec::new();
        for (index, (lease, may_be_ours)) in self.leases.iter_mut().zip(&self.may_be_ours).enumerate() {
            match lease {
                Lease::Wanted(_) if !may_be_ours => *lease = Lease::Gone,
                Lease::Wanted(_) | Lease::Held { .. } => {
                    *lease = Lease::Leaving;
                    closing.push(index);
                }
                Lease::Asking => closing.push(index),
                Lease::Leaving | Lease::Done | Lease::Gone => {}
            }
        }
        closing
    }

    /// Nothing of ours is left there: it may be given back. The last pair was made of that reference trade.
    pub fn let_go(&mut self, index: usize, traded_up_to: Option<u64>) {
        self.quiet[index] = true;
        self.traded_up_to[index] = traded_up_to;
        if self.leases[index] == Lease::Leaving {
            self.leases[index] = Lease::Done;
        }
    }

    /// What the store is to be asked now. The moment given must be one before the request leaves.
    pub fn poll_request(&mut self, now: Now) -> Option<Request> {
        if let Some(indices) = self.due(&self.release, now, |lease| *lease == Lease::Done) {
            self.release.due = now.mono + self.times.retry_every;
            return Some(self.request(Ask::Release, indices, now));
        }
        let renewed = |lease: &Lease| matches!(lease, Lease::Held { .. } | Lease::Leaving);
        if let Some(indices) = self.due(&self.renew, now, renewed) {
            self.renew.due = now.mono + self.times.renew_every;
            return Some(self.request(Ask::Renew, indices, now));
        }
        let indices = self.due(&self.acquire, now, |lease| matches!(lease, Lease::Wanted(_)))?;
        self.acquire.due = now.mono + self.times.retry_every;
        for index in &indices {
            self.leases[*index] = Lease::Asking;
            self.may_be_ours[*index] = true;
        }
        Some(self.request(Ask::Acquire, indices, now))
    }

    /// What became of the leases, in order.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// When to come back at the latest; with `connected` also for the next request.
    #[must_use]
    pub fn poll_timeout(&self, connected: bool) -> Option<Nanos> {
        let mut next = self.until();
        let mut sooner = |at: Nanos| next = Some(next.map_or(at, |next| next.min(at)));
        if connected {
            for lease in &self.leases {
                let channel = match lease {
                    Lease::Wanted(_) => &self.acquire,
                    Lease::Held { .. } | Lease::Leaving => &self.renew,
                    Lease::Done => &self.release,
                    Lease::Asking | Lease::Gone => continue,
                };
                if channel.batch.is_none() {
                    sooner(channel.due);
                }
            }
        }
        next
    }

    /// The moment at which the first of those held ends, unless it is renewed.
    #[must_use]
    pub fn until(&self) -> Option<Nanos> {
        let held = self.leases.iter().filter_map(|lease| match lease {
            Lease::Held { until, .. } => Some(*until),
            Lease::Wanted(_) | Lease::Asking | Lease::Leaving | Lease::Done | Lease::Gone => None,
        });
        held.min()
    }

    /// How many are held.
    #[must_use]
    pub fn held(&self) -> usize {
        self.leases.iter().filter(|lease| matches!(lease, Lease::Held { .. })).count()
    }

    /// How many were not given back, or not yet.
    #[must_use]
    pub fn remaining(&self) -> usize {
        self.leases.iter().filter(|lease| **lease != Lease::Gone).count()
    }

    /// At the end: whether each was let go and only waits for the store, or is gone.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.leases.iter().zip(&self.quiet).all(|(lease, quiet)| *quiet || *lease == Lease::Gone)
    }

    /// Who holds those that are wanted, as far as the last answers told; some of them may be told twice.
    pub fn owners(&self) -> impl Iterator<Item = &str> {
        self.leases.iter().filter_map(|lease| match lease {
            Lease::Wanted(owner) => owner.as_deref(),
            Lease::Asking | Lease::Held { .. } | Lease::Leaving | Lease::Done | Lease::Gone => None,
        })
    }

    fn take_acquired(&mut self, index: usize, answer: Acquired, sent: Nanos, now: Now) {
        match answer {
            Acquired::Got { epoch, wait, traded_up_to } => {
                let regressed = epoch <= self.latest[index];
                self.latest[index] = self.latest[index].max(epoch);
                let until = self.proved(sent);
                if self.leaving {
                    // What is left of an earlier term still keeps others out.
                    self.leases[index] = self.kept(index);
                } else if until <= now.mono || regressed {
                    // Too slow to prove anything, or an epoch that was given out before; ours all the same, so that
                    // it is asked for again.
                    self.leases[index] = Lease::Wanted(None);
                } else {
                    let contested = std::mem::take(&mut self.contested[index]);
                    let wait = if contested { wait.max(self.times.ttl) } else { wait };
                    self.leases[index] = Lease::Held { epoch, until };
                    let term = Term { epoch, from: now.after(wait), shared: true, traded_up_to };
                    self.events.push_back(Event::Begin { index, term, until });
                }
            }
            Acquired::Foreign { owner, epoch } => {
                self.latest[index] = self.latest[index].max(epoch);
                self.may_be_ours[index] = false;
                self.leases[index] = if self.leaving { Lease::Gone } else { Lease::Wanted(Some(owner)) };
            }
        }
    }

    /// An answer about an earlier term of the same lease proves nothing of this one.
    fn take_renewed(&mut self, index: usize, asked: Epoch, ours: bool, until: Nanos, now: Now) {
        match &mut self.leases[index] {
            Lease::Held { epoch, until: proved } if *epoch == asked => {
                if !ours {
                    self.may_be_ours[index] = false;
                    self.lose(index, now);
                } else if *proved < until {
                    *proved = until;
                    self.events.push_back(Event::Prolong { index, until });
                }
            }
            Lease::Leaving if !ours => {
                self.leases[index] = Lease::Gone;
                self.events.push_back(Event::Lost { index });
            }
            Lease::Held { .. }
            | Lease::Leaving
            | Lease::Wanted(_)
            | Lease::Asking
            | Lease::Done
            | Lease::Gone => {}
        }
    }

    fn lose(&mut self, index: usize, now: Now) {
        self.leases[index] = Lease::Wanted(None);
        self.acquire.due = self.acquire.due.min(now.mono);
        self.events.push_back(Event::Lost { index });
    }

    /// What an answer left out, or no answer told of. The store may have given it to us: it has to be asked again,
    /// or given back.
    fn forget_asking(&mut self) {
        for index in 0..self.leases.len() {
            if self.leases[index] == Lease::Asking {
                self.leases[index] = if self.leaving { self.kept(index) } else { Lease::Wanted(None) };
            }
        }
    }

    fn kept(&self, index: usize) -> Lease {
        if self.quiet[index] { Lease::Done } else { Lease::Leaving }
    }

    /// Until when a request that left after `sent` proves a lease.
    fn proved(&self, sent: Nanos) -> Nanos {
        sent + self.times.ttl.saturating_sub(self.times.margin)
    }

    fn due(&self, channel: &Channel, now: Now, of: impl Fn(&Lease) -> bool) -> Option<Vec<usize>> {
        if channel.batch.is_some() || now.mono < channel.due {
            return None;
        }
        let of = self.leases.iter().enumerate().filter(|(_, lease)| of(lease));
        let indices: Vec<usize> = of.map(|(index, _)| index).collect();
        (!indices.is_empty()).then_some(indices)
    }

    fn request(&mut self, ask: Ask, indices: Vec<usize>, now: Now) -> Request {
        self.tickets += 1;
        let ticket = Ticket(self.tickets);
        let epochs: Vec<Epoch> = indices.iter().map(|index| self.latest[*index]).collect();
        let batch = Batch { ticket, sent: now.mono, indices: indices.clone(), epochs: epochs.clone() };
        let channel = match ask {
            Ask::Acquire => &mut self.acquire,
            Ask::Renew => &mut self.renew,
            Ask::Release => &mut self.release,
        };
        channel.batch = Some(batch);
        let traded_up_to = match ask {
            Ask::Release => indices.iter().map(|index| self.traded_up_to[*index]).collect(),
            Ask::Acquire | Ask::Renew => Vec::new(),
        };
        Request { ticket, ask, indices, above: epochs, traded_up_to }
    }
}

impl Channel {
    /// The batch of that ticket, if it is still waited for.
    fn take(&mut self, ticket: Ticket) -> Option<Batch> {
        self.batch.take_if(|batch| batch.ticket == ticket)
    }
}
