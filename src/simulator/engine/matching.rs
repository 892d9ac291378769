//! An incoming order meets the book.

use schemas::order::OrderStatus;

use super::Engine;
use super::orders::Slot;
use super::types::{EndReason, Event, Fill, Life, Order, Prevented, PreventedLeg, StpMode, Taken, Trade};

impl Engine {
    /// Trades the order against the other side, level by level, as far as its price reaches.
    pub(super) fn cross(&mut self, taker: &mut Order, events: &mut Vec<Event>) {
        let symbol = taker.symbol.index();
        let other = taker.side.opposite();
        while taker.remaining() > 0 && self.books[symbol].crosses(taker.side, taker.price) {
            let Some((price, _)) = self.books[symbol].half(other).front() else { return };
            while let Some((_, slot)) =
                self.books[symbol].half(other).front().filter(|(best, _)| *best == price)
            {
                self.meet(taker, slot, events);
                if taker.remaining() == 0 {
                    break;
                }
            }
            self.books[symbol].report(taker.symbol, other, price, events);
        }
    }

    /// What no one took rests in the book, or expires.
    pub(super) fn rest_or_expire(&mut self, order: &mut Order, events: &mut Vec<Event>) {
        if order.remaining() == 0 {
            return;
        }
        match order.life {
            Life::Gtc | Life::Gtx => {
                let slot = self.orders.insert(*order);
                let book = &mut self.books[order.symbol.index()];
                book.link(&mut self.orders, slot);
                book.report(order.symbol, order.side, order.price, events);
            }
            Life::Ioc | Life::Fok => {
                order.status = OrderStatus::Expired;
                order.end = Some(EndReason::IocRest);
                self.balances.release(&self.markets[order.symbol.index()], order, order.remaining());
                events.push(Event::Ended { order: *order, execution: self.counters.execution() });
            }
        }
    }

    /// The order at the front of the best level: a trade, or what self-trade prevention makes of it.
    fn meet(&mut self, taker: &mut Order, slot: Slot, events: &mut Vec<Event>) {
        let maker = self.orders.order(slot);
        match taker.stp {
            StpMode::ExpireMaker if maker.account == taker.account => {
                self.expire_maker(taker, slot, maker, events);
            }
            StpMode::None
            | StpMode::ExpireTaker
            | StpMode::ExpireMaker
            | StpMode::ExpireBoth
            | StpMode::Decrement
            | StpMode::Transfer => self.trade(taker, slot, maker, events),
        }
    }

    fn trade(&mut self, taker: &mut Order, slot: Slot, mut maker: Order, events: &mut Vec<Event>) {
        let (price, qty) = (maker.price, maker.remaining().min(taker.remaining()));
        let market = &self.markets[taker.symbol.index()];
        self.balances.settle(market, &maker, price, qty);
        self.balances.settle(market, taker, price, qty);
        maker.fill(price, qty);
        taker.fill(price, qty);
        if maker.remaining() == 0 {
            self.books[maker.symbol.index()].unlink(&mut self.orders, slot);
            self.orders.remove(slot);
        } else {
            self.orders.entry_mut(slot).order = maker;
            self.books[maker.symbol.index()].reduce(maker.side, price, qty);
        }
        self.counters.trade += 1;
        let fee_asset = super::AssetId::new(0);
        let (maker_execution, taker_execution) = (self.counters.execution(), self.counters.execution());
        events.push(Event::Traded(Trade {
            id: self.counters.trade,
            symbol: taker.symbol,
            price,
            qty,
            maker: Fill { order: maker, execution: maker_execution, fee_asset, fee: 0, realised: 0 },
            taker: Fill { order: *taker, execution: taker_execution, fee_asset, fee: 0, realised: 0 },
        }));
    }

    fn expire_maker(&mut self, taker: &Order, slot: Slot, mut maker: Order, events: &mut Vec<Event>) {
        let qty = maker.remaining();
        self.books[maker.symbol.index()].unlink(&mut self.orders, slot);
        self.orders.remove(slot);
        self.balances.release(&self.markets[maker.symbol.index()], &maker, qty);
        maker.prevented += qty;
        maker.status = OrderStatus::ExpiredInMatch;
        maker.end = Some(EndReason::SelfTrade);
        self.counters.prevented += 1;
        let execution = self.counters.execution();
        events.push(Event::Prevented(Prevented {
            id: self.counters.prevented,
            symbol: maker.symbol,
            mode: taker.stp,
            price: maker.price,
            maker: PreventedLeg { order: maker, taken: Some(Taken { qty, execution }) },
            taker: PreventedLeg { order: *taker, taken: None },
            trade_group: None,
            transferred: false,
        }));
    }
}
