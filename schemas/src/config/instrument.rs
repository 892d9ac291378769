//! What the decision rules ask of one instrument.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::order::PositionSide;
use crate::units::Decimal;

/// Everything that the decision rules read of one configuration entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleParams {
    /// Term type.
    pub term: TermType,
    /// Price Decimals: a tick is `10^-price_decimals`; 0 to 18.
    pub price_decimals: u8,
    /// Qty Decimals: a lot is `10^-qty_decimals`; 0 to 18.
    pub qty_decimals: u8,
    /// Position Side; `None` where empty.
    pub position_side: PositionSide,
    /// Interval, seconds, may be a fraction; 0 or more.
    pub interval: Decimal,
    /// Qty Multiplier, above zero.
    pub qty_multiplier: Decimal,
    /// Price Divergence, a fraction; 0 or more.
    pub price_divergence: Decimal,
    /// Max Amt Per Order, in the quote asset, above zero.
    pub max_amount: Decimal,
    /// Min Qty, base asset.
    pub min_qty: Decimal,
    /// Min Amt, quote asset.
    pub min_amount: Decimal,
    /// Contract Size, base asset a contract; above zero.
    pub contract_size: Decimal,
    /// Leverage, above zero.
    pub leverage: Decimal,
    /// Placement.
    pub placement: Placement,
    /// Empty Book.
    pub empty_book: EmptyBook,
    /// Same Price.
    pub same_price: SamePolicy,
    /// Same Qty.
    pub same_qty: SamePolicy,
    /// Side.
    pub side: SidePolicy,
}

/// Spot or futures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum TermType {
    /// Base against quote.
    Spot,
    /// Contracts.
    Future,
}

/// Where the price may lie in the book.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Placement {
    /// Within `[bid, ask]`.
    #[default]
    Touch,
    /// Within `[bid + tick, ask - tick]`.
    Inside,
}

/// What a missing side of the book means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum EmptyBook {
    /// Skip.
    Skip,
    /// A missing side sets no bound.
    #[default]
    Trade,
}

/// What happens when a price or quantity repeats the last pair's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SamePolicy {
    /// Move it a little.
    #[default]
    Nudge,
    /// Leave it.
    Keep,
}

/// Who is the maker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SidePolicy {
    /// Drawn.
    #[default]
    Random,
    /// The other side than the tick's taker.
    Follow,
}

/// What becomes of ticks that come while an instrument's gate is shut.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Conflate {
    /// The newest waits; the one before it counts as `conflated`.
    #[default]
    Newest,
    /// Up to 1,024 wait in order; more count as `overflow`.
    Queue,
}

/// What an instrument does when no tick comes for an Interval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OnQuiet {
    /// Nothing.
    #[default]
    Hold,
    /// Fires again with the last tick, up to Max Tick Age.
    Repeat,
}

/// Whether a pair of the smallest quantity must match before the first other one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ProbePair {
    /// At public venues.
    #[default]
    Auto,
    /// Always.
    On,
    /// Never.
    Off,
}
