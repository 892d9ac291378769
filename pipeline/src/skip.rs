//! Why a tick made no pair: the reason is the metric's label and the line in `/status`.

use std::fmt;

/// A tick that makes no pair says why. The names are the ones of the decision rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Skip {
    /// Rule 1: price and quantity must be numbers above zero.
    InvalidTick,
    /// Rule 2: the Interval since the last fire has not passed.
    Interval,
    /// Rule 3: a side of the book is missing and Empty Book is `skip`.
    NoBook,
    /// Rule 4: best bid at or above best ask.
    CrossedBook,
    /// Rule 8b: no price strictly inside the spread.
    NoRoom,
    /// Rule 9: the price is not above zero.
    InvalidPrice,
    /// Rule 14: no quantity satisfies all limits.
    LimitsConflict,
    /// Rule 16: less than one contract.
    ZeroContracts,
    /// Older than Max Tick Age.
    StaleTick,
    /// Its time lies more than 2 s ahead.
    FutureTick,
    /// The book is not live, or not confirmed for Max Book Age.
    StaleBook,
    /// The instrument is not ours, or a predecessor may have traded on the tick.
    NotOwner,
    /// The instrument is halted.
    Halted,
    /// What time it is at the venue is not known well enough.
    ClockUnsure,
    /// The pair might carry the position beyond its bound.
    PositionBound,
}

impl Skip {
    /// All reasons, in the order of their index.
    pub const ALL: [Self; 15] = [
        Self::InvalidTick,
        Self::Interval,
        Self::NoBook,
        Self::CrossedBook,
        Self::NoRoom,
        Self::InvalidPrice,
        Self::LimitsConflict,
        Self::ZeroContracts,
        Self::StaleTick,
        Self::FutureTick,
        Self::StaleBook,
        Self::NotOwner,
        Self::Halted,
        Self::ClockUnsure,
        Self::PositionBound,
    ];

    /// The name in answers, metrics and summaries.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::InvalidTick => "invalid_tick",
            Self::Interval => "interval",
            Self::NoBook => "no_book",
            Self::CrossedBook => "crossed_book",
            Self::NoRoom => "no_room",
            Self::InvalidPrice => "invalid_price",
            Self::LimitsConflict => "limits_conflict",
            Self::ZeroContracts => "zero_contracts",
            Self::StaleTick => "stale_tick",
            Self::FutureTick => "future_tick",
            Self::StaleBook => "stale_book",
            Self::NotOwner => "not_owner",
            Self::Halted => "halted",
            Self::ClockUnsure => "clock_unsure",
            Self::PositionBound => "position_bound",
        }
    }

    /// Position in [`Skip::ALL`].
    #[must_use]
    pub fn index(self) -> usize {
        Self::ALL.iter().position(|reason| *reason == self).unwrap_or(0)
    }
}

impl fmt::Display for Skip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
