//! What an instrument holds because of its own orders, and the bound that it keeps within.
//!
//! A pair changes nothing: what the maker buys, the taker sells. A stranger who takes the maker, or meets the taker,
//! leaves us with the other half. So before a pair begins it is reckoned that strangers take all of either leg.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use schemas::ids::ClientOrderId;
use schemas::order::Side;
use schemas::units::{Decimal, Rounding, ratio};
use schemas::wire::order_update::OrderUpdate;

use crate::leg::Leg;
use crate::trade::Trade;

/// Orders that are remembered, for what is heard of them late.
const KNOWN_MAX: usize = 16;
/// Digits after the point of a bound that depends on the price.
const DECIMALS: u8 = 18;

/// How large a position may become, long or short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// So much of the base asset.
    Qty(Decimal),
    /// As much as is worth so much of the quote asset, at the price of the next pair.
    Amount(Decimal),
}

/// The position of one symbol in one account, from the fills of our own orders since the process began. Clones are the
/// same one: it outlives a machine that failed.
#[derive(Clone, Debug)]
pub struct Position(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    bound: Option<Bound>,
    net: Decimal,
    known: VecDeque<Known>,
}

/// An order of ours.
#[derive(Clone, Copy, Debug)]
struct Known {
    id: ClientOrderId,
    side: Side,
    executed: Decimal,
    /// What may still trade.
    open: Decimal,
}

impl Default for Position {
    fn default() -> Self {
        Self::new(None)
    }
}

impl Position {
    /// Nothing is held yet. Without a bound it is only counted.
    #[must_use]
    pub fn new(bound: Option<Bound>) -> Self {
        let known = VecDeque::with_capacity(KNOWN_MAX);
        Self(Arc::new(Mutex::new(State { bound, net: Decimal::ZERO, known })))
    }

    /// Whether a pair of that size keeps within the bound, whatever strangers take of it and of what is open.
    #[must_use]
    pub fn admits(&self, qty: Decimal, price: Decimal) -> bool {
        let state = self.lock();
        let Some(most) = state.bound.map(|bound| bound.at(price)) else { return true };
        let [bought, sold] = [Side::Buy, Side::Sell].map(|side| state.open(side)?.checked_add(qty));
        let long = bought.and_then(|bought| state.net.checked_add(bought));
        let short = sold.and_then(|sold| sold.checked_sub(state.net));
        [long, short].into_iter().all(|worst| worst.is_some_and(|worst| worst <= most))
    }

    /// What is known of a pair: both of its legs may trade until it is over.
    pub fn follow(&self, trade: &Trade) {
        let maker = trade.pair.maker_side;
        let whole = trade.pair.order_qty.decimal(trade.pair.order_qty_decimals);
        for (leg, side) in [(&trade.maker, maker), (&trade.taker, maker.opposite())] {
            self.follow_leg(leg, side, whole, trade.is_over());
        }
    }

    /// Something was said of an order, perhaps of one that had been given up.
    pub fn handle_update(&self, update: &OrderUpdate) {
        self.lock().executed(update.client_id, update.executed);
    }

    /// What is held: above zero long, below zero short.
    #[must_use]
    pub fn net(&self) -> Decimal {
        self.lock().net
    }

    fn follow_leg(&self, leg: &Leg, side: Side, whole: Decimal, over: bool) {
        let mut state = self.lock();
        if !state.known.iter().any(|known| known.id == leg.id) {
            if state.known.len() == KNOWN_MAX {
                state.known.pop_front();
            }
            state.known.push_back(Known { id: leg.id, side, executed: Decimal::ZERO, open: whole });
        }
        state.executed(leg.id, leg.executed());
        if let Some(known) = state.known.iter_mut().find(|known| known.id == leg.id) {
            let rest = whole.checked_sub(known.executed).unwrap_or(whole);
            known.open = if over || leg.is_ended() { Decimal::ZERO } else { rest.max(Decimal::ZERO) };
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The executed quantity of an order only grows.
    fn executed(&mut self, id: ClientOrderId, executed: Decimal) {
        let Some(known) = self.known.iter_mut().find(|known| known.id == id) else { return };
        let Some(more) = executed.checked_sub(known.executed).filter(|more| more.is_positive()) else {
            return;
        };
        known.executed = executed;
        let net = match known.side {
            Side::Buy => self.net.checked_add(more),
            Side::Sell => self.net.checked_sub(more),
        };
        self.net = net.unwrap_or(self.net);
    }

    /// What may still trade on one side; `None` beyond numbers.
    fn open(&self, side: Side) -> Option<Decimal> {
        let of_side = self.known.iter().filter(|known| known.side == side);
        of_side.map(|known| known.open).try_fold(Decimal::ZERO, Decimal::checked_add)
    }
}

impl Bound {
    /// The bound in the base asset, at a price.
    fn at(self, price: Decimal) -> Decimal {
        match self {
            Self::Qty(most) => most,
            Self::Amount(amount) => {
                let scales = i64::from(price.scale()) - i64::from(amount.scale()) + i64::from(DECIMALS);
                let exponent = i32::try_from(scales).unwrap_or(0);
                let steps = ratio([amount.mantissa(), 1, 1], price.mantissa(), exponent, Rounding::Down);
                // Beyond numbers is more than there is.
                steps.map_or(Decimal::new(i128::MAX, 0), |steps| Decimal::from_steps(steps, DECIMALS))
            }
        }
    }
}
