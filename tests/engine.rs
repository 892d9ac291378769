//! The matching engine against a deliberately naive book, over random flows of orders: same trades, same
//! ends, same books, same balances; and after every command no asset's total has changed.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::collections::BTreeMap;

use proptest::prelude::*;
use schemas::order::{OrderStatus, Side};
use self_trader::simulator::engine::{
    AccountId, AssetId, Balance, ClientId, DEPOSITS_MAX, Engine, Event, Life, MarketKind, NewOrder, Order,
    OrderId, Prevented, Reject, StpMode, SymbolId, Target,
};

const ACCOUNTS: usize = 2;
const SYMBOLS: usize = 2;
/// BASE0, BASE1, QUOTE; both symbols are quoted in the last.
const ASSETS: usize = 3;
/// Price and quantity decimals of each symbol, and what a lot and a tick-lot are worth in amount steps.
const DECIMALS: [(u8, u8); SYMBOLS] = [(2, 3), (1, 0)];
const LOT: [i128; SYMBOLS] = [10_i128.pow(15), 10_i128.pow(18)];
const TICK_LOT: [i128; SYMBOLS] = [10_i128.pow(13), 10_i128.pow(17)];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Resting {
    id: u64,
    account: usize,
    symbol: usize,
    client: u32,
    side: Side,
    price: i64,
    remaining: i64,
}

/// What both sides must tell alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    Trade { id: u64, symbol: usize, price: i64, qty: i64, maker: u64, taker: u64 },
    Ended { id: u64, status: OrderStatus, left: i64 },
}

/// Every rule by the longest way: one vector in order of arrival, scanned for the best price each time.
#[derive(Default)]
struct Naive {
    resting: Vec<Resting>,
    balances: [[Balance; ASSETS]; ACCOUNTS],
    orders: u64,
    trades: u64,
}

fn spends(symbol: usize, side: Side, price: i64, qty: i64) -> (usize, i128) {
    match side {
        Side::Buy => (2, i128::from(price) * i128::from(qty) * TICK_LOT[symbol]),
        Side::Sell => (symbol, i128::from(qty) * LOT[symbol]),
    }
}

impl Naive {
    /// The oldest of the best-priced orders that `order` would meet.
    fn best_against(&self, order: &Resting) -> Option<usize> {
        let mut best: Option<usize> = None;
        for (at, resting) in self.resting.iter().enumerate() {
            if resting.symbol != order.symbol || resting.side == order.side {
                continue;
            }
            let than = best.map(|best| self.resting[best].price);
            let (meets, better) = match order.side {
                Side::Buy => (resting.price <= order.price, than.is_none_or(|best| resting.price < best)),
                Side::Sell => (resting.price >= order.price, than.is_none_or(|best| resting.price > best)),
            };
            if meets && better {
                best = Some(at);
            }
        }
        best
    }

    fn release(&mut self, order: &Resting) {
        let (asset, held) = spends(order.symbol, order.side, order.price, order.remaining);
        self.balances[order.account][asset].locked -= held;
        self.balances[order.account][asset].free += held;
    }

    fn settle(&mut self, order: &Resting, price: i64, qty: i64) {
        let (asset, held) = spends(order.symbol, order.side, order.price, qty);
        let (_, spent) = spends(order.symbol, order.side, price, qty);
        let (got_asset, got) = spends(order.symbol, order.side.opposite(), price, qty);
        self.balances[order.account][asset].locked -= held;
        self.balances[order.account][asset].free += held - spent;
        self.balances[order.account][got_asset].free += got;
    }

    fn place(&mut self, p: &Place, told: &mut Vec<Told>) -> Result<(), Reject> {
        if self.resting.iter().any(|r| r.account == p.account && r.client == p.client) {
            return Err(Reject::DuplicateClientId);
        }
        let mut order = Resting {
            id: self.orders + 1,
            account: p.account,
            symbol: p.symbol,
            client: p.client,
            side: p.side,
            price: p.price,
            remaining: p.qty,
        };
        if p.life == Life::Gtx && self.best_against(&order).is_some() {
            return Err(Reject::WouldMatch);
        }
        let (asset, held) = spends(p.symbol, p.side, p.price, p.qty);
        let balance = &mut self.balances[p.account][asset];
        if balance.free < held {
            return Err(Reject::InsufficientBalance);
        }
        balance.free -= held;
        balance.locked += held;
        self.orders += 1;
        self.take(&mut order, p.stp, told);
        if order.remaining > 0 && p.life == Life::Ioc {
            self.release(&order);
            told.push(Told::Ended { id: order.id, status: OrderStatus::Expired, left: order.remaining });
        } else if order.remaining > 0 {
            self.resting.push(order);
        }
        Ok(())
    }

