//! The derived CSV: trades of several venues merged by receive time, one header row.

use schemas::tick::Tick;

use super::csv::{boolean, fields, number, whole};
use crate::feed::decode::binance::{id_of, taker};

/// The header row.
pub(super) const HEADER: &str =
    "recv_ns,venue,symbol,event_ms,trade_ms,trade_id,price,qty,buyer_is_maker,exec_type";

/// A row of the file.
pub(super) struct DerivedTrade<'a> {
    pub(super) at_ns: i64,
    pub(super) venue: &'a str,
    pub(super) symbol: &'a str,
    pub(super) tick: Tick,
}

pub(super) fn trade(line: &str) -> Result<Option<DerivedTrade<'_>>, String> {
    if line == HEADER {
        return Ok(None);
    }
    let [recv_ns, venue, symbol, _, trade_ms, id, price, qty, maker, _] = fields(line)?;
    if venue.is_empty() || symbol.is_empty() {
        return Err("empty venue or symbol".to_owned());
    }
    let tick = Tick {
        price: Some(number("price", price)?),
        qty: Some(number("qty", qty)?),
        side: Some(taker(boolean("buyer_is_maker", maker)?)),
        time_ms: Some(whole("trade_ms", trade_ms)?),
        id: Some(id_of(whole("trade_id", id)?)),
    };
    Ok(Some(DerivedTrade { at_ns: whole("recv_ns", recv_ns)?, venue, symbol, tick }))
}
