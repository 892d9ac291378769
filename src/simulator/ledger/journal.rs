//! Everything that passes the one door of the state, as it is written down: commands into the command log, events
//! into the hash and the event log; and whether the books still add up.

use std::num::NonZeroU64;

use super::command_log::{self, CommandLog, Head, Line};
use super::event_log::{Entry, EventLog, Names, What};
use super::lines::LineFile;
use super::notice::{Notice, NoticeKind};
use super::tally::Tally;
use crate::simulator::engine::{Command, Engine, Event};
use crate::simulator::options::{LedgerOptions, VenueError, VenueOptions};

/// What is written down of one venue.
#[derive(Debug)]
pub(in crate::simulator) struct Journal {
    pub(in crate::simulator) tally: Tally,
    pub(in crate::simulator) entries: EventLog,
    /// The latest check.
    pub(in crate::simulator) checked: Option<Checked>,
    /// The venue's time: the latest that it was told, milliseconds since the epoch.
    time_ms: i64,
    commands: Option<CommandLog>,
    entries_file: Option<LineFile<String>>,
    check_every: Option<NonZeroU64>,
    /// Why the venue has to end: the first reason.
    failure: Option<String>,
    broken: bool,
}

/// A check of the books.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::simulator) struct Checked {
    /// After how many commands.
    pub(in crate::simulator) commands: u64,
    /// When, milliseconds since the epoch.
    pub(in crate::simulator) time_ms: i64,
    /// What is wrong; none if they add up.
    pub(in crate::simulator) broken: Option<String>,
}

impl Journal {
    pub(in crate::simulator) fn new(options: &VenueOptions, now_ms: i64) -> Result<Self, VenueError> {
        let LedgerOptions { record, event_log, check_every, history } = &options.ledger;
        let cannot = |path: &std::path::PathBuf| {
            let path = path.clone();
            move |source| VenueError::Log { path, source }
        };
        let commands = record.as_ref().map(|path| {
            CommandLog::create(path, &Head::new(options).text(), command_log::render).map_err(cannot(path))
        });
        let entries_file =
            event_log.as_ref().map(|path| LineFile::create(path, "", render_entry).map_err(cannot(path)));
        Ok(Self {
            tally: Tally::default(),
            entries: EventLog::new(*history),
            checked: None,
            time_ms: now_ms,
            commands: commands.transpose()?,
            entries_file: entries_file.transpose()?,
            check_every: *check_every,
            failure: None,
            broken: false,
        })
    }

    /// The venue's time has come to that moment; it never goes back.
    pub(in crate::simulator) fn at(&mut self, now_ms: i64) {
        self.time_ms = self.time_ms.max(now_ms);
    }

    /// The venue's time, milliseconds since the epoch.
    pub(in crate::simulator) const fn time_ms(&self) -> i64 {
        self.time_ms
    }

    /// A command is about to be carried out.
    pub(in crate::simulator) fn command(&mut self, command: &Command) {
        if let Some(log) = &mut self.commands {
            let line = Line { number: self.tally.commands + 1, time_ms: self.time_ms, command: *command };
            if let Err(failure) = log.push(line) {
                self.fail(failure);
            }
        }
    }

    /// What it brought about. True if the books are to be checked now.
    pub(in crate::simulator) fn done(&mut self, events: &[Event], refused: bool, names: Names<'_>) -> bool {
        self.tally.add(events, refused);
        for what in events.iter().filter_map(What::of) {
            self.enter(what, names);
        }
        self.check_every.is_some_and(|every| self.tally.commands.is_multiple_of(every.get()))
    }

    /// Something beside the engine happened.
    pub(in crate::simulator) fn announce(&mut self, notice: Notice, names: Names<'_>) {
        self.enter(What::Notice(Box::new(notice)), names);
    }

    fn enter(&mut self, what: What, names: Names<'_>) {
        let entry = self.entries.add(self.time_ms, what);
        let failure = self
            .entries_file
            .as_mut()
            .and_then(|file| file.push(Entry::view(entry, names).to_string()).err());
        if let Some(failure) = failure {
            self.fail(failure);
        }
    }

    /// Checks that the books add up; what it comes to is kept.
    pub(in crate::simulator) fn check(&mut self, engine: &Engine, names: Names<'_>) -> &Checked {
        let broken = engine.check().err().map(|what| what.to_string());
        if let Some(broken) = broken.as_ref().filter(|_| !self.broken) {
            self.broken = true;
            tracing::error!(broken, commands = self.tally.commands, "the venue's books do not add up");
            self.announce(Notice::new(NoticeKind::Ledger, format!("broken: {broken}")), names);
        }
        let checked = Checked { commands: self.tally.commands, time_ms: self.time_ms, broken };
        self.checked.insert(checked)
    }

    /// The venue has to end.
    fn fail(&mut self, failure: String) {
        tracing::error!(failure, "the venue ends: its log has a hole");
        self.failure.get_or_insert(failure);
    }

    /// Why the venue has to end, once something failed.
    pub(in crate::simulator) fn failure(&self) -> Option<&str> {
        self.failure.as_deref()
    }

    /// Closes the files; what went wrong since the venue began, books that do not add up included.
    pub(in crate::simulator) fn close(&mut self) -> Option<String> {
        let commands = self.commands.take().and_then(|mut log| log.finish().err());
        let entries = self.entries_file.take().and_then(|mut file| file.finish().err());
        let broken = self.checked.as_ref().and_then(|checked| checked.broken.as_ref());
        let broken = broken.map(|broken| format!("the books do not add up: {broken}"));
        self.failure.take().or(broken).or(commands).or(entries)
    }
}

fn render_entry(line: &String, out: &mut Vec<u8>) {
    out.extend_from_slice(line.as_bytes());
}
