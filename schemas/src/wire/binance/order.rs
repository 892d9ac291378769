//! The order object of answers: ACK, RESULT, FULL (Spot), cancels, `order.status`, lists of open orders.
//!
//! One reading serves both dialects: what only one of them sends is optional. USD-M has no fills and may have
//! no cost in it; they come by the user stream.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::number::Text;
use crate::ids::ClientOrderId;
use crate::order::{OrderStatus, PositionSide, Side};
use crate::units::Decimal;
use crate::wire::cut::Cut;
use crate::wire::order_fault::OrderFault;
use crate::wire::order_update::{Fill, OrderUpdate, Terms};

/// An order as an answer shows it, borrowed from the frame's text.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderAnswer<'a> {
    /// The venue's symbol.
    #[serde(borrow)]
    pub symbol: Cow<'a, str>,
    /// The venue's id, 1 or more.
    pub order_id: u64,
    #[serde(borrow)]
    client_order_id: Cow<'a, str>,
    /// Only in the answer to a cancel, where `clientOrderId` is the cancel's own.
    #[serde(borrow)]
    orig_client_order_id: Option<Cow<'a, str>>,
    /// Absent from an ACK.
    #[serde(borrow)]
    status: Option<Cow<'a, str>>,
    /// Buy or sell; absent from an ACK.
    pub side: Option<Side>,
    /// Which position it changes; USD-M only.
    #[serde(borrow)]
    position_side: Option<Cow<'a, str>>,
    price: Option<Text>,
    orig_qty: Option<Text>,
    executed_qty: Option<Text>,
    #[serde(alias = "cumQuote")]
    cummulative_quote_qty: Option<Text>,
    transact_time: Option<i64>,
    time: Option<i64>,
    update_time: Option<i64>,
    #[serde(default)]
    fills: Vec<FillBody>,
    prevented_quantity: Option<Text>,
    #[serde(default)]
    prevented_matches: Vec<IgnoredAny>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct FillBody {
    price: Text,
    qty: Text,
    trade_id: u64,
}

/// What was sent, to hold an answer against.
#[derive(Clone, Copy, Debug)]
pub struct Sent<'a> {
    /// The symbol.
    pub symbol: &'a str,
    /// Our id of the order.
    pub client_id: ClientOrderId,
    /// Buy or sell.
    pub side: Side,
    /// The limit price.
    pub price: Decimal,
    /// The quantity, with as many digits as were sent.
    pub qty: Decimal,
    /// Which position it changes; `None` for spot.
    pub position_side: PositionSide,
    /// Digits after the point of the least that can trade.
    pub lot_decimals: u8,
}

impl<'a> OrderAnswer<'a> {
    /// Reads one order.
    ///
    /// # Errors
    /// [`OrderFault::Field`] names the field that is missing or of another form.
    pub fn read(text: &'a str) -> Result<Self, OrderFault> {
        serde_json::from_str(text)
            .ok()
            .filter(Self::ids_are_ids)
            .ok_or_else(|| OrderFault::Field { field: faulty_field(text) })
    }

    /// Reads a list of orders (`openOrders.status`).
    ///
    /// # Errors
    /// As [`OrderAnswer::read`], for the first faulty one.
    pub fn read_list(text: &'a str) -> Result<Vec<Self>, OrderFault> {
        let orders: Option<Vec<Self>> = serde_json::from_str(text).ok();
        orders.filter(|orders| orders.iter().all(Self::ids_are_ids)).ok_or_else(|| {
            let items: Vec<Value> = serde_json::from_str(text).unwrap_or_default();
            let field = items.iter().map(faulty_field_of).find(|field| *field != SHAPE).unwrap_or(SHAPE);
            OrderFault::Field { field }
        })
    }

    /// The text of the order's own client id, ours or not.
    #[must_use]
    pub fn client_id_text(&self) -> &str {
        self.orig_client_order_id.as_deref().unwrap_or(&self.client_order_id)
    }

    /// The order's own client id, if it is one of ours.
    #[must_use]
    pub fn client_id(&self) -> Option<ClientOrderId> {
        ClientOrderId::parse(self.client_id_text())
    }

    /// When the order was placed, milliseconds of the venue's clock; lists of open orders say it.
    #[must_use]
    pub const fn placed_ms(&self) -> Option<i64> {
        self.time
    }

