//! Events of the user stream.

use std::borrow::Cow;

use serde::Deserialize;

use crate::ids::ClientOrderId;
use crate::order::{OrderStatus, Side};
use crate::units::Decimal;
use crate::wire::binance::answer::{number, read_as};
use crate::wire::binance::number::Text;
use crate::wire::binance::order::{is_id, order_status, possible_fill};
use crate::wire::cut::Cut;
use crate::wire::order_fault::OrderFault;
use crate::wire::order_update::{Fill, OrderUpdate, Terms};

/// One event.
#[derive(Debug)]
pub enum UserEvent<'a> {
    /// `executionReport`: something happened to an order.
    Order(Box<OrderReport<'a>>),
    /// `outboundAccountPosition`: balances that changed.
    Balances(Vec<Balance<'a>>),
    /// `eventStreamTerminated`: no more events on this connection.
    StreamTerminated,
    /// `serverShutdown`: move to another connection at once.
    ServerShutdown,
    /// A kind that this program does not know; counted and left.
    Ignored {
        /// Its name.
        kind: Cow<'a, str>,
    },
}

/// One asset's balance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Balance<'a> {
    /// The asset.
    pub asset: Cow<'a, str>,
    /// What can be spent.
    pub free: Decimal,
    /// What open orders hold.
    pub locked: Decimal,
}

/// An `executionReport`.
#[derive(Clone, Debug, Deserialize)]
pub struct OrderReport<'a> {
    #[serde(rename = "e", borrow, default)]
    kind: Cow<'a, str>,
    /// The venue's symbol.
    #[serde(rename = "s", borrow)]
    pub symbol: Cow<'a, str>,
    /// Buy or sell.
    #[serde(rename = "S")]
    pub side: Side,
    /// What happened: NEW, TRADE, CANCELED ...
    #[serde(rename = "x", borrow)]
    pub execution: Cow<'a, str>,
    /// Why it was refused; `NONE` otherwise.
    #[serde(rename = "r", borrow, default)]
    pub reject_reason: Cow<'a, str>,
    #[serde(rename = "c", borrow)]
    client_id: Cow<'a, str>,
    /// On a cancel the cancelled order's id, where `c` is the cancel's; else empty.
    #[serde(rename = "C", borrow, default)]
    orig_client_id: Cow<'a, str>,
    #[serde(rename = "X", borrow)]
    status: Cow<'a, str>,
    #[serde(rename = "i")]
    order_id: u64,
    #[serde(rename = "p")]
    price: Text,
    #[serde(rename = "q")]
    qty: Text,
    #[serde(rename = "z")]
    executed: Text,
    #[serde(rename = "l")]
    last_qty: Text,
    #[serde(rename = "L")]
    last_price: Text,
    #[serde(rename = "t", default = "no_trade")]
    trade_id: i64,
    #[serde(rename = "m", default)]
    is_maker: bool,
    #[serde(rename = "A")]
    prevented_qty: Option<Text>,
    #[serde(rename = "E")]
    event_time: Option<i64>,
}

const fn no_trade() -> i64 {
    -1
}

/// The kind of event that comes with every step of an order.
const REPORT: &str = "executionReport";
/// In how many of a frame's first bytes the kind of its event stands.
const KIND_WITHIN: usize = 64;

/// A frame with a report about an order, all of it.
#[derive(Deserialize)]
struct ReportFrame<'a> {
    #[serde(borrow)]
    event: Box<OrderReport<'a>>,
}

impl<'a> UserEvent<'a> {
    /// Reads in one pass a frame that holds a report about an order; `None` if it may be anything else.
    pub(super) fn quick(frame: &'a str) -> Option<Self> {
        if !frame.get(..KIND_WITHIN)?.contains(REPORT) {
            return None;
        }
        let ReportFrame { event } = serde_json::from_str(frame).ok()?;
        (event.kind == REPORT && is_id(event.order_id)).then_some(Self::Order(event))
    }

