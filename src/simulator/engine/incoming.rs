//! An order on its way in, and how far it would get.

use schemas::order::OrderStatus;

use super::Engine;
use super::market::tick_lots;
use super::orders::NONE;
use super::types::{EndReason, Order, StpMode};

/// An order that meets the book.
#[derive(Debug)]
pub(super) struct Incoming {
    pub(super) order: Order,
    /// What is left of its quote quantity, in tick-lots, where it has one.
    budget: Option<i128>,
    /// A FOK order that cannot be filled: it must not touch the book.
    pub(super) is_doomed: bool,
    step: i64,
}

impl Incoming {
    pub(super) const fn new(order: Order, step: i64) -> Self {
        Self { budget: order.quote_qty, order, is_doomed: false, step }
    }

    /// Lots that it would take at that price.
    pub(super) fn wants(&self, price: i64) -> i64 {
        match self.budget {
            None => self.order.remaining(),
            Some(budget) => affordable(budget, price, self.step),
        }
    }

    /// It traded `qty` lots at `price`. `next` is the best price that is left.
    pub(super) fn fill(&mut self, price: i64, qty: i64, next: Option<i64>) {
        self.spend(price, qty);
        self.order.fill(price, qty);
        // What is left of a quote quantity may be too little for a lot where it goes on.
        if self.wants(next.unwrap_or(price)) > 0 {
            self.order.status = OrderStatus::PartiallyFilled;
        }
    }

    /// Self-trade prevention took `qty` lots off it.
    pub(super) fn prevent(&mut self, price: i64, qty: i64, is_end: bool) {
        self.spend(price, qty);
        self.order.prevented += qty;
        if is_end || self.wants(price) == 0 {
            self.budget = self.budget.map(|_| 0);
            self.order.status = OrderStatus::ExpiredInMatch;
            self.order.end = Some(EndReason::SelfTrade);
        }
    }

    /// An order by quote quantity has no quantity but what it came to.
    fn spend(&mut self, price: i64, qty: i64) {
        if let Some(budget) = &mut self.budget {
            *budget -= tick_lots(price, qty);
            self.order.qty += qty;
        }
    }
}

fn affordable(budget: i128, price: i64, step: i64) -> i64 {
    let lots = i64::try_from(budget / i128::from(price)).unwrap_or(i64::MAX);
    lots - lots % step
}

/// How far an order would get in the book as it stands.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Reach {
    /// Lots that would trade.
    pub(super) lots: i64,
    /// Price times quantity of all that would change hands, in tick-lots.
    pub(super) moved: i128,
    /// Lots that would change hands.
    pub(super) moved_lots: i64,
}

impl Engine {
    /// Walks the book as the order would, self-trade prevention and all, and changes nothing. It does not count on
    /// closing orders whose owner may have nothing left to close by then, so a FOK order never fills in part.
    pub(super) fn reach(&self, order: &Order) -> Reach {
        let mut taker = Incoming::new(*order, self.markets[order.symbol.index()].step);
        let mut reach = Reach::default();
        let half = self.books[order.symbol.index()].half(order.side.opposite());
        for (price, first) in half.queues().take_while(|(price, _)| order.accepts(*price)) {
            let mut slot = first;
            while slot != NONE {
                let entry = self.orders.entry(slot);
                slot = entry.later;
                let qty = taker.wants(price).min(entry.order.remaining());
                if qty == 0 {
                    return reach;
                }
                match self.act(order, &entry.order) {
                    StpMode::None if self.may_vanish(&entry.order) => continue,
                    StpMode::None => {
                        reach.lots += qty;
                        reach.moves(price, qty);
                    }
                    StpMode::Transfer => reach.moves(price, qty),
                    StpMode::Decrement => {}
                    StpMode::ExpireMaker => continue,
                    StpMode::ExpireTaker | StpMode::ExpireBoth => return reach,
                }
                taker.fill(price, qty, None);
            }
        }
        reach
    }

    /// A closing order vanishes on the way if its owner's other orders of that side are filled first.
    fn may_vanish(&self, maker: &Order) -> bool {
        let market = &self.markets[maker.symbol.index()];
        let exposure = self.positions.exposure(maker.account, market, maker.position);
        maker.closes() && exposure.is_some_and(|exposure| exposure.pending(maker.side).lots > 0)
    }

    /// What self-trade prevention does where the two meet; `None` = they trade.
    pub(super) fn act(&self, taker: &Order, maker: &Order) -> StpMode {
        if taker.stp == StpMode::None {
            return StpMode::None;
        }
        let is_same = taker.account == maker.account;
        if !is_same && self.common_group(taker, maker).is_none() {
            return StpMode::None;
        }
        match taker.stp {
            StpMode::Transfer if is_same || maker.stp != StpMode::Transfer => StpMode::Decrement,
            mode @ (StpMode::None
            | StpMode::ExpireTaker
            | StpMode::ExpireMaker
            | StpMode::ExpireBoth
            | StpMode::Decrement
            | StpMode::Transfer) => mode,
        }
    }

    /// The trade group of both accounts, if they are in one.
    pub(super) fn common_group(&self, one: &Order, other: &Order) -> Option<u32> {
        let group = self.accounts[one.account.index()].group?;
        (self.accounts[other.account.index()].group == Some(group)).then_some(group)
    }
}

impl Reach {
    fn moves(&mut self, price: i64, qty: i64) {
        self.moved += tick_lots(price, qty);
        self.moved_lots += qty;
    }
}
