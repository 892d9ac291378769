//! The gateway's state machine.

mod answers;

use std::collections::VecDeque;
use std::time::Duration;

use schemas::ids::{ClientOrderId, InstrumentPrefix};
use schemas::wire::order_update::OrderUpdate;

use super::bounds::Bounds;
use super::breaker::{Address, Errand, WAIT_MAX};
use super::evidence::{Silence, without_answer};
use super::inflight::{Inflight, Request};
use super::limiter::{Limiter, RateLimit, RateLimitKind, Weights};
use super::permit::Permit;
use crate::alarm::Alarm;
use crate::command::Command;
use crate::event::{Denial, OrderReport};
use crate::time::{Nanos, Now};

const NEVER: Nanos = Nanos(u64::MAX);
/// Places without an answer whose late refusal is still of use.
const OVERDUE_MAX: usize = 64;

/// Which lane a request belongs to: its place in the gateway's table of instruments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LaneId(pub usize);

/// What a gateway is made with.
#[derive(Clone, Debug)]
pub struct GatewaySettings {
    /// The prefix of each lane's orders, in the order of [`LaneId`].
    pub lanes: Vec<InstrumentPrefix>,
    /// The venue's limits.
    pub limits: Vec<RateLimit>,
    /// How long an answer may take before its outcome counts as unknown.
    pub answer_patience: Duration,
    /// The most requests on their way; as many places may wait, and as many cancels and questions.
    pub inflight_max: usize,
    /// How many processes share the account and the address: this one may use its part of the limits.
    pub sharers: u32,
    /// What requests cost of the venue's weight limit.
    pub weights: Weights,
    /// Lists of open orders go another way: one that is overdue says nothing of the order connection.
    pub lists_beside: bool,
}

/// A request to write to the socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// The id that its answer will carry.
    pub request: u64,
    /// Whose it is.
    pub lane: LaneId,
    /// What to encode.
    pub command: Command,
}

/// One account's gateway.
#[derive(Debug)]
pub struct Gateway<P> {
    lanes: Vec<(InstrumentPrefix, LaneId)>,
    urgent: VecDeque<(LaneId, Command)>,
    places: VecDeque<(LaneId, Command)>,
    inflight: Inflight,
    unwritten: Vec<u64>,
    reports: VecDeque<(LaneId, OrderReport)>,
    limiter: Limiter,
    /// The breaker of the address, which others may share.
    address: Address,
    /// Silence that the venue asked for, until a reading of our clock tells when it ends.
    silence: Option<(Duration, Silence)>,
    /// The same for new orders alone.
    orders_wait: Option<Duration>,
    /// The latest places that no answer came to in time.
    overdue: VecDeque<Request>,
    /// The venue answered a request.
    served: bool,
    sharers: u32,
    permit: P,
    patience: Duration,
    queue_max: usize,
    weights: Weights,
    lists_beside: bool,
    connected: bool,
    /// The venue's events come.
    hears: bool,
    mismatches: u64,
    late_answers: u64,
}

impl<P: Permit> Gateway<P> {
    /// A gateway without a connection.
    #[must_use]
    pub fn new(settings: GatewaySettings, permit: P) -> Self {
        let mut lanes: Vec<_> =
            settings.lanes.iter().enumerate().map(|(lane, prefix)| (*prefix, LaneId(lane))).collect();
        lanes.sort_unstable();
        Self {
            lanes,
            urgent: VecDeque::with_capacity(64),
            places: VecDeque::with_capacity(64),
            inflight: Inflight::new(settings.inflight_max),
            unwritten: Vec::with_capacity(64),
            reports: VecDeque::with_capacity(64),
            limiter: Limiter::new(&settings.limits, settings.sharers).weighing(settings.weights),
            address: Address::default(),
            silence: None,
            orders_wait: None,
            overdue: VecDeque::with_capacity(OVERDUE_MAX),
            served: false,
            sharers: settings.sharers,
            permit,
            patience: settings.answer_patience,
            queue_max: settings.inflight_max,
            weights: settings.weights,
            lists_beside: settings.lists_beside,
            connected: false,
            hears: true,
            mismatches: 0,
            late_answers: 0,
        }
    }