    fn take(&mut self, order: &mut Resting, stp: StpMode, told: &mut Vec<Told>) {
        while order.remaining > 0 {
            let Some(at) = self.best_against(order) else { break };
            let maker = self.resting[at];
            if stp == StpMode::ExpireMaker && maker.account == order.account {
                self.resting.remove(at);
                self.release(&maker);
                told.push(Told::Ended { id: maker.id, status: OrderStatus::ExpiredInMatch, left: 0 });
                continue;
            }
            let qty = maker.remaining.min(order.remaining);
            self.settle(&maker, maker.price, qty);
            self.settle(order, maker.price, qty);
            self.trades += 1;
            let (id, symbol, price) = (self.trades, order.symbol, maker.price);
            told.push(Told::Trade { id, symbol, price, qty, maker: maker.id, taker: order.id });
            order.remaining -= qty;
            self.resting[at].remaining -= qty;
            if self.resting[at].remaining == 0 {
                self.resting.remove(at);
            }
        }
    }

    fn cancel(&mut self, id: u64, told: &mut Vec<Told>) -> bool {
        let Some(at) = self.resting.iter().position(|resting| resting.id == id) else { return false };
        let order = self.resting.remove(at);
        self.release(&order);
        told.push(Told::Ended { id, status: OrderStatus::Canceled, left: order.remaining });
        true
    }

    /// One side of a book, best first, quantities of equal prices added up.
    fn levels(&self, symbol: usize, side: Side) -> Vec<(i64, i64)> {
        let mut levels: Vec<(i64, i64)> = Vec::new();
        for order in self.resting.iter().filter(|r| r.symbol == symbol && r.side == side) {
            match levels.iter_mut().find(|(price, _)| *price == order.price) {
                Some((_, qty)) => *qty += order.remaining,
                None => levels.push((order.price, order.remaining)),
            }
        }
        best_first(side, levels)
    }
}

fn best_first(side: Side, mut levels: Vec<(i64, i64)>) -> Vec<(i64, i64)> {
    levels.sort_by_key(|(price, _)| if side == Side::Buy { -price } else { *price });
    levels
}

#[derive(Clone, Debug)]
struct Place {
    account: usize,
    symbol: usize,
    client: u32,
    side: Side,
    price: i64,
    qty: i64,
    life: Life,
    stp: StpMode,
}

#[derive(Clone, Debug)]
enum Step {
    Place(Place),
    /// The order placed that many orders ago.
    Cancel(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let life = prop_oneof![
        3 => Just(Life::Gtc),
        2 => Just(Life::Gtx),
        3 => Just(Life::Ioc),
    ];
    let stp = prop_oneof![Just(StpMode::None), Just(StpMode::ExpireMaker)];
    let side = prop_oneof![Just(Side::Buy), Just(Side::Sell)];
    let place = (0..ACCOUNTS, 0..SYMBOLS, 0..40_u32, side, 95..=105_i64, 1..30_i64, life, stp).prop_map(
        |(account, symbol, client, side, price, qty, life, stp)| {
            Step::Place(Place { account, symbol, client, side, price, qty, life, stp })
        },
    );
    prop::collection::vec(prop_oneof![4 => place, 1 => (0..12_u64).prop_map(Step::Cancel)], 1..120)
}

struct Both {
    engine: Engine,
    naive: Naive,
    accounts: Vec<AccountId>,
    assets: Vec<AssetId>,
    symbols: Vec<SymbolId>,
    totals: Vec<i128>,
    events: Vec<Event>,
    last_execution: u64,
    last_update: [u64; SYMBOLS],
    /// The books as the level events alone tell them.
    told_levels: BTreeMap<(usize, &'static str, i64), i64>,
}

impl Both {
    fn new() -> Self {
        let (mut engine, mut naive) = (Engine::default(), Naive::default());
        let assets: Vec<_> = (0..ASSETS).map(|_| engine.add_asset()).collect();
        let accounts: Vec<_> = (0..ACCOUNTS).map(|_| engine.add_account()).collect();
        let symbols: Vec<_> = DECIMALS
            .iter()
            .enumerate()
            .map(|(at, (price, qty))| {
                engine
                    .add_symbol(MarketKind::Spot { base: assets[at], quote: assets[2] }, *price, *qty)
                    .unwrap()
            })
            .collect();
        // Tight on purpose: refusals for want of balance must agree too.
        let given = [200 * LOT[0], 200 * LOT[1], 20_000 * (TICK_LOT[0] + TICK_LOT[1])];
        for (account, id) in accounts.iter().enumerate() {
            for (asset, amount) in given.into_iter().enumerate() {
                engine.deposit(*id, assets[asset], amount).unwrap();
                naive.balances[account][asset].free = amount;
            }
        }
        let totals = assets.iter().map(|asset| engine.total(*asset)).collect();
        Self {
            engine,
            naive,
            accounts,
            assets,
            symbols,
            totals,
            events: Vec::new(),
            last_execution: 0,
            last_update: [0; SYMBOLS],
            told_levels: BTreeMap::new(),
        }
    }

