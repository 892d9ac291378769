//! The reaper of one account: which open orders of ours are so old that nobody looks after them any more, and are to
//! be cancelled.
//!
//! It is told lists of open orders and says what to do. An order is of ours if it carries one of the instruments'
//! prefixes; others are counted and never touched. What was to be cancelled counts as gone when an answered list no
//! longer holds it, whatever was answered to the cancel.

use std::collections::BTreeMap;
use std::time::Duration;

use schemas::ids::{ClientOrderId, InstrumentPrefix, Leg};

use crate::time::Nanos;

/// The pause before a cancel that was of no use is said again; doubles up to the longest.
const AGAIN: Duration = Duration::from_millis(500);
const AGAIN_MAX: Duration = Duration::from_secs(4);

/// An open order as the venue lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The venue's symbol.
    pub symbol: String,
    /// The client order id, whoever's.
    pub client_id: String,
    /// The venue's id.
    pub venue_id: u64,
    /// When it was placed, milliseconds of the venue's clock; `None` where the venue does not say.
    pub placed_ms: Option<i64>,
}

/// An order to cancel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Orphan {
    /// The venue's symbol.
    pub symbol: String,
    /// Our id of it.
    pub id: ClientOrderId,
    /// The venue's id of it.
    pub venue_id: u64,
}

/// An order of ours that was open in the last list.
#[derive(Clone, Debug)]
struct Known {
    symbol: String,
    venue_id: u64,
    placed_ms: Option<i64>,
    seen: Nanos,
    tries: u32,
    next: Nanos,
}

/// The orders of one account.
#[derive(Debug)]
pub struct Reaper {
    prefixes: Vec<InstrumentPrefix>,
    older_than: Duration,
    open: BTreeMap<ClientOrderId, Known>,
    /// Orders of nobody here, by the symbol that was listed; the empty name stands for all of them.
    aliens: BTreeMap<String, usize>,
    reaped: u64,
}

impl Reaper {
    /// Looks after the orders of these instruments.
    #[must_use]
    pub const fn new(prefixes: Vec<InstrumentPrefix>, older_than: Duration) -> Self {
        Self { prefixes, older_than, open: BTreeMap::new(), aliens: BTreeMap::new(), reaped: 0 }
    }

    /// An answered list: the open orders of one symbol, or with `None` of all of them. What was to be cancelled and is
    /// not in it is gone.
    pub fn handle_list(&mut self, symbol: Option<&str>, orders: &[Listed], now: Nanos) {
        let mut aliens = 0;
        let mut listed = BTreeMap::new();
        for order in orders {
            match ClientOrderId::parse(&order.client_id).filter(|id| self.prefixes.contains(&id.prefix())) {
                Some(id) => drop(listed.insert(id, order)),
                None => aliens += 1,
            }
        }
        self.aliens.insert(symbol.unwrap_or_default().to_owned(), aliens);
        let in_scope = |known: &Known| symbol.is_none_or(|symbol| known.symbol == symbol);
        let mut reaped = 0;
        self.open.retain(|id, known| {
            let stays = !in_scope(known) || listed.contains_key(id);
            reaped += u64::from(!stays && known.tries > 0);
            stays
        });
        self.reaped += reaped;
        for (id, order) in listed {
            let known = self.open.entry(id).or_insert_with(|| Known {
                symbol: order.symbol.clone(),
                venue_id: order.venue_id,
                placed_ms: order.placed_ms,
                seen: now,
                tries: 0,
                next: Nanos(0),
            });
            known.venue_id = order.venue_id;
        }
    }

    /// The next order to cancel, if one is due. Call until `None`. `venue_ms` is the venue's clock.
    pub fn poll_cancel(&mut self, venue_ms: i64, now: Nanos) -> Option<Orphan> {
        let older_than = self.older_than;
        let due = |known: &Known| now >= known.next && known.age(venue_ms, now) >= older_than;
        let (id, known) = self.open.iter_mut().find(|(_, known)| due(known))?;
        known.next = now + (AGAIN * 2_u32.pow(known.tries.min(8))).min(AGAIN_MAX);
        known.tries = known.tries.saturating_add(1);
        Some(Orphan { symbol: known.symbol.clone(), id: *id, venue_id: known.venue_id })
    }

    /// Whether something old was still open when it was last listed.
    #[must_use]
    pub fn has_orphans(&self, venue_ms: i64, now: Nanos) -> bool {
        self.open.values().any(|known| known.age(venue_ms, now) >= self.older_than)
    }

    /// The old ones, for whoever has to give up.
    #[must_use]
    pub fn orphans(&self, venue_ms: i64, now: Nanos) -> Vec<ClientOrderId> {
        let old = self.open.iter().filter(|(_, known)| known.age(venue_ms, now) >= self.older_than);
        old.map(|(id, _)| *id).collect()
    }

    /// How many makers of ours were open in the last lists, and the age of the oldest.
    #[must_use]
    pub fn makers(&self, venue_ms: i64, now: Nanos) -> (usize, Duration) {
        let makers = || self.open.iter().filter(|(id, _)| id.leg() == Leg::Maker);
        let oldest = makers().map(|(_, known)| known.age(venue_ms, now)).max();
        (makers().count(), oldest.unwrap_or_default())
    }

    /// Orders that carry no prefix of ours.
    #[must_use]
    pub fn aliens(&self) -> usize {
        self.aliens.values().sum()
    }

    /// Orders that were told to go and are gone.
    #[must_use]
    pub const fn reaped(&self) -> u64 {
        self.reaped
    }
}

impl Known {
    /// By the venue's own times; a venue that says none, or whose clock went back, by when it was first listed.
    fn age(&self, venue_ms: i64, now: Nanos) -> Duration {
        let seen = now.since(self.seen);
        let by_venue =
            self.placed_ms.and_then(|placed_ms| u64::try_from(venue_ms.saturating_sub(placed_ms)).ok());
        by_venue.map_or(seen, Duration::from_millis).max(seen)
    }
}

/// A part of a venue's weight limit, spent by whole minutes: lists may take four fifths of it, the rest is for cancels.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    a_minute: u64,
    spent: u64,
    began: Nanos,
}

impl Budget {
    const WINDOW: Duration = Duration::from_secs(60);

    /// That much weight a minute.
    #[must_use]
    pub const fn new(a_minute: u64) -> Self {
        Self { a_minute, spent: 0, began: Nanos(0) }
    }

    /// Takes that much for a list, if it is there.
    pub fn take_list(&mut self, weight: u64, now: Nanos) -> bool {
        self.take(weight, self.for_lists(), now)
    }

    /// How far apart lists of that weight are that the budget pays for all the time.
    #[must_use]
    pub fn list_every(&self, weight: u64) -> Duration {
        let window_ms = u64::try_from(Self::WINDOW.as_millis()).unwrap_or(u64::MAX);
        let lists = self.for_lists().checked_div(weight).unwrap_or(u64::MAX).max(1);
        Duration::from_millis(window_ms.div_ceil(lists))
    }

    /// Takes that much for a cancel, if it is there.
    pub fn take_cancel(&mut self, weight: u64, now: Nanos) -> bool {
        self.take(weight, self.a_minute, now)
    }

    const fn for_lists(&self) -> u64 {
        self.a_minute / 5 * 4
    }

    fn take(&mut self, weight: u64, most: u64, now: Nanos) -> bool {
        if now.since(self.began) >= Self::WINDOW {
            (self.began, self.spent) = (now, 0);
        }
        let is_there = self.spent + weight <= most;
        self.spent += if is_there { weight } else { 0 };
        is_there
    }
}
