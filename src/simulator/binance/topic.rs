//! What market streams tell, and their names in each dialect.

use std::borrow::Cow;

use crate::simulator::engine::SymbolId;
use crate::simulator::faults::Stream;
use crate::simulator::state::State;
use crate::simulator::symbols::Product;

/// How often a stream speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::simulator) enum Pace {
    Ms100,
    Ms250,
    Ms500,
    Ms1000,
    Ms3000,
}

impl Pace {
    /// All of them.
    pub(in crate::simulator) const ALL: [Self; 5] =
        [Self::Ms100, Self::Ms250, Self::Ms500, Self::Ms1000, Self::Ms3000];

    pub(in crate::simulator) const fn index(self) -> usize {
        self as usize
    }

    /// In milliseconds.
    pub(in crate::simulator) const fn ms(self) -> u64 {
        match self {
            Self::Ms100 => 100,
            Self::Ms250 => 250,
            Self::Ms500 => 500,
            Self::Ms1000 => 1_000,
            Self::Ms3000 => 3_000,
        }
    }
}

/// How many levels the partial depth streams show.
pub(in crate::simulator) const TOP_LEVELS: [usize; 3] = [5, 10, 20];

/// How long candles are, as the dialects name it.
pub(in crate::simulator) const INTERVALS: [&str; 16] =
    ["1s", "1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d", "3d", "1w", "1M"];

/// The windows of Spot's rolling tickers, as the dialect names them, and their lengths in milliseconds.
pub(in crate::simulator) const WINDOWS: [(&str, i64); 3] =
    [("1h", 3_600_000), ("4h", 4 * 3_600_000), ("1d", 24 * 3_600_000)];

/// What a symbol's stream tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::simulator) enum Topic {
    Trade,
    AggTrade,
    BookTicker,
    /// Changes of the book.
    Diff(Pace),
    /// The best levels; the number is a place in [`TOP_LEVELS`].
    Top(Pace, usize),
    /// Candles; the number is a place in [`INTERVALS`].
    Kline(usize),
    /// USD-M: candles of a pair's perpetual contract; the number is a place in [`INTERVALS`].
    ContinuousKline(usize),
    MiniTicker,
    Ticker,
    /// Spot: a ticker over another window than a day; the number is a place in [`WINDOWS`].
    Window(usize),
    /// Spot.
    AvgPrice,
    /// Spot.
    ReferencePrice,
    /// USD-M.
    MarkPrice(Pace),
}

const DIFFS: usize = 3;
const TOPS: usize = DIFFS + Pace::ALL.len();
const KLINES: usize = TOPS + Pace::ALL.len() * TOP_LEVELS.len();
const TICKERS: usize = KLINES + INTERVALS.len();
const WINDOW_TICKERS: usize = TICKERS + 4;
const MARKS: usize = WINDOW_TICKERS + WINDOWS.len();
const CONTINUOUS: usize = MARKS + Pace::ALL.len();

impl Topic {
    /// How many there are.
    pub(in crate::simulator) const COUNT: usize = CONTINUOUS + INTERVALS.len();

    /// A place of its own below [`Topic::COUNT`].
    pub(in crate::simulator) const fn index(self) -> usize {
        match self {
            Self::Trade => 0,
            Self::AggTrade => 1,
            Self::BookTicker => 2,
            Self::Diff(pace) => DIFFS + pace.index(),
            Self::Top(pace, at) => TOPS + pace.index() * TOP_LEVELS.len() + at,
            Self::Kline(at) => KLINES + at,
            Self::MiniTicker => TICKERS,
            Self::Ticker => TICKERS + 1,
            Self::AvgPrice => TICKERS + 2,
            Self::ReferencePrice => TICKERS + 3,
            Self::Window(at) => WINDOW_TICKERS + at,
            Self::MarkPrice(pace) => MARKS + pace.index(),
            Self::ContinuousKline(at) => CONTINUOUS + at,
        }
    }

    /// The name that a fault mutes it by.
    pub(in crate::simulator) const fn muted_as(self) -> Stream {
        match self {
            Self::Trade => Stream::Trade,
            Self::AggTrade => Stream::AggTrade,
            Self::BookTicker => Stream::BookTicker,
            Self::Diff(_) | Self::Top(..) => Stream::Depth,
            Self::Kline(_) | Self::ContinuousKline(_) => Stream::Kline,
            Self::MiniTicker | Self::Ticker | Self::Window(_) | Self::AvgPrice | Self::ReferencePrice => {
                Stream::Ticker
            }
            Self::MarkPrice(_) => Stream::MarkPrice,
        }
    }

