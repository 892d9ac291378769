//! The probe: one pair of the smallest quantity, before the first pair that re-creates a trade. It shows that the venue
//! lets this account trade with itself, whatever the venue says of itself. Pure.
//!
//! It is priced by the book alone, so no tick is spent on it, nor a draw, nor a number of a pair: orders and decisions
//! are those of a run without it.

use std::time::Duration;

use schemas::config::{RuleParams, TermType};
use schemas::order::Side;
use schemas::units::{Decimal, Price, Qty, Rounding, ratio};

use crate::book::Top;
use crate::leg::End;
use crate::limits::BEYOND;
use crate::rules::{Pair, RuleSet, Rules};
use crate::sides;
use crate::time::Nanos;
use crate::trade::{Outcome, Trade};

/// How soon a book that leaves no room is looked at again.
const LOOK_AGAIN: Duration = Duration::from_millis(20);
/// The pause after a probe that failed; doubles up to the longest.
const PAUSE: Duration = Duration::from_secs(1);
const PAUSE_LONGEST: Duration = Duration::from_secs(15);
/// How long a price of our own is waited for. Where bid and ask leave none, the first pair will tell.
const ROOM_PATIENCE: Duration = Duration::from_secs(20);

/// What a venue asks of the smallest order, beside what the configuration asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Smallest {
    /// The least quantity, base asset; zero = none.
    pub qty: Decimal,
    /// The least price times quantity; zero = none.
    pub notional: Decimal,
}

impl Default for Smallest {
    fn default() -> Self {
        Self { qty: Decimal::ZERO, notional: Decimal::ZERO }
    }
}

/// Where an instrument's probe stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ProbeState {
    /// None is wanted.
    #[default]
    Off,
    /// Still to be sent.
    Waits,
    /// Still to be sent: there is no price between bid and ask that is nobody else's.
    NoRoom,
    /// Still to be sent: the smallest order is larger than Max Amt Per Order.
    TooLarge,
    /// On its way.
    Sent,
    /// The venue refused a leg: its code.
    Refused(i64),
    /// Self-trade prevention took a leg.
    Prevented,
    /// It came out otherwise than matched.
    Missed(Outcome),
    /// It matched.
    Passed,
    /// There never was a price for it.
    Unproved,
}

impl ProbeState {
    /// Nothing has to wait for it any more.
    #[must_use]
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Off | Self::Passed | Self::Unproved)
    }

    /// Why it is not over; none = it is.
    #[must_use]
    pub fn why(self) -> Option<String> {
        Some(match self {
            Self::Off | Self::Passed | Self::Unproved => return None,
            Self::Waits => "the probe pair is still to be sent".to_owned(),
            Self::NoRoom => "no price between bid and ask for the probe pair".to_owned(),
            Self::TooLarge => "the venue's smallest order is larger than Max Amt Per Order".to_owned(),
            Self::Sent => "the probe pair is on its way".to_owned(),
            Self::Refused(code) => format!("the venue refused the probe pair ({code})"),
            Self::Prevented => "self-trade prevention took the probe pair".to_owned(),
            Self::Missed(outcome) => format!("the probe pair did not match ({})", outcome.name()),
        })
    }
}

/// The probe of one instrument.
#[derive(Clone, Copy, Debug, Default)]
pub struct Probe {
    state: ProbeState,
    smallest: Smallest,
    /// When the next one may be sent.
    next_at: Nanos,
    /// Since when there has been a book and no price.
    no_room_since: Option<Nanos>,
    failures: u32,
    sent: u64,
}

impl Probe {
    /// One that is wanted.
    #[must_use]
    pub fn wanted(smallest: Smallest) -> Self {
        Self { state: ProbeState::Waits, smallest, ..Self::default() }
    }

    /// Where it stands.
    #[must_use]
    pub const fn state(&self) -> ProbeState {
        self.state
    }

