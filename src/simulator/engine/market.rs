//! What one symbol exchanges, what its units are worth, and what it charges.

use schemas::order::Side;

use super::balances::AMOUNT_DECIMALS;
use super::types::{AssetId, MarketKind, Order, Reject};

/// Millionths in a whole.
pub(super) const WHOLE_PPM: u32 = 1_000_000;

/// Who rested and who came: they pay different fees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Maker,
    Taker,
}

/// One symbol's terms.
#[derive(Clone, Debug)]
pub(super) struct Market {
    pub(super) kind: MarketKind,
    /// Its place among the perpetuals, if it is one.
    pub(super) perpetual: Option<usize>,
    pub(super) maker_ppm: u32,
    pub(super) taker_ppm: u32,
    /// Lots that a MARKET order by quote quantity takes at least, and in multiples of.
    pub(super) step: i64,
    /// What positions are valued at, in ticks.
    pub(super) mark: Option<i64>,
    lot: i128,
    tick_lot: i128,
}

impl Market {
    pub(super) fn new(kind: MarketKind, price_decimals: u8, qty_decimals: u8) -> Result<Self, Reject> {
        let of_lot = AMOUNT_DECIMALS.checked_sub(qty_decimals).ok_or(Reject::TooFine)?;
        let of_tick_lot = of_lot.checked_sub(price_decimals).ok_or(Reject::TooFine)?;
        Ok(Self {
            kind,
            perpetual: None,
            maker_ppm: 0,
            taker_ppm: 0,
            step: 1,
            mark: None,
            lot: 10_i128.pow(of_lot.into()),
            tick_lot: 10_i128.pow(of_tick_lot.into()),
        })
    }

    pub(super) const fn is_perpetual(&self) -> bool {
        matches!(self.kind, MarketKind::Perpetual { .. })
    }

    /// What an order's side spends on spot; on a perpetual both sides have the margin asset.
    pub(super) const fn spends(&self, side: Side) -> AssetId {
        match (self.kind, side) {
            (MarketKind::Spot { quote, .. }, Side::Buy) => quote,
            (MarketKind::Spot { base, .. }, Side::Sell) => base,
            (MarketKind::Perpetual { margin }, Side::Buy | Side::Sell) => margin,
        }
    }

    /// What an order's side receives, and pays its fee in.
    pub(super) const fn receives(&self, side: Side) -> AssetId {
        self.spends(side.opposite())
    }

    /// Amount steps in that many tick-lots; `None` beyond `i128`.
    pub(super) const fn amount(&self, tick_lots: i128) -> Option<i128> {
        tick_lots.checked_mul(self.tick_lot)
    }

    /// As [`Self::amount`], for what is compared only: what is beyond `i128` is its end.
    pub(super) const fn amount_or_bound(&self, tick_lots: i128) -> i128 {
        tick_lots.saturating_mul(self.tick_lot)
    }

    /// Amount steps of what an order's side spends for `qty` lots at `price`.
    pub(super) fn cost(&self, side: Side, price: i64, qty: i64) -> Option<i128> {
        match side {
            Side::Buy => self.amount(tick_lots(price, qty)),
            Side::Sell => i128::from(qty).checked_mul(self.lot),
        }
    }

    /// What `qty` lots of an open spot order hold. A MARKET order holds nothing: it is paid for as it trades.
    pub(super) fn held(&self, order: &Order, qty: i64) -> i128 {
        if order.price == 0 {
            return 0;
        }
        self.cost(order.side, order.price, qty).expect("no more than what was locked")
    }

    /// What one side of a trade pays: a fee on an amount, rounded down.
    pub(super) fn fee(&self, role: Role, amount: i128) -> i128 {
        let ppm = i128::from(match role {
            Role::Maker => self.maker_ppm,
            Role::Taker => self.taker_ppm,
        });
        if ppm == 0 {
            return 0;
        }
        // Whole millions first: the product of a large amount would not fit.
        let whole = i128::from(WHOLE_PPM);
        amount / whole * ppm + amount % whole * ppm / whole
    }
}

/// Price times quantity.
pub(super) fn tick_lots(price: i64, qty: i64) -> i128 {
    i128::from(price) * i128::from(qty)
}
