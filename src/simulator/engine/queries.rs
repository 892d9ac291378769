//! What can be asked of the engine.

use schemas::order::{PositionSide, Side};

use super::positions::LEVERAGE_DEFAULT;
use super::types::{AccountId, AssetId, MarketKind, Order, OrderId, Position, SymbolId, Target};
use super::{Balance, Engine};

impl Engine {
    /// All accounts, in the order of their creation.
    pub fn accounts(&self) -> impl Iterator<Item = AccountId> + use<> {
        self.balances.accounts()
    }

    /// All assets, in the order of their creation.
    pub fn assets(&self) -> impl Iterator<Item = AssetId> + use<> {
        self.balances.assets()
    }

    /// All symbols, in the order of their creation.
    pub fn symbols(&self) -> impl Iterator<Item = SymbolId> + use<> {
        (0..self.markets.len()).map(|at| SymbolId::new(u16::try_from(at).expect("numbered by add_symbol")))
    }

    /// What a symbol exchanges.
    #[must_use]
    pub fn market_kind(&self, symbol: SymbolId) -> MarketKind {
        self.markets[symbol.index()].kind
    }

    /// The account's open order on that symbol with that number or client id.
    #[must_use]
    pub fn find(&self, account: AccountId, symbol: SymbolId, target: Target) -> Option<Order> {
        let slot = match target {
            Target::Id(id) => self.orders.slot(id)?,
            Target::Client(client) => {
                let is_perpetual = self.markets[symbol.index()].is_perpetual();
                self.orders.slot_of_client(account, is_perpetual, client)?
            }
        };
        let order = self.orders.order(slot);
        (order.account == account && order.symbol == symbol).then_some(order)
    }

    /// The open order with that number.
    #[must_use]
    pub fn order(&self, id: OrderId) -> Option<Order> {
        self.orders.slot(id).map(|slot| self.orders.order(slot))
    }

    /// All open orders, in no order.
    pub fn open_orders(&self) -> impl Iterator<Item = &Order> {
        self.orders.iter()
    }

    /// The account's open orders, in no order. Looks at all open orders of the venue.
    pub fn open_orders_of_account(&self, account: AccountId) -> impl Iterator<Item = &Order> {
        self.open_orders().filter(move |order| order.account == account)
    }

    /// How many orders are open.
    #[must_use]
    pub fn open_order_count(&self) -> usize {
        self.orders.len()
    }

    /// How many open orders the account has on that symbol.
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

    /// What an account holds of an asset; of a margin asset its wallet, all of it free.
    #[must_use]
    pub fn balance(&self, account: AccountId, asset: AssetId) -> Balance {
        self.balances.of(account, asset)
    }

    /// The sum over all accounts, free and locked.
    #[must_use]
    pub fn total(&self, asset: AssetId) -> i128 {
        self.balances.total(asset)
    }

    /// What was deposited since the last reset, in amount steps.
    #[must_use]
    pub fn deposited(&self, asset: AssetId) -> i128 {
        self.balances.deposited(asset)
    }

    /// What the venue earned in fees since the last reset, in amount steps.
    #[must_use]
    pub fn fees_earned(&self, asset: AssetId) -> i128 {
        self.balances.fees(asset)
    }

    /// A symbol's fees in millionths: maker's and taker's.
    #[must_use]
    pub fn fees(&self, symbol: SymbolId) -> (u32, u32) {
        let market = &self.markets[symbol.index()];
        (market.maker_ppm, market.taker_ppm)
    }

    /// A perpetual's mark price in ticks, once it was set.
    #[must_use]
    pub fn mark(&self, symbol: SymbolId) -> Option<i64> {
        self.markets[symbol.index()].mark
    }

    /// The account's trade group.
    #[must_use]
    pub fn trade_group(&self, account: AccountId) -> Option<u32> {
        self.accounts[account.index()].group
    }

    /// Whether the account keeps long and short positions apart.
    #[must_use]
    pub fn is_hedged(&self, account: AccountId) -> bool {
        self.accounts[account.index()].is_hedged
    }

    /// An account's leverage on a perpetual.
    #[must_use]
    pub fn leverage(&self, account: AccountId, symbol: SymbolId) -> u32 {
        let holding = self.positions.holding(account, &self.markets[symbol.index()]);
        holding.map_or(LEVERAGE_DEFAULT, |holding| holding.leverage)
    }

    /// What an account holds of a perpetual. In one-way mode ask for [`PositionSide::Both`].
    #[must_use]
    pub fn position(&self, account: AccountId, symbol: SymbolId, side: PositionSide) -> Position {
        let exposure = self.positions.exposure(account, &self.markets[symbol.index()], side);
        exposure.map(|exposure| exposure.position).unwrap_or_default()
    }

    /// Profit of one position at its mark price, in amount steps; 0 until there is one.
    #[must_use]
    pub fn unrealised_of(&self, account: AccountId, symbol: SymbolId, side: PositionSide) -> i128 {
        let market = &self.markets[symbol.index()];
        self.positions.exposure(account, market, side).map_or(0, |exposure| exposure.unrealised(market))
    }

    /// Initial margin of one position, in amount steps.
    #[must_use]
    pub fn position_margin(&self, account: AccountId, symbol: SymbolId, side: PositionSide) -> i128 {
        let (market, leverage) = (&self.markets[symbol.index()], self.leverage(account, symbol));
        let exposure = self.positions.exposure(account, market, side);
        exposure.map_or(0, |exposure| exposure.position_margin(market, leverage))
    }

    /// Initial margin that the open orders of one position need beside it, in amount steps.
    #[must_use]
    pub fn order_margin(&self, account: AccountId, symbol: SymbolId, side: PositionSide) -> i128 {
        let (market, leverage) = (&self.markets[symbol.index()], self.leverage(account, symbol));
        let exposure = self.positions.exposure(account, market, side);
        exposure.map_or(0, |exposure| {
            exposure.margin(market, leverage) - exposure.position_margin(market, leverage)
        })
    }

    /// Profit of all the account's positions of that margin asset at their mark prices, in amount steps.
    #[must_use]
    pub fn unrealised(&self, account: AccountId, margin: AssetId) -> i128 {
        self.margin_sums(account, margin).0
    }

    /// What of a wallet may back new orders: wallet and unrealised profit without the margin of positions and
    /// open orders; in amount steps, below zero after losses. Looks at all perpetuals of that margin asset.
    #[must_use]
    pub fn available(&self, account: AccountId, margin: AssetId) -> i128 {
        let (unrealised, needed) = self.margin_sums(account, margin);
        self.balance(account, margin).free.saturating_add(unrealised).saturating_sub(needed)
    }

    fn margin_sums(&self, account: AccountId, margin: AssetId) -> (i128, i128) {
        let kind = MarketKind::Perpetual { margin };
        self.positions.sums(account, self.markets.iter().filter(|market| market.kind == kind))
    }
}
