//! What is listed, who is there, and what they have set.

use super::book::Book;
use super::market::{Market, WHOLE_PPM};
use super::positions::LEVERAGE_MAX;
use super::types::{AccountId, AssetId, Command, Event, MarketKind, Reject, SymbolId};
use super::{Counters, Engine};

/// What an account has set.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Settings {
    pub(super) group: Option<u32>,
    pub(super) is_hedged: bool,
}

impl Engine {
    /// A new asset.
    ///
    /// # Panics
    /// There are 65,536 of them; [`super::Command::AddAsset`] is refused then.
    pub fn add_asset(&mut self) -> AssetId {
        self.list_asset().expect("fewer assets than 65,536")
    }

    /// A new account, with nothing in it.
    ///
    /// # Panics
    /// There are 65,536 of them; [`super::Command::AddAccount`] is refused then.
    pub fn add_account(&mut self) -> AccountId {
        self.open_account().expect("fewer accounts than 65,536")
    }

    pub(super) fn list_asset(&mut self) -> Result<AssetId, Reject> {
        self.balances.add_asset()
    }

    pub(super) fn open_account(&mut self) -> Result<AccountId, Reject> {
        let id = self.balances.add_account()?;
        self.positions.add_account();
        self.accounts.push(Settings::default());
        Ok(id)
    }

    /// A new symbol with an empty book. A tick is `10^-price_decimals`, a lot `10^-qty_decimals`.
    ///
    /// # Errors
    /// Together they are finer than [`super::AMOUNT_DECIMALS`], an asset is unknown, or there are too many
    /// symbols.
    pub fn add_symbol(
        &mut self,
        kind: MarketKind,
        price_decimals: u8,
        qty_decimals: u8,
    ) -> Result<SymbolId, Reject> {
        let mut market = Market::new(kind, price_decimals, qty_decimals)?;
        let id = SymbolId::new(u16::try_from(self.markets.len()).map_err(|_| Reject::TooMuch)?);
        match kind {
            MarketKind::Spot { base, quote } => {
                self.knows(None, Some(base), None)?;
                self.knows(None, Some(quote), None)?;
            }
            MarketKind::Perpetual { margin } => {
                self.knows(None, Some(margin), None)?;
                market.perpetual = Some(self.positions.add_perpetual());
            }
        }
        self.markets.push(market);
        self.books.push(Book::default());
        Ok(id)
    }

    /// Gives an account an amount out of nowhere: the only thing that changes an asset's total. The balance's
    /// event comes with the next command; [`super::Command::Deposit`] tells it at once.
    ///
    /// # Errors
    /// It is not above zero, somebody or something is unknown, or the total would be above
    /// [`super::DEPOSITS_MAX`].
    pub fn deposit(&mut self, account: AccountId, asset: AssetId, amount: i128) -> Result<(), Reject> {
        self.knows(Some(account), Some(asset), None)?;
        self.balances.deposit(account, asset, amount)
    }

    /// The commands that answer nothing but that they were done.
    pub(super) fn set(&mut self, command: &Command, events: &mut Vec<Event>) -> Result<(), Reject> {
        match *command {
            Command::Deposit { account, asset, amount } => {
                self.deposit(account, asset, amount)?;
                self.balances.report(events);
            }
            Command::Fees { symbol, maker_ppm, taker_ppm } => self.set_fees(symbol, maker_ppm, taker_ppm)?,
            Command::Step { symbol, lots } => self.set_step(symbol, lots)?,
            Command::Leverage { account, symbol, leverage } => {
                self.set_leverage(account, symbol, leverage)?;
            }
            Command::PositionMode { account, hedge } => self.set_hedged(account, hedge)?,
            Command::TradeGroup { account, group } => self.set_group(account, group)?,
            Command::Mark { symbol, price } => self.set_mark(symbol, price)?,
            Command::Wipe => self.wipe(events),
            Command::AddAsset
            | Command::AddAccount
            | Command::AddSymbol { .. }
            | Command::Place(_)
            | Command::Cancel { .. }
            | Command::Amend { .. }
            | Command::Modify { .. }
            | Command::Expire { .. } => unreachable!("these have an answer"),
        }
        Ok(())
    }

