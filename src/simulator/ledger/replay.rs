//! A recorded command log, carried out again by a fresh engine as fast as it can.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};

use super::command_log::{FORMAT, Head, Line, VERSION};
use super::tally::{Summary, Tally};
use crate::simulator::engine::Engine;

/// Longest line that is read.
const LINE_MAX: usize = 64 * 1024;

/// What a replay came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replayed {
    /// The profile that the log was recorded under.
    pub profile: String,
    /// Counts and hash: those of the run that was recorded, as far as the log goes.
    pub summary: Summary,
    /// The log ends in the middle of a line, which was left out.
    pub torn: bool,
    /// What is wrong with the books at the first check that found something.
    pub broken: Option<String>,
}

/// Why a log could not be replayed.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// It cannot be read.
    #[error("{path}: cannot be read: {source}")]
    Read {
        /// The log.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// It is no command log, or one of another version.
    #[error("{path}: no command log: {what}")]
    Head {
        /// The log.
        path: PathBuf,
        /// What is wrong with its first line.
        what: String,
    },
    /// A line in its middle is none.
    #[error("{path}: line {line}: {what}")]
    Line {
        /// The log.
        path: PathBuf,
        /// Which, the head being 1.
        line: u64,
        /// What is wrong with it.
        what: String,
    },
}

/// Carries out what the log tells. The books are checked at the end, and every so many commands if wanted.
///
/// # Errors
/// The log cannot be read, is none, or has a broken line that is not its last.
pub fn replay(path: &Path, check_every: Option<NonZeroU64>) -> Result<Replayed, ReplayError> {
    let mut log = Log::open(path)?;
    let head = log.head()?;
    let (mut engine, mut tally, mut broken) = (Engine::default(), Tally::default(), None);
    let mut events = Vec::with_capacity(64);
    while let Some(line) = log.next()? {
        let refused = engine.apply(&line.command, &mut events).is_err();
        tally.add(&events, refused);
        events.clear();
        if check_every.is_some_and(|every| tally.commands.is_multiple_of(every.get())) && broken.is_none() {
            broken = engine.check().err().map(|what| format!("after command {}: {what}", tally.commands));
        }
    }
    let broken = broken.or_else(|| engine.check().err().map(|what| what.to_string()));
    Ok(Replayed { profile: head.profile, summary: tally.summary(), torn: log.torn, broken })
}

/// A log that is being read.
struct Log<'a> {
    path: &'a Path,
    file: BufReader<File>,
    buffer: Vec<u8>,
    /// Lines read so far.
    line: u64,
    torn: bool,
}

impl<'a> Log<'a> {
    fn open(path: &'a Path) -> Result<Self, ReplayError> {
        let file = File::open(path).map_err(|source| ReplayError::Read { path: path.to_owned(), source })?;
        let file = BufReader::with_capacity(1 << 20, file);
        Ok(Self { path, file, buffer: Vec::new(), line: 0, torn: false })
    }

    fn head(&mut self) -> Result<Head, ReplayError> {
        let bad = |path: &Path, what: String| ReplayError::Head { path: path.to_owned(), what };
        if !self.read()? {
            return Err(bad(self.path, "its first line is not whole".to_owned()));
        }
        let head: Head =
            serde_json::from_slice(&self.buffer).map_err(|error| bad(self.path, error.to_string()))?;
        if head.format != FORMAT || head.version != VERSION {
            let what = format!("got {:.64} {}, want {FORMAT} {VERSION}", head.format, head.version);
            return Err(bad(self.path, what));
        }
        Ok(head)
    }

    /// The next command; none at the end, or where the last line is torn.
    fn next(&mut self) -> Result<Option<Line>, ReplayError> {
        if !self.read()? {
            return Ok(None);
        }
        let line: Line =
            serde_json::from_slice(&self.buffer).map_err(|error| self.bad_line(error.to_string()))?;
        let want = self.line - 1;
        if line.number != want {
            return Err(self.bad_line(format!("commands are missing (got n {}, want {want})", line.number)));
        }
        Ok(Some(line))
    }

    /// Reads a whole line into the buffer; false if there is none any more.
    fn read(&mut self) -> Result<bool, ReplayError> {
        self.buffer.clear();
        let failed = |source| ReplayError::Read { path: self.path.to_owned(), source };
        let mut limited = std::io::Read::take(&mut self.file, LINE_MAX as u64);
        limited.read_until(b'\n', &mut self.buffer).map_err(failed)?;
        self.line += 1;
        if self.buffer.ends_with(b"\n") {
            return Ok(true);
        }
        if self.buffer.len() == LINE_MAX {
            return Err(self.bad_line(format!("longer than {LINE_MAX} bytes")));
        }
        self.torn = !self.buffer.is_empty();
        Ok(false)
    }

    fn bad_line(&self, what: String) -> ReplayError {
        ReplayError::Line { path: self.path.to_owned(), line: self.line, what }
    }
}
