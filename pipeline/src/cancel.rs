//! Stage 4: bring an order to its end. Tries go on until there is evidence.

use std::time::Duration;

use crate::leg::{End, Leg};
use crate::time::Nanos;

/// The prototype's rhythm: three tries, half a second apart.
const FIRST_TRIES: u32 = 3;
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// After that: 1, 2, 4 and then 5 s, for as long as it takes.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// When an order that was never acknowledged is asked for, after its outcome became unknown.
const QUESTIONS: [Duration; 4] =
    [Duration::from_millis(200), Duration::from_secs(1), Duration::from_secs(3), Duration::from_secs(10)];
const LATER_QUESTIONS: Duration = Duration::from_secs(5);
/// How much longer than its recvWindow an order may stay on its way inside the venue.
const ARRIVAL_MARGIN: Duration = Duration::from_secs(10);

/// What to do next about an order that has to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Cancel it.
    Cancel,
    /// Ask what became of it.
    Query,
}

/// Brings one order to its end.
#[derive(Clone, Debug)]
pub struct Closing {
    began: Nanos,
    cancels: u32,
    questions: u32,
    not_found: u32,
    next_at: Nanos,
    /// The venue said, of an acknowledged order, that it knows it no longer: one question remains, how
    /// much of it traded.
    gone: bool,
    /// An order that was never acknowledged cannot arrive after this.
    last_arrival: Nanos,
}

impl Closing {
    /// Begins. `recv_window` is what the order was sent with.
    #[must_use]
    pub fn new(leg: &Leg, recv_window: Duration, now: Nanos) -> Self {
        Self {
            began: now,
            cancels: 0,
            questions: 0,
            not_found: 0,
            next_at: if leg.acknowledged_at.is_some() { now } else { now + QUESTIONS[0] },
            gone: false,
            last_arrival: leg.sent_at.unwrap_or(now) + recv_window + ARRIVAL_MARGIN,
        }
    }

    /// When to ask again.
    #[must_use]
    pub const fn deadline(&self) -> Nanos {
        self.next_at
    }

    /// What is due now, if anything.
    pub fn poll(&mut self, leg: &Leg, now: Nanos) -> Option<Step> {
        if leg.is_ended() || now < self.next_at {
            return None;
        }
        if leg.acknowledged_at.is_some() && !self.gone {
            self.cancels += 1;
            self.next_at = now + cancel_pause(self.cancels);
            return Some(Step::Cancel);
        }
        self.questions += 1;
        self.next_at = self.next_question(now);
        Some(Step::Query)
    }

    /// The venue acknowledged the order after all: cancel it at once.
    pub fn acknowledged(&mut self, now: Nanos) {
        if self.cancels == 0 {
            self.next_at = now;
        }
    }

    /// The venue knows no such open order. That ends only an order that was acknowledged, and its executed
    /// quantity is asked for first.
    pub fn unknown_order(&mut self, leg: &Leg, now: Nanos) {
        if leg.acknowledged_at.is_some() && !self.gone {
            self.gone = true;
            self.questions = 0;
            self.not_found = 0;
            self.began = now;
            self.next_at = now;
        }
    }

    /// The venue shows the order as open: that it did not know it is withdrawn, and cancels go on.
    pub fn found_open(&mut self, now: Nanos) {
        if self.gone {
            self.gone = false;
            self.next_at = now + cancel_pause(self.cancels);
        }
    }

    /// The venue answered a question with "no such order". `Some` if that settles it.
    #[must_use]
    pub fn not_found(&mut self, leg: &Leg, now: Nanos) -> Option<End> {
        self.not_found += 1;
        if self.gone {
            // A venue's memory of closed orders may lag: it is asked as often as QUESTIONS says.
            return (self.not_found >= 3).then_some(End::Gone);
        }
        let cannot_arrive = leg.acknowledged_at.is_none() && now > self.last_arrival;
        (self.not_found >= 4 && cannot_arrive).then_some(End::NeverArrived)
    }

    fn next_question(&self, now: Nanos) -> Nanos {
        let asked = usize::try_from(self.questions).unwrap_or(usize::MAX);
        match QUESTIONS.get(asked) {
            // Whoever comes late to one question does not ask the next at once.
            Some(after) => (self.began + *after).max(now + QUESTIONS[0]),
            None => now + LATER_QUESTIONS,
        }
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
