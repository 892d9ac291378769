//! What a member leaves for the next owner of a partition, in the metadata of its commits: `st1 held EPOCH` while
//! it owns, `st1 free EPOCH` once everything of it is confirmed closed.

use std::fmt;

use schemas::ids::Epoch;

/// The form of the text; another form is somebody else's.
const FORM: &str = "st1";

/// A note on a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Note {
    /// Owned, as far as anybody knows.
    Held(Epoch),
    /// Handed over: nothing of that owner can be on its way.
    Free(Epoch),
}

impl Note {
    /// Reads a note; `None` for any other text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        let (form, state, epoch) = (words.next()?, words.next()?, words.next()?);
        let epoch = Epoch::new(epoch.parse().ok().filter(|epoch| *epoch <= Epoch::MAX)?);
        match (form, state, words.next()) {
            (FORM, "held", None) => Some(Self::Held(epoch)),
            (FORM, "free", None) => Some(Self::Free(epoch)),
            (_, _, _) => None,
        }
    }

    /// Whose it is.
    #[must_use]
    pub const fn epoch(self) -> Epoch {
        match self {
            Self::Held(epoch) | Self::Free(epoch) => epoch,
        }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self {
            Self::Held(_) => "held",
            Self::Free(_) => "free",
        };
        write!(f, "{FORM} {state} {}", self.epoch().number())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_reads_as_it_was_written() {
        for note in [Note::Held(Epoch::new(0)), Note::Free(Epoch::new(112_000_001))] {
            assert_eq!(Note::parse(&note.to_string()), Some(note));
        }
    }

    #[test]
    fn other_texts_are_no_notes() {
        for text in
            ["", "st1", "st1 held", "st1 held -1", "st1 held 99999999999", "st1 free 1 2", "st2 free 1", "x"]
        {
            assert_eq!(Note::parse(text), None, "{text:?}");
        }
    }
}
