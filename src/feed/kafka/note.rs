//! What a member leaves for the next owner of a partition, in the metadata of its commits: `st1 held EPOCH COUNT`
//! while it owns, `st1 free EPOCH COUNT` once everything of it is confirmed closed. COUNT is how many partitions the
//! topic had for it; it is left out as long as somebody who counts otherwise may still trade.

use std::fmt;

use schemas::ids::Epoch;

/// The form of the text; another form is somebody else's.
const FORM: &str = "st1";

/// A note on a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Note {
    /// What it says.
    pub says: NoteSays,
    /// Whose it is.
    pub epoch: Epoch,
    /// Partitions of the topic.
    pub count: Option<i32>,
}

/// What a note says of its partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoteSays {
    /// Owned, as far as anybody knows.
    Held,
    /// Handed over: nothing of that owner can be on its way.
    Free,
}

impl Note {
    /// Reads a note; `None` for any other text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        let (form, state, epoch) = (words.next()?, words.next()?, words.next()?);
        let epoch = Epoch::new(epoch.parse().ok().filter(|epoch| *epoch <= Epoch::MAX)?);
        let count = match words.next() {
            Some(count) => Some(count.parse().ok().filter(|count| *count > 0)?),
            None => None,
        };
        let says = match (form, state, words.next()) {
            (FORM, "held", None) => NoteSays::Held,
            (FORM, "free", None) => NoteSays::Free,
            (_, _, _) => return None,
        };
        Some(Self { says, epoch, count })
    }

    /// Owned under that epoch.
    #[must_use]
    pub const fn held(epoch: Epoch, count: Option<i32>) -> Self {
        Self { says: NoteSays::Held, epoch, count }
    }

    /// Handed over after that epoch.
    #[must_use]
    pub const fn free(epoch: Epoch, count: i32) -> Self {
        Self { says: NoteSays::Free, epoch, count: Some(count) }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.says {
            NoteSays::Held => "held",
            NoteSays::Free => "free",
        };
        write!(f, "{FORM} {state} {}", self.epoch.number())?;
        self.count.map_or(Ok(()), |count| write!(f, " {count}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_reads_as_it_was_written() {
        let epoch = Epoch::new(112_000_001);
        for note in [Note::held(Epoch::new(0), None), Note::held(epoch, Some(6)), Note::free(epoch, 1)] {
            assert_eq!(Note::parse(&note.to_string()), Some(note));
        }
    }

    #[test]
    fn other_texts_are_no_notes() {
        for text in [
            "",
            "st1",
            "st1 held",
            "st1 held -1",
            "st1 held 99999999999",
            "st1 free 1 2 3",
            "st1 free 1 0",
            "st1 free 1 x",
            "st2 free 1",
            "x",
        ] {
            assert_eq!(Note::parse(text), None, "{text:?}");
        }
    }
}