    /// What has become of the order; `None` in an ACK.
    #[must_use]
    pub fn status(&self) -> Option<OrderStatus> {
        self.status.as_deref().map(order_status)
    }

    /// The limit price, where the answer says it.
    #[must_use]
    pub fn price(&self) -> Option<Decimal> {
        self.price.map(|price| price.0)
    }

    /// The quantity that was ordered, where the answer says it.
    #[must_use]
    pub fn orig_qty(&self) -> Option<Decimal> {
        self.orig_qty.map(|qty| qty.0)
    }

    /// The cumulative executed quantity, where the answer says it.
    #[must_use]
    pub fn executed(&self) -> Option<Decimal> {
        self.executed_qty.map(|qty| qty.0)
    }

    /// What should be said aloud although the answer stands: a status that is not known.
    #[must_use]
    pub fn warning(&self) -> Option<OrderFault> {
        let text = self.status.as_deref()?;
        (order_status(text) == OrderStatus::Other)
            .then(|| OrderFault::UnknownStatus { got: Cut(text).to_string().into() })
    }

    /// The answer as updates: one for each fill in it, or one.
    ///
    /// # Errors
    /// [`OrderFault::Field`] for an ACK or a foreign id, [`OrderFault::ImpossibleFill`].
    pub fn updates(&self) -> Result<impl Iterator<Item = OrderUpdate> + '_, OrderFault> {
        let whole = self.whole()?;
        let mut executed = Some(Decimal::ZERO);
        let fills = self.fills.iter().enumerate().map(move |(index, fill)| {
            executed = executed.and_then(|sum| sum.checked_add(fill.qty.0));
            let last = index + 1 == self.fills.len();
            OrderUpdate {
                status: if last { whole.status } else { OrderStatus::PartiallyFilled },
                executed: executed.filter(|_| !last).unwrap_or(whole.executed),
                last_fill: Some(fill.taken()),
                ..whole
            }
        });
        Ok(fills.chain(self.fills.is_empty().then_some(whole)))
    }

    /// Holds the answer against what was sent.
    ///
    /// # Errors
    /// [`OrderFault::Mismatch`], or [`OrderFault::ImpossibleFill`] where less than a lot was executed.
    pub fn check(&self, sent: &Sent<'_>) -> Result<(), OrderFault> {
        same("symbol", sent.symbol, &self.symbol)?;
        same("clientOrderId", sent.client_id.as_str(), self.client_id_text())?;
        if let Some(side) = self.side {
            same("side", sent.side.as_str(), side.as_str())?;
        }
        if let (Some(got), sent @ (PositionSide::Both | PositionSide::Long | PositionSide::Short)) =
            (&self.position_side, sent.position_side)
        {
            same("positionSide", sent.as_str(), got)?;
        }
        same_number("price", sent.price, self.price())?;
        same_number("origQty", sent.qty, self.orig_qty())?;
        match self.executed() {
            Some(got) if got.decimals() > u32::from(sent.lot_decimals) => {
                Err(OrderFault::ImpossibleFill { field: "executedQty", got, want: sent.qty })
            }
            Some(_) | None => Ok(()),
        }
    }

    /// The state after everything that the answer tells.
    fn whole(&self) -> Result<OrderUpdate, OrderFault> {
        let missing = |field| OrderFault::Field { field };
        let executed = self.executed().ok_or(missing("executedQty"))?;
        self.possible(executed)?;
        Ok(OrderUpdate {
            client_id: self.client_id().ok_or(missing("clientOrderId"))?,
            venue_order_id: self.order_id,
            status: self.status().ok_or(missing("status"))?,
            executed,
            terms: Terms { side: self.side, price: self.price(), qty: self.orig_qty() },
            last_fill: None,
            prevented: self.is_prevented(),
            event_time_ms: self.transact_time.or(self.update_time),
        })
    }

    fn possible(&self, executed: Decimal) -> Result<(), OrderFault> {
        let orig = self.orig_qty().ok_or(OrderFault::Field { field: "origQty" })?;
        possible_fill("executedQty", executed, orig)?;
        let quote = self.cummulative_quote_qty.map_or(executed, |quote| quote.0);
        // Some venues report a cost below zero where it is not known; a cost without a fill is none.
        if executed.is_zero() && quote.is_positive() {
            return Err(OrderFault::ImpossibleFill {
                field: "cummulativeQuoteQty",
                got: quote,
                want: executed,
            });
        }
        let mut sum = Decimal::ZERO;
        for fill in &self.fills {
            possible_fill("fills.qty", fill.qty.0, executed)?;
            sum = sum.checked_add(fill.qty.0).unwrap_or(sum);
        }
        if !self.fills.is_empty() && sum != executed {
            return Err(OrderFault::ImpossibleFill { field: "fills", got: sum, want: executed });
        }
        Ok(())
    }

    fn is_prevented(&self) -> bool {
        !self.prevented_matches.is_empty()
            || self.prevented_quantity.is_some_and(|qty| qty.0.is_positive())
            || self.status() == Some(OrderStatus::ExpiredInMatch)
    }

    pub(crate) fn ids_are_ids(&self) -> bool {
        is_id(self.order_id)
    }
}

