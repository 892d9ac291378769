//! What is halted, and by whom: a halt stays until it is released by name.
//!
//! A halt of all and halts of single symbols are apart: releasing one does not release the other. The halt of a file
//! is a third: it comes and goes with the file, which is its own lasting record.

use std::collections::BTreeMap;

use schemas::halt::{Halt, HaltedBy};

use crate::event::Denial;
use crate::skip::Skip;

/// Why nothing new of an instrument may leave though it is ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Bar {
    /// It was halted, or a part of it failed and is being replaced.
    Halted,
    /// What time it is at the venue is not known well enough.
    ClockUnsure,
}

impl Bar {
    /// Why a tick that comes meanwhile makes no pair.
    #[must_use]
    pub const fn skip(self) -> Skip {
        match self {
            Self::Halted => Skip::Halted,
            Self::ClockUnsure => Skip::ClockUnsure,
        }
    }

    /// Why an order that is on its way meanwhile does not leave.
    #[must_use]
    pub const fn denial(self) -> Denial {
        match self {
            Self::Halted => Denial::Halted,
            Self::ClockUnsure => Denial::ClockUnsure,
        }
    }
}

/// Everything that is halted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Halts {
    all: Option<Halt>,
    file: Option<Halt>,
    symbols: BTreeMap<String, Halt>,
}

/// What a halt or release came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is so now.
    Done,
    /// It was so before; nothing changed.
    Already,
}

/// Why a release releases nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotReleased {
    /// Nothing of that name is halted.
    #[error("not halted")]
    NotHalted,
    /// The symbol is halted with all others, not by its name.
    #[error("halted with all symbols, not by name; release all")]
    HaltedWithAll,
    /// It is halted by a file, which has to go.
    #[error("halted by the halt file; remove it")]
    ByFile,
}

impl Halts {
    /// What an earlier run left halted.
    #[must_use]
    pub fn restored(halts: Vec<Halt>) -> Self {
        let mut restored = Self::default();
        for halt in halts {
            restored.halt(halt);
        }
        restored
    }

    /// Takes a halt in. One that stands already keeps its first reason.
    pub fn halt(&mut self, halt: Halt) -> Change {
        let place = match (&halt.symbol, halt.by) {
            (_, HaltedBy::File) => &mut self.file,
            (None, HaltedBy::Operator | HaltedBy::Signal | HaltedBy::Alarm | HaltedBy::State) => {
                &mut self.all
            }
            (Some(symbol), HaltedBy::Operator | HaltedBy::Signal | HaltedBy::Alarm | HaltedBy::State) => {
                if self.symbols.contains_key(symbol) {
                    return Change::Already;
                }
                self.symbols.insert(symbol.clone(), halt);
                return Change::Done;
            }
        };
        if place.is_some() {
            return Change::Already;
        }
        *place = Some(halt);
        Change::Done
    }

    /// Releases what was halted by that name; none = the halt of all.
    ///
    /// # Errors
    /// [`NotReleased`]; nothing changed.
    pub fn release(&mut self, symbol: Option<&str>) -> Result<Halt, NotReleased> {
        let released = match symbol {
            Some(symbol) => self.symbols.remove(symbol),
            None => self.all.take(),
        };
        released.ok_or(match (&self.file, &self.all) {
            (Some(_), _) => NotReleased::ByFile,
            (None, Some(_)) => NotReleased::HaltedWithAll,
            (None, None) => NotReleased::NotHalted,
        })
    }

    /// The halt file is gone.
    pub fn file_gone(&mut self) -> Option<Halt> {
        self.file.take()
    }

    /// Why a symbol is halted, if it is: a halt of its own first.
    #[must_use]
    pub fn of(&self, symbol: &str) -> Option<&Halt> {
        self.symbols.get(symbol).or(self.all.as_ref()).or(self.file.as_ref())
    }

    /// Everything that is halted.
    pub fn iter(&self) -> impl Iterator<Item = &Halt> {
        self.all.iter().chain(&self.file).chain(self.symbols.values())
    }

    /// What has to be remembered over a restart: a file remembers itself.
    #[must_use]
    pub fn lasting(&self) -> Vec<Halt> {
        self.all.iter().chain(self.symbols.values()).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn halt(symbol: Option<&str>, by: HaltedBy) -> Halt {
        Halt { symbol: symbol.map(str::to_owned), reason: "why".to_owned(), by, at_ms: 1 }
    }

    /// Promise P17.
    #[test]
    fn what_was_halted_by_name_is_released_by_name_alone() {
        let mut halts = Halts::default();
        assert_eq!(halts.halt(halt(Some("A"), HaltedBy::Operator)), Change::Done);
        assert_eq!(halts.halt(halt(None, HaltedBy::Signal)), Change::Done);
        assert_eq!(halts.release(Some("B")), Err(NotReleased::HaltedWithAll));
        assert!(halts.release(None).is_ok());
        assert!(halts.of("A").is_some() && halts.of("B").is_none());
        assert!(halts.release(Some("A")).is_ok());
        assert_eq!(halts.release(Some("A")), Err(NotReleased::NotHalted));
        assert!(halts.of("A").is_none());
    }

    #[test]
    fn a_repeated_halt_keeps_its_first_reason() {
        let mut halts = Halts::default();
        halts.halt(halt(Some("A"), HaltedBy::Operator));
        let second = Halt { reason: "another".to_owned(), ..halt(Some("A"), HaltedBy::Alarm) };
        assert_eq!(halts.halt(second), Change::Already);
        assert_eq!(halts.of("A").map(|halt| halt.reason.as_str()), Some("why"));
    }

    #[test]
    fn a_file_halts_all_until_it_is_gone_and_is_not_remembered() {
        let mut halts = Halts::default();
        halts.halt(halt(None, HaltedBy::File));
        assert_eq!(halts.release(None), Err(NotReleased::ByFile));
        assert!(halts.of("A").is_some() && halts.lasting().is_empty());
        assert!(halts.file_gone().is_some() && halts.file_gone().is_none());
        assert!(halts.of("A").is_none());
    }

    #[test]
    fn what_is_restored_is_what_lasted() {
        let mut halts = Halts::default();
        halts.halt(halt(Some("A"), HaltedBy::Alarm));
        halts.halt(halt(None, HaltedBy::Operator));
        assert_eq!(Halts::restored(halts.lasting()), halts);
    }
}
