//! The journal: every order is written down before its first byte leaves, and what became of it after.
//!
//! [`codec`] is the bytes, [`memory`] what they amount to, [`recovery`] what earlier runs left, [`disk`] the folder,
//! and [`Journal`] the one that writes. What a crash leaves in doubt is told at the next start; what was made a pair of
//! is never made one again.

pub mod codec;
pub mod disk;
mod drop_copy;
mod error;
mod health;
pub mod memory;
pub mod outcome;
mod part;
pub mod print;
pub mod recovery;
mod syncer;
mod writer;

pub use error::JournalError;
pub use health::{Health, STALL_MAX};
pub use part::{NextPart, ToSync};
pub use recovery::{Owner, Recovered, RunStatus, recover};
pub use writer::{Journal, NotWritten, Writer};
