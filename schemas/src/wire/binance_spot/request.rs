//! Requests of the WS API that only this dialect has.

use crate::ids::ClientOrderId;
use crate::order::Side;
use crate::units::Scaled;
use crate::wire::binance::request::PlaceKind;

/// `order.place`.
#[derive(Clone, Copy, Debug)]
pub struct PlaceOrder<'a> {
    /// The venue's symbol, upper case.
    pub symbol: &'a str,
    /// Buy or sell.
    pub side: Side,
    /// Which leg.
    pub kind: PlaceKind,
    /// The limit price, with exactly the digits that are sent.
    pub price: Scaled,
    /// The quantity, with exactly the digits that are sent.
    pub qty: Scaled,
    /// Our id of it.
    pub client_id: ClientOrderId,
    /// Ask for self-trade prevention NONE; otherwise the symbol's default holds.
    pub stp_none: bool,
    /// How long after `timestamp_ms` the venue may still accept it; the venue's default (5,000) if `None`.
    pub recv_window_ms: Option<u32>,
    /// Venue time of sending, milliseconds since the epoch.
    pub timestamp_ms: i64,
}

/// `openOrders.status` of one symbol.
#[derive(Clone, Copy, Debug)]
pub struct OpenOrders<'a> {
    /// The venue's symbol, upper case.
    pub symbol: &'a str,
    /// How long after `timestamp_ms` the venue may still accept it; the venue's default (5,000) if `None`.
    pub recv_window_ms: Option<u32>,
    /// Venue time of sending, milliseconds since the epoch.
    pub timestamp_ms: i64,
}

/// `userDataStream.subscribe.signature`.
#[derive(Clone, Copy, Debug)]
pub struct SubscribeUser {
    /// How long after `timestamp_ms` the venue may still accept it; the venue's default (5,000) if `None`.
    pub recv_window_ms: Option<u32>,
    /// Venue time of sending, milliseconds since the epoch.
    pub timestamp_ms: i64,
}
