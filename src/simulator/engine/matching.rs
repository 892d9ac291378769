//! An incoming order meets the book.

use schemas::order::{OrderStatus, Side};

use super::Engine;
use super::incoming::Incoming;
use super::market::Role;
use super::orders::Slot;
use super::types::{
    EndReason, Event, Fill, Life, Order, OrderKind, Prevented, PreventedLeg, StpMode, Taken, Trade,
};

impl Engine {
    /// Trades the order as far as it goes; what is left rests or expires.
    pub(super) fn run(&mut self, mut incoming: Incoming, events: &mut Vec<Event>) -> Order {
        if !incoming.is_doomed {
            self.cross(&mut incoming, events);
        }
        self.rest_or_expire(&mut incoming.order, events);
        self.report(events);
        incoming.order
    }

    /// Writes what the command changed of positions and balances.
    pub(super) fn report(&mut self, events: &mut Vec<Event>) {
        self.positions.report(&self.markets, events);
        self.balances.report(events);
    }

    /// Trades the order against the other side, level by level, as far as its price reaches.
    fn cross(&mut self, taker: &mut Incoming, events: &mut Vec<Event>) {
        let (symbol, other) = (taker.order.symbol, taker.order.side.opposite());
        while let Some((price, _)) = self.front(taker, other).filter(|(price, _)| taker.wants(*price) > 0) {
            let (before, first) = (self.books[symbol.index()].half(other).quantity_at(price), events.len());
            while let Some((_, slot)) = self.front(taker, other).filter(|(best, _)| *best == price) {
                self.meet(taker, slot, events);
                if taker.wants(price) == 0 {
                    break;
                }
            }
            // An order that expires rather than trade with its owner's changes nothing; one that is trimmed may
            // have told of the level already.
            let told = last_told(&events[first..], price).unwrap_or(before);
            if self.books[symbol.index()].half(other).quantity_at(price) != told {
                self.books[symbol.index()].report(symbol, other, price, events);
            }
        }
    }

    /// The best order of the other side that the taker's price accepts.
    fn front(&self, taker: &Incoming, other: Side) -> Option<(i64, Slot)> {
        let front = self.books[taker.order.symbol.index()].half(other).front();
        front.filter(|(price, _)| taker.order.accepts(*price))
    }

    /// What no one took rests in the book, or expires.
    fn rest_or_expire(&mut self, order: &mut Order, events: &mut Vec<Event>) {
        if order.status.is_final() {
            return;
        }
        let reason = match (order.kind, order.life) {
            (OrderKind::Limit, Life::Gtc | Life::Gtx) => return self.rest(*order, events),
            (OrderKind::Market | OrderKind::Limit, Life::Fok) => EndReason::FokUnfilled,
            (OrderKind::Limit, Life::Ioc) => EndReason::IocRest,
            (OrderKind::Market, Life::Gtc | Life::Gtx | Life::Ioc) => EndReason::NoLiquidity,
        };
        self.refund(order, order.remaining());
        self.end(order, OrderStatus::Expired, reason, events);
    }

    fn rest(&mut self, order: Order, events: &mut Vec<Event>) {
        let market = &self.markets[order.symbol.index()];
        if market.is_perpetual() {
            self.positions.rest(market, &order, order.remaining());
        }
        let slot = self.orders.insert(order, market.is_perpetual());
        let book = &mut self.books[order.symbol.index()];
        book.link(&mut self.orders, slot);
        book.report(order.symbol, order.side, order.price, events);
    }

    /// Tells an order's end.
    pub(super) fn end(
        &mut self,
        order: &mut Order,
        status: OrderStatus,
        reason: EndReason,
        events: &mut Vec<Event>,
    ) {
        order.status = status;
        order.end = Some(reason);
        events.push(Event::Ended { order: *order, execution: self.counters.execution() });
    }

    /// The order at the front of the best level: a trade, or what self-trade prevention makes of it.
    fn meet(&mut self, taker: &mut Incoming, slot: Slot, events: &mut Vec<Event>) {
        let maker = self.orders.order(slot);
        match self.act(&taker.order, &maker) {
            StpMode::None => self.trade(taker, slot, maker, events),
            act @ (StpMode::ExpireTaker
            | StpMode::ExpireMaker
            | StpMode::ExpireBoth
            | StpMode::Decrement
            | StpMode::Transfer) => self.prevent(act, taker, slot, maker, events),
        }
    }

    fn trade(&mut self, taker: &mut Incoming, slot: Slot, mut maker: Order, events: &mut Vec<Event>) {
        let price = maker.price;
        let qty = maker.remaining().min(taker.wants(price));
        let (maker_fee, maker_realised) = self.settle(&maker, Some(Role::Maker), (price, qty));
        self.unrest(&maker, qty);
        let (fee, realised) = self.settle(&taker.order, Some(Role::Taker), (price, qty));
        maker.fill(price, qty);
        self.shrink(slot, &maker, qty);
        let next = self.front(taker, maker.side).map(|(next, _)| next);
        taker.fill(price, qty, next);
        self.counters.trade += 1;
        let maker_execution = self.counters.execution();
        let market = &self.markets[maker.symbol.index()];
        events.push(Event::Traded(Trade {
            id: self.counters.trade,
            symbol: maker.symbol,
            price,
            qty,
            maker: Fill {
                order: maker,
                execution: maker_execution,
                fee_asset: market.receives(maker.side),
                fee: maker_fee,
                realised: maker_realised,
            },
            taker: Fill {
                order: taker.order,
                execution: self.counters.execution(),
                fee_asset: market.receives(taker.order.side),
                fee,
                realised,
            },
        }));
        self.trim(&maker, events);
        self.trim(&taker.order, events);
    }

