//! Requests on their way to the venue and the lease store, and what comes back.

use std::time::Duration;

use pipeline::command::Command;
use pipeline::gateway::{Answer, Outgoing, RateLimit, RateLimitKind, Silence, VenueRefusal, Verdict};
use pipeline::lease::Request;
use schemas::ids::Leg;
use schemas::tick::TradeKey;

use super::{Event, Renewal, WAY, World};
use crate::fault::Kind;
use crate::process::{Delivery, limits};
use crate::venue::{code, refusal};
use crate::{MS, SEC, wall_ms};

/// How long a host tries to connect.
const CONNECT_MAX: u64 = 2 * SEC;
/// How long the venue waits for its own engine before it says that it does not know.
const ENGINE_MAX: u64 = 10 * SEC;

impl World {
    /// How long a message takes between a process and the venue, this time.
    pub(super) fn way(&mut self, process: usize) -> u64 {
        let mut way = self.dice.between(WAY, 15 * MS);
        let slow = u64::from(self.level(Kind::SlowNetwork, process));
        if slow > 0 {
            way += self.dice.between(slow * MS, 3 * slow * MS + MS);
        }
        if self.strikes(Kind::Reorder, process) {
            way += self.dice.between(0, 2 * SEC);
        }
        way
    }

    pub(super) fn store_way(&mut self, process: usize) -> u64 {
        let mut way = self.dice.between(WAY, 5 * MS);
        let slow = u64::from(self.level(Kind::StoreSlow, process));
        if slow > 0 {
            way += self.dice.between(0, slow * MS);
        }
        way
    }

    /// Nothing passes between a process and the venue.
    fn is_cut_off(&self, process: usize) -> bool {
        self.level(Kind::VenueDown, process) > 0 || self.level(Kind::Partition, process) > 0
    }

    /// A frame leaves a process.
    pub(super) fn send(&mut self, process: usize, link: u32, outgoing: Outgoing, venue_ms: i64, held: u64) {
        let symbol = self.hosts[process].symbols[outgoing.lane.0];
        if let Command::PlaceMaker(leg) | Command::PlaceTaker(leg) = outgoing.command {
            let has_intent = self.hosts[process].disk.has_intent(leg.id);
            let run = (process, self.hosts[process].life);
            self.oracle.leaves(symbol, &outgoing.command, has_intent, run, self.now);
            if leg.id.leg() == Leg::Maker {
                let heard = self.hosts[process].heard[symbol];
                self.oracle.judged_book(leg.id, heard, self.now);
            }
        }
        self.watch_silence(process, &outgoing.command);
        let mut way = self.way(process) + held;
        if self.strikes(Kind::Zombie, process) {
            way += self.dice.between(500 * MS, 9 * SEC);
        }
        if self.level(Kind::Partition, process) > 0 {
            // What waits in a socket's buffer is sent once the way is free, if the connection lasts so long.
            if self.dice.thousandths(500) {
                return;
            }
            let until = self.over_at(Kind::Partition, process);
            way += until.saturating_sub(self.now);
        }
        let life = self.hosts[process].life;
        self.after(way, Event::Arrive { process, life, link, outgoing: Box::new(outgoing), venue_ms });
    }

    /// After 418 nothing leaves until it is over, after 429 nothing but a few cancels.
    fn watch_silence(&mut self, process: usize, command: &Command) {
        let Some((until, silence)) = self.hosts[process].silent else { return };
        let spared = silence != Silence::All && matches!(command, Command::Cancel(_));
        if self.now < until && !spared {
            let left = (until - self.now) / MS;
            let what =
                format!("process {process} sent {left} ms before the venue's wish for silence was over");
            self.oracle.violated("P7", self.now, what);
        }
    }

    /// Trades of a wrong time were sent a short time ago.
    fn feed_lies(&self) -> bool {
        let lately = |fault: &crate::fault::Fault| {
            fault.kind == Kind::FeedFuture && fault.at <= self.now && self.now < fault.until + 20 * SEC
        };
        self.plan.iter().any(lately)
    }

