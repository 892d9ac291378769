//! Requests of the WS API that both dialects have.

use crate::ids::ClientOrderId;

/// Makes signatures; the implementation holds the secret.
pub trait Sign: Sync {
    /// HMAC-SHA256 of the payload, as 64 lower-case hex digits.
    fn sign(&self, payload: &[u8], hex_out: &mut [u8; 64]);
}

/// Which of the two legs an order is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlaceKind {
    /// Post only: `LIMIT_MAKER` on Spot, `GTX` on USD-M.
    Maker,
    /// `LIMIT` with `IOC`.
    Taker,
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
