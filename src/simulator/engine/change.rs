//! What happens to open orders other than by a trade: cancelled, expired, amended, modified.

use schemas::order::{OrderStatus, Side};

use super::Engine;
use super::incoming::Incoming;
use super::orders::Slot;
use super::types::{ClientId, EndReason, Event, Life, Order, OrderId, Reject};

impl Engine {
    /// Takes an open order out of its book, for its owner. `None` if no open order has that number.
    pub fn cancel(&mut self, id: OrderId, events: &mut Vec<Event>) -> Option<Order> {
        self.remove(id, OrderStatus::Canceled, EndReason::Canceled, events)
    }

    /// Takes an open order out of its book, for the venue: it expires. `None` if no open order has that number.
    pub fn expire(&mut self, id: OrderId, events: &mut Vec<Event>) -> Option<Order> {
        self.remove(id, OrderStatus::Expired, EndReason::Venue, events)
    }

    /// Makes an open order smaller; it keeps its place. Answers the order as it stands afterwards.
    ///
    /// # Errors
    /// Unknown order, taken client id, or a quantity that is not below the old one and above what is gone.
    pub fn amend(
        &mut self,
        id: OrderId,
        qty: i64,
        client: Option<ClientId>,
        now_ms: i64,
        events: &mut Vec<Event>,
    ) -> Result<Order, Reject> {
        let slot = self.orders.slot(id).ok_or(Reject::UnknownOrder)?;
        let mut order = self.orders.order(slot);
        let less = order.qty.checked_sub(qty).ok_or(Reject::AmendQty)?;
        if less <= 0 || less >= order.remaining() {
            return Err(Reject::AmendQty);
        }
        let client_before = order.client;
        if let Some(client) = client.filter(|client| *client != client_before) {
            let is_perpetual = self.markets[order.symbol.index()].is_perpetual();
            if self.orders.slot_of_client(order.account, is_perpetual, client).is_some() {
                return Err(Reject::DuplicateClientId);
            }
            self.orders.rename(slot, client);
            order.client = client;
        }
        self.release(&order, less);
        order.qty = qty;
        order.amended(now_ms);
        self.orders.entry_mut(slot).order = order;
        let book = &mut self.books[order.symbol.index()];
        book.reduce(order.side, order.price, less);
        events.push(Event::Amended { order, client_before, execution: self.counters.execution() });
        book.report(order.symbol, order.side, order.price, events);
        self.report(events);
        Ok(order)
    }

    /// Gives an open order another price, quantity or both. It goes to the end of its queue, or trades. Modified
    /// to no more than what is gone, or post-only to a price at which it would trade, it is cancelled, as the
    /// public venue does it. Answers the order as it stands afterwards.
    ///
    /// # Errors
    /// Unknown order, nothing new, or more than its owner can pay for; then it stays as it was.
    pub fn modify(
        &mut self,
        id: OrderId,
        price: i64,
        qty: i64,
        now_ms: i64,
        events: &mut Vec<Event>,
    ) -> Result<Order, Reject> {
        let slot = self.orders.slot(id).ok_or(Reject::UnknownOrder)?;
        let before = self.orders.order(slot);
        if price <= 0 || qty <= 0 {
            return Err(Reject::NotPositive);
        }
        if (price, qty) == (before.price, before.qty) {
            return Err(Reject::NoChange);
        }
        let is_taker =
            before.life == Life::Gtx && self.books[before.symbol.index()].crosses(before.side, price);
        if is_taker || qty <= before.filled + before.prevented {
            let ended = self.remove(id, OrderStatus::Canceled, EndReason::Modified, events);
            return Ok(ended.expect("it was found above"));
        }
        let mut after = Order { price, qty, ..before };
        after.amended(now_ms);
        self.refund_for(&before, &after)?;
        self.take_out(slot, &before);
        events.push(Event::Modified { order: after, execution: self.counters.execution() });
        self.books[before.symbol.index()].report(before.symbol, before.side, before.price, events);
        let step = self.markets[after.symbol.index()].step;
        Ok(self.run(Incoming::new(after, step), events))
    }

    /// Gives back what a resting order holds, and holds what it needs after a change; if its owner cannot pay for
    /// that, everything is as before.
    fn refund_for(&mut self, before: &Order, after: &Order) -> Result<(), Reject> {
        self.release(before, before.remaining());
        self.fund(after, None).inspect_err(|_| self.hold_again(before))
    }

    fn hold_again(&mut self, order: &Order) {
        let market = &self.markets[order.symbol.index()];
        if market.is_perpetual() {
            self.positions.rest(market, order, order.remaining());
        } else {
            self.fund(order, None).expect("it was released just now");
        }
        self.balances.forget_touched();
    }

    fn remove(
        &mut self,
        id: OrderId,
        status: OrderStatus,
        reason: EndReason,
        events: &mut Vec<Event>,
    ) -> Option<Order> {
        let slot = self.orders.slot(id)?;
        let order = self.drop_order(slot, status, reason, events);
        self.report(events);
        Some(order)
    }

    fn drop_order(
        &mut self,
        slot: Slot,
        status: OrderStatus,
        reason: EndReason,
        events: &mut Vec<Event>,
    ) -> Order {
        let mut order = self.orders.order(slot);
        self.take_out(slot, &order);
        self.release(&order, order.remaining());
        self.end(&mut order, status, reason, events);
        self.books[order.symbol.index()].report(order.symbol, order.side, order.price, events);
        order
    }

    fn take_out(&mut self, slot: Slot, order: &Order) {
        self.books[order.symbol.index()].unlink(&mut self.orders, slot);
        self.orders.remove(slot);
    }

    /// After a fill: orders that only close, and have nothing left to close, expire, the newest first.
    pub(super) fn trim(&mut self, filled: &Order, events: &mut Vec<Event>) {
        for side in [Side::Buy, Side::Sell] {
            while self.is_overclosed(filled, side) {
                let newest = self.orders.newest_closing(filled.account, filled.symbol, side);
                let slot = newest.expect("its lots are counted as pending");
                self.drop_order(slot, OrderStatus::Expired, EndReason::ReduceOnly, events);
            }
        }
    }

    fn is_overclosed(&self, filled: &Order, side: Side) -> bool {
        let market = &self.markets[filled.symbol.index()];
        let exposure = self.positions.exposure(filled.account, market, filled.position);
        exposure.is_some_and(|exposure| exposure.pending(side).closing > exposure.closable(side))
    }
}
