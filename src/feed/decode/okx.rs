//! OKX `trades` messages of the v5 public websocket. On swaps and futures `sz` counts contracts, and stays so.

use schemas::order::Side;
use schemas::tick::{Tick, TickId};
use schemas::units::Decimal;
use serde::Deserialize;

/// A trade as OKX sent it.
#[derive(Clone, Copy, Debug)]
pub struct OkxTrade<'a> {
    /// The instrument, such as `BTC-USDT`.
    pub symbol: &'a str,
    /// The trade.
    pub tick: Tick,
}

/// Reads the trades of one message; none if it is of another channel.
///
/// # Errors
/// The reader's words for a message of that channel that is broken.
pub fn trades(json: &str) -> Result<Vec<OkxTrade<'_>>, serde_json::Error> {
    if !json.contains(r#""trades""#) || !json.contains(r#""data""#) {
        return Ok(Vec::new());
    }
    let message: Message<'_> = serde_json::from_str(json)?;
    if message.arg.channel != "trades" {
        return Ok(Vec::new());
    }
    Ok(message.data.into_iter().map(Row::trade).collect())
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    arg: Arg<'a>,
    data: Vec<Row<'a>>,
}

#[derive(Deserialize)]
struct Arg<'a> {
    channel: &'a str,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Row<'a> {
    inst_id: &'a str,
    trade_id: &'a str,
    px: &'a str,
    sz: &'a str,
    side: &'a str,
    ts: &'a str,
}

impl<'a> Row<'a> {
    fn trade(self) -> OkxTrade<'a> {
        OkxTrade {
            symbol: self.inst_id,
            tick: Tick {
                price: Decimal::parse(self.px).ok(),
                qty: Decimal::parse(self.sz).ok(),
                side: match self.side {
                    "buy" => Some(Side::Buy),
                    "sell" => Some(Side::Sell),
                    _ => None,
                },
                time_ms: self.ts.parse().ok(),
                id: Some(TickId::new(self.trade_id)),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_may_hold_several_trades() {
        let json = r#"{"arg":{"channel":"trades","instId":"BTC-USDT"},"data":[{"instId":"BTC-USDT","tradeId":"7","px":"30220.1","sz":"0.01","side":"sell","ts":"1652459225000"},{"instId":"BTC-USDT","tradeId":"8","px":"30221","sz":"0.02","side":"buy","ts":"1652459225001"}]}"#;
        let trades = trades(json).unwrap();
        assert_eq!(trades.len(), 2);
        assert_eq!((trades[0].tick.side, trades[1].tick.side), (Some(Side::Sell), Some(Side::Buy)));
        assert_eq!(trades[1].tick.id.unwrap().number(), Some(8));
    }

    #[test]
    fn answers_to_subscriptions_are_no_trades() {
        let json = r#"{"event":"subscribe","arg":{"channel":"trades","instId":"BTC-USD-220527"}}"#;
        assert!(trades(json).unwrap().is_empty());
    }
}
