//! Three processes and a store in true time, with all that may go wrong between them: each process has a clock of
//! its own rate (1 % apart), stands still, loses its connection, dies, is replaced; the store forgets, freezes, comes
//! back as it once was. What is checked is true time: who could have sent an order when. With wild clocks every wall
//! clock is up to an hour off and steps; then a venue that refuses older epochs judges, order by order.

use std::time::Duration;

use pipeline::lease::{Answer, Event, Leases, Request, Ticket, Times};
use pipeline::time::{Nanos, Now};
use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};

mod store;
use store::Store;

const PROCESSES: usize = 3;
const SYMBOLS: usize = 2;
const MS: u64 = 1_000_000;
/// An order may arrive this long after it left.
const RECV_WINDOW: u64 = 2_000 * MS;
/// After the last fault everything has to be owned again within this.
const CALM: u64 = 60_000 * MS;
const HOUR_MS: i64 = 3_600_000;

/// A rule that is left out, to see that the simulation would notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Broken {
    Margin,
    WipedStore,
    EvictedLease,
    ShortMemory,
    /// Wall clocks are wild, and the venue takes whatever comes.
    Fence,
}

/// What was seen.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) fault: Option<String>,
    pub(crate) terms: u32,
    pub(crate) takeovers: u32,
    pub(crate) wipes: u32,
    pub(crate) restarts: u32,
    pub(crate) pauses: u32,
    pub(crate) losses: u32,
    pub(crate) evictions: u32,
    pub(crate) handovers: u32,
    /// Wall clocks that were set anew.
    pub(crate) steps: u32,
    /// Orders of an older epoch that came to the venue.
    pub(crate) refused: u32,
}

pub(crate) fn run(seed: u64, length: Duration) -> Report {
    Fleet::new(seed, None, false).run(length)
}

/// The same with wild wall clocks, and a venue that refuses older epochs.
pub(crate) fn run_wild(seed: u64, length: Duration) -> Report {
    Fleet::new(seed, None, true).run(length)
}

pub(crate) fn run_broken(seed: u64, length: Duration, broken: Broken) -> Report {
    Fleet::new(seed, Some(broken), broken == Broken::Fence).run(length)
}

/// A time in which a process could send orders for a symbol; all in true time.
#[derive(Clone, Copy, Debug)]
struct Term {
    symbol: usize,
    owner: u32,
    epoch: u32,
    start: u64,
    end: u64,
    /// How long after its end an order may still arrive.
    tail: u64,
}

struct Process {
    owner: u32,
    leases: Leases,
    /// Parts per million that its clock runs fast.
    rate: i64,
    wall_skew_ms: i64,
    /// Stands still until then.
    asleep: u64,
    session: Option<u32>,
    connect_at: u64,
    patience: u64,
    outstanding: Vec<(Ticket, u64)>,
    running: Vec<Option<Term>>,
    /// Symbols that become quiet, and when.
    closing: Vec<(u64, usize)>,
    leaving: bool,
    dies_at: u64,
}

enum Body {
    Question(Request, u32),
    Answer(Ticket, Answer),
}

struct Message {
    at: u64,
    number: u64,
    process: usize,
    owner: u32,
    session: u32,
    body: Body,
}

struct Fleet {
    rng: Xoshiro256PlusPlus,
    now: u64,
    /// From then on nothing goes wrong any more.
    calm: u64,
    store: Store,
    frozen: u64,
    processes: Vec<Process>,
    messages: Vec<Message>,
    terms: Vec<Term>,
    report: Report,
    owners: u32,
    sessions: u32,
    sent: u64,
    times: Times,
    wild: bool,
    fenced: bool,
    /// The latest epoch that the venue has taken an order of, by symbol.
    newest: Vec<u32>,
}

impl Process {
    fn new(owner: u32, times: Times, rng: &mut Xoshiro256PlusPlus, now: u64) -> Self {
        Self {
            owner,
            leases: Leases::new(SYMBOLS, times),
            rate: rng.random_range(-10_000..=10_000),
            wall_skew_ms: rng.random_range(-500..=500),
            asleep: 0,
            session: None,
            connect_at: now + rng.random_range(0..2_000) * MS,
            patience: [1_000, 20_000][rng.random_range(0..2)] * MS,
            outstanding: Vec::new(),
            running: vec![None; SYMBOLS],
            closing: Vec::new(),
            leaving: false,
            dies_at: u64::MAX,
        }
    }

