//! One line in, trades out: knows the shape, the series that are played, and which venue a symbol is of.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use schemas::tick::Tick;

use super::dump::{self, Dump};
use super::series::Series;
use super::{TapeTrade, derived, gemini, raw};

/// The shape of a file, and what the file's name or the series adds to it.
enum Shape {
    Derived,
    Dump(Dump, String),
    Gemini(String),
    Raw,
}

/// A symbol that two venues trade on one tape.
pub(super) struct Conflict {
    pub(super) symbol: String,
    pub(super) venues: [String; 2],
}

/// Parses lines and picks the series.
pub(super) struct Parser {
    shape: Shape,
    series: Series,
    venue_of: BTreeMap<Arc<str>, Arc<str>>,
    others: BTreeSet<String>,
    conflict: Option<Conflict>,
}

/// Why there is no parser for a file.
pub(super) enum NoParser {
    /// The line shows none of the shapes.
    Shape,
    /// Neither the file's name nor the series names the symbol.
    Symbol,
}

impl Parser {
    /// By the first line.
    pub(super) fn for_line(line: &str, file_name: &str, series: Series) -> Result<Self, NoParser> {
        let named = |from_name: Option<String>| {
            from_name.or_else(|| series.only_symbol().map(str::to_owned)).ok_or(NoParser::Symbol)
        };
        let shape = if line == derived::HEADER {
            Shape::Derived
        } else if line == gemini::HEADER {
            Shape::Gemini(named(gemini::symbol_of(file_name))?)
        } else if raw::detect(line) {
            Shape::Raw
        } else if let Some(dump) = Dump::detect(line) {
            Shape::Dump(dump, named(dump::symbol_of(file_name).map(str::to_owned))?)
        } else {
            return Err(NoParser::Shape);
        };
        Ok(Self { shape, series, venue_of: BTreeMap::new(), others: BTreeSet::new(), conflict: None })
    }

    /// Appends the line's trades that are played.
    ///
    /// # Errors
    /// What is wrong with the line.
    pub(super) fn parse(&mut self, line: &str, out: &mut VecDeque<TapeTrade>) -> Result<(), String> {
        match &self.shape {
            Shape::Derived => match derived::trade(line)? {
                Some(trade) => self.push(trade.venue, trade.symbol, trade.at_ns, trade.tick, out),
                None => Ok(()),
            },
            Shape::Dump(dump, symbol) => match dump.trade(line)? {
                Some(trade) => self.push(dump.venue(), &symbol.clone(), trade.at_ns, trade.tick, out),
                None => Ok(()),
            },
            Shape::Gemini(symbol) => match gemini::trade(line)? {
                Some((at_ns, tick)) => self.push("gemini", &symbol.clone(), at_ns, tick, out),
                None => Ok(()),
            },
            Shape::Raw => {
                let (at_ns, trades) = raw::trades(line)?;
                trades.into_iter().try_for_each(|trade| {
                    check_numbers(&trade.tick)?;
                    self.push(trade.venue, trade.symbol, at_ns, trade.tick, out)
                })
            }
        }
    }

    /// The series that are played.
    pub(super) const fn series(&self) -> &Series {
        &self.series
    }

    /// The series that were seen and not played.
    pub(super) const fn others(&self) -> &BTreeSet<String> {
        &self.others
    }

    /// The first symbol that turned out to be of two venues.
    pub(super) const fn take_conflict(&mut self) -> Option<Conflict> {
        self.conflict.take()
    }

    fn push(
        &mut self,
        venue: &str,
        symbol: &str,
        at_ns: i64,
        tick: Tick,
        out: &mut VecDeque<TapeTrade>,
    ) -> Result<(), String> {
        if !self.series.has(venue, symbol) {
            // A name is made only where it is new; a tape has few series and many trades.
            if !self.others.iter().any(|known| is_name(known, venue, symbol)) {
                self.others.insert(format!("{venue}:{symbol}"));
            }
            return Ok(());
        }
        let (symbol, venue) = self.interned(venue, symbol)?;
        out.push_back(TapeTrade { venue, symbol, at_ns, tick });
        Ok(())
    }

    fn interned(&mut self, venue: &str, symbol: &str) -> Result<(Arc<str>, Arc<str>), String> {
        match self.venue_of.get_key_value(symbol) {
            Some((symbol, first)) if **first == *venue => Ok((symbol.clone(), first.clone())),
            Some((symbol, first)) => {
                let venues = [first.to_string(), venue.to_owned()];
                let message = format!(
                    "{symbol} of a second venue (got {venue}, want {first} or a series that names one)"
                );
                self.conflict.get_or_insert(Conflict { symbol: symbol.to_string(), venues });
                Err(message)
            }
            None => {
                let (symbol, venue): (Arc<str>, Arc<str>) = (symbol.into(), venue.into());
                self.venue_of.insert(symbol.clone(), venue.clone());
                Ok((symbol, venue))
            }
        }
    }
}

fn is_name(name: &str, venue: &str, symbol: &str) -> bool {
    name.strip_prefix(venue).and_then(|rest| rest.strip_prefix(':')) == Some(symbol)
}

fn check_numbers(tick: &Tick) -> Result<(), String> {
    let positive =
        |number: Option<schemas::units::Decimal>| number.is_some_and(|number| number.is_positive());
    match (positive(tick.price), positive(tick.qty)) {
        (true, true) => Ok(()),
        (false, _) => Err("price is no number above zero".to_owned()),
        (_, false) => Err("quantity is no number above zero".to_owned()),
    }
}
