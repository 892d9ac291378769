//! Which trades of one follow key were seen before, in bounded memory. A trade without an id is known by its time, price,
//! quantity and side, which two trades may share; without a time either nothing is a duplicate.

use std::collections::{HashSet, VecDeque};
use std::hash::Hash;

use schemas::journal::Traded;
use schemas::tick::{Tick, TickId, TradeKey};

/// How many ids back a repeated trade is known.
pub const WINDOW: usize = 8_192;
const WORDS: usize = WINDOW / 64;

/// What the ids say of a trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// Not seen before.
    New,
    /// Not seen before, and the one before it is missing.
    NewAfterGap,
    /// Not seen before, and below one that was: its number, and the highest.
    OutOfOrder(u64, u64),
    /// Seen before, or too old to tell.
    Duplicate,
}

/// The trades of one follow key: a watermark with a window below it for numbers, bounded sets for all else.
#[derive(Debug, Default)]
pub struct Seens {
    numbers: Option<Numbers>,
    /// The count before, where a publisher began anew: another one may still send of it.
    before: Option<Numbers>,
    texts: Recent<TickId>,
    contents: Recent<u64>,
    restored: Option<Restored>,
}

impl Seens {
    /// What earlier runs made pairs of is a duplicate from now on.
    pub fn restore(&mut self, traded: &Traded) {
        self.restored = Some(Restored::new(traded));
    }

    /// Takes a trade in.
    pub fn check(&mut self, tick: &Tick) -> Seen {
        let seen = self.check_run(tick);
        let traded = self.restored.as_ref().is_some_and(|restored| restored.holds(tick));
        if traded { Seen::Duplicate } else { seen }
    }

    fn check_run(&mut self, tick: &Tick) -> Seen {
        match tick.key() {
            None => Seen::New,
            Some(TradeKey::Number(number)) => self.number(number, tick.time_ms),
            Some(TradeKey::Text(id)) => self.texts.check(id),
            Some(TradeKey::Content(hash)) => self.contents.check(hash),
        }
    }

    fn number(&mut self, number: u64, time_ms: Option<i64>) -> Seen {
        let numbers = self.numbers.get_or_insert_with(Numbers::empty);
        let seen = numbers.check(number);
        // A publisher that began to count anew must not be deaf for ever: a trade below the window that is
        // younger than all before it starts a new count.
        let restarted =
            seen == Seen::Duplicate && numbers.below_window(number) && time_ms > numbers.newest_ms;
        if restarted {
            let anew = Numbers { newest_ms: numbers.newest_ms, ..Numbers::empty() };
            self.before = Some(std::mem::replace(numbers, anew));
            numbers.check(number);
        }
        numbers.newest_ms = numbers.newest_ms.max(time_ms);
        if restarted {
            Seen::New
        } else if self.before.as_ref().is_some_and(|before| before.holds(number)) {
            Seen::Duplicate
        } else {
            seen
        }
    }
}

/// The trades that earlier runs made pairs of.
#[derive(Debug)]
struct Restored {
    known: HashSet<TradeKey>,
    floor: Option<u64>,
    highest: Option<u64>,
    newest_ms: Option<i64>,
}

impl Restored {
    fn new(traded: &Traded) -> Self {
        let number = |key: &TradeKey| match key {
            TradeKey::Number(number) => Some(*number),
            TradeKey::Text(_) | TradeKey::Content(_) => None,
        };
        Self {
            known: traded.trades.iter().copied().collect(),
            floor: traded.floor,
            highest: traded.trades.iter().filter_map(number).max().max(traded.floor),
            newest_ms: traded.newest_ms,
        }
    }

    fn holds(&self, tick: &Tick) -> bool {
        let Some(key) = tick.key() else { return false };
        if let TradeKey::Number(number) = key {
            // A publisher that began to count anew, as within a run.
            let far_below =
                self.highest.is_some_and(|highest| highest.saturating_sub(number) >= WINDOW as u64);
            if far_below && tick.time_ms > self.newest_ms {
                return false;
            }
            if self.floor.is_some_and(|floor| number <= floor) {
                return true;
            }
        }
        self.known.contains(&key)
    }
}

