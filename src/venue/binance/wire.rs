//! Answers in the words of the gateway's machine.

use std::time::Duration;

use pipeline::alarm::Alarm;
use pipeline::command::{Command, PlaceLeg};
use pipeline::event::OpenOrder;
use pipeline::gateway::{
    Answer, BANNED_DEFAULT, Gateway, LIMITED_DEFAULT, Permit, Silence, VenueRefusal, Verdict,
};
use schemas::config::Dialect;
use schemas::ids::{ClientOrderId, InstrumentPrefix};
use schemas::units::{Decimal, MAX_DECIMALS};
use schemas::wire::binance::answer;
use schemas::wire::binance::api_error::{ApiError, ErrorClass};
use schemas::wire::binance::limit::RateCounts;
use schemas::wire::binance::order::{OrderAnswer, Sent};
use schemas::wire::cut::Cut;
use schemas::wire::older_epoch::OlderEpoch;
use schemas::wire::order_fault::OrderFault;
use schemas::wire::order_update::OrderUpdate;

use super::classify_of;
use super::gateway::GatewayLane;

/// How long no order is placed after too many, where the answer names no time: the shortest window of orders.
const TOO_MANY_ORDERS: Duration = Duration::from_secs(10);

/// What a frame of the venue means to the machine.
#[derive(Debug)]
pub(crate) enum Decoded {
    /// The answer to a request, and the venue's counts in it.
    Answer { request: u64, answer: Answer, counts: RateCounts },
    /// A statement of the user stream about an order of ours.
    Update(OrderUpdate),
    /// The user stream says what cannot be of an order of ours.
    Alarm { id: ClientOrderId, alarm: Alarm },
    /// The venue ends the connection or its user stream.
    Ended,
    /// Nothing that concerns orders.
    Nothing,
}

/// What answers are read by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading<'a> {
    /// Whose codes they carry.
    pub(crate) dialect: Dialect,
    /// Blotted out of the venue's words.
    pub(crate) api_key: &'a str,
    /// The venue's time, milliseconds since the epoch.
    pub(crate) now_ms: i64,
}

/// Reads an answer. What cannot be read proves nothing: it is said, and the order's outcome stays unknown.
pub(crate) fn decode_answer<P: Permit>(
    answer: &answer::Answer<'_>,
    machine: &Gateway<P>,
    lanes: &[GatewayLane],
    reading: Reading<'_>,
) -> Decoded {
    let Some(request) = answer.id else {
        warn(&OrderFault::Uncorrelated { id: "none".into() });
        return Decoded::Nothing;
    };
    if machine.asked(request).is_none() {
        // Too late, or to nothing of ours: what it states counts, whom it answers does not.
        warn(&OrderFault::Uncorrelated { id: request.to_string().into() });
    }
    let counts = answer.rate_counts();
    Decoded::Answer { request, answer: read_answer(answer, request, machine, lanes, reading), counts }
}

fn read_answer<P: Permit>(
    answer: &answer::Answer<'_>,
    request: u64,
    machine: &Gateway<P>,
    lanes: &[GatewayLane],
    Reading { dialect, api_key, now_ms }: Reading<'_>,
) -> Answer {
    if let Some(error) = answer.error(classify_of(dialect), api_key) {
        return Answer::Refused(refusal(&error, now_ms));
    }
    let asked = machine.asked(request);
    let read = match asked {
        Some((lane, Command::ListOpen)) => {
            answer.orders().map(|orders| open_orders(&orders, lanes[lane.0].prefix))
        }
        Some((lane, Command::PlaceMaker(leg) | Command::PlaceTaker(leg))) => {
            answer.order().and_then(|order| placed(&order, &lanes[lane.0], &leg, dialect))
        }
        Some((lane, Command::Cancel(_) | Command::Query(_))) => {
            answer.order().and_then(|order| found(&order, &lanes[lane.0].symbol))
        }
        None => answer.order().and_then(|order| Ok(Answer::Updates(order.updates()?.collect()))),
    };
    read.unwrap_or_else(|fault| {
        warn(&fault);
        alarm_of(&fault).map_or(Answer::Unreadable, Answer::Contradicts)
    })
}

/// What must halt the instrument of whose orders that was said.
const fn alarm_of(fault: &OrderFault) -> Option<Alarm> {
    match fault {
        OrderFault::Mismatch { .. } => Some(Alarm::Mismatch),
        OrderFault::ImpossibleFill { .. } => Some(Alarm::ImpossibleFill),
        OrderFault::Transport { .. }
        | OrderFault::Unreadable { .. }
        | OrderFault::Redirect { .. }
        | OrderFault::Field { .. }
        | OrderFault::UnknownStatus { .. }
        | OrderFault::Stale { .. }
        | OrderFault::Missing
        | OrderFault::Header { .. }
        | OrderFault::Uncorrelated { .. } => None,
    }
}

/// An event of the user stream about an order, as it names that.
#[derive(Debug)]
pub(crate) struct OrderEvent<'a> {
    /// The order's client id, ours or not.
    pub(crate) client_id: &'a str,
    /// Its symbol.
    pub(crate) symbol: &'a str,
    /// What it tells, or what is wrong with it.
    pub(crate) update: Result<Option<OrderUpdate>, OrderFault>,
}

