//! What proves that an order is over; nothing else ends one (P14).
//!
//! There are four proofs: the venue named a final status; the venue refused the order; the order never left; or the
//! venue denied all knowledge of it, again and again, at two of its doors, after the last moment at which it could
//! arrive. A transport error, a timeout, an answer that cannot be read and the venue's own doubts prove nothing.
//!
//! A proof is made here alone. Nobody can write one down:
//!
//! ```compile_fail,E0423
//! use pipeline::evidence::{End, Evidence};
//! let forged = Evidence(End::Gone);
//! ```
//!
//! nor end an order without one:
//!
//! ```compile_fail,E0308
//! use pipeline::evidence::End;
//! use pipeline::leg::LegState;
//! let forged = LegState::Ended(End::NeverArrived);
//! ```
//!
//! ```compile_fail,E0616
//! fn give_up(leg: &mut pipeline::leg::Leg, state: pipeline::leg::LegState) {
//!     leg.state = state;
//! }
//! ```

use std::collections::VecDeque;
use std::time::Duration;

use schemas::order::OrderStatus;
use schemas::units::Decimal;
use schemas::wire::order_update::OrderUpdate;

use crate::event::{Denial, OrderReport};
use crate::time::Nanos;

/// Answers of "no such order" that together are a proof, if they are spread far enough.
const DENIALS_MIN: u32 = 3;
/// How much longer than an order's recvWindow the venue must go on denying it.
const DENIED_BEYOND_WINDOW: Duration = Duration::from_secs(2);
/// Questions that may be on their way; of more than these the oldest are remembered.
const ASKED_MAX: usize = 8;

/// How an order ended.
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

/// The proof that an order is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Evidence(End);

impl Evidence {
    /// What a report proves of an order of that quantity, if it proves its end. What was `acknowledged` cannot be
    /// refused any more.
    #[must_use]
    pub fn of(report: &OrderReport, ordered: Decimal, acknowledged: bool) -> Option<Self> {
        match report {
            OrderReport::Update(update) => Self::stated(update, ordered),
            OrderReport::Rejected { code, .. } if !acknowledged => Some(Self(End::Refused(*code))),
            OrderReport::Denied { why, .. } if !acknowledged => Some(Self(End::Denied(*why))),
            OrderReport::Rejected { .. }
            | OrderReport::Denied { .. }
            | OrderReport::Sent { .. }
            | OrderReport::Unknown { .. }
            | OrderReport::CancelFailed { .. }
            | OrderReport::QueryFailed { .. }
            | OrderReport::OpenOrders(_)
            | OrderReport::ListFailed
            | OrderReport::Alarm(_) => None,
        }
    }

    /// A statement proves the end if its status is final, or if nothing is left to trade.
    fn stated(update: &OrderUpdate, ordered: Decimal) -> Option<Self> {
        if update.status.is_final() {
            return Some(Self(End::Final(update.status)));
        }
        let is_full = ordered.is_positive() && update.executed >= ordered;
        is_full.then_some(Self(End::Final(OrderStatus::Filled)))
    }

    /// How the order ended.
    #[must_use]
    pub const fn end(&self) -> End {
        self.0
    }
}

/// Gathers a venue's denials of one order until they prove that there is none.
///
/// They count if they were asked for after the last moment at which the order could arrive: at least three of the
/// question about the order, over its recvWindow and 2 s more, and a list of open orders that does not hold it.
#[derive(Clone, Copy, Debug)]
pub struct Absence {
    from: Nanos,
    over: Duration,
    acknowledged: bool,
    denials: u32,
    first: Nanos,
    last: Nanos,
    unlisted: bool,
}

impl Absence {
    /// Of an order that cannot arrive after `from`, or that has been `acknowledged` before.
    #[must_use]
    pub fn new(from: Nanos, recv_window: Duration, acknowledged: bool) -> Self {
        let over = recv_window + DENIED_BEYOND_WINDOW;
        Self { from, over, acknowledged, denials: 0, first: from, last: from, unlisted: false }
    }

    /// The venue answered a question of that moment with "no such order".
    pub fn denied(&mut self, asked_at: Nanos) {
        if asked_at < self.from {
            return;
        }
        if self.denials == 0 {
            self.first = asked_at;
        }
        self.denials += 1;
        self.last = self.last.max(asked_at);
    }

    /// A list of open orders, asked for at that moment, does not hold it.
    pub fn unlisted(&mut self, asked_at: Nanos) {
        self.unlisted |= asked_at >= self.from;
    }

    /// Whether a list would bring the proof nearer now: most orders are found by the first question, so it is not asked
    /// for before that is denied.
    #[must_use]
    pub fn wants_list(&self, now: Nanos) -> bool {
        self.denials > 0 && !self.unlisted && now >= self.from
    }

    /// From when on denials count.
    #[must_use]
    pub const fn from(&self) -> Nanos {
        self.from
    }

    /// How far apart the first and the last denial must be.
    #[must_use]
    pub const fn over(&self) -> Duration {
        self.over
    }

    /// The proof, once it is one.
    #[must_use]
    pub fn evidence(&self) -> Option<Evidence> {
        let denied = self.denials >= DENIALS_MIN && self.last.since(self.first) >= self.over;
        let end = if self.acknowledged { End::Gone } else { End::NeverArrived };
        (denied && self.unlisted).then_some(Evidence(end))
    }
}

/// When questions were asked that have not been answered. An answer counts for the oldest of them: one that was
/// overtaken proves less than it could, never more.
#[derive(Clone, Debug, Default)]
pub struct Asked(VecDeque<Nanos>);

impl Asked {
    /// A question leaves.
    pub fn ask(&mut self, now: Nanos) {
        if self.0.len() < ASKED_MAX {
            self.0.push_back(now);
        }
    }

    /// An answer came, or the word that none will: when it was asked for, if it was.
    pub fn answered(&mut self) -> Option<Nanos> {
        self.0.pop_front()
    }

    /// When the latest question that has no answer was asked.
    #[must_use]
    pub fn latest(&self) -> Option<Nanos> {
        self.0.back().copied()
    }
}
