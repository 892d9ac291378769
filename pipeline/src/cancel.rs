//! Stage 4: bring an order to its end. Tries go on until there is evidence.

use std::time::Duration;

use crate::event::{CancelFailure, OpenOrder, OrderReport};
use crate::evidence::{Absence, Asked, Evidence};
use crate::leg::Leg;
use crate::time::Nanos;

/// The prototype's rhythm: three tries, half a second apart.
const FIRST_TRIES: u32 = 3;
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// After that: 1, 2, 4 and then 5 s, for as long as it takes.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// When an order that was never acknowledged is asked for, after its outcome became unknown.
const QUESTIONS: [Duration; 5] = [
    Duration::from_millis(200),
    Duration::from_secs(1),
    Duration::from_secs(3),
    Duration::from_secs(5),
    Duration::from_secs(10),
];
const LATER_QUESTIONS: Duration = Duration::from_secs(5);
/// Questions whose answers settle it follow faster, until so many were asked.
const SETTLING_QUESTIONS: u32 = 4;
/// A list that brought nothing is asked for again after this.
const NEXT_LIST: Duration = Duration::from_secs(2);
/// How much longer than its recvWindow an order may stay on its way inside the venue.
const ARRIVAL_MARGIN: Duration = Duration::from_secs(10);

/// What to do next about an order that has to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Cancel it.
    Cancel,
    /// Ask what became of it.
    Query,
    /// Ask for all open orders: whether it is among them.
    List,
}

/// Brings one order to its end.
#[derive(Clone, Debug)]
pub struct Closing {
    began: Nanos,
    cancels: u32,
    questions: u32,
    /// Those of them whose answers may settle it.
    settling: u32,
    asked: Asked,
    next_at: Nanos,
    next_list: Nanos,
    /// The venue said, of an acknowledged order, that it knows it no longer: it is asked how much of it traded,
    /// until it tells or goes on denying it.
    gone: bool,
    absence: Absence,
    recv_window: Duration,
}

impl Closing {
    /// Begins. `recv_window` is what the order was sent with.
    #[must_use]
    pub fn new(leg: &Leg, recv_window: Duration, now: Nanos) -> Self {
        let last_arrival = leg.sent_at.unwrap_or(now) + recv_window + ARRIVAL_MARGIN;
        Self {
            began: now,
            cancels: 0,
            questions: 0,
            settling: 0,
            asked: Asked::default(),
            next_at: if leg.acknowledged_at.is_some() { now } else { now + QUESTIONS[0] },
            next_list: now,
            gone: false,
            absence: Absence::new(last_arrival, recv_window, false),
            recv_window,
        }
    }

    /// When to ask again.
    #[must_use]
    pub fn deadline(&self, leg: &Leg) -> Nanos {
        let list = self.next_list.max(self.absence.from());
        let listing = self.is_missing(leg) && self.absence.wants_list(list);
        if listing { self.next_at.min(list) } else { self.next_at }
    }

    /// What is due now, if anything. Call until `None`.
    pub fn poll(&mut self, leg: &Leg, now: Nanos) -> Option<Step> {
        if leg.is_ended() {
            return None;
        }
        if self.is_missing(leg) && now >= self.next_list && self.absence.wants_list(now) {
            self.next_list = now + NEXT_LIST;
            return Some(Step::List);
        }
        if now < self.next_at {
            return None;
        }
        if !self.is_missing(leg) {
            self.cancels += 1;
            self.next_at = now + cancel_pause(self.cancels);
            return Some(Step::Cancel);
        }
        self.questions += 1;
        self.settling += u32::from(now >= self.absence.from());
        self.asked.ask(now);
        self.next_at = self.next_question(now);
        Some(Step::Query)
    }

    /// Takes in a report about the order, which has been told to the leg already. The evidence, if that proves its
    /// end.
    #[must_use]
    pub fn handle(&mut self, report: &OrderReport, leg: &Leg, now: Nanos) -> Option<Evidence> {
        match report {
            // It may be an event and no answer: what was asked counts as not answered.
            OrderReport::Update(_) => self.found_open(leg, now),
            OrderReport::CancelFailed { why: CancelFailure::UnknownOrder, .. } => {
                self.unknown_order(leg, now);
            }
            OrderReport::QueryFailed { not_found, .. } => {
                let asked_at = self.asked.answered();
                if let Some(asked_at) = asked_at.filter(|_| *not_found && self.is_missing(leg)) {
                    self.absence.denied(asked_at);
                }
            }
            OrderReport::CancelFailed { .. }
            | OrderReport::Sent { .. }
            | OrderReport::Rejected { .. }
            | OrderReport::Denied { .. }
            | OrderReport::Unknown { .. }
            | OrderReport::OpenOrders(_)
            | OrderReport::ListFailed
            | OrderReport::Alarm(_) => {}
        }
        self.absence.evidence().filter(|_| self.is_missing(leg))
    }

    /// Takes in a list of open orders that was asked for at that moment. The evidence, if that proves its end.
    #[must_use]
    pub fn handle_list(
        &mut self,
        orders: &[OpenOrder],
        leg: &mut Leg,
        asked_at: Nanos,
        now: Nanos,
    ) -> Option<Evidence> {
        if let Some(order) = orders.iter().find(|order| order.id == leg.id) {
            leg.listed(order, now);
            self.found_open(leg, now);
        } else if self.is_missing(leg) {
            self.absence.unlisted(asked_at);
        }
        self.absence.evidence().filter(|_| self.is_missing(leg))
    }

    /// The venue has not acknowledged it, or has taken that back.
    fn is_missing(&self, leg: &Leg) -> bool {
        leg.acknowledged_at.is_none() || self.gone
    }

    /// The venue shows the order as open: that it did not know it is withdrawn, and it is cancelled.
    fn found_open(&mut self, leg: &Leg, now: Nanos) {
        if leg.is_ended() {
            return;
        }
        if self.cancels == 0 {
            self.next_at = now;
        } else if self.gone {
            self.next_at = now + cancel_pause(self.cancels);
        }
        self.gone = false;
    }

    /// The venue knows no such open order. That ends only an order that was acknowledged, and what of it traded is
    /// asked for first.
    fn unknown_order(&mut self, leg: &Leg, now: Nanos) {
        if leg.acknowledged_at.is_some() && !self.gone {
            self.gone = true;
            self.questions = 0;
            self.settling = 0;
            self.absence = Absence::new(now, self.recv_window, true);
            self.began = now;
            self.next_at = now;
        }
    }

    fn next_question(&self, now: Nanos) -> Nanos {
        let counts_from = self.absence.from();
        if now >= counts_from {
            let settles = self.settling < SETTLING_QUESTIONS;
            return now + if settles { self.absence.over() / 2 } else { LATER_QUESTIONS };
        }
        let asked = usize::try_from(self.questions).unwrap_or(usize::MAX);
        let next = match QUESTIONS.get(asked) {
            // Whoever comes late to one question does not ask the next at once.
            Some(after) => (self.began + *after).max(now + QUESTIONS[0]),
            None => now + LATER_QUESTIONS,
        };
        next.min(counts_from)
    }
}

/// The pause after the `tries`-th cancel.
fn cancel_pause(tries: u32) -> Duration {
    if tries < FIRST_TRIES {
        return FIRST_PAUSE;
    }
    let doubled = Duration::from_secs(1) * 2_u32.pow((tries - FIRST_TRIES).min(3));
    doubled.min(LONGEST_PAUSE)
}
