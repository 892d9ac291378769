//! One process: the program's machines, wired as src/app wires them, without sockets, threads and waiting.
//!
//! The world hands it what reaches it ([`Delivery`]) and carries out what it wants ([`Effect`]).

mod gateway;
mod journal;
mod keeper;
mod lane;
mod start;
mod switch;
mod time;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use pipeline::alarm::Alarm;
use pipeline::book::{Level, Top};
use pipeline::command::Command;
use pipeline::event::FeedTick;
use pipeline::gateway::{Answer, LaneId, Link, Outgoing, RateLimit};
use pipeline::lease::Ticket;
use pipeline::ownership::Generation;
use pipeline::skip::Skip;
use pipeline::time::{Nanos, Now};
use pipeline::trade::Trade;
use schemas::ids::{ClientOrderId, Epoch};
use schemas::tick::Tick;
use schemas::wire::order_update::OrderUpdate;
use self_trader::feed::dedupe::{Seen, Seens};

pub use gateway::Point;
use gateway::Session;
use journal::Journal;
use keeper::Keeper;
pub use keeper::StoreEffect;
use lane::{Around, Lane};
pub use start::{Beginning, limits};
use switch::Switches;
use time::ClockFollower;

use crate::clock::LocalClock;
use crate::coverage::OrderState;
use crate::sabotage::Sabotage;

/// A process that goes on for longer without anything reaching it goes on for ever.
const TURNS_MAX: u32 = 10_000;

/// What reaches a process.
#[derive(Clone, Debug)]
pub enum Delivery {
    /// A trade of a reference market.
    Tick {
        /// Which market.
        symbol: usize,
        /// As it was published.
        tick: Tick,
    },
    /// What the book connection shows; no levels at all while it is not live.
    Top {
        /// Which symbol.
        symbol: usize,
        /// The number of the book's last change.
        update_id: u64,
        /// Best bid and ask.
        best: Option<[Option<Level>; 2]>,
    },
    /// The order connection is open.
    Connected {
        /// Its number.
        link: u32,
    },
    /// It could not be opened.
    NotConnected {
        /// Its number.
        link: u32,
    },
    /// It broke.
    Cut,
    /// The account's events come, or do not, where they have a connection of their own.
    Events(bool),
    /// An answer of the venue.
    Answer {
        /// Over which connection.
        link: u32,
        /// To which request.
        request: u64,
        /// What it says.
        answer: Answer,
        /// The venue's own counts.
        counts: Vec<RateLimit>,
    },
    /// An event of the account.
    Update {
        /// Over which connection.
        link: u32,
        /// What it says.
        update: OrderUpdate,
    },
    /// The connection to the lease store is open, or could not be opened.
    StoreOpened {
        /// Its number.
        conn: u32,
        /// Whether it is.
        is_open: bool,
    },
    /// The store's answer.
    StoreAnswer {
        /// Over which connection.
        conn: u32,
        /// To which request.
        ticket: Ticket,
        /// What it says.
        answer: pipeline::lease::Answer,
    },
    /// What time it is at the venue.
    VenueTime {
        /// To which question.
        number: u64,
        /// Its wall clock.
        venue_ms: i64,
    },
    /// What came of a renewal of the dead man's switch.
    Renewed {
        /// Which.
        number: u64,
        /// The venue has taken it in.
        is_renewed: bool,
    },
    /// SIGTERM.
    Stop,
}

/// What a process wants done.
#[derive(Clone, Debug)]
pub enum Effect {
    /// A request leaves over the order connection.
    Send {
        /// Which connection.
        link: u32,
        /// The request.
        outgoing: Outgoing,
        /// Its timestamp, by the venue's clock as far as the process knows it.
        venue_ms: i64,
        /// How much later than now its frame is written.
        held: Duration,
    },
    /// The order connection is to be opened.
    Connect {
        /// Its number.
        link: u32,
        /// After this pause.
        after: Duration,
    },
    /// The venue is asked what time it is, over a connection of its own.
    AskTime {
        /// The question's number.
        number: u64,
    },
    /// A renewal of the dead man's switch leaves, over a connection of its own.
    Renew {
        /// Its number.
        number: u64,
        /// For which instruments, by their places in this process.
        lanes: Vec<usize>,
        /// After how long the switch is to fire.
        countdown: Duration,
        /// Its timestamp.
        venue_ms: i64,
    },
    /// Something of the lease store.
    Store(StoreEffect),
    /// The process stands still for that long.
    Stall(Duration),
    /// It was killed.
    Killed,
    /// It has ended in order.
    Exited,
}

