//! The proof that everything adds up, computed anew from what is there.
//!
//! It walks every open order, level, balance and position: some 50 ns an order. Tests ask after every command,
//! a running venue now and then.

use std::collections::HashMap;

use schemas::order::{PositionSide, Side};

use super::Engine;
use super::orders::NONE;
use super::positions::Exposure;
use super::types::{AccountId, AssetId, MarketKind, OrderId, SymbolId};

/// What does not add up: a defect of the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Imbalance {
    /// Balances, fees and the cost of open positions are not what was deposited.
    #[error("asset {asset:?}: balances, fees and positions come to {got}, deposits to {want}")]
    Funds {
        /// Of what.
        asset: AssetId,
        /// In amount steps.
        got: i128,
        /// In amount steps.
        want: i128,
    },
    /// What is locked is not what the open orders hold.
    #[error("account {account:?}, asset {asset:?}: locked {got}, open orders hold {want}")]
    Locked {
        /// Whose.
        account: AccountId,
        /// Of what.
        asset: AssetId,
        /// In amount steps.
        got: i128,
        /// In amount steps.
        want: i128,
    },
    /// More is spent than there was.
    #[error("account {account:?}, asset {asset:?}: below zero")]
    Negative {
        /// Whose.
        account: AccountId,
        /// Of what.
        asset: AssetId,
    },
    /// The positions of all accounts do not cancel out.
    #[error(
        "symbol {symbol:?}: positions come to {lots} lots, realised profits differ from costs by {amount}"
    )]
    Positions {
        /// Where.
        symbol: SymbolId,
        /// In lots.
        lots: i128,
        /// In amount steps.
        amount: i128,
    },
    /// What a position believes to be on its way is not what the open orders are, or more than it can close.
    #[error(
        "account {account:?}, symbol {symbol:?}, {side:?}: open orders differ from what its margin counts"
    )]
    Pending {
        /// Whose.
        account: AccountId,
        /// Where.
        symbol: SymbolId,
        /// Which position.
        side: PositionSide,
    },
    /// A level's quantity, order or queue is not that of its orders, or the book is crossed.
    #[error("symbol {symbol:?}: level {price} is not what its orders make it")]
    Level {
        /// Where.
        symbol: SymbolId,
        /// In ticks.
        price: i64,
    },
    /// An order is open that should not be, or counted wrongly, or has a number that was not given out.
    #[error("order {0:?} is not what it should be")]
    Order(OrderId),
    /// Open orders are not all in the books, or not all found by number.
    #[error("{got} orders in the books, {want} open")]
    Count {
        /// In the books.
        got: usize,
        /// Found by number.
        want: usize,
    },
}

impl Engine {
    /// Whether everything adds up: funds of each asset, what is locked, positions, levels, counts and numbers.
    ///
    /// # Errors
    /// The first thing that does not.
    pub fn check(&self) -> Result<(), Imbalance> {
        self.check_books()?;
        self.check_orders()?;
        self.check_locked()?;
        self.check_positions()?;
        self.balances.assets().try_for_each(|asset| self.check_funds(asset))
    }

    fn check_funds(&self, asset: AssetId) -> Result<(), Imbalance> {
        let kind = MarketKind::Perpetual { margin: asset };
        let markets = self.markets.iter().filter(|market| market.kind == kind);
        let cost: i128 = markets
            .flat_map(|market| {
                self.exposures(market.perpetual).map(move |(_, _, exposure)| (market, exposure))
            })
            .map(|(market, exposure)| market.amount_or_bound(exposure.position.cost))
            .sum();
        let got = self.balances.total(asset) + self.balances.fees(asset) - cost;
        let want = self.balances.deposited(asset);
        if got == want { Ok(()) } else { Err(Imbalance::Funds { asset, got, want }) }
    }

    fn check_locked(&self) -> Result<(), Imbalance> {
        let mut holds: HashMap<(AccountId, AssetId), i128> = HashMap::new();
        for order in self.orders.iter() {
            let market = &self.markets[order.symbol.index()];
            if !market.is_perpetual() {
                let key = (order.account, market.spends(order.side));
                *holds.entry(key).or_default() += market.held(order, order.remaining());
            }
        }
        for (account, asset) in
            self.accounts().flat_map(|account| self.balances.assets().map(move |asset| (account, asset)))
        {
            let balance = self.balance(account, asset);
            let want = holds.get(&(account, asset)).copied().unwrap_or(0);
            if balance.locked != want {
                return Err(Imbalance::Locked { account, asset, got: balance.locked, want });
            }
            let is_wallet = self.markets.iter().any(|m| m.kind == MarketKind::Perpetual { margin: asset });
            if balance.free < 0 && !is_wallet {
                return Err(Imbalance::Negative { account, asset });
            }
        }
        Ok(())
    }

