//! What a venue lists, and how a list of it is read.

use schemars::JsonSchema;
use schemas::units::{Decimal, Rounding};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::engine::AMOUNT_DECIMALS;
use super::options::VenueError;
use super::profile::{STEPS_MAX, SymbolRules};

/// Quote assets that a symbol's name may end in, the longer ones first.
const QUOTES: [&str; 16] = [
    "FDUSD", "USDT", "USDC", "TUSD", "BUSD", "USD1", "BTC", "ETH", "BNB", "EUR", "TRY", "BRL", "JPY", "GBP",
    "DAI", "USD",
];

/// What kind of market a symbol is of, and so which dialect speaks of it.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Product {
    /// Base against quote.
    #[default]
    Spot,
    /// Perpetual contracts, margined in the quote asset.
    #[serde(rename = "usdm")]
    UsdM,
}

impl Product {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Spot, Self::UsdM];

    /// Its place in [`Product::ALL`].
    #[must_use]
    pub const fn index(self) -> usize {
        match self {
            Self::Spot => 0,
            Self::UsdM => 1,
        }
    }

    /// `spot` or `usdm`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Spot => "spot",
            Self::UsdM => "usdm",
        }
    }
}

/// One symbol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SymbolSpec {
    /// Spot, or a perpetual contract.
    pub product: Product,
    /// As in `BTCUSDT`.
    pub name: String,
    /// The asset bought and sold.
    pub base: String,
    /// The asset paid with.
    pub quote: String,
    /// A tick is `10^-price_decimals`.
    pub price_decimals: u8,
    /// A lot is `10^-qty_decimals`.
    pub qty_decimals: u8,
    /// The last price as long as nothing has traded.
    pub start_price: Option<Decimal>,
    /// Its own rules; none: those that the profile gives to its product.
    pub rules: Option<Box<SymbolRules>>,
}

/// A symbol as a JSON list has it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry<'a> {
    #[serde(default)]
    product: Product,
    name: String,
    base: Option<String>,
    quote: Option<String>,
    price_decimals: u8,
    qty_decimals: u8,
    #[serde(borrow)]
    start_price: Option<&'a RawValue>,
}

impl SymbolSpec {
    /// A symbol whose assets are read out of its name: a well-known quote asset at its end, else USDT.
    #[must_use]
    pub fn named(name: &str, price_decimals: u8, qty_decimals: u8) -> Self {
        let split = QUOTES.iter().find_map(|quote| {
            let base = name.strip_suffix(quote).filter(|base| !base.is_empty())?;
            Some((base, *quote))
        });
        let (base, quote) = split.unwrap_or((name, "USDT"));
        Self {
            product: Product::Spot,
            name: name.to_owned(),
            base: base.to_owned(),
            quote: quote.to_owned(),
            price_decimals,
            qty_decimals,
            start_price: None,
            rules: None,
        }
    }

    /// The perpetual contract of that name.
    #[must_use]
    pub fn perpetual(name: &str, price_decimals: u8, qty_decimals: u8) -> Self {
        Self { product: Product::UsdM, ..Self::named(name, price_decimals, qty_decimals) }
    }

    /// Reads one entry: a JSON object, or `NAME PRICE_DECIMALS QTY_DECIMALS [START_PRICE]`.
    ///
    /// # Errors
    /// What is wrong, in a few words.
    pub fn parse(text: &str) -> Result<Self, String> {
        let spec = if text.trim_start().starts_with('{') { Self::of_json(text) } else { Self::of_row(text) }?;
        spec.check()?;
        Ok(spec)
    }

    /// Reads a list: a JSON array of objects, or one entry a line; empty lines and `#` lines do not count.
    ///
    /// # Errors
    /// Which entry is no symbol, and why.
    pub fn parse_list(text: &str) -> Result<Vec<Self>, VenueError> {
        let entries: Vec<&str> = if text.trim_start().starts_with('[') {
            let entries: Vec<&RawValue> = serde_json::from_str(text)
                .map_err(|error| VenueError::Symbol { entry: 1, what: format!("no JSON array: {error}") })?;
            entries.into_iter().map(RawValue::get).collect()
        } else {
            text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).collect()
        };
        let parse = |(at, entry): (usize, &&str)| {
            Self::parse(entry).map_err(|what| VenueError::Symbol { entry: at + 1, what })
        };
        entries.iter().enumerate().map(parse).collect()
    }

    fn of_json(text: &str) -> Result<Self, String> {
        let entry: Entry<'_> = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let mut spec = Self::named(&entry.name, entry.price_decimals, entry.qty_decimals);
        spec.product = entry.product;
        spec.base = entry.base.unwrap_or(spec.base);
        spec.quote = entry.quote.unwrap_or(spec.quote);
        spec.start_price =
            entry.start_price.map(|raw| start_price(raw.get().trim_matches('"'))).transpose()?;
        Ok(spec)
    }

    fn of_row(text: &str) -> Result<Self, String> {
        let mut words = text.split_whitespace();
        let (Some(name), Some(price), Some(qty)) = (words.next(), words.next(), words.next()) else {
            return Err("want NAME PRICE_DECIMALS QTY_DECIMALS [START_PRICE]".to_owned());
        };
        let mut spec = Self::named(name, decimals(price)?, decimals(qty)?);
        spec.start_price = words.next().map(start_price).transpose()?;
        match words.next() {
            None => Ok(spec),
            Some(_) => Err("more than four words".to_owned()),
        }
    }

    /// A price in ticks, rounded down; none if it is below the first tick, or beyond what the engine counts.
    pub(super) fn nearest_tick(&self, price: Decimal) -> Option<i64> {
        let ticks = price.to_steps(self.price_decimals, Rounding::Down)?;
        i64::try_from(ticks).ok().filter(|ticks| (1..=STEPS_MAX).contains(ticks))
    }

    /// What of it cannot be listed, in a few words.
    pub(super) fn check(&self) -> Result<(), String> {
        let plain =
            |text: &str| !text.is_empty() && !text.chars().any(|c| c.is_control() || c.is_whitespace());
        if ![&self.name, &self.base, &self.quote].into_iter().all(|text| plain(text)) {
            return Err("name, base and quote must be words".to_owned());
        }
        if self.base == self.quote {
            return Err(format!("base and quote are both {}", self.base));
        }
        let decimals = u32::from(self.price_decimals) + u32::from(self.qty_decimals);
        if decimals > u32::from(AMOUNT_DECIMALS) {
            return Err(format!("{decimals} decimals of price and quantity together, want at most 18"));
        }
        Ok(())
    }
}

fn decimals(text: &str) -> Result<u8, String> {
    text.parse()
        .map_err(|_| format!("decimals must be 0 to 18 (got {:.64})", text.escape_debug().to_string()))
}

fn start_price(text: &str) -> Result<Decimal, String> {
    let price = Decimal::parse(text).map_err(|error| format!("start_price is {error}"))?;
    // Prices are kept in 18 decimals at most.
    let kept = price.to_steps(18, Rounding::Down).is_some_and(|steps| steps > 0);
    kept.then_some(price).ok_or_else(|| "start_price must be above zero".to_owned())
}
