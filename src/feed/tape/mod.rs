//! Recorded trades from a file: one reader a file shape, told apart by content, never by the file's name alone.
//!
//! A broken line is counted and passed over; only a file that is no tape at all is an error.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use schemas::tick::Tick;

mod csv;
mod derived;
mod dump;
pub(crate) mod feed;
mod gemini;
mod lines;
mod parser;
pub mod player;
mod raw;
mod reader;
mod series;
mod source;

pub use player::{Played, Player, Stage, TapeTotals};
pub use reader::TapeReader;
pub use series::Series;

/// One recorded trade.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TapeTrade {
    /// The venue, as the tape or its shape names it, such as `binance-spot`.
    pub venue: Arc<str>,
    /// The symbol, as the venue writes it.
    pub symbol: Arc<str>,
    /// The clock that paces: recorded receive time, else event time; nanoseconds since the epoch.
    pub at_ns: i64,
    /// The trade, with its recorded time.
    pub tick: Tick,
}

/// A file that cannot be played.
#[derive(Debug, thiserror::Error)]
pub enum TapeError {
    /// Cannot be opened or read.
    #[error("TAPE-001 {}: cannot be read ({source})", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's words.
        source: std::io::Error,
    },
    /// None of the shapes.
    #[error("TAPE-002 {}: no tape that is known (got {got}, want a Binance trades or aggTrades CSV, the derived CSV, or recorded websocket lines)", path.display())]
    Shape {
        /// The file.
        path: PathBuf,
        /// Its first line, in quotes, unless it must not be shown.
        got: String,
    },
    /// `--series` that cannot be read.
    #[error(
        "TAPE-003 series: bad series (got {got:?}, want SYMBOL or VENUE:SYMBOL, several separated by commas)"
    )]
    Series {
        /// What was given.
        got: String,
    },
    /// A file without symbols in it and none named.
    #[error("TAPE-004 {}: the file does not say which symbol it holds (want --series SYMBOL)", path.display())]
    NoSymbol {
        /// The file.
        path: PathBuf,
    },
    /// One symbol on several venues.
    #[error("TAPE-005 {}: several venues trade {symbol} here (got {venues}, want --series VENUE:{symbol})", path.display())]
    SeveralVenues {
        /// The file.
        path: PathBuf,
        /// The symbol.
        symbol: String,
        /// The venues.
        venues: String,
    },
    /// A zip that holds no file, or several.
    #[error("TAPE-006 {}: zip with {files} files (want one)", path.display())]
    Zip {
        /// The file.
        path: PathBuf,
        /// How many files it holds.
        files: usize,
    },
    /// Not one trade of the series.
    #[error("TAPE-007 {}: no trade of {want} (the tape has {has})", path.display())]
    NoTrades {
        /// The file.
        path: PathBuf,
        /// What was asked for.
        want: String,
        /// What is there.
        has: String,
    },
}

/// A line that is passed over.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("TAPE-010 line {line}: {what}")]
pub struct TapeLineError {
    /// The line, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub what: String,
}

/// Opens a tape: plain, gzip or zip; `series` as `--series` gives it.
///
/// # Errors
/// [`TapeError`] where the file cannot be read, is of no known shape, or the series cannot be told.
pub fn open(path: &Path, series: Option<&str>) -> Result<TapeReader, TapeError> {
    TapeReader::open(path, series)
}
