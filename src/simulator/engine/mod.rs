//! The matching engine: price-time priority, balances that always add up, and nothing else.
//!
//! Commands in ([`Engine::place`], [`Engine::cancel`], [`Engine::deposit`]), events out into the caller's
//! buffer. It never reads a clock, a socket or a random source: the same commands give the same events.
//! Prices and quantities are whole ticks and lots of their symbol, amounts are whole steps of
//! `10^-`[`AMOUNT_DECIMALS`] of their asset. In the steady state an operation allocates nothing: orders
//! live in a slab, levels in sorted vectors that keep their room.

mod balances;
mod book;
mod matching;
mod orders;
mod types;

use schemas::order::{OrderStatus, PositionSide, Side};

pub use balances::{AMOUNT_DECIMALS, Balance};
pub use types::{
    AccountId, AssetId, CLIENT_ID_LEN_MAX, ClientId, Command, Done, EndReason, Event, Fill, Life, MarketKind,
    NewOrder, Order, OrderId, OrderKind, Position, Prevented, PreventedLeg, Reject, StpMode, SymbolId, Taken,
    Target, Trade,
};

use balances::{Balances, Market};
use book::Book;
use orders::Orders;

/// All books, open orders and balances of one venue.
#[derive(Debug, Default)]
pub struct Engine {
    markets: Vec<Market>,
    books: Vec<Book>,
    orders: Orders,
    balances: Balances,
    counters: Counters,
}

/// The last number given out of each kind; the first is 1.
#[derive(Debug, Default)]
struct Counters {
    order: u64,
    trade: u64,
    execution: u64,
    prevented: u64,
}

impl Counters {
    fn execution(&mut self) -> u64 {
        self.execution += 1;
        self.execution
    }
}

impl Engine {
    /// A new asset.
    pub fn add_asset(&mut self) -> AssetId {
        self.balances.add_asset()
    }

    /// A new account, with nothing in it.
    pub fn add_account(&mut self) -> AccountId {
        self.balances.add_account()
    }

    /// All accounts, in the order of their creation.
    pub fn accounts(&self) -> impl Iterator<Item = AccountId> + use<> {
        self.balances.accounts()
    }

    /// A new symbol with an empty book. A tick is `10^-price_decimals`, a lot `10^-qty_decimals`.
    ///
    /// # Errors
    /// Together they are finer than [`AMOUNT_DECIMALS`], an asset is unknown, or there are too many symbols.
    pub fn add_symbol(
        &mut self,
        kind: MarketKind,
        price_decimals: u8,
        qty_decimals: u8,
    ) -> Result<SymbolId, Reject> {
        let MarketKind::Spot { base, quote } = kind else { return Err(Reject::Unsupported) };
        let market = Market::new(base, quote, price_decimals, qty_decimals).ok_or(Reject::TooFine)?;
        let id = SymbolId::new(u16::try_from(self.markets.len()).map_err(|_| Reject::TooMuch)?);
        self.markets.push(market);
        self.books.push(Book::default());
        Ok(id)
    }

    /// Gives an account an amount out of nowhere: the only thing that changes an asset's total.
    ///
    /// # Errors
    /// It is not above zero, or the total is beyond what the engine counts.
    pub fn deposit(&mut self, account: AccountId, asset: AssetId, amount: i128) -> Result<(), Reject> {
        self.balances.deposit(account, asset, amount);
        Ok(())
    }

    /// Carries a command out. Events go to the end of `events`.
    ///
    /// # Errors
    /// Why it was refused; then nothing has changed and no event was written.
    pub fn apply(&mut self, command: &Command, events: &mut Vec<Event>) -> Result<Done, Reject> {
        match command {
            Command::AddAsset => Ok(Done::Asset(self.add_asset())),
            Command::AddAccount => Ok(Done::Account(self.add_account())),
            Command::AddSymbol { kind, price_decimals, qty_decimals } => {
                self.add_symbol(*kind, *price_decimals, *qty_decimals).map(Done::Symbol)
            }
            Command::Deposit { account, asset, amount } => {
                self.deposit(*account, *asset, *amount).map(|()| Done::Nothing)
            }
            Command::Place(new) => self.place(new, events).map(Done::Order),
            Command::Cancel { id, .. } => {
                self.cancel(*id, events).map(Done::Order).ok_or(Reject::UnknownOrder)
            }
            Command::Amend { .. }
            | Command::Modify { .. }
            | Command::Fees { .. }
            | Command::Step { .. }
            | Command::Leverage { .. }
            | Command::PositionMode { .. }
            | Command::TradeGroup { .. }
            | Command::Mark { .. }
            | Command::Expire { .. }
            | Command::Wipe => Err(Reject::Unsupported),
        }
    }

    /// Takes an order in and matches it. Answers the order as it stands afterwards.
    ///
    /// # Errors
    /// Why it was refused; then nothing has changed and no event was written.
    pub fn place(&mut self, new: &NewOrder, events: &mut Vec<Event>) -> Result<Order, Reject> {
        self.admit(new)?;
        self.counters.order += 1;
        let mut order = Order::open(OrderId(self.counters.order), new);
        events.push(Event::Accepted { order, execution: self.counters.execution() });
        self.cross(&mut order, events);
        self.rest_or_expire(&mut order, events);
        self.balances.report(events);
        Ok(order)
    }

    /// Takes an open order out of its book. `None` if no open order has that number.
    pub fn cancel(&mut self, id: OrderId, events: &mut Vec<Event>) -> Option<Order> {
        let slot = self.orders.slot(id)?;
        let mut order = self.orders.order(slot);
        self.books[order.symbol.index()].unlink(&mut self.orders, slot);
        self.orders.remove(slot);
        order.status = OrderStatus::Canceled;
        order.end = Some(EndReason::Canceled);
        self.balances.release(&self.markets[order.symbol.index()], &order, order.remaining());
        events.push(Event::Ended { order, execution: self.counters.execution() });
        self.books[order.symbol.index()].report(order.symbol, order.side, order.price, events);
        self.balances.report(events);
        Some(order)
    }