impl FillBody {
    /// Fills come in the answer to a placing only, and what trades on arrival is the taker.
    const fn taken(&self) -> Fill {
        Fill { trade_id: self.trade_id, price: self.price.0, qty: self.qty.0, is_maker: false }
    }
}

/// The venue's word for a status; what is not known counts as open.
#[must_use]
pub fn order_status(text: &str) -> OrderStatus {
    match text {
        "NEW" => OrderStatus::New,
        "PARTIALLY_FILLED" => OrderStatus::PartiallyFilled,
        "FILLED" => OrderStatus::Filled,
        "CANCELED" => OrderStatus::Canceled,
        "REJECTED" => OrderStatus::Rejected,
        "EXPIRED" => OrderStatus::Expired,
        "EXPIRED_IN_MATCH" => OrderStatus::ExpiredInMatch,
        _ => OrderStatus::Other,
    }
}

/// Between zero and what was ordered.
pub(crate) fn possible_fill(field: &'static str, got: Decimal, want: Decimal) -> Result<(), OrderFault> {
    if got < Decimal::ZERO || got > want {
        return Err(OrderFault::ImpossibleFill { field, got, want });
    }
    Ok(())
}

pub(crate) fn is_id(id: u64) -> bool {
    id > 0 && i64::try_from(id).is_ok()
}

fn same(field: &'static str, sent: &str, got: &str) -> Result<(), OrderFault> {
    if sent == got {
        return Ok(());
    }
    Err(OrderFault::Mismatch { field, sent: sent.into(), got: Cut(got).to_string().into() })
}

fn same_number(field: &'static str, sent: Decimal, got: Option<Decimal>) -> Result<(), OrderFault> {
    match got {
        Some(got) if got != sent => {
            Err(OrderFault::Mismatch { field, sent: sent.to_string().into(), got: got.to_string().into() })
        }
        Some(_) | None => Ok(()),
    }
}

/// What is said where no single field is to blame.
const SHAPE: &str = "result";

type Check = fn(&Value) -> bool;

const CHECKS: [(&str, bool, Check); 17] = [
    ("symbol", true, Value::is_string),
    ("orderId", true, |value| value.as_u64().is_some_and(is_id)),
    ("clientOrderId", true, Value::is_string),
    ("origClientOrderId", false, Value::is_string),
    ("status", false, Value::is_string),
    ("side", false, |value| matches!(value.as_str(), Some("BUY" | "SELL"))),
    ("positionSide", false, Value::is_string),
    ("price", false, is_number_text),
    ("origQty", false, is_number_text),
    ("executedQty", false, is_number_text),
    ("cummulativeQuoteQty", false, is_number_text),
    ("cumQuote", false, is_number_text),
    ("transactTime", false, Value::is_i64),
    ("time", false, Value::is_i64),
    ("updateTime", false, Value::is_i64),
    ("fills", false, Value::is_array),
    ("preventedQuantity", false, is_number_text),
];

/// Finds out what ails an order that could not be read; takes its time, since that is rare.
fn faulty_field(text: &str) -> &'static str {
    serde_json::from_str(text).map_or(SHAPE, |value| faulty_field_of(&value))
}

fn faulty_field_of(order: &Value) -> &'static str {
    let bad = CHECKS.iter().find(|(name, required, check)| match order.get(name) {
        None | Some(Value::Null) => *required,
        Some(value) => !check(value),
    });
    match (bad, order.is_object()) {
        (Some((name, _, _)), true) => name,
        (Some(_) | None, _) => SHAPE,
    }
}

fn is_number_text(value: &Value) -> bool {
    value.as_str().is_some_and(|text| Decimal::parse(text).is_ok())
}
