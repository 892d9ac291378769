//! The least and the most that an order may hold (rules 11 to 14).

use schemas::config::RuleParams;
use schemas::units::{Decimal, Price, Qty, Rounding, ratio};

/// Limits of an instrument that do not depend on the price.
#[derive(Clone, Copy, Debug)]
pub(crate) struct InstrumentLimits {
    /// max(lot, Min Qty rounded up to a lot).
    pub(crate) least: Qty,
    amount_exponent: i32,
}

/// Limits at one price.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PriceLimits {
    /// Min Amt / price, rounded up to a lot; zero without Min Amt.
    pub(crate) min_amount: Qty,
    /// Max Amt Per Order / price, rounded down to a lot.
    pub(crate) most: Qty,
}

impl InstrumentLimits {
    pub(crate) fn new(params: &RuleParams) -> Self {
        let min_qty = Qty::round(params.min_qty, params.qty_decimals, Rounding::Up);
        Self {
            least: min_qty.unwrap_or(BEYOND).max(Qty::from_steps(1)),
            amount_exponent: i32::from(params.price_decimals) + i32::from(params.qty_decimals),
        }
    }

    pub(crate) fn at(&self, params: &RuleParams, price: Price) -> PriceLimits {
        PriceLimits {
            min_amount: self.lots(params.min_amount, price, Rounding::Up),
            most: self.lots(params.max_amount, price, Rounding::Down),
        }
    }

    /// `amount / price` in lots. An amount of more lots than `i128` holds stands above every quantity:
    /// the configuration refuses a Max Amt Per Order that could come to that.
    fn lots(&self, amount: Decimal, price: Price, rounding: Rounding) -> Qty {
        let exponent = self.amount_exponent - i32::try_from(amount.scale()).unwrap_or(0);
        ratio([amount.mantissa(), 1, 1], price.steps(), exponent, rounding).map_or(BEYOND, Qty::from_steps)
    }
}

/// More lots than any limit allows.
pub(crate) const BEYOND: Qty = Qty::from_steps(i128::MAX);
