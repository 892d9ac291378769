//! A small venue for single rules: one spot symbol, one perpetual, accounts with plenty.

use schemas::order::{PositionSide, Side};
use self_trader::simulator::engine::{
    AccountId, AssetId, ClientId, Command, Done, Engine, Event, Life, MarketKind, NewOrder, Order, OrderKind,
    Position, Reject, StpMode, SymbolId, Trade,
};

/// A whole unit of an asset; with no decimals it is what a lot, a tick-lot and a tick are worth.
pub(crate) const UNIT: i128 = 10_i128.pow(18);

pub(crate) struct Small {
    pub(crate) engine: Engine,
    pub(crate) events: Vec<Event>,
    pub(crate) accounts: [AccountId; 3],
    pub(crate) spot: SymbolId,
    pub(crate) perpetual: SymbolId,
    pub(crate) base: AssetId,
    pub(crate) quote: AssetId,
    pub(crate) margin: AssetId,
    placed: u32,
}

impl Small {
    /// Every account holds `units` of each asset.
    pub(crate) fn new(units: i128) -> Self {
        Self::with(units * UNIT)
    }

    pub(crate) fn with(amount: i128) -> Self {
        let mut engine = Engine::default();
        let [base, quote, margin] = [(); 3].map(|()| engine.add_asset());
        let accounts = [(); 3].map(|()| engine.add_account());
        let spot = engine.add_symbol(MarketKind::Spot { base, quote }, 0, 0).unwrap();
        let perpetual = engine.add_symbol(MarketKind::Perpetual { margin }, 0, 0).unwrap();
        for account in accounts {
            for asset in [base, quote, margin] {
                engine.deposit(account, asset, amount).unwrap();
            }
        }
        Self { engine, events: Vec::new(), accounts, spot, perpetual, base, quote, margin, placed: 0 }
    }

    /// A LIMIT order on spot, to be changed and placed.
    pub(crate) fn order(&mut self, account: usize, side: Side, price: i64, qty: i64, life: Life) -> NewOrder {
        self.placed += 1;
        let client = ClientId::new(&format!("n{}", self.placed)).unwrap();
        NewOrder::limit(self.accounts[account], self.spot, client, side, (price, qty), life)
    }

    /// The same on the perpetual, in one-way mode.
    pub(crate) fn contract(
        &mut self,
        account: usize,
        side: Side,
        price: i64,
        qty: i64,
        life: Life,
    ) -> NewOrder {
        let order = self.order(account, side, price, qty, life);
        NewOrder { symbol: self.perpetual, position: PositionSide::Both, ..order }
    }

    /// A MARKET order on spot.
    pub(crate) fn market(&mut self, account: usize, side: Side, qty: i64) -> NewOrder {
        let order = self.order(account, side, 0, qty, Life::Ioc);
        NewOrder { kind: OrderKind::Market, ..order }
    }

    /// Places it; `events` are those of this command, and everything adds up after it.
    pub(crate) fn place(&mut self, new: NewOrder) -> Result<Order, Reject> {
        match self.apply(Command::Place(new))? {
            Done::Order(order) => Ok(order),
            done @ (Done::Nothing | Done::Asset(_) | Done::Account(_) | Done::Symbol(_)) => {
                panic!("not an order: {done:?}")
            }
        }
    }

    pub(crate) fn apply(&mut self, command: Command) -> Result<Done, Reject> {
        self.events.clear();
        let done = self.engine.apply(&command, &mut self.events);
        self.engine.check().unwrap();
        done
    }

    pub(crate) fn limit(&mut self, account: usize, side: Side, price: i64, qty: i64) -> Order {
        let new = self.order(account, side, price, qty, Life::Gtc);
        self.place(new).unwrap()
    }

    pub(crate) fn with_stp(
        &mut self,
        mode: StpMode,
        account: usize,
        side: Side,
        price: i64,
        qty: i64,
    ) -> Order {
        let new = self.order(account, side, price, qty, Life::Gtc);
        self.place(NewOrder { stp: mode, ..new }).unwrap()
    }

    /// Free and locked, in whole units.
    pub(crate) fn held(&self, account: usize, asset: AssetId) -> (i128, i128) {
        let balance = self.engine.balance(self.accounts[account], asset);
        (balance.free / UNIT, balance.locked / UNIT)
    }

    pub(crate) fn position(&self, account: usize, side: PositionSide) -> Position {
        self.engine.position(self.accounts[account], self.perpetual, side)
    }

    /// The trades of the last command.
    pub(crate) fn trades(&self) -> Vec<Trade> {
        let trade = |event: &Event| if let Event::Traded(trade) = event { Some(*trade) } else { None };
        self.events.iter().filter_map(trade).collect()
    }

    pub(crate) fn asks(&self) -> Vec<(i64, i64)> {
        self.engine.levels(self.spot, Side::Sell).collect()
    }
}