    /// When to look again, if it is still to be sent.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Nanos> {
        (!self.state.is_over() && self.state != ProbeState::Sent).then_some(self.next_at)
    }

    /// The pair to send now, if one is due and the book has room for it, and how many were sent before. Where the book
    /// is empty any price will do: that of the reference market, once it is known.
    pub fn poll_pair(
        &mut self,
        rules: &Rules,
        top: Option<&Top>,
        reference: Option<Decimal>,
        now: Nanos,
    ) -> Option<(Pair, u64)> {
        if self.poll_timeout().is_none_or(|at| now < at) {
            return None;
        }
        self.next_at = now + LOOK_AGAIN;
        let top = top?;
        let Some(price) = price(rules, top, reference) else {
            self.no_room(now);
            return None;
        };
        self.no_room_since = None;
        let Some(pair) = pair(rules, self.smallest, price) else {
            self.state = ProbeState::TooLarge;
            return None;
        };
        let number = self.sent;
        self.sent += 1;
        self.state = ProbeState::Sent;
        Some((pair, number))
    }

    /// What became of the one that was sent.
    pub fn handle_end(&mut self, trade: &Trade, now: Nanos) {
        self.state = verdict(trade);
        if self.state.is_over() {
            return;
        }
        let pause = PAUSE.saturating_mul(1 << self.failures.min(4)).min(PAUSE_LONGEST);
        self.failures = self.failures.saturating_add(1);
        self.next_at = now + pause;
    }

    /// It was cut off before its end.
    pub fn handle_lost(&mut self) {
        if self.state == ProbeState::Sent {
            self.state = ProbeState::Waits;
        }
    }

    fn no_room(&mut self, now: Nanos) {
        let since = *self.no_room_since.get_or_insert(now);
        let gave_up = now.since(since) >= ROOM_PATIENCE;
        self.state = if gave_up { ProbeState::Unproved } else { ProbeState::NoRoom };
    }
}

fn verdict(trade: &Trade) -> ProbeState {
    let refusal = [&trade.maker, &trade.taker].into_iter().find_map(|leg| match leg.end() {
        Some(End::Refused(code)) => Some(code),
        Some(End::Final(_) | End::Denied(_) | End::NeverArrived | End::Gone) | None => None,
    });
    match (trade.outcome(), refusal) {
        (Outcome::Matched, _) => ProbeState::Passed,
        (Outcome::Prevented, _) => ProbeState::Prevented,
        (
            Outcome::MakerRefused
            | Outcome::TakerMissed
            | Outcome::Sniped
            | Outcome::Partial
            | Outcome::UnknownResolved,
            Some(code),
        ) => ProbeState::Refused(code),
        (outcome, None) => ProbeState::Missed(outcome),
    }
}

/// A price that is nobody else's: strictly between bid and ask, beside the only side there is, or any.
fn price(rules: &Rules, top: &Top, reference: Option<Decimal>) -> Option<Price> {
    let decimals = rules.params.price_decimals;
    let bid = top.bid.and_then(|level| Price::round(level.price, decimals, Rounding::Up));
    let ask = top.ask.and_then(|level| Price::round(level.price, decimals, Rounding::Down));
    let price = match (bid, ask) {
        (Some(bid), Some(ask)) => Some(bid.plus(1)).filter(|price| *price < ask),
        (Some(bid), None) => Some(bid.plus(1)),
        (None, Some(ask)) => Some(ask.plus(-1)),
        (None, None) => reference.and_then(|price| Price::round(price, decimals, Rounding::HalfEven)),
    };
    price.filter(|price| price.steps() > 0)
}

/// The smallest pair at that price; none where it would be worth more than an order may be.
fn pair(rules: &Rules, smallest: Smallest, price: Price) -> Option<Pair> {
    let params = &rules.params;
    let limits = rules.limits.at(params, price);
    let asked = Qty::round(smallest.qty, params.qty_decimals, Rounding::Up).unwrap_or(BEYOND);
    let venues = RuleParams { min_amount: smallest.notional, ..params.clone() };
    let worth = rules.limits.at(&venues, price).min_amount;
    // A venue may judge by a price of its own, a little below ours.
    let worth = ratio([worth.steps(), 11, 1], 10, 0, Rounding::Up).map_or(BEYOND, Qty::from_steps);
    let qty = rules.limits.least.max(limits.min_amount).max(asked).max(worth);
    if qty > limits.most {
        return None;
    }
    let (order_qty, order_qty_decimals, qty) = contracts(params, qty)?;
    let maker_side = Side::Buy;
    Some(Pair {
        price,
        order_qty,
        order_qty_decimals,
        qty,
        maker_side,
        maker_position: sides::position(rules, maker_side),
        taker_position: sides::position(rules, maker_side.opposite()),
        rules: RuleSet::default(),
    })
}

/// What goes on the wire: lots, or the fewest contracts that hold as much; and the lots again.
fn contracts(params: &RuleParams, qty: Qty) -> Option<(Qty, u8, Qty)> {
    match params.term {
        TermType::Spot => Some((qty, params.qty_decimals, qty)),
        TermType::Future => {
            let scale = i32::try_from(params.contract_size.scale()).ok()?;
            let exponent = scale - i32::from(params.qty_decimals);
            let fewest = ratio([qty.steps(), 1, 1], params.contract_size.mantissa(), exponent, Rounding::Up)?;
            Some((Qty::from_steps(fewest.max(1)), 0, qty))
        }
    }
}
