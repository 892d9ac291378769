//! A deliberately naive venue: every rule by the longest way. One vector of orders in order of arrival, scanned for
//! the best price each time; what an order would come to is found by trying it on a copy of the whole venue.

use schemas::order::{OrderStatus, PositionSide, Side};
use self_trader::simulator::engine::{Balance, EndReason, Life, OrderKind, Position, Reject, StpMode};

pub(crate) const ACCOUNTS: usize = 4;
/// Two spot symbols, two perpetuals.
pub(crate) const SYMBOLS: usize = 4;
/// BASE0, BASE1, QUOTE of both spot symbols; MARGIN of both perpetuals.
pub(crate) const ASSETS: usize = 4;
pub(crate) const QUOTE: usize = 2;
pub(crate) const MARGIN: usize = 3;
/// Price and quantity decimals of each symbol, and what a lot and a tick-lot are worth in amount steps.
pub(crate) const DECIMALS: [(u8, u8); SYMBOLS] = [(2, 3), (1, 0), (1, 3), (0, 2)];
pub(crate) const LOT: [i128; SYMBOLS] = [10_i128.pow(15), 10_i128.pow(18), 10_i128.pow(15), 10_i128.pow(16)];
pub(crate) const TICK_LOT: [i128; SYMBOLS] =
    [10_i128.pow(13), 10_i128.pow(17), 10_i128.pow(14), 10_i128.pow(16)];

pub(crate) const fn is_perpetual(symbol: usize) -> bool {
    symbol >= 2
}

