//! One order of a pair, and what is known of it. No end without [`Evidence`].

use schemas::ids::ClientOrderId;
use schemas::order::Side;
use schemas::units::{Decimal, Rounding};
use schemas::wire::order_update::{Fill, OrderUpdate, Terms};

use crate::alarm::Alarm;
use crate::event::{Denial, OpenOrder, OrderReport};
pub use crate::evidence::End;
use crate::evidence::Evidence;
use crate::time::Nanos;

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
    Ended(Evidence),
}

/// What is known of the outcome of placing an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placing {
    /// The venue took the order.
    Confirmed,
    /// The venue did not take it, and this proves it.
    Refused(Evidence),
    /// It never left.
    DeniedLocally(Denial),
    /// It left, and nothing is proved: the venue is asked until something is.
    Unknown,
}

/// One order of a pair.
#[derive(Clone, Debug)]
pub struct Leg {
    /// Our id.
    pub id: ClientOrderId,
    /// The venue's id, once known.
    pub venue_id: Option<u64>,
    /// The quantity asked for, in steps; 0 where it is not known.
    pub qty_steps: i128,
    /// Digits after the quantity's point.
    pub qty_decimals: u8,
    state: LegState,
    /// Side and limit price that were sent, where known.
    expected: Option<(Side, Decimal)>,
    executed: Decimal,
    fills: Vec<Fill>,
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
    /// Statements that went back behind what was known, or contradicted it (`ORD-008`).
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
            expected: None,
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

    /// An order that left before `now`, by an earlier run or a pair that is over: it may exist.
    #[must_use]
    pub fn in_doubt(id: ClientOrderId, now: Nanos) -> Self {
        Self { state: LegState::Unknown, was_unknown: true, sent_at: Some(now), ..Self::new(id) }
    }

    /// On that side, at that price the venue must say that it is.
    pub const fn expect(&mut self, side: Side, price: Decimal) {
        self.expected = Some((side, price));
    }

    /// Where it stands.
    #[must_use]
    pub const fn state(&self) -> LegState {
        self.state
    }

    /// What is known of its placing; `None` while it has not been asked for.
    #[must_use]
    pub const fn placing(&self) -> Option<Placing> {
        match self.state {
            LegState::Idle => None,
            LegState::Waiting | LegState::Unknown => Some(Placing::Unknown),
            LegState::Open => Some(Placing::Confirmed),
            LegState::Ended(evidence) => Some(match evidence.end() {
                End::Final(_) | End::Gone => Placing::Confirmed,
                End::Refused(_) | End::NeverArrived => Placing::Refused(evidence),
                End::Denied(why) => Placing::DeniedLocally(why),
            }),
        }
    }

    /// How it ended, if it has.
    #[must_use]
    pub const fn end(&self) -> Option<End> {
        match self.state {
            LegState::Ended(evidence) => Some(evidence.end()),
            LegState::Idle | LegState::Waiting | LegState::Unknown | LegState::Open => None,
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

    /// Cumulative executed quantity, as the venue says; it only grows.
    #[must_use]
    pub const fn executed(&self) -> Decimal {
        self.executed
    }

    /// Its fills, each trade id once.
    #[must_use]
    pub fn fills(&self) -> &[Fill] {
        &self.fills
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

    /// It is asked for: whoever calls this sends it. `false` if it has been before: a place is never sent twice (P2).
    #[must_use]
    pub fn ask(&mut self) -> bool {
        let first = self.state == LegState::Idle;
        if first {
            self.state = LegState::Waiting;
        }
        first
    }

    /// Takes in a report about it, and says what in it cannot be. Reports may repeat and overtake each other: the
    /// executed quantity only grows, an end stays, and a fill counts once.
    pub fn handle(&mut self, report: &OrderReport, now: Nanos) -> Option<Alarm> {
        let evidence = Evidence::of(report, self.qty(), self.acknowledged_at.is_some());
        let alarm = match report {
            OrderReport::Sent { at, .. } => {
                self.sent_at = Some(*at);
                None
            }
            OrderReport::Update(update) => self.merge(update, now),
            OrderReport::Unknown { .. } => {
                self.unknown();
                None
            }
            OrderReport::Rejected { .. }
            | OrderReport::Denied { .. }
            | OrderReport::CancelFailed { .. }
            | OrderReport::QueryFailed { .. }
            | OrderReport::OpenOrders(_)
            | OrderReport::ListFailed
            | OrderReport::Alarm(_) => None,
        };
        if let Some(evidence) = evidence.filter(|_| alarm.is_none()) {
            self.close(evidence, now);
        }
        alarm
    }

    /// A list of open orders holds it.
    pub fn listed(&mut self, order: &OpenOrder, now: Nanos) {
        self.venue_id = Some(order.venue_id);
        self.acknowledged_at.get_or_insert(now);
        if !self.is_ended() {
            self.state = LegState::Open;
        }
    }

    /// Ends it, unless it has ended.
    pub fn close(&mut self, evidence: Evidence, now: Nanos) {
        if !self.is_ended() {
            self.state = LegState::Ended(evidence);
            self.ended_at = Some(now);
        }
    }

    fn merge(&mut self, update: &OrderUpdate, now: Nanos) -> Option<Alarm> {
        if let Some(alarm) = self.contradiction(update) {
            self.unknown();
            return Some(alarm);
        }
        self.venue_id = Some(update.venue_order_id);
        self.acknowledged_at.get_or_insert(now);
        self.prevented |= update.prevented;
        if let Some(fill) = update.last_fill
            && !self.fills.iter().any(|known| known.trade_id == fill.trade_id)
        {
            self.fills.push(fill);
        }
        self.stale_updates += u32::from(self.goes_back(update));
        self.executed = self.executed.max(update.executed);
        if !self.is_ended() {
            self.state = LegState::Open;
        }
        None
    }

    /// What a statement says that cannot be of what was sent: it proves nothing.
    fn contradiction(&self, update: &OrderUpdate) -> Option<Alarm> {
        if self.is_other_than(update.terms) {
            return Some(Alarm::Mismatch);
        }
        let most = Some(self.qty()).filter(|qty| qty.is_positive());
        let beyond = |qty: Decimal| qty < Decimal::ZERO || most.is_some_and(|most| qty > most);
        let fill = |fill: Fill| beyond(fill.qty) || self.is_beyond_limit(fill.price);
        (beyond(update.executed) || update.last_fill.is_some_and(fill)).then_some(Alarm::ImpossibleFill)
    }

    /// Another side, price or quantity than was sent (`ORD-005`).
    fn is_other_than(&self, terms: Terms) -> bool {
        let differs = |sent: Decimal, said: Option<Decimal>| said.is_some_and(|said| said != sent);
        (self.qty_steps > 0 && differs(self.qty(), terms.qty))
            || self.expected.is_some_and(|(side, price)| {
                terms.side.is_some_and(|said| said != side) || differs(price, terms.price)
            })
    }

    /// A worse price than the limit.
    fn is_beyond_limit(&self, traded: Decimal) -> bool {
        self.expected.is_some_and(|(side, limit)| match side {
            Side::Buy => traded > limit,
            Side::Sell => traded < limit,
        })
    }

    /// Less has traded than before, or what is over is open again.
    fn goes_back(&self, update: &OrderUpdate) -> bool {
        update.executed < self.executed || (self.is_ended() && !update.status.is_final())
    }

    /// The transport failed. Means nothing once the venue has spoken.
    fn unknown(&mut self) {
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