    fn local(&self, at: u64) -> u64 {
        u64::try_from(i128::from(at) + i128::from(at) * i128::from(self.rate) / 1_000_000).unwrap()
    }

    /// The first true moment at which its clock shows `local`.
    fn true_time(&self, local: u64) -> u64 {
        u64::try_from(i128::from(local) * 1_000_000 / (1_000_000 + i128::from(self.rate))).unwrap() + 1
    }

    fn clock(&self, at: u64) -> Now {
        let wall_ms = super::START_MS + i64::try_from(at / MS).unwrap() + self.wall_skew_ms;
        Now { mono: Nanos(self.local(at)), wall_ms }
    }

    fn wakes_at(&self) -> u64 {
        let timer = self.leases.poll_timeout(self.session.is_some()).map(|at| self.true_time(at.0));
        let answers = self.outstanding.iter().map(|(_, until)| *until);
        let closing = self.closing.iter().map(|(at, _)| *at);
        let connect = self.session.is_none().then_some(self.connect_at);
        let first = timer.into_iter().chain(answers).chain(closing).chain(connect).min();
        first.unwrap_or(u64::MAX).min(self.dies_at).max(self.asleep)
    }

    fn disconnect(&mut self, connect_at: u64) {
        self.session = None;
        self.connect_at = connect_at;
        self.outstanding.clear();
        self.leases.handle_disconnected();
    }
}

impl Fleet {
    fn new(seed: u64, broken: Option<Broken>, wild: bool) -> Self {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        let mut times = Times::default();
        if broken == Some(Broken::Margin) {
            times.margin = Duration::from_secs(1);
        }
        let processes = (1..).take(PROCESSES).map(|owner| Process::new(owner, times, &mut rng, 0)).collect();
        Self {
            rng,
            now: 0,
            calm: 0,
            store: Store::new(SYMBOLS, broken),
            frozen: 0,
            processes,
            messages: Vec::new(),
            terms: Vec::new(),
            report: Report::default(),
            owners: 3,
            sessions: 0,
            sent: 0,
            times,
            wild,
            fenced: broken != Some(Broken::Fence),
            newest: vec![0; SYMBOLS],
        }
    }

    fn run(mut self, length: Duration) -> Report {
        let end = u64::try_from(length.as_nanos()).unwrap();
        self.calm = end - CALM;
        let mut next_fault = 0;
        loop {
            let faults = if next_fault < self.calm { next_fault } else { end };
            let wakes = self.processes.iter().map(Process::wakes_at);
            let arrivals = self.messages.iter().map(|message| self.arrives_at(message));
            let next = wakes.chain(arrivals).min().unwrap_or(u64::MAX).min(faults).max(self.now);
            self.now = next;
            if next >= end {
                return self.close();
            }
            if next == faults {
                self.fault();
                next_fault = next + self.rng.random_range(100..6_000) * MS;
            }
            self.deliver();
            for process in 0..PROCESSES {
                if self.processes[process].asleep <= self.now {
                    self.wake(process);
                    self.trade(process);
                }
            }
        }
    }

    fn arrives_at(&self, message: &Message) -> u64 {
        let held_up = match message.body {
            Body::Question(..) => self.frozen,
            Body::Answer(..) => self.processes[message.process].asleep,
        };
        message.at.max(held_up)
    }

    fn delay(&mut self) -> u64 {
        match self.rng.random_range(0..20) {
            0 if self.now < self.calm => self.rng.random_range(0..6_500_000) * 1_000,
            _ => self.rng.random_range(50..3_000) * 1_000,
        }
    }

    fn fault(&mut self) {
        let process = self.rng.random_range(0..PROCESSES);
        let connect_at = self.now + self.rng.random_range(10..1_500) * MS;
        let kinds = if self.wild { 14 } else { 11 };
        match self.rng.random_range(0..kinds) {
            0 => {
                self.store.wipe();
                self.report.wipes += 1;
            }
            1 => {
                self.store.restart();
                self.report.restarts += 1;
                self.messages.clear();
                self.processes.iter_mut().for_each(|process| process.disconnect(connect_at));
            }
            2 | 3 => self.store.save(),
            4 => self.frozen = self.now + self.rng.random_range(0..10_000) * MS,
            5 | 6 => {
                let symbol = self.rng.random_range(0..SYMBOLS);
                self.report.evictions += u32::from(self.store.evict(symbol));
            }
            7 => {
                self.processes[process].asleep = self.now + self.rng.random_range(0..12_000) * MS;
                self.report.pauses += 1;
            }
            8 => {
                self.processes[process].disconnect(connect_at);
                self.report.losses += 1;
            }
            9 => self.replace(process),
            11.. => self.step_clock(process),
            _ => self.leave(process),
        }
    }

