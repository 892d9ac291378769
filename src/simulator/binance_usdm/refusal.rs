//! Refusals in USD-M's codes and words, where they are not those that both dialects share.

use schemas::units::Decimal;

use crate::simulator::binance::error::ApiError;
use crate::simulator::engine::Reject;

const fn refused(code: i32, msg: &'static str) -> ApiError {
    ApiError::new(400, code, msg)
}

/// What the engine refused, in the dialect's words.
pub(super) const fn of_engine(reject: Reject) -> ApiError {
    match reject {
        Reject::NotPositive | Reject::AmendQty => not_positive(),
        Reject::DuplicateClientId => refused(-4116, "clientOrderId is duplicated."),
        Reject::WouldMatch => refused(
            -5022,
            "Due to the order could not be executed as maker, the Post Only order will be rejected.",
        ),
        Reject::CannotFill => refused(
            -5021,
            "Due to the order could not be filled immediately, the FOK order has been rejected.",
        ),
        Reject::InsufficientBalance => refused(-2018, "Balance is insufficient."),
        Reject::InsufficientMargin => refused(-2019, "Margin is insufficient."),
        Reject::ReduceOnly => refused(-2022, "ReduceOnly Order is rejected."),
        Reject::PositionSideMismatch => position_side(),
        Reject::UnknownOrder => ApiError::unknown_order(),
        Reject::UnknownId => ApiError::bad_symbol(),
        Reject::NoChange => refused(-5027, "No need to modify the order."),
        Reject::OpenOrders => refused(-4067, "Position side cannot be changed if there exists open orders."),
        Reject::OpenPosition => refused(-4068, "Position side cannot be changed if there exists position."),
        Reject::OutOfBounds | Reject::TooMuch => {
            refused(-2027, "Exceeded the maximum allowable position at current leverage.")
        }
        Reject::TooFine => bad_precision(),
        Reject::Unsupported => ApiError::bad_type(),
    }
}

pub(super) const fn not_positive() -> ApiError {
    refused(-4003, "Quantity less than or equal to zero.")
}

pub(super) const fn qty_too_small() -> ApiError {
    refused(-4004, "Quantity less than min quantity.")
}

pub(super) const fn qty_too_large() -> ApiError {
    refused(-4005, "Quantity greater than max quantity.")
}

pub(super) const fn qty_off_step() -> ApiError {
    refused(-4023, "Qty not increased by step size.")
}

pub(super) const fn price_not_positive() -> ApiError {
    refused(-4001, "Price less than 0.")
}

pub(super) const fn price_too_low() -> ApiError {
    refused(-4013, "Price less than min price.")
}

pub(super) const fn price_too_high() -> ApiError {
    refused(-4002, "Price greater than max price.")
}

pub(super) const fn price_off_tick() -> ApiError {
    refused(-4014, "Price not increased by tick size.")
}

/// Above what the mark price allows a buyer.
pub(super) fn above_mark(most: impl std::fmt::Display) -> ApiError {
    ApiError::told(-4016, format!("Limit price can't be higher than {most}."))
}

/// Below what the mark price allows a seller.
pub(super) fn below_mark(least: impl std::fmt::Display) -> ApiError {
    ApiError::told(-4024, format!("Limit price can't be lower than {least}."))
}

/// A MARKET order would trade too far from the mark price.
pub(super) const fn market_too_far() -> ApiError {
    refused(-4131, "The counterparty's best price does not meet the PERCENT_PRICE filter limit.")
}

pub(super) fn notional_too_small(least: Decimal) -> ApiError {
    ApiError::told(
        -4164,
        format!("Order's notional must be no smaller than {least} (unless you choose reduce only)."),
    )
}

pub(super) const fn symbol_halted() -> ApiError {
    refused(-4140, "Invalid symbol status for opening position.")
}

pub(super) const fn symbol_closed() -> ApiError {
    refused(-4141, "Symbol is closed.")
}

pub(super) const fn too_many_open_orders() -> ApiError {
    refused(-2025, "Reach max open order limit.")
}

pub(super) const fn bad_precision() -> ApiError {
    refused(-1111, "Precision is over the maximum defined for this asset.")
}

pub(super) const fn bad_client_id() -> ApiError {
    refused(-4015, "Client order id is not valid.")
}

pub(super) const fn long_client_id() -> ApiError {
    refused(-4015, "Client order id length should not be more than 36 chars.")
}

pub(super) const fn position_side() -> ApiError {
    refused(-4061, "Order's position side does not match user's setting.")
}

pub(super) const fn bad_position_side() -> ApiError {
    refused(-4060, "Invalid position side.")
}

pub(super) const fn same_position_side() -> ApiError {
    refused(-4059, "No need to change position side.")
}

/// STOP, TAKE_PROFIT and their kin.
pub(super) const fn conditional() -> ApiError {
    refused(
        -4120,
        "Order type not supported for this endpoint. Please use the Algo Order API endpoints instead.",
    )
}

pub(super) fn close_position(order_type: &str) -> ApiError {
    ApiError::told(-4136, format!("Target strategy invalid for orderType {order_type},closePosition true"))
}

pub(super) const fn bad_stp() -> ApiError {
    refused(-5039, "Invalid self trade prevention mode.")
}

/// NONE where the profile does not have it: the public venue's words since December 2024.
pub(super) const fn stp_not_available() -> ApiError {
    refused(
        -4402,
        "Dear user, as per our Terms of Use and compliance regulations, this feature is not available.",
    )
}

pub(super) const fn bad_price_match() -> ApiError {
    refused(-5037, "Invalid price match.")
}

pub(super) const fn no_depth_for_price_match() -> ApiError {
    refused(-5041, "No depth matches this BBO order.")
}

pub(super) const fn price_match_with_market() -> ApiError {
    refused(-5038, "Price match only supports order type: LIMIT, STOP AND TAKE_PROFIT.")
}

pub(super) const fn good_till() -> ApiError {
    refused(
        -5040,
        "The goodTillDate timestamp must be greater than the current time plus 600 seconds and smaller than \
         253402300799000.",
    )
}

pub(super) const fn batch_size() -> ApiError {
    refused(-4082, "Invalid number of batch place orders.")
}

pub(super) const fn cancel_batch_size() -> ApiError {
    refused(-4032, "Exceed maximum cancel order size.")
}

pub(super) fn depth_limit(limit: &str) -> ApiError {
    ApiError::told(-4021, format!("'{limit:.64}' is not valid depth limit."))
}

pub(super) fn bad_leverage(leverage: &str) -> ApiError {
    ApiError::told(-4028, format!("Leverage {leverage:.64} is not valid"))
}

pub(super) const fn leverage_too_low() -> ApiError {
    refused(-2028, "Leverage is smaller than permitted: insufficient margin balance.")
}

pub(super) const fn same_margin_type() -> ApiError {
    refused(-4046, "No need to change margin type.")
}

pub(super) const fn margin_type_with_orders() -> ApiError {
    refused(-4047, "Margin type cannot be changed if there exists open orders.")
}

pub(super) const fn margin_type_with_position() -> ApiError {
    refused(-4048, "Margin type cannot be changed if there exists position.")
}

pub(super) const fn same_assets_mode() -> ApiError {
    refused(-4171, "Adjusted asset mode is currently set and does not need to be adjusted repeatedly.")
}

/// What the public venue has and this one has not: isolated margin, multi-assets mode.
pub(super) const fn not_here() -> ApiError {
    refused(-4084, "Method is not allowed currently. Upcoming soon.")
}
