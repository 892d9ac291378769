//! What a symbol did in a window of time: the numbers behind both dialects' tickers.

use super::candles::{Candle, Print};
use super::numbers::Fixed;
use crate::simulator::engine::SymbolId;
use crate::simulator::state::{State, Symbol};
use crate::simulator::symbols::Product;

const MINUTE_MS: i64 = 60_000;
/// A day.
pub(in crate::simulator) const DAY_MS: i64 = 24 * 60 * MINUTE_MS;
/// Digits after the point of an average price, at least.
const AVERAGE_DIGITS: u8 = 8;

/// What happened from `open_ms` to `close_ms`. Prices in ticks; all of them zero as long as the symbol has no
/// price.
#[derive(Clone, Copy, Debug)]
pub(in crate::simulator) struct Window {
    pub(in crate::simulator) open_ms: i64,
    pub(in crate::simulator) close_ms: i64,
    pub(in crate::simulator) sum: Candle,
    /// The last price before the window.
    pub(in crate::simulator) before: i64,
    /// The last trade of all.
    pub(in crate::simulator) last: Option<Print>,
}

impl Window {
    /// From a moment until now. Trades are counted in whole minutes: up to one minute more than the window.
    pub(in crate::simulator) fn since(state: &State, symbol: SymbolId, open_ms: i64, now_ms: i64) -> Self {
        let candles = &state.candles[symbol.index()];
        let minute_ms = open_ms.div_euclid(MINUTE_MS) * MINUTE_MS;
        let start = state.symbol(symbol).start_ticks().unwrap_or(0);
        let sum = candles.since(minute_ms).unwrap_or(Candle {
            open: start,
            high: start,
            low: start,
            close: start,
            ..Candle::default()
        });
        let before = candles.close_before(minute_ms).unwrap_or(sum.open);
        Self { open_ms, close_ms: now_ms, sum, before, last: candles.last() }
    }

    /// The last 24 hours.
    pub(in crate::simulator) fn day(state: &State, symbol: SymbolId, now_ms: i64) -> Self {
        Self::since(state, symbol, now_ms - DAY_MS, now_ms)
    }

    /// From the first price to the last.
    pub(in crate::simulator) fn change(&self, symbol: &Symbol) -> Fixed {
        symbol.price(self.sum.close - self.sum.open)
    }

    /// The same as a part of the first price, per cent, in three digits.
    pub(in crate::simulator) fn change_percent(&self) -> Fixed {
        let (open, change) = (i128::from(self.sum.open), i128::from(self.sum.close - self.sum.open));
        if open == 0 {
            return Fixed::exact(0, 3);
        }
        let twice = 2 * change * 100_000;
        Fixed::exact((twice + open * twice.signum()) / (2 * open), 3)
    }

    /// Amount over quantity.
    pub(in crate::simulator) fn average(&self, symbol: &Symbol) -> Fixed {
        let decimals = symbol.spec.price_decimals;
        let digits = match symbol.spec.product {
            Product::Spot => decimals.max(AVERAGE_DIGITS),
            Product::UsdM => decimals,
        };
        if self.sum.qty == 0 {
            return symbol.price(0);
        }
        let finer = 10_i128.pow((digits - decimals).into());
        Fixed::exact((2 * self.sum.quote * finer + self.sum.qty) / (2 * self.sum.qty), digits)
    }

    /// The first and the last trade; -1 if there was none.
    pub(in crate::simulator) fn ids(&self) -> (i64, i64) {
        let id = |id: u64| if self.sum.trades == 0 { -1 } else { i64::try_from(id).unwrap_or(i64::MAX) };
        (id(self.sum.ids.0), id(self.sum.ids.1))
    }
}