    /// What the stream's name has between symbol and `@`.
    pub(in crate::simulator) const fn contract(self) -> &'static str {
        match self {
            Self::ContinuousKline(_) => "_perpetual",
            Self::Trade
            | Self::AggTrade
            | Self::BookTicker
            | Self::Diff(_)
            | Self::Top(..)
            | Self::Kline(_)
            | Self::MiniTicker
            | Self::Ticker
            | Self::Window(_)
            | Self::AvgPrice
            | Self::ReferencePrice
            | Self::MarkPrice(_) => "",
        }
    }

    /// The stream's name after the `@`.
    pub(in crate::simulator) fn name(self, product: Product) -> Cow<'static, str> {
        let paced = |name: String, pace: Pace| match (product, pace) {
            (Product::Spot, Pace::Ms1000) | (Product::UsdM, Pace::Ms250) => name,
            _ => format!("{name}@{}ms", pace.ms()),
        };
        match self {
            Self::Trade => "trade".into(),
            Self::AggTrade => "aggTrade".into(),
            Self::BookTicker => "bookTicker".into(),
            Self::Diff(pace) => paced("depth".to_owned(), pace).into(),
            Self::Top(pace, at) => paced(format!("depth{}", TOP_LEVELS[at]), pace).into(),
            Self::Kline(at) => format!("kline_{}", INTERVALS[at]).into(),
            Self::ContinuousKline(at) => format!("continuousKline_{}", INTERVALS[at]).into(),
            Self::MiniTicker => "miniTicker".into(),
            Self::Ticker => "ticker".into(),
            Self::Window(at) => format!("ticker_{}", WINDOWS[at].0).into(),
            Self::AvgPrice => "avgPrice".into(),
            Self::ReferencePrice => "referencePrice".into(),
            Self::MarkPrice(Pace::Ms1000) => "markPrice@1s".into(),
            Self::MarkPrice(_) => "markPrice".into(),
        }
    }

    /// The topic of that name, as [`Topic::name`] writes it or with its default pace spelled out.
    pub(in crate::simulator) fn named(product: Product, name: &str) -> Option<Self> {
        let (paces, default): (&[Pace], _) = match product {
            Product::Spot => (&[Pace::Ms100, Pace::Ms1000], Pace::Ms1000),
            Product::UsdM => (&[Pace::Ms100, Pace::Ms250, Pace::Ms500], Pace::Ms250),
        };
        match (product, name) {
            (_, "trade") => return Some(Self::Trade),
            (_, "aggTrade") => return Some(Self::AggTrade),
            (_, "bookTicker") => return Some(Self::BookTicker),
            (_, "miniTicker") => return Some(Self::MiniTicker),
            (_, "ticker") => return Some(Self::Ticker),
            (Product::Spot, "avgPrice") => return Some(Self::AvgPrice),
            (Product::Spot, "referencePrice") => return Some(Self::ReferencePrice),
            (Product::UsdM, "markPrice") => return Some(Self::MarkPrice(Pace::Ms3000)),
            (Product::UsdM, "markPrice@1s") => return Some(Self::MarkPrice(Pace::Ms1000)),
            (Product::Spot | Product::UsdM, _) => {}
        }
        if let Some(interval) = name.strip_prefix("kline_") {
            return INTERVALS.iter().position(|own| *own == interval).map(Self::Kline);
        }
        if let (Product::UsdM, Some(interval)) = (product, name.strip_prefix("continuousKline_")) {
            return INTERVALS.iter().position(|own| *own == interval).map(Self::ContinuousKline);
        }
        if let (Product::Spot, Some(window)) = (product, name.strip_prefix("ticker_")) {
            return WINDOWS.iter().position(|(own, _)| *own == window).map(Self::Window);
        }
        let (levels, pace) = match name.strip_prefix("depth")?.split_once('@') {
            None => (name.strip_prefix("depth")?, default),
            Some((levels, pace)) => {
                (levels, *paces.iter().find(|own| pace.strip_suffix("ms") == Some(&own.ms().to_string()))?)
            }
        };
        match levels {
            "" => Some(Self::Diff(pace)),
            levels => {
                let at = TOP_LEVELS.iter().position(|own| own.to_string() == levels)?;
                Some(Self::Top(pace, at))
            }
        }
    }
}

