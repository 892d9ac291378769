//! Halts: what an operator, a signal, a file or an instrument's own finding stops, until it is released by name.
//!
//! Halting is one store into the instrument's [`Hold`], which the gateway's permit reads for each order; writing it
//! down comes after. Releasing is the other way round. What is halted lasts in one file ([`state`]), the journal notes
//! it beside; a file that cannot be read halts everything.

mod file;
mod panics;
mod signal;
pub mod state;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pipeline::alarm::Alarm;
use pipeline::halt::{Change, Halts, NotReleased};
use schemas::halt::{Halt, HaltedBy};
use schemas::journal::Record;

use crate::clock;
use crate::journal::Journal;
use crate::ownership::Hold;
use state::StateFile;

pub use file::FileWatch;
pub use panics::Panics;
pub use signal::HaltSignal;

/// The longest reason, characters.
pub const REASON_MAX: usize = 256;

/// Everything of this process that can be halted, and what is. Clones are the same one.
#[derive(Clone, Debug)]
pub struct HaltBoard(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    halts: Mutex<Halts>,
    /// Maker symbols and their holds; a symbol of several venues stands there several times.
    members: Vec<(String, Arc<Hold>)>,
    /// `None`: halts end with the process.
    state: Option<StateFile>,
    /// Held while the state file is written: the last one to write knows the newest.
    writing: Mutex<()>,
    journal: Journal,
    last_release: Mutex<Option<Halt>>,
}

/// Why nothing was halted or released.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HaltRefused {
    /// No instrument of this process has that maker symbol.
    #[error("no instrument of that maker symbol here")]
    UnknownSymbol,
    /// The reason is empty, too long, or not one line of plain text.
    #[error("the reason must be 1 to 256 characters of one line")]
    Reason,
    /// There was nothing to release.
    #[error(transparent)]
    NotReleased(#[from] NotReleased),
}

/// What a halt or release came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    /// Whether it changed anything.
    pub change: Change,
    /// It lasts over a restart.
    pub lasts: bool,
}

impl HaltBoard {
    /// Reads what earlier runs left halted, and halts it.
    #[must_use]
    pub fn open(members: Vec<(String, Arc<Hold>)>, state: Option<StateFile>, journal: Journal) -> Self {
        let halts = match state.as_ref().map(StateFile::read) {
            None => Halts::default(),
            Some(Ok(halts)) => Halts::restored(halts),
            Some(Err(error)) => {
                tracing::error!("{error}: everything is halted");
                Halts::restored(vec![halt(None, HaltedBy::State, &error.to_string())])
            }
        };
        for halt in halts.iter() {
            tracing::warn!(symbol = halt.symbol, reason = halt.reason, "still halted");
        }
        let (halts, writing) = (Mutex::new(halts), Mutex::default());
        let last_release = Mutex::default();
        let board = Self(Arc::new(Shared { halts, members, state, writing, journal, last_release }));
        board.0.apply(&lock(&board.0.halts));
        board
    }

    /// Halts a symbol, or all. No order leaves any more when this returns; it is on the disk, too, where it lasts.
    ///
    /// # Errors
    /// [`HaltRefused`]; nothing changed.
    pub fn halt(&self, symbol: Option<&str>, by: HaltedBy, reason: &str) -> Result<Told, HaltRefused> {
        let change = self.halt_now(symbol, by, reason)?;
        let lasts = by == HaltedBy::File || self.keep();
        Ok(Told { change, lasts })
    }

    /// The same, from a thread that must not wait for a disk: it is written down by another one.
    pub fn halt_from_task(&self, symbol: Option<&str>, by: HaltedBy, reason: &str) {
        match self.halt_now(symbol, by, reason) {
            Ok(Change::Done) => {
                let board = self.clone();
                // Nobody waits for it: it says itself what goes wrong.
                drop(tokio::task::spawn_blocking(move || board.keep()));
            }
            Ok(Change::Already) => {}
            Err(error) => tracing::error!(symbol, %error, "not halted"),
        }
    }

    /// Releases a symbol that was halted by name, or the halt of all.
    ///
    /// # Errors
    /// [`HaltRefused`]; nothing changed.
    pub fn release(&self, symbol: Option<&str>, reason: &str) -> Result<Told, HaltRefused> {
        self.check(symbol, reason)?;
        let _writing = self.0.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut after = lock(&self.0.halts).clone();
        if let Err(refused) = after.release(symbol) {
            // The same request again, as a client sends it that did not hear the answer.
            let again = self.0.released(symbol, reason) && refused == NotReleased::NotHalted;
            let told = Told { change: Change::Already, lasts: self.lasts() };
            return if again { Ok(told) } else { Err(refused.into()) };
        }
        // Written down before anything may leave. Not under the lock of what is halted: a halt must not wait for a disk.
        let lasts = self.0.write(&after);
        let mut halts = lock(&self.0.halts);
        halts.release(symbol)?;
        let release = self::halt(symbol, HaltedBy::Operator, reason);
        *self.0.last_release.lock().unwrap_or_else(PoisonError::into_inner) = Some(release.clone());
        self.0.note(Record::Release(release));
        tracing::warn!(symbol, reason, "released");
        self.0.apply(&halts);
        Ok(Told { change: Change::Done, lasts })
    }

