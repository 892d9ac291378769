//! Between the gateway's machine and the dialect's frames: commands to text, text to answers; events to news.

use pipeline::command::{Command, OrderHandle, PlaceLeg};
use pipeline::gateway::{Gateway, Outgoing, Permit};
use schemas::ids::InstrumentPrefix;
use schemas::wire::binance::answer::{self, Incoming};
use schemas::wire::binance::encode::{Account, CancelOrder, Envelope, QueryOrder, signed};
use schemas::wire::binance::request::{AboutOrder, OrderRef, PlaceKind};
use schemas::wire::binance_usdm::event::UserEvent;
use schemas::wire::binance_usdm::request::PlaceOrder;

use crate::venue::binance::gateway::GatewayLane;
use crate::venue::binance::{Decoded, OrderEvent, Reading, decode_answer, ignored, warn};

/// Buffers that frames are written in.
#[derive(Debug, Default)]
pub struct Encoder {
    payload: String,
    frame: String,
}

impl Encoder {
    /// The frame of a request, signed by `account` at `at_ms` of the venue's clock; `None` where the request goes
    /// by REST. Does not allocate once its buffers have grown.
    pub fn encode(
        &mut self,
        outgoing: &Outgoing,
        lane: &GatewayLane,
        account: Account<'_>,
        recv_window_ms: u32,
        at_ms: i64,
    ) -> Option<&str> {
        let envelope = Envelope { id: outgoing.request, rate_limits: true };
        let (payload, frame) = (&mut self.payload, &mut self.frame);
        let place = |leg: &PlaceLeg, kind| PlaceOrder {
            symbol: &lane.symbol,
            side: leg.side,
            position_side: leg.position_side,
            kind,
            price: leg.price.text(lane.price_decimals),
            qty: leg.qty.text(leg.qty_decimals),
            client_id: leg.id,
            stp_none: true,
            recv_window_ms: Some(recv_window_ms),
            timestamp_ms: at_ms,
        };
        let about = |handle: &OrderHandle| AboutOrder {
            symbol: &lane.symbol,
            order: OrderRef::Client(handle.id),
            recv_window_ms: Some(recv_window_ms),
            timestamp_ms: at_ms,
        };
        match &outgoing.command {
            Command::PlaceMaker(leg) => {
                signed(&place(leg, PlaceKind::Maker), envelope, account, payload, frame);
            }
            Command::PlaceTaker(leg) => {
                signed(&place(leg, PlaceKind::Taker), envelope, account, payload, frame);
            }
            Command::Cancel(handle) => signed(&CancelOrder(about(handle)), envelope, account, payload, frame),
            Command::Query(handle) => signed(&QueryOrder(about(handle)), envelope, account, payload, frame),
            Command::ListOpen => return None,
        }
        Some(&self.frame)
    }
}

/// Reads a frame of the order connection. What cannot be read proves nothing: it is said, and the order's
/// outcome stays unknown.
pub(crate) fn decode<P: Permit>(
    text: &str,
    machine: &Gateway<P>,
    lanes: &[GatewayLane],
    reading: Reading<'_>,
) -> Decoded {
    match answer::read(text) {
        Ok(Incoming::Answer(answer)) => decode_answer(&answer, machine, lanes, reading),
        Ok(Incoming::Event(event)) if event.contains("\"serverShutdown\"") => Decoded::Ended,
        Ok(Incoming::Event(_)) => Decoded::Nothing,
        Err(fault) => {
            warn(&fault);
            Decoded::Nothing
        }
    }
}

/// What an event tells of an order of ours; positions and the stream's end are the caller's to see to.
pub(super) fn told<'s>(
    event: &UserEvent<'_>,
    symbol_of: impl Fn(InstrumentPrefix) -> Option<&'s str>,
) -> Decoded {
    match event {
        UserEvent::Order(report) => {
            report.warning().iter().for_each(warn);
            let (client_id, symbol) = (report.client_id_text(), &*report.symbol);
            OrderEvent { client_id, symbol, update: report.update() }.decode(symbol_of)
        }
        UserEvent::Trade(trade) => {
            let (client_id, symbol) = (trade.client_id_text(), &*trade.symbol);
            OrderEvent { client_id, symbol, update: trade.update() }.decode(symbol_of)
        }
        UserEvent::Ignored { kind } => ignored(kind),
        UserEvent::Positions(_) | UserEvent::ListenKeyExpired => Decoded::Nothing,
    }
}