    /// Reads the `event` of a frame.
    ///
    /// # Errors
    /// [`OrderFault::Field`] if an event of a known kind lacks what it must have.
    pub(super) fn read(text: &'a str) -> Result<Self, OrderFault> {
        #[derive(Deserialize)]
        struct Kind<'a> {
            #[serde(borrow)]
            e: Cow<'a, str>,
        }
        let kind: Kind<'a> = read_as(text, "e")?;
        match &*kind.e {
            REPORT => OrderReport::read(text).map(|report| Self::Order(Box::new(report))),
            "outboundAccountPosition" => read_balances(text).map(Self::Balances),
            "eventStreamTerminated" => Ok(Self::StreamTerminated),
            "serverShutdown" => Ok(Self::ServerShutdown),
            _ => Ok(Self::Ignored { kind: kind.e }),
        }
    }
}

impl<'a> OrderReport<'a> {
    fn read(text: &'a str) -> Result<Self, OrderFault> {
        let report: Self = read_as(text, REPORT)?;
        if !is_id(report.order_id) {
            return Err(OrderFault::Field { field: "i" });
        }
        Ok(report)
    }

    /// The text of the order's own client id, ours or not.
    #[must_use]
    pub fn client_id_text(&self) -> &str {
        if self.orig_client_id.is_empty() { &self.client_id } else { &self.orig_client_id }
    }

    /// The limit price.
    #[must_use]
    pub const fn price(&self) -> Decimal {
        self.price.0
    }

    /// The quantity that was ordered.
    #[must_use]
    pub const fn qty(&self) -> Decimal {
        self.qty.0
    }

    /// What should be said aloud although the report stands: a status that is not known.
    #[must_use]
    pub fn warning(&self) -> Option<OrderFault> {
        (order_status(&self.status) == OrderStatus::Other)
            .then(|| OrderFault::UnknownStatus { got: Cut(&self.status).to_string().into() })
    }

    /// The report as an update; `None` if the order is not ours.
    ///
    /// # Errors
    /// [`OrderFault::ImpossibleFill`].
    pub fn update(&self) -> Result<Option<OrderUpdate>, OrderFault> {
        let Some(client_id) = ClientOrderId::parse(self.client_id_text()) else {
            return Ok(None);
        };
        possible_fill("z", self.executed.0, self.qty.0)?;
        possible_fill("l", self.last_qty.0, self.executed.0)?;
        let status = order_status(&self.status);
        Ok(Some(OrderUpdate {
            client_id,
            venue_order_id: self.order_id,
            status,
            executed: self.executed.0,
            terms: Terms { side: Some(self.side), price: Some(self.price.0), qty: Some(self.qty.0) },
            last_fill: self.fill(),
            prevented: self.is_prevented(status),
            event_time_ms: self.event_time,
        }))
    }

    fn fill(&self) -> Option<Fill> {
        let trade_id = u64::try_from(self.trade_id).ok()?;
        let traded = self.execution == "TRADE" && self.last_qty.0.is_positive();
        traded.then_some(Fill {
            trade_id,
            price: self.last_price.0,
            qty: self.last_qty.0,
            is_maker: self.is_maker,
        })
    }

    fn is_prevented(&self, status: OrderStatus) -> bool {
        self.execution == "TRADE_PREVENTION"
            || status == OrderStatus::ExpiredInMatch
            || number(self.prevented_qty).is_some_and(Decimal::is_positive)
    }
}

fn read_balances(text: &str) -> Result<Vec<Balance<'_>>, OrderFault> {
    #[derive(Deserialize)]
    struct Item<'a> {
        #[serde(borrow)]
        a: Cow<'a, str>,
        f: Text,
        l: Text,
    }
    #[derive(Deserialize)]
    struct Body<'a> {
        #[serde(rename = "B", borrow)]
        balances: Vec<Item<'a>>,
    }
    let body: Body<'_> = read_as(text, "B")?;
    Ok(body
        .balances
        .into_iter()
        .map(|item| Balance { asset: item.a, free: item.f.0, locked: item.l.0 })
        .collect())
}
