//! A process's leases: the real machine, and what src/ownership/lease/keeper.rs does with it, without waiting.

use std::sync::Arc;
use std::time::Duration;

use pipeline::lease::{Answer, Event, Leases, Request, Ticket, Times};
use pipeline::ownership::Generation;
use pipeline::time::{Nanos, Now};
use self_trader::ownership::{Hold, epoch_at};
use self_trader::venue::backoff::Backoff;

use crate::sabotage::Sabotage;

/// How long an answer of the store may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(1);
/// How long the instruments may take to become quiet at the end.
const CLOSE_MAX: Duration = Duration::from_secs(6);
const RETRY_MIN: Duration = Duration::from_millis(100);
const RETRY_MAX: Duration = Duration::from_secs(1);

/// What a keeper wants done.
#[derive(Clone, Debug)]
pub enum StoreEffect {
    /// A connection, after that long.
    Open {
        /// Its number.
        conn: u32,
        /// The pause before it.
        after: Duration,
    },
    /// A request over a connection.
    Ask {
        /// Which connection.
        conn: u32,
        /// What is asked.
        request: Request,
        /// The process's clock's part of an epoch.
        clock: u32,
    },
}

#[derive(Debug)]
pub(crate) struct Keeper {
    leases: Leases,
    holds: Vec<Arc<Hold>>,
    /// The connection that is there, or awaited.
    conn: u32,
    is_up: bool,
    asked: Vec<(Ticket, Nanos)>,
    retry: Backoff,
    closing: Vec<usize>,
    give_up: Option<Nanos>,
    pub(crate) effects: Vec<StoreEffect>,
    /// It tells nobody of a loss.
    keeps_quiet: bool,
}

impl Keeper {
    pub(crate) fn new(holds: Vec<Arc<Hold>>, seed: u64, sabotage: Option<Sabotage>) -> Self {
        let mut leases = Leases::new(holds.len(), Times::default());
        for (index, hold) in holds.iter().enumerate() {
            hold.floor().into_iter().for_each(|floor| leases.outgrow(index, floor));
        }
        Self {
            leases,
            holds,
            conn: 1,
            is_up: false,
            asked: Vec::new(),
            retry: Backoff::new(RETRY_MIN, RETRY_MAX, seed),
            closing: Vec::new(),
            give_up: None,
            keeps_quiet: sabotage == Some(Sabotage::DropEpochCheck),
            effects: vec![StoreEffect::Open { conn: 1, after: Duration::ZERO }],
        }
    }

    pub(crate) fn opened(&mut self, conn: u32, is_open: bool, now: Now) {
        if conn != self.conn {
            return;
        }
        if is_open {
            self.is_up = true;
            self.leases.handle_connected(now);
        } else {
            self.disconnected();
        }
    }

    pub(crate) fn answered(&mut self, conn: u32, ticket: Ticket, answer: Answer, now: Now) {
        if conn != self.conn || !self.is_up {
            return;
        }
        self.asked.retain(|(asked, _)| *asked != ticket);
        self.retry.reset();
        self.leases.handle_answer(ticket, answer, now);
    }

    /// The connection is gone, or not trusted any further.
    pub(crate) fn disconnected(&mut self) {
        let wait = RETRY_MIN + self.retry.after_failure();
        (self.is_up, self.conn) = (false, self.conn + 1);
        self.asked.clear();
        self.leases.handle_disconnected();
        self.effects.push(StoreEffect::Open { conn: self.conn, after: wait });
    }

    pub(crate) fn leave(&mut self, now: Now) {
        if self.give_up.is_some() {
            return;
        }
        self.give_up = Some(now.mono + CLOSE_MAX);
        for index in self.leases.leave() {
            self.holds[index].leave();
            self.closing.push(index);
        }
    }

    /// Nothing is left to be given back, or it takes too long.
    pub(crate) fn is_over(&self, now: Now) -> bool {
        self.give_up.is_some_and(|at| self.leases.remaining() == 0 || at <= now.mono)
    }

    /// Moves on as far as it goes: whether anything changed. `is_quiet` says of each instrument whether its lane has
    /// nothing left.
    pub(crate) fn step(&mut self, is_quiet: impl Fn(usize) -> bool, now: Now) -> bool {
        if self.is_over(now) {
            return false;
        }
        if self.asked.iter().any(|(_, until)| *until <= now.mono) {
            self.disconnected();
        }
        self.leases.handle_timeout(now);
        for (index, hold) in self.holds.iter().enumerate() {
            if hold.take_superseded()
                && let Some(newest) = hold.floor()
            {
                self.leases.handle_superseded(index, newest, now);
            }
        }
        let (leases, holds, mut moved) = (&mut self.leases, &self.holds, false);
        self.closing.retain(|index| {
            let quiet = is_quiet(*index);
            if quiet {
                leases.let_go(*index, holds[*index].traded_up_to());
            }
            !quiet
        });
        while let Some(event) = self.leases.poll_event() {
            moved = true;
            match event {
                Event::Begin { index, term, until } => {
                    self.holds[index].begin(term, Generation::default(), until);
                }
                Event::Prolong { index, until } => self.holds[index].prolong(until),
                Event::Lost { .. } if self.keeps_quiet => {}
                Event::Lost { index } => self.holds[index].lose(),
            }
        }
        while self.is_up
            && let Some(request) = self.leases.poll_request(now)
        {
            self.asked.push((request.ticket, now.mono + ANSWER_TIMEOUT));
            let clock = epoch_at(now.wall_ms).number();
            self.effects.push(StoreEffect::Ask { conn: self.conn, request, clock });
        }
        moved
    }

    pub(crate) fn poll_timeout(&self, now: Now) -> Option<Nanos> {
        if self.is_over(now) {
            return None;
        }
        let answer = self.asked.iter().map(|(_, until)| *until).min();
        [self.leases.poll_timeout(self.is_up), answer, self.give_up].into_iter().flatten().min()
    }
}
