//! What a run came to.

use pipeline::trade::Outcome;

/// Counts of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Events.
    pub events: u64,
    /// Faults that began.
    pub faults: u64,
    /// Orders that the venue took.
    pub orders: u64,
    /// Fills of ours.
    pub fills: u64,
    /// Those with strangers.
    pub foreign_fills: u64,
    /// Pairs that ended, by outcome, in the order of `Outcome::ALL`.
    pub outcomes: [u64; Outcome::ALL.len()],
    /// The oldest open maker, nanoseconds.
    pub oldest_maker: u64,
    /// The largest net position, lots.
    pub net_max: u64,
    /// After each storm: how long until each symbol matched again, nanoseconds.
    pub resumed: Vec<u64>,
}

impl Stats {
    pub(super) fn ended(&mut self, outcome: Outcome) {
        if let Some(place) = Outcome::ALL.iter().position(|known| *known == outcome) {
            self.outcomes[place] += 1;
        }
    }

    /// Pairs that ended.
    #[must_use]
    pub fn pairs(&self) -> u64 {
        self.outcomes.iter().sum()
    }

    /// Adds another run's.
    pub fn add(&mut self, other: &Self) {
        self.events += other.events;
        self.faults += other.faults;
        self.orders += other.orders;
        self.fills += other.fills;
        self.foreign_fills += other.foreign_fills;
        self.outcomes.iter_mut().zip(other.outcomes).for_each(|(mine, theirs)| *mine += theirs);
        self.oldest_maker = self.oldest_maker.max(other.oldest_maker);
        self.net_max = self.net_max.max(other.net_max);
        self.resumed.extend(&other.resumed);
    }
}
