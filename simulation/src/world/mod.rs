//! The world: one queue of events, and everything that they happen to.

mod ends;
mod faults;
mod feed;
mod host;
mod queue;
mod requests;
mod tops;
mod trace;

use pipeline::alarm::Alarm;
use pipeline::gateway::Outgoing;
use pipeline::lease::Request;
use schemas::tick::Tick;

use crate::clock::LocalClock;
use crate::coverage::Coverage;
use crate::dice::Dice;
use crate::fault::{Fault, Kind};
use crate::market::Market;
use crate::oracle::Oracle;
use crate::process::{Beginning, Delivery, Effect, Note, Process, StoreEffect};
use crate::sabotage::Sabotage;
use crate::setup::Setup;
use crate::store::Store;
use crate::venue::Venue;
use crate::{MS, SEC};
use host::Host;
use queue::Queue;

/// The shortest way between two places.
const WAY: u64 = MS / 5;
/// The granularity of a process's timers.
const TIMER: u64 = MS / 5;
/// So often in a row a process may find a deadline in the past.
const SPINS_MAX: u32 = 5_000;
/// Events at one moment after which time is taken to stand still.
const AT_ONCE_MAX: u32 = 20_000;

/// What happens.
#[derive(Clone, Debug)]
enum Event {
    /// A reference market trades.
    Print { symbol: usize },
    /// So many trades of a reference market at once, then so many more.
    Burst { symbol: usize, left: u32 },
    /// The last trade is published again, as long as the fault lasts.
    Frozen { process: usize },
    /// Something reaches a process.
    Deliver { process: usize, life: u32, delivery: Box<Delivery> },
    /// A request reaches the venue.
    Arrive { process: usize, life: u32, link: u32, outgoing: Box<Outgoing>, venue_ms: i64 },
    /// A process opens its order connection.
    Connect { process: usize, life: u32, link: u32 },
    /// A process opens its connection to the lease store.
    OpenStore { process: usize, life: u32, conn: u32 },
    /// A request reaches the lease store.
    AskStore { process: usize, life: u32, conn: u32, request: Box<Request>, clock: u32 },
    /// A process is to look at its deadlines.
    Wake { process: usize, life: u32 },
    /// A process is started.
    Start { process: usize },
    /// The book of a symbol is shown.
    Publish { symbol: usize },
    /// The book of a symbol is shown again though nothing changed.
    Confirm { symbol: usize },
    /// Somebody else quotes.
    Crowd,
    /// Strangers trade.
    Stranger,
    /// The order connection of a process breaks.
    Cut { process: usize },
    /// The lease store is saved.
    SaveStore,
    /// The venue is asked what time it is.
    AskTime { process: usize, life: u32, number: u64 },
    /// A renewal of the dead man's switch reaches the venue.
    Renewal(Box<Renewal>),
    /// The dead man's switch of a symbol may be due.
    SwitchDue { symbol: usize },
    /// A fault begins.
    FaultOn(usize),
    /// A fault is over.
    FaultOff(usize),
}

/// A renewal of the dead man's switch on its way.
#[derive(Clone, Debug)]
struct Renewal {
    process: usize,
    life: u32,
    number: u64,
    symbols: Vec<usize>,
    countdown: u64,
    venue_ms: i64,
}

/// Everything.
#[derive(Debug)]
pub struct World {
    now: u64,
    at_once: u32,
    queue: Queue<Event>,
    setup: Setup,
    sabotage: Option<Sabotage>,
    dice: Dice,
    /// Chance of the reference markets alone.
    markets_dice: Dice,
    markets: Vec<Market>,
    hosts: Vec<Host>,
    venue: Venue,
    /// The venue counts orders and weight in windows: their numbers, and what was counted.
    counted: [(u64, u64); 2],
    store: Store,
    plan: Vec<Fault>,
    active: Vec<Fault>,
    /// Those that begin once an order is in a certain state.
    awaiting: Vec<Fault>,
    publishing: Vec<bool>,
    /// The last moment at which a fault was on or a process down.
    troubled: u64,
    trace: u64,
    next_forget: u64,
    /// The judge.
    pub oracle: Oracle,
    /// What met what.
    pub coverage: Coverage,
}

