//! Requests of the WS API: parameters in the order in which they are signed, written without allocation.

use crate::ids::ClientOrderId;
use crate::order::Side;
use crate::units::Scaled;

/// Makes signatures; the implementation holds the secret.
pub trait Sign {
    /// HMAC-SHA256 of the payload, as 64 lower-case hex digits.
    fn sign(&self, payload: &[u8], hex_out: &mut [u8; 64]);
}

/// Which of the two legs an order is, in this dialect's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlaceKind {
    /// `LIMIT_MAKER`, answered with RESULT.
    Maker,
    /// `LIMIT` with `IOC`, answered with FULL.
    Taker,
}

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

/// Which order a cancel or a question is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderRef {
    /// The venue's id: the fastest.
    Venue(u64),
    /// Our id.
    Client(ClientOrderId),
}

/// `order.cancel` and `order.status`.
#[derive(Clone, Copy, Debug)]
pub struct AboutOrder<'a> {
    /// The venue's symbol, upper case.
    pub symbol: &'a str,
    /// The order.
    pub order: OrderRef,
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
