//! Between the gateway's machine and the dialect's frames: commands to text, text to answers.

use pipeline::command::{Command, OrderHandle, PlaceLeg};
use pipeline::event::OpenOrder;
use pipeline::gateway::{Answer, Gateway, Outgoing, Permit, VenueRefusal, Verdict};
use schemas::units::Decimal;
use schemas::wire::binance_spot::answer::{self, Incoming};
use schemas::wire::binance_spot::api_error::{ApiError, ErrorClass};
use schemas::wire::binance_spot::encode::{Account, CancelOrder, Envelope, QueryOrder, signed};
use schemas::wire::binance_spot::event::UserEvent;
use schemas::wire::binance_spot::limit::RateCounts;
use schemas::wire::binance_spot::order::{OrderAnswer, Sent};
use schemas::wire::binance_spot::request::{
    AboutOrder, OpenOrders, OrderRef, PlaceKind, PlaceOrder, SubscribeUser,
};
use schemas::wire::order_fault::OrderFault;
use schemas::wire::order_update::OrderUpdate;

use super::account::AccountKey;
use super::gateway::GatewayLane;

/// The request id of the user stream's subscription; the machine's ids begin at 1.
const SUBSCRIBE_ID: u64 = 0;
/// How long everything stays silent after a rate-limit answer that names no time.
const SILENCE_MS: i64 = 60_000;

/// What a frame of the venue means to the machine.
#[derive(Debug)]
pub(super) enum Decoded {
    /// The answer to a request, and the venue's counts in it.
    Answer { request: u64, answer: Answer, counts: RateCounts },
    /// A statement of the user stream about an order of ours.
    Update(OrderUpdate),
    /// The venue ends the connection or its user stream.
    Ended,
    /// Nothing that concerns orders.
    Nothing,
}

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
    pub(super) fn subscribe(&mut self, account: &AccountKey, at_ms: i64) -> &str {
        let request = SubscribeUser { recv_window_ms: None, timestamp_ms: at_ms };
        let envelope = Envelope { id: SUBSCRIBE_ID, rate_limits: true };
        let account = account.account();
        signed(&request, envelope, account, &mut self.payload, &mut self.frame);
        &self.frame
    }

    /// Whether a frame answers the subscription, and how.
    pub(super) fn subscribed(text: &str, account: &AccountKey) -> Option<Result<(), ApiError>> {
        match answer::read(text) {
            Ok(Incoming::Answer(answer)) if answer.id == Some(SUBSCRIBE_ID) => {
                Some(answer.error(account.api_key()).map_or(Ok(()), Err))
            }
            Ok(_) | Err(_) => None,
        }
    }
}

/// Reads a frame. What cannot be read proves nothing: it is said, and the order's outcome stays unknown.
pub(super) fn decode<P: Permit>(
    text: &str,
    machine: &Gateway<P>,
    lanes: &[GatewayLane],
    api_key: &str,
    now_ms: i64,
) -> Decoded {
    match answer::read(text) {
        Ok(Incoming::Answer(answer)) => {
            let Some(request) = answer.id else {
                warn(&OrderFault::Uncorrelated { id: "none".into() });
                return Decoded::Nothing;
            };
            let counts = answer.rate_counts();
            let read = read_answer(&answer, machine, lanes, request, api_key, now_ms);
            Decoded::Answer { request, answer: read, counts }
        }
        Ok(Incoming::Event(UserEvent::Order(report))) => {
            report.warning().iter().for_each(warn);
            match report.update() {
                Ok(update) => update.map_or(Decoded::Nothing, Decoded::Update),
                Err(fault) => {
                    warn(&fault);
                    Decoded::Nothing
                }
            }
        }
        Ok(Incoming::Event(UserEvent::StreamTerminated | UserEvent::ServerShutdown)) => Decoded::Ended,
        Ok(Incoming::Event(UserEvent::Balances(_) | UserEvent::Ignored { .. })) => Decoded::Nothing,
        Err(fault) => {
            warn(&fault);
            Decoded::Nothing
        }
    }
}

fn read_answer<P: Permit>(
    answer: &answer::Answer<'_>,
    machine: &Gateway<P>,
    lanes: &[GatewayLane],
    request: u64,
    api_key: &str,
    now_ms: i64,
) -> Answer {
    if let Some(error) = answer.error(api_key) {
        return Answer::Refused(refusal(&error, now_ms));
    }
    let asked = machine.asked(request);
    let read = match asked {
        Some((lane, Command::ListOpen)) => answer.orders().map(|orders| open_orders(&orders, &lanes[lane.0])),
        Some((lane, Command::PlaceMaker(leg) | Command::PlaceTaker(leg))) => {
            answer.order().and_then(|order| placed(&order, &lanes[lane.0], &leg))
        }
        Some((_, Command::Cancel(_) | Command::Query(_))) | None => {
            answer.order().and_then(|order| Ok(Answer::Updates(order.updates()?.collect())))
        }
    };
    read.unwrap_or_else(|fault| {
        warn(&fault);
        Answer::Unreadable
    })
}

/// The answer to a place must be about what was sent.
fn placed(order: &OrderAnswer<'_>, lane: &GatewayLane, leg: &PlaceLeg) -> Result<Answer, OrderFault> {
    order.check(&Sent {
        symbol: &lane.symbol,
        client_id: leg.id,
        side: leg.side,
        price: leg.price.decimal(lane.price_decimals),
        qty: Decimal::from_steps(leg.qty.steps(), leg.qty_decimals),
    })?;
    order.warning().iter().for_each(warn);
    Ok(Answer::Updates(order.updates()?.collect()))
}

fn open_orders(orders: &[OrderAnswer<'_>], lane: &GatewayLane) -> Answer {
    let ours = orders.iter().filter_map(|order| {
        let id = order.client_id().filter(|id| id.prefix() == lane.prefix)?;
        Some(OpenOrder { id, venue_id: order.order_id })
    });
    Answer::OpenOrders(ours.collect())
}

fn refusal(error: &ApiError, now_ms: i64) -> VenueRefusal {
    tracing::debug!(%error, "the venue refused a request");
    let rate_limited = error.class() == ErrorClass::RateLimited;
    VenueRefusal {
        code: error.code,
        verdict: match error.class() {
            ErrorClass::OutcomeUnknown | ErrorClass::Duplicate => Verdict::Unknown,
            ErrorClass::WouldMatch => Verdict::WouldMatch,
            ErrorClass::CancelRefused | ErrorClass::NoSuchOrder => Verdict::NoSuchOrder,
            ErrorClass::RateLimited
            | ErrorClass::OrderLimit
            | ErrorClass::Overloaded
            | ErrorClass::Filter
            | ErrorClass::Clock
            | ErrorClass::Auth
            | ErrorClass::Balance
            | ErrorClass::MarketClosed
            | ErrorClass::NoSuchSymbol
            | ErrorClass::Refused => Verdict::Refused,
        },
        silent_until_ms: rate_limited.then(|| error.retry_after_ms.unwrap_or(now_ms + SILENCE_MS)),
    }
}

fn warn(fault: &OrderFault) {
    tracing::warn!("{}", fault.line("venue"));
}