    fn check_positions(&self) -> Result<(), Imbalance> {
        let mut pending: HashMap<(AccountId, SymbolId, PositionSide), Exposure> = HashMap::new();
        for order in self.orders.iter() {
            let exposure = pending.entry((order.account, order.symbol, order.position)).or_default();
            let side = exposure.pending_mut(order.side);
            if order.closes() {
                side.closing += order.remaining();
            } else {
                side.lots += order.remaining();
                side.cost += super::market::tick_lots(order.price, order.remaining());
            }
        }
        for symbol in self.symbols().filter(|symbol| self.markets[symbol.index()].is_perpetual()) {
            let market = &self.markets[symbol.index()];
            let (mut lots, mut amount) = (0, 0);
            for (account, side, exposure) in self.exposures(market.perpetual) {
                lots += i128::from(exposure.position.qty);
                amount += exposure.position.realised - market.amount_or_bound(exposure.position.cost);
                let want = pending.get(&(account, symbol, side)).copied().unwrap_or_default();
                let is_closable = [Side::Buy, Side::Sell]
                    .into_iter()
                    .all(|side| exposure.pending(side).closing <= exposure.closable(side));
                let is_flat = exposure.position.qty != 0 || exposure.position.cost == 0;
                if (exposure.bids, exposure.asks) != (want.bids, want.asks) || !is_closable || !is_flat {
                    return Err(Imbalance::Pending { account, symbol, side });
                }
            }
            if lots != 0 || amount != 0 {
                return Err(Imbalance::Positions { symbol, lots, amount });
            }
        }
        Ok(())
    }

    /// All positions of a perpetual, held or not.
    fn exposures(
        &self,
        perpetual: Option<usize>,
    ) -> impl Iterator<Item = (AccountId, PositionSide, &Exposure)> {
        const SIDES: [PositionSide; 3] = [PositionSide::Both, PositionSide::Long, PositionSide::Short];
        self.accounts().flat_map(move |account| {
            let holding = perpetual.and_then(|at| self.positions.of_account(account).get(at));
            let sides = holding.into_iter().flat_map(|holding| SIDES.into_iter().zip(holding.sides()));
            sides.map(move |(side, exposure)| (account, side, exposure))
        })
    }

    fn check_books(&self) -> Result<(), Imbalance> {
        let mut found = 0;
        for symbol in self.symbols() {
            for side in [Side::Buy, Side::Sell] {
                found += self.check_half(symbol, side)?;
            }
            let (bid, ask) = (self.best(symbol, Side::Buy), self.best(symbol, Side::Sell));
            if let Some(((bid, _), (ask, _))) = bid.zip(ask)
                && bid >= ask
            {
                return Err(Imbalance::Level { symbol, price: bid });
            }
        }
        let want = self.orders.len();
        if found == want { Ok(()) } else { Err(Imbalance::Count { got: found, want }) }
    }

    /// Answers how many orders the half's queues have.
    fn check_half(&self, symbol: SymbolId, side: Side) -> Result<usize, Imbalance> {
        let half = self.books[symbol.index()].half(side);
        let (mut found, mut better): (usize, Option<i64>) = (0, None);
        for ((price, first), (_, qty)) in half.queues().zip(half.levels()) {
            let wrong = Imbalance::Level { symbol, price };
            let is_sorted = better.is_none_or(|better| match side {
                Side::Buy => price < better,
                Side::Sell => price > better,
            });
            let (mut slot, mut earlier, mut sum) = (first, NONE, 0);
            while slot != NONE {
                let entry = self.orders.entry(slot);
                let order = &entry.order;
                if (order.symbol, order.side, order.price) != (symbol, side, price)
                    || entry.earlier != earlier
                {
                    return Err(wrong);
                }
                sum += order.remaining();
                found += 1;
                (earlier, slot) = (slot, entry.later);
            }
            if sum != qty || sum == 0 || !is_sorted {
                return Err(wrong);
            }
            better = Some(price);
        }
        Ok(found)
    }

    fn check_orders(&self) -> Result<(), Imbalance> {
        let mut counts: HashMap<(AccountId, SymbolId), usize> = HashMap::new();
        for order in self.orders.iter() {
            *counts.entry((order.account, order.symbol)).or_default() += 1;
            let is_numbered = order.id.0 >= 1 && order.id.0 <= self.counters.order;
            let is_found = self.orders.slot(order.id).is_some()
                && self.find(order.account, order.symbol, super::Target::Client(order.client))
                    == Some(*order);
            if !is_numbered || !is_found || order.remaining() <= 0 || order.status.is_final() {
                return Err(Imbalance::Order(order.id));
            }
        }
        for order in self.orders.iter() {
            if self.orders.count(order.account, order.symbol) != counts[&(order.account, order.symbol)] {
                return Err(Imbalance::Order(order.id));
            }
        }
        Ok(())
    }
}
