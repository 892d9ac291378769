//! The Gemini trade CSV: seconds with a fraction, price, size, whether the buyer made. It has no ids.

use schemas::tick::Tick;

use super::csv::{boolean, fields, number};
use super::raw::seconds_ns;
use crate::feed::decode::binance::taker;

/// The header row.
pub(super) const HEADER: &str = "time_seconds,price,size,is_buyer_maker";

pub(super) fn trade(line: &str) -> Result<Option<(i64, Tick)>, String> {
    if line == HEADER {
        return Ok(None);
    }
    let [time, price, size, maker] = fields(line)?;
    let at_ns =
        seconds_ns(time).ok_or_else(|| format!("field \"time_seconds\": no seconds (got {time:?})"))?;
    let tick = Tick {
        price: Some(number("price", price)?),
        qty: Some(number("size", size)?),
        side: Some(taker(boolean("is_buyer_maker", maker)?)),
        time_ms: Some(at_ns / 1_000_000),
        id: None,
    };
    Ok(Some((at_ns, tick)))
}

/// `eth-usd` in `gemini__eth-usd__2021-07-01__trade.csv`, as the venue writes it: `ETHUSD`.
pub(super) fn symbol_of(file_name: &str) -> Option<String> {
    let pair = file_name.strip_prefix("gemini__")?.split("__").next()?;
    Some(pair.replace('-', "").to_ascii_uppercase())
}
