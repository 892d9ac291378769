//! The file in which halts outlast the process: replaced as a whole, on the device before it counts.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use schemas::config::cut;
use schemas::halt::{HALTS_FORMAT, Halt, HaltState};

/// Its name in the journal's folder.
pub const NAME: &str = "halts.json";
/// The largest one that is read: far more than every instrument halted.
const BYTES_MAX: u64 = 4 << 20;

/// The file in which halts outlast the process.
#[derive(Clone, Debug)]
pub struct StateFile(PathBuf);

/// Why it says nothing, or cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The file system refuses it.
    #[error("HALT-001 {path}: cannot be {what} ({cause})")]
    Io {
        /// The file.
        path: String,
        /// `read` or `written`.
        what: &'static str,
        /// The system's words.
        cause: io::Error,
    },
    /// It is no state file, or of a later version.
    #[error("HALT-002 {path}: not a state of halts ({cause})")]
    Form {
        /// The file.
        path: String,
        /// What is wrong.
        cause: String,
    },
}

/// What a state's text says is halted.
///
/// # Errors
/// What is wrong with it.
pub fn parse(text: &str) -> Result<Vec<Halt>, String> {
    // The words quote what was found, whatever that is.
    let state: HaltState = serde_json::from_str(text).map_err(|error| cut(&error.to_string()))?;
    if state.format > HALTS_FORMAT {
        return Err(format!("got format {}, want at most {HALTS_FORMAT}", state.format));
    }
    Ok(state.halts)
}

impl StateFile {
    /// At that path.
    #[must_use]
    pub const fn new(path: PathBuf) -> Self {
        Self(path)
    }

    /// What is halted. No file: nothing is.
    ///
    /// # Errors
    /// [`StateError`]: what is halted is not known.
    pub fn read(&self) -> Result<Vec<Halt>, StateError> {
        let mut text = String::new();
        match File::open(&self.0).and_then(|file| file.take(BYTES_MAX).read_to_string(&mut text)) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(cause) => return Err(self.io("read", cause)),
        }
        parse(&text).map_err(|cause| StateError::Form { path: self.0.display().to_string(), cause })
    }

    /// Replaces it. On the device when this returns.
    ///
    /// # Errors
    /// [`StateError`]; what was there stays.
    pub fn write(&self, halts: Vec<Halt>) -> Result<(), StateError> {
        let state = HaltState { format: HALTS_FORMAT, halts };
        let text = serde_json::to_string_pretty(&state).expect("text and numbers");
        self.replace(&text).map_err(|cause| self.io("written", cause))
    }

    fn replace(&self, text: &str) -> io::Result<()> {
        let folder = match self.0.parent() {
            Some(folder) if folder != Path::new("") => folder,
            Some(_) | None => Path::new("."),
        };
        fs::create_dir_all(folder)?;
        let new = self.0.with_extension("new");
        let mut file = File::create(&new)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&new, &self.0)?;
        File::open(folder)?.sync_all()
    }

    fn io(&self, what: &'static str, cause: io::Error) -> StateError {
        StateError::Io { path: self.0.display().to_string(), what, cause }
    }
}
