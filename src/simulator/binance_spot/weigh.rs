//! What requests weigh that may be about one symbol, some, or all.

use crate::simulator::binance::params::Params;

/// How many symbols a request names; none = all.
fn named(params: &Params<'_>) -> Option<usize> {
    if params.get("symbol").is_some() {
        return Some(1);
    }
    params.list("symbols").ok().flatten().map(|names| names.len())
}

/// Prices and best quotes: 2 for one symbol, otherwise 4.
pub(super) fn two_or_four(params: &Params<'_>) -> u64 {
    if params.get("symbol").is_some() { 2 } else { 4 }
}

/// The ticker of a day: 2 for up to 20 symbols, 40 for up to 100, 80 for more or for all.
pub(super) fn day(params: &Params<'_>) -> u64 {
    match named(params) {
        Some(0..=20) => 2,
        Some(21..=100) => 40,
        Some(_) | None => 80,
    }
}

/// The tickers of other windows: 4 for each symbol, at most 200.
pub(super) fn four_each(params: &Params<'_>) -> u64 {
    let count = named(params).unwrap_or(1).clamp(1, 50);
    4 * u64::try_from(count).unwrap_or(50)
}
