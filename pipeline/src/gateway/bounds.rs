//! Bounds of our own, on top of a venue's: rates and hourly caps. None unless they are set.

use schemas::units::Decimal;

/// What one account's gateway may send, whatever the feed does. `Default` bounds nothing.
#[derive(Clone, Debug, Default)]
pub struct Bounds {
    /// Each lane's, in the order of [`LaneId`](super::LaneId); lanes beyond it are not bounded.
    pub lanes: Vec<LaneBounds>,
    /// Orders a second of the account, all processes that share it together.
    pub account_orders_a_second: Option<u32>,
    /// Requests a second from the address: orders, cancels and questions of all accounts together.
    pub requests_a_second: Option<u32>,
    /// How many gateways, of all processes, share the address.
    pub address_sharers: u32,
    /// Orders an hour of the account, all processes that share it together.
    pub orders_an_hour: Option<u64>,
    /// Quote asset that an account's orders of an hour may be worth, all processes that share it together.
    pub notional_an_hour: Option<Decimal>,
}

/// What one lane may send.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LaneBounds {
    /// Orders a second.
    pub orders_a_second: Option<u32>,
    /// Digits after the point of its prices.
    pub price_decimals: u8,
}