/// The highest number seen, and which of those just below it were.
#[derive(Debug)]
struct Numbers {
    highest: Option<u64>,
    seen: Box<[u64; WORDS]>,
    newest_ms: Option<i64>,
}

impl Numbers {
    fn empty() -> Self {
        Self { highest: None, seen: Box::new([0; WORDS]), newest_ms: None }
    }

    fn below_window(&self, number: u64) -> bool {
        self.highest.is_some_and(|highest| highest.saturating_sub(number) >= WINDOW as u64)
    }

    fn check(&mut self, number: u64) -> Seen {
        let Some(highest) = self.highest else {
            self.highest = Some(number);
            self.mark(number);
            return Seen::New;
        };
        if number > highest {
            self.advance(highest, number);
            self.mark(number);
            return if number - highest > 1 { Seen::NewAfterGap } else { Seen::New };
        }
        if self.below_window(number) || self.is_marked(number) {
            return Seen::Duplicate;
        }
        self.mark(number);
        Seen::OutOfOrder(number, highest)
    }

    /// Whether it was seen, as far as is known.
    fn holds(&self, number: u64) -> bool {
        let is_known = self.highest.is_some_and(|highest| number <= highest) && !self.below_window(number);
        is_known && self.is_marked(number)
    }

    /// Forgets the places that the numbers between take over.
    fn advance(&mut self, highest: u64, number: u64) {
        if number - highest >= WINDOW as u64 {
            self.seen.fill(0);
        } else {
            for between in highest + 1..=number {
                let (word, bit) = place(between);
                self.seen[word] &= !bit;
            }
        }
        self.highest = Some(number);
    }

    fn mark(&mut self, number: u64) {
        let (word, bit) = place(number);
        self.seen[word] |= bit;
    }

    fn is_marked(&self, number: u64) -> bool {
        let (word, bit) = place(number);
        self.seen[word] & bit != 0
    }
}

fn place(number: u64) -> (usize, u64) {
    let place = usize::try_from(number % WINDOW as u64).unwrap_or(0);
    (place / 64, 1 << (place % 64))
}

/// The last ones, oldest out first.
#[derive(Debug)]
struct Recent<T> {
    known: HashSet<T>,
    order: VecDeque<T>,
}

impl<T> Default for Recent<T> {
    fn default() -> Self {
        Self { known: HashSet::new(), order: VecDeque::new() }
    }
}

