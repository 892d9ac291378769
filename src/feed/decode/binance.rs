//! Binance `trade` and `aggTrade` messages, Spot and USD-M, bare or in a combined stream's envelope.

use schemas::order::Side;
use schemas::tick::{Tick, TickId};
use schemas::units::Decimal;
use serde::Deserialize;

use super::fields;

/// A trade as Binance sent it.
#[derive(Clone, Copy, Debug)]
pub struct BinanceTrade<'a> {
    /// The symbol, upper case.
    pub symbol: &'a str,
    /// Spot or USD-M, told by the field that only Spot has.
    pub venue: &'static str,
    /// The trade; its time is the matching engine's (`T`).
    pub tick: Tick,
}

/// Reads a message; `None` if it is none of the two kinds.
///
/// # Errors
/// The reader's words for a message that is one of them but broken.
pub fn trade(json: &str) -> Result<Option<BinanceTrade<'_>>, serde_json::Error> {
    // Nine in ten lines of a recording are books: most are passed over without being parsed.
    if !json.contains(r#""trade""#) && !json.contains(r#""aggTrade""#) {
        return Ok(None);
    }
    let message: Message<'_> = match json.get(..10) {
        Some(start) if start.contains("stream") => serde_json::from_str::<Envelope<'_>>(json)?.data,
        _ => serde_json::from_str(json)?,
    };
    Ok(matches!(message.kind, "trade" | "aggTrade").then(|| message.trade()))
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    data: Message<'a>,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(rename = "e")]
    kind: &'a str,
    #[serde(rename = "s")]
    symbol: &'a str,
    #[serde(rename = "p")]
    price: &'a str,
    #[serde(rename = "q")]
    qty: &'a str,
    #[serde(rename = "T")]
    time_ms: i64,
    #[serde(rename = "m")]
    buyer_is_maker: bool,
    #[serde(rename = "t")]
    trade_id: Option<u64>,
    #[serde(rename = "a")]
    aggregate_id: Option<u64>,
    #[serde(rename = "M")]
    spot_only: Option<bool>,
}

impl<'a> Message<'a> {
    fn trade(self) -> BinanceTrade<'a> {
        let id = if self.kind == "trade" { self.trade_id } else { self.aggregate_id };
        BinanceTrade {
            symbol: self.symbol,
            venue: if self.spot_only.is_some() { "binance-spot" } else { "binance-usdm" },
            tick: Tick {
                price: Decimal::parse(self.price).ok(),
                qty: Decimal::parse(self.qty).ok(),
                side: Some(taker(self.buyer_is_maker)),
                time_ms: Some(self.time_ms),
                id: id.map(id_of),
            },
        }
    }
}

/// The taker's side: where the buyer made the price, the taker sold.
#[must_use]
pub const fn taker(buyer_is_maker: bool) -> Side {
    if buyer_is_maker { Side::Sell } else { Side::Buy }
}

/// A trade id from its number.
#[must_use]
pub fn id_of(number: u64) -> TickId {
    fields::id_u64(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_side_is_the_takers() {
        let spot = r#"{"stream":"btcusdt@trade","data":{"e":"trade","E":1723161255343,"s":"BTCUSDT","t":3735683259,"p":"61837.63000000","q":"0.02000000","T":1723161255342,"m":true,"M":true}}"#;
        let usdm = r#"{"e":"aggTrade","E":1626992741575,"a":16599292,"s":"CTKUSDT","p":"1.01100","q":"10","f":23961322,"l":23961322,"T":1626992741421,"m":false}"#;
        let trade = trade(spot).unwrap().unwrap();
        assert_eq!((trade.venue, trade.symbol), ("binance-spot", "BTCUSDT"));
        assert_eq!(trade.tick.side, Some(Side::Sell));
        assert_eq!(trade.tick.id.unwrap().number(), Some(3_735_683_259));
        assert_eq!(trade.tick.time_ms, Some(1_723_161_255_342));
        let trade = super::trade(usdm).unwrap().unwrap();
        assert_eq!((trade.venue, trade.symbol), ("binance-usdm", "CTKUSDT"));
        assert_eq!(trade.tick.side, Some(Side::Buy));
        assert_eq!(trade.tick.id.unwrap().number(), Some(16_599_292));
    }

    #[test]
    fn other_messages_are_passed_over() {
        let book =
            r#"{"stream":"btcusdt@bookTicker","data":{"u":1,"s":"BTCUSDT","b":"1","B":"1","a":"2","A":"1"}}"#;
        assert!(trade(book).unwrap().is_none());
        assert!(trade(r#"{"e":"trade","s":"BTCUSDT","p":"1"}"#).is_err());
    }
}