    /// When the last fault of that kind that is on for a process is over.
    fn over_at(&self, kind: Kind, process: usize) -> u64 {
        let hits = |fault: &crate::fault::Fault| kind.is_common() || fault.process == process;
        let of = |fault: &&crate::fault::Fault| fault.kind == kind && hits(fault);
        self.active.iter().filter(of).map(|fault| fault.until).max().unwrap_or(self.now)
    }

    /// A request reaches the venue, perhaps after its connection or its process is gone.
    pub(super) fn arrive(
        &mut self,
        process: usize,
        life: u32,
        link: u32,
        outgoing: &Outgoing,
        venue_ms: i64,
    ) {
        let stale = self.hosts[process].link != link || self.hosts[process].life != life;
        let lost = stale && self.dice.thousandths(500);
        if lost || self.level(Kind::VenueDown, process) > 0 || self.strikes(Kind::LoseRequest, process) {
            return;
        }
        let (answer, late) = self.judge(process, outgoing, venue_ms);
        self.answer(process, life, link, outgoing.request, answer, late);
    }

    /// What the venue makes of a request, and how long it takes to say so.
    fn judge(&mut self, process: usize, outgoing: &Outgoing, venue_ms: i64) -> (Answer, u64) {
        let silence = |world: &mut Self, kind, code| {
            let left = world.over_at(kind, process).saturating_sub(world.now);
            let silent_for = Some(Duration::from_nanos(left + MS));
            let silence = if kind == Kind::Ban { Silence::All } else { Silence::Most };
            Answer::Refused(VenueRefusal { code, verdict: Verdict::Refused, silent_for, silence })
        };
        if self.level(Kind::Ban, process) > 0 {
            return (silence(self, Kind::Ban, code::TOO_MANY), 0);
        }
        if self.level(Kind::TooMany, process) > 0 || !self.count(&outgoing.command) {
            return (silence(self, Kind::TooMany, code::TOO_MANY), 0);
        }
        let command = &outgoing.command;
        let cancels = matches!(command, Command::Cancel(_));
        if command.is_place() && self.strikes(Kind::Overloaded, process) {
            return (refusal(code::BUSY, Verdict::Refused), 0);
        }
        if cancels && self.strikes(Kind::RefuseCancel, process) {
            return (refusal(code::BUSY, Verdict::Refused), 0);
        }
        if self.strikes(Kind::UnknownAnswer, process) {
            if self.dice.thousandths(600) {
                self.carry_out_request(process, outgoing, venue_ms);
            }
            let late = self.dice.pick(&[0, 0, ENGINE_MAX]);
            return (refusal(code::UNKNOWN, Verdict::Unknown), late);
        }
        (self.carry_out_request(process, outgoing, venue_ms), 0)
    }

    /// The venue's own windows: whether one more request is within them.
    fn count(&mut self, command: &Command) -> bool {
        let mut within = true;
        for (limit, counted) in limits().iter().zip(&mut self.counted) {
            let window = self.now / (u64::try_from(limit.interval_ms).unwrap_or(1) * MS);
            if counted.0 != window {
                *counted = (window, 0);
            }
            counted.1 += match (limit.kind, command) {
                (RateLimitKind::Orders, Command::PlaceMaker(_) | Command::PlaceTaker(_)) => 1,
                (RateLimitKind::Orders, Command::Cancel(_) | Command::Query(_) | Command::ListOpen) => 0,
                (
                    RateLimitKind::Weight,
                    Command::PlaceMaker(_) | Command::PlaceTaker(_) | Command::Cancel(_),
                ) => 1,
                (RateLimitKind::Weight, Command::Query(_)) => 4,
                (RateLimitKind::Weight, Command::ListOpen) => 6,
            };
            within &= counted.1 <= limit.count;
        }
        if !within {
            self.oracle.violated(
                "P5",
                self.now,
                format!("more than the venue's limits allow: {:?}", self.counted),
            );
        }
        within
    }

