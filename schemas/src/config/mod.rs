//! The configuration: typed, read from its text, every fault reported with its JSON pointer.
//!
//! Text in, [`Config`] or all the [`Fault`]s out; reading files and resolving secrets is not done here.

mod address;
pub mod crowd;
mod entry;
mod fault;
pub mod feed;
pub mod instrument;
mod json_schema;
pub mod kafka;
mod kafka_options;
mod kafka_url;
mod keys;
mod list;
mod node;
mod process;
pub mod profile;
mod reader;
mod secret_ref;
mod together;
mod urls;
mod venue;

pub use address::{AddressError, StagingAddress, is_private};
pub use entry::Instrument;
pub use fault::{Code, FAULTS_MAX, Fault, cut};
pub use feed::{FeedUrl, FeedUrlError, RedisMode};
pub use instrument::{
    Conflate, EmptyBook, OnQuiet, Placement, ProbePair, RuleParams, SamePolicy, SidePolicy, TermType,
};
pub use json_schema::json_schema;
pub use kafka::{GroupProtocol, KafkaKey, KafkaOption, KafkaTopic, KafkaUrl, Partitioner};
pub use kafka_url::KafkaUrlError;
pub use list::INSTRUMENTS_MAX;
pub use process::{DeadManSwitch, FeedFormat, JournalSync, LogFormat, Process, Sharding};
pub use secret_ref::SecretRef;
pub use urls::{feed_url, lease_store_url};
pub use venue::{Dialect, Venue};

use fault::Faults;

/// Largest configuration that is read, bytes.
pub const CONFIG_BYTES_MAX: usize = 16 * 1024 * 1024;

/// A whole configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The settings of the whole process.
    pub process: Process,
    /// The instruments, in the order of the file.
    pub instruments: Vec<Instrument>,
    /// Where each instrument stands in the file, as a JSON pointer; empty for one that is the whole file.
    pub pointers: Vec<String>,
    /// What is accepted, but should be known.
    pub warnings: Vec<Fault>,
}

impl Config {
    /// Reads a configuration: a list of instruments, an object with `instruments` and the process-wide
    /// keys, or one instrument alone. A byte order mark and CRLF are accepted.
    ///
    /// # Errors
    /// Every fault of the file, in the order in which they were met; at most [`FAULTS_MAX`] and a last
    /// one that counts the rest.
    pub fn parse(bytes: &[u8]) -> Result<Self, Vec<Fault>> {
        let text = text(bytes).map_err(|fault| vec![fault])?;
        let node = node::read(text).map_err(|fault| vec![fault])?;
        list::read(&node)
    }

    /// What only several process-wide keys together can get wrong. [`Config::parse`] has asked already; to be
    /// asked again where the command line or a reference has changed what the file says. What hangs on the feed
    /// is left out as long as there is none.
    ///
    /// # Errors
    /// Every fault, with its pointer.
    pub fn check(&self) -> Result<(), Vec<Fault>> {
        let mut faults = Faults::default();
        let pointers = self.pointers.iter().map(String::as_str);
        together::check(&self.process, pointers.zip(&self.instruments), &mut faults);
        faults.finish().map(drop)
    }
}

fn text(bytes: &[u8]) -> Result<&str, Fault> {
    let file = |message: String| Fault::new(Code::File, "", message);
    if bytes.len() > CONFIG_BYTES_MAX {
        return Err(file(format!("too large (got {} bytes, want at most {CONFIG_BYTES_MAX})", bytes.len())));
    }
    let text = std::str::from_utf8(bytes)
        .map_err(|error| file(format!("not UTF-8 (at byte {})", error.valid_up_to())))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim().is_empty() { Err(file("empty".to_owned())) } else { Ok(text) }
}
