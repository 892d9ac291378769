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

/// One cell of the two tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell {
    /// Two faults are on at once.
    Faults(Kind, Kind),
    /// A fault is on while an order is in that state.
    State(Kind, OrderState),
}

impl Cell {
    /// All of them that can be hit.
    pub fn all() -> impl Iterator<Item = Self> {
        Kind::ALL.into_iter().flat_map(|one| {
            let others = Kind::ALL.into_iter().skip(one.index()).map(move |other| Self::Faults(one, other));
            let states = OrderState::ALL.into_iter().filter(move |state| is_reachable(one, *state));
            others.chain(states.map(move |state| Self::State(one, state)))
        })
    }
}

impl std::fmt::Display for Cell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Faults(one, other) => write!(f, "{one:?}:{other:?}"),
            Self::State(kind, state) => write!(f, "{kind:?}:{state:?}"),
        }
    }
}

impl std::str::FromStr for Cell {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let turned = text.split_once(':').map(|(one, other)| format!("{other}:{one}"));
        let named = |cell: &Self| cell.to_string() == text || Some(cell.to_string()) == turned;
        Self::all()
            .find(named)
            .ok_or_else(|| "want FAULT:FAULT or FAULT:STATE as --coverage names them".to_owned())
    }
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

    /// Whether a cell was hit.
    #[must_use]
    pub fn has(&self, cell: Cell) -> bool {
        match cell {
            Cell::Faults(one, other) => self.both(one, other) > 0,
            Cell::State(kind, state) => self.states[kind.index()][state as usize] > 0,
        }
    }

    /// Reachable cells that were never hit.
    #[must_use]
    pub fn missing(&self) -> Vec<Cell> {
        Cell::all().filter(|cell| !self.has(*cell)).collect()
    }

    /// Both tables in short, and what is missing.
    #[must_use]
    pub fn report(&self) -> String {
        let mut text = String::new();
        for (name, is_of) in [
            ("fault x fault", (|cell| matches!(cell, Cell::Faults(..))) as fn(&Cell) -> bool),
            ("fault x order state", |cell| matches!(cell, Cell::State(..))),
        ] {
            let all = Cell::all().filter(is_of).count();
            let hit = Cell::all().filter(is_of).filter(|cell| self.has(*cell)).count();
            let _ = writeln!(text, "{name}: {hit} of {all} reachable cells hit");
        }
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