    fn step(&mut self, step: &Step) -> Result<(), TestCaseError> {
        self.events.clear();
        let mut told = Vec::new();
        match step {
            Step::Place(place) => {
                let client = ClientId::new(&format!("c{}", place.client)).unwrap();
                let (account, symbol) = (self.accounts[place.account], self.symbols[place.symbol]);
                let terms = (place.price, place.qty);
                let new = NewOrder {
                    stp: place.stp,
                    now_ms: 7,
                    ..NewOrder::limit(account, symbol, client, place.side, terms, place.life)
                };
                let got = self.engine.place(&new, &mut self.events).map(drop);
                prop_assert_eq!(got, self.naive.place(place, &mut told));
            }
            Step::Cancel(ago) => {
                let id = self.naive.orders.saturating_sub(*ago);
                let got = self.engine.cancel(OrderId(id), &mut self.events).is_some();
                prop_assert_eq!(got, self.naive.cancel(id, &mut told));
            }
        }
        let engine_told: Vec<_> = self.events.iter().filter_map(told_of).collect();
        prop_assert_eq!(engine_told, told);
        self.engine.check().unwrap();
        self.check_numbers()?;
        self.check_books()?;
        self.check_balances()
    }

    /// Execution and update ids rise by one and never repeat.
    fn check_numbers(&mut self) -> Result<(), TestCaseError> {
        for event in &self.events {
            let executions = match event {
                Event::Accepted { execution, .. } | Event::Ended { execution, .. } => vec![*execution],
                Event::Traded(trade) => vec![trade.maker.execution, trade.taker.execution],
                Event::Prevented(prevented) => [prevented.maker.taken, prevented.taker.taken]
                    .into_iter()
                    .flatten()
                    .map(|t| t.execution)
                    .collect(),
                Event::Amended { .. } | Event::Modified { .. } | Event::Position { .. } | Event::Wiped => {
                    vec![]
                }
                Event::Level { symbol, side, price, qty, update } => {
                    let last = &mut self.last_update[symbol.index()];
                    prop_assert_eq!(*update, *last + 1);
                    *last = *update;
                    self.told_levels.insert((symbol.index(), side.as_str(), *price), *qty);
                    vec![]
                }
                Event::Balance { .. } => vec![],
            };
            for execution in executions {
                prop_assert_eq!(execution, self.last_execution + 1);
                self.last_execution = execution;
            }
        }
        Ok(())
    }

    fn check_books(&self) -> Result<(), TestCaseError> {
        for (symbol, id) in self.symbols.iter().enumerate() {
            for side in [Side::Buy, Side::Sell] {
                let levels: Vec<_> = self.engine.levels(*id, side).collect();
                prop_assert_eq!(&levels, &self.naive.levels(symbol, side));
                let told = self.told_levels.iter().filter(|((s, told_side, _), qty)| {
                    *s == symbol && *told_side == side.as_str() && **qty > 0
                });
                let told = best_first(side, told.map(|((_, _, price), qty)| (*price, *qty)).collect());
                prop_assert_eq!(levels, told, "the level events tell another book");
            }
            let bid = self.engine.best(*id, Side::Buy);
            let ask = self.engine.best(*id, Side::Sell);
            prop_assert!(bid.zip(ask).is_none_or(|(bid, ask)| bid.0 < ask.0), "crossed: {bid:?} {ask:?}");
        }
        self.check_open_orders()
    }

