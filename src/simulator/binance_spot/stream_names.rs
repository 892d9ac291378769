//! Names of market streams.

use crate::simulator::engine::SymbolId;
use crate::simulator::faults::Stream;
use crate::simulator::state::State;

/// How often a depth stream speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pace {
    /// Every 100 ms.
    Fast,
    /// Every 1000 ms.
    Slow,
}

/// What a market stream tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Trade,
    AggTrade,
    BookTicker,
    /// Changes of the book.
    Diff(Pace),
    /// The best levels; the number is a place in [`TOP_LEVELS`].
    Top(Pace, usize),
}

/// How many levels the partial depth streams show.
pub(super) const TOP_LEVELS: [usize; 3] = [5, 10, 20];

/// All kinds and the names that are told, each at the place of its [`Kind::index`].
pub(super) const KINDS: [(Kind, &str); 11] = [
    (Kind::Trade, "trade"),
    (Kind::AggTrade, "aggTrade"),
    (Kind::BookTicker, "bookTicker"),
    (Kind::Diff(Pace::Fast), "depth@100ms"),
    (Kind::Diff(Pace::Slow), "depth"),
    (Kind::Top(Pace::Fast, 0), "depth5@100ms"),
    (Kind::Top(Pace::Fast, 1), "depth10@100ms"),
    (Kind::Top(Pace::Fast, 2), "depth20@100ms"),
    (Kind::Top(Pace::Slow, 0), "depth5"),
    (Kind::Top(Pace::Slow, 1), "depth10"),
    (Kind::Top(Pace::Slow, 2), "depth20"),
];

impl Kind {
    /// Its place in [`KINDS`].
    pub(super) const fn index(self) -> usize {
        match self {
            Self::Trade => 0,
            Self::AggTrade => 1,
            Self::BookTicker => 2,
            Self::Diff(Pace::Fast) => 3,
            Self::Diff(Pace::Slow) => 4,
            Self::Top(Pace::Fast, at) => 5 + at,
            Self::Top(Pace::Slow, at) => 8 + at,
        }
    }

    /// The name that a fault mutes it by.
    pub(super) const fn muted_as(self) -> Stream {
        match self {
            Self::Trade => Stream::Trade,
            Self::AggTrade => Stream::AggTrade,
            Self::BookTicker => Stream::BookTicker,
            Self::Diff(_) | Self::Top(..) => Stream::Depth,
        }
    }
}

/// The stream of that name, if the venue has it. Names of others are taken and never speak.
pub(super) fn parse(state: &State, name: &str) -> Option<(SymbolId, Kind)> {
    let (symbol, rest) = name.split_once('@')?;
    let symbol = state.symbol_named(&symbol.to_uppercase()).or_else(|| state.symbol_named(symbol))?;
    let rest = rest.strip_suffix("@1000ms").unwrap_or(rest);
    KINDS.iter().find(|(_, own)| *own == rest).map(|(kind, _)| (symbol, *kind))
}

#[cfg(test)]
mod tests {
    use super::KINDS;

    #[test]
    fn every_kind_is_where_its_index_says() {
        for (at, (kind, _)) in KINDS.iter().enumerate() {
            assert_eq!(kind.index(), at);
        }
    }
}