    fn set_fees(&mut self, symbol: SymbolId, maker: u32, taker: u32) -> Result<(), Reject> {
        self.knows(None, None, Some(symbol))?;
        if maker > WHOLE_PPM || taker > WHOLE_PPM {
            return Err(Reject::OutOfBounds);
        }
        let market = &mut self.markets[symbol.index()];
        (market.maker_ppm, market.taker_ppm) = (maker, taker);
        Ok(())
    }

    fn set_step(&mut self, symbol: SymbolId, lots: i64) -> Result<(), Reject> {
        self.knows(None, None, Some(symbol))?;
        if lots <= 0 {
            return Err(Reject::OutOfBounds);
        }
        self.markets[symbol.index()].step = lots;
        Ok(())
    }

    fn set_mark(&mut self, symbol: SymbolId, price: i64) -> Result<(), Reject> {
        self.knows(None, None, Some(symbol))?;
        let market = &mut self.markets[symbol.index()];
        if !market.is_perpetual() {
            return Err(Reject::Unsupported);
        }
        if price <= 0 {
            return Err(Reject::OutOfBounds);
        }
        market.mark = Some(price);
        Ok(())
    }

    /// A lower leverage needs more margin: what is free of the wallet must bear it.
    fn set_leverage(&mut self, account: AccountId, symbol: SymbolId, leverage: u32) -> Result<(), Reject> {
        self.knows(Some(account), None, Some(symbol))?;
        if !(1..=LEVERAGE_MAX).contains(&leverage) {
            return Err(Reject::OutOfBounds);
        }
        let MarketKind::Perpetual { margin } = self.markets[symbol.index()].kind else {
            return Err(Reject::Unsupported);
        };
        let available = self.available(account, margin);
        let before = self.change_leverage(account, symbol, leverage);
        let after = self.available(account, margin);
        if after < 0 && after < available {
            self.change_leverage(account, symbol, before);
            return Err(Reject::InsufficientMargin);
        }
        Ok(())
    }

    fn change_leverage(&mut self, account: AccountId, symbol: SymbolId, leverage: u32) -> u32 {
        let market = &self.markets[symbol.index()];
        let holding = self.positions.holding_mut(account, market).expect("checked to be a perpetual");
        std::mem::replace(&mut holding.leverage, leverage)
    }

    fn set_hedged(&mut self, account: AccountId, is_hedged: bool) -> Result<(), Reject> {
        self.knows(Some(account), None, None)?;
        if self.accounts[account.index()].is_hedged == is_hedged {
            return Ok(());
        }
        let mut perpetuals = self.symbols().filter(|symbol| self.markets[symbol.index()].is_perpetual());
        if perpetuals.any(|symbol| self.orders.count(account, symbol) > 0) {
            return Err(Reject::OpenOrders);
        }
        let holdings = self.positions.of_account(account).iter();
        if holdings.flat_map(|holding| holding.sides()).any(|side| side.position.qty != 0) {
            return Err(Reject::OpenPosition);
        }
        self.accounts[account.index()].is_hedged = is_hedged;
        Ok(())
    }

    fn set_group(&mut self, account: AccountId, group: Option<u32>) -> Result<(), Reject> {
        self.knows(Some(account), None, None)?;
        self.accounts[account.index()].group = group;
        Ok(())
    }

    /// The monthly reset.
    fn wipe(&mut self, events: &mut Vec<Event>) {
        self.books.iter_mut().for_each(Book::wipe);
        self.orders.wipe();
        self.balances.wipe();
        self.positions.wipe();
        self.counters = Counters::default();
        events.push(Event::Wiped);
    }

    /// Whether there is such an account, asset and symbol.
    pub(super) fn knows(
        &self,
        account: Option<AccountId>,
        asset: Option<AssetId>,
        symbol: Option<SymbolId>,
    ) -> Result<(), Reject> {
        let is_known = account.is_none_or(|id| id.index() < self.accounts.len())
            && asset.is_none_or(|id| id.index() < self.balances.assets().len())
            && symbol.is_none_or(|id| id.index() < self.markets.len());
        if is_known { Ok(()) } else { Err(Reject::UnknownId) }
    }
}