    fn check_open_orders(&self) -> Result<(), TestCaseError> {
        prop_assert_eq!(self.engine.open_order_count(), self.naive.resting.len());
        prop_assert_eq!(self.engine.open_orders().count(), self.naive.resting.len());
        for order in &self.naive.resting {
            let (account, symbol) = (self.accounts[order.account], self.symbols[order.symbol]);
            let client = ClientId::new(&format!("c{}", order.client)).unwrap();
            for target in [Target::Client(client), Target::Id(OrderId(order.id))] {
                let found = self.engine.find(account, symbol, target);
                prop_assert_eq!(found.map(|f| (f.id.0, f.remaining())), Some((order.id, order.remaining)));
            }
        }
        Ok(())
    }

    fn check_balances(&self) -> Result<(), TestCaseError> {
        for (asset, id) in self.assets.iter().enumerate() {
            prop_assert_eq!(self.engine.total(*id), self.totals[asset], "asset {} is not conserved", asset);
            for (account, account_id) in self.accounts.iter().enumerate() {
                let held = self.engine.balance(*account_id, *id);
                prop_assert_eq!(held, self.naive.balances[account][asset]);
                prop_assert!(held.free >= 0 && held.locked >= 0);
            }
        }
        for event in &self.events {
            if let Event::Balance { account, asset, balance } = event {
                prop_assert_eq!(*balance, self.engine.balance(*account, *asset));
            }
        }
        Ok(())
    }
}

fn told_of(event: &Event) -> Option<Told> {
    match event {
        Event::Traded(trade) => Some(Told::Trade {
            id: trade.id,
            symbol: trade.symbol.index(),
            price: trade.price,
            qty: trade.qty,
            maker: trade.maker.order.id.0,
            taker: trade.taker.order.id.0,
        }),
        Event::Prevented(Prevented { maker, .. }) => Some(ended(&maker.order)),
        Event::Ended { order, .. } => Some(ended(order)),
        Event::Accepted { .. }
        | Event::Level { .. }
        | Event::Balance { .. }
        | Event::Amended { .. }
        | Event::Modified { .. }
        | Event::Position { .. }
        | Event::Wiped => None,
    }
}

fn ended(order: &Order) -> Told {
    Told::Ended { id: order.id.0, status: order.status, left: order.remaining() }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn the_engine_does_what_the_naive_book_does(steps in steps()) {
        let mut both = Both::new();
        for step in &steps {
            both.step(step)?;
        }
    }
}

/// One account with plenty, one symbol.
struct Small {
    engine: Engine,
    account: AccountId,
    symbol: SymbolId,
    quote: AssetId,
}

impl Small {
    fn new(amount: i128) -> Self {
        let mut engine = Engine::default();
        let (base, quote) = (engine.add_asset(), engine.add_asset());
        let account = engine.add_account();
        let symbol = engine.add_symbol(MarketKind::Spot { base, quote }, 0, 0).unwrap();
        engine.deposit(account, base, amount).unwrap();
        engine.deposit(account, quote, amount).unwrap();
        Self { engine, account, symbol, quote }
    }

    fn place(&mut self, life: Life, side: Side, price: i64, qty: i64) -> Result<Order, Reject> {
        let client = ClientId::new(&format!("n{}", self.engine.open_order_count())).unwrap();
        let (account, symbol) = (self.account, self.symbol);
        let new = NewOrder::limit(account, symbol, client, side, (price, qty), life);
        self.engine.place(&new, &mut Vec::new())
    }
}

#[test]
fn a_product_beyond_128_bits_is_refused_not_wrapped() {
    let mut small = Small::new(DEPOSITS_MAX);
    assert_eq!(small.place(Life::Gtc, Side::Buy, i64::MAX, i64::MAX), Err(Reject::InsufficientBalance));
    assert_eq!(small.engine.balance(small.account, small.quote).free, DEPOSITS_MAX);
}

#[test]
fn a_post_only_order_does_not_take_even_our_own() {
    let mut small = Small::new(10_i128.pow(24));
    small.place(Life::Gtx, Side::Sell, 100, 5).unwrap();
    assert_eq!(small.place(Life::Gtx, Side::Buy, 100, 5), Err(Reject::WouldMatch));
    assert_eq!(small.place(Life::Gtx, Side::Buy, 99, 5).unwrap().status, OrderStatus::New);
}

#[test]
fn nothing_is_placed_at_zero_or_below() {
    let mut small = Small::new(10_i128.pow(24));
    for (price, qty) in [(0, 5), (5, 0), (-1, 5), (5, -1)] {
        assert_eq!(small.place(Life::Gtc, Side::Buy, price, qty), Err(Reject::NotPositive));
    }
}
