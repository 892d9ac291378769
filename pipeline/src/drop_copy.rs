//! A second set of books, made of what the journal says and what the venue's user stream says, and of nothing that the
//! order path believes (P13): where the two disagree, one of them is wrong.
//!
//! What agrees is forgotten at once, so only orders in flight take room. The stream may be silent about an order, and
//! proves nothing by it; whatever it does say must fit.

use std::collections::BTreeMap;
use std::time::Duration;

use schemas::ids::{ClientOrderId, InstrumentPrefix};
use schemas::journal::{Evidence, Outcome, Record};
use schemas::units::Decimal;
use schemas::wire::order_update::OrderUpdate;

use crate::time::Nanos;

/// How long the journal and the stream may take to follow each other.
const SETTLE: Duration = Duration::from_secs(10);
/// How long an order that never was is remembered: longer than any request can be under way.
const NEVER_FOR: Duration = Duration::from_secs(60);
/// Most orders that are kept.
const ORDERS_MAX: usize = 65_536;

/// One thing that was said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fact {
    /// The journal holds an order's intent.
    Sent(ClientOrderId),
    /// The journal holds its outcome.
    Ended(ClientOrderId, Ending),
    /// The user stream told of it.
    Told {
        /// The order.
        id: ClientOrderId,
        /// No more can happen to it.
        over: bool,
        /// How much of it had traded.
        executed: Decimal,
    },
    /// The stream may have been silent about orders of an instrument.
    Deaf(InstrumentPrefix),
}

/// How an order ended by the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The venue named the end, and this much had traded.
    Venue(Decimal),
    /// It never was in the venue's book.
    Never,
    /// The venue forgot it; how much traded is not known.
    Gone,
}

/// What the journal and the stream can disagree about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Difference {
    /// The venue has an order that no intent speaks of.
    NoIntent,
    /// The venue ended it, and the journal does not.
    NoOutcome,
    /// The journal ended it, and at the venue it is open.
    StillOpen,
    /// The journal says that it never was, and the venue had it.
    NeverExisted,
    /// Both say that it is over, but not how much of it traded.
    Executed,
}

impl Difference {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::NoIntent, Self::NoOutcome, Self::StillOpen, Self::NeverExisted, Self::Executed];

    /// The name in metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoIntent => "no_intent",
            Self::NoOutcome => "no_outcome",
            Self::StillOpen => "still_open",
            Self::NeverExisted => "never_existed",
            Self::Executed => "executed",
        }
    }
}

/// Both sides of the orders in flight.
#[derive(Clone, Debug, Default)]
pub struct DropCopy {
    orders: BTreeMap<ClientOrderId, Sides>,
    /// The last intent of each instrument: ids grow.
    newest: BTreeMap<InstrumentPrefix, ClientOrderId>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Sides {
    sent: bool,
    ended: Option<Ending>,
    /// Whether it is over, and how much traded.
    told: Option<(bool, Decimal)>,
    /// When the last of these was said.
    at: Nanos,
}

impl DropCopy {
    /// Takes a fact in.
    pub fn take(&mut self, fact: Fact, now: Nanos) {
        match fact {
            Fact::Sent(id) => {
                let newest = self.newest.entry(id.prefix()).or_insert(id);
                *newest = id.max(*newest);
                self.sides(id, now).sent = true;
            }
            Fact::Ended(id, ending) => {
                let sides = self.sides(id, now);
                // The journal refuses outcomes without an intent.
                (sides.sent, sides.ended) = (true, Some(ending));
                self.settle(id);
            }
            Fact::Told { id, over, executed } => self.told(id, over, executed, now),
            Fact::Deaf(prefix) => {
                for (id, sides) in &mut self.orders {
                    sides.told = sides.told.filter(|(over, _)| *over || id.prefix() != prefix);
                }
            }
        }
    }

    /// What is different at that moment. What will never be compared any more is forgotten.
    pub fn compare(&mut self, now: Nanos) -> Vec<(ClientOrderId, Difference)> {
        self.orders.retain(|_, sides| !sides.is_stale(now));
        let differs = |(id, sides): (&ClientOrderId, &Sides)| Some((*id, sides.difference(now)?));
        self.orders.iter().filter_map(differs).collect()
    }

