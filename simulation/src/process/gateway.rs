//! An account's gateway: the real machine, and what src/venue/binance/gateway.rs does with it, without a socket.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use pipeline::command::{Command, PlaceLeg};
use pipeline::event::{CancelFailure, OrderReport};
use pipeline::gateway::{Address, Answer, Gateway, LaneId, Link, Outgoing, Permit, RateLimit, Standing};
use pipeline::time::{Nanos, Now};
use schemas::ids::{ClientOrderId, Epoch, Leg};
use schemas::journal::{Cancel, Intent, Record};
use schemas::order::TimeInForce;
use schemas::wire::order_update::OrderUpdate;
use self_trader::ownership::{Fence, Hold};
use self_trader::venue::backoff::Backoff;

use super::journal::Journal;
use super::{Effect, Note};
use crate::sabotage::Sabotage;
use crate::setup::{PRICE_DECIMALS, RECV_WINDOW};

/// How long an answer may take before its outcome counts as unknown.
pub(super) const ANSWER_PATIENCE: Duration = Duration::from_secs(2);
/// How often a journal that cannot be written is looked at again.
const JOURNAL_RETRY: Duration = Duration::from_millis(50);
/// A connection that is silent for longer than this is dead.
const IDLE_MAX: Duration = Duration::from_secs(60);

/// Where on an order's way a process is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Point {
    /// Before its intent is written.
    BeforeIntent,
    /// After its intent is written.
    AfterIntent,
    /// After its frame is written.
    AfterSend,
}

/// The program's fence, unless it is broken on purpose.
#[derive(Debug)]
pub(super) struct Guard {
    pub(super) fence: Fence,
    pub(super) holds: Vec<Arc<Hold>>,
    /// The present moment of the process's clock: the fence would read the machine's.
    pub(super) now: Arc<AtomicU64>,
    pub(super) sabotage: Option<Sabotage>,
}

impl Permit for Guard {
    fn grant(&mut self, lane: LaneId, leg: &PlaceLeg, now: Now) -> Result<(), pipeline::event::Denial> {
        if self.sabotage == Some(Sabotage::DropEpochCheck) {
            return Ok(());
        }
        self.fence.grant(lane, leg, now)
    }

    fn hears(&self, lane: LaneId, id: ClientOrderId) -> bool {
        self.fence.hears(lane, id)
    }

    fn saw(&mut self, lane: LaneId, epoch: Epoch) {
        if self.sabotage != Some(Sabotage::DropEpochCheck) {
            self.holds[lane.0].saw(epoch, || Nanos(self.now.load(Ordering::Relaxed)));
        }
    }

    fn superseded(&mut self, lane: LaneId, newest: Epoch) {
        self.holds[lane.0].refused_for(newest, Nanos(self.now.load(Ordering::Relaxed)));
    }
}

#[derive(Debug)]
pub(super) struct Session {
    pub(super) machine: Gateway<Guard>,
    pub(super) link: Link,
    /// The connection that is there, or awaited.
    pub(super) number: u32,
    written: Vec<Option<OrderReport>>,
    /// The venue's clock minus ours, as measured at the start.
    pub(super) offset_ms: i64,
    heard: Nanos,
    backoff: Backoff,
    journal_retry: Option<Nanos>,
    pub(super) kill_at: Option<Point>,
    pub(super) hold_next: Option<Duration>,
    sabotage: Option<Sabotage>,
    /// Cancels that have not left.
    waiting: Vec<ClientOrderId>,
    /// Reports that the venue never sent.
    made_up: Vec<(LaneId, OrderReport)>,
    /// How its address stands with the venue.
    address: Address,
    /// Places that left, for who sends them again.
    sent: BTreeMap<ClientOrderId, Outgoing>,
}

impl Session {
    pub(super) fn new(
        machine: Gateway<Guard>,
        lanes: usize,
        offset_ms: i64,
        seed: u64,
        sabotage: Option<Sabotage>,
    ) -> Self {
        let address = Address::default();
        Self {
            machine: machine.behind(address.clone()),
            link: Link::Down,
            number: 1,
            written: vec![None; lanes],
            offset_ms,
            heard: Nanos::default(),
            backoff: Backoff::of_connection(seed),
            journal_retry: None,
            kill_at: None,
            hold_next: None,
            sabotage,
            waiting: Vec::new(),
            made_up: Vec::new(),
            address,
            sent: BTreeMap::new(),
        }
    }

    /// What comes over that connection is heard.
    pub(super) fn hears(&self, link: u32) -> bool {
        link == self.number && self.machine.is_connected()
    }

    pub(super) fn connected(&mut self, link: u32, now: Now) {
        if link == self.number && !self.machine.is_connected() {
            self.backoff.reset();
            self.heard = now.mono;
            self.machine.handle_connected();
        }
    }

    pub(super) fn not_connected(&mut self, link: u32, effects: &mut Vec<Effect>) {
        if link == self.number && !self.machine.is_connected() {
            self.reconnect(effects);
        }
    }

