//! Recorded websocket lines: a receive time, then the message verbatim. Connections, REST answers and the
//! recorder's own lines between them are passed over.

use schemas::tick::Tick;

use crate::feed::decode::{binance, okx};

/// A trade of a recorded message.
pub(super) struct RawTrade<'a> {
    pub(super) venue: &'static str,
    pub(super) symbol: &'a str,
    pub(super) tick: Tick,
}

/// Whether a line is of a recording.
pub(super) fn detect(line: &str) -> bool {
    is_other(line) || split(line).is_some_and(|(_, json)| json.starts_with(['{', '[']))
}

/// The receive time and the trades of a line; none for lines of other kinds.
pub(super) fn trades(line: &str) -> Result<(i64, Vec<RawTrade<'_>>), String> {
    if is_other(line) {
        return Ok((0, Vec::new()));
    }
    let (at_ns, json) = split(line).ok_or("no receive time before the message")?;
    if let Some(trade) = binance::trade(json).map_err(|error| error.to_string())? {
        let trade = RawTrade { venue: trade.venue, symbol: trade.symbol, tick: trade.tick };
        return Ok((at_ns, vec![trade]));
    }
    let trades = okx::trades(json).map_err(|error| error.to_string())?;
    let trades =
        trades.into_iter().map(|trade| RawTrade { venue: "okx", symbol: trade.symbol, tick: trade.tick });
    Ok((at_ns, trades.collect()))
}

/// `1617566592.629139` as nanoseconds, without a float.
pub(super) fn seconds_ns(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if whole.is_empty() || fraction.len() > 9 || !digits(whole) || !digits(fraction) {
        return None;
    }
    let scale = 10_i64.pow(9 - u32::try_from(fraction.len()).ok()?);
    let fraction: i64 = if fraction.is_empty() { 0 } else { fraction.parse().ok()? };
    whole.parse::<i64>().ok()?.checked_mul(1_000_000_000)?.checked_add(fraction * scale)
}

fn is_other(line: &str) -> bool {
    ["wss://", "ws://", "https://", "http://", "configuration:"].iter().any(|start| line.starts_with(start))
}

/// `<ns> <message>` or `<seconds>: <message>`.
fn split(line: &str) -> Option<(i64, &str)> {
    let (time, json) = line.split_once(' ')?;
    match time.strip_suffix(':') {
        Some(seconds) => Some((seconds_ns(seconds)?, json)),
        None if digits(time) && !time.is_empty() => Some((time.parse().ok()?, json)),
        None => None,
    }
}

fn digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_become_nanoseconds_exactly() {
        assert_eq!(seconds_ns("1617566592.629139"), Some(1_617_566_592_629_139_000));
        assert_eq!(seconds_ns("1652459224.5300605"), Some(1_652_459_224_530_060_500));
        assert_eq!(seconds_ns("7"), Some(7_000_000_000));
        for bad in ["", ".5", "1.0000000001", "-1", "1e3", "99999999999"] {
            assert_eq!(seconds_ns(bad), None, "{bad}");
        }
    }

    #[test]
    fn only_messages_with_trades_give_trades() {
        let line = r#"1617566592.629139: {"stream":"btcusdt@aggTrade","data":{"e":"aggTrade","E":1617566591315,"s":"BTCUSDT","a":665076760,"p":"58001.03","q":"0.08","f":1,"l":1,"T":1617566591314,"m":true,"M":true}}"#;
        let (at_ns, trades) = trades(line).unwrap();
        assert_eq!((at_ns, trades.len()), (1_617_566_592_629_139_000, 1));
        for other in ["configuration: {}", "wss://x <-> 1.5", "https://x -> 1.5: {\"trade\":1}"] {
            assert!(super::trades(other).unwrap().1.is_empty(), "{other}");
        }
        assert!(super::trades("{\"e\":\"trade\"}").is_err());
    }
}
