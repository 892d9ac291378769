//! Reads a tape trade by trade, whatever its shape.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use super::lines::Lines;
use super::parser::{NoParser, Parser};
use super::series::Series;
use super::source::Source;
use super::{TapeError, TapeLineError, TapeTrade};
use crate::feed::decode::shown;

/// How many trades are read before playing, to find a symbol that several venues trade.
const LOOK_AHEAD: usize = 1_000;

/// The trades of a tape, in the order of the file. A line that is no trade gives an error and the next call
/// goes on behind it; a file that cannot be read on gives one last error.
pub struct TapeReader {
    path: PathBuf,
    lines: Lines,
    parser: Parser,
    /// The first line showed the shape and is still to be parsed.
    held: bool,
    ended: bool,
    parsed: VecDeque<TapeTrade>,
    ahead: VecDeque<Result<TapeTrade, TapeLineError>>,
}

impl TapeReader {
    pub(super) fn open(path: &Path, series: Option<&str>) -> Result<Self, TapeError> {
        let series = series.map_or_else(|| Ok(Series::default()), Series::parse)?;
        let source = Source::open(path)?;
        let mut lines = Lines::new(source.bytes);
        let first =
            first_line(&mut lines).map_err(|source| TapeError::Io { path: path.to_owned(), source })?;
        let parser = Parser::for_line(&first, &source.name, series).map_err(|why| match why {
            NoParser::Shape => TapeError::Shape { path: path.to_owned(), got: head(&first) },
            NoParser::Symbol => TapeError::NoSymbol { path: path.to_owned() },
        })?;
        let mut reader = Self {
            path: path.to_owned(),
            lines,
            parser,
            held: true,
            ended: false,
            parsed: VecDeque::new(),
            ahead: VecDeque::new(),
        };
        reader.look_ahead()?;
        Ok(reader)
    }

    /// What to say of a tape that gave no trade at all.
    #[must_use]
    pub fn no_trades(&self) -> TapeError {
        let others: Vec<&str> = self.parser.others().iter().map(String::as_str).collect();
        let has = if others.is_empty() { "none at all".to_owned() } else { others.join(", ") };
        TapeError::NoTrades { path: self.path.clone(), want: self.parser.series().to_string(), has }
    }

    /// Reads the first trades, and refuses a tape on which one symbol would mix several venues.
    fn look_ahead(&mut self) -> Result<(), TapeError> {
        while self.ahead.len() < LOOK_AHEAD
            && let Some(trade) = self.read()
        {
            self.ahead.push_back(trade);
        }
        match self.parser.take_conflict() {
            Some(conflict) => Err(TapeError::SeveralVenues {
                path: self.path.clone(),
                symbol: conflict.symbol,
                venues: conflict.venues.join(", "),
            }),
            None => Ok(()),
        }
    }

    fn read(&mut self) -> Option<Result<TapeTrade, TapeLineError>> {
        while !self.ended {
            if let Some(trade) = self.parsed.pop_front() {
                return Some(Ok(trade));
            }
            if let Err(what) = self.read_line() {
                return Some(Err(TapeLineError { line: self.lines.number(), what }));
            }
        }
        None
    }

    /// Reads one line into `parsed`, or finds the end.
    fn read_line(&mut self) -> Result<(), String> {
        if !std::mem::take(&mut self.held) {
            match self.lines.advance() {
                Ok(true) => {}
                Ok(false) => {
                    self.ended = true;
                    return Ok(());
                }
                Err(error) => {
                    self.ended = true;
                    return Err(format!("cannot be read on: {error}"));
                }
            }
        }
        match std::str::from_utf8(self.lines.line()) {
            Ok("") => Ok(()),
            Ok(line) => self.parser.parse(line, &mut self.parsed),
            Err(error) => Err(format!("no UTF-8 at byte {}", error.valid_up_to())),
        }
    }
}

impl Iterator for TapeReader {
    type Item = Result<TapeTrade, TapeLineError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.ahead.pop_front().or_else(|| self.read())
    }
}

/// The first line that is not empty, leaving it current.
fn first_line(lines: &mut Lines) -> std::io::Result<String> {
    while lines.advance()? {
        if !lines.line().is_empty() {
            return Ok(String::from_utf8_lossy(lines.line()).into_owned());
        }
    }
    Ok(String::new())
}

/// The beginning of a file that is no tape. JSON is not shown: it may be a configuration with a secret in it.
fn head(line: &str) -> String {
    match line.trim_start_matches('\u{feff}').trim_start().chars().next() {
        Some('{' | '[') => "JSON of another kind; not shown".to_owned(),
        _ => format!("\"{}\"", shown(line.as_bytes())),
    }
}