/// What a stream of all symbols of a product tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::simulator) enum MarketTopic {
    MiniTickers,
    /// USD-M; withdrawn on Spot.
    Tickers,
    /// USD-M; withdrawn on Spot.
    BookTickers,
    /// USD-M.
    MarkPrices(Pace),
}

impl MarketTopic {
    /// All of them with their names.
    pub(in crate::simulator) const ALL: [(Self, &'static str); 5] = [
        (Self::MiniTickers, "!miniTicker@arr"),
        (Self::Tickers, "!ticker@arr"),
        (Self::BookTickers, "!bookTicker"),
        (Self::MarkPrices(Pace::Ms3000), "!markPrice@arr"),
        (Self::MarkPrices(Pace::Ms1000), "!markPrice@arr@1s"),
    ];

    /// The name that a fault mutes it by.
    pub(in crate::simulator) const fn muted_as(self) -> Stream {
        match self {
            Self::MiniTickers | Self::Tickers => Stream::Ticker,
            Self::BookTickers => Stream::BookTicker,
            Self::MarkPrices(_) => Stream::MarkPrice,
        }
    }

    /// Its place in [`MarketTopic::ALL`].
    pub(in crate::simulator) fn index(self) -> usize {
        Self::ALL.iter().position(|(own, _)| *own == self).expect("every one is listed")
    }
}

/// What a stream's name means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::simulator) enum Named {
    /// One symbol's.
    Symbol(SymbolId, Topic),
    /// The whole product's.
    Market(MarketTopic),
}

/// The stream of that name, if the venue has it. Names of others are taken and never speak.
pub(in crate::simulator) fn parse(state: &State, product: Product, name: &str) -> Option<Named> {
    if name.starts_with('!') {
        // Spot's pace may be spelled out.
        let name = if product == Product::Spot { name.trim_end_matches("@1000ms") } else { name };
        return MarketTopic::ALL.iter().find(|(_, own)| *own == name).map(|(topic, _)| Named::Market(*topic));
    }
    let (symbol, topic) = name.split_once('@')?;
    let topic = Topic::named(product, topic)?;
    let symbol = symbol.strip_suffix(topic.contract())?;
    let symbol = state
        .symbol_named(product, &symbol.to_uppercase())
        .or_else(|| state.symbol_named(product, symbol))?;
    Some(Named::Symbol(symbol, topic))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> impl Iterator<Item = Topic> {
        let plain = [Topic::Trade, Topic::AggTrade, Topic::BookTicker, Topic::MiniTicker, Topic::Ticker];
        let tops = Pace::ALL.into_iter().flat_map(|pace| (0..3).map(move |at| Topic::Top(pace, at)));
        plain
            .into_iter()
            .chain([Topic::AvgPrice, Topic::ReferencePrice])
            .chain((0..WINDOWS.len()).map(Topic::Window))
            .chain(Pace::ALL.map(Topic::Diff))
            .chain(tops)
            .chain((0..INTERVALS.len()).map(Topic::Kline))
            .chain((0..INTERVALS.len()).map(Topic::ContinuousKline))
            .chain(Pace::ALL.map(Topic::MarkPrice))
    }

    #[test]
    fn every_topic_has_a_place_of_its_own() {
        let mut places: Vec<_> = all().map(Topic::index).collect();
        places.sort_unstable();
        assert_eq!(places, (0..Topic::COUNT).collect::<Vec<_>>());
    }

    #[test]
    fn a_topic_is_found_by_its_name() {
        for product in Product::ALL {
            let unnamed =
                |topic: &Topic| matches!(topic, Topic::MarkPrice(Pace::Ms100 | Pace::Ms250 | Pace::Ms500));
            for topic in all().filter(|topic| !unnamed(topic)) {
                let name = topic.name(product);
                if let Some(found) = Topic::named(product, &name) {
                    assert_eq!(found, topic, "{name}");
                }
            }
        }
        assert_eq!(Topic::named(Product::Spot, "depth@1000ms"), Some(Topic::Diff(Pace::Ms1000)));
        assert_eq!(Topic::named(Product::Spot, "depth"), Some(Topic::Diff(Pace::Ms1000)));
        assert_eq!(Topic::named(Product::UsdM, "depth"), Some(Topic::Diff(Pace::Ms250)));
        assert_eq!(Topic::named(Product::UsdM, "depth20@500ms"), Some(Topic::Top(Pace::Ms500, 2)));
        assert_eq!(Topic::named(Product::Spot, "depth7"), None);
        assert_eq!(Topic::named(Product::Spot, "markPrice"), None);
    }
}