    /// Something was missed: what was known proves nothing.
    pub fn forget(&mut self) {
        *self = Self::default();
    }

    fn told(&mut self, id: ClientOrderId, over: bool, executed: Decimal, now: Nanos) {
        // Of what is not known here, only what comes after our last order under the same epoch is news: other epochs
        // are other owners', and earlier orders agreed long ago.
        let is_news = |newest: &ClientOrderId| newest.epoch() == id.epoch() && *newest < id;
        if !self.orders.contains_key(&id) && !self.newest.get(&id.prefix()).is_some_and(is_news) {
            return;
        }
        let sides = self.sides(id, now);
        let before = sides.told.unwrap_or((false, Decimal::ZERO));
        // Statements may come in another order than they were made.
        sides.told = Some((over || before.0, executed.max(before.1)));
        self.settle(id);
    }

    fn sides(&mut self, id: ClientOrderId, now: Nanos) -> &mut Sides {
        if self.orders.len() >= ORDERS_MAX && !self.orders.contains_key(&id) {
            self.orders.pop_first();
        }
        let sides = self.orders.entry(id).or_default();
        sides.at = now;
        sides
    }

    /// Forgets an order of which both sides say the same.
    fn settle(&mut self, id: ClientOrderId) {
        if self.orders.get(&id).is_some_and(Sides::agree) {
            self.orders.remove(&id);
        }
    }
}

impl Sides {
    fn agree(&self) -> bool {
        match (self.ended, self.told) {
            (Some(Ending::Venue(ours)), Some((true, theirs))) => ours == theirs,
            (Some(Ending::Gone), Some((true, _))) => true,
            (Some(Ending::Venue(_) | Ending::Never | Ending::Gone) | None, _) => false,
        }
    }

    fn difference(&self, now: Nanos) -> Option<Difference> {
        let settled = now.since(self.at) >= SETTLE;
        let (over, theirs) = self.told?;
        if !self.sent {
            return Some(Difference::NoIntent);
        }
        match self.ended {
            Some(Ending::Never) => Some(Difference::NeverExisted),
            Some(Ending::Venue(ours)) if over => (ours != theirs).then_some(Difference::Executed),
            Some(Ending::Venue(_) | Ending::Gone) => (!over && settled).then_some(Difference::StillOpen),
            None => (over && settled).then_some(Difference::NoOutcome),
        }
    }

    /// It ended, and the stream, which may have been deaf, has not spoken of it.
    fn is_stale(&self, now: Nanos) -> bool {
        let keep = match self.ended {
            Some(Ending::Never) => NEVER_FOR,
            Some(Ending::Venue(_) | Ending::Gone) => SETTLE,
            None => return false,
        };
        self.told.is_none() && now.since(self.at) >= keep
    }
}

impl Fact {
    /// What a record of the journal says of an order, if it is about one.
    #[must_use]
    pub fn of_record(record: &Record<'_>) -> Option<Self> {
        match record {
            Record::Intent(intent) => Some(Self::Sent(intent.id)),
            Record::Outcome(outcome) => Some(Self::Ended(outcome.id, Ending::of(outcome))),
            Record::Header(_)
            | Record::Traded(_)
            | Record::Cancel(_)
            | Record::SweepDone(_)
            | Record::Halt(_)
            | Record::Release(_)
            | Record::RunEnded(_) => None,
        }
    }

    /// What the user stream says.
    #[must_use]
    pub const fn of_update(update: &OrderUpdate) -> Self {
        Self::Told { id: update.client_id, over: update.status.is_final(), executed: update.executed }
    }
}

impl Ending {
    const fn of(outcome: &Outcome) -> Self {
        match outcome.evidence {
            Evidence::Venue => Self::Venue(outcome.executed),
            Evidence::Refused | Evidence::DeniedLocally | Evidence::NotFound => Self::Never,
            Evidence::Gone => Self::Gone,
        }
    }
}

#[cfg(test)]
mod tests {
    use schemas::ids::{Epoch, Leg};

    use super::*;

    const LATER: Nanos = Nanos(20_000_000_000);

    fn id(epoch: u32, sequence: u64) -> ClientOrderId {
        ClientOrderId::new(InstrumentPrefix::new("main", "BTCUSDT"), Epoch::new(epoch), sequence, Leg::Maker)
    }

