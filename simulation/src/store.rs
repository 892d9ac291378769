//! The lease store as its scripts make it (src/ownership/lease/*.lua): what a server with a clock of its own answers.

use std::time::Duration;

use pipeline::lease::{Acquired, Answer, Ask, Request, Times};
use schemas::ids::Epoch;

#[derive(Clone, Copy, Debug)]
struct Record {
    held_ms: u64,
    clear_ms: u64,
    epoch: u32,
    run: u32,
}

#[derive(Clone, Debug, Default)]
struct Entry {
    /// Owner, and when it runs out.
    lease: Option<(u64, u64)>,
    record: Option<Record>,
    /// What an owner told on leaving; a part of the record.
    told: Option<u64>,
}

/// One server.
#[derive(Debug)]
pub struct Store {
    entries: Vec<Entry>,
    saved: Vec<Entry>,
    run: u32,
}

fn ttl_ms() -> u64 {
    u64::try_from(Times::default().ttl.as_millis()).unwrap_or(u64::MAX)
}

impl Store {
    /// A store for the leases of so many symbols.
    #[must_use]
    pub fn new(symbols: usize) -> Self {
        let entries = vec![Entry::default(); symbols];
        Self { saved: entries.clone(), entries, run: 1 }
    }

    /// Everything is forgotten.
    pub fn wipe(&mut self) {
        self.entries.fill(Entry::default());
    }

    /// What a later [`Store::roll_back`] comes back with.
    pub fn save(&mut self) {
        self.saved.clone_from(&self.entries);
    }

    /// Started anew, as it was when it was last saved.
    pub fn roll_back(&mut self) {
        self.entries.clone_from(&self.saved);
        self.run += 1;
    }

    /// Answers a request. `symbols` are those of the asking process, `clock` its clock's part of an epoch.
    pub fn answer(
        &mut self,
        owner: u64,
        symbols: &[usize],
        request: &Request,
        clock: u32,
        now_ms: u64,
    ) -> Answer {
        let each = request.indices.iter().zip(&request.above).map(|(index, above)| (symbols[*index], above));
        match request.ask {
            Ask::Acquire => {
                let one = |(symbol, above): (usize, &Epoch)| {
                    self.acquire(symbol, owner, clock, above.number() + 1, now_ms)
                };
                Answer::Acquired(each.map(one).collect())
            }
            Ask::Renew => {
                Answer::Renewed(each.map(|(symbol, _)| self.renew(symbol, owner, now_ms)).collect())
            }
            Ask::Release => {
                let told = request.traded_up_to.iter();
                each.zip(told).for_each(|((symbol, _), told)| self.release(symbol, owner, *told));
                Answer::Released
            }
        }
    }

    fn acquire(&mut self, symbol: usize, owner: u64, clock: u32, least: u32, now_ms: u64) -> Acquired {
        let entry = &mut self.entries[symbol];
        let holder = entry.lease.filter(|(_, expires)| now_ms < *expires).map(|(holder, _)| holder);
        let epoch = entry.record.map_or(0, |record| record.epoch);
        if let Some(other) = holder.filter(|holder| *holder != owner) {
            return Acquired::Foreign { owner: other.to_string(), epoch: Epoch::new(epoch) };
        }
        let known = entry.record.filter(|record| record.run == self.run);
        let clear_ms = match known {
            None => now_ms + ttl_ms(),
            Some(record) if holder.is_none() => record.clear_ms.max(record.held_ms),
            Some(record) => record.clear_ms,
        };
        let wait_ms = clear_ms.saturating_sub(now_ms);
        let waited = clock + u32::try_from(wait_ms.div_ceil(250)).unwrap_or(0);
        let epoch = (epoch + 1).max(waited).max(least);
        entry.lease = Some((owner, now_ms + ttl_ms()));
        entry.record = Some(Record { held_ms: now_ms + ttl_ms(), clear_ms, epoch, run: self.run });
        Acquired::Got {
            epoch: Epoch::new(epoch),
            wait: Duration::from_millis(wait_ms),
            traded_up_to: entry.told,
        }
    }

    fn renew(&mut self, symbol: usize, owner: u64, now_ms: u64) -> bool {
        let until = now_ms + ttl_ms();
        let entry = &mut self.entries[symbol];
        match &mut entry.lease {
            Some((holder, expires)) if *holder == owner && now_ms < *expires => *expires = until,
            Some(_) | None => return false,
        }
        if let Some(record) = &mut entry.record {
            record.held_ms = until;
        }
        true
    }

    fn release(&mut self, symbol: usize, owner: u64, told: Option<u64>) {
        let entry = &mut self.entries[symbol];
        if entry.lease.is_some_and(|(holder, _)| holder == owner) {
            entry.lease = None;
            if let Some(record) = &mut entry.record {
                record.held_ms = 0;
                entry.told = told.or(entry.told);
            }
        }
    }
}