    /// What an order's side of a trade does to its owner. Answers fee and realised profit. Without a role it is
    /// a transfer, which costs nothing.
    fn settle(&mut self, order: &Order, role: Option<Role>, terms: (i64, i64)) -> (i128, i128) {
        let market = &self.markets[order.symbol.index()];
        if !market.is_perpetual() {
            return (self.balances.settle(market, order, role, terms), 0);
        }
        let realised = self.positions.fill(market, order, terms.0, terms.1);
        (self.balances.settle_margin(market, order, role, terms, realised), realised)
    }

    /// A resting perpetual order weighs on its position by `qty` lots less.
    fn unrest(&mut self, maker: &Order, qty: i64) {
        let market = &self.markets[maker.symbol.index()];
        if market.is_perpetual() {
            self.positions.release(market, maker, qty);
        }
    }

    /// Gives back what an incoming order held for `qty` lots that will not trade.
    fn refund(&mut self, order: &Order, qty: i64) {
        let market = &self.markets[order.symbol.index()];
        if !market.is_perpetual() {
            self.balances.release(market, order, qty);
        }
    }

    /// Gives back what a resting order held for `qty` lots that will not trade.
    pub(super) fn release(&mut self, order: &Order, qty: i64) {
        self.unrest(order, qty);
        self.refund(order, qty);
    }

    /// Writes a resting order back that lost `qty` lots; takes it out if nothing is left.
    fn shrink(&mut self, slot: Slot, order: &Order, qty: i64) {
        let book = &mut self.books[order.symbol.index()];
        if order.remaining() == 0 {
            book.unlink(&mut self.orders, slot);
            self.orders.remove(slot);
        } else {
            self.orders.entry_mut(slot).order = *order;
            book.reduce(order.side, order.price, qty);
        }
    }

    fn prevent(
        &mut self,
        act: StpMode,
        taker: &mut Incoming,
        slot: Slot,
        mut maker: Order,
        events: &mut Vec<Event>,
    ) {
        let price = maker.price;
        let (rests, wants) = (maker.remaining(), taker.wants(price));
        let (off_maker, off_taker) = match act {
            StpMode::None => (None, None),
            StpMode::ExpireTaker => (None, Some(wants)),
            StpMode::ExpireMaker => (Some(rests), None),
            StpMode::ExpireBoth => (Some(rests), Some(wants)),
            StpMode::Decrement | StpMode::Transfer => (Some(rests.min(wants)), Some(rests.min(wants))),
        };
        let is_transfer = act == StpMode::Transfer;
        if let Some(qty) = off_maker {
            self.take_off(&maker, qty, is_transfer.then_some(price));
            self.unrest(&maker, qty);
            maker.prevent(qty);
            self.shrink(slot, &maker, qty);
        }
        if let Some(qty) = off_taker {
            self.take_off(&taker.order, qty, is_transfer.then_some(price));
            taker.prevent(price, qty, matches!(act, StpMode::ExpireTaker | StpMode::ExpireBoth));
        }
        self.counters.prevented += 1;
        events.push(Event::Prevented(Prevented {
            id: self.counters.prevented,
            symbol: maker.symbol,
            mode: taker.order.stp,
            price,
            maker: PreventedLeg { order: maker, taken: self.taken(off_maker) },
            taker: PreventedLeg { order: taker.order, taken: self.taken(off_taker) },
            trade_group: self.common_group(&taker.order, &maker),
            transferred: is_transfer,
        }));
        self.trim(&maker, events);
        self.trim(&taker.order, events);
    }

    /// Self-trade prevention took `qty` lots off an order: what they held goes back, or changes hands.
    fn take_off(&mut self, order: &Order, qty: i64, transfer_at: Option<i64>) {
        match transfer_at {
            Some(price) => drop(self.settle(order, None, (price, qty))),
            None => self.refund(order, qty),
        }
    }

    fn taken(&mut self, qty: Option<i64>) -> Option<Taken> {
        qty.map(|qty| Taken { qty, execution: self.counters.execution() })
    }
}

/// The level's quantity by the last event that tells it.
fn last_told(events: &[Event], at: i64) -> Option<i64> {
    events.iter().rev().find_map(|event| match event {
        Event::Level { price, qty, .. } if *price == at => Some(*qty),
        Event::Level { .. }
        | Event::Accepted { .. }
        | Event::Traded(_)
        | Event::Prevented(_)
        | Event::Amended { .. }
        | Event::Modified { .. }
        | Event::Ended { .. }
        | Event::Position { .. }
        | Event::Balance { .. }
        | Event::Wiped => None,
    })
}