impl World {
    /// The world of a seed, with these faults to come.
    #[must_use]
    pub fn new(seed: u64, setup: Setup, plan: Vec<Fault>, sabotage: Option<Sabotage>) -> Self {
        let symbols = setup.symbols.len();
        let mut world = Self {
            now: 0,
            at_once: 0,
            queue: Queue::default(),
            sabotage,
            dice: Dice::new(seed, 1),
            markets_dice: Dice::new(seed, 2),
            markets: (0..symbols).map(|symbol| Market::new(100_000, 1_000 * (symbol as u64 + 1))).collect(),
            hosts: setup.processes.iter().map(|process| Host::new(process, symbols)).collect(),
            venue: Venue::new(symbols, setup.is_usdm),
            counted: [(0, 0); 2],
            store: Store::new(symbols),
            plan,
            active: Vec::new(),
            awaiting: Vec::new(),
            publishing: vec![false; symbols],
            troubled: 0,
            trace: 0xcbf2_9ce4_8422_2325,
            next_forget: 60 * SEC,
            oracle: Oracle::new(symbols, setup.switch),
            coverage: Coverage::default(),
            setup,
        };
        world.begin();
        world
    }

    fn begin(&mut self) {
        for process in 0..self.hosts.len() {
            self.after(process as u64 * 300 * MS, Event::Start { process });
        }
        for symbol in 0..self.setup.symbols.len() {
            self.after(2 * SEC, Event::Print { symbol });
            self.after(MS, Event::Confirm { symbol });
        }
        self.after(0, Event::Crowd);
        self.after(7 * SEC, Event::SaveStore);
        for (index, fault) in self.plan.iter().enumerate() {
            self.queue.push(fault.at, Event::FaultOn(index));
            self.queue.push(fault.until, Event::FaultOff(index));
        }
    }

    /// Lets everything happen up to that moment, or up to the first violation.
    pub fn run_until(&mut self, end: u64) {
        while let Some((at, event)) = self.queue.pop_until(end) {
            self.at_once = if at > self.now { 0 } else { self.at_once + 1 };
            self.now = at;
            if self.at_once > AT_ONCE_MAX {
                self.oracle.violated("P20", at, format!("no progress in time: {event:?}"));
                return;
            }
            self.oracle.stats.events += 1;
            self.happen(event);
            self.look();
            if !self.oracle.violations.is_empty() {
                return;
            }
        }
        self.now = end;
    }

    /// Now.
    #[must_use]
    pub const fn now(&self) -> u64 {
        self.now
    }

    /// What the run came to, in one number.
    #[must_use]
    pub const fn trace(&self) -> u64 {
        self.trace
    }

    fn happen(&mut self, event: Event) {
        self.trace_event(&event);
        match event {
            Event::Print { symbol } => self.print(symbol),
            Event::Burst { symbol, left } => self.burst(symbol, left),
            Event::Frozen { process } => self.frozen_feed(process),
            Event::Deliver { process, life, delivery } => self.reach(process, life, *delivery),
            Event::Arrive { process, life, link, outgoing, venue_ms } => {
                self.arrive(process, life, link, &outgoing, venue_ms);
            }
            Event::Connect { process, life, link } => self.connect(process, life, link),
            Event::OpenStore { process, life, conn } => self.open_store(process, life, conn),
            Event::AskStore { process, life, conn, request, clock } => {
                self.ask_store(process, life, conn, &request, clock);
            }
            Event::Wake { process, life } => self.wake(process, life),
            Event::Start { process } => self.start(process),
            Event::Publish { symbol } => {
                self.publishing[symbol] = false;
                self.publish(symbol, false);
            }
            Event::Confirm { symbol } => {
                self.publish(symbol, true);
                self.after(SEC, Event::Confirm { symbol });
            }
            Event::Crowd => self.crowd(),
            Event::Stranger => self.stranger(),
            Event::Cut { process } => self.cut(process),
            Event::SaveStore => {
                self.store.save();
                self.after(11 * SEC, Event::SaveStore);
            }
            Event::AskTime { process, life, number } => self.tell_time(process, life, number),
            Event::Renewal(renewal) => self.arm(&renewal),
            Event::SwitchDue { symbol } => self.venue.fire(symbol, self.now),
            Event::FaultOn(index) => self.begin_fault(self.plan[index]),
            Event::FaultOff(index) => self.end_fault(self.plan[index]),
        }
        self.tell_news();
    }

    /// After every event.
    fn look(&mut self) {
        let troubled = !self.active.is_empty() || self.hosts.iter().any(|host| host.is_away(self.now));
        if troubled {
            self.troubled = self.now;
        }
        self.oracle.calm_since = (!troubled).then_some(self.troubled);
        self.oracle.trades(&mut self.venue);
        self.oracle.step(&self.venue, self.now);
        if self.now >= self.next_forget {
            self.next_forget = self.now + 60 * SEC;
            self.oracle.forget(self.now);
            self.venue.forget(self.now);
        }
    }

