//! Random flows against a book that is too simple to be wrong.

use std::collections::BTreeMap;

use pipeline::book::{Best, Book, BookRequest, BookState, Diff, Level, Snapshot};
use pipeline::time::{Nanos, Now};
use proptest::prelude::*;
use schemas::units::Decimal;
use schemas::wire::book_fault::BookFault;

/// The venue: every change has its id, and the whole book is remembered at each.
struct Venue {
    history: Vec<Naive>,
    changes: Vec<(bool, i64, i64)>,
}

#[derive(Clone, Default, PartialEq)]
struct Naive {
    bids: BTreeMap<i64, i64>,
    asks: BTreeMap<i64, i64>,
}

impl Naive {
    fn set(&mut self, is_bid: bool, price: i64, qty: i64) {
        let side = if is_bid { &mut self.bids } else { &mut self.asks };
        if qty == 0 {
            side.remove(&price);
        } else {
            side.insert(price, qty);
        }
    }

    fn best(&self, update_id: usize) -> Best {
        let last = |level: Option<(&i64, &i64)>| level.map(|(price, qty)| to_level(*price, *qty));
        Best {
            update_id: u64::try_from(update_id).unwrap(),
            bid: last(self.bids.last_key_value()),
            ask: last(self.asks.first_key_value()),
        }
    }
}

fn to_level(price: i64, qty: i64) -> Level {
    Level { price: Decimal::new(price.into(), 2), qty: Decimal::new(qty.into(), 8) }
}

impl Venue {
    /// Ids begin at 1; id 0 is the empty book. Bids lie below 1,000 and asks above, unless they may cross.
    fn new(changes: &[(bool, u8, u8)], may_cross: bool) -> Self {
        let mut naive = Naive::default();
        let mut venue = Self { history: vec![naive.clone()], changes: vec![(true, 1, 0)] };
        for (is_bid, step, qty) in changes {
            let step = i64::from(*step % 40);
            let price = match (may_cross, is_bid) {
                (true, _) => 1_000 + step,
                (false, true) => 999 - step,
                (false, false) => 1_001 + step,
            };
            let qty = i64::from(*qty % 5);
            naive.set(*is_bid, price, qty);
            venue.history.push(naive.clone());
            venue.changes.push((*is_bid, price, qty));
        }
        venue
    }

    fn last(&self) -> usize {
        self.changes.len() - 1
    }

    fn diff(&self, first: usize, last: usize) -> Diff {
        let of = |bids: bool| {
            let changes = self.changes[first..=last].iter().filter(move |(is_bid, ..)| *is_bid == bids);
            changes.map(|(_, price, qty)| to_level(*price, *qty)).collect()
        };
        Diff {
            first_id: u64::try_from(first).unwrap(),
            last_id: u64::try_from(last).unwrap(),
            event_time_ms: None,
            previous_id: None,
            bids: of(true),
            asks: of(false),
        }
    }

    fn snapshot(&self, at: usize) -> Snapshot {
        let naive = &self.history[at];
        Snapshot {
            last_id: u64::try_from(at).unwrap(),
            bids: naive.bids.iter().rev().map(|(price, qty)| to_level(*price, *qty)).collect(),
            asks: naive.asks.iter().map(|(price, qty)| to_level(*price, *qty)).collect(),
        }
    }
}

/// What the wire does to one batch of changes.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Wire {
    Deliver,
    Twice,
    Drop,
    SwapWithNext,
    /// Deliver it, and the best quote of its last change before it.
    QuoteFirst,
    /// Deliver it, and a best quote of some time ago after it.
    OldQuoteAfter,
}

fn wire() -> impl Strategy<Value = Wire> {
    prop_oneof![
        6 => Just(Wire::Deliver),
        1 => Just(Wire::Twice),
        1 => Just(Wire::Drop),
        1 => Just(Wire::SwapWithNext),
        2 => Just(Wire::QuoteFirst),
        1 => Just(Wire::OldQuoteAfter),
    ]
}

/// Ends of the batches and what becomes of each: `(first, last, wire)`.
fn batches(last: usize, sizes: &[(usize, Wire)]) -> Vec<(usize, usize, Wire)> {
    let mut first = 1;
    let mut batches = Vec::new();
    for (size, wire) in sizes.iter().cycle() {
        if first > last {
            break;
        }
        let end = (first + size - 1).min(last);
        batches.push((first, end, *wire));
        first = end + 1;
    }
    batches
}

fn is_equal(book: &Book, naive: &Naive) -> bool {
    let bids: Vec<Level> = naive.bids.iter().rev().map(|(price, qty)| to_level(*price, *qty)).collect();
    let asks: Vec<Level> = naive.asks.iter().map(|(price, qty)| to_level(*price, *qty)).collect();
    book.bids().copied().collect::<Vec<_>>() == bids && book.asks().copied().collect::<Vec<_>>() == asks
}

struct Run<'v> {
    venue: &'v Venue,
    book: Book,
    now: Now,
    /// Last change that the venue has made so far.
    reached: usize,
    pending: Option<u32>,
    gaps_told: u64,
}

