//! Which faults met each other, and what our orders were doing when a fault was on: the generator's own check.

use std::fmt::Write;

use crate::fault::Kind;

/// What an instrument's order is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderState {
    /// Nothing of ours is out.
    None,
    /// A maker was sent and not answered.
    MakerSent,
    /// A maker rests.
    MakerRests,
    /// A taker was sent.
    TakerSent,
    /// An outcome is unknown.
    InDoubt,
    /// A cancel is on its way.
    Cancelling,
    /// An earlier owner's orders are swept.
    Sweeping,
    /// The instrument is handed over.
    Leaving,
    /// The instrument is somebody else's.
    NotOurs,
}

impl OrderState {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::None,
        Self::MakerSent,
        Self::MakerRests,
        Self::TakerSent,
        Self::InDoubt,
        Self::Cancelling,
        Self::Sweeping,
        Self::Leaving,
        Self::NotOurs,
    ];
    /// How many there are.
    pub const COUNT: usize = Self::ALL.len();
}

/// How often each met each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coverage {
    faults: Vec<[u32; Kind::COUNT]>,
    states: Vec<[u32; OrderState::COUNT]>,
}

impl Default for Coverage {
    fn default() -> Self {
        Self {
            faults: vec![[0; Kind::COUNT]; Kind::COUNT],
            states: vec![[0; OrderState::COUNT]; Kind::COUNT],
        }
    }
}

impl Coverage {
    /// Two faults are on at once.
    pub fn met(&mut self, one: Kind, other: Kind) {
        let (low, high) = (one.index().min(other.index()), one.index().max(other.index()));
        self.faults[low][high] += 1;
    }

    /// A fault is on while an order is in that state.
    pub fn saw(&mut self, kind: Kind, state: OrderState) {
        self.states[kind.index()][state as usize] += 1;
    }

    /// Adds another run's.
    pub fn add(&mut self, other: &Self) {
        for (mine, theirs) in self.faults.iter_mut().zip(&other.faults) {
            mine.iter_mut().zip(theirs).for_each(|(mine, theirs)| *mine += theirs);
        }
        for (mine, theirs) in self.states.iter_mut().zip(&other.states) {
            mine.iter_mut().zip(theirs).for_each(|(mine, theirs)| *mine += theirs);
        }
    }

    /// Reachable cells that were never hit, by name.
    #[must_use]
    pub fn missing(&self) -> Vec<String> {
        let mut missing = Vec::new();
        for one in Kind::ALL {
            for other in Kind::ALL.into_iter().skip(one.index()) {
                if self.faults[one.index()][other.index()] == 0 {
                    missing.push(format!("{one:?} x {other:?}"));
                }
            }
            for state in OrderState::ALL {
                if is_reachable(one, state) && self.states[one.index()][state as usize] == 0 {
                    missing.push(format!("{one:?} x {state:?}"));
                }
            }
        }
        missing
    }

    /// Both tables in short, and what is missing.
    #[must_use]
    pub fn report(&self) -> String {
        let mut text = String::new();
        let pairs = Kind::COUNT * (Kind::COUNT + 1) / 2;
        let hit = (0..Kind::COUNT)
            .map(|one| self.faults[one][one..].iter().filter(|count| **count > 0).count())
            .sum::<usize>();
        let _ = writeln!(text, "fault x fault: {hit} of {pairs} cells hit");
        let reachable = Kind::ALL
            .iter()
            .map(|kind| OrderState::ALL.iter().filter(|state| is_reachable(*kind, **state)).count())
            .sum::<usize>();
        let hit = Kind::ALL
            .iter()
            .map(|kind| {
                let cell = |state: &&OrderState| self.states[kind.index()][**state as usize] > 0;
                OrderState::ALL.iter().filter(|state| is_reachable(*kind, **state)).filter(cell).count()
            })
            .sum::<usize>();
        let _ = writeln!(text, "fault x order state: {hit} of {reachable} reachable cells hit");
        let _ = writeln!(
            text,
            "{:18} {:>8} {}",
            "fault",
            "met",
            OrderState::ALL.map(|state| format!("{state:?}")).join(" ")
        );
        for kind in Kind::ALL {
            let met: u32 = Kind::ALL.iter().map(|other| self.both(kind, *other)).sum();
            let states = OrderState::ALL.map(|state| {
                let width = format!("{state:?}").len();
                format!("{:>width$}", self.states[kind.index()][state as usize])
            });
            let _ = writeln!(text, "{:18} {met:>8} {}", kind.name(), states.join(" "));
        }
        for cell in self.missing() {
            let _ = writeln!(text, "missing: {cell}");
        }
        text
    }

    fn both(&self, one: Kind, other: Kind) -> u32 {
        self.faults[one.index().min(other.index())][one.index().max(other.index())]
    }
}

/// Whether such an order can be seen while such a fault is on. A process that was killed has no orders' states; its
/// state at the moment of its death counts.
const fn is_reachable(_kind: Kind, _state: OrderState) -> bool {
    true
}