    /// Something reaches a process: at once, or as soon as it runs again.
    fn reach(&mut self, process: usize, life: u32, delivery: Delivery) {
        let host = &mut self.hosts[process];
        if host.life != life || host.process.is_none() {
            return;
        }
        host.hear_book(&delivery, self.now);
        if host.frozen_until > self.now {
            host.inbox.push_back(delivery);
            return;
        }
        let at = self.now;
        host.hear_silence(&delivery, at);
        if let Some(one) = &mut host.process {
            one.take(delivery, at);
        }
        self.run(process);
    }

    /// A process looks at its deadlines, and at what came while it stood still.
    fn wake(&mut self, process: usize, life: u32) {
        let (host, at) = (&mut self.hosts[process], self.now);
        if host.life != life {
            return;
        }
        if host.wake_at == Some(at) {
            host.wake_at = None;
        }
        if host.frozen_until > at {
            let until = host.frozen_until;
            self.wake_at(process, until);
            return;
        }
        while let Some(delivery) = host.inbox.pop_front() {
            host.hear_silence(&delivery, at);
            // Known gap: what waited in a socket while the process stood still counts from its reading.
            host.hear_book(&delivery, at);
            if let Some(one) = &mut host.process {
                one.take(delivery, at);
            }
        }
        let Some(one) = &mut host.process else { return };
        one.handle_timeout(at);
        self.run(process);
    }

    /// A process does what there is to do.
    fn run(&mut self, process: usize) {
        let at = self.now;
        let turn = self.dice.thousandths(500);
        let Some(one) = &mut self.hosts[process].process else { return };
        one.settle(turn, at);
        self.listen(process);
        self.carry_out(process);
        self.take_aim(process);
        let starved = self.level(Kind::Starve, process);
        if starved > 0 {
            let most = u64::from(starved) * MS;
            let stall = self.dice.between(0, most);
            self.freeze(process, at + stall);
        }
        let next = self.hosts[process].process.as_ref().and_then(|one| one.next_wake(at));
        if let Some(next) = next {
            self.watch_spin(process, next <= at);
            // Timers are no finer than this.
            let next = next.max(at + TIMER).max(self.hosts[process].frozen_until);
            self.wake_at(process, next);
        }
    }

    /// A deadline that has passed and does not move makes a process turn for nothing.
    fn watch_spin(&mut self, process: usize, is_overdue: bool) {
        let (host, at) = (&mut self.hosts[process], self.now);
        host.spins = if is_overdue { host.spins + 1 } else { 0 };
        if host.spins > SPINS_MAX {
            let what = host.process.as_ref().map(|one| one.overdue(at)).unwrap_or_default();
            self.oracle.violated("P19", at, format!("process {process} turns for nothing: {what} overdue"));
        }
    }

    fn wake_at(&mut self, process: usize, at: u64) {
        let host = &mut self.hosts[process];
        if host.wake_at.is_none_or(|known| known > at) {
            host.wake_at = Some(at);
            let life = host.life;
            self.queue.push(at, Event::Wake { process, life });
        }
    }

    fn freeze(&mut self, process: usize, until: u64) {
        let host = &mut self.hosts[process];
        host.frozen_until = host.frozen_until.max(until);
        let until = host.frozen_until;
        self.wake_at(process, until);
    }

    /// What a process says to the oracle.
    fn listen(&mut self, process: usize) {
        let Some(one) = &mut self.hosts[process].process else { return };
        let (notes, at) = (std::mem::take(&mut one.notes), self.now);
        let run = (process, self.hosts[process].life);
        for note in notes {
            match note {
                Note::PairEnded { symbol, trade } => {
                    self.note_trace(trade.outcome() as u64 ^ trade.maker.id.sequence());
                    self.oracle.pair_ended(symbol, &trade, &self.venue, run, at);
                }
                Note::Closed { symbol, id } => self.oracle.is_over(symbol, id, &self.venue, run, at),
                Note::BookDoubted { symbol } => self.fetch_book(process, symbol),
                Note::UrgentHeld => {
                    self.oracle.violated(
                        "P6",
                        at,
                        format!("a cancel of process {process} waits for the limiter"),
                    );
                }
                // A venue that prevents self-trades, or strangers who take our legs, halt an instrument rightly. In a
                // calm somebody has the time to look.
                Note::Alarmed { alarm: Alarm::SelfTradePrevented | Alarm::ForeignFills, .. } => {
                    if self.oracle.calm_since.is_some() {
                        self.hosts[process].process.iter().for_each(Process::release);
                    }
                }
                Note::Alarmed { symbol, alarm } => {
                    self.oracle.violated(
                        "P14",
                        at,
                        format!("symbol {symbol} halted itself: {}", alarm.name()),
                    );
                }
            }
        }
    }