    /// Bounds of our own on top of the venue's limits.
    #[must_use]
    pub fn bounded(self, bounds: &Bounds) -> Self {
        Self { limiter: self.limiter.bounded(bounds, self.sharers), ..self }
    }

    /// The address that it sends from, where others send from it too.
    #[must_use]
    pub fn behind(self, address: Address) -> Self {
        Self { address, ..self }
    }

    /// A lane's command. Without a connection it fails at once: nothing waits for a link to come back. A
    /// cancel or question that waits already is not queued again: one answer serves both.
    pub fn handle_command(&mut self, lane: LaneId, command: Command) {
        if !self.connected || (command.is_place() && !self.hears) {
            self.fail_unsent(lane, command, Denial::Disconnected);
            return;
        }
        let queue = if command.is_place() { &mut self.places } else { &mut self.urgent };
        if !command.is_place() && queue.contains(&(lane, command)) {
            return;
        }
        let gives_way = |(_, waiting): &mut (LaneId, Command)| is_question(waiting);
        let displaced = queue.len() >= self.queue_max && matches!(command, Command::Cancel(_));
        let displaced = if displaced { queue.pop_back_if(gives_way) } else { None };
        if queue.len() < self.queue_max {
            // A taker's maker rests: it goes before whatever would begin another pair. A cancel goes before questions.
            let ahead = |(_, waiting): &&(LaneId, Command)| is_ahead(waiting);
            let at = if is_ahead(&command) { queue.iter().take_while(ahead).count() } else { queue.len() };
            queue.insert(at, (lane, command));
        } else {
            self.fail_unsent(lane, command, Denial::QueueFull);
        }
        if let Some((lane, question)) = displaced {
            self.fail_unsent(lane, question, Denial::QueueFull);
        }
    }

    /// The connection is up, and where it carries the user stream, that is subscribed.
    pub fn handle_connected(&mut self) {
        self.connected = true;
    }

    /// Whether the venue's events come, where they have a connection of their own. Without them no place leaves,
    /// since its fills would go unheard; cancels and questions go on.
    pub fn handle_events(&mut self, come: bool) {
        self.hears = come;
        while !come && let Some((lane, command)) = self.places.pop_front() {
            self.fail_unsent(lane, command, Denial::Disconnected);
        }
    }

    /// The connection is gone: whatever had left is in doubt, whatever had not does not leave.
    pub fn handle_disconnected(&mut self) {
        self.connected = false;
        self.unwritten.clear();
        while let Some(request) = self.inflight.take_any() {
            self.no_answer(request);
        }
        while let Some((lane, command)) = self.urgent.pop_front().or_else(|| self.places.pop_front()) {
            self.fail_unsent(lane, command, Denial::Disconnected);
        }
    }

    /// The frames handed out so far were written.
    pub fn handle_written(&mut self, at: Nanos) {
        for request in self.unwritten.drain(..) {
            let Some(request) = self.inflight.get(request) else { continue };
            if let Command::PlaceMaker(leg) | Command::PlaceTaker(leg) = request.command {
                self.reports.push_back((request.lane, OrderReport::Sent { id: leg.id, at }));
            }
        }
    }

    /// A statement of the user stream. Orders that are nobody's here are not ours to speak of.
    pub fn handle_update(&mut self, update: OrderUpdate) {
        let Some(lane) = self.lane_of(update.client_id.prefix()) else { return };
        self.permit.saw(lane, update.client_id.epoch());
        if self.permit.hears(lane, update.client_id) {
            self.report(lane, OrderReport::Update(update));
        }
    }

    /// The venue's events say what cannot be of an order of ours.
    pub fn handle_alarm(&mut self, id: ClientOrderId, alarm: Alarm) {
        if let Some(lane) = self.lane_of(id.prefix())
            && self.permit.hears(lane, id)
        {
            self.report(lane, OrderReport::Alarm(alarm));
        }
    }

