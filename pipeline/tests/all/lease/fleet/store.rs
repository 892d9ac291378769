//! The store as the scripts make it, in plain words: `src/ownership/lease/*.lua` is the same against a real server.

use std::time::Duration;

use pipeline::lease::{Acquired, Answer, Ask, Request, Times};
use schemas::ids::Epoch;

use super::Broken;

#[derive(Clone, Copy)]
struct Record {
    held_ms: u64,
    clear_ms: u64,
    epoch: u32,
    run: u32,
}

/// What a snapshot keeps of one lease.
#[derive(Clone, Default)]
struct Entry {
    /// Owner, and when it runs out.
    lease: Option<(u32, u64)>,
    record: Option<Record>,
    /// What an owner told on leaving; a part of the record.
    told: Option<u64>,
}

pub(super) struct Store {
    entries: Vec<Entry>,
    snapshot: Vec<Entry>,
    run: u32,
    broken: Option<Broken>,
}

fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap()
}

impl Store {
    pub(super) fn new(count: usize, broken: Option<Broken>) -> Self {
        let entries = vec![Entry::default(); count];
        Self { snapshot: entries.clone(), entries, run: 1, broken }
    }

    pub(super) fn wipe(&mut self) {
        self.entries.fill(Entry::default());
    }

    pub(super) fn save(&mut self) {
        self.snapshot.clone_from(&self.entries);
    }

    /// Comes back as it was when it was saved.
    pub(super) fn restart(&mut self) {
        self.entries.clone_from(&self.snapshot);
        self.run += 1;
    }

    pub(super) fn evict(&mut self, index: usize) -> bool {
        self.entries[index].lease.take().is_some()
    }

    /// `floor` is the clock's part of an epoch, as the asking process reads it.
    pub(super) fn answer(&mut self, owner: u32, request: &Request, floor: u32, now_ms: u64) -> Answer {
        let each = request.indices.iter().zip(&request.above);
        match request.ask {
            Ask::Acquire => Answer::Acquired(
                each.map(|(index, above)| self.acquire(*index, owner, floor, above.number() + 1, now_ms))
                    .collect(),
            ),
            Ask::Renew => Answer::Renewed(each.map(|(index, _)| self.renew(*index, owner, now_ms)).collect()),
            Ask::Release => {
                let told = request.traded_up_to.iter();
                each.zip(told).for_each(|((index, _), told)| self.release(*index, owner, *told));
                Answer::Released
            }
        }
    }

    fn acquire(&mut self, index: usize, owner: u32, floor: u32, least: u32, now_ms: u64) -> Acquired {
        let ttl = ms(Times::default().ttl);
        let entry = &mut self.entries[index];
        let holder = entry.lease.filter(|(_, expires)| now_ms < *expires).map(|(holder, _)| holder);
        let epoch = entry.record.map_or(0, |record| record.epoch);
        if let Some(other) = holder.filter(|holder| *holder != owner) {
            return Acquired::Foreign { owner: other.to_string(), epoch: Epoch::new(epoch) };
        }
        let known = entry.record.filter(|record| record.run == self.run);
        let clear_ms = match (known, self.broken) {
            (None, Some(Broken::WipedStore)) => 0,
            (None, _) => now_ms + ttl,
            (Some(_), Some(Broken::ShortMemory)) => 0,
            (Some(record), Some(Broken::EvictedLease)) => record.clear_ms,
            (Some(record), _) if holder.is_none() => record.clear_ms.max(record.held_ms),
            (Some(record), _) => record.clear_ms,
        };
        let wait_ms = clear_ms.saturating_sub(now_ms);
        let epoch = (floor + u32::try_from(wait_ms.div_ceil(250)).unwrap()).max(epoch + 1).max(least);
        entry.lease = Some((owner, now_ms + ttl));
        entry.record = Some(Record { held_ms: now_ms + ttl, clear_ms, epoch, run: self.run });
        Acquired::Got {
            epoch: Epoch::new(epoch),
            wait: Duration::from_millis(wait_ms),
            traded_up_to: entry.told,
        }
    }

    fn renew(&mut self, index: usize, owner: u32, now_ms: u64) -> bool {
        let until = now_ms + ms(Times::default().ttl);
        let entry = &mut self.entries[index];
        match &mut entry.lease {
            Some((holder, expires)) if *holder == owner && now_ms < *expires => *expires = until,
            Some(_) | None => return false,
        }
        if let Some(record) = &mut entry.record {
            record.held_ms = until;
        }
        true
    }

    fn release(&mut self, index: usize, owner: u32, told: Option<u64>) {
        let entry = &mut self.entries[index];
        if entry.lease.is_some_and(|(holder, _)| holder == owner) {
            entry.lease = None;
            if let Some(record) = &mut entry.record {
                record.held_ms = 0;
                entry.told = told.or(entry.told);
            }
        }
    }
}