    /// An operator or a time service sets a wall clock.
    fn step_clock(&mut self, process: usize) {
        self.processes[process].wall_skew_ms = self.rng.random_range(-HOUR_MS..=HOUR_MS);
        self.report.steps += 1;
    }

    /// Whoever may send an order does. Of a later owner's it hears by the venue's refusal alone.
    fn trade(&mut self, process: usize) {
        for symbol in 0..SYMBOLS {
            let (now, own) = (self.now, &self.processes[process]);
            let Some(term) = own.running[symbol].filter(|term| term.start <= now && now < term.end) else {
                continue;
            };
            if term.epoch >= self.newest[symbol] {
                self.newest[symbol] = term.epoch;
                continue;
            }
            self.report.refused += 1;
            if !self.fenced {
                self.report.fault = Some(format!("{term:?} traded after epoch {}", self.newest[symbol]));
            }
            let (local, newest) = (own.clock(now), schemas::ids::Epoch::new(self.newest[symbol]));
            self.processes[process].leases.handle_superseded(symbol, newest, local);
            self.take_events(process);
        }
    }

    /// It dies without a word; another takes its place.
    fn replace(&mut self, process: usize) {
        for symbol in 0..SYMBOLS {
            self.end(process, symbol, self.now, RECV_WINDOW);
        }
        self.owners += 1;
        self.processes[process] = Process::new(self.owners, self.times, &mut self.rng, self.now);
    }

    fn leave(&mut self, process: usize) {
        if self.processes[process].leaving || self.processes[process].asleep > self.now {
            return;
        }
        self.report.handovers += 1;
        self.processes[process].leaving = true;
        self.processes[process].dies_at = self.now + 6_000 * MS;
        for symbol in self.processes[process].leases.leave() {
            let quiet = self.rng.random_range(0..4_000) * MS;
            self.end(process, symbol, self.now, RECV_WINDOW);
            // Once it is quiet, nothing of it arrives any more, of earlier terms neither.
            let (owner, quiet_at) = (self.processes[process].owner, self.now + quiet);
            for term in self.terms.iter_mut().filter(|term| term.owner == owner && term.symbol == symbol) {
                term.tail = term.tail.min(quiet_at - term.end);
            }
            self.processes[process].closing.push((quiet_at, symbol));
        }
    }

    fn deliver(&mut self) {
        let mut ready: Vec<Message> = Vec::new();
        let mut later: Vec<Message> = Vec::new();
        for message in std::mem::take(&mut self.messages) {
            if self.arrives_at(&message) <= self.now { ready.push(message) } else { later.push(message) }
        }
        self.messages = later;
        ready.sort_by_key(|message| (message.at, message.number));
        for Message { process, owner, session, body, .. } in ready {
            match body {
                Body::Question(request, floor) => {
                    let answer = self.store.answer(owner, &request, floor, self.now / MS);
                    self.send(process, owner, session, Body::Answer(request.ticket, answer));
                }
                Body::Answer(ticket, answer) => {
                    let to = &mut self.processes[process];
                    if to.owner == owner && to.session == Some(session) {
                        to.outstanding.retain(|(asked, _)| *asked != ticket);
                        let now = to.clock(self.now);
                        to.leases.handle_answer(ticket, answer, now);
                        self.take_events(process);
                    }
                }
            }
        }
    }

