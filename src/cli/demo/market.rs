//! What the demo follows, and the configuration that follows it.

use std::collections::BTreeMap;

use schemas::config::{Config, Fault, FeedUrl, TermType};
use serde_json::json;

use super::Args;
use crate::feed::schedule::Speed;
use crate::feed::tape::{self, TapeError};

/// The follow exchange, as `replay` publishes unless told otherwise.
const FOLLOW_EXCHANGE: &str = "binance";
/// Trades that are looked at to find a tape's symbols.
const PEEKED_MAX: usize = 2_000;
/// Symbols of a tape that the demo follows.
const SYMBOLS_MAX: usize = 8;

/// Why the demo has nothing to follow.
#[derive(Debug, thiserror::Error)]
pub(super) enum MarketError {
    #[error(transparent)]
    Tape(#[from] TapeError),
    #[error("FEED-030 --redis: not a Redis address (got {0:?}, want redis://host:port)")]
    NotRedis(String),
    #[error("the demo's own configuration is faulty: {0:?}")]
    Config(Vec<Fault>),
}

/// One followed symbol, what it is traded as, and its digits after the point.
struct Symbol {
    name: String,
    term: TermType,
    price_decimals: u32,
    qty_decimals: u32,
}

/// The demo's configuration and what its screen is headed with.
pub(super) fn config(args: &Args) -> Result<(Config, String), MarketError> {
    let (feed, symbols) = match (&args.tape, &args.redis) {
        (Some(path), _) => {
            let symbols = symbols_of(tape::open(path, args.series.as_deref())?)?;
            let speed = match args.speed {
                Speed::Times(times) => Some(times),
                Speed::Max => None,
            };
            (FeedUrl::Tape { path: path.clone(), series: args.series.clone(), speed }, symbols)
        }
        (None, Some(redis @ FeedUrl::Redis { .. })) => (redis.clone(), usual_symbols()),
        (None, Some(other)) => return Err(MarketError::NotRedis(other.to_string())),
        (None, None) => (FeedUrl::Synthetic { seed: args.seed }, usual_symbols()),
    };
    let title = feed.to_string();
    // A tape as fast as possible would only overflow a queue.
    let conflate = if matches!(feed, FeedUrl::Tape { speed: None, .. }) { "newest" } else { "queue" };
    let entries: Vec<String> = symbols.iter().map(|symbol| entry(symbol, conflate)).collect();
    let text = format!("[{}]", entries.join(","));
    let mut config = Config::parse(text.as_bytes()).map_err(MarketError::Config)?;
    config.process.feed = Some(feed);
    Ok((config, title))
}

/// Spot and a perpetual, side by side.
fn usual_symbols() -> Vec<Symbol> {
    let usual = |name: &str, term| Symbol { name: name.to_owned(), term, price_decimals: 2, qty_decimals: 6 };
    vec![usual("BTCUSDT", TermType::Spot), usual("ETHUSDT", TermType::Future)]
}

/// The first symbols of a tape, with as many decimals as its numbers have.
fn symbols_of(reader: tape::TapeReader) -> Result<Vec<Symbol>, MarketError> {
    let mut found: BTreeMap<String, (u32, u32)> = BTreeMap::new();
    let nothing = reader.no_trades();
    for trade in reader.filter_map(Result::ok).take(PEEKED_MAX) {
        let digits = |number: Option<schemas::units::Decimal>| number.map_or(0, |number| number.decimals());
        let (price, qty) = (digits(trade.tick.price), digits(trade.tick.qty));
        let known = found.entry(trade.symbol.to_string()).or_default();
        *known = (known.0.max(price), known.1.max(qty));
    }
    let symbols: Vec<Symbol> = found
        .into_iter()
        .take(SYMBOLS_MAX)
        .map(|(name, (price, qty))| Symbol {
            name,
            term: TermType::Spot,
            price_decimals: price.clamp(1, 8),
            qty_decimals: qty.clamp(3, 8),
        })
        .collect();
    if symbols.is_empty() { Err(nothing.into()) } else { Ok(symbols) }
}

/// Follows as closely as the rules allow: no nudges, the tick's side, no divergence worth the name. Written as
/// text, since a JSON value would hold the divergence as a float. A perpetual in one-way mode: what the account buys of
/// itself it sells, so that its position stays where it is.
fn entry(symbol: &Symbol, conflate: &str) -> String {
    format!(
        r#"{{
            "Maker Exchange": "simulated", "Follow Exchange": "{FOLLOW_EXCHANGE}",
            "Follow Symbol": {follow}, "Maker Symbol": {maker}, {term},
            "Price Decimals": {price_decimals}, "Qty Decimals": {qty_decimals},
            "Interval": 0, "Qty Multiplier": 1, "Price Divergence": 0.05, "Max Amt Per Order": 1000000,
            "Same Price": "keep", "Same Qty": "keep", "Side": "follow", "Conflate": "{conflate}"
        }}"#,
        follow = json!(symbol.name),
        term = match symbol.term {
            TermType::Spot => r#""Term type": "SPOT""#,
            TermType::Future => {
                r#""Term type": "FUTURE", "Position Side": "BOTH", "Contract Size": 0.000001, "Leverage": 1"#
            }
        },
        maker = json!(symbol.name.replace(['-', '/', '_'], "")),
        price_decimals = symbol.price_decimals,
        qty_decimals = symbol.qty_decimals,
    )
}
