//! Events of the user stream, which has a connection of its own.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::ids::ClientOrderId;
use crate::order::{OrderStatus, PositionSide, Side};
use crate::units::Decimal;
use crate::wire::binance::answer::read_as;
use crate::wire::binance::number::Text;
use crate::wire::binance::order::{is_id, order_status, possible_fill};
use crate::wire::cut::Cut;
use crate::wire::order_fault::OrderFault;
use crate::wire::order_update::{Fill, OrderUpdate, Terms};

/// One event.
#[derive(Debug)]
pub enum UserEvent<'a> {
    /// `ORDER_TRADE_UPDATE`: something happened to an order.
    Order(Box<OrderReport<'a>>),
    /// `TRADE_LITE`: a fill, ahead of the report about it.
    Trade(TradeLite<'a>),
    /// `ACCOUNT_UPDATE`: positions that changed, as they are now.
    Positions(Vec<Position<'a>>),
    /// `listenKeyExpired`: no more events on this connection.
    ListenKeyExpired,
    /// A kind that this program has no use for.
    Ignored {
        /// Its name.
        kind: Cow<'a, str>,
    },
}

/// One position of an account.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Position<'a> {
    /// The venue's symbol.
    #[serde(borrow, alias = "s")]
    pub symbol: Cow<'a, str>,
    /// Which of the symbol's positions.
    #[serde(rename = "positionSide", alias = "ps")]
    pub side: PositionSide,
    #[serde(rename = "positionAmt", alias = "pa")]
    amount: Text,
}

/// The order of an `ORDER_TRADE_UPDATE`.
#[derive(Clone, Debug, Deserialize)]
pub struct OrderReport<'a> {
    /// The venue's symbol.
    #[serde(rename = "s", borrow)]
    pub symbol: Cow<'a, str>,
    /// Buy or sell.
    #[serde(rename = "S")]
    pub side: Side,
    /// Which position it changes.
    #[serde(rename = "ps", default)]
    pub position_side: PositionSide,
    /// What happened: NEW, TRADE, CANCELED ...
    #[serde(rename = "x", borrow)]
    pub execution: Cow<'a, str>,
    #[serde(rename = "c", borrow)]
    client_id: Cow<'a, str>,
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
    /// 0 where nothing traded.
    #[serde(rename = "t", default)]
    trade_id: u64,
    #[serde(rename = "m", default)]
    is_maker: bool,
    /// Why it expired: a number as text.
    #[serde(rename = "er", borrow, default)]
    expiry_reason: Cow<'a, str>,
    /// The event's time, which stands beside the order.
    #[serde(skip)]
    event_time: Option<i64>,
}

/// A `TRADE_LITE`.
#[derive(Clone, Debug, Deserialize)]
pub struct TradeLite<'a> {
    /// The venue's symbol.
    #[serde(rename = "s", borrow)]
    pub symbol: Cow<'a, str>,
    #[serde(rename = "c", borrow)]
    client_id: Cow<'a, str>,
    #[serde(rename = "i")]
    order_id: u64,
    #[serde(rename = "q")]
    qty: Text,
    #[serde(rename = "l")]
    last_qty: Text,
    #[serde(rename = "L")]
    last_price: Text,
    #[serde(rename = "t")]
    trade_id: u64,
    #[serde(rename = "m", default)]
    is_maker: bool,
    #[serde(rename = "E")]
    event_time: Option<i64>,
}

const REPORT: &str = "ORDER_TRADE_UPDATE";
/// In how many of a frame's first bytes the kind of its event stands.
const KIND_WITHIN: usize = 64;

impl<'a> UserEvent<'a> {
    /// Reads one frame: an event, bare or wrapped as a combined stream wraps it.
    ///
    /// # Errors
    /// [`OrderFault::Unreadable`] if it is no JSON object, [`OrderFault::Field`] if it has no kind, or if an
    /// event of a known kind lacks what it must have.
    pub fn read(text: &'a str) -> Result<Self, OrderFault> {
        if let Some(report) = quick(text) {
            return Ok(Self::Order(report));
        }
        #[derive(Deserialize)]
        struct Frame<'a> {
            #[serde(borrow)]
            e: Option<Cow<'a, str>>,
            #[serde(borrow)]
            data: Option<&'a RawValue>,
        }
        let frame: Frame<'a> =
            serde_json::from_str(text).map_err(|_| OrderFault::Unreadable { status: 0 })?;
        match (frame.e, frame.data) {
            (Some(kind), _) => Self::of(kind, text),
            (None, Some(data)) => Self::read(data.get()),
            (None, None) => Err(OrderFault::Field { field: "e" }),
        }
    }

    fn of(kind: Cow<'a, str>, text: &'a str) -> Result<Self, OrderFault> {
        match &*kind {
            REPORT => read_report(text).map(Self::Order),
            "TRADE_LITE" => {
                let trade: TradeLite<'a> = read_as(text, "TRADE_LITE")?;
                Ok(Self::Trade(trade))
            }
            "ACCOUNT_UPDATE" => read_account(text).map(Self::Positions),
            "listenKeyExpired" => Ok(Self::ListenKeyExpired),
            _ => Ok(Self::Ignored { kind }),
        }
    }
}

