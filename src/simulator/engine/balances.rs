//! What every account holds. No amount appears or disappears but by a deposit.

use schemas::order::Side;
use serde::{Deserialize, Serialize};

use super::types::{AccountId, AssetId, Event, NewOrder, Order, Reject};

/// Amounts are whole steps of `10^-18` of their asset, whatever the symbol's decimals.
pub const AMOUNT_DECIMALS: u8 = 18;

/// What an account holds of an asset, in steps of `10^-`[`AMOUNT_DECIMALS`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Balance {
    /// May be spent.
    pub free: i128,
    /// Held for open orders.
    pub locked: i128,
}

/// Which assets a symbol exchanges, and what a lot and a tick-lot are worth in amount steps.
#[derive(Clone, Copy, Debug)]
pub(super) struct Market {
    base: AssetId,
    quote: AssetId,
    lot: i128,
    tick_lot: i128,
}

impl Market {
    pub(super) fn new(base: AssetId, quote: AssetId, price_decimals: u8, qty_decimals: u8) -> Option<Self> {
        let of_lot = AMOUNT_DECIMALS.checked_sub(qty_decimals)?;
        let of_tick_lot = of_lot.checked_sub(price_decimals)?;
        let (lot, tick_lot) = (10_i128.pow(of_lot.into()), 10_i128.pow(of_tick_lot.into()));
        Some(Self { base, quote, lot, tick_lot })
    }

    /// The asset an order spends, and how much of it `qty` lots cost at `price`; `None` beyond `i128`.
    fn cost(&self, side: Side, price: i64, qty: i64) -> Option<(AssetId, i128)> {
        match side {
            Side::Buy => {
                let tick_lots = i128::from(price) * i128::from(qty);
                Some((self.quote, tick_lots.checked_mul(self.tick_lot)?))
            }
            Side::Sell => Some((self.base, i128::from(qty).checked_mul(self.lot)?)),
        }
    }

    /// As [`Self::cost`], of an order that was locked: it fitted then.
    fn locked_cost(&self, order: &Order, qty: i64) -> (AssetId, i128) {
        self.cost(order.side, order.price, qty).expect("no more than what was locked")
    }
}

/// The balances of all accounts, and which of them the present command changed.
#[derive(Debug, Default)]
pub(super) struct Balances {
    assets: u16,
    accounts: Vec<Vec<Balance>>,
    touched: Vec<(AccountId, AssetId)>,
}

impl Balances {
    pub(super) fn add_asset(&mut self) -> AssetId {
        let id = AssetId::new(self.assets);
        self.assets = self.assets.checked_add(1).expect("fewer assets than 65,536");
        for account in &mut self.accounts {
            account.push(Balance::default());
        }
        id
    }

    pub(super) fn add_account(&mut self) -> AccountId {
        let id = AccountId::new(u16::try_from(self.accounts.len()).expect("fewer accounts than 65,536"));
        self.accounts.push(vec![Balance::default(); usize::from(self.assets)]);
        id
    }

    pub(super) fn accounts(&self) -> impl Iterator<Item = AccountId> + use<> {
        (0..self.accounts.len()).map(|at| AccountId::new(u16::try_from(at).expect("numbered by add_account")))
    }

    pub(super) fn deposit(&mut self, account: AccountId, asset: AssetId, amount: i128) {
        self.at(account, asset).free += amount;
        self.touched.clear();
    }

    pub(super) fn of(&self, account: AccountId, asset: AssetId) -> Balance {
        self.accounts[account.index()][asset.index()]
    }

    pub(super) fn total(&self, asset: AssetId) -> i128 {
        self.accounts.iter().map(|account| account[asset.index()]).map(|held| held.free + held.locked).sum()
    }

    /// Holds what the order may spend at most.
    pub(super) fn lock(&mut self, market: &Market, new: &NewOrder) -> Result<(), Reject> {
        let (asset, amount) = market.cost(new.side, new.price, new.qty).ok_or(Reject::InsufficientBalance)?;
        if self.of(new.account, asset).free < amount {
            return Err(Reject::InsufficientBalance);
        }
        let balance = self.at(new.account, asset);
        balance.free -= amount;
        balance.locked += amount;
        Ok(())
    }

    /// Gives back what was held for `qty` lots that will not trade.
    pub(super) fn release(&mut self, market: &Market, order: &Order, qty: i64) {
        let (asset, amount) = market.locked_cost(order, qty);
        let balance = self.at(order.account, asset);
        balance.locked -= amount;
        balance.free += amount;
    }

    /// One order's side of a trade: spends what was held for it, and gives back what a better price saved.
    pub(super) fn settle(&mut self, market: &Market, order: &Order, price: i64, qty: i64) {
        let (spends, held) = market.locked_cost(order, qty);
        let lots = i128::from(qty) * market.lot;
        let quote = i128::from(price) * i128::from(qty) * market.tick_lot;
        let (spent, gets, got) = match order.side {
            Side::Buy => (quote, market.base, lots),
            Side::Sell => (lots, market.quote, quote),
        };
        let balance = self.at(order.account, spends);
        balance.locked -= held;
        balance.free += held - spent;
        self.at(order.account, gets).free += got;
    }

    /// Writes one event for each balance that changed since the last report.
    pub(super) fn report(&mut self, events: &mut Vec<Event>) {
        for (account, asset) in self.touched.drain(..) {
            let balance = self.accounts[account.index()][asset.index()];
            events.push(Event::Balance { account, asset, balance });
        }
    }

    fn at(&mut self, account: AccountId, asset: AssetId) -> &mut Balance {
        if !self.touched.contains(&(account, asset)) {
            self.touched.push((account, asset));
        }
        &mut self.accounts[account.index()][asset.index()]
    }
}