impl<T: Copy + Eq + Hash> Recent<T> {
    fn check(&mut self, one: T) -> Seen {
        if !self.known.insert(one) {
            return Seen::Duplicate;
        }
        self.order.push_back(one);
        if self.order.len() > WINDOW
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        Seen::New
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tick(id: &str, time_ms: Option<i64>) -> Tick {
        Tick { price: None, qty: None, side: None, time_ms, id: Some(TickId::new(id)) }
    }

    /// Fault F7, F8, F9.
    #[test]
    fn a_number_repeats_once_and_gaps_show() {
        let mut seens = Seens::default();
        let mut check = |id: &str| seens.check(&tick(id, None));
        assert_eq!(check("10"), Seen::New);
        assert_eq!(check("11"), Seen::New);
        assert_eq!(check("11"), Seen::Duplicate);
        assert_eq!(check("14"), Seen::NewAfterGap);
        assert_eq!(check("12"), Seen::OutOfOrder(12, 14));
        assert_eq!(check("12"), Seen::Duplicate);
        assert_eq!(check("10"), Seen::Duplicate);
        assert_eq!(check("100000"), Seen::NewAfterGap);
        assert_eq!(check("14"), Seen::Duplicate);
        assert_eq!(check("99999"), Seen::OutOfOrder(99_999, 100_000));
    }

    /// Promise P2.
    #[test]
    fn what_an_earlier_run_traded_is_a_duplicate_whatever_it_is_known_by() {
        let content = |price: &str| Tick {
            price: schemas::units::Decimal::parse(price).ok(),
            id: None,
            ..tick("", Some(50))
        };
        let trades = [tick("20000", None), tick("ab", None), content("1.50")].map(|tick| tick.key().unwrap());
        let traded =
            Traded { key: String::new(), newest_ms: Some(100), floor: Some(15_000), trades: trades.into() };
        let mut seens = Seens::default();
        seens.restore(&traded);
        assert_eq!(
            seens.check(&tick("20000", Some(101))),
            Seen::Duplicate,
            "sent again by another publisher"
        );
        assert_eq!(seens.check(&tick("14000", Some(100))), Seen::Duplicate, "below what is told apart");
        assert_eq!(seens.check(&tick("ab", None)), Seen::Duplicate);
        assert_eq!(seens.check(&content("1.5")), Seen::Duplicate, "the same number, written otherwise");
        assert_ne!(seens.check(&content("1.6")), Seen::Duplicate);
        assert_ne!(seens.check(&tick("19999", Some(99))), Seen::Duplicate, "seen, never traded");
        assert_ne!(seens.check(&tick("3", Some(102))), Seen::Duplicate, "a count that began anew");
    }

    /// Fault F8.
    #[test]
    fn a_publisher_that_counts_anew_is_heard() {
        let mut seens = Seens::default();
        assert_eq!(seens.check(&tick("1000000", Some(50))), Seen::New);
        assert_eq!(seens.check(&tick("1", Some(49))), Seen::Duplicate);
        assert_eq!(seens.check(&tick("1", Some(60))), Seen::New);
        assert_eq!(seens.check(&tick("1", Some(60))), Seen::Duplicate);
        assert_eq!(seens.check(&tick("2", Some(61))), Seen::New);
    }

    /// Fault F8. Promise P2.
    #[test]
    fn one_low_number_does_not_make_the_old_ones_new() {
        let mut seens = Seens::default();
        for number in 1_000_000..1_000_010 {
            seens.check(&tick(&number.to_string(), Some(50)));
        }
        assert_eq!(seens.check(&tick("5", Some(60))), Seen::New, "a count that began anew, or a stray");
        for number in (1_000_000..1_000_010).rev() {
            assert_eq!(seens.check(&tick(&number.to_string(), Some(50))), Seen::Duplicate);
        }
        assert_eq!(seens.check(&tick("1000010", Some(61))), Seen::New);
        assert_eq!(seens.check(&tick("1000010", Some(61))), Seen::Duplicate);
    }

    #[test]
    fn text_is_known_for_a_window() {
        let mut seens = Seens::default();
        for number in 0..WINDOW {
            assert_eq!(seens.check(&tick(&format!("t-{number}"), None)), Seen::New);
        }
        assert_eq!(seens.check(&tick("t-0", None)), Seen::Duplicate);
        assert_eq!(seens.check(&tick("t-x", None)), Seen::New);
        assert_eq!(seens.check(&tick("t-0", None)), Seen::New, "the oldest is forgotten");
        assert_eq!(seens.texts.known.len(), seens.texts.order.len());
    }

    /// Fault F7, F12.
    #[test]
    fn without_an_id_a_trade_is_what_it_says_and_without_a_time_nothing_repeats() {
        let mut seens = Seens::default();
        let nameless = |time_ms| Tick { time_ms, id: None, ..tick("", None) };
        let mut check = |time_ms| seens.check(&nameless(time_ms));
        assert_eq!([1, 2, 1, 2, 3].map(|at| check(Some(at)) == Seen::New), [true, true, false, false, true]);
        assert_eq!([None, None].map(&mut check), [Seen::New, Seen::New]);
    }

    proptest! {
        #[test]
        fn within_the_window_it_is_a_set(ids in proptest::collection::vec(1_000_u64..1_000 + WINDOW as u64, 1..400)) {
            let mut seens = Seens::default();
            let mut oracle = std::collections::BTreeSet::new();
            for id in ids {
                let new = oracle.insert(id);
                let seen = seens.check(&tick(&id.to_string(), None));
                prop_assert_eq!(seen != Seen::Duplicate, new);
            }
        }
    }
}
