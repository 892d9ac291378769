//! What is published when: known to publisher, relays and driver alike, so that no process tells another.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::options::Link;

/// The topic of a broker, which keys it by symbol.
pub(crate) const TOPIC: &str = "bench";
/// Where the tick's number begins in a payload, and how many digits it has.
pub(crate) const NUMBER_AT: usize = 6;
pub(crate) const NUMBER_LEN: usize = 10;
/// The account that the venue knows.
pub(crate) const API_KEY: &str = "test-key";
const SECRET: &str = "test-secret";
const PRICE_DECIMALS: u8 = 2;
const QTY_DECIMALS: u8 = 6;

/// One phase's load.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::Args)]
pub(crate) struct Plan {
    /// Ticks a second, over all symbols.
    #[arg(long)]
    pub(crate) rate: u64,
    #[arg(long)]
    pub(crate) seconds: u64,
    /// Symbols, and so channels and instruments.
    #[arg(long)]
    pub(crate) symbols: u64,
    /// The program's, seconds.
    #[arg(long)]
    pub(crate) interval: u64,
}

impl Plan {
    /// The same as arguments of a process.
    pub(crate) fn arguments(&self) -> [String; 8] {
        let number = |number: u64| number.to_string();
        [
            "--rate".to_owned(),
            number(self.rate),
            "--seconds".to_owned(),
            number(self.seconds),
            "--symbols".to_owned(),
            number(self.symbols),
            "--interval".to_owned(),
            number(self.interval),
        ]
    }

    pub(crate) const fn ticks(&self) -> u64 {
        self.rate * self.seconds
    }

    /// The planned moment of a tick, nanoseconds after the first.
    pub(crate) const fn offset_ns(&self, number: u64) -> u64 {
        number * 1_000_000_000 / self.rate
    }

    /// Ticks at the beginning that are counted and not timed: caches are cold, books are first seen.
    pub(crate) fn warm_up(&self) -> u64 {
        (self.ticks() / 5).min(self.rate)
    }
}

pub(crate) fn symbol(place: u64) -> String {
    format!("B{place:05}USDT")
}

pub(crate) fn channel(place: u64) -> String {
    format!("bench_ticker_{}", symbol(place))
}

/// The number of the tick that a symbol's `id`-th trade is.
pub(crate) fn number_of(symbol: &str, id: &str, symbols: u64) -> Option<u64> {
    let place: u64 = symbol.get(1..6)?.parse().ok()?;
    Some((id.parse::<u64>().ok()? - 1) * symbols + place)
}

/// A tick's payload: prices walk, quantities vary, ids count per symbol. `n` is for the relays, which read
/// nothing else.
pub(crate) fn payload(number: u64, symbols: u64, time_ms: u64, out: &mut String) {
    let cents = 6_400_000 + (number * 37) % 2_000;
    let lots = 10_000 + (number * 7_919) % 10_000;
    let side = if number.is_multiple_of(3) { "sell" } else { "buy" };
    let (id, symbol) = (number / symbols + 1, number % symbols);
    out.clear();
    write!(
        out,
        "{{\"n\":\"{number:010}\",\"price\":\"{}.{:02}\",\"qty\":\"0.{lots:06}\",\"side\":\"{side}\",\
         \"time\":{time_ms},\"id\":{id},\"symbol\":\"B{symbol:05}USDT\"}}",
        cents / 100,
        cents % 100,
    )
    .expect("a string takes all");
}

/// The venue's list.
pub(crate) fn venue_symbols(symbols: u64) -> String {
    let line = |place| format!("{} {PRICE_DECIMALS} {QTY_DECIMALS}\n", symbol(place));
    (0..symbols).map(line).collect()
}

/// The program's configuration: each symbol follows itself.
pub(crate) fn configuration(link: &Link, interval: u64, feed: Value) -> String {
    let venue = link.venue;
    let instrument = |place| {
        json!({
            "Maker Exchange": "staging",
            "Dialect": "binance_spot",
            "Address": format!("http://{venue}"),
            "API KEY": API_KEY,
            "Secret": SECRET,
            "Follow Exchange": "bench",
            "Follow Symbol": symbol(place),
            "Maker Symbol": symbol(place),
            "Term type": "SPOT",
            "Price Decimals": PRICE_DECIMALS,
            "Qty Decimals": QTY_DECIMALS,
            "Interval": interval,
            "Qty Multiplier": 1,
            "Price Divergence": 0.01,
            "Max Amt Per Order": 100_000,
        })
    };
    let mut configuration = feed;
    configuration["Instance"] = json!("bnch");
    configuration["instruments"] = (0..link.symbols).map(instrument).collect();
    configuration.to_string()
}
