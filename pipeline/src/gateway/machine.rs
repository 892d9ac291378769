//! The gateway's state machine.

use std::collections::VecDeque;
use std::time::Duration;

use schemas::ids::{ClientOrderId, InstrumentPrefix};
use schemas::wire::order_update::OrderUpdate;

use super::evidence::{Answer, VenueRefusal, Verdict};
use super::inflight::{Inflight, Request};
use super::limiter::{Limiter, RateLimit, RateLimitKind};
use super::permit::Permit;
use crate::alarm::Alarm;
use crate::command::Command;
use crate::event::{CancelFailure, Denial, OrderReport};
use crate::time::{Nanos, Now};

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

/// What requests cost of a venue's weight limit; places are bounded by the limit of orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Weights {
    /// A cancel.
    pub cancel: u64,
    /// A question about one order.
    pub query: u64,
    /// A list of one symbol's open orders.
    pub list: u64,
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
            limiter: Limiter::new(&settings.limits, settings.sharers),
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
        if queue.len() < self.queue_max {
            // A taker's maker rests: it goes before whatever would begin another pair.
            let ahead = |(_, waiting): &&(LaneId, Command)| is_taker(waiting);
            let at = if is_taker(&command) { queue.iter().take_while(ahead).count() } else { queue.len() };
            queue.insert(at, (lane, command));
        } else {
            self.fail_unsent(lane, command, Denial::QueueFull);
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

    /// The answer to a request. One that comes after its deadline still tells what it tells.
    pub fn handle_answer(&mut self, request: u64, answer: Answer) {
        if let Answer::Refused(refusal) = &answer
            && let Some(until_ms) = refusal.silent_until_ms
        {
            self.limiter.silence(until_ms);
        }
        let Some(request) = self.inflight.take(request) else {
            self.late_answers += 1;
            if let Answer::Updates(updates) = answer {
                updates.iter().for_each(|update| self.handle_update(*update));
            }
            return;
        };
        match answer {
            Answer::Updates(updates) => self.updates(request, &updates),
            Answer::OpenOrders(orders) => match request.command {
                Command::ListOpen => {
                    if let Some(newest) = orders.iter().map(|order| order.id.epoch()).max() {
                        self.permit.saw(request.lane, newest);
                    }
                    self.report(request.lane, OrderReport::OpenOrders(orders));
                }
                Command::PlaceMaker(_) | Command::PlaceTaker(_) | Command::Cancel(_) | Command::Query(_) => {
                    self.no_answer(request);
                }
            },
            Answer::Refused(refusal) => self.refused(request, refusal),
            Answer::Unreadable => self.no_answer(request),
            Answer::Contradicts(alarm) => {
                self.report(request.lane, OrderReport::Alarm(alarm));
                self.no_answer(request);
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

    /// The venue refused something else that came from this address because of its limits: no request of any kind
    /// leaves before that wall-clock time, milliseconds since the epoch.
    pub fn handle_silence(&mut self, until_ms: i64) {
        self.limiter.silence(until_ms);
    }

    /// One of the venue's own counts.
    pub fn handle_count(&mut self, counted: RateLimit, now: Now) {
        // A maker has paid for its taker, which the venue has not seen yet.
        let takers = self.inflight.makers() + self.waiting(is_taker);
        let in_flight = takers
            + match counted.kind {
                RateLimitKind::Orders => self.inflight.places(),
                RateLimitKind::Weight => self.inflight.weight(),
            };
        self.limiter.observe(counted, in_flight, now);
    }

    /// Deadlines that have passed; whether an answer of the connection was among what did not come.
    pub fn handle_timeout(&mut self, now: Now) -> bool {
        let mut overdue = false;
        while let Some(request) = self.inflight.take_overdue(now.mono) {
            overdue |= !(self.lists_beside && matches!(request.command, Command::ListOpen));
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

    /// The next request to write, if one may leave now: cancels and questions before places.
    pub fn poll_send(&mut self, now: Now) -> Option<Outgoing> {
        if !self.connected {
            return None;
        }
        if let Some((lane, command)) = self.urgent.front().copied() {
            let may_leave =
                self.inflight.has_room(false) && self.limiter.allows_urgent(self.weights.of(&command), now);
            return may_leave.then(|| {
                self.urgent.pop_front();
                self.send(lane, command, now)
            });
        }
        while let Some((lane, command)) = self.places.front().copied() {
            if not_after(&command) < now.mono {
                self.places.pop_front();
                self.fail_unsent(lane, command, Denial::TooLate);
                continue;
            }
            if !self.inflight.has_room(true) || !self.limiter.allows_places(orders(&command), now) {
                return None;
            }
            self.places.pop_front();
            match self.permitted(lane, &command, now) {
                Ok(()) => return Some(self.send(lane, command, now)),
                Err(why) => self.fail_unsent(lane, command, why),
            }
        }
        None
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
        let held = self.held_until_ms(now).map(|at_ms| {
            let wait_ms = at_ms.saturating_sub(now.wall_ms).max(1);
            now.mono + Duration::from_millis(u64::try_from(wait_ms).unwrap_or(1))
        });
        let not_after = self.places.iter().map(|(_, command)| not_after(command)).min();
        let too_late = not_after.map(|at| at + Duration::from_millis(1));
        let budget = (self.connected && !self.has_budget(now)).then(|| {
            let wait_ms =
                self.limiter.places_from_ms(self.pair_and_queue(), now).saturating_sub(now.wall_ms).max(1);
            now.mono + Duration::from_millis(u64::try_from(wait_ms).unwrap_or(1))
        });
        [answer, held, too_late, budget].into_iter().flatten().min()
    }

    /// Whether another pair may begin: both of its places would leave now, after those that wait.
    #[must_use]
    pub fn has_budget(&self, now: Now) -> bool {
        self.limiter.allows_places(self.pair_and_queue(), now)
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

    /// Until when the budget holds back what comes next; a full table is freed by answers and deadlines.
    fn held_until_ms(&self, now: Now) -> Option<i64> {
        match (self.urgent.front(), self.places.front()) {
            (Some((_, command)), _) => {
                let room = self.inflight.has_room(false);
                room.then(|| self.limiter.urgent_from_ms(self.weights.of(command), now))
            }
            (None, Some((_, command))) => {
                let room = self.inflight.has_room(true);
                room.then(|| self.limiter.places_from_ms(orders(command), now))
            }
            (None, None) => None,
        }
    }

    fn pair_and_queue(&self) -> u64 {
        2 + 2 * self.waiting(|command| !is_taker(command))
    }

    /// Places of a kind that wait.
    fn waiting(&self, kind: impl Fn(&Command) -> bool) -> u64 {
        self.places.iter().map(|(_, command)| u64::from(kind(command))).sum()
    }

    fn send(&mut self, lane: LaneId, command: Command, now: Now) -> Outgoing {
        let weight = self.weights.of(&command);
        let orders = orders(&command);
        self.limiter.spend(orders, if command.is_place() { orders } else { weight }, now);
        let request = self.inflight.insert(lane, command, weight, now.mono + self.patience);
        self.unwritten.push(request);
        Outgoing { request, lane, command }
    }

    fn permitted(&mut self, lane: LaneId, command: &Command, now: Now) -> Result<(), Denial> {
        match command {
            Command::PlaceMaker(leg) | Command::PlaceTaker(leg) => self.permit.grant(lane, leg, now),
            Command::Cancel(_) | Command::Query(_) | Command::ListOpen => Ok(()),
        }
    }

    /// Statements that answer a request; one about another order proves nothing about ours.
    fn updates(&mut self, request: Request, updates: &[OrderUpdate]) {
        let asked = match request.command {
            Command::PlaceMaker(leg) | Command::PlaceTaker(leg) => Some(leg.id),
            Command::Cancel(handle) | Command::Query(handle) => Some(handle.id),
            Command::ListOpen => None,
        };
        let about_it = !updates.is_empty() && updates.iter().all(|update| Some(update.client_id) == asked);
        if !about_it {
            self.mismatches += 1;
            self.report(request.lane, OrderReport::Alarm(Alarm::Mismatch));
            self.no_answer(request);
            return;
        }
        for update in updates {
            self.report(request.lane, OrderReport::Update(*update));
        }
    }

    fn refused(&mut self, request: Request, refusal: VenueRefusal) {
        if let Verdict::Superseded(newest) = refusal.verdict {
            self.permit.superseded(request.lane, newest);
        }
        let report = match (request.command, refusal.verdict) {
            (
                Command::PlaceMaker(leg) | Command::PlaceTaker(leg),
                verdict @ (Verdict::Refused | Verdict::WouldMatch | Verdict::Superseded(_)),
            ) => OrderReport::Rejected {
                id: leg.id,
                code: refusal.code,
                would_match: verdict == Verdict::WouldMatch,
            },
            (Command::Cancel(handle), Verdict::NoSuchOrder) => {
                OrderReport::CancelFailed { id: handle.id, why: CancelFailure::UnknownOrder }
            }
            (Command::Cancel(handle), Verdict::Refused | Verdict::WouldMatch | Verdict::Superseded(_)) => {
                OrderReport::CancelFailed { id: handle.id, why: CancelFailure::Refused(refusal.code) }
            }
            (Command::Query(handle), verdict) => {
                OrderReport::QueryFailed { id: handle.id, not_found: verdict == Verdict::NoSuchOrder }
            }
            (Command::ListOpen, _) => OrderReport::ListFailed,
            // That there is no such order answers no place: it may have been done.
            (Command::PlaceMaker(_) | Command::PlaceTaker(_), Verdict::NoSuchOrder | Verdict::Unknown)
            | (Command::Cancel(_), Verdict::Unknown) => {
                self.no_answer(request);
                return;
            }
        };
        self.report(request.lane, report);
    }

    /// It left, and nothing usable came back.
    fn no_answer(&mut self, request: Request) {
        let report = match request.command {
            Command::PlaceMaker(leg) | Command::PlaceTaker(leg) => OrderReport::Unknown { id: leg.id },
            Command::Cancel(handle) => {
                OrderReport::CancelFailed { id: handle.id, why: CancelFailure::NoAnswer }
            }
            Command::Query(handle) => OrderReport::QueryFailed { id: handle.id, not_found: false },
            Command::ListOpen => OrderReport::ListFailed,
        };
        self.report(request.lane, report);
    }

    /// It never left.
    fn fail_unsent(&mut self, lane: LaneId, command: Command, why: Denial) {
        let report = match command {
            Command::PlaceMaker(leg) | Command::PlaceTaker(leg) => OrderReport::Denied { id: leg.id, why },
            Command::Cancel(handle) => {
                OrderReport::CancelFailed { id: handle.id, why: CancelFailure::NoAnswer }
            }
            Command::Query(handle) => OrderReport::QueryFailed { id: handle.id, not_found: false },
            Command::ListOpen => OrderReport::ListFailed,
        };
        self.report(lane, report);
    }

    fn report(&mut self, lane: LaneId, report: OrderReport) {
        self.reports.push_back((lane, report));
    }

    /// Whose orders begin with that prefix.
    #[must_use]
    pub fn lane_of(&self, prefix: InstrumentPrefix) -> Option<LaneId> {
        let found = self.lanes.binary_search_by_key(&prefix, |(known, _)| *known);
        found.ok().and_then(|place| self.lanes.get(place)).map(|(_, lane)| *lane)
    }
}

impl Weights {
    const fn of(&self, command: &Command) -> u64 {
        match command {
            Command::PlaceMaker(_) | Command::PlaceTaker(_) => 1,
            Command::Cancel(_) => self.cancel,
            Command::Query(_) => self.query,
            Command::ListOpen => self.list,
        }
    }
}

/// What a place takes of the budget: a maker pays for its taker too, so that no pair begins that cannot be ended.
const fn orders(command: &Command) -> u64 {
    match command {
        Command::PlaceMaker(_) => 2,
        Command::PlaceTaker(_) | Command::Cancel(_) | Command::Query(_) | Command::ListOpen => 0,
    }
}

const fn is_taker(command: &Command) -> bool {
    matches!(command, Command::PlaceTaker(_))
}

/// The last moment at which a command may leave.
const fn not_after(command: &Command) -> Nanos {
    match command {
        Command::PlaceMaker(leg) | Command::PlaceTaker(leg) => leg.not_after,
        Command::Cancel(_) | Command::Query(_) | Command::ListOpen => Nanos(u64::MAX),
    }
}
