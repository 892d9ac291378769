//! Numbers as the dialects write them: strings; Spot pads them to 8 digits after the point.

use std::fmt;

use schemas::units::Notional;
use serde::{Serialize, Serializer};

use crate::simulator::state::Symbol;
use crate::simulator::symbols::Product;

/// Digits after the point that every price, quantity and amount has at least.
const DIGITS: u8 = 8;

/// `steps * 10^-decimals`; by [`Fixed::new`] with 8 digits after the point, or more where the number has more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::simulator) struct Fixed {
    steps: i128,
    decimals: u8,
}

impl Fixed {
    /// `0.00000000`.
    pub(in crate::simulator) const ZERO: Self = Self { steps: 0, decimals: DIGITS };

    pub(in crate::simulator) fn new(steps: i128, decimals: u8) -> Self {
        match DIGITS.checked_sub(decimals) {
            None | Some(0) => Self { steps, decimals },
            Some(missing) => match steps.checked_mul(10_i128.pow(missing.into())) {
                Some(steps) => Self { steps, decimals: DIGITS },
                None => Self { steps, decimals },
            },
        }
    }

    /// Exactly `decimals` digits after the point: USD-M's way.
    pub(in crate::simulator) const fn exact(steps: i128, decimals: u8) -> Self {
        Self { steps, decimals }
    }

    pub(in crate::simulator) const fn is_zero(self) -> bool {
        self.steps == 0
    }

    /// With no more digits after the point than it needs, but at least so many.
    pub(in crate::simulator) const fn trimmed(mut self, least: u8) -> Self {
        while self.decimals > least && self.steps % 10 == 0 {
            self.steps /= 10;
            self.decimals -= 1;
        }
        self
    }

    /// Leaves out digits beyond `decimals`, all of them zeros by what the caller knows of the number.
    pub(in crate::simulator) fn shortened(steps: i128, from: u8, decimals: u8) -> Self {
        let surplus = from.saturating_sub(decimals.max(DIGITS));
        Self::new(steps / 10_i128.pow(surplus.into()), from - surplus)
    }
}

impl Symbol {
    pub(in crate::simulator) fn price(&self, ticks: i64) -> Fixed {
        self.fixed(ticks.into(), self.spec.price_decimals)
    }

    pub(in crate::simulator) fn qty(&self, lots: i64) -> Fixed {
        self.fixed(lots.into(), self.spec.qty_decimals)
    }

    pub(in crate::simulator) fn base_amount(&self, lots: i128) -> Fixed {
        self.fixed(lots, self.spec.qty_decimals)
    }

    /// An amount of the quote asset, from tick-lots.
    pub(in crate::simulator) fn quote(&self, tick_lots: i128) -> Fixed {
        self.fixed(tick_lots, self.spec.price_decimals + self.spec.qty_decimals)
    }

    fn fixed(&self, steps: i128, decimals: u8) -> Fixed {
        match self.spec.product {
            Product::Spot => Fixed::new(steps, decimals),
            Product::UsdM => Fixed::exact(steps, decimals),
        }
    }
}

impl fmt::Display for Fixed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Notional::from_steps(self.steps).text(self.decimals).fmt(f)
    }
}

impl Serialize for Fixed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Notional::from_steps(self.steps).text(self.decimals).with_text(|text| serializer.serialize_str(text))
    }
}

#[cfg(test)]
mod tests {
    use super::Fixed;

    #[test]
    fn numbers_have_eight_digits_or_more() {
        for (steps, decimals, text) in [
            (6_500_010, 2, "65000.10000000"),
            (0, 0, "0.00000000"),
            (1, 8, "0.00000001"),
            (15, 10, "0.0000000015"),
            (-5, 0, "-5.00000000"),
        ] {
            assert_eq!(Fixed::new(steps, decimals).to_string(), text);
        }
        assert_eq!(Fixed::shortened(1_500_000_000_000_000_000, 18, 8).to_string(), "1.50000000");
        assert_eq!(Fixed::exact(650_001_000, 4).trimmed(1).to_string(), "65000.1");
        assert_eq!(Fixed::exact(0, 8).trimmed(1).to_string(), "0.0");
        assert_eq!(Fixed::shortened(1_000_000_000, 18, 9).to_string(), "0.000000001");
    }
}
