//! Why a journal cannot be used.

use std::io;

/// Why a journal cannot be used. One line each: `JRN-nnn where: what is wrong`.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// Something else than a journal lies there.
    #[error("JRN-002 {place}: not a self-trader journal (got {got})")]
    Foreign {
        /// Where.
        place: String,
        /// What was found.
        got: String,
    },
    /// Another process's journal.
    #[error("JRN-003 {place}: belongs to another (got {got}, want {want})")]
    NotOurs {
        /// Where.
        place: String,
        /// Whose it is.
        got: String,
        /// Who we are.
        want: String,
    },
    /// A form of a later version.
    #[error("JRN-004 {place}: written by a later version (got format {got}, want at most {want})")]
    Newer {
        /// Where.
        place: String,
        /// Its form, where it can be read.
        got: String,
        /// The latest form that is known here.
        want: u32,
    },
    /// Another process writes it.
    #[error("JRN-007 {place}: locked by {holder}")]
    Locked {
        /// Where.
        place: String,
        /// What the other says of itself.
        holder: String,
    },
    /// The file system refuses it.
    #[error("JRN-009 {place}: {cause}")]
    Io {
        /// Where.
        place: String,
        /// The system's words.
        cause: io::Error,
    },
}

impl JournalError {
    pub(super) fn io(place: &str) -> impl FnOnce(io::Error) -> Self {
        let place = place.to_owned();
        |cause| Self::Io { place, cause }
    }

    /// The run can begin without it, though no order may leave: the fault may pass.
    #[must_use]
    pub const fn may_pass(&self) -> bool {
        matches!(self, Self::Io { .. })
    }
}