    fn carry_out_request(&mut self, process: usize, outgoing: &Outgoing, venue_ms: i64) -> Answer {
        let symbol = self.hosts[process].symbols[outgoing.lane.0];
        let (command, at) = (outgoing.command, self.now);
        match command {
            Command::PlaceMaker(leg) | Command::PlaceTaker(leg) => {
                let older = |(id, _): &(_, &_)| leg_is_newer(&leg, *id);
                let left_over = self.venue.open(symbol).find(older).map(|(id, _)| id);
                let answer = self.venue.place(symbol, &leg, venue_ms, at);
                if matches!(answer, Answer::Updates(_)) {
                    if let Some(open) = left_over {
                        self.oracle.not_swept(leg.id, open, at);
                    }
                    let happened = match leg.cause.trade {
                        Some(TradeKey::Number(trade)) => self.markets[symbol].happened(trade),
                        Some(TradeKey::Text(_) | TradeKey::Content(_)) | None => None,
                    };
                    // A feed that dates trades ahead makes them seem younger than they are.
                    let slow_ms =
                        self.hosts[process].behind_ms(at) + if self.feed_lies() { 6_000 } else { 0 };
                    self.oracle.accepted(symbol, &leg, happened, slow_ms, at);
                    self.note_trace(leg.id.sequence() ^ u64::from(leg.id.epoch().number()) << 32);
                }
                answer
            }
            Command::Cancel(handle) => self.venue.cancel(symbol, handle.id, venue_ms, at),
            Command::Query(handle) => self.venue.query(handle.id),
            Command::ListOpen => self.venue.list(symbol),
        }
    }

    fn answer(&mut self, process: usize, life: u32, link: u32, request: u64, answer: Answer, late: u64) {
        if self.strikes(Kind::LoseAnswer, process) || self.is_cut_off(process) {
            return;
        }
        let way = self.way(process) + late;
        let counts = limits()
            .into_iter()
            .zip(&self.counted)
            .map(|(limit, counted)| RateLimit { count: counted.1, ..limit });
        let delivery = Delivery::Answer { link, request, answer, counts: counts.collect() };
        self.after(way, Event::Deliver { process, life, delivery: Box::new(delivery) });
    }

    /// The account's events go to every process that is connected.
    pub(super) fn tell_news(&mut self) {
        if !self.venue.news.is_empty() {
            for (symbol, update) in std::mem::take(&mut self.venue.news) {
                for process in 0..self.hosts.len() {
                    let host = &self.hosts[process];
                    if host.link == 0 || !host.symbols.contains(&symbol) || self.is_cut_off(process) {
                        continue;
                    }
                    self.tell(process, update);
                }
            }
        }
        self.publish_changes();
    }

    fn tell(&mut self, process: usize, update: schemas::wire::order_update::OrderUpdate) {
        let link = self.hosts[process].link;
        let times = 1 + u32::from(self.strikes(Kind::RepeatEvent, process));
        for _ in 0..times {
            if !self.strikes(Kind::LoseEvent, process) && self.level(Kind::Deaf, process) == 0 {
                let way = self.way(process);
                self.deliver(process, Delivery::Update { link, update }, way);
            }
        }
    }

    /// A process opens its order connection.
    pub(super) fn connect(&mut self, process: usize, life: u32, link: u32) {
        if self.hosts[process].life != life || self.hosts[process].process.is_none() {
            return;
        }
        if self.is_cut_off(process) || self.level(Kind::Ban, process) > 0 {
            self.deliver(process, Delivery::NotConnected { link }, CONNECT_MAX);
            return;
        }
        self.hosts[process].link = link;
        let way = self.way(process);
        self.deliver(process, Delivery::Connected { link }, way);
        if self.setup.is_usdm && self.level(Kind::Deaf, process) == 0 {
            self.deliver(process, Delivery::Events(true), way + 50 * MS);
        }
    }

