//! What every account holds. No amount appears or disappears but by a deposit.

use serde::{Deserialize, Serialize};

use super::market::{Market, Role, tick_lots};
use super::types::{AccountId, AssetId, Event, Order, Reject};

/// Amounts are whole steps of `10^-18` of their asset, whatever the symbol's decimals.
pub const AMOUNT_DECIMALS: u8 = 18;

/// Most that can be deposited of an asset, all accounts together, and most that an account may have on the way
/// on a perpetual: what all 65,536 accounts could have together stays inside 128 bits.
pub const DEPOSITS_MAX: i128 = i128::MAX >> 17;

/// What an account holds of an asset, in steps of `10^-`[`AMOUNT_DECIMALS`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Balance {
    /// May be spent. The wallet of a perpetual's margin asset is all here, and after losses may be below zero.
    pub free: i128,
    /// Held for open spot orders.
    pub locked: i128,
}

/// What an asset's total must come to.
#[derive(Clone, Copy, Debug, Default)]
struct Book {
    deposited: i128,
    fees: i128,
}

/// The balances of all accounts, and which of them the present command changed.
#[derive(Debug, Default)]
pub(super) struct Balances {
    assets: Vec<Book>,
    accounts: Vec<Vec<Balance>>,
    touched: Vec<(AccountId, AssetId)>,
}

impl Balances {
    pub(super) fn add_asset(&mut self) -> Result<AssetId, Reject> {
        let id = AssetId::new(u16::try_from(self.assets.len()).map_err(|_| Reject::TooMuch)?);
        self.assets.push(Book::default());
        for account in &mut self.accounts {
            account.push(Balance::default());
        }
        Ok(id)
    }

    pub(super) fn add_account(&mut self) -> Result<AccountId, Reject> {
        let id = AccountId::new(u16::try_from(self.accounts.len()).map_err(|_| Reject::TooMuch)?);
        self.accounts.push(vec![Balance::default(); self.assets.len()]);
        Ok(id)
    }

    pub(super) fn accounts(&self) -> impl Iterator<Item = AccountId> + use<> {
        (0..self.accounts.len()).map(|at| AccountId::new(u16::try_from(at).expect("numbered by add_account")))
    }

    pub(super) fn assets(&self) -> impl ExactSizeIterator<Item = AssetId> + use<> {
        (0..self.assets.len()).map(|at| AssetId::new(u16::try_from(at).expect("numbered by add_asset")))
    }

    pub(super) fn deposit(&mut self, account: AccountId, asset: AssetId, amount: i128) -> Result<(), Reject> {
        if amount <= 0 {
            return Err(Reject::NotPositive);
        }
        let deposited = &mut self.assets[asset.index()].deposited;
        *deposited = deposited
            .checked_add(amount)
            .filter(|deposited| *deposited <= DEPOSITS_MAX)
            .ok_or(Reject::TooMuch)?;
        self.at(account, asset).free += amount;
        Ok(())
    }

    pub(super) fn of(&self, account: AccountId, asset: AssetId) -> Balance {
        self.accounts[account.index()][asset.index()]
    }

    pub(super) fn total(&self, asset: AssetId) -> i128 {
        self.accounts.iter().map(|account| account[asset.index()]).map(|held| held.free + held.locked).sum()
    }

    pub(super) fn fees(&self, asset: AssetId) -> i128 {
        self.assets[asset.index()].fees
    }

    pub(super) fn deposited(&self, asset: AssetId) -> i128 {
        self.assets[asset.index()].deposited
    }

    /// Holds an amount for an order.
    pub(super) fn lock(&mut self, account: AccountId, asset: AssetId, amount: i128) -> Result<(), Reject> {
        if self.of(account, asset).free < amount {
            return Err(Reject::InsufficientBalance);
        }
        let balance = self.at(account, asset);
        balance.free -= amount;
        balance.locked += amount;
        Ok(())
    }

    /// Gives back what was held for `qty` lots that will not trade.
    pub(super) fn release(&mut self, market: &Market, order: &Order, qty: i64) {
        let amount = market.held(order, qty);
        let balance = self.at(order.account, market.spends(order.side));
        balance.locked -= amount;
        balance.free += amount;
    }

    /// One order's side of a spot trade: spends what was held for it, gives back what a better price saved, and
    /// pays the fee from what it receives. Answers the fee; `role` none = a transfer, which costs nothing.
    pub(super) fn settle(
        &mut self,
        market: &Market,
        order: &Order,
        role: Option<Role>,
        (price, qty): (i64, i64),
    ) -> i128 {
        let side = order.side;
        let cost = |side| market.cost(side, price, qty).expect("no more than what was locked");
        let (held, spent, got) = (market.held(order, qty), cost(side), cost(side.opposite()));
        let balance = self.at(order.account, market.spends(side));
        balance.locked -= held;
        balance.free += held - spent;
        let fee = role.map_or(0, |role| market.fee(role, got));
        self.at(order.account, market.receives(side)).free += got - fee;
        self.assets[market.receives(side).index()].fees += fee;
        fee
    }

    /// One order's side of a perpetual trade, in its wallet. Answers the fee on the notional.
    pub(super) fn settle_margin(
        &mut self,
        market: &Market,
        order: &Order,
        role: Option<Role>,
        (price, qty): (i64, i64),
        realised: i128,
    ) -> i128 {
        let notional = market.amount_or_bound(tick_lots(price, qty));
        let fee = role.map_or(0, |role| market.fee(role, notional));
        let margin = market.spends(order.side);
        if fee != 0 || realised != 0 {
            self.at(order.account, margin).free += realised - fee;
            self.assets[margin.index()].fees += fee;
        }
        fee
    }

    /// Writes one event for each balance that changed since the last report.
    pub(super) fn report(&mut self, events: &mut Vec<Event>) {
        for (account, asset) in self.touched.drain(..) {
            let balance = self.accounts[account.index()][asset.index()];
            events.push(Event::Balance { account, asset, balance });
        }
    }

    /// What was touched stands as before.
    pub(super) fn forget_touched(&mut self) {
        self.touched.clear();
    }

    pub(super) fn wipe(&mut self) {
        self.touched.clear();
        self.assets.fill(Book::default());
        for account in &mut self.accounts {
            account.fill(Balance::default());
        }
    }

    fn at(&mut self, account: AccountId, asset: AssetId) -> &mut Balance {
        if !self.touched.contains(&(account, asset)) {
            self.touched.push((account, asset));
        }
        &mut self.accounts[account.index()][asset.index()]
    }
}
