//! Between the gateway's machine and the dialect's frames: commands to text, text to answers and events.

use pipeline::command::{Command, OrderHandle, PlaceLeg};
use pipeline::gateway::{Gateway, Outgoing, Permit};
use schemas::wire::binance::api_error::ApiError;
use schemas::wire::binance::encode::{Account, CancelOrder, Envelope, QueryOrder, signed};
use schemas::wire::binance::request::{AboutOrder, OrderRef, PlaceKind};
use schemas::wire::binance_spot::answer::{self, Incoming};
use schemas::wire::binance_spot::api_error::classify;
use schemas::wire::binance_spot::event::UserEvent;
use schemas::wire::binance_spot::request::{OpenOrders, PlaceOrder, SubscribeUser};

use crate::venue::binance::account::AccountKey;
use crate::venue::binance::gateway::GatewayLane;
use crate::venue::binance::{Decoded, OrderEvent, Reading, decode_answer, ignored, warn};

/// The request id of the user stream's subscription; the machine's ids begin at 1.
const SUBSCRIBE_ID: u64 = 0;

/// Buffers that frames are written in.
#[derive(Debug, Default)]
pub struct Encoder {
    payload: String,
    frame: String,
}

impl Encoder {
    /// The frame of a request, signed by `account` at `at_ms` of the venue's clock. Does not allocate once its
    /// buffers have grown.
    pub fn encode(
        &mut self,
        outgoing: &Outgoing,
        lane: &GatewayLane,
        account: Account<'_>,
        recv_window_ms: u32,
        at_ms: i64,
    ) -> &str {
        let envelope = Envelope { id: outgoing.request, rate_limits: true };
        let (payload, frame) = (&mut self.payload, &mut self.frame);
        let place = |leg: &PlaceLeg, kind| PlaceOrder {
            symbol: &lane.symbol,
            side: leg.side,
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
                signed(&place(leg, PlaceKind::Maker), envelope, account, payload, frame)
            }
            Command::PlaceTaker(leg) => {
                signed(&place(leg, PlaceKind::Taker), envelope, account, payload, frame)
            }
            Command::Cancel(handle) => signed(&CancelOrder(about(handle)), envelope, account, payload, frame),
            Command::Query(handle) => signed(&QueryOrder(about(handle)), envelope, account, payload, frame),
            Command::ListOpen => {
                let list = OpenOrders {
                    symbol: &lane.symbol,
                    recv_window_ms: Some(recv_window_ms),
                    timestamp_ms: at_ms,
                };
                signed(&list, envelope, account, payload, frame);
            }
        }
        &self.frame
    }

    /// The frame that subscribes to the user stream.
    pub(crate) fn subscribe(&mut self, account: &AccountKey, at_ms: i64) -> &str {
        let request = SubscribeUser { recv_window_ms: None, timestamp_ms: at_ms };
        let envelope = Envelope { id: SUBSCRIBE_ID, rate_limits: true };
        let account = account.account();
        signed(&request, envelope, account, &mut self.payload, &mut self.frame);
        &self.frame
    }

    /// Whether a frame answers the subscription, and how.
    pub(crate) fn subscribed(text: &str, account: &AccountKey) -> Option<Result<(), ApiError>> {
        match answer::read(text) {
            Ok(Incoming::Answer(answer)) if answer.id == Some(SUBSCRIBE_ID) => {
                Some(answer.error(classify, account.api_key()).map_or(Ok(()), Err))
            }
            Ok(_) | Err(_) => None,
        }
    }
}

/// Reads a frame. What cannot be read proves nothing: it is said, and the order's outcome stays unknown.
pub(crate) fn decode<P: Permit>(
    text: &str,
    machine: &Gateway<P>,
    lanes: &[GatewayLane],
    reading: Reading<'_>,
) -> Decoded {
    match answer::read(text) {
        Ok(Incoming::Answer(answer)) => decode_answer(&answer, machine, lanes, reading),
        Ok(Incoming::Event(UserEvent::Order(report))) => {
            report.warning().iter().for_each(warn);
            let symbol_of = |prefix| machine.lane_of(prefix).map(|lane| lanes[lane.0].symbol.as_str());
            let (client_id, symbol) = (report.client_id_text(), &*report.symbol);
            OrderEvent { client_id, symbol, update: report.update() }.decode(symbol_of)
        }
        Ok(Incoming::Event(UserEvent::StreamTerminated | UserEvent::ServerShutdown)) => Decoded::Ended,
        Ok(Incoming::Event(UserEvent::Ignored { kind })) => ignored(&kind),
        Ok(Incoming::Event(UserEvent::Balances(_))) => Decoded::Nothing,
        Err(fault) => {
            warn(&fault);
            Decoded::Nothing
        }
    }
}
