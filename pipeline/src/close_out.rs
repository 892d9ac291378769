//! Orders outside of the running pair that must come to their end: what an earlier run left in doubt, and what
//! arrived at the venue after we had proof that it never would. They are asked for and cancelled like a pair's legs,
//! by the same evidence; nothing is sent again.

use std::collections::VecDeque;
use std::time::Duration;

use schemas::ids::ClientOrderId;

use crate::alarm::Alarm;
use crate::cancel::{Closing, Step};
use crate::command::{Command, OrderHandle};
use crate::event::{OpenOrder, OrderReport};
use crate::evidence::{Absence, Asked};
use crate::leg::Leg;
use crate::time::Nanos;

/// How long trading waits for all of them. What is still in doubt then is asked for beside it.
const WAIT_MAX: Duration = Duration::from_secs(10);
/// A list that brought nothing is asked for again after this.
const NEXT_LIST: Duration = Duration::from_secs(2);
/// Orders that are asked for at once; the others wait their turn.
const ASKED_MAX: usize = 32;
/// Late arrivals that are followed at once; of more than these the next sweep takes care.
const STRAYS_MAX: usize = 64;

/// Brings orders in doubt to their end.
#[derive(Clone, Debug, Default)]
pub struct CloseOut {
    /// Of an earlier run.
    waiting: Vec<ClientOrderId>,
    doubts: Vec<Doubt>,
    closed: VecDeque<Leg>,
    until: Option<Nanos>,
    next_list: Nanos,
}

#[derive(Clone, Debug)]
struct Doubt {
    leg: Leg,
    closing: Closing,
    asked: Asked,
    /// Gathers what the venue denies from the start on. It proves no end, since the order may still arrive, but until
    /// then there is nothing that a pair would have to wait for.
    looked: Absence,
    /// An earlier run's: its end is written down.
    inherited: bool,
}

impl CloseOut {
    /// Orders of an earlier run.
    #[must_use]
    pub fn new(ids: &[ClientOrderId]) -> Self {
        Self { waiting: ids.to_vec(), ..Self::default() }
    }

    /// The sweep is done: from now on the venue is asked. What left before this moment was sent with at most that
    /// recvWindow.
    pub fn begin(&mut self, recv_window: Duration, now: Nanos) {
        self.until.get_or_insert(now + WAIT_MAX);
        let waiting = std::mem::take(&mut self.waiting);
        self.doubts
            .extend(waiting.into_iter().map(|id| Doubt::new(Leg::in_doubt(id, now), recv_window, now)));
    }

    /// An order that had been given up is open at the venue.
    pub fn adopt(&mut self, report: &OrderReport, id: ClientOrderId, recv_window: Duration, now: Nanos) {
        if self.doubts.len() < STRAYS_MAX {
            let mut doubt = Doubt::new(Leg::in_doubt(id, now), recv_window, now);
            doubt.inherited = false;
            doubt.handle_report(report, now);
            self.doubts.push(doubt);
        }
    }

    /// Nothing has to be waited for any more.
    #[must_use]
    pub fn is_over(&self, now: Nanos) -> bool {
        let looked = self.doubts.iter().all(|doubt| doubt.looked.evidence().is_some());
        (self.waiting.is_empty() && looked) || self.until.is_some_and(|until| now >= until)
    }

    /// Until when trading waits for them, whatever the venue says.
    #[must_use]
    pub const fn until(&self) -> Option<Nanos> {
        self.until
    }

    /// Orders that may be open at the venue: it acknowledged them, and no end is known.
    pub fn open(&self) -> impl Iterator<Item = ClientOrderId> + '_ {
        self.doubts.iter().filter(|doubt| doubt.leg.acknowledged_at.is_some()).map(|doubt| doubt.leg.id)
    }

    /// Since when the oldest of those is known to be open.
    #[must_use]
    pub fn oldest_open(&self) -> Option<Nanos> {
        self.doubts.iter().filter_map(|doubt| doubt.leg.acknowledged_at).min()
    }

    /// Takes in a report; `None` if it is about none of these orders, else what in it cannot be.
    pub fn handle_report(&mut self, report: &OrderReport, now: Nanos) -> Option<Option<Alarm>> {
        let id = crate::trade::report_id(report)?;
        let doubt = self.doubts.iter_mut().find(|doubt| doubt.leg.id == id)?;
        let alarm = doubt.handle_report(report, now);
        self.collect();
        Some(alarm)
    }

    /// Takes in a list of the symbol's open orders that was asked for at that moment.
    pub fn handle_list(&mut self, orders: &[OpenOrder], asked_at: Nanos, now: Nanos) {
        for doubt in &mut self.doubts {
            doubt.handle_list(orders, asked_at, now);
        }
        self.collect();
    }

    /// What is due now, if anything. Call until `None`.
    pub fn poll_command(&mut self, now: Nanos) -> Option<Command> {
        if now >= self.next_list && self.doubts.iter().any(|doubt| doubt.wants_list(now)) {
            self.next_list = now + NEXT_LIST;
            return Some(Command::ListOpen);
        }
        self.doubts.iter_mut().take(ASKED_MAX).find_map(|doubt| doubt.poll(now))
    }

    /// When to call again if nothing else happens.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Nanos> {
        let list = self.doubts.iter().any(|doubt| doubt.wants_list(self.next_list)).then_some(self.next_list);
        let next = self.doubts.iter().take(ASKED_MAX).map(|doubt| doubt.closing.deadline(&doubt.leg)).min();
        list.into_iter().chain(next).min()
    }

    /// The next order of an earlier run whose end is known.
    pub fn poll_closed(&mut self) -> Option<Leg> {
        self.closed.pop_front()
    }

    fn collect(&mut self) {
        for doubt in self.doubts.extract_if(.., |doubt| doubt.leg.is_ended()) {
            if doubt.inherited {
                self.closed.push_back(doubt.leg);
            }
        }
    }
}

impl Doubt {
    fn new(leg: Leg, recv_window: Duration, now: Nanos) -> Self {
        let closing = Closing::new(&leg, recv_window, now);
        let looked = Absence::new(now, recv_window, false);
        Self { leg, closing, asked: Asked::default(), looked, inherited: true }
    }

    fn handle_report(&mut self, report: &OrderReport, now: Nanos) -> Option<Alarm> {
        let alarm = self.leg.handle(report, now);
        if let Some(evidence) = self.closing.handle(report, &self.leg, now) {
            self.leg.close(evidence, now);
        }
        if let OrderReport::QueryFailed { not_found, .. } = report
            && let Some(asked_at) = self.asked.answered().filter(|_| *not_found)
        {
            self.looked.denied(asked_at);
        }
        alarm
    }

    fn handle_list(&mut self, orders: &[OpenOrder], asked_at: Nanos, now: Nanos) {
        if let Some(evidence) = self.closing.handle_list(orders, &mut self.leg, asked_at, now) {
            self.leg.close(evidence, now);
        }
        if self.leg.acknowledged_at.is_none() {
            self.looked.unlisted(asked_at);
        }
    }

    fn wants_list(&self, now: Nanos) -> bool {
        self.leg.acknowledged_at.is_none() && self.looked.wants_list(now)
    }

    fn poll(&mut self, now: Nanos) -> Option<Command> {
        let handle = OrderHandle { id: self.leg.id, venue_id: self.leg.venue_id };
        self.closing.poll(&self.leg, now).map(|step| match step {
            Step::Cancel => Command::Cancel(handle),
            Step::Query => {
                self.asked.ask(now);
                Command::Query(handle)
            }
            Step::List => Command::ListOpen,
        })
    }
}