    /// The halt file is gone.
    fn file_gone(&self) {
        let mut halts = lock(&self.0.halts);
        if let Some(gone) = halts.file_gone() {
            self.0.note(Record::Release(Halt { reason: "the halt file is gone".to_owned(), ..gone }));
            tracing::warn!("released: the halt file is gone");
            self.0.apply(&halts);
        }
    }

    /// Everything that is halted.
    #[must_use]
    pub fn list(&self) -> Vec<Halt> {
        lock(&self.0.halts).iter().cloned().collect()
    }

    /// Why a symbol is halted, if it is.
    #[must_use]
    pub fn of(&self, symbol: &str) -> Option<Halt> {
        lock(&self.0.halts).of(symbol).cloned()
    }

    /// How many instruments are halted by each, in the order of [`HaltedBy::ALL`].
    #[must_use]
    pub fn counts(&self) -> [usize; HaltedBy::ALL.len()] {
        HaltedBy::ALL.map(|by| self.0.count(|halt| halt.by == by))
    }

    /// How many instruments halted themselves for each alarm, in the order of [`Alarm::ALL`].
    #[must_use]
    pub fn alarms(&self) -> [usize; Alarm::ALL.len()] {
        Alarm::ALL.map(|alarm| self.0.count(|halt| halt.by == HaltedBy::Alarm && halt.reason == alarm.name()))
    }

    /// Whether halts last over a restart.
    #[must_use]
    pub fn lasts(&self) -> bool {
        self.0.state.is_some()
    }

    fn halt_now(&self, symbol: Option<&str>, by: HaltedBy, reason: &str) -> Result<Change, HaltRefused> {
        self.check(symbol, reason)?;
        let mut halts = lock(&self.0.halts);
        let halt = self::halt(symbol, by, reason);
        let change = halts.halt(halt.clone());
        self.0.apply(&halts);
        if change == Change::Done {
            tracing::warn!(symbol, reason, by = by.name(), "halted");
            self.0.note(Record::Halt(halt));
        }
        Ok(change)
    }

    fn check(&self, symbol: Option<&str>, reason: &str) -> Result<(), HaltRefused> {
        let known = |symbol: &str| self.0.members.iter().any(|(member, _)| member == symbol);
        if !symbol.is_none_or(known) {
            return Err(HaltRefused::UnknownSymbol);
        }
        let plain = reason.chars().count() <= REASON_MAX && !reason.chars().any(char::is_control);
        if plain && !reason.trim().is_empty() { Ok(()) } else { Err(HaltRefused::Reason) }
    }

    /// Writes down what is halted; whether it lasts.
    fn keep(&self) -> bool {
        let _writing = self.0.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let halts = lock(&self.0.halts).clone();
        self.0.write(&halts)
    }
}

impl Shared {
    /// Instruments whose halt is one of these.
    fn count(&self, these: impl Fn(&Halt) -> bool) -> usize {
        let halts = lock(&self.halts);
        self.members.iter().filter_map(|(symbol, _)| halts.of(symbol)).filter(|halt| these(halt)).count()
    }

    fn apply(&self, halts: &Halts) {
        for (symbol, hold) in &self.members {
            hold.set_halted(halts.of(symbol).is_some());
        }
    }

    /// Whether that was the last thing to be released, for that reason.
    fn released(&self, symbol: Option<&str>, reason: &str) -> bool {
        let last = self.last_release.lock().unwrap_or_else(PoisonError::into_inner);
        last.as_ref().is_some_and(|last| last.symbol.as_deref() == symbol && last.reason == reason)
    }

    fn note(&self, record: Record<'static>) {
        self.journal.note(|| record);
    }

    fn write(&self, halts: &Halts) -> bool {
        let Some(state) = &self.state else { return false };
        match state.write(halts.lasting()) {
            Ok(()) => true,
            Err(error) => {
                tracing::error!("{error}: what is halted now is not known after a restart");
                false
            }
        }
    }
}

fn halt(symbol: Option<&str>, by: HaltedBy, reason: &str) -> Halt {
    Halt { symbol: symbol.map(str::to_owned), reason: reason.to_owned(), by, at_ms: clock::wall_ms() }
}

fn lock(halts: &Mutex<Halts>) -> MutexGuard<'_, Halts> {
    halts.lock().unwrap_or_else(PoisonError::into_inner)
}