impl Run<'_> {
    fn tick(&mut self) {
        self.now = Now { mono: Nanos(self.now.mono.0 + 10_000_000), wall_ms: 0 };
        if let Some(BookRequest::Snapshot { ticket }) = self.book.poll_request(self.now) {
            self.pending = Some(ticket);
        }
    }

    fn note(&mut self, fault: Option<BookFault>) {
        self.gaps_told += u64::from(matches!(fault, Some(BookFault::Gap { .. })));
        assert!(!matches!(fault, Some(BookFault::TopMismatch { .. })), "{fault:?}");
    }

    /// A snapshot as old as `lag` changes.
    fn answer(&mut self, lag: usize) {
        if let Some(ticket) = self.pending.take() {
            let snapshot = self.venue.snapshot(self.reached.saturating_sub(lag));
            let fault = self.book.handle_snapshot(ticket, &snapshot, self.now);
            self.note(fault);
        }
    }

    fn diff(&mut self, first: usize, last: usize) {
        self.reached = self.reached.max(last);
        let fault = self.book.handle_diff(&self.venue.diff(first, last), self.now);
        self.note(fault);
    }

    fn quote(&mut self, id: usize) {
        let fault = self.book.handle_best(self.venue.history[id].best(id), self.now);
        self.note(fault);
    }

    fn check_newest(&self, told: usize) {
        self.check();
        if let Some(top) = self.book.top(self.now).top {
            assert_eq!(top.update_id, u64::try_from(told).unwrap(), "the newest account wins");
        }
    }

    /// Whatever is shown is what the venue once had at that id: never a mixture.
    fn check(&self) {
        if let Some(top) = self.book.top(self.now).top {
            let id = usize::try_from(top.update_id).unwrap();
            let best = self.venue.history[id].best(id);
            assert_eq!((top.bid, top.ask), (best.bid, best.ask), "at {id}");
        }
    }
}

proptest! {
    #![proptest_config(crate::support::cases(400))]

    /// Fault B1, B8.
    /// Promise P4.
    #[test]
    fn whatever_the_wire_does_the_top_is_one_that_the_venue_had(
        changes in prop::collection::vec(any::<(bool, u8, u8)>(), 1..120),
        sizes in prop::collection::vec((1_usize..6, wire()), 1..40),
        lags in prop::collection::vec(0_usize..12, 1..20),
        snapshot_every in 1_usize..8,
        may_cross: bool,
    ) {
        let venue = Venue::new(&changes, may_cross);
        let mut run = Run {
            venue: &venue, book: Book::new(), now: Now::default(), reached: 0, pending: None, gaps_told: 0,
        };
        run.book.handle_subscribed(run.now);
        let batches = batches(venue.last(), &sizes);
        let mut held: Option<(usize, usize)> = None;
        for (index, (first, last, wire)) in batches.iter().copied().enumerate() {
            for _ in 0..50 {
                run.tick();
            }
            match wire {
                Wire::Drop => run.reached = run.reached.max(last),
                Wire::SwapWithNext => {
                    if let Some((first, last)) = held.replace((first, last)) {
                        run.diff(first, last);
                    }
                    continue;
                }
                Wire::QuoteFirst => run.quote(last),
                Wire::Deliver | Wire::Twice | Wire::OldQuoteAfter => {}
            }
            if wire != Wire::Drop {
                run.diff(first, last);
            }
            match wire {
                Wire::Twice => run.diff(first, last),
                Wire::OldQuoteAfter => run.quote(last.saturating_sub(3)),
                Wire::Deliver | Wire::Drop | Wire::SwapWithNext | Wire::QuoteFirst => {}
            }
            run.check();
            if let Some((first, last)) = held.take() {
                run.diff(first, last);
            }
            run.check();
            if index % snapshot_every == 0 {
                run.answer(lags[index % lags.len()]);
                run.check();
            }
        }
        // The wire is mended: a resync at most, then equal.
        for _ in 0..2_000 {
            run.tick();
            run.answer(0);
            if run.book.state(run.now) != BookState::Syncing {
                break;
            }
        }
        if is_equal(&run.book, &venue.history[venue.last()]) {
            return Ok(());
        }
        // The last diffs were lost: nobody can know before the next one comes, and then it is known at once.
        let next = Diff { first_id: u64::try_from(venue.last() + 1).unwrap(),
            last_id: u64::try_from(venue.last() + 1).unwrap(), ..Diff::default() };
        let fault = run.book.handle_diff(&next, run.now);
        let gap_told = matches!(fault, Some(BookFault::Gap { .. }));
        prop_assert!(gap_told, "a lost diff went unnoticed: {:?}", fault);
    }

    #[test]
    fn a_faithful_wire_never_costs_a_resync_and_never_crosses(
        changes in prop::collection::vec(any::<(bool, u8, u8)>(), 1..120),
        sizes in prop::collection::vec((1_usize..6, Just(Wire::QuoteFirst)), 1..40),
        snapshot_at in 0_usize..20,
    ) {
        let venue = Venue::new(&changes, false);
        let mut run = Run {
            venue: &venue, book: Book::new(), now: Now::default(), reached: 0, pending: None, gaps_told: 0,
        };
        run.book.handle_subscribed(run.now);
        for (index, (first, last, _)) in batches(venue.last(), &sizes).into_iter().enumerate() {
            run.tick();
            for id in first..=last {
                run.quote(id);
                run.check_newest(id);
            }
            run.diff(first, last);
            if index >= snapshot_at {
                run.answer(0);
            }
            run.check_newest(last);
            prop_assert!(!run.book.top(run.now).top.is_some_and(|top| top.is_crossed()));
        }
        run.answer(0);
        prop_assert_eq!(run.book.counts().resyncs, 0);
        if run.book.state(run.now) != BookState::Syncing {
            prop_assert!(is_equal(&run.book, &venue.history[venue.last()]));
        }
    }
}