    fn qty(steps: i128) -> Decimal {
        Decimal::from_steps(steps, 2)
    }

    fn told(sequence: u64, over: bool, executed: i128) -> Fact {
        Fact::Told { id: id(7, sequence), over, executed: qty(executed) }
    }

    fn ended(sequence: u64, executed: i128) -> Fact {
        Fact::Ended(id(7, sequence), Ending::Venue(qty(executed)))
    }

    /// What is different at that moment, once all of it was said at the beginning.
    fn differs(facts: &[Fact], at: Nanos) -> Vec<Difference> {
        let mut copy = DropCopy::default();
        facts.iter().for_each(|fact| copy.take(*fact, Nanos(0)));
        copy.compare(at).into_iter().map(|(_, difference)| difference).collect()
    }

    #[test]
    fn what_agrees_takes_no_room() {
        let mut copy = DropCopy::default();
        for sequence in 0..1_000 {
            copy.take(Fact::Sent(id(7, sequence)), Nanos(0));
            copy.take(told(sequence, false, 0), Nanos(0));
            // Either side may be the first to know.
            let mut ends = [ended(sequence, 5), told(sequence, true, 5)];
            ends.rotate_left(usize::from(sequence % 2 == 1));
            ends.into_iter().for_each(|end| copy.take(end, Nanos(0)));
            // And the stream may say it again.
            copy.take(told(sequence, true, 5), Nanos(0));
        }
        assert!(copy.orders.is_empty());
        assert_eq!(copy.compare(LATER), []);
    }

    /// Promise P13.
    #[test]
    fn each_difference_has_its_name() {
        let sent = Fact::Sent(id(7, 3));
        let never = Fact::Ended(id(7, 3), Ending::Never);
        for (facts, at_once, later) in [
            (
                vec![sent, told(3, true, 5), ended(3, 4)],
                Some(Difference::Executed),
                Some(Difference::Executed),
            ),
            (vec![sent, told(4, false, 0)], Some(Difference::NoIntent), Some(Difference::NoIntent)),
            (
                vec![sent, never, told(3, false, 0)],
                Some(Difference::NeverExisted),
                Some(Difference::NeverExisted),
            ),
            (vec![sent, told(3, true, 5)], None, Some(Difference::NoOutcome)),
            (vec![sent, ended(3, 5), told(3, false, 0)], None, Some(Difference::StillOpen)),
            (vec![sent, told(3, false, 0)], None, None),
            (vec![sent, ended(3, 5)], None, None),
            (vec![sent, never], None, None),
        ] {
            assert_eq!(differs(&facts, Nanos(1)), Vec::from_iter(at_once), "{facts:?}");
            assert_eq!(differs(&facts, LATER), Vec::from_iter(later), "{facts:?}");
        }
    }

    #[test]
    fn a_deaf_stream_and_other_owners_prove_nothing() {
        let prefix = id(7, 3).prefix();
        let sent = Fact::Sent(id(7, 3));
        assert_eq!(differs(&[sent, told(3, false, 0), Fact::Deaf(prefix), ended(3, 5)], LATER), []);
        for stranger in [id(6, 9), id(8, 0), id(7, 2)] {
            let told = Fact::Told { id: stranger, over: false, executed: qty(0) };
            assert_eq!(differs(&[sent, told], LATER), [], "{stranger}");
        }
        assert_eq!(differs(&[told(3, false, 0)], LATER), [], "whose it is cannot be told yet");
    }

    #[test]
    fn an_order_that_turns_up_after_it_was_given_up_is_told() {
        let mut copy = DropCopy::default();
        copy.take(Fact::Sent(id(7, 3)), Nanos(0));
        copy.take(Fact::Ended(id(7, 3), Ending::Never), Nanos(0));
        assert_eq!(copy.compare(LATER), []);
        copy.take(told(3, false, 0), LATER);
        assert_eq!(copy.compare(LATER), [(id(7, 3), Difference::NeverExisted)]);
    }

    #[test]
    fn it_stays_bounded() {
        let mut copy = DropCopy::default();
        for sequence in 0..2 * ORDERS_MAX as u64 {
            copy.take(Fact::Sent(id(7, sequence)), Nanos(0));
        }
        assert_eq!(copy.orders.len(), ORDERS_MAX);
    }
}
