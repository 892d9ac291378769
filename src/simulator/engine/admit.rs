//! What may come in: checked whole before anything changes.

use schemas::order::PositionSide;

use super::Engine;
use super::incoming::{Incoming, Reach};
use super::market::{Market, tick_lots};
use super::types::{Life, NewOrder, Order, OrderId, OrderKind, Reject};

impl Engine {
    /// Refuses what may not come in, and holds what the order may spend.
    pub(super) fn admit(&mut self, new: &NewOrder) -> Result<Incoming, Reject> {
        self.knows(Some(new.account), None, Some(new.symbol))?;
        let market = &self.markets[new.symbol.index()];
        let is_perpetual = market.is_perpetual();
        check_numbers(new, market)?;
        check_position(new, market, self.accounts[new.account.index()].is_hedged)?;
        if self.orders.slot_of_client(new.account, is_perpetual, new.client).is_some() {
            return Err(Reject::DuplicateClientId);
        }
        if new.life == Life::Gtx && self.books[new.symbol.index()].crosses(new.side, new.price) {
            return Err(Reject::WouldMatch);
        }
        let mut incoming = Incoming::new(Order::open(OrderId(self.counters.order + 1), new), market.step);
        let is_walked = new.kind == OrderKind::Market || new.life == Life::Fok;
        let reach = is_walked.then(|| self.reach(&incoming.order));
        incoming.is_doomed = new.life == Life::Fok && reach.is_some_and(|reach| reach.lots < new.qty);
        if incoming.is_doomed && is_perpetual {
            return Err(Reject::CannotFill);
        }
        self.fund(&incoming.order, reach)?;
        Ok(incoming)
    }

    /// Makes sure that the order's owner can pay for it. On spot what a LIMIT order may spend is held from now
    /// on; a MARKET order must be able to pay for all that it would reach. On a perpetual the account's
    /// margin must bear it.
    pub(super) fn fund(&mut self, order: &Order, reach: Option<Reach>) -> Result<(), Reject> {
        let market = &self.markets[order.symbol.index()];
        let reach = reach.filter(|_| order.kind == OrderKind::Market);
        if market.is_perpetual() {
            let cost = reach.map_or_else(|| tick_lots(order.price, order.remaining()), |reach| reach.moved);
            let more = self.positions.weigh(market, order, cost)?;
            let is_borne = more == 0 || self.available(order.account, market.spends(order.side)) >= more;
            return if is_borne { Ok(()) } else { Err(Reject::InsufficientMargin) };
        }
        let asset = market.spends(order.side);
        match reach {
            Some(reach) => {
                let spent = market.worth(order, reach).ok_or(Reject::InsufficientBalance)?;
                let is_covered = self.balances.of(order.account, asset).free >= spent;
                if is_covered { Ok(()) } else { Err(Reject::InsufficientBalance) }
            }
            None => {
                let cost = market.cost(order.side, order.price, order.remaining());
                self.balances.lock(order.account, asset, cost.ok_or(Reject::InsufficientBalance)?)
            }
        }
    }
}

impl Market {
    /// What a spot MARKET order will have spent, in amount steps. By quantity a seller must have all of it.
    fn worth(&self, order: &Order, reach: Reach) -> Option<i128> {
        match order.side {
            schemas::order::Side::Buy => self.amount(reach.moved),
            schemas::order::Side::Sell => self.cost(order.side, 1, reach.moved_lots.max(order.qty)),
        }
    }
}

fn check_numbers(new: &NewOrder, market: &Market) -> Result<(), Reject> {
    let is_positive = match (new.kind, new.quote_qty) {
        (OrderKind::Limit, None) => new.price > 0 && new.qty > 0,
        (OrderKind::Market, None) => new.price == 0 && new.qty > 0,
        (OrderKind::Market, Some(quote)) => new.price == 0 && new.qty == 0 && quote > 0,
        (OrderKind::Limit, Some(_)) => return Err(Reject::Unsupported),
    };
    let is_known = match (new.kind, new.life) {
        (OrderKind::Limit, Life::Gtc | Life::Gtx | Life::Ioc | Life::Fok) => true,
        (OrderKind::Market, Life::Ioc) => true,
        (OrderKind::Market, Life::Fok) => new.quote_qty.is_none(),
        (OrderKind::Market, Life::Gtc | Life::Gtx) => false,
    };
    if !is_known || new.quote_qty.is_some() && market.is_perpetual() {
        return Err(Reject::Unsupported);
    }
    if is_positive { Ok(()) } else { Err(Reject::NotPositive) }
}

fn check_position(new: &NewOrder, market: &Market, is_hedged: bool) -> Result<(), Reject> {
    let fits = match new.position {
        PositionSide::None => !market.is_perpetual() && !new.reduce_only,
        PositionSide::Both => market.is_perpetual() && !is_hedged,
        PositionSide::Long | PositionSide::Short => market.is_perpetual() && is_hedged && !new.reduce_only,
    };
    if fits { Ok(()) } else { Err(Reject::PositionSideMismatch) }
}
