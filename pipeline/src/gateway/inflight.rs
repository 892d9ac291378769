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
    pub(super) weight: u64,
}

/// The table: a request's id modulo the table's size is its place. Ids whose place is taken are passed over,
/// so that one request without an answer never holds up those after it.
#[derive(Debug)]
pub(super) struct Inflight {
    slots: Vec<Option<Request>>,
    /// In the order in which requests left, which is the order of their deadlines. Those of answered requests
    /// go when they come to the front or when the queue is twice as long as the table.
    deadlines: VecDeque<(Nanos, u64)>,
    next_id: u64,
    len: usize,
    places: u64,
    weight: u64,
}

impl Inflight {
    pub(super) fn new(capacity: usize) -> Self {
        let capacity = capacity.max(1);
        Self {
            slots: vec![None; capacity],
            deadlines: VecDeque::with_capacity(2 * capacity),
            next_id: 1,
            len: 0,
            places: 0,
            weight: 0,
        }
    }

    /// Whether one more may leave. Places leave a fifth of the table to cancels and questions.
    pub(super) fn has_room(&self, place: bool) -> bool {
        let reserved = if place { self.slots.len() / 5 } else { 0 };
        self.slots.len() - self.len > reserved
    }

    /// Enters a request; the caller has checked that there is room.
    pub(super) fn insert(&mut self, lane: LaneId, command: Command, weight: u64, deadline: Nanos) -> u64 {
        while self.slots[self.slot(self.next_id)].is_some() {
            self.next_id += 1;
        }
        let id = self.next_id;
        let slot = self.slot(id);
        self.next_id += 1;
        self.slots[slot] = Some(Request { id, lane, command, weight });
        if self.deadlines.len() == 2 * self.slots.len() {
            let mut deadlines = std::mem::take(&mut self.deadlines);
            deadlines.retain(|(_, id)| self.get(*id).is_some());
            self.deadlines = deadlines;
        }
        self.deadlines.push_back((deadline, id));
        self.len += 1;
        self.places += u64::from(command.is_place());
        self.weight += weight;
        id
    }

    pub(super) fn get(&self, id: u64) -> Option<&Request> {
        self.slots[self.slot(id)].as_ref().filter(|request| request.id == id)
    }

    pub(super) fn take(&mut self, id: u64) -> Option<Request> {
        let slot = self.slot(id);
        let request = self.slots[slot].take_if(|request| request.id == id)?;
        self.len -= 1;
        self.places -= u64::from(request.command.is_place());
        self.weight -= request.weight;
        self.drop_answered();
        Some(request)
    }

    /// The next request whose deadline has passed, if any.
    pub(super) fn take_overdue(&mut self, now: Nanos) -> Option<Request> {
        self.drop_answered();
        let (deadline, id) = *self.deadlines.front()?;
        if deadline > now { None } else { self.take(id) }
    }

    /// All of them, oldest first; for a lost connection.
    pub(super) fn take_any(&mut self) -> Option<Request> {
        self.take_overdue(Nanos(u64::MAX))
    }

    pub(super) fn next_deadline(&self) -> Option<Nanos> {
        self.deadlines.front().map(|(deadline, _)| *deadline)
    }

    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// How many of them are places.
    pub(super) const fn places(&self) -> u64 {
        self.places
    }

    /// What they weigh together.
    pub(super) const fn weight(&self) -> u64 {
        self.weight
    }

    /// The front of the deadlines is always one that still counts.
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
