//! What must hold, judged at the venue: by what it accepted, what is open there and what traded, in books of its own
//! that the code under test never sees.

mod stats;
mod symbol;

use pipeline::command::{Command, PlaceLeg};
use pipeline::trade::{Outcome, Trade};
use schemas::ids::{ClientOrderId, Leg};
use schemas::tick::TradeKey;
use schemas::units::Decimal;

pub use stats::Stats;
use symbol::Books;
pub use symbol::Run;

use crate::setup::{QTY_DECIMALS, RECV_WINDOW, TICK_AGE_MAX, VenueSwitch};
use crate::venue::Venue;
use crate::{MS, SEC};

/// In a calm, nothing of ours stays open for longer than this: the lease of a dead owner runs out, its successor waits,
/// sweeps.
const CALM_OPEN_MAX: u64 = 25 * SEC;
/// Violations that are kept.
const KEPT: usize = 20;

/// A promise that did not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// When, nanoseconds.
    pub at: u64,
    /// Which promise: its number in the list of promises.
    pub promise: &'static str,
    /// What happened.
    pub what: String,
}

/// The judge of a run.
#[derive(Debug)]
pub struct Oracle {
    books: Vec<Books>,
    /// The longest that a maker may be open, whatever fails: where the venue has a switch.
    open_max: Option<u64>,
    /// A reset of the venue leaves its switches running.
    switches_stay: bool,
    /// Since when no fault is on and every process runs.
    pub calm_since: Option<u64>,
    /// What did not hold.
    pub violations: Vec<Violation>,
    /// What the run came to.
    pub stats: Stats,
}

impl Oracle {
    /// A judge of so many symbols at a venue of that switch.
    #[must_use]
    pub fn new(symbols: usize, switch: Option<VenueSwitch>) -> Self {
        Self {
            open_max: switch.map(|switch| nanos(switch.times.in_doubt_max + switch.times.countdown)),
            switches_stay: switch.is_some_and(|switch| switch.outlives_reset),
            books: (0..symbols).map(|_| Books::default()).collect(),
            calm_since: Some(0),
            violations: Vec::new(),
            stats: Stats::default(),
        }
    }

    /// Something did not hold.
    pub fn violated(&mut self, promise: &'static str, at: u64, what: String) {
        if self.violations.len() < KEPT {
            self.violations.push(Violation { at, promise, what });
        }
    }

    /// An order's frame leaves a process; whether its intent stands in that process's journal.
    pub fn leaves(&mut self, symbol: usize, command: &Command, has_intent: bool, run: Run, at: u64) {
        let (Command::PlaceMaker(leg) | Command::PlaceTaker(leg)) = command else { return };
        if !has_intent {
            self.violated("P12", at, format!("{} left and is not in the journal", leg.id));
        }
        if !self.books[symbol].left(leg.id, run, at) {
            self.violated("P2", at, format!("{} left twice", leg.id));
        }
    }

    /// A maker was taken while another owner's order is open.
    pub fn not_swept(&mut self, id: ClientOrderId, open: ClientOrderId, at: u64) {
        self.violated("P15", at, format!("{id} was accepted while {open} is open"));
    }

    /// The venue took an order. `happened` is when its reference trade truly was, where that is known; `slow_ms` is
    /// how much its sender's wall clock was behind.
    pub fn accepted(&mut self, symbol: usize, leg: &PlaceLeg, happened: Option<u64>, slow_ms: u64, at: u64) {
        self.stats.orders += 1;
        let id = leg.id;
        if let Some(over) = self.books[symbol].over(id) {
            let ago = (at - over) / MS;
            self.violated("P14", at, format!("{id} was accepted {ago} ms after it was taken to be over"));
        }
        if let Some(epoch) = self.books[symbol].newest_epoch(id.epoch()) {
            self.violated("P3", at, format!("{id} was accepted after one of epoch {}", epoch.number()));
        }
        if let Some(TradeKey::Number(trade)) = leg.cause.trade
            && let Some(other) = self.books[symbol].pair_of(trade, id)
        {
            self.violated("P2", at, format!("trade {trade} made {other} and {id}"));
        }
        let most = nanos(TICK_AGE_MAX + RECV_WINDOW) + slow_ms * MS + SEC / 5;
        if id.leg() == Leg::Maker
            && let Some(happened) = happened
            && at.saturating_sub(happened) > most
        {
            let age = (at - happened) / MS;
            self.violated("P4", at, format!("{id} was accepted {age} ms after its trade"));
        }
    }