    /// One of the venue's own counts.
    pub fn handle_count(&mut self, counted: RateLimit, now: Now) {
        let in_flight = match counted.kind {
            RateLimitKind::Orders => self.inflight.places(),
            RateLimitKind::Weight => self.inflight.weight(),
        };
        self.limiter.observe(counted, in_flight, now);
    }

    /// Deadlines that have passed; whether an answer of the connection was among what did not come.
    pub fn handle_timeout(&mut self, now: Now) -> bool {
        self.limiter.handle_timeout(now);
        let mut overdue = false;
        while let Some(request) = self.inflight.take_overdue(now.mono) {
            overdue |= !(self.lists_beside && matches!(request.command, Command::ListOpen));
            self.remember_overdue(request);
            self.no_answer(request);
        }
        let late = |(_, command): &(LaneId, Command)| not_after(command) < now.mono;
        while let Some((lane, command)) =
            self.places.iter().position(late).and_then(|place| self.places.remove(place))
        {
            self.fail_unsent(lane, command, Denial::TooLate);
        }
        overdue
    }

    /// The next request to write, if one may leave now: cancels, then questions, then places. No cancel waits for a
    /// budget of ours.
    pub fn poll_send(&mut self, now: Now) -> Option<Outgoing> {
        self.tell_address(now);
        if !self.connected {
            return None;
        }
        match self.urgent.front().copied() {
            Some((lane, command)) if self.urgent_may_leave(&command, now) => {
                self.urgent.pop_front();
                Some(self.send(lane, command, now))
            }
            // A question that waits for its weight holds up no taker: its maker rests, and its budget was kept back.
            Some((_, Command::Query(_) | Command::ListOpen)) => self.next_place(now, is_taker),
            Some(_) => None,
            None => self.next_place(now, |_| true),
        }
    }

    /// A place that was handed out, at the last moment before its frame is written: whether it may still leave. It
    /// may not if it is not in the journal, or if writing it took so long that it is stale or no longer permitted.
    pub fn handle_journaled(&mut self, request: u64, written: bool, now: Now) -> bool {
        let Some((lane, command)) = self.asked(request) else { return false };
        let why = if !written {
            Denial::NoJournal
        } else if not_after(&command) < now.mono {
            Denial::TooLate
        } else {
            match self.permitted(lane, &command, now) {
                Ok(()) => return true,
                Err(why) => why,
            }
        };
        self.inflight.take(request);
        self.fail_unsent(lane, command, why);
        false
    }

    /// The next report for a lane, if any.
    pub fn poll_report(&mut self) -> Option<(LaneId, OrderReport)> {
        self.reports.pop_front()
    }

    /// When to call [`Gateway::handle_timeout`] and [`Gateway::poll_send`] if nothing else happens.
    #[must_use]
    pub fn poll_timeout(&self, now: Now) -> Option<Nanos> {
        let answer = self.inflight.next_deadline();
        let not_after = self.places.iter().map(|(_, command)| not_after(command)).min();
        let too_late = not_after.map(|at| at + Duration::from_millis(1));
        // What may leave at once and does not waits for an answer or its deadline.
        let soon = now.mono + Duration::from_millis(1);
        let held = self.held_until(now).map(|at| at.max(soon));
        let budget = (self.connected && !self.has_budget(now)).then(|| self.budget_from(now).max(soon));
        let freed = self.limiter.expires().filter(|_| held.is_some() || budget.is_some());
        let earliest = [answer, held, too_late, budget, freed].into_iter().flatten().min();
        earliest.filter(|at| *at != NEVER)
    }

    /// Whether another pair may begin: both of its places would leave now, after those that wait.
    #[must_use]
    pub fn has_budget(&self, now: Now) -> bool {
        self.silence.is_none() && self.orders_wait.is_none() && self.budget_from(now) <= now.mono
    }

    /// Whether requests can leave.
    #[must_use]
    pub const fn is_connected(&self) -> bool {
        self.connected
    }

    /// Whether the venue's events come.
    #[must_use]
    pub const fn hears_events(&self) -> bool {
        self.hears
    }

