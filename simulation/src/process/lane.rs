//! One instrument's lane: what src/lane.rs does with its machine, without waiting.

use std::collections::VecDeque;
use std::sync::Arc;

use pipeline::book::Top;
use pipeline::command::Command;
use pipeline::event::{FeedTick, OrderReport};
use pipeline::gateway::{LaneId, Link};
use pipeline::halt::Bar;
use pipeline::instrument::{Instrument, Phase};
use pipeline::leg::Leg as OurLeg;
use pipeline::ownership::Claim;
use pipeline::time::Now;
use schemas::ids::Leg;
use schemas::journal::{Record, SweepDone};
use schemas::order::OrderStatus;
use self_trader::journal::outcome::outcome;
use self_trader::ownership::{Armed, Hold};
use tokio::sync::watch;

use super::Note;
use super::journal::Journal;
use crate::coverage::OrderState;

/// Ticks that may wait for their lane.
const TICKS_MAX: usize = 4_096;

#[derive(Debug)]
pub(crate) struct Lane {
    pub(crate) symbol: usize,
    pub(crate) instrument: Instrument,
    pub(crate) hold: Arc<Hold>,
    claim: watch::Receiver<Claim>,
    armed: watch::Receiver<Armed>,
    barred: watch::Receiver<Option<Bar>>,
    ticks: VecDeque<FeedTick>,
    pub(crate) reports: VecDeque<OrderReport>,
    top: Option<Top>,
    top_is_new: bool,
    link: Link,
    stop_told: bool,
    phase: Phase,
    pub(crate) is_quiet: bool,
    /// Ticks for which there was no room.
    pub(crate) overflow: u64,
    pub(crate) ticks_taken: u64,
    /// What its order is doing, for the coverage.
    pub(crate) state: OrderState,
    /// What it was doing since somebody last looked, one bit each.
    visited: u16,
}

/// What a lane meets on its way.
pub(crate) struct Around<'a> {
    pub(crate) id: LaneId,
    pub(crate) link: Link,
    pub(crate) stop: bool,
    pub(crate) commands: &'a mut VecDeque<(LaneId, Command)>,
    pub(crate) journal: &'a mut Journal,
    pub(crate) notes: &'a mut Vec<Note>,
}

impl Lane {
    pub(crate) fn new(symbol: usize, instrument: Instrument, hold: Arc<Hold>) -> Self {
        let mut claim = hold.claim();
        claim.mark_changed();
        let armed = hold.arming().armed();
        let mut barred = hold.barred();
        barred.mark_changed();
        Self {
            symbol,
            instrument,
            hold,
            claim,
            armed,
            barred,
            ticks: VecDeque::new(),
            reports: VecDeque::new(),
            top: None,
            top_is_new: false,
            link: Link::Down,
            stop_told: false,
            phase: Phase::Idle,
            is_quiet: true,
            overflow: 0,
            ticks_taken: 0,
            state: OrderState::None,
            visited: 0,
        }
    }

    pub(crate) fn tick(&mut self, tick: FeedTick) {
        if self.ticks.len() < TICKS_MAX {
            self.ticks.push_back(tick);
        } else {
            self.overflow += 1;
        }
    }

    pub(crate) fn show(&mut self, top: Option<Top>) {
        self.top = top;
        self.top_is_new = true;
    }

    /// Everything that has come, in the order in which the task looks for it: whether there was anything.
    pub(crate) fn step(&mut self, around: &mut Around<'_>, now: Now) -> bool {
        let mut moved = self.pump(around, now);
        while self.once(around, now) {
            self.pump(around, now);
            moved = true;
        }
        moved
    }

    pub(crate) fn handle_timeout(&mut self, now: Now) {
        if self.instrument.poll_timeout(now).is_some_and(|at| at <= now.mono) {
            self.refresh_top();
            self.instrument.handle_timeout(now);
        }
    }

    fn once(&mut self, around: &Around<'_>, now: Now) -> bool {
        if !self.reports.is_empty() {
            self.refresh_top();
            while let Some(report) = self.reports.pop_front() {
                self.watch_report(&report);
                self.instrument.handle_report(&report, now);
            }
        } else if self.barred.has_changed().unwrap_or(false) {
            let bar = *self.barred.borrow_and_update();
            self.instrument.handle_bar(bar, now);
        } else if self.claim.has_changed().unwrap_or(false) {
            match *self.claim.borrow_and_update() {
                Claim::Held(term) => self.instrument.begin(term, now),
                Claim::Leaving => self.instrument.leave(now),
                Claim::None => self.instrument.lose(now),
            }
        } else if self.link != around.link || self.armed.has_changed().unwrap_or(false) {
            self.link = around.link;
            self.refresh_top();
            let armed = *self.armed.borrow_and_update();
            self.instrument.handle_budget(self.link == Link::Open && armed != Armed::No, now);
            self.instrument.handle_connected(self.link.is_up(), now);
        } else if around.stop && !self.stop_told {
            self.stop_told = true;
            self.instrument.stop(now);
        } else if let Some(tick) = self.ticks.pop_front() {
            self.refresh_top();
            self.ticks_taken += 1;
            self.instrument.handle_tick(tick, now);
        } else {
            return false;
        }
        true
    }