/// What a process says to the oracle.
#[derive(Clone, Debug)]
pub enum Note {
    /// A pair is over.
    PairEnded {
        /// On which symbol.
        symbol: usize,
        /// The pair.
        trade: Box<Trade>,
    },
    /// An order of an earlier run is known to be over.
    Closed {
        /// On which symbol.
        symbol: usize,
        /// Which order.
        id: ClientOrderId,
    },
    /// The book does not show our own maker: it is to be fetched anew.
    BookDoubted {
        /// On which symbol.
        symbol: usize,
    },
    /// A cancel or question waited though nothing but our own limiter was in its way.
    UrgentHeld,
    /// The instrument found out something that must not be: it halts.
    Alarmed {
        /// On which symbol.
        symbol: usize,
        /// What.
        alarm: Alarm,
    },
}

/// One process.
#[derive(Debug)]
pub struct Process {
    clock: LocalClock,
    lanes: Vec<Lane>,
    seens: Vec<Seens>,
    session: Session,
    keeper: Option<Keeper>,
    switches: Option<Switches>,
    follower: ClockFollower,
    /// The present moment, for its permit.
    present: Arc<AtomicU64>,
    journal: Journal,
    commands: VecDeque<(LaneId, Command)>,
    stop: bool,
    stop_by: Option<Nanos>,
    sabotage: Option<Sabotage>,
    duplicates: u64,
    /// What it wants done, in order.
    pub effects: Vec<Effect>,
    /// What it says to the oracle, in order.
    pub notes: Vec<Note>,
}

impl Process {
    /// The epoch that it began with; of the latest term where leases give them out.
    pub(crate) fn epoch(&self) -> Epoch {
        self.lanes.first().map_or(Epoch::new(0), |lane| lane.hold.epoch())
    }

    /// Something has reached it.
    pub fn take(&mut self, delivery: Delivery, at: u64) {
        let now = self.clock.now(at);
        self.present.store(now.mono.0, Ordering::Relaxed);
        match delivery {
            Delivery::Tick { symbol, tick } => self.take_tick(symbol, tick, now),
            Delivery::Top { symbol, update_id, best } => self.take_top(symbol, update_id, best, now),
            Delivery::Connected { link } => self.session.connected(link, now),
            Delivery::NotConnected { link } => self.session.not_connected(link, &mut self.effects),
            Delivery::Cut => self.session.cut(&mut self.effects),
            Delivery::Events(come) => self.session.events(come),
            Delivery::Answer { link, request, answer, counts } => {
                self.session.answer(link, request, answer, &counts, now);
            }
            Delivery::Update { link, update } => self.session.update(link, update, now),
            Delivery::StoreOpened { conn, is_open } => {
                if let Some(keeper) = &mut self.keeper {
                    keeper.opened(conn, is_open, now);
                }
            }
            Delivery::StoreAnswer { conn, ticket, answer } => {
                if let Some(keeper) = &mut self.keeper {
                    keeper.answered(conn, ticket, answer, now);
                }
            }
            Delivery::VenueTime { number, venue_ms } => {
                self.follower.answered(number, venue_ms, now);
                self.session.offset_ms = self.follower.offset_ms(now);
            }
            Delivery::Renewed { number, is_renewed } => {
                if let Some(switches) = &mut self.switches {
                    switches.answered(number, is_renewed, now.mono);
                }
            }
            Delivery::Stop => self.begin_stop(now),
        }
    }

    /// Deadlines that have passed.
    pub fn handle_timeout(&mut self, at: u64) {
        let now = self.clock.now(at);
        self.present.store(now.mono.0, Ordering::Relaxed);
        self.journal.handle_timeout(now.mono);
        self.session.handle_timeout(now, &mut self.effects);
        self.lanes.iter_mut().for_each(|lane| lane.handle_timeout(now));
    }

