//! The words by which a venue of our own refuses an order whose owner somebody later has followed.

use std::fmt;

use crate::ids::Epoch;

const BEFORE: &str = "Older epoch: got ";
const BETWEEN: &str = ", want at least ";

/// An order of an earlier owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub struct OlderEpoch {
    /// The epoch in the order's id.
    pub got: Epoch,
    /// The latest that has placed.
    pub newest: Epoch,
}

impl fmt::Display for OlderEpoch {
    /// Short enough to survive the cut of a refusal's words.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{BEFORE}{}{BETWEEN}{}.", self.got.number(), self.newest.number())
    }
}

impl OlderEpoch {
    /// Reads a refusal's words; `None` for any others.
    #[must_use]
    pub fn read(words: &str) -> Option<Self> {
        let (got, newest) = words.strip_prefix(BEFORE)?.strip_suffix('.')?.split_once(BETWEEN)?;
        Some(Self { got: epoch(got)?, newest: epoch(newest)? })
    }
}

fn epoch(text: &str) -> Option<Epoch> {
    text.parse().ok().filter(|number| *number <= Epoch::MAX).map(Epoch::new)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::cut::cut_without;

    #[test]
    fn the_words_survive_the_cut_and_say_what_they_said() {
        let refusal = OlderEpoch { got: Epoch::new(Epoch::MAX - 1), newest: Epoch::new(Epoch::MAX) };
        assert_eq!(OlderEpoch::read(&cut_without(&refusal.to_string(), "key")), Some(refusal));
    }

    #[test]
    fn other_words_say_nothing() {
        for words in [
            "",
            "Older epoch: got 1, want at least 2",
            "Older epoch: got 1, want at least -2.",
            "Older epoch: got 1, want at least 99999999999.",
            "Duplicate order sent.",
        ] {
            assert_eq!(OlderEpoch::read(words), None, "{words}");
        }
    }
}