    pub(super) fn cut(&mut self, effects: &mut Vec<Effect>) {
        if self.machine.is_connected() {
            self.link = Link::Down;
            self.machine.handle_disconnected();
            self.waiting.clear();
            self.reconnect(effects);
        }
    }

    fn reconnect(&mut self, effects: &mut Vec<Effect>) {
        self.number += 1;
        effects.push(Effect::Connect { link: self.number, after: self.backoff.after_failure() });
    }

    pub(super) fn events(&mut self, come: bool) {
        self.machine.handle_events(come);
    }

    pub(super) fn answer(
        &mut self,
        link: u32,
        request: u64,
        mut answer: Answer,
        counts: &[RateLimit],
        now: Now,
    ) {
        if link != self.number || !self.machine.is_connected() {
            return;
        }
        self.heard = now.mono;
        if self.sabotage == Some(Sabotage::IgnoreSilence)
            && let Answer::Refused(refusal) = &mut answer
        {
            refusal.silent_for = None;
        }
        self.machine.handle_answer(request, answer);
        let now = self.venue_now(now);
        counts.iter().for_each(|count| self.machine.handle_count(*count, now));
    }

    pub(super) fn update(&mut self, link: u32, update: OrderUpdate, now: Now) {
        if link == self.number && self.machine.is_connected() {
            self.heard = now.mono;
            self.machine.handle_update(update);
        }
    }

    pub(super) fn command(&mut self, lane: LaneId, command: Command, _now: Now) {
        if let Command::Cancel(handle) = command
            && self.machine.is_connected()
            && !self.waiting.contains(&handle.id)
        {
            self.waiting.push(handle.id);
        }
        if command == Command::ListOpen && self.sabotage == Some(Sabotage::SkipSweep) {
            self.made_up.push((lane, OrderReport::OpenOrders(Vec::new())));
            return;
        }
        self.machine.handle_command(lane, command);
    }

    pub(super) fn handle_timeout(&mut self, now: Now, effects: &mut Vec<Effect>) {
        let silence = now.mono.since(self.heard);
        let overdue = self.machine.handle_timeout(self.venue_now(now));
        let lost = overdue && silence >= ANSWER_PATIENCE;
        if self.machine.is_connected() && (lost || silence >= IDLE_MAX) {
            self.cut(effects);
        }
    }

    pub(super) fn poll_timeout(&self, now: Now) -> Option<Nanos> {
        let idle = self.machine.is_connected().then(|| self.heard + IDLE_MAX);
        let machine = self.machine.poll_timeout(self.venue_now(now));
        [machine, idle, self.journal_retry].into_iter().flatten().min()
    }

    /// Writes what may leave. Places leave last, once all of them are in the journal.
    pub(super) fn send_out(&mut self, journal: &mut Journal, now: Now, effects: &mut Vec<Effect>) -> bool {
        let venue_now = self.venue_now(now);
        let (mut wrote, mut places) = (false, Vec::new());
        while let Some(outgoing) = self.machine.poll_send(venue_now) {
            wrote = true;
            self.note(journal, &outgoing.command, now, venue_now.wall_ms);
            if outgoing.command.is_place() {
                places.push(outgoing);
            } else {
                self.write(outgoing, venue_now.wall_ms, Duration::ZERO, effects);
            }
        }
        if !places.is_empty() {
            self.send_places(journal, places, now, effects);
        }
        if wrote {
            self.machine.handle_written(now.mono);
        }
        wrote
    }

    fn send_places(
        &mut self,
        journal: &mut Journal,
        places: Vec<Outgoing>,
        now: Now,
        effects: &mut Vec<Effect>,
    ) {
        if self.dies(Point::BeforeIntent, effects) {
            return;
        }
        let (written, took) = journal.commit(now.mono);
        let written = written || self.sabotage == Some(Sabotage::SkipJournal);
        if self.dies(Point::AfterIntent, effects) {
            return;
        }
        let journaled = self.venue_now(now.after(took));
        let mut held = took;
        for outgoing in places {
            if self.machine.handle_journaled(outgoing.request, written, journaled) {
                held += self.hold_next.take().unwrap_or_default();
                // Its timestamp is from before the journal and the permit: the venue's window runs since then.
                self.write(outgoing, self.venue_now(now).wall_ms, held, effects);
                self.dies(Point::AfterSend, effects);
            }
        }
        if !held.is_zero() {
            effects.push(Effect::Stall(held));
        }
    }

    fn dies(&mut self, point: Point, effects: &mut Vec<Effect>) -> bool {
        let dies = self.kill_at == Some(point);
        if dies {
            effects.push(Effect::Killed);
        }
        dies
    }

