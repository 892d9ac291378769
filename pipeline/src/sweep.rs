//! Clears the venue of orders that carry an instrument's prefix: before its first pair and after its last.
//!
//! An order counts as gone when an answered list no longer holds it. Only orders of our prefix are touched, and
//! where an instrument has had other owners, only those of our epoch and older: a later epoch is somebody's who
//! trades now.

use std::collections::BTreeSet;
use std::time::Duration;

use schemas::ids::{ClientOrderId, Epoch};

use crate::command::{Command, OrderHandle};
use crate::event::{OpenOrder, OrderReport};
use crate::time::Nanos;

/// How long cancels are given before the list is asked for again.
const SETTLE: Duration = Duration::from_millis(200);
/// The pause after a list that did not come, or orders that would not go; doubles up to the longest.
const RETRY: Duration = Duration::from_millis(250);
const LONGEST_RETRY: Duration = Duration::from_secs(5);
/// A list that has not come after this is asked for again.
const LIST_PATIENCE: Duration = Duration::from_secs(5);

/// A sweep under way.
#[derive(Clone, Debug)]
pub struct Sweep {
    from: Nanos,
    newest: Option<Epoch>,
    to_cancel: Vec<OpenOrder>,
    found: Vec<OpenOrder>,
    next_list: Nanos,
    tries: u32,
    swept: BTreeSet<ClientOrderId>,
    done: bool,
}

impl Sweep {
    /// Begins at that moment; orders of an epoch after `newest`, if one is given, are left alone.
    #[must_use]
    pub const fn new(from: Nanos, newest: Option<Epoch>) -> Self {
        Self {
            from,
            newest,
            to_cancel: Vec::new(),
            found: Vec::new(),
            next_list: from,
            tries: 0,
            swept: BTreeSet::new(),
            done: false,
        }
    }

    /// The venue holds no order of ours any more.
    #[must_use]
    pub const fn is_done(&self) -> bool {
        self.done
    }

    /// The orders that the last answered list held.
    #[must_use]
    pub fn open(&self) -> &[OpenOrder] {
        &self.found
    }

    /// How many orders were asked to be cancelled, each counted once however often it was listed.
    #[must_use]
    pub fn swept(&self) -> u64 {
        u64::try_from(self.swept.len()).unwrap_or(u64::MAX)
    }

    /// The newest epoch that had an order open.
    #[must_use]
    pub fn highest_epoch(&self) -> Option<Epoch> {
        self.swept.iter().map(ClientOrderId::epoch).max()
    }

    /// Takes in a list, or that none came. One that was asked for before the sweep began says nothing of what may have
    /// arrived until then, whoever asked.
    pub fn handle_report(&mut self, report: &OrderReport, asked_at: Option<Nanos>, now: Nanos) {
        match report {
            OrderReport::OpenOrders(_) if asked_at.is_none_or(|asked_at| asked_at < self.from) => {}
            OrderReport::OpenOrders(orders) => {
                let ours = |order: &&OpenOrder| self.newest.is_none_or(|newest| order.id.epoch() <= newest);
                self.found = orders.iter().filter(ours).copied().collect();
                self.done = self.found.is_empty();
                self.to_cancel.clone_from(&self.found);
                self.next_list = now + if self.tries <= 1 { SETTLE } else { self.pause() };
            }
            OrderReport::ListFailed => self.next_list = now + self.pause(),
            OrderReport::Sent { .. }
            | OrderReport::Update(_)
            | OrderReport::Rejected { .. }
            | OrderReport::Denied { .. }
            | OrderReport::Unknown { .. }
            | OrderReport::CancelFailed { .. }
            | OrderReport::QueryFailed { .. }
            | OrderReport::Alarm(_) => {}
        }
    }

    /// What is due now, if anything. Call until `None`.
    pub fn poll_command(&mut self, now: Nanos) -> Option<Command> {
        if self.done {
            return None;
        }
        if let Some(order) = self.to_cancel.pop() {
            self.swept.insert(order.id);
            return Some(Command::Cancel(OrderHandle { id: order.id, venue_id: Some(order.venue_id) }));
        }
        if now < self.next_list {
            return None;
        }
        self.tries += 1;
        self.next_list = now + LIST_PATIENCE;
        Some(Command::ListOpen)
    }

    /// When to call [`Sweep::poll_command`] again if nothing else happens.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Nanos> {
        (!self.done).then_some(self.next_list)
    }

    fn pause(&self) -> Duration {
        (RETRY * 2_u32.pow(self.tries.min(5))).min(LONGEST_RETRY)
    }
}