/// What both venues must tell alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    Accepted { id: u64 },
    Trade { id: u64, price: i64, qty: i64, maker: Leg, taker: Leg },
    Prevented { id: u64, price: i64, maker: Spared, taker: Spared, transferred: bool },
    Amended { id: u64, qty: i64, client: u32 },
    Modified { id: u64, price: i64, qty: i64 },
    Ended { id: u64, status: OrderStatus, reason: Option<EndReason>, left: i64 },
    Wiped,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Leg {
    pub(crate) id: u64,
    pub(crate) status: OrderStatus,
    pub(crate) fee: i128,
    pub(crate) realised: i128,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Spared {
    pub(crate) id: u64,
    pub(crate) status: OrderStatus,
    pub(crate) taken: Option<i64>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) account: usize,
    pub(crate) symbol: usize,
    pub(crate) client: u32,
    pub(crate) side: Side,
    pub(crate) kind: OrderKind,
    pub(crate) price: i64,
    pub(crate) qty: i64,
    pub(crate) quote: Option<i128>,
    pub(crate) life: Life,
    pub(crate) stp: StpMode,
    pub(crate) position: PositionSide,
    pub(crate) reduce_only: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Resting {
    pub(crate) id: u64,
    pub(crate) terms: Place,
    pub(crate) filled: i64,
    pub(crate) prevented: i64,
    pub(crate) status: OrderStatus,
    budget: Option<i128>,
    moved: i128,
    moved_lots: i64,
    arrived: u64,
}

impl Resting {
    pub(crate) fn remaining(&self) -> i64 {
        self.terms.qty - self.filled - self.prevented
    }

    fn wants(&self, price: i64, step: i64) -> i64 {
        match self.budget {
            Some(budget) => (budget / i128::from(price)) as i64 / step * step,
            None => self.remaining(),
        }
    }

    fn closes(&self) -> bool {
        let (position, side) = (self.terms.position, self.terms.side);
        self.terms.reduce_only
            || (position, side) == (PositionSide::Long, Side::Sell)
            || (position, side) == (PositionSide::Short, Side::Buy)
    }

    fn same_book(&self, other: &Place) -> bool {
        self.terms.symbol == other.symbol
    }
}

#[derive(Clone, Default)]
pub(crate) struct Naive {
    pub(crate) resting: Vec<Resting>,
    pub(crate) balances: [[Balance; ASSETS]; ACCOUNTS],
    pub(crate) fees: [i128; ASSETS],
    pub(crate) deposited: [i128; ASSETS],
    /// By account, symbol and Both, Long, Short.
    pub(crate) positions: [[[Position; 3]; SYMBOLS]; ACCOUNTS],
    pub(crate) leverage: [[u32; SYMBOLS]; ACCOUNTS],
    pub(crate) hedged: [bool; ACCOUNTS],
    pub(crate) groups: [Option<u32>; ACCOUNTS],
    pub(crate) marks: [Option<i64>; SYMBOLS],
    pub(crate) ppm: [(u32, u32); SYMBOLS],
    pub(crate) steps: [i64; SYMBOLS],
    pub(crate) orders: u64,
    trades: u64,
    prevented: u64,
    arrivals: u64,
}

pub(crate) fn side_index(side: PositionSide) -> usize {
    match side {
        PositionSide::None | PositionSide::Both => 0,
        PositionSide::Long => 1,
        PositionSide::Short => 2,
    }
}

fn spends(symbol: usize, side: Side, price: i64, qty: i64) -> (usize, i128) {
    match side {
        Side::Buy => (QUOTE, i128::from(price) * i128::from(qty) * TICK_LOT[symbol]),
        Side::Sell => (symbol, i128::from(qty) * LOT[symbol]),
    }
}

fn accepts(order: &Place, price: i64) -> bool {
    order.kind == OrderKind::Market
        || match order.side {
            Side::Buy => price <= order.price,
            Side::Sell => price >= order.price,
        }
}

impl Naive {
    pub(crate) fn new() -> Self {
        Self { leverage: [[20; SYMBOLS]; ACCOUNTS], steps: [1; SYMBOLS], ..Self::default() }
    }

    pub(crate) fn deposit(&mut self, account: usize, asset: usize, amount: i128) {
        self.balances[account][asset].free += amount;
        self.deposited[asset] += amount;
    }

    pub(crate) fn place(&mut self, terms: &Place, told: &mut Vec<Told>) -> Result<(), Reject> {
        let perpetual = is_perpetual(terms.symbol);
        if terms.kind == OrderKind::Market && matches!(terms.life, Life::Gtc | Life::Gtx) {
            return Err(Reject::Unsupported);
        }
        if terms.quote.is_some() && (terms.kind == OrderKind::Limit || perpetual || terms.life == Life::Fok) {
            return Err(Reject::Unsupported);
        }
        let fits = match terms.position {
            PositionSide::None => !perpetual,
            PositionSide::Both => perpetual && !self.hedged[terms.account],
            PositionSide::Long | PositionSide::Short => perpetual && self.hedged[terms.account],
        };
        let may_reduce = terms.position == PositionSide::Both || !terms.reduce_only;
        if !fits || !may_reduce {
            return Err(Reject::PositionSideMismatch);
        }
        if self.is_taken(terms.account, perpetual, terms.client) {
            return Err(Reject::DuplicateClientId);
        }
        let mut order = Resting {
            id: self.orders + 1,
            terms: terms.clone(),
            filled: 0,
            prevented: 0,
            status: OrderStatus::New,
            budget: terms.quote,
            moved: 0,
            moved_lots: 0,
            arrived: 0,
        };
        if terms.life == Life::Gtx && self.best_against(terms).is_some() {
            return Err(Reject::WouldMatch);
        }
        let tried = self.tried(&order);
        let doomed = terms.life == Life::Fok && tried.filled < terms.qty;
        if doomed && perpetual {
            return Err(Reject::CannotFill);
        }
        self.fund(&order, &tried)?;
        self.orders += 1;
        told.push(Told::Accepted { id: order.id });
        if !doomed {
            self.take(&mut order, told);
        }
        self.settle_down(order, told);
        Ok(())
    }

    /// What would become of the order, tried on a copy. Closing orders whose owner has other orders of that side
    /// are not counted on.
    fn tried(&self, order: &Resting) -> Resting {
        let mut copy = self.clone();
        let others = self.resting.clone();
        copy.resting.retain(|maker| {
            let owns_other = others.iter().any(|other| {
                !other.closes()
                    && (other.terms.account, other.terms.symbol, other.terms.side, other.terms.position)
                        == (maker.terms.account, maker.terms.symbol, maker.terms.side, maker.terms.position)
            });
            !(maker.closes() && owns_other && self.act(order, maker) == StpMode::None)
        });
        let mut tried = order.clone();
        copy.take(&mut tried, &mut Vec::new());
        tried
    }

    fn is_taken(&self, account: usize, perpetual: bool, client: u32) -> bool {
        self.resting.iter().any(|r| {
            r.terms.account == account
                && is_perpetual(r.terms.symbol) == perpetual
                && r.terms.client == client
        })
    }

    fn fund(&mut self, order: &Resting, tried: &Resting) -> Result<(), Reject> {
        let (account, symbol) = (order.terms.account, order.terms.symbol);
        let is_market = order.terms.kind == OrderKind::Market;
        if is_perpetual(symbol) {
            let limit = i128::from(order.terms.price) * i128::from(order.remaining());
            return self.fund_margin(order, if is_market { tried.moved } else { limit });
        }
        if !is_market {
            let (asset, held) = spends(symbol, order.terms.side, order.terms.price, order.remaining());
            let balance = &mut self.balances[account][asset];
            if balance.free < held {
                return Err(Reject::InsufficientBalance);
            }
            balance.free -= held;
            balance.locked += held;
            return Ok(());
        }
        let enough = match order.terms.side {
            Side::Buy => self.balances[account][QUOTE].free >= tried.moved * TICK_LOT[symbol],
            Side::Sell => {
                // By quantity all of it must be there; by quote quantity what it comes to, prevented or not
                // counted, which is what was moved.
                let lots = if order.terms.quote.is_some() { tried.moved_lots } else { order.terms.qty };
                self.balances[account][symbol].free >= i128::from(lots) * LOT[symbol]
            }
        };
        if enough { Ok(()) } else { Err(Reject::InsufficientBalance) }
    }

    fn fund_margin(&mut self, order: &Resting, cost: i128) -> Result<(), Reject> {
        let terms = &order.terms;
        if order.closes() {
            let free = self.closable(terms) - self.closing(terms);
            return if order.remaining() <= free { Ok(()) } else { Err(Reject::ReduceOnly) };
        }
        let before = self.margin(terms.account, terms.symbol, terms.position, None);
        let after = self.margin(terms.account, terms.symbol, terms.position, Some((terms.side, cost)));
        let more = (after - before).max(0);
        if more == 0 || self.available(terms.account) >= more {
            Ok(())
        } else {
            Err(Reject::InsufficientMargin)
        }
    }

    /// Lots of the position that an order of these terms could close.
    fn closable(&self, terms: &Place) -> i64 {
        let held = self.positions[terms.account][terms.symbol][side_index(terms.position)].qty;
        match terms.side {
            Side::Buy => (-held).max(0),
            Side::Sell => held.max(0),
        }
    }

    /// Lots of open orders that already mean to close it.
    fn closing(&self, terms: &Place) -> i64 {
        let same = self.resting.iter().filter(|r| {
            r.closes()
                && (r.terms.account, r.terms.symbol, r.terms.side, r.terms.position)
                    == (terms.account, terms.symbol, terms.side, terms.position)
        });
        same.map(Resting::remaining).sum()
    }

    fn value(&self, account: usize, symbol: usize, position: PositionSide) -> i128 {
        let held = self.positions[account][symbol][side_index(position)];
        self.marks[symbol].map_or(held.cost, |mark| i128::from(mark) * i128::from(held.qty))
    }

    fn margin(
        &self,
        account: usize,
        symbol: usize,
        position: PositionSide,
        more: Option<(Side, i128)>,
    ) -> i128 {
        let sum = |side: Side| -> i128 {
            let orders = self.resting.iter().filter(|r| {
                !r.closes()
                    && (r.terms.account, r.terms.symbol, r.terms.side, r.terms.position)
                        == (account, symbol, side, position)
            });
            let open: i128 = orders.map(|r| i128::from(r.terms.price) * i128::from(r.remaining())).sum();
            open + more.filter(|(more_side, _)| *more_side == side).map_or(0, |(_, cost)| cost)
        };
        let value = self.value(account, symbol, position);
        let worst = (value + sum(Side::Buy)).abs().max((value - sum(Side::Sell)).abs()) * TICK_LOT[symbol];
        let leverage = i128::from(self.leverage[account][symbol]);
        (worst + leverage - 1) / leverage
    }

    pub(crate) fn available(&self, account: usize) -> i128 {
        let mut available = self.balances[account][MARGIN].free;
        for symbol in (0..SYMBOLS).filter(|symbol| is_perpetual(*symbol)) {
            for position in [PositionSide::Both, PositionSide::Long, PositionSide::Short] {
                let held = self.positions[account][symbol][side_index(position)];
                available += (self.value(account, symbol, position) - held.cost) * TICK_LOT[symbol];
                available -= self.margin(account, symbol, position, None);
            }
        }
        available
    }

    /// The oldest of the best-priced orders that an order of these terms would meet.
    fn best_against(&self, terms: &Place) -> Option<usize> {
        let mut best: Option<usize> = None;
        for (at, r) in self.resting.iter().enumerate() {
            if !r.same_book(terms) || r.terms.side == terms.side || !accepts(terms, r.terms.price) {
                continue;
            }
            let is_better = best.is_none_or(|best| {
                let than = &self.resting[best];
                let (price, other) = (r.terms.price, than.terms.price);
                let gain = if terms.side == Side::Buy { other - price } else { price - other };
                gain > 0 || gain == 0 && r.arrived < than.arrived
            });
            if is_better {
                best = Some(at);
            }
        }
        best
    }

    fn act(&self, taker: &Resting, maker: &Resting) -> StpMode {
        let (one, other) = (taker.terms.account, maker.terms.account);
        let in_group = self.groups[one].is_some() && self.groups[one] == self.groups[other];
        if one != other && !in_group {
            return StpMode::None;
        }
        let both_transfer = taker.terms.stp == StpMode::Transfer && maker.terms.stp == StpMode::Transfer;
        match taker.terms.stp {
            StpMode::Transfer if !both_transfer || one == other => StpMode::Decrement,
            mode @ (StpMode::None
            | StpMode::ExpireTaker
            | StpMode::ExpireMaker
            | StpMode::ExpireBoth
            | StpMode::Decrement
            | StpMode::Transfer) => mode,
        }
    }

    fn take(&mut self, order: &mut Resting, told: &mut Vec<Told>) {
        while let Some(at) = self.best_against(&order.terms) {
            let (price, step) = (self.resting[at].terms.price, self.steps[order.terms.symbol]);
            let wants = order.wants(price, step);
            if wants == 0 {
                break;
            }
            let qty = wants.min(self.resting[at].remaining());
            match self.act(order, &self.resting[at]) {
                StpMode::None => self.trade(order, at, qty, told),
                StpMode::ExpireTaker => self.prevent(order, at, (None, Some(wants)), false, told),
                StpMode::ExpireMaker => {
                    let all = self.resting[at].remaining();
                    self.prevent(order, at, (Some(all), None), false, told);
                }
                StpMode::ExpireBoth => {
                    let all = self.resting[at].remaining();
                    self.prevent(order, at, (Some(all), Some(wants)), false, told);
                }
                StpMode::Decrement => self.prevent(order, at, (Some(qty), Some(qty)), false, told),
                StpMode::Transfer => self.prevent(order, at, (Some(qty), Some(qty)), true, told),
            }
            if order.status == OrderStatus::ExpiredInMatch {
                break;
            }
        }
    }

    fn trade(&mut self, order: &mut Resting, at: usize, qty: i64, told: &mut Vec<Told>) {
        let price = self.resting[at].terms.price;
        let (maker_ppm, taker_ppm) = self.ppm[order.terms.symbol];
        let mut maker = self.resting[at].clone();
        let maker_paid = self.settle(&maker, price, qty, maker_ppm);
        let taker_paid = self.settle(order, price, qty, taker_ppm);
        maker.filled += qty;
        maker.status =
            if maker.remaining() == 0 { OrderStatus::Filled } else { OrderStatus::PartiallyFilled };
        self.put_back(at, &maker);
        order.filled += qty;
        order.spend(price, qty, true);
        let step = self.steps[order.terms.symbol];
        let next = self.best_against(&order.terms).map(|next| self.resting[next].terms.price);
        let is_done = order.wants(next.unwrap_or(price), step) == 0;
        order.status = if is_done { OrderStatus::Filled } else { OrderStatus::PartiallyFilled };
        self.trades += 1;
        let leg =
            |order: &Resting, (fee, realised)| Leg { id: order.id, status: order.status, fee, realised };
        told.push(Told::Trade {
            id: self.trades,
            price,
            qty,
            maker: leg(&maker, maker_paid),
            taker: leg(order, taker_paid),
        });
        self.trim(&maker.terms, told);
        self.trim(&order.terms, told);
    }

    fn prevent(
        &mut self,
        order: &mut Resting,
        at: usize,
        off: (Option<i64>, Option<i64>),
        transferred: bool,
        told: &mut Vec<Told>,
    ) {
        let mut maker = self.resting[at].clone();
        let price = maker.terms.price;
        if let Some(qty) = off.0 {
            if transferred {
                self.settle(&maker, price, qty, 0)
            } else {
                self.release(&maker, qty)
            };
            maker.prevented += qty;
            if maker.remaining() == 0 {
                maker.status = OrderStatus::ExpiredInMatch;
            }
            self.put_back(at, &maker);
        }
        if let Some(qty) = off.1 {
            if transferred {
                self.settle(order, price, qty, 0)
            } else {
                self.release(order, qty)
            };
            order.prevented += qty;
            order.spend(price, qty, transferred);
            let ends = matches!(order.terms.stp, StpMode::ExpireTaker | StpMode::ExpireBoth);
            if ends || order.wants(price, self.steps[order.terms.symbol]) == 0 {
                order.status = OrderStatus::ExpiredInMatch;
            }
        }
        self.prevented += 1;
        let leg = |order: &Resting, taken| Spared { id: order.id, status: order.status, taken };
        told.push(Told::Prevented {
            id: self.prevented,
            price,
            maker: leg(&maker, off.0),
            taker: leg(order, off.1),
            transferred,
        });
        self.trim(&maker.terms, told);
        self.trim(&order.terms, told);
    }

    fn put_back(&mut self, at: usize, order: &Resting) {
        if order.remaining() == 0 {
            self.resting.remove(at);
        } else {
            self.resting[at] = order.clone();
        }
    }

    /// Answers fee and realised profit.
    fn settle(&mut self, order: &Resting, price: i64, qty: i64, ppm: u32) -> (i128, i128) {
        let Place { account, symbol, side, .. } = order.terms;
        if is_perpetual(symbol) {
            return self.settle_position(order, price, qty, ppm);
        }
        let (asset, spent) = spends(symbol, side, price, qty);
        let held = match order.terms.kind {
            OrderKind::Limit => spends(symbol, side, order.terms.price, qty).1,
            OrderKind::Market => 0,
        };
        let (got_asset, got) = spends(symbol, side.opposite(), price, qty);
        let fee = got * i128::from(ppm) / 1_000_000;
        self.balances[account][asset].locked -= held;
        self.balances[account][asset].free += held - spent;
        self.balances[account][got_asset].free += got - fee;
        self.fees[got_asset] += fee;
        (fee, 0)
    }

    /// Lot by lot would round otherwise: what closes is settled at once, then what opens.
    fn settle_position(&mut self, order: &Resting, price: i64, qty: i64, ppm: u32) -> (i128, i128) {
        let Place { account, symbol, side, .. } = order.terms;
        let held = &mut self.positions[account][symbol][side_index(order.terms.position)];
        let direction = if side == Side::Buy { 1 } else { -1 };
        let closed = if held.qty * direction < 0 { qty.min(held.qty.abs()) } else { 0 };
        let mut realised = 0;
        if closed > 0 {
            let released = held.cost * i128::from(closed) / i128::from(held.qty.abs());
            realised = (-i128::from(price * closed * direction) - released) * TICK_LOT[symbol];
            held.cost -= released;
            held.qty += closed * direction;
        }
        held.cost += i128::from(price * (qty - closed) * direction);
        held.qty += (qty - closed) * direction;
        held.realised += realised;
        let fee = i128::from(price * qty) * TICK_LOT[symbol] * i128::from(ppm) / 1_000_000;
        self.balances[account][MARGIN].free += realised - fee;
        self.fees[MARGIN] += fee;
        (fee, realised)
    }

    fn release(&mut self, order: &Resting, qty: i64) -> (i128, i128) {
        let Place { account, symbol, side, price, .. } = order.terms;
        if !is_perpetual(symbol) && order.terms.kind == OrderKind::Limit {
            let (asset, held) = spends(symbol, side, price, qty);
            self.balances[account][asset].locked -= held;
            self.balances[account][asset].free += held;
        }
        (0, 0)
    }

    fn settle_down(&mut self, mut order: Resting, told: &mut Vec<Told>) {
        if order.status.is_final() {
            return;
        }
        let reason = match (order.terms.kind, order.terms.life) {
            (OrderKind::Limit, Life::Gtc | Life::Gtx) => {
                self.arrivals += 1;
                order.arrived = self.arrivals;
                return self.resting.push(order);
            }
            (_, Life::Fok) => EndReason::FokUnfilled,
            (OrderKind::Market, _) => EndReason::NoLiquidity,
            (OrderKind::Limit, Life::Ioc) => EndReason::IocRest,
        };
        self.release(&order, order.remaining());
        let (status, reason) = (OrderStatus::Expired, Some(reason));
        told.push(Told::Ended { id: order.id, status, reason, left: order.remaining() });
    }

    /// Closing orders without a position go, the newest first.
    fn trim(&mut self, filled: &Place, told: &mut Vec<Told>) {
        if !is_perpetual(filled.symbol) {
            return;
        }
        for side in [Side::Buy, Side::Sell] {
            let terms = Place { side, ..filled.clone() };
            while self.closing(&terms) > self.closable(&terms) {
                let newest = self.resting.iter().enumerate().filter(|(_, r)| {
                    r.closes()
                        && (r.terms.account, r.terms.symbol, r.terms.side, r.terms.position)
                            == (terms.account, terms.symbol, terms.side, terms.position)
                });
                let at = newest.max_by_key(|(_, r)| r.id).unwrap().0;
                self.end(at, OrderStatus::Expired, EndReason::ReduceOnly, told);
            }
        }
    }

    fn end(&mut self, at: usize, status: OrderStatus, reason: EndReason, told: &mut Vec<Told>) {
        let order = self.resting.remove(at);
        self.release(&order, order.remaining());
        told.push(Told::Ended { id: order.id, status, reason: Some(reason), left: order.remaining() });
    }

    fn at(&self, id: u64) -> Result<usize, Reject> {
        self.resting.iter().position(|r| r.id == id).ok_or(Reject::UnknownOrder)
    }

    pub(crate) fn cancel(&mut self, id: u64, told: &mut Vec<Told>) -> Result<(), Reject> {
        let at = self.at(id)?;
        self.end(at, OrderStatus::Canceled, EndReason::Canceled, told);
        Ok(())
    }

    pub(crate) fn expire(&mut self, id: u64, told: &mut Vec<Told>) -> Result<(), Reject> {
        let at = self.at(id)?;
        self.end(at, OrderStatus::Expired, EndReason::Venue, told);
        Ok(())
    }

    pub(crate) fn amend(
        &mut self,
        id: u64,
        qty: i64,
        client: Option<u32>,
        told: &mut Vec<Told>,
    ) -> Result<(), Reject> {
        let at = self.at(id)?;
        let mut order = self.resting[at].clone();
        if qty >= order.terms.qty || qty <= order.filled + order.prevented {
            return Err(Reject::AmendQty);
        }
        if let Some(client) = client.filter(|client| *client != order.terms.client) {
            if self.is_taken(order.terms.account, is_perpetual(order.terms.symbol), client) {
                return Err(Reject::DuplicateClientId);
            }
            order.terms.client = client;
        }
        self.release(&order, order.terms.qty - qty);
        order.terms.qty = qty;
        told.push(Told::Amended { id, qty, client: order.terms.client });
        self.resting[at] = order;
        Ok(())
    }

    pub(crate) fn modify(
        &mut self,
        id: u64,
        price: i64,
        qty: i64,
        told: &mut Vec<Told>,
    ) -> Result<(), Reject> {
        let at = self.at(id)?;
        let before = self.resting[at].clone();
        if (price, qty) == (before.terms.price, before.terms.qty) {
            return Err(Reject::NoChange);
        }
        let mut after = before.clone();
        (after.terms.price, after.terms.qty) = (price, qty);
        let is_taker = after.terms.life == Life::Gtx && self.best_against(&after.terms).is_some();
        if is_taker || qty <= before.filled + before.prevented {
            self.end(at, OrderStatus::Canceled, EndReason::Modified, told);
            return Ok(());
        }
        let mut without = self.clone();
        without.resting.remove(at);
        without.release(&before, before.remaining());
        without.fund(&after, &after.clone())?;
        *self = without;
        told.push(Told::Modified { id, price, qty });
        self.take(&mut after, told);
        self.settle_down(after, told);
        Ok(())
    }

    pub(crate) fn set_leverage(
        &mut self,
        account: usize,
        symbol: usize,
        leverage: u32,
    ) -> Result<(), Reject> {
        if !is_perpetual(symbol) {
            return Err(Reject::Unsupported);
        }
        let before = (self.available(account), self.leverage[account][symbol]);
        self.leverage[account][symbol] = leverage;
        let after = self.available(account);
        if after < 0 && after < before.0 {
            self.leverage[account][symbol] = before.1;
            return Err(Reject::InsufficientMargin);
        }
        Ok(())
    }

    pub(crate) fn set_hedged(&mut self, account: usize, hedged: bool) -> Result<(), Reject> {
        if self.hedged[account] == hedged {
            return Ok(());
        }
        if self.resting.iter().any(|r| r.terms.account == account && is_perpetual(r.terms.symbol)) {
            return Err(Reject::OpenOrders);
        }
        if self.positions[account].iter().flatten().any(|position| position.qty != 0) {
            return Err(Reject::OpenPosition);
        }
        self.hedged[account] = hedged;
        Ok(())
    }

    pub(crate) fn wipe(&mut self, told: &mut Vec<Told>) {
        let Self { leverage, hedged, groups, marks, ppm, steps, .. } = self.clone();
        *self = Self { leverage, hedged, groups, marks, ppm, steps, ..Self::default() };
        told.push(Told::Wiped);
    }

    /// One side of a book, best first, quantities of equal prices added up.
    pub(crate) fn levels(&self, symbol: usize, side: Side) -> Vec<(i64, i64)> {
        let mut levels: Vec<(i64, i64)> = Vec::new();
        for order in self.resting.iter().filter(|r| r.terms.symbol == symbol && r.terms.side == side) {
            match levels.iter_mut().find(|(price, _)| *price == order.terms.price) {
                Some((_, qty)) => *qty += order.remaining(),
                None => levels.push((order.terms.price, order.remaining())),
            }
        }
        best_first(side, levels)
    }
}

impl Resting {
    /// An order by quote quantity has no quantity but what it came to.
    fn spend(&mut self, price: i64, qty: i64, moved: bool) {
        let quote = i128::from(price) * i128::from(qty);
        if let Some(budget) = &mut self.budget {
            *budget -= quote;
            self.terms.qty += qty;
        }
        if moved {
            self.moved += quote;
            self.moved_lots += qty;
        }
    }
}

pub(crate) fn best_first(side: Side, mut levels: Vec<(i64, i64)>) -> Vec<(i64, i64)> {
    levels.sort_by_key(|(price, _)| if side == Side::Buy { -price } else { *price });
    levels
}
