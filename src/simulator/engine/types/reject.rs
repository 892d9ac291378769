//! Why a command was refused.

use serde::{Deserialize, Serialize};

/// Why a command was refused; then nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
pub enum Reject {
    /// Price or quantity is not above zero, or is given where it may not be.
    #[error("price and quantity must be above zero")]
    NotPositive,
    /// The account has an open order with that client id.
    #[error("duplicate client order id")]
    DuplicateClientId,
    /// Post-only, and it would trade at once.
    #[error("post-only order would match")]
    WouldMatch,
    /// More than the account has free.
    #[error("insufficient balance")]
    InsufficientBalance,
    /// More than the account's margin bears.
    #[error("insufficient margin")]
    InsufficientMargin,
    /// Reduce-only or closing, and there is no such position or not so much of it.
    #[error("nothing to reduce")]
    ReduceOnly,
    /// The position side does not fit the account's position mode, or the market.
    #[error("position side does not match the position mode")]
    PositionSideMismatch,
    /// FOK on a perpetual that cannot be filled whole. On spot such an order is taken in and expires.
    #[error("fill-or-kill order cannot be filled")]
    CannotFill,
    /// No open order has that number.
    #[error("unknown order")]
    UnknownOrder,
    /// No account, asset or symbol has that number.
    #[error("unknown account, asset or symbol")]
    UnknownId,
    /// An amendment must leave less than before and more than what has traded.
    #[error("amended quantity must be below the old one and above what has traded")]
    AmendQty,
    /// A modification to the same price and quantity.
    #[error("nothing to modify")]
    NoChange,
    /// The account's open orders stand in the way of the change.
    #[error("open orders stand in the way")]
    OpenOrders,
    /// The account's open positions stand in the way of the change.
    #[error("open positions stand in the way")]
    OpenPosition,
    /// A leverage, fee or step out of its bounds.
    #[error("setting out of bounds")]
    OutOfBounds,
    /// More than the engine can number or add up.
    #[error("beyond what the engine can count")]
    TooMuch,
    /// Price and quantity are together finer than an amount.
    #[error("too many decimals")]
    TooFine,
    /// What that market or kind of order does not do.
    #[error("not supported")]
    Unsupported,
}