    /// What a process wants done.
    fn carry_out(&mut self, process: usize) {
        let Some(one) = &mut self.hosts[process].process else { return };
        let effects = std::mem::take(&mut one.effects);
        let life = self.hosts[process].life;
        let mut stalled = 0;
        for effect in effects {
            match effect {
                Effect::Send { link, outgoing, venue_ms, held } => {
                    self.send(process, link, outgoing, venue_ms, nanos(held));
                }
                Effect::Connect { link, after } => {
                    let way = self.way(process);
                    self.after(nanos(after) + way, Event::Connect { process, life, link });
                }
                Effect::AskTime { number } => {
                    let way = self.way(process);
                    self.after(way, Event::AskTime { process, life, number });
                }
                Effect::Renew { number, lanes, countdown, venue_ms } => {
                    self.renew(process, number, &lanes, nanos(countdown), venue_ms);
                }
                Effect::Store(StoreEffect::Open { conn, after }) => {
                    self.after(nanos(after) + WAY, Event::OpenStore { process, life, conn });
                }
                Effect::Store(StoreEffect::Ask { conn, request, clock }) => {
                    let way = self.store_way(process);
                    let request = Box::new(request);
                    self.after(way, Event::AskStore { process, life, conn, request, clock });
                }
                Effect::Stall(stall) => stalled = stalled.max(nanos(stall)),
                Effect::Killed => {
                    self.kill(process);
                    return;
                }
                Effect::Exited => {
                    self.exit(process);
                    return;
                }
            }
        }
        if stalled > 0 {
            self.freeze(process, self.now + stalled);
        }
    }

    fn start(&mut self, process: usize) {
        let (at, host) = (self.now, &mut self.hosts[process]);
        if host.process.is_some() || host.down_until > at {
            return;
        }
        host.life += 1;
        host.inbox.clear();
        (host.wake_at, host.link, host.silent, host.spins) = (None, 0, None, 0);
        let mut clock = LocalClock::start(at);
        clock.set_step(host.step_ms);
        clock.set_rate(host.rate_ppm, at);
        let beginning = Beginning {
            setup: &self.setup,
            process,
            life: host.life,
            disk: host.disk.clone(),
            clock,
            sabotage: self.sabotage,
            at,
        };
        match Process::start(beginning) {
            // Known gap: only the journal that was lost knew that a clock that was ahead has used this epoch already.
            Ok(one)
                if self.setup.is_alone && self.oracle.has_left(&self.hosts[process].symbols, one.epoch()) =>
            {
                self.after(SEC / 4, Event::Start { process });
                return;
            }
            Ok(one) => self.hosts[process].process = Some(one),
            Err(why) => {
                self.oracle.violated("P12", at, format!("process {process} does not start: {why}"));
                return;
            }
        }
        self.apply_disk(process);
        self.run(process);
    }

    /// A process is gone, from one moment to the next.
    fn kill(&mut self, process: usize) {
        let at = self.now;
        let states: Vec<_> = self.hosts[process].process.iter_mut().flat_map(Process::order_states).collect();
        for state in states {
            self.see(process, state);
        }
        let host = &mut self.hosts[process];
        host.process = None;
        host.link = 0;
        host.down_until = host.down_until.max(at + 200 * MS);
        if host.down_until < u64::MAX {
            let until = host.down_until;
            self.queue.push(until, Event::Start { process });
        }
    }

    /// A process has ended in order.
    fn exit(&mut self, process: usize) {
        self.check_balance(process);
        self.kill(process);
    }

    /// Something reaches a process that long from now.
    fn deliver(&mut self, process: usize, delivery: Delivery, after: u64) {
        let life = self.hosts[process].life;
        self.after(after, Event::Deliver { process, life, delivery: Box::new(delivery) });
    }

    fn after(&mut self, ns: u64, event: Event) {
        self.queue.push(self.now + ns, event);
    }

    /// How bad a fault is for a process; 0 = it is not on.
    fn level(&self, kind: Kind, process: usize) -> u32 {
        self.hosts[process].levels[kind.index()]
    }

    /// Whether a fault strikes this time.
    fn strikes(&mut self, kind: Kind, process: usize) -> bool {
        let level = self.level(kind, process);
        self.dice.thousandths(level)
    }
}

fn nanos(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX / 4)
}

/// A trade on its way to a process.
fn tick(symbol: usize, tick: Tick) -> Delivery {
    Delivery::Tick { symbol, tick }
}
