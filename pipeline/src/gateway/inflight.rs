//! Requests that have left and wait for their answers: a fixed table, no allocation.

use std::collections::VecDeque;

use super::machine::LaneId;
use crate::command::Command;
use crate::time::Nanos;

/// One request on its way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request {
    pub(super) id: u64,
    pub(super) lane: LaneId,
    pub(super) command: Command,
}

/// The table: a request's id modulo the table's size is its place.
#[derive(Debug)]
pub(super) struct Inflight {
    slots: Vec<Option<Request>>,
    /// Requests leave in the order of their deadlines.
    deadlines: VecDeque<(Nanos, u64)>,
    next_id: u64,
    len: usize,
}

impl Inflight {
    pub(super) fn new(capacity: usize) -> Self {
        Self { slots: vec![None; capacity], deadlines: VecDeque::with_capacity(capacity), next_id: 1, len: 0 }
    }

    pub(super) fn has_room(&self) -> bool {
        self.slots[self.slot(self.next_id)].is_none() && self.deadlines.len() < self.slots.len()
    }

    /// Enters a request; the caller has checked that there is room.
    pub(super) fn insert(&mut self, lane: LaneId, command: Command, deadline: Nanos) -> u64 {
        let id = self.next_id;
        let slot = self.slot(id);
        self.next_id += 1;
        self.slots[slot] = Some(Request { id, lane, command });
        self.deadlines.push_back((deadline, id));
        self.len += 1;
        id
    }

    pub(super) fn get(&self, id: u64) -> Option<&Request> {
        self.slots[self.slot(id)].as_ref().filter(|request| request.id == id)
    }

    pub(super) fn take(&mut self, id: u64) -> Option<Request> {
        let slot = self.slot(id);
        self.get(id)?;
        self.len -= 1;
        self.drop_answered();
        self.slots[slot].take()
    }

    /// The next request whose deadline has passed, if any.
    pub(super) fn take_overdue(&mut self, now: Nanos) -> Option<Request> {
        self.drop_answered();
        let (deadline, id) = *self.deadlines.front()?;
        if deadline > now {
            return None;
        }
        self.deadlines.pop_front();
        self.take(id)
    }

    /// All of them, oldest first; for a lost connection.
    pub(super) fn take_any(&mut self) -> Option<Request> {
        self.take_overdue(Nanos(u64::MAX))
    }

    pub(super) fn next_deadline(&self) -> Option<Nanos> {
        self.deadlines.iter().find(|(_, id)| self.get(*id).is_some()).map(|(deadline, _)| *deadline)
    }

    pub(super) const fn len(&self) -> usize {
        self.len
    }

    fn drop_answered(&mut self) {
        while let Some((_, id)) = self.deadlines.front()
            && self.get(*id).is_none()
        {
            self.deadlines.pop_front();
        }
    }

    fn slot(&self, id: u64) -> usize {
        let size = u64::try_from(self.slots.len()).unwrap_or(1);
        usize::try_from(id % size).unwrap_or(0)
    }
}
