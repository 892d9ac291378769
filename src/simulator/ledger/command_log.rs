//! The engine's commands as a file: JSON lines, a head first, then one command a line.
//!
//! ```json
//! {"format":"self-trader venue commands","version":1,"made_by":"0.1.0","profile":"open","symbols":[...],"accounts":["test-key"]}
//! {"n":1,"t":1790000000000,"c":"AddAsset"}
//! ```
//!
//! `n` counts from 1 without gaps, `t` is the venue's time in milliseconds since the epoch, `c` the command. Symbols
//! and accounts are named in the order of their numbers. Secrets are not in it.

use serde::{Deserialize, Serialize};

use super::lines::LineFile;
use crate::simulator::engine::Command;
use crate::simulator::options::VenueOptions;

/// What a head calls the format.
pub(super) const FORMAT: &str = "self-trader venue commands";
/// The version that is written, and the only one that is read.
pub(super) const VERSION: u32 = 1;

/// The first line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Head {
    pub(super) format: String,
    pub(super) version: u32,
    /// The program's version.
    pub(super) made_by: String,
    pub(super) profile: String,
    /// What was listed when the venue began.
    pub(super) symbols: Vec<ListedSymbol>,
    /// Keys of the accounts that the venue began with.
    pub(super) accounts: Vec<String>,
}

/// A symbol that was listed from the start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ListedSymbol {
    pub(super) product: String,
    pub(super) name: String,
}

/// Every other line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Line {
    /// Its number.
    #[serde(rename = "n")]
    pub(super) number: u64,
    /// The venue's time.
    #[serde(rename = "t")]
    pub(super) time_ms: i64,
    #[serde(rename = "c")]
    pub(super) command: Command,
}

/// A file that commands are written to.
pub(super) type CommandLog = LineFile<Line>;

impl Head {
    pub(super) fn new(options: &VenueOptions) -> Self {
        let listed = options
            .symbols
            .iter()
            .map(|spec| ListedSymbol { product: spec.product.as_str().to_owned(), name: spec.name.clone() });
        Self {
            format: FORMAT.to_owned(),
            version: VERSION,
            made_by: env!("CARGO_PKG_VERSION").to_owned(),
            profile: options.profile.name.clone(),
            symbols: listed.collect(),
            accounts: options.accounts.iter().map(|account| account.key.clone()).collect(),
        }
    }

    pub(super) fn text(&self) -> String {
        serde_json::to_string(self).expect("strings and numbers serialise")
    }
}

/// A command as a line.
pub(super) fn render(line: &Line, out: &mut Vec<u8>) {
    serde_json::to_writer(out, line).expect("commands serialise");
}
