//! Orders that an earlier run left in doubt: after the sweep, the venue is asked for each of them until there is
//! evidence of its end. Asking is all it does; nothing is sent again.

use std::collections::VecDeque;
use std::time::Duration;

use schemas::ids::ClientOrderId;
use schemas::order::OrderStatus;
use schemas::units::Decimal;

use crate::command::{Command, OrderHandle};
use crate::event::OrderReport;
use crate::time::Nanos;

/// How long trading waits for all of it. What is still in doubt then stays so: nothing of it is open.
const WAIT_MAX: Duration = Duration::from_secs(10);
/// Questions on their way at once.
const ASKED_MAX: usize = 8;
/// When a question is asked again that brought nothing.
const AGAIN: Duration = Duration::from_secs(1);
/// Answers of "no such order" that together count as evidence, over at least [`MISSING_FOR`].
const MISSING_MIN: u32 = 3;
/// The longest recvWindow in use (2 s), and the margin of an order still on its way (2 s).
const MISSING_FOR: Duration = Duration::from_secs(4);

/// How an order in doubt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closed {
    /// The venue named a final status, and how much traded.
    Final(OrderStatus, Decimal),
    /// The venue knows no such order.
    NotFound,
}

/// Asks for orders in doubt.
#[derive(Clone, Debug, Default)]
pub struct CloseOut {
    doubts: Vec<Doubt>,
    closed: VecDeque<(ClientOrderId, Closed)>,
    until: Option<Nanos>,
}

#[derive(Clone, Copy, Debug)]
struct Doubt {
    id: ClientOrderId,
    asked: bool,
    next_at: Nanos,
    missing_since: Option<Nanos>,
    missing: u32,
}

impl CloseOut {
    /// Orders to ask for.
    #[must_use]
    pub fn new(ids: &[ClientOrderId]) -> Self {
        let doubt = |id: &ClientOrderId| Doubt {
            id: *id,
            asked: false,
            next_at: Nanos::default(),
            missing_since: None,
            missing: 0,
        };
        Self { doubts: ids.iter().map(doubt).collect(), ..Self::default() }
    }

    /// The sweep is done: from now on the venue is asked.
    pub fn begin(&mut self, now: Nanos) {
        self.until.get_or_insert(now + WAIT_MAX);
    }

    /// Nothing has to be waited for any more.
    #[must_use]
    pub fn is_over(&self, now: Nanos) -> bool {
        self.doubts.is_empty() || self.until.is_some_and(|until| now >= until)
    }

    /// Takes in a report; whether it is about one of these orders.
    pub fn handle_report(&mut self, report: &OrderReport, now: Nanos) -> bool {
        let Some(id) = crate::trade::report_id(report) else { return false };
        let Some(place) = self.doubts.iter().position(|doubt| doubt.id == id) else { return false };
        let doubt = &mut self.doubts[place];
        let closed = match report {
            OrderReport::Update(update) if update.status.is_final() => {
                Some(Closed::Final(update.status, update.executed))
            }
            OrderReport::QueryFailed { not_found: true, .. } => doubt.missed(now),
            OrderReport::Update(_) | OrderReport::QueryFailed { .. } => {
                doubt.again(now);
                None
            }
            OrderReport::Sent { .. }
            | OrderReport::Rejected { .. }
            | OrderReport::Denied { .. }
            | OrderReport::Unknown { .. }
            | OrderReport::CancelFailed { .. }
            | OrderReport::OpenOrders(_)
            | OrderReport::ListFailed => None,
        };
        if let Some(closed) = closed {
            self.doubts.remove(place);
            self.closed.push_back((id, closed));
        }
        true
    }

    /// The next question, if one is due. Call until `None`.
    pub fn poll_command(&mut self, now: Nanos) -> Option<Command> {
        if self.until.is_none_or(|until| now >= until) {
            return None;
        }
        let asked = self.doubts.iter().filter(|doubt| doubt.asked).count();
        let due = |doubt: &&mut Doubt| !doubt.asked && now >= doubt.next_at;
        let doubt = self.doubts.iter_mut().find(due).filter(|_| asked < ASKED_MAX)?;
        doubt.asked = true;
        Some(Command::Query(OrderHandle { id: doubt.id, venue_id: None }))
    }

    /// When to call again if nothing else happens.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Nanos> {
        let until = self.until.filter(|_| !self.doubts.is_empty())?;
        let next = self.doubts.iter().filter(|doubt| !doubt.asked).map(|doubt| doubt.next_at).min();
        Some(next.map_or(until, |next| next.min(until)))
    }

    /// The next order whose end is known.
    pub fn poll_closed(&mut self) -> Option<(ClientOrderId, Closed)> {
        self.closed.pop_front()
    }

    /// The connection is gone: what was asked will not be answered.
    pub fn handle_disconnected(&mut self) {
        self.doubts.iter_mut().for_each(|doubt| doubt.asked = false);
    }
}

impl Doubt {
    fn again(&mut self, now: Nanos) {
        self.asked = false;
        self.next_at = now + AGAIN;
    }

    fn missed(&mut self, now: Nanos) -> Option<Closed> {
        self.again(now);
        self.missing += 1;
        let since = *self.missing_since.get_or_insert(now);
        (self.missing >= MISSING_MIN && now.since(since) >= MISSING_FOR).then_some(Closed::NotFound)
    }
}