impl OrderEvent<'_> {
    /// What it tells; `symbol_of` names the venue's symbol of our instrument with that prefix.
    pub(crate) fn decode<'s>(self, symbol_of: impl Fn(InstrumentPrefix) -> Option<&'s str>) -> Decoded {
        let id = ClientOrderId::parse(self.client_id);
        let right = id.and_then(|id| symbol_of(id.prefix()));
        let same = right.map_or(Ok(()), |right| same_symbol(right, self.symbol));
        match same.and(self.update) {
            Ok(update) => update.map_or(Decoded::Nothing, Decoded::Update),
            Err(fault) => {
                warn(&fault);
                let alarm = alarm_of(&fault).zip(id);
                alarm.map_or(Decoded::Nothing, |(alarm, id)| Decoded::Alarm { id, alarm })
            }
        }
    }
}

/// An event of a kind that this program does not know.
pub(crate) fn ignored(kind: &str) -> Decoded {
    tracing::debug!(kind = %Cut(kind), "an event of a kind that is not known");
    metrics::counter!("st_user_events_ignored_total").increment(1);
    Decoded::Nothing
}

/// The answer to a cancel or a question must be about the lane's symbol; whose order it is, the machine sees to.
fn found(order: &OrderAnswer<'_>, symbol: &str) -> Result<Answer, OrderFault> {
    same_symbol(symbol, &order.symbol)?;
    order.warning().iter().for_each(warn);
    Ok(Answer::Updates(order.updates()?.collect()))
}

fn same_symbol(sent: &str, got: &str) -> Result<(), OrderFault> {
    if sent == got {
        return Ok(());
    }
    Err(OrderFault::Mismatch { field: "symbol", sent: sent.into(), got: Cut(got).to_string().into() })
}

/// The answer to a place must be about what was sent.
fn placed(
    order: &OrderAnswer<'_>,
    lane: &GatewayLane,
    leg: &PlaceLeg,
    dialect: Dialect,
) -> Result<Answer, OrderFault> {
    order.check(&Sent {
        symbol: &lane.symbol,
        client_id: leg.id,
        side: leg.side,
        price: leg.price.decimal(lane.price_decimals),
        qty: Decimal::from_steps(leg.qty.steps(), leg.qty_decimals),
        position_side: leg.position_side,
        lot_decimals: match dialect {
            Dialect::BinanceSpot | Dialect::Okx => leg.qty_decimals,
            // A contract may be many steps of the venue's.
            Dialect::BinanceUsdm => MAX_DECIMALS,
        },
    })?;
    order.warning().iter().for_each(warn);
    Ok(Answer::Updates(order.updates()?.collect()))
}

/// Those of a list that are ours.
pub(crate) fn open_orders(orders: &[OrderAnswer<'_>], prefix: InstrumentPrefix) -> Answer {
    let ours = orders.iter().filter_map(|order| {
        let id = order.client_id().filter(|id| id.prefix() == prefix)?;
        Some(OpenOrder { id, venue_id: order.order_id })
    });
    Answer::OpenOrders(ours.collect())
}

/// What a refusal means to the machine.
fn refusal(error: &ApiError, now_ms: i64) -> VenueRefusal {
    tracing::debug!(%error, "the venue refused a request");
    let wants = silence(error);
    VenueRefusal {
        code: error.code,
        verdict: match error.class() {
            // Without a code of the venue's it may be anybody's page, whatever its status; but for the one that says
            // that nothing was looked at.
            class if error.code == 0 && class != ErrorClass::RateLimited => Verdict::Unknown,
            ErrorClass::OutcomeUnknown | ErrorClass::Duplicate => Verdict::Unknown,
            ErrorClass::WouldMatch => Verdict::WouldMatch,
            ErrorClass::OlderEpoch => OlderEpoch::read(&error.msg)
                .map_or(Verdict::Refused, |refusal| Verdict::Superseded(refusal.newest)),
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
        silent_for: wants.map(|(_, unless_told)| told(error, now_ms).unwrap_or(unless_told)),
        silence: wants.map_or(Silence::Most, |(silence, _)| silence),
    }
}

/// How long the venue itself says that it wants silence.
fn told(error: &ApiError, now_ms: i64) -> Option<Duration> {
    error.retry_after.map(|retry| retry.wait(now_ms))
}

/// Whether a refusal asks for silence, and for how long where it does not say so.
fn silence(error: &ApiError) -> Option<(Silence, Duration)> {
    match (error.class(), error.status) {
        (ErrorClass::RateLimited, 418) => Some((Silence::All, BANNED_DEFAULT)),
        (ErrorClass::RateLimited, _) => Some((Silence::Most, LIMITED_DEFAULT)),
        (ErrorClass::OrderLimit, _) => Some((Silence::Orders, TOO_MANY_ORDERS)),
        (
            ErrorClass::OutcomeUnknown
            | ErrorClass::Overloaded
            | ErrorClass::Filter
            | ErrorClass::Clock
            | ErrorClass::Auth
            | ErrorClass::WouldMatch
            | ErrorClass::Balance
            | ErrorClass::Duplicate
            | ErrorClass::MarketClosed
            | ErrorClass::CancelRefused
            | ErrorClass::NoSuchOrder
            | ErrorClass::NoSuchSymbol
            | ErrorClass::Refused
            | ErrorClass::OlderEpoch,
            _,
        ) => None,
    }
}

/// [`refusal`] by REST, where a header says how long the venue wants to be left alone.
pub(crate) fn refusal_by_rest(error: &ApiError, retry_after: Option<Duration>, now_ms: i64) -> VenueRefusal {
    let refusal = refusal(error, now_ms);
    let wait = |unless_told| told(error, now_ms).or(retry_after).unwrap_or(unless_told);
    VenueRefusal { silent_for: refusal.silent_for.map(wait), ..refusal }
}

/// One line a fault, counted by its code.
pub(crate) fn warn(fault: &OrderFault) {
    metrics::counter!("st_order_faults_total", "code" => fault.code()).increment(1);
    tracing::warn!("{}", fault.line("venue"));
}