impl Position<'_> {
    /// How much of the base asset: below zero where it is short.
    #[must_use]
    pub const fn amount(&self) -> Decimal {
        self.amount.0
    }
}

impl OrderReport<'_> {
    /// The text of the order's own client id, ours or not.
    #[must_use]
    pub fn client_id_text(&self) -> &str {
        &self.client_id
    }

    /// The limit price.
    #[must_use]
    pub const fn price(&self) -> Decimal {
        self.price.0
    }

    /// The quantity that was ordered, in the base asset.
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
        let Some(client_id) = ClientOrderId::parse(&self.client_id) else {
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
            prevented: status == OrderStatus::ExpiredInMatch || matches!(&*self.expiry_reason, "1" | "3"),
            event_time_ms: self.event_time,
        }))
    }

    fn fill(&self) -> Option<Fill> {
        let traded = self.execution == "TRADE" && self.trade_id > 0 && self.last_qty.0.is_positive();
        traded.then_some(Fill {
            trade_id: self.trade_id,
            price: self.last_price.0,
            qty: self.last_qty.0,
            is_maker: self.is_maker,
        })
    }
}

impl TradeLite<'_> {
    /// The text of the order's own client id, ours or not.
    #[must_use]
    pub fn client_id_text(&self) -> &str {
        &self.client_id
    }

    /// The fill as an update, where it proves the order's state: one trade that filled all of it. Of another one
    /// the report alone tells how much has traded. `None` also if the order is not ours.
    ///
    /// # Errors
    /// [`OrderFault::ImpossibleFill`].
    pub fn update(&self) -> Result<Option<OrderUpdate>, OrderFault> {
        let Some(client_id) = ClientOrderId::parse(&self.client_id) else {
            return Ok(None);
        };
        possible_fill("l", self.last_qty.0, self.qty.0)?;
        let whole = self.last_qty.0 == self.qty.0 && self.trade_id > 0 && is_id(self.order_id);
        Ok(whole.then_some(OrderUpdate {
            client_id,
            venue_order_id: self.order_id,
            status: OrderStatus::Filled,
            executed: self.qty.0,
            terms: Terms { qty: Some(self.qty.0), ..Terms::default() },
            last_fill: Some(Fill {
                trade_id: self.trade_id,
                price: self.last_price.0,
                qty: self.last_qty.0,
                is_maker: self.is_maker,
            }),
            prevented: false,
            event_time_ms: self.event_time,
        }))
    }
}

/// Reads in one pass a frame that holds a report about an order; `None` if it may be anything else.
fn quick(text: &str) -> Option<Box<OrderReport<'_>>> {
    text.get(..KIND_WITHIN)?.contains(REPORT).then(|| read_report(text).ok()).flatten()
}

fn read_report(text: &str) -> Result<Box<OrderReport<'_>>, OrderFault> {
    #[derive(Deserialize)]
    struct Body<'a> {
        #[serde(borrow)]
        e: Cow<'a, str>,
        #[serde(rename = "E")]
        event_time: Option<i64>,
        #[serde(borrow)]
        o: Box<OrderReport<'a>>,
    }
    let Body { e, event_time, o: mut order } = read_as(text, REPORT)?;
    if e != REPORT || !is_id(order.order_id) {
        return Err(OrderFault::Field { field: "i" });
    }
    order.event_time = event_time;
    Ok(order)
}

fn read_account(text: &str) -> Result<Vec<Position<'_>>, OrderFault> {
    #[derive(Deserialize)]
    struct Account<'a> {
        #[serde(rename = "P", borrow, default)]
        positions: Vec<Position<'a>>,
    }
    #[derive(Deserialize)]
    struct Body<'a> {
        #[serde(borrow)]
        a: Account<'a>,
    }
    let body: Body<'_> = read_as(text, "P")?;
    Ok(body.a.positions)
}
