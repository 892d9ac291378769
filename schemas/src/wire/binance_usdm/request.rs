//! Requests of the WS API that only this dialect has, sorted as they are signed.

use crate::ids::ClientOrderId;
use crate::order::{PositionSide, Side};
use crate::units::Scaled;
use crate::wire::binance::encode::{Name, Signed, Value, name, open, push_quoted, recv_window};
use crate::wire::binance::request::PlaceKind;

/// `order.place`: `LIMIT` with `GTX` or `IOC`, answered with RESULT.
#[derive(Clone, Copy, Debug)]
pub struct PlaceOrder<'a> {
    /// The venue's symbol, upper case.
    pub symbol: &'a str,
    /// Buy or sell.
    pub side: Side,
    /// Which position it changes; left out where it is none, which the venue takes for `BOTH`.
    pub position_side: PositionSide,
    /// Which leg.
    pub kind: PlaceKind,
    /// The limit price, with exactly the digits that are sent.
    pub price: Scaled,
    /// The quantity in the base asset, with exactly the digits that are sent.
    pub qty: Scaled,
    /// Our id of it.
    pub client_id: ClientOrderId,
    /// Ask for self-trade prevention NONE; otherwise the venue's default holds.
    pub stp_none: bool,
    /// How long after `timestamp_ms` the venue may still accept it; the venue's default (5,000) if `None`.
    pub recv_window_ms: Option<u32>,
    /// Venue time of sending, milliseconds since the epoch.
    pub timestamp_ms: i64,
}

impl Signed for PlaceOrder<'_> {
    const METHOD: &'static str = "order.place";

    fn params(&self, mut each: impl FnMut(Name, Value<'_>)) {
        each(name!("newClientOrderId"), Value::Word(self.client_id.as_str()));
        each(name!("newOrderRespType"), Value::Word("RESULT"));
        match self.position_side {
            PositionSide::None => {}
            side @ (PositionSide::Both | PositionSide::Long | PositionSide::Short) => {
                each(name!("positionSide"), Value::Word(side.as_str()));
            }
        }
        each(name!("price"), Value::Decimal(self.price));
        each(name!("quantity"), Value::Decimal(self.qty));
        recv_window(self.recv_window_ms, &mut each);
        if self.stp_none {
            each(name!("selfTradePreventionMode"), Value::Word("NONE"));
        }
        each(name!("side"), Value::Word(self.side.as_str()));
        each(name!("symbol"), Value::Text(self.symbol));
        each(name!("timeInForce"), Value::Word(time_in_force(self.kind)));
        each(name!("timestamp"), Value::Millis(self.timestamp_ms));
        each(name!("type"), Value::Word("LIMIT"));
    }
}

/// Writes `ticker.book` over `frame`: of one symbol, or of all there are, since the venue takes no list.
pub fn ticker_book<'s>(id: u64, mut symbols: impl Iterator<Item = &'s str>, frame: &mut String) {
    open(frame, id, "ticker.book");
    frame.push_str("\"returnRateLimits\":false");
    if let (Some(only), None) = (symbols.next(), symbols.next()) {
        frame.push_str(",\"symbol\":");
        push_quoted(frame, only);
    }
    frame.push_str("}}");
}

const fn time_in_force(kind: PlaceKind) -> &'static str {
    match kind {
        PlaceKind::Maker => "GTX",
        PlaceKind::Taker => "IOC",
    }
}
