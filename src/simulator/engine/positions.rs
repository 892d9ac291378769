//! Perpetual positions, and the margin that they and the open orders need.
//!
//! A position keeps what it cost exactly, in tick-lots with its sign. What closes releases its share of the
//! cost, rounded towards zero, and the rest stays with the position: wallets minus costs never change by a
//! trade, however the share was rounded.

use schemas::order::{PositionSide, Side};

use super::market::{Market, tick_lots};
use super::types::{AccountId, Event, Order, Position, Reject, SymbolId};

/// Leverage unless an account set another.
pub(super) const LEVERAGE_DEFAULT: u32 = 20;
/// The most that can be set.
pub(super) const LEVERAGE_MAX: u32 = 125;
/// Most lots of a position together with the orders that would make it larger.
const LOTS_MAX: i64 = 1 << 60;

/// What the open orders of one side would do to a position.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Pending {
    /// Lots of orders that may open.
    pub(super) lots: i64,
    /// Their price times quantity, in tick-lots.
    pub(super) cost: i128,
    /// Lots of orders that only close; they need no margin.
    pub(super) closing: i64,
}

/// One position and what is on its way to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Exposure {
    pub(super) position: Position,
    pub(super) bids: Pending,
    pub(super) asks: Pending,
}

impl Exposure {
    pub(super) const fn pending(&self, side: Side) -> &Pending {
        match side {
            Side::Buy => &self.bids,
            Side::Sell => &self.asks,
        }
    }

    pub(super) const fn pending_mut(&mut self, side: Side) -> &mut Pending {
        match side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.asks,
        }
    }

    /// Lots that an order of `side` could close.
    pub(super) const fn closable(&self, side: Side) -> i64 {
        let lots = match side {
            Side::Buy => -self.position.qty,
            Side::Sell => self.position.qty,
        };
        if lots > 0 { lots } else { 0 }
    }

    /// The position's value in tick-lots with its sign: at the mark, or at cost where there is none.
    fn value(&self, market: &Market) -> i128 {
        market.mark.map_or(self.position.cost, |mark| tick_lots(mark, self.position.qty))
    }

    /// Profit at the mark, in amount steps.
    pub(super) fn unrealised(&self, market: &Market) -> i128 {
        market.amount_or_bound(self.value(market).saturating_sub(self.position.cost))
    }

    /// Initial margin of the position alone, in amount steps.
    pub(super) fn position_margin(&self, market: &Market, leverage: u32) -> i128 {
        margin(market, self.value(market).saturating_abs(), leverage)
    }

    /// Initial margin of the position together with its open orders: the dearer of all bids filled and all
    /// asks filled.
    pub(super) fn margin(&self, market: &Market, leverage: u32) -> i128 {
        let value = self.value(market);
        let long = value.saturating_add(self.bids.cost).saturating_abs();
        let short = value.saturating_sub(self.asks.cost).saturating_abs();
        margin(market, long.max(short), leverage)
    }

    fn is_idle(&self) -> bool {
        self.position.qty == 0 && self.bids.cost == 0 && self.asks.cost == 0
    }

    /// One fill: answers what it realised, in tick-lots.
    fn fill(&mut self, side: Side, price: i64, qty: i64) -> i128 {
        let position = &mut self.position;
        let signed = match side {
            Side::Buy => qty,
            Side::Sell => -qty,
        };
        let is_closing = position.qty.signum() == -signed.signum();
        let closed = if is_closing { qty.min(position.qty.abs()) } else { 0 } * signed.signum();
        let released = share(position.cost, closed.abs(), position.qty.abs());
        position.qty += signed;
        position.cost += tick_lots(price, signed - closed) - released;
        -tick_lots(price, closed) - released
    }
}

/// `cost * part / whole` towards zero, where the product would not fit.
fn share(cost: i128, part: i64, whole: i64) -> i128 {
    if part == 0 {
        return 0;
    }
    let (part, whole) = (i128::from(part), i128::from(whole));
    cost / whole * part + cost % whole * part / whole
}

/// Rounded up.
fn margin(market: &Market, tick_lots: i128, leverage: u32) -> i128 {
    let notional = market.amount_or_bound(tick_lots);
    let leverage = i128::from(leverage);
    notional / leverage + i128::from(notional % leverage != 0)
}

/// What an account has on one perpetual.
#[derive(Clone, Copy, Debug)]
pub(super) struct Holding {
    pub(super) leverage: u32,
    sides: [Exposure; 3],
}

impl Default for Holding {
    fn default() -> Self {
        Self { leverage: LEVERAGE_DEFAULT, sides: [Exposure::default(); 3] }
    }
}

impl Holding {
    pub(super) const fn sides(&self) -> &[Exposure; 3] {
        &self.sides
    }

    /// Unrealised profit and margin of all its sides, in amount steps.
    fn sums(&self, market: &Market) -> (i128, i128) {
        let sides = self.sides.iter().filter(|side| !side.is_idle());
        sides.fold((0_i128, 0_i128), |(unrealised, margin), side| {
            let more = side.margin(market, self.leverage);
            (unrealised.saturating_add(side.unrealised(market)), margin.saturating_add(more))
        })
    }
}

/// The positions of all accounts, and which of them the present command changed.
#[derive(Debug, Default)]
pub(super) struct Positions {
    perpetuals: usize,
    accounts: Vec<Vec<Holding>>,
    touched: Vec<(AccountId, SymbolId, PositionSide)>,
}