    /// What a request on its way asked for, and for whom.
    #[must_use]
    pub fn asked(&self, request: u64) -> Option<(LaneId, Command)> {
        self.inflight.get(request).map(|request| (request.lane, request.command))
    }

    /// Requests on their way.
    #[must_use]
    pub const fn inflight(&self) -> usize {
        self.inflight.len()
    }

    /// Answers about another order than the one asked about.
    #[must_use]
    pub const fn mismatches(&self) -> u64 {
        self.mismatches
    }

    /// Answers that came after their deadline, or that nobody had asked for.
    #[must_use]
    pub const fn late_answers(&self) -> u64 {
        self.late_answers
    }

    /// Until when budgets hold back what comes next; a full table is freed by answers and deadlines.
    fn held_until(&self, now: Now) -> Option<Nanos> {
        if let Some((_, command)) = self.urgent.front() {
            let from = self.address.lock().from(errand(command), now.mono);
            let budget = match command {
                Command::Query(_) | Command::ListOpen => {
                    self.limiter.question_from(self.weights.of(command), now)
                }
                Command::PlaceMaker(_) | Command::PlaceTaker(_) | Command::Cancel(_) => now.mono,
            };
            return self.inflight.has_room(false).then_some(from.max(budget));
        }
        let (_, first) = self.places.front().filter(|_| self.inflight.has_room(true))?;
        let from = self.address.lock().from(Errand::Place, now.mono);
        if is_taker(first) {
            return Some(from);
        }
        let lanes = self.places.iter().map(|(lane, _)| self.limiter.lane_from(*lane));
        let first = lanes.min().unwrap_or(from);
        Some(first.max(from).max(self.limiter.pairs_from(1, now)))
    }

    fn budget_from(&self, now: Now) -> Nanos {
        let from = self.address.lock().from(Errand::Place, now.mono);
        from.max(self.limiter.pairs_from(1 + self.waiting_makers(), now))
    }

    fn waiting_makers(&self) -> u64 {
        self.places.iter().map(|(_, command)| u64::from(!is_taker(command))).sum()
    }

    /// Whether a cancel or a question may leave.
    fn urgent_may_leave(&mut self, command: &Command, now: Now) -> bool {
        let budget = match command {
            Command::Query(_) | Command::ListOpen => {
                self.limiter.allows_question(self.weights.of(command), now)
            }
            Command::PlaceMaker(_) | Command::PlaceTaker(_) | Command::Cancel(_) => true,
        };
        self.inflight.has_room(false) && budget && self.address.lock().admit(errand(command), now.mono)
    }

    /// The next of those places that may leave, sent. One whose lane has spent its own rate holds up no other.
    fn next_place(&mut self, now: Now, of: impl Fn(&Command) -> bool) -> Option<Outgoing> {
        loop {
            let may_go =
                |(lane, command): &(LaneId, Command)| of(command) && self.may_go(*lane, command, now);
            let at = self.places.iter().position(may_go)?;
            let (lane, command) = *self.places.get(at)?;
            match self.refusal(lane, &command, now) {
                None if self.address.lock().admit(Errand::Place, now.mono) => {
                    self.places.remove(at);
                    return Some(self.send(lane, command, now));
                }
                None => return None,
                Some(why) => {
                    self.places.remove(at);
                    self.fail_unsent(lane, command, why);
                }
            }
        }
    }

    /// Nothing holds a place back any more, be it to leave or to fail. A taker's budget was kept back for it.
    fn may_go(&self, lane: LaneId, command: &Command, now: Now) -> bool {
        let budget = is_taker(command) || self.limiter.allows_maker(lane, now);
        not_after(command) < now.mono
            || (self.inflight.has_room(true) && budget && self.address.lock().admits(Errand::Place, now.mono))
    }

    /// Why a place that nothing holds back must not leave after all.
    fn refusal(&mut self, lane: LaneId, command: &Command, now: Now) -> Option<Denial> {
        if not_after(command) < now.mono {
            return Some(Denial::TooLate);
        }
        if !self.limiter.allows_by_the_hour(lane, command, now) {
            return Some(Denial::Capped);
        }
        self.permitted(lane, command, now).err()
    }

