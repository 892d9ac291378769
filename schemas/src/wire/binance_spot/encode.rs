//! Writes the requests of this dialect, sorted as they are signed.

use super::request::{OpenOrders, PlaceOrder, SubscribeUser};
use crate::wire::binance::encode::{Name, Signed, Value, name, open, push_quoted, recv_window};
use crate::wire::binance::request::PlaceKind;

/// Writes `ticker.book` for several symbols over `frame`.
pub fn ticker_book<'s>(id: u64, symbols: impl Iterator<Item = &'s str>, frame: &mut String) {
    open(frame, id, "ticker.book");
    frame.push_str("\"returnRateLimits\":false,\"symbols\":[");
    for (index, symbol) in symbols.enumerate() {
        frame.push_str(if index == 0 { "" } else { "," });
        push_quoted(frame, symbol);
    }
    frame.push_str("]}}");
}

impl Signed for PlaceOrder<'_> {
    const METHOD: &'static str = "order.place";

    fn params(&self, mut each: impl FnMut(Name, Value<'_>)) {
        let (order_type, answer) = match self.kind {
            PlaceKind::Maker => ("LIMIT_MAKER", "RESULT"),
            PlaceKind::Taker => ("LIMIT", "FULL"),
        };
        each(name!("newClientOrderId"), Value::Word(self.client_id.as_str()));
        each(name!("newOrderRespType"), Value::Word(answer));
        each(name!("price"), Value::Decimal(self.price));
        each(name!("quantity"), Value::Decimal(self.qty));
        recv_window(self.recv_window_ms, &mut each);
        if self.stp_none {
            each(name!("selfTradePreventionMode"), Value::Word("NONE"));
        }
        each(name!("side"), Value::Word(self.side.as_str()));
        each(name!("symbol"), Value::Text(self.symbol));
        // A LIMIT_MAKER with a time in force is refused (-1106).
        if self.kind == PlaceKind::Taker {
            each(name!("timeInForce"), Value::Word("IOC"));
        }
        each(name!("timestamp"), Value::Millis(self.timestamp_ms));
        each(name!("type"), Value::Word(order_type));
    }
}

impl Signed for OpenOrders<'_> {
    const METHOD: &'static str = "openOrders.status";

    fn params(&self, mut each: impl FnMut(Name, Value<'_>)) {
        recv_window(self.recv_window_ms, &mut each);
        each(name!("symbol"), Value::Text(self.symbol));
        each(name!("timestamp"), Value::Millis(self.timestamp_ms));
    }
}

impl Signed for SubscribeUser {
    const METHOD: &'static str = "userDataStream.subscribe.signature";

    fn params(&self, mut each: impl FnMut(Name, Value<'_>)) {
        recv_window(self.recv_window_ms, &mut each);
        each(name!("timestamp"), Value::Millis(self.timestamp_ms));
    }
}
