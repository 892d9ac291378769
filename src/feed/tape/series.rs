//! Which venues and symbols of a tape are played.

use std::fmt;

use super::TapeError;

/// A choice of venues and symbols; empty chooses all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Series(Vec<Choice>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Choice {
    venue: Option<String>,
    symbol: String,
}

impl Series {
    /// Reads `SYMBOL`, `VENUE:SYMBOL` or several of them separated by commas.
    ///
    /// # Errors
    /// [`TapeError::Series`].
    pub fn parse(text: &str) -> Result<Self, TapeError> {
        let bad = || TapeError::Series { got: text.to_owned() };
        let mut choices = Vec::new();
        for part in text.split(',') {
            let (venue, symbol) = match part.split_once(':') {
                Some(("", _)) => return Err(bad()),
                Some((venue, symbol)) => (Some(venue.to_owned()), symbol),
                None => (None, part),
            };
            if symbol.is_empty() || part.chars().any(|char| char.is_whitespace() || char.is_control()) {
                return Err(bad());
            }
            choices.push(Choice { venue, symbol: symbol.to_owned() });
        }
        Ok(Self(choices))
    }

    /// Whether trades of that venue and symbol are played.
    #[must_use]
    pub fn has(&self, venue: &str, symbol: &str) -> bool {
        self.0.is_empty() || self.0.iter().any(|choice| choice.is(venue, symbol))
    }

    /// The symbol, where exactly one is chosen: it names what a file without symbols holds.
    #[must_use]
    pub fn only_symbol(&self) -> Option<&str> {
        match self.0.as_slice() {
            [choice] => Some(&choice.symbol),
            _ => None,
        }
    }
}

impl Choice {
    /// A venue may be given by its last part: `spot` for `binance-spot`.
    fn is(&self, venue: &str, symbol: &str) -> bool {
        let venue_fits = self.venue.as_deref().is_none_or(|want| {
            venue == want || venue.strip_suffix(want).is_some_and(|rest| rest.ends_with('-'))
        });
        venue_fits && self.symbol == symbol
    }
}

impl fmt::Display for Series {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("any series");
        }
        for (position, choice) in self.0.iter().enumerate() {
            let comma = if position == 0 { "" } else { "," };
            match &choice.venue {
                Some(venue) => write!(f, "{comma}{venue}:{}", choice.symbol)?,
                None => write!(f, "{comma}{}", choice.symbol)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_picks() {
        let series = Series::parse("spot:BTCUSDT,ETHUSDT").unwrap();
        assert!(series.has("binance-spot", "BTCUSDT"));
        assert!(!series.has("binance-usdm", "BTCUSDT"));
        assert!(series.has("binance-usdm", "ETHUSDT"));
        assert!(!series.has("hotspot", "BTCUSDT"));
        assert!(Series::default().has("any", "thing"));
        for bad in ["", ":X", "a:", "a,,b", "a b"] {
            assert!(Series::parse(bad).is_err(), "{bad}");
        }
    }
}