    fn write(&mut self, outgoing: Outgoing, venue_ms: i64, held: Duration, effects: &mut Vec<Effect>) {
        if let Command::Cancel(handle) = outgoing.command {
            self.waiting.retain(|id| *id != handle.id);
            if self.sabotage == Some(Sabotage::DropCancels) {
                return;
            }
        }
        if let Command::PlaceMaker(leg) | Command::PlaceTaker(leg) = outgoing.command
            && self.sabotage == Some(Sabotage::ResendPlace)
        {
            self.sent.insert(leg.id, outgoing);
        }
        effects.push(Effect::Send { link: self.number, outgoing, venue_ms, held });
    }

    /// What there is to tell the lanes. That an order was written is told with whatever comes after it.
    pub(super) fn hand_out(
        &mut self,
        effects: &mut Vec<Effect>,
        now: Now,
        mut tell: impl FnMut(LaneId, OrderReport),
    ) {
        self.made_up.drain(..).for_each(|(lane, report)| tell(lane, report));
        while let Some((lane, report)) = self.machine.poll_report() {
            if matches!(report, OrderReport::Sent { .. }) {
                if let Some(earlier) = self.written[lane.0].replace(report) {
                    tell(lane, earlier);
                }
                continue;
            }
            if let Some(written) = self.written[lane.0].take() {
                tell(lane, written);
            }
            self.send_again(&report, now, effects);
            tell(lane, self.told(report));
        }
    }

    fn told(&self, report: OrderReport) -> OrderReport {
        if self.sabotage != Some(Sabotage::TransportIsNotFound) {
            return report;
        }
        if let OrderReport::QueryFailed { id, not_found: false } = report {
            return OrderReport::QueryFailed { id, not_found: true };
        }
        if let OrderReport::CancelFailed { id, why: CancelFailure::NoAnswer } = report {
            return OrderReport::CancelFailed { id, why: CancelFailure::UnknownOrder };
        }
        if report == OrderReport::ListFailed {
            return OrderReport::OpenOrders(Vec::new());
        }
        report
    }

    fn send_again(&mut self, report: &OrderReport, now: Now, effects: &mut Vec<Effect>) {
        if let OrderReport::Unknown { id } = report
            && let Some(outgoing) = self.sent.remove(id)
        {
            let venue_ms = self.venue_now(now).wall_ms;
            effects.push(Effect::Send { link: self.number, outgoing, venue_ms, held: Duration::ZERO });
        }
    }

    pub(super) fn show_link(&mut self, journal: &Journal, now: Now) {
        self.journal_retry = None;
        if !self.machine.is_connected() {
            self.link = Link::Down;
            return;
        }
        let is_good = journal.is_good(now.mono);
        if !is_good {
            self.journal_retry = Some(now.mono + JOURNAL_RETRY);
        }
        let may_place = self.machine.has_budget(self.venue_now(now)) && is_good;
        self.link = match (self.machine.hears_events(), may_place) {
            (false, _) => Link::Deaf,
            (true, false) => Link::Spent,
            (true, true) => Link::Open,
        };
    }

    /// A cancel that waits though the venue wants no silence waits for our own limiter.
    pub(super) fn watch_urgent(&self, now: Now, notes: &mut Vec<Note>) {
        let open = self.address.lock().standing(now.mono) == Standing::Open;
        if open && self.machine.is_connected() && !self.waiting.is_empty() {
            notes.push(Note::UrgentHeld);
        }
    }

    fn note(&self, journal: &mut Journal, command: &Command, now: Now, venue_ms: i64) {
        match command {
            Command::PlaceMaker(leg) | Command::PlaceTaker(leg) => {
                if self.sabotage != Some(Sabotage::SkipJournal) {
                    journal.note(&Record::Intent(intent(leg, venue_ms)), now.mono);
                }
            }
            Command::Cancel(handle) => {
                journal.note(&Record::Cancel(Cancel { id: handle.id, venue_ms }), now.mono);
            }
            Command::Query(_) | Command::ListOpen => {}
        }
    }

    /// The present moment by the venue's wall clock, as far as it is known.
    pub(super) fn venue_now(&self, now: Now) -> Now {
        Now { wall_ms: now.wall_ms + self.offset_ms, ..now }
    }
}

fn intent<'a>(leg: &PlaceLeg, venue_ms: i64) -> Intent<'a> {
    let kind = leg.id.leg();
    let window_ms = i64::try_from(RECV_WINDOW.as_millis()).unwrap_or(0);
    Intent {
        id: leg.id,
        venue: "simulated".into(),
        symbol: leg.id.prefix().as_str().to_owned().into(),
        epoch: leg.id.epoch().number(),
        pair: leg.id.sequence(),
        leg: kind.into(),
        side: leg.side,
        price: leg.price.decimal(PRICE_DECIMALS),
        qty: leg.qty.decimal(leg.qty_decimals),
        tif: if kind == Leg::Maker { TimeInForce::Gtx } else { TimeInForce::Ioc },
        position_side: leg.position_side,
        key: leg.id.prefix().as_str().to_owned().into(),
        trade: leg.cause.trade,
        time_ms: leg.cause.time_ms,
        venue_ms,
        not_after_ms: venue_ms + window_ms,
    }
}
