//! One order of a pair, and what is known of it. No end without evidence.

use schemas::ids::ClientOrderId;
use schemas::order::OrderStatus;
use schemas::units::{Decimal, Rounding};
use schemas::wire::order_update::{Fill, OrderUpdate};

use crate::event::Denial;
use crate::time::Nanos;

/// What became of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The venue named a final status.
    Final(OrderStatus),
    /// The venue refused it; its code.
    Refused(i64),
    /// It never left.
    Denied(Denial),
    /// It left, and the last moment at which it could arrive has passed without a trace of it.
    NeverArrived,
    /// It had been acknowledged, and the venue knows it no longer.
    Gone,
}

/// Where an order stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LegState {
    /// Not asked for yet.
    Idle,
    /// Handed to the gateway; no word of the venue yet.
    Waiting,
    /// It left, and the transport failed: it may exist.
    Unknown,
    /// The venue acknowledged it, and it is open.
    Open,
    /// Over.
    Ended(End),
}

/// One order of a pair.
#[derive(Clone, Debug)]
pub struct Leg {
    /// Our id.
    pub id: ClientOrderId,
    /// The venue's id, once known.
    pub venue_id: Option<u64>,
    /// The quantity asked for, in steps.
    pub qty_steps: i128,
    /// Digits after the quantity's point.
    pub qty_decimals: u8,
    /// Where it stands.
    pub state: LegState,
    /// Cumulative executed quantity, as the venue says.
    pub executed: Decimal,
    /// Its fills, each trade id once.
    pub fills: Vec<Fill>,
    /// Self-trade prevention took a part.
    pub prevented: bool,
    /// Its outcome was unknown at some time.
    pub was_unknown: bool,
    /// When its frame was handed to the socket.
    pub sent_at: Option<Nanos>,
    /// When the venue's first word of it came.
    pub acknowledged_at: Option<Nanos>,
    /// When it ended.
    pub ended_at: Option<Nanos>,
    /// Statements that went back behind what was known, or contradicted it.
    pub stale_updates: u32,
}

impl Leg {
    /// An order that has not been asked for yet.
    #[must_use]
    pub fn new(id: ClientOrderId) -> Self {
        Self {
            id,
            venue_id: None,
            qty_steps: 0,
            qty_decimals: 0,
            state: LegState::Idle,
            executed: Decimal::ZERO,
            fills: Vec::new(),
            prevented: false,
            was_unknown: false,
            sent_at: None,
            acknowledged_at: None,
            ended_at: None,
            stale_updates: 0,
        }
    }

    /// Over, with evidence.
    #[must_use]
    pub const fn is_ended(&self) -> bool {
        matches!(self.state, LegState::Ended(_))
    }

    /// Not asked for, or over: nothing of it can be open at the venue.
    #[must_use]
    pub const fn is_quiet(&self) -> bool {
        matches!(self.state, LegState::Idle | LegState::Ended(_))
    }

    /// The quantity asked for.
    #[must_use]
    pub fn qty(&self) -> Decimal {
        Decimal::from_steps(self.qty_steps, self.qty_decimals)
    }

    /// What has not traded, in steps.
    #[must_use]
    pub fn remaining_steps(&self) -> i128 {
        let executed = self.executed.to_steps(self.qty_decimals, Rounding::Up).unwrap_or(0);
        (self.qty_steps - executed).max(0)
    }

    /// All of it traded.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.qty_steps > 0 && self.executed >= self.qty()
    }

    /// The venue reported all that traded of it one by one.
    #[must_use]
    pub fn is_itemised(&self) -> bool {
        sum(self.fills.iter()) == Some(self.executed)
    }

    /// Takes in a statement of the venue. Statements may repeat and overtake each other: the executed
    /// quantity only grows, a final status stays, and a fill counts once.
    pub fn merge(&mut self, update: &OrderUpdate, now: Nanos) {
        self.venue_id = Some(update.venue_order_id);
        self.acknowledged_at.get_or_insert(now);
        self.prevented |= update.prevented;
        if let Some(fill) = update.last_fill
            && !self.fills.iter().any(|known| known.trade_id == fill.trade_id)
        {
            self.fills.push(fill);
        }
        if update.executed < self.executed {
            self.stale_updates += 1;
        }
        self.executed = self.executed.max(update.executed);
        if update.status.is_final() {
            self.end(End::Final(update.status), now);
        } else if self.is_full() {
            self.end(End::Final(OrderStatus::Filled), now);
        } else if !self.is_ended() {
            self.state = LegState::Open;
        }
    }

    /// Ends it, unless it has ended.
    pub fn end(&mut self, end: End, now: Nanos) {
        if !self.is_ended() {
            self.state = LegState::Ended(end);
            self.ended_at = Some(now);
        }
    }

    /// The transport failed. Means nothing once the venue has spoken.
    pub fn unknown(&mut self) {
        if self.state == LegState::Waiting {
            self.state = LegState::Unknown;
            self.was_unknown = true;
        }
    }
}

/// What fills come to; `None` beyond numbers.
pub(crate) fn sum<'a>(mut fills: impl Iterator<Item = &'a Fill>) -> Option<Decimal> {
    fills.try_fold(Decimal::ZERO, |sum, fill| sum.checked_add(fill.qty))
}