    /// An order connection breaks; as long as the fault lasts, it will again.
    pub(super) fn cut(&mut self, process: usize) {
        if self.level(Kind::Cut, process) > 0 {
            self.hosts[process].link = 0;
            self.deliver(process, Delivery::Cut, WAY);
            let wait = self.dice.between(100 * MS, 6 * SEC);
            self.after(wait, Event::Cut { process });
        }
    }

    /// A renewal of the dead man's switch leaves, over a connection of its own.
    pub(super) fn renew(
        &mut self,
        process: usize,
        number: u64,
        lanes: &[usize],
        countdown: u64,
        venue_ms: i64,
    ) {
        let symbols = lanes.iter().map(|lane| self.hosts[process].symbols[*lane]).collect();
        let mut way = self.way(process);
        if self.strikes(Kind::Zombie, process) {
            way += self.dice.between(500 * MS, 9 * SEC);
        }
        if self.level(Kind::Partition, process) == 0 && !self.strikes(Kind::LoseRequest, process) {
            let life = self.hosts[process].life;
            let renewal = Renewal { process, life, number, symbols, countdown, venue_ms };
            self.after(way, Event::Renewal(Box::new(renewal)));
        }
    }

    /// The venue says what time it is.
    pub(super) fn tell_time(&mut self, process: usize, life: u32, number: u64) {
        let lost = self.strikes(Kind::LoseRequest, process) || self.strikes(Kind::LoseAnswer, process);
        if lost || self.is_cut_off(process) || self.level(Kind::Ban, process) > 0 {
            return;
        }
        let way = self.way(process);
        let delivery = Box::new(Delivery::VenueTime { number, venue_ms: wall_ms(self.now) });
        self.after(way, Event::Deliver { process, life, delivery });
    }

    /// A renewal reaches the venue.
    pub(super) fn arm(&mut self, renewal: &Renewal) {
        let Renewal { process, life, number, symbols, countdown, venue_ms } = renewal;
        let away =
            [Kind::VenueDown, Kind::Ban, Kind::TooMany].iter().any(|kind| self.level(*kind, *process) > 0);
        if away || self.strikes(Kind::UnknownAnswer, *process) {
            return;
        }
        let is_renewed = self.venue.arm(symbols, *countdown, *venue_ms, self.now);
        if is_renewed {
            symbols.iter().for_each(|symbol| self.after(*countdown, Event::SwitchDue { symbol: *symbol }));
        }
        if self.strikes(Kind::LoseAnswer, *process) || self.is_cut_off(*process) {
            return;
        }
        let way = self.way(*process);
        let delivery = Box::new(Delivery::Renewed { number: *number, is_renewed });
        self.after(way, Event::Deliver { process: *process, life: *life, delivery });
    }

    pub(super) fn open_store(&mut self, process: usize, life: u32, conn: u32) {
        if self.hosts[process].life == life {
            let is_open = self.level(Kind::StoreDown, process) == 0;
            let after = if is_open { self.store_way(process) } else { SEC };
            self.deliver(process, Delivery::StoreOpened { conn, is_open }, after);
        }
    }

    pub(super) fn ask_store(&mut self, process: usize, life: u32, conn: u32, request: &Request, clock: u32) {
        if self.level(Kind::StoreDown, process) > 0 {
            return;
        }
        let owner = (process as u64) << 32 | u64::from(life);
        let answer = self.store.answer(owner, &self.hosts[process].symbols, request, clock, self.now / MS);
        let way = self.store_way(process);
        let delivery = Delivery::StoreAnswer { conn, ticket: request.ticket, answer };
        self.after(way, Event::Deliver { process, life, delivery: Box::new(delivery) });
    }
}

/// A maker of a later owner than the one whose order that is.
fn leg_is_newer(leg: &pipeline::command::PlaceLeg, id: schemas::ids::ClientOrderId) -> bool {
    leg.id.leg() == Leg::Maker && id.epoch() < leg.id.epoch()
}