    /// Everything moves on until nothing does. `turn` decides who goes first.
    pub fn settle(&mut self, turn: bool, at: u64) {
        let now = self.clock.now(at);
        self.present.store(now.mono.0, Ordering::Relaxed);
        let mut gateway_first = turn;
        for turn in 0.. {
            assert!(turn < TURNS_MAX, "no end of it: {:?}", self.commands);
            let mut moved = self.step_keeper(now);
            self.step_switches(now);
            self.follower.step(now, &mut self.effects);
            if gateway_first {
                moved |= self.step_gateway(now);
            }
            moved |= self.step_lanes(now);
            moved |= self.step_gateway(now);
            gateway_first = false;
            if !moved {
                break;
            }
        }
        self.session.watch_urgent(now, &mut self.notes);
        let stopped = self.stop_by.is_some_and(|by| {
            let lanes =
                self.lanes.iter().all(|lane| lane.instrument.phase() == pipeline::instrument::Phase::Stopped);
            by <= now.mono || (lanes && self.keeper.as_ref().is_none_or(|keeper| keeper.is_over(now)))
        });
        if stopped {
            self.journal.commit(now.mono);
            self.effects.push(Effect::Exited);
        }
    }

    /// The true moment at which it has to be woken if nothing reaches it before.
    #[must_use]
    pub fn next_wake(&self, at: u64) -> Option<u64> {
        let now = self.clock.now(at);
        let lanes = self.lanes.iter().filter_map(|lane| lane.instrument.poll_timeout(now)).min();
        let keeper = self.keeper.as_ref().and_then(|keeper| keeper.poll_timeout(now));
        let switches = self.switches.as_ref().and_then(|switches| switches.poll_timeout(now.mono));
        let session = self.session.poll_timeout(now);
        let clock = Some(self.follower.poll_timeout());
        let deadlines = [lanes, keeper, switches, clock, self.journal.poll_timeout(), session, self.stop_by];
        deadlines.into_iter().flatten().min().map(|mono| self.clock.when(mono))
    }

    /// Which of its parts want to be woken now or before.
    #[must_use]
    pub fn overdue(&self, at: u64) -> String {
        let now = self.clock.now(at);
        let lanes = self.lanes.iter().filter_map(|lane| lane.instrument.poll_timeout(now)).min();
        let keeper = self.keeper.as_ref().and_then(|keeper| keeper.poll_timeout(now));
        let parts = [
            ("lanes", lanes),
            ("leases", keeper),
            ("journal", self.journal.poll_timeout()),
            ("gateway", self.session.poll_timeout(now)),
            ("end", self.stop_by),
        ];
        let due =
            |(name, at): &(&'static str, Option<Nanos>)| at.is_some_and(|at| at <= now.mono).then_some(*name);
        parts.iter().filter_map(due).collect::<Vec<_>>().join(", ")
    }

    /// Its clocks.
    pub const fn clock(&mut self) -> &mut LocalClock {
        &mut self.clock
    }

    /// How long its journal's writes and syncs take.
    pub const fn set_disk(&mut self, write_takes: Duration, sync_takes: Duration) {
        (self.journal.write_takes, self.journal.sync_takes) = (write_takes, sync_takes);
    }

    /// It is killed at that point of its next order's way.
    pub const fn kill_at(&mut self, point: Option<Point>) {
        self.session.kill_at = point;
    }

    /// Its next order's frame is held for that long, with everything else.
    pub const fn hold_next(&mut self, held: Option<Duration>) {
        self.session.hold_next = held;
    }

    /// Somebody has looked at what halted its instruments, and releases them.
    pub fn release(&self) {
        self.lanes.iter().for_each(|lane| lane.hold.set_halted(false));
    }

    /// Whether the instrument is its own at the moment, or to be handed over by it: then it hears its book.
    #[must_use]
    pub fn wants_book(&self, symbol: usize) -> bool {
        self.lanes.iter().any(|lane| lane.symbol == symbol && lane.hold.is_claimed())
    }

    /// What its orders are doing, and did since this was last asked.
    pub fn order_states(&mut self) -> impl Iterator<Item = OrderState> + '_ {
        self.lanes.iter_mut().flat_map(Lane::order_states)
    }