    /// The account's open order on that symbol with that number or client id.
    #[must_use]
    pub fn find(&self, account: AccountId, symbol: SymbolId, target: Target) -> Option<Order> {
        let slot = match target {
            Target::Id(id) => self.orders.slot(id)?,
            Target::Client(client) => self.orders.slot_of_client(account, client)?,
        };
        let order = self.orders.order(slot);
        (order.account == account && order.symbol == symbol).then_some(order)
    }

    /// All open orders, in no order.
    pub fn open_orders(&self) -> impl Iterator<Item = &Order> {
        self.orders.iter()
    }

    /// How many orders are open.
    #[must_use]
    pub fn open_order_count(&self) -> usize {
        self.orders.len()
    }

    /// The account's open orders on that symbol.
    #[must_use]
    pub fn open_orders_of(&self, account: AccountId, symbol: SymbolId) -> usize {
        self.orders.count(account, symbol)
    }

    /// One side of a book, best first: price and quantity.
    pub fn levels(&self, symbol: SymbolId, side: Side) -> impl Iterator<Item = (i64, i64)> {
        self.books[symbol.index()].half(side).levels()
    }

    /// The best price of one side and the quantity there.
    #[must_use]
    pub fn best(&self, symbol: SymbolId, side: Side) -> Option<(i64, i64)> {
        self.levels(symbol, side).next()
    }

    /// The quantity at a price; 0 if there is no such level.
    #[must_use]
    pub fn quantity_at(&self, symbol: SymbolId, side: Side, price: i64) -> i64 {
        self.books[symbol.index()].half(side).quantity_at(price)
    }

    /// The number of the symbol's last level change; they rise by one.
    #[must_use]
    pub fn update_id(&self, symbol: SymbolId) -> u64 {
        self.books[symbol.index()].update_id()
    }

    /// What an account holds of an asset.
    #[must_use]
    pub fn balance(&self, account: AccountId, asset: AssetId) -> Balance {
        self.balances.of(account, asset)
    }

    /// The sum over all accounts, free and locked.
    #[must_use]
    pub fn total(&self, asset: AssetId) -> i128 {
        self.balances.total(asset)
    }

    /// What an account holds of a perpetual. In one-way mode ask for [`PositionSide::Both`].
    #[must_use]
    pub fn position(&self, _account: AccountId, _symbol: SymbolId, _side: PositionSide) -> Position {
        Position::default()
    }

    /// What of a wallet may back new orders: wallet and unrealised profit without the margin of positions and
    /// open orders; in amount steps, below zero after losses.
    #[must_use]
    pub fn available(&self, account: AccountId, margin: AssetId) -> i128 {
        self.balance(account, margin).free
    }

    /// Profit of all positions of that margin asset at their mark prices, in amount steps.
    #[must_use]
    pub fn unrealised(&self, _account: AccountId, _margin: AssetId) -> i128 {
        0
    }

    /// Initial margin of the account's positions on that symbol, in amount steps.
    #[must_use]
    pub fn position_margin(&self, _account: AccountId, _symbol: SymbolId, _side: PositionSide) -> i128 {
        0
    }

    /// Initial margin that the account's open orders need beside that of its positions, in amount steps.
    #[must_use]
    pub fn order_margin(&self, _account: AccountId, _symbol: SymbolId, _side: PositionSide) -> i128 {
        0
    }

    /// An account's leverage on a perpetual.
    #[must_use]
    pub fn leverage(&self, _account: AccountId, _symbol: SymbolId) -> u32 {
        20
    }

    /// Whether the account keeps long and short positions apart.
    #[must_use]
    pub fn is_hedged(&self, _account: AccountId) -> bool {
        false
    }

    /// The account's trade group.
    #[must_use]
    pub fn trade_group(&self, _account: AccountId) -> Option<u32> {
        None
    }

    /// A perpetual's mark price in ticks, once it was set.
    #[must_use]
    pub fn mark(&self, _symbol: SymbolId) -> Option<i64> {
        None
    }

    /// A symbol's fees in millionths: maker's and taker's.
    #[must_use]
    pub fn fees(&self, _symbol: SymbolId) -> (u32, u32) {
        (0, 0)
    }

    /// What the venue earned in fees since the last reset, in amount steps.
    #[must_use]
    pub fn fees_earned(&self, _asset: AssetId) -> i128 {
        0
    }

    /// The account's open orders, in no order. Looks at all open orders of the venue.
    pub fn open_orders_of_account(&self, account: AccountId) -> impl Iterator<Item = &Order> {
        self.open_orders().filter(move |order| order.account == account)
    }

    /// Refuses what may not come in, and locks what the order may spend.
    fn admit(&mut self, new: &NewOrder) -> Result<(), Reject> {
        if new.kind == OrderKind::Market || new.life == Life::Fok || new.position != PositionSide::None {
            return Err(Reject::Unsupported);
        }
        if new.price <= 0 || new.qty <= 0 {
            return Err(Reject::NotPositive);
        }
        if self.orders.slot_of_client(new.account, new.client).is_some() {
            return Err(Reject::DuplicateClientId);
        }
        let book = &self.books[new.symbol.index()];
        if new.life == Life::Gtx && book.crosses(new.side, new.price) {
            return Err(Reject::WouldMatch);
        }
        self.balances.lock(&self.markets[new.symbol.index()], new)
    }
}
