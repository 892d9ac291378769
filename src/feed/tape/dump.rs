//! Binance's public dumps: `trades` and `aggTrades`, Spot and USD-M, with or without a header row.

use schemas::tick::Tick;

use super::csv::{boolean, fields, is_boolean, number, whole};
use crate::feed::decode::binance::{id_of, taker};

/// Stamps from here on are microseconds (Spot since 2025), below milliseconds.
const MICROSECONDS_FROM: i64 = 100_000_000_000_000;

/// Which of the four.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dump {
    Spot,
    SpotAgg,
    Usdm,
    UsdmAgg,
}

/// A trade of a dump: its time in nanoseconds beside the tick.
pub(super) struct DumpTrade {
    pub(super) at_ns: i64,
    pub(super) tick: Tick,
}

impl Dump {
    /// By the header row or the first row; only the number of fields and the place of the booleans tell.
    pub(super) fn detect(line: &str) -> Option<Self> {
        let fields: Vec<&str> = line.split(',').collect();
        match fields.as_slice() {
            ["id", _, _, _, "time", "is_buyer_maker"] => Some(Self::Usdm),
            ["agg_trade_id", _, _, _, _, "transact_time", "is_buyer_maker"] => Some(Self::UsdmAgg),
            [id, _, _, _, time, maker] if digits(id) && digits(time) && is_boolean(maker) => Some(Self::Usdm),
            [id, _, _, _, time, maker, best]
                if digits(id) && digits(time) && is_boolean(maker) && is_boolean(best) =>
            {
                Some(Self::Spot)
            }
            [id, _, _, _, _, time, maker] if digits(id) && digits(time) && is_boolean(maker) => {
                Some(Self::UsdmAgg)
            }
            [id, _, _, _, _, time, maker, best]
                if digits(id) && digits(time) && is_boolean(maker) && is_boolean(best) =>
            {
                Some(Self::SpotAgg)
            }
            _ => None,
        }
    }

    pub(super) const fn venue(self) -> &'static str {
        match self {
            Self::Spot | Self::SpotAgg => "binance-spot",
            Self::Usdm | Self::UsdmAgg => "binance-usdm",
        }
    }

    /// A row; `None` for a header.
    pub(super) fn trade(self, line: &str) -> Result<Option<DumpTrade>, String> {
        if !line.starts_with(|first: char| first.is_ascii_digit()) {
            return if line.contains("is_buyer_maker") { Ok(None) } else { Err("no trade id".to_owned()) };
        }
        let [id, price, qty, time, maker] = match self {
            Self::Spot => {
                let [id, price, qty, _, time, maker, _] = fields(line)?;
                [id, price, qty, time, maker]
            }
            Self::Usdm => {
                let [id, price, qty, _, time, maker] = fields(line)?;
                [id, price, qty, time, maker]
            }
            Self::SpotAgg => {
                let [id, price, qty, _, _, time, maker, _] = fields(line)?;
                [id, price, qty, time, maker]
            }
            Self::UsdmAgg => {
                let [id, price, qty, _, _, time, maker] = fields(line)?;
                [id, price, qty, time, maker]
            }
        };
        let stamp: i64 = whole("time", time)?;
        let micros = if stamp >= MICROSECONDS_FROM { stamp } else { stamp.saturating_mul(1_000) };
        let tick = Tick {
            price: Some(number("price", price)?),
            qty: Some(number("qty", qty)?),
            side: Some(taker(boolean("is_buyer_maker", maker)?)),
            time_ms: Some(micros / 1_000),
            id: Some(id_of(whole("id", id)?)),
        };
        Ok(Some(DumpTrade { at_ns: micros.saturating_mul(1_000), tick }))
    }
}

/// The symbol in `BTCUSDT-trades-2024-08-08.csv`.
pub(super) fn symbol_of(file_name: &str) -> Option<&str> {
    ["-trades-", "-aggTrades-"]
        .iter()
        .find_map(|kind| file_name.split_once(kind).map(|(symbol, _)| symbol))
        .filter(|symbol| {
            !symbol.is_empty() && symbol.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        })
}

fn digits(text: &&str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}