    fn wake(&mut self, process: usize) {
        if self.processes[process].dies_at <= self.now {
            return self.replace(process);
        }
        let (now, at) = (self.processes[process].clock(self.now), self.now);
        let reconnect = at + self.rng.random_range(10..1_500) * MS;
        let own = &mut self.processes[process];
        own.leases.handle_timeout(now);
        if own.outstanding.iter().any(|(_, until)| *until <= at) {
            own.disconnect(reconnect);
        }
        for (_, symbol) in own.closing.extract_if(.., |(quiet, _)| *quiet <= at) {
            own.leases.let_go(symbol, None);
        }
        if own.session.is_none() && own.connect_at <= at {
            self.sessions += 1;
            own.session = Some(self.sessions);
            own.leases.handle_connected(now);
        }
        self.take_events(process);
        let own = &mut self.processes[process];
        if own.leaving && own.leases.remaining() == 0 {
            return self.replace(process);
        }
        let (Some(session), owner) = (own.session, own.owner) else { return };
        // Quarter seconds, as the clock's part of an epoch is made.
        let floor = u32::try_from((now.wall_ms - super::START_MS + 2 * HOUR_MS) / 250).unwrap();
        while let Some(request) = self.processes[process].leases.poll_request(now) {
            let until = self.now + self.processes[process].patience;
            self.processes[process].outstanding.push((request.ticket, until));
            self.send(process, owner, session, Body::Question(request, floor));
        }
    }

    /// One direction of one connection keeps the order.
    fn send(&mut self, process: usize, owner: u32, session: u32, body: Body) {
        let at = self.now + self.delay();
        let same = |message: &&Message| {
            let question = matches!(message.body, Body::Question(..));
            message.session == session && question == matches!(body, Body::Question(..))
        };
        let before = self.messages.iter().filter(same).map(|message| message.at).max().unwrap_or(0);
        self.sent += 1;
        self.messages.push(Message { at: at.max(before), number: self.sent, process, owner, session, body });
    }

    fn take_events(&mut self, process: usize) {
        while let Some(event) = self.processes[process].leases.poll_event() {
            let own = &mut self.processes[process];
            match event {
                Event::Begin { index, term, until } => {
                    let (start, end) = (own.true_time(term.from.mono.0), own.true_time(until.0));
                    let (owner, epoch) = (own.owner, term.epoch.number());
                    let tail = RECV_WINDOW;
                    let term = Term { symbol: index, owner, epoch, start, end, tail };
                    own.running[index] = Some(term);
                    self.report.terms += 1;
                }
                Event::Prolong { index, until } => {
                    let end = own.true_time(until.0);
                    if let Some(term) = &mut own.running[index] {
                        // What ran out is not to come back under the same epoch.
                        assert!(self.now <= term.end, "prolonged after its end");
                        term.end = end;
                    }
                }
                Event::Lost { index } => self.end(process, index, self.now, RECV_WINDOW),
            }
        }
    }

    fn end(&mut self, process: usize, symbol: usize, at: u64, tail: u64) {
        if let Some(term) = self.processes[process].running[symbol].take() {
            self.terms.push(Term { end: term.end.min(at), tail, ..term });
        }
    }

    fn close(mut self) -> Report {
        let owned = |symbol: usize| {
            let running = self.processes.iter().filter_map(|process| process.running[symbol]);
            running.filter(|term| term.start <= self.now && self.now < term.end).count()
        };
        let may_trade = |symbol: usize| {
            let newest = self.newest[symbol];
            self.processes
                .iter()
                .filter_map(|process| process.running[symbol])
                .all(|term| term.epoch >= newest)
        };
        if let Some(symbol) = (0..SYMBOLS).find(|symbol| !may_trade(*symbol)) {
            self.report.fault = Some(format!("the owner of symbol {symbol} is behind the venue"));
        }
        if let Some(symbol) = (0..SYMBOLS).find(|symbol| owned(*symbol) != 1) {
            let owners = owned(symbol);
            self.report.fault = Some(format!("{owners} owners of symbol {symbol} after the faults"));
        }
        for process in 0..PROCESSES {
            (0..SYMBOLS).for_each(|symbol| self.end(process, symbol, self.now, RECV_WINDOW));
        }
        let mut terms: Vec<Term> = self.terms.iter().copied().filter(|term| term.start < term.end).collect();
        terms.sort_by_key(|term| (term.symbol, term.start));
        for (place, next) in terms.iter().enumerate() {
            for before in terms[..place].iter().filter(|before| before.symbol == next.symbol) {
                let overlap = before.owner != next.owner && next.start < before.end + before.tail;
                let behind = !self.wild && next.epoch <= before.epoch;
                if overlap || behind || next.start < before.end {
                    self.report.fault = Some(format!("{before:?} and {next:?}"));
                }
            }
        }
        let moved = |pair: &&[Term]| pair[0].symbol == pair[1].symbol && pair[0].owner != pair[1].owner;
        self.report.takeovers = u32::try_from(terms.windows(2).filter(moved).count()).unwrap();
        self.report
    }
}