    /// What its orders are doing now.
    pub fn states_now(&self) -> impl Iterator<Item = OrderState> + '_ {
        self.lanes.iter().map(Lane::order_state)
    }

    /// What its orders did until now is forgotten.
    pub fn forget_states(&mut self) {
        self.lanes.iter_mut().for_each(Lane::forget_states);
    }

    /// Orders that its journal has no end of.
    #[must_use]
    pub fn journal_open(&self) -> Vec<ClientOrderId> {
        self.journal.open_orders()
    }

    /// Whether the counts of all its instruments balance; how many pairs they made.
    #[must_use]
    pub fn counts(&self) -> (bool, u64) {
        let balance = |lane: &Lane| {
            let counts = lane.instrument.counts();
            counts.balance() && counts.ticks == lane.ticks_taken
        };
        let pairs = self.lanes.iter().map(|lane| lane.instrument.counts().pairs).sum();
        (self.lanes.iter().all(balance), pairs)
    }

    /// The instrument of a symbol, where it has one.
    #[must_use]
    pub fn instrument(&self, symbol: usize) -> Option<&pipeline::instrument::Instrument> {
        self.lanes.iter().find(|lane| lane.symbol == symbol).map(|lane| &lane.instrument)
    }

    /// What an instrument is doing, in words.
    #[must_use]
    pub fn describe(&self, symbol: usize) -> String {
        let Some(lane) = self.lanes.iter().find(|lane| lane.symbol == symbol) else {
            return "none".to_owned();
        };
        let (instrument, counts) = (&lane.instrument, lane.instrument.counts());
        let skips = Skip::ALL.into_iter().filter(|skip| counts.skips[skip.index()] > 0);
        let skips: Vec<String> = skips.map(|skip| format!("{skip} {}", counts.skips[skip.index()])).collect();
        format!(
            "{:?}, link {:?}, barred by {:?}, claimed {}, switch {:?}, {} waiting, maybe open {:?}, skips {}",
            instrument.phase(),
            self.session.link,
            instrument.bar(),
            lane.hold.is_claimed(),
            lane.hold.arming().is(),
            counts.waiting,
            instrument.maybe_open(),
            skips.join(" "),
        )
    }

    /// What comes over that order connection is heard.
    #[must_use]
    pub fn hears(&self, link: u32) -> bool {
        self.session.hears(link)
    }

    /// Its journal could not be opened at the start: it waits for a person.
    #[must_use]
    pub const fn is_stuck(&self) -> bool {
        !self.journal.is_open()
    }

    /// What its order connection can do.
    #[must_use]
    pub const fn link(&self) -> Link {
        self.session.link
    }

    fn take_tick(&mut self, symbol: usize, tick: Tick, now: Now) {
        if self.stop {
            return;
        }
        let Some(place) = self.lanes.iter().position(|lane| lane.symbol == symbol) else { return };
        let seen = self.seens[place].check(&tick);
        if seen == Seen::Duplicate && self.sabotage != Some(Sabotage::IgnoreDuplicates) {
            self.duplicates += 1;
            return;
        }
        let generation = Generation::default();
        self.lanes[place].tick(FeedTick { tick, received: now, since: now.mono, generation });
    }

    fn take_top(&mut self, symbol: usize, update_id: u64, best: Option<[Option<Level>; 2]>, now: Now) {
        if let Some(lane) = self.lanes.iter_mut().find(|lane| lane.symbol == symbol) {
            lane.show(best.map(|[bid, ask]| Top { bid, ask, update_id, confirmed: now }));
        }
    }

    fn begin_stop(&mut self, now: Now) {
        self.stop = true;
        self.stop_by = Some(now.mono + Duration::from_secs(8));
        if let Some(keeper) = &mut self.keeper {
            keeper.leave(now);
        }
    }

    fn step_keeper(&mut self, now: Now) -> bool {
        let Some(keeper) = &mut self.keeper else { return false };
        let lanes = &self.lanes;
        let moved = keeper.step(|index| lanes[index].is_quiet, now);
        self.effects.extend(keeper.effects.drain(..).map(Effect::Store));
        moved
    }

    fn step_switches(&mut self, now: Now) {
        let venue_ms = self.session.venue_now(now).wall_ms;
        if let Some(switches) = &mut self.switches {
            switches.step(venue_ms, now.mono, &mut self.effects);
        }
    }

    fn step_lanes(&mut self, now: Now) -> bool {
        let mut moved = false;
        for (place, lane) in self.lanes.iter_mut().enumerate() {
            let mut around = Around {
                id: LaneId(place),
                link: self.session.link,
                stop: self.stop,
                commands: &mut self.commands,
                journal: &mut self.journal,
                notes: &mut self.notes,
            };
            moved |= lane.step(&mut around, now);
        }
        moved
    }

    fn step_gateway(&mut self, now: Now) -> bool {
        let mut moved = !self.commands.is_empty();
        for (lane, command) in self.commands.drain(..) {
            self.session.command(lane, command, now);
        }
        moved |= self.session.send_out(&mut self.journal, now, &mut self.effects);
        let lanes = &mut self.lanes;
        self.session.hand_out(&mut self.effects, now, |lane, report| {
            lanes[lane.0].reports.push_back(report);
            moved = true;
        });
        self.session.show_link(&self.journal, now);
        moved
    }
}