    fn refresh_top(&mut self) {
        if std::mem::take(&mut self.top_is_new) {
            self.instrument.handle_top(self.top);
        }
    }

    /// Carries out what the instrument wants, then hands ended pairs over.
    fn pump(&mut self, around: &mut Around<'_>, now: Now) -> bool {
        let mut moved = false;
        loop {
            // The switch must know of an order before it leaves.
            self.hold.arming().show(self.instrument.switch_view());
            while let Some(command) = self.instrument.poll_command() {
                self.watch_command(&command);
                around.commands.push_back((around.id, command));
                moved = true;
            }
            let Some(trade) = self.instrument.poll_finished(now) else { break };
            for leg in [&trade.maker, &trade.taker] {
                note_end(around.journal, leg, now);
            }
            around.notes.push(Note::PairEnded { symbol: self.symbol, trade: Box::new(trade) });
            self.refresh_top();
            moved = true;
        }
        while let Some(leg) = self.instrument.poll_closed() {
            note_end(around.journal, &leg, now);
            around.notes.push(Note::Closed { symbol: self.symbol, id: leg.id });
        }
        while let Some(alarm) = self.instrument.poll_alarm() {
            around.notes.push(Note::Alarmed { symbol: self.symbol, alarm });
            self.hold.set_halted(true);
        }
        if self.phase == Phase::Sweeping && self.instrument.phase() == Phase::Live {
            let symbol = "swept".into();
            let swept = self.instrument.counts().swept;
            around
                .journal
                .note(&Record::SweepDone(SweepDone { symbol, swept, at_ms: now.wall_ms }), now.mono);
        }
        if self.instrument.poll_doubt() {
            around.notes.push(Note::BookDoubted { symbol: self.symbol });
        }
        self.tell_hold();
        self.phase = self.instrument.phase();
        moved
    }

    fn tell_hold(&mut self) {
        let stopped = self.instrument.phase() == Phase::Stopped;
        if stopped || !self.claim.has_changed().unwrap_or(false) {
            self.is_quiet = self.instrument.is_quiet();
            self.hold.set_traded_up_to(self.instrument.traded_up_to());
            self.hold.set_quiet(self.is_quiet);
            self.hold.outgrow(self.instrument.settings().epoch);
        }
    }

    /// What it did until now is forgotten.
    pub(crate) const fn forget_states(&mut self) {
        self.visited = 0;
    }

    /// What its order is doing now, and did since this was last asked.
    pub(crate) fn order_states(&mut self) -> impl Iterator<Item = OrderState> + use<> {
        let states = std::mem::take(&mut self.visited) | 1 << self.order_state() as u16;
        OrderState::ALL.into_iter().filter(move |state| states & 1 << *state as u16 != 0)
    }

    /// What its order is doing now, for the coverage.
    pub(crate) fn order_state(&self) -> OrderState {
        match self.instrument.phase() {
            Phase::Sweeping => OrderState::Sweeping,
            Phase::Stopping => OrderState::Leaving,
            Phase::Idle | Phase::Stopped if self.instrument.is_quiet() => OrderState::NotOurs,
            Phase::Idle | Phase::Stopped | Phase::Live => {
                if self.instrument.open_maker_since().is_none() && self.instrument.maybe_open().is_empty() {
                    OrderState::None
                } else {
                    self.state
                }
            }
        }
    }

    fn watch_command(&mut self, command: &Command) {
        self.state = match command {
            Command::PlaceMaker(_) => OrderState::MakerSent,
            Command::PlaceTaker(_) => OrderState::TakerSent,
            Command::Cancel(_) => OrderState::Cancelling,
            Command::Query(_) => OrderState::InDoubt,
            Command::ListOpen => return,
        };
        self.visited |= 1 << self.state as u16;
    }

    fn watch_report(&mut self, report: &OrderReport) {
        self.state = match report {
            OrderReport::Unknown { .. } => OrderState::InDoubt,
            OrderReport::Update(update)
                if update.status == OrderStatus::New
                    && update.client_id.leg() == Leg::Maker
                    && self.state == OrderState::MakerSent =>
            {
                OrderState::MakerRests
            }
            OrderReport::Update(_)
            | OrderReport::Sent { .. }
            | OrderReport::Rejected { .. }
            | OrderReport::Denied { .. }
            | OrderReport::CancelFailed { .. }
            | OrderReport::QueryFailed { .. }
            | OrderReport::OpenOrders(_)
            | OrderReport::Alarm(_)
            | OrderReport::ListFailed => return,
        };
        self.visited |= 1 << self.state as u16;
    }
}

fn note_end(journal: &mut Journal, leg: &OurLeg, now: Now) {
    if let Some(end) = leg.end() {
        journal.note_outcome(leg.id, || outcome(leg, end, now.wall_ms), now.mono);
    }
}
