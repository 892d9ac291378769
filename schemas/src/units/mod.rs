//! Exact numbers: decimal text in, integers of ticks and lots inside, decimal text out. No floats.

mod decimal;
mod ratio;
mod scaled;
mod sum;

pub use decimal::{Decimal, DecimalError, MAX_SIGNIFICANT_DIGITS};
pub use ratio::{Rounding, ratio};
pub use scaled::{Notional, Price, Qty, Scaled, write_scaled};

/// Most digits after the point that an instrument may ask for.
pub const MAX_DECIMALS: u8 = 18;
