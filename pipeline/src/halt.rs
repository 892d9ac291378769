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