impl Positions {
    pub(super) fn add_account(&mut self) {
        self.accounts.push(vec![Holding::default(); self.perpetuals]);
    }

    /// Its place among the perpetuals.
    pub(super) fn add_perpetual(&mut self) -> usize {
        for account in &mut self.accounts {
            account.push(Holding::default());
        }
        self.perpetuals += 1;
        self.perpetuals - 1
    }

    /// None on spot.
    pub(super) fn holding(&self, account: AccountId, market: &Market) -> Option<&Holding> {
        Some(&self.accounts[account.index()][market.perpetual?])
    }

    pub(super) fn holding_mut(&mut self, account: AccountId, market: &Market) -> Option<&mut Holding> {
        Some(&mut self.accounts[account.index()][market.perpetual?])
    }

    pub(super) fn of_account(&self, account: AccountId) -> &[Holding] {
        &self.accounts[account.index()]
    }

    /// None on spot.
    pub(super) fn exposure(
        &self,
        account: AccountId,
        market: &Market,
        side: PositionSide,
    ) -> Option<&Exposure> {
        Some(&self.holding(account, market)?.sides[side_index(side)])
    }

    /// Whether the order's lots fit its position, and what more margin they need, in amount steps.
    pub(super) fn weigh(&self, market: &Market, order: &Order, cost: i128) -> Result<i128, Reject> {
        let holding = self.holding(order.account, market).expect("asked of perpetuals only");
        let exposure = &holding.sides[side_index(order.position)];
        let (pending, lots) = (exposure.pending(order.side), order.remaining());
        if order.closes() {
            let free = exposure.closable(order.side) - pending.closing;
            return if lots <= free { Ok(0) } else { Err(Reject::ReduceOnly) };
        }
        let most =
            exposure.position.qty.abs().checked_add(pending.lots).and_then(|all| all.checked_add(lots));
        most.filter(|most| *most <= LOTS_MAX).ok_or(Reject::TooMuch)?;
        let mut after = *exposure;
        let sum = pending.cost.checked_add(cost).ok_or(Reject::TooMuch)?;
        sum.checked_add(exposure.position.cost.abs())
            .and_then(|all| market.amount(all))
            .filter(|all| *all <= super::DEPOSITS_MAX)
            .ok_or(Reject::TooMuch)?;
        after.pending_mut(order.side).cost = sum;
        let more = after.margin(market, holding.leverage) - exposure.margin(market, holding.leverage);
        Ok(more.max(0))
    }

    /// An order of `qty` lots rests from now on.
    pub(super) fn rest(&mut self, market: &Market, order: &Order, qty: i64) {
        let pending = self.at(market, order).pending_mut(order.side);
        if order.closes() {
            pending.closing += qty;
        } else {
            pending.lots += qty;
            pending.cost += tick_lots(order.price, qty);
        }
    }

    /// `qty` lots of a resting order rest no more.
    pub(super) fn release(&mut self, market: &Market, order: &Order, qty: i64) {
        let pending = self.at(market, order).pending_mut(order.side);
        if order.closes() {
            pending.closing -= qty;
        } else {
            pending.lots -= qty;
            pending.cost -= tick_lots(order.price, qty);
        }
    }

    /// One order's side of a trade. Answers the profit realised, in amount steps.
    pub(super) fn fill(&mut self, market: &Market, order: &Order, price: i64, qty: i64) -> i128 {
        let key = (order.account, order.symbol, order.position);
        if !self.touched.contains(&key) {
            self.touched.push(key);
        }
        let exposure = self.at(market, order);
        let realised = exposure.fill(order.side, price, qty);
        let realised = market.amount(realised).expect("orders were weighed against the bound of amounts");
        exposure.position.realised += realised;
        realised
    }

    /// Unrealised profit and margin of all the account's positions and orders in markets of one margin asset.
    pub(super) fn sums<'a>(
        &self,
        account: AccountId,
        markets: impl Iterator<Item = &'a Market>,
    ) -> (i128, i128) {
        let holdings = &self.accounts[account.index()];
        markets.filter_map(|market| Some((market, holdings.get(market.perpetual?)?))).fold(
            (0, 0),
            |(unrealised, margin), (market, holding)| {
                let (profit, more) = holding.sums(market);
                (unrealised.saturating_add(profit), margin.saturating_add(more))
            },
        )
    }

    /// Writes one event for each position that changed since the last report.
    pub(super) fn report(&mut self, markets: &[Market], events: &mut Vec<Event>) {
        for (account, symbol, side) in self.touched.drain(..) {
            let at = markets[symbol.index()].perpetual.expect("only perpetuals have positions");
            let position = self.accounts[account.index()][at].sides[side_index(side)].position;
            events.push(Event::Position { account, symbol, side, position });
        }
    }

    pub(super) fn wipe(&mut self) {
        self.touched.clear();
        for holding in self.accounts.iter_mut().flatten() {
            holding.sides = [Exposure::default(); 3];
        }
    }

    fn at(&mut self, market: &Market, order: &Order) -> &mut Exposure {
        let at = market.perpetual.expect("asked of perpetuals only");
        &mut self.accounts[order.account.index()][at].sides[side_index(order.position)]
    }
}

pub(super) const fn side_index(side: PositionSide) -> usize {
    match side {
        PositionSide::None | PositionSide::Both => 0,
        PositionSide::Long => 1,
        PositionSide::Short => 2,
    }
}