    /// The book of a maker was last heard of at that moment when its permit was given.
    pub fn judged_book(&mut self, id: ClientOrderId, heard: Option<u64>, at: u64) {
        let age = heard.map(|heard| at - heard);
        if age.is_none_or(|age| age > nanos(crate::setup::BOOK_AGE_MAX) + SEC / 10) {
            self.violated("P4", at, format!("{id} left on a book last heard of {age:?} ns before"));
        }
    }

    /// What traded at the venue.
    pub fn trades(&mut self, venue: &mut Venue) {
        for fill in venue.fills.drain(..) {
            self.books[fill.symbol].trade(fill.side, fill.qty);
            self.stats.fills += 1;
            self.stats.foreign_fills += u64::from(!fill.with_ourselves);
            let net = self.books[fill.symbol].net().unsigned_abs();
            self.stats.net_max = self.stats.net_max.max(net);
        }
    }

    /// A process takes a pair to be over.
    pub fn pair_ended(&mut self, symbol: usize, trade: &Trade, venue: &Venue, run: Run, at: u64) {
        self.stats.ended(trade.outcome());
        for leg in [&trade.maker, &trade.taker] {
            let Some(end) = leg.end() else { continue };
            self.is_over(symbol, leg.id, venue, run, at);
            let Some(known) = venue.order(leg.id) else { continue };
            let executed = Decimal::from_steps(i128::from(known.order.filled), QTY_DECIMALS);
            if executed != leg.executed() {
                let (id, got) = (leg.id, leg.executed());
                self.violated("P13", at, format!("{id} ({end:?}) traded {executed}, taken to be {got}"));
            }
        }
        if trade.outcome() == Outcome::Matched {
            self.books[symbol].matched(at);
        }
    }

    /// A process takes an order to be over.
    pub fn is_over(&mut self, symbol: usize, id: ClientOrderId, venue: &Venue, run: Run, at: u64) {
        self.books[symbol].ended(id, run, at);
        if venue.order(id).is_some_and(|known| !known.order.status.is_final()) {
            self.violated("P14", at, format!("{id} is taken to be over and is open"));
        }
    }

    /// After every event.
    pub fn step(&mut self, venue: &Venue, at: u64) {
        for symbol in 0..self.books.len() {
            // Known gap: where a reset takes the switch away, nothing guards what arrives before the next renewal.
            let open_max = self.open_max.filter(|_| self.switches_stay || !venue.is_unguarded(symbol));
            for (id, known) in venue.open(symbol) {
                let age = at.saturating_sub(known.since);
                self.stats.oldest_maker = self.stats.oldest_maker.max(age);
                let calm = self.calm_since.map_or(0, |since| at.saturating_sub(since));
                let too_old = age.min(calm) > CALM_OPEN_MAX || open_max.is_some_and(|most| age > most);
                if too_old && self.books[symbol].blame(id) {
                    let what = format!("{id} is open for {} ms, in a calm of {} ms", age / MS, calm / MS);
                    self.violations.push(Violation { at, promise: "P1", what });
                }
            }
        }
    }

    /// The venue forgot everything: what was open is gone, positions too.
    pub fn wiped(&mut self) {
        self.books.iter_mut().for_each(Books::wiped);
    }

    /// When the last pair of a symbol matched.
    #[must_use]
    pub fn last_match(&self, symbol: usize) -> Option<u64> {
        self.books[symbol].last_match()
    }

    /// When a symbol first matched after that moment.
    #[must_use]
    pub fn first_match_after(&self, symbol: usize, moment: u64) -> Option<u64> {
        self.books[symbol].first_match_after(moment)
    }

    /// A calm begins.
    pub fn begin_calm(&mut self) {
        self.books.iter_mut().for_each(Books::begin_calm);
    }

    /// Forgets what is long over.
    pub fn forget(&mut self, at: u64) {
        self.books.iter_mut().for_each(|books| books.forget(at));
    }
}

fn nanos(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