    fn send(&mut self, lane: LaneId, command: Command, now: Now) -> Outgoing {
        self.limiter.spend(lane, &command, now);
        let weight = self.weights.of(&command);
        let request = self.inflight.insert(lane, command, weight, now.mono + self.patience);
        self.unwritten.push(request);
        Outgoing { request, lane, command }
    }

    fn fall_silent(&mut self, wait: Duration, silence: Silence) {
        if silence == Silence::Orders {
            self.orders_wait = self.orders_wait.max(Some(wait));
        } else {
            // Of two that nobody has been told of yet, a ban is the stricter one.
            let later = |known: (Duration, Silence)| {
                let silence = if known.1 == Silence::All { known.1 } else { silence };
                (known.0.max(wait), silence)
            };
            self.silence = Some(self.silence.map_or((wait, silence), later));
        }
    }

    /// What the venue's answers say of the address, told to everybody who sends from it.
    fn tell_address(&mut self, now: Now) {
        if std::mem::take(&mut self.served) {
            self.address.lock().handle_served(now.mono);
        }
        if let Some(wait) = self.orders_wait.take() {
            self.limiter.hold_orders(now.mono + wait.min(WAIT_MAX));
        }
        let Some((wait, silence)) = self.silence.take() else { return };
        match silence {
            Silence::All => self.address.lock().handle_banned(Some(wait), now.mono),
            Silence::Most | Silence::Orders => self.address.lock().handle_limited(Some(wait), now.mono),
        }
    }

    fn permitted(&mut self, lane: LaneId, command: &Command, now: Now) -> Result<(), Denial> {
        match command {
            Command::PlaceMaker(leg) | Command::PlaceTaker(leg) => self.permit.grant(lane, leg, now),
            Command::Cancel(_) | Command::Query(_) | Command::ListOpen => Ok(()),
        }
    }

    /// It left, and nothing usable came back.
    fn no_answer(&mut self, request: Request) {
        self.report(request.lane, without_answer(&request.command));
    }

    /// It never left.
    fn fail_unsent(&mut self, lane: LaneId, command: Command, why: Denial) {
        let report = match &command {
            Command::PlaceMaker(leg) | Command::PlaceTaker(leg) => OrderReport::Denied { id: leg.id, why },
            Command::Cancel(_) | Command::Query(_) | Command::ListOpen => without_answer(&command),
        };
        self.report(lane, report);
    }

    fn report(&mut self, lane: LaneId, report: OrderReport) {
        self.limiter.hear(&report);
        self.reports.push_back((lane, report));
    }

    /// Whose orders begin with that prefix.
    #[must_use]
    pub fn lane_of(&self, prefix: InstrumentPrefix) -> Option<LaneId> {
        let found = self.lanes.binary_search_by_key(&prefix, |(known, _)| *known);
        found.ok().and_then(|place| self.lanes.get(place)).map(|(_, lane)| *lane)
    }
}

/// It goes before the others of its queue.
const fn is_ahead(command: &Command) -> bool {
    matches!(command, Command::PlaceTaker(_) | Command::Cancel(_))
}

const fn is_question(command: &Command) -> bool {
    matches!(command, Command::Query(_) | Command::ListOpen)
}

const fn errand(command: &Command) -> Errand {
    match command {
        Command::PlaceMaker(_) | Command::PlaceTaker(_) => Errand::Place,
        Command::Cancel(_) => Errand::Cancel,
        Command::Query(_) | Command::ListOpen => Errand::Ask,
    }
}

const fn is_taker(command: &Command) -> bool {
    matches!(command, Command::PlaceTaker(_))
}

/// The last moment at which a command may leave.
const fn not_after(command: &Command) -> Nanos {
    match command {
        Command::PlaceMaker(leg) | Command::PlaceTaker(leg) => leg.not_after,
        Command::Cancel(_) | Command::Query(_) | Command::ListOpen => NEVER,
    }
}
