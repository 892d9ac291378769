//! The venue's state: one engine, its history, its faults, and who listens. One owner at a time holds it.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::Duration;

use schemas::order::Side;

use super::binance::candles::Candles;
use super::binance::feed::MarketFeed;
use super::binance::prefix_switch::PrefixSwitches;
use super::binance::{Addresses, Hub, OrderLimit, Signer};
use super::binance_spot::{Amendments, PreventedMatches, Tags};
use super::binance_usdm::{self, Desk};
use super::crowd::{self, Crowd, CrowdSettings};
use super::engine::{
    AMOUNT_DECIMALS, AccountId, AssetId, ClientId, Command, Done, Engine, Event, MarketKind, NewOrder, Order,
    OrderId, Reject, SymbolId,
};
use super::faults::Faults;
use super::ledger::history::History;
use super::ledger::journal::{Checked, Journal};
use super::ledger::notice::{Notice, NoticeKind};
use super::ledger::{Connections, Names};
use super::options::{AccountSpec, Balance, VenueError, VenueOptions};
use super::owners::Owners;
use super::profile::{Profile, SymbolRules};
use super::socket::Manners;
use super::symbols::{Product, SymbolSpec};
use crate::clock;

/// Whole units of every asset that each account begins with.
const AMPLE: i128 = 1_000_000_000_000;
/// Most stamps that are kept; more orders than that go unstamped.
const STAMPS_MAX: usize = 2_000_000;

/// A symbol and what hangs on it.
#[derive(Debug)]
pub(super) struct Symbol {
    pub(super) id: SymbolId,
    pub(super) spec: SymbolSpec,
    pub(super) base: AssetId,
    pub(super) quote: AssetId,
    /// Its own, or those of its product.
    pub(super) rules: SymbolRules,
    /// What `exchangeInfo` tells where that is not what is in force.
    pub(super) told_rules: Option<SymbolRules>,
    /// The book as it is shown while a fault stops it.
    pub(super) frozen: Option<Snapshot>,
}

/// An asset's name, and how many decimals its amounts can have.
#[derive(Debug)]
pub(super) struct Asset {
    pub(super) name: String,
    pub(super) decimals: u8,
}

/// An account, beside its balances.
#[derive(Debug)]
pub(super) struct Account {
    pub(super) key: String,
    pub(super) signer: Signer,
    /// No order of it may ask for NONE.
    pub(super) require_stp: bool,
    /// By product.
    pub(super) orders: [OrderLimit; 2],
    /// When its balances last changed.
    pub(super) updated_ms: i64,
}

/// A book: prices in ticks and quantities in lots, best first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Snapshot {
    pub(super) update_id: u64,
    pub(super) bids: Vec<(i64, i64)>,
    pub(super) asks: Vec<(i64, i64)>,
}

/// Everything the venue knows.
#[derive(Debug)]
pub(super) struct State {
    engine: Engine,
    /// What the last command brought about; emptied when it has been told.
    pub(super) events: Vec<Event>,
    /// The client id of the cancel that is being carried out.
    pub(super) cancel_id: Option<ClientId>,
    pub(super) profile: Profile,
    pub(super) symbols: Vec<Symbol>,
    pub(super) assets: Vec<Asset>,
    pub(super) accounts: Vec<Account>,
    pub(super) history: History,
    /// Away while it acts.
    pub(super) crowd: Option<Box<Crowd>>,
    /// By symbol.
    pub(super) candles: Vec<Candles>,
    /// What clients mark their orders with.
    pub(super) tags: Tags,
    pub(super) prevented: PreventedMatches,
    pub(super) amendments: Amendments,
    pub(super) owners: Owners,
    /// What is written down of all that passes [`State::apply`].
    pub(super) journal: Journal,
    pub(super) connections: Connections,
    pub(super) faults: Faults,
    pub(super) addresses: Addresses,
    /// Surplus parameters are refused.
    pub(super) strict_parameters: bool,
    /// How long a connection lives.
    connection_life: Duration,
    pub(super) hub: Hub,
    /// What the USD-M dialect remembers.
    pub(super) usdm: Desk,
    /// Whether it has a dead man's switch of its own.
    pub(super) own_switch: bool,
    pub(super) switches: PrefixSwitches,
    /// Client id and moment of reading, nanoseconds since the epoch; none if stamps are off.
    pub(super) stamps: Option<Vec<(ClientId, u64)>>,
    symbols_by_name: [HashMap<String, SymbolId>; 2],
    /// An asset of one product is another one than its namesake of the other.
    assets_by_name: HashMap<(Product, String), AssetId>,
    accounts_by_key: HashMap<String, AccountId>,
    /// What the accounts began with.
    endowments: Vec<(AccountId, AssetId, i128)>,
    ids_made: u64,
}

impl State {
    pub(super) fn new(options: &VenueOptions) -> Result<Self, VenueError> {
        check(options)?;
        let profile = options.effective_profile();
        let (symbols, accounts) = (options.symbols.len(), &options.accounts);
        let faults = Faults::new(options);
        let mut state = Self {
            engine: Engine::default(),
            events: Vec::with_capacity(64),
            cancel_id: None,
            history: History::new(symbols, options.ledger.history),
            crowd: None,
            tags: Tags::default(),
            prevented: PreventedMatches::default(),
            amendments: Amendments::default(),
            owners: Owners::new(profile.refuse_older_epochs),
            candles: (0..symbols).map(|_| Candles::default()).collect(),
            journal: Journal::new(options, clock::wall_ms())?,
            connections: Connections::default(),
            addresses: Addresses::new(&profile),
            strict_parameters: options.strict_parameters,
            connection_life: options.connection_life,
            own_switch: options.own_switch,
            switches: PrefixSwitches::default(),
            usdm: Desk::new(options.listen_key_ms, options.shuffle_batches),
            hub: Hub::new(symbols, faults.clone()),
            faults,
            stamps: (options.stamps || options.stamp_file.is_some()).then(|| Vec::with_capacity(STAMPS_MAX)),
            symbols: Vec::with_capacity(symbols),
            assets: Vec::new(),
            accounts: Vec::with_capacity(accounts.len()),
            symbols_by_name: Default::default(),
            assets_by_name: HashMap::new(),
            accounts_by_key: HashMap::new(),
            endowments: Vec::new(),
            ids_made: 0,
            profile,
        };
        for (at, spec) in options.symbols.iter().enumerate() {
            state.list(spec).map_err(|what| VenueError::Symbol { entry: at + 1, what })?;
        }
        for spec in accounts {
            state.open_account(spec)?;
        }
        state.hub.set_latency(state.profile.latency);
        binance_usdm::begin(&mut state);
        if let Some(settings) = &options.crowd {
            state.gather(settings)?;
        }
        state.events.clear();
        Ok(state)
    }

    /// Opens the crowd's accounts, and lets it in.
    fn gather(&mut self, settings: &CrowdSettings) -> Result<(), VenueError> {
        let [maker, taker] = crowd::accounts();
        if let Some(taken) = [&maker, &taker].into_iter().find(|own| self.account_of_key(&own.key).is_some())
        {
            return Err(VenueError::Duplicate(taken.key.clone()));
        }
        let accounts = [self.open_account(&maker)?, self.open_account(&taker)?];
        self.crowd = Some(Box::new(Crowd::new(settings, self, accounts)));
        Ok(())
    }

    /// The one door through which anything changes: commands are carried out in the order in which they come
    /// here. There they are recorded and what they bring about is hashed and entered into the event log; it waits
    /// in [`State::events`] to be told.
    pub(super) fn apply(&mut self, command: &Command) -> Result<Done, Reject> {
        let before = self.events.len();
        self.journal.command(command);
        let done = self.engine.apply(command, &mut self.events);
        let names = Names { symbols: &self.symbols, accounts: &self.accounts };
        if self.journal.done(&self.events[before..], done.is_err(), names) {
            self.journal.check(&self.engine, names);
        }
        done
    }

    /// The venue's time has come to that moment: what is recorded from now on bears it.
    pub(super) fn at(&mut self, now_ms: i64) {
        self.journal.at(now_ms);
    }

    /// Enters something that happened beside the engine into the event log.
    pub(super) fn announce(&mut self, notice: Notice) {
        let names = Names { symbols: &self.symbols, accounts: &self.accounts };
        self.journal.announce(notice, names);
    }

    /// Checks whether funds, fills and sequences add up.
    pub(super) fn check(&mut self) -> &Checked {
        let names = Names { symbols: &self.symbols, accounts: &self.accounts };
        self.journal.check(&self.engine, names)
    }

    /// Places an order; one that is refused counts.
    pub(super) fn place(&mut self, new: &NewOrder) -> Result<Order, Reject> {
        match self.apply(&Command::Place(*new)) {
            Ok(Done::Order(order)) => Ok(order),
            Ok(Done::Nothing | Done::Asset(_) | Done::Account(_) | Done::Symbol(_)) => {
                unreachable!("an order is answered with an order")
            }
            Err(reject) => {
                self.history.totals.rejected += 1;
                Err(reject)
            }
        }
    }

    /// Cancels an open order; none if there is no such order.
    pub(super) fn cancel(&mut self, id: OrderId, now_ms: i64) -> Option<Order> {
        match self.apply(&Command::Cancel { id, now_ms }) {
            Ok(Done::Order(order)) => Some(order),
            Ok(Done::Nothing | Done::Asset(_) | Done::Account(_) | Done::Symbol(_)) | Err(_) => None,
        }
    }

    /// The monthly reset: orders, trades and balances are gone, numbers begin again, API keys stay. Every account is
    /// given its balances anew. Nobody is told, but for those whose listen keys end.
    pub(super) fn wipe(&mut self) {
        if let Err(reject) = self.apply(&Command::Wipe) {
            return tracing::error!(%reject, "the venue is not reset");
        }
        self.announce(Notice::new(NoticeKind::Reset, "orders, trades and balances are gone"));
        for (account, asset, amount) in self.endowments.clone() {
            self.apply(&Command::Deposit { account, asset, amount })
                .expect("as at the start, when nothing else was there");
        }
    }

    /// The engine has been wiped: what is remembered of its orders and trades is forgotten. Numbers begin again, so
    /// that what is remembered by number would be another order's.
    pub(super) fn forget(&mut self, now_ms: i64) {
        self.history.wipe();
        self.candles.fill_with(Candles::default);
        (self.tags, self.prevented, self.amendments) = Default::default();
        self.usdm.wipe(now_ms);
        for at in 0..self.symbols.len() {
            let update_id = self.engine.update_id(self.symbols[at].id);
            self.hub.feeds[at] = MarketFeed::after(update_id);
            self.symbols[at].frozen = None;
        }
    }

    /// The books, orders and balances as they stand.
    pub(super) const fn engine(&self) -> &Engine {
        &self.engine
    }

    pub(super) fn symbol(&self, id: SymbolId) -> &Symbol {
        &self.symbols[id.index()]
    }

    pub(super) fn symbol_named(&self, product: Product, name: &str) -> Option<SymbolId> {
        self.symbols_by_name[product.index()].get(name).copied()
    }

    /// How a product's connections have to behave: Spot's are pinged more often, and the number of messages is
    /// limited on stream connections.
    pub(super) fn manners(&self, product: Product, is_api: bool) -> Manners {
        let (ping_every, pong_within) = match product {
            Product::Spot => (Duration::from_secs(20), Duration::from_secs(60)),
            Product::UsdM => (Duration::from_secs(180), Duration::from_secs(600)),
        };
        let messages_per_s = self.profile.market(product).messages_per_s.filter(|_| !is_api);
        Manners { ping_every, pong_within, life: self.connection_life, messages_per_s }
    }

    /// A product's symbols, in the order in which they were listed.
    pub(super) fn symbols_of(&self, product: Product) -> impl Iterator<Item = &Symbol> {
        self.symbols.iter().filter(move |symbol| symbol.spec.product == product)
    }

    pub(super) fn orders_mut(&mut self, account: AccountId, product: Product) -> &mut OrderLimit {
        &mut self.account_mut(account).orders[product.index()]
    }

    pub(super) fn asset(&self, id: AssetId) -> &Asset {
        &self.assets[id.index()]
    }

    pub(super) fn asset_id(&self, product: Product, name: &str) -> Option<AssetId> {
        self.assets_by_name.get(&(product, name.to_owned())).copied()
    }

    pub(super) fn account_mut(&mut self, id: AccountId) -> &mut Account {
        &mut self.accounts[id.index()]
    }

    pub(super) fn account_of_key(&self, key: &str) -> Option<AccountId> {
        self.accounts_by_key.get(key).copied()
    }

    /// Lists a symbol and what of its assets is new; what is wrong with it, in a few words.
    fn list(&mut self, spec: &SymbolSpec) -> Result<(), String> {
        let (price, qty) = (spec.price_decimals, spec.qty_decimals);
        let base = self.asset_named(spec.product, &spec.base, qty);
        let quote = self.asset_named(spec.product, &spec.quote, price.saturating_add(qty));
        let kind = match spec.product {
            Product::Spot => MarketKind::Spot { base, quote },
            Product::UsdM => MarketKind::Perpetual { margin: quote },
        };
        let command = Command::AddSymbol { kind, price_decimals: price, qty_decimals: qty };
        let Done::Symbol(id) = self.apply(&command).map_err(|reject| {
            format!("{price} and {qty} decimals are too fine, want at most 18 together ({reject})")
        })?
        else {
            return Err("not listed".to_owned());
        };
        self.symbols_by_name[spec.product.index()].insert(spec.name.clone(), id);
        let rules = self.profile.rules(spec);
        self.symbols.push(Symbol {
            id,
            spec: spec.clone(),
            base,
            quote,
            rules,
            told_rules: None,
            frozen: None,
        });
        self.set_fees(id)
    }

    /// Makes a symbol's fees and MARKET step known to the engine; what it does not know yet is left out.
    fn set_fees(&mut self, symbol: SymbolId) -> Result<(), String> {
        let rules = &self.symbol(symbol).rules;
        let (maker_ppm, taker_ppm) = (rules.maker_fee_ppm, rules.taker_fee_ppm);
        let lots = rules.lot.step.max(rules.market_lot.step).max(1);
        for (needed, command) in [
            (maker_ppm > 0 || taker_ppm > 0, Command::Fees { symbol, maker_ppm, taker_ppm }),
            (lots > 1, Command::Step { symbol, lots }),
        ] {
            if needed {
                self.apply(&command).map_err(|reject| format!("fees or step not taken: {reject}"))?;
            }
        }
        Ok(())
    }

    /// The asset of that name; a new one is made known to the engine.
    fn asset_named(&mut self, product: Product, name: &str, decimals: u8) -> AssetId {
        let key = (product, name.to_owned());
        if let Some(id) = self.assets_by_name.get(&key).copied() {
            let asset = &mut self.assets[id.index()];
            asset.decimals = asset.decimals.max(decimals);
            return id;
        }
        let Ok(Done::Asset(id)) = self.apply(&Command::AddAsset) else {
            unreachable!("fewer assets than the engine numbers, by the check of the options")
        };
        self.assets.push(Asset { name: name.to_owned(), decimals });
        self.assets_by_name.insert(key, id);
        id
    }

    /// Opens an account with what it begins with.
    fn open_account(&mut self, spec: &AccountSpec) -> Result<AccountId, VenueError> {
        let Ok(Done::Account(account)) = self.apply(&Command::AddAccount) else {
            unreachable!("fewer accounts than the engine numbers, by the check of the options")
        };
        for (asset, amount) in self.endowment(spec)? {
            self.endowments.push((account, asset, amount));
            self.apply(&Command::Deposit { account, asset, amount }).map_err(|reject| {
                VenueError::Account { key: spec.key.clone(), what: format!("balance not taken: {reject}") }
            })?;
        }
        if let Some(group) = spec.trade_group {
            self.settle_account(spec, &Command::TradeGroup { account, group: Some(group) })?;
        }
        if spec.hedge {
            self.settle_account(spec, &Command::PositionMode { account, hedge: true })?;
        }
        let signer = Signer::new(&spec.credential)
            .map_err(|what| VenueError::Account { key: spec.key.clone(), what })?;
        self.accounts.push(Account::new(spec, signer, &self.profile));
        self.accounts_by_key.insert(spec.key.clone(), account);
        Ok(account)
    }

    fn settle_account(&mut self, spec: &AccountSpec, command: &Command) -> Result<(), VenueError> {
        match self.apply(command) {
            Ok(_) => Ok(()),
            Err(reject) => Err(VenueError::Account { key: spec.key.clone(), what: reject.to_string() }),
        }
    }

    /// What an account begins with, in amount steps.
    fn endowment(&self, spec: &AccountSpec) -> Result<Vec<(AssetId, i128)>, VenueError> {
        let Some(balances) = &spec.balances else {
            let amount = AMPLE * 10_i128.pow(AMOUNT_DECIMALS.into());
            let all: BTreeSet<_> = self.assets_by_name.values().copied().collect();
            return Ok(all.into_iter().map(|asset| (asset, amount)).collect());
        };
        let wrong = |what: String| VenueError::Account { key: spec.key.clone(), what };
        let read = |balance: &Balance| {
            let Balance { product, asset, amount } = balance;
            let id = self.assets_by_name.get(&(*product, asset.clone()));
            let id = id.ok_or_else(|| wrong(format!("no {} symbol has asset {asset}", product.as_str())))?;
            let steps = amount.to_steps_exact(AMOUNT_DECIMALS).filter(|steps| *steps > 0);
            Ok((*id, steps.ok_or_else(|| wrong(format!("{asset}: want an amount above zero")))?))
        };
        balances.iter().map(read).collect()
    }

    /// A client id for who gave none.
    pub(super) fn make_client_id(&mut self) -> ClientId {
        self.ids_made += 1;
        ClientId::new(&format!("venue{:017}", self.ids_made)).expect("22 characters")
    }

    /// The book as it is shown: as it stands, or as it stood when a fault stopped it.
    pub(super) fn snapshot(&self, symbol: SymbolId, limit: usize) -> Snapshot {
        if let Some(frozen) = &self.symbol(symbol).frozen {
            let mut frozen = frozen.clone();
            frozen.bids.truncate(limit);
            frozen.asks.truncate(limit);
            return frozen;
        }
        Snapshot {
            update_id: self.engine.update_id(symbol),
            bids: self.engine.levels(symbol, Side::Buy).take(limit).collect(),
            asks: self.engine.levels(symbol, Side::Sell).take(limit).collect(),
        }
    }

    /// Notes when an order's frame was read.
    pub(super) fn stamp(&mut self, client: &str, read_ns: u64) {
        if let (Some(stamps), Some(client)) = (&mut self.stamps, ClientId::new(client))
            && stamps.len() < STAMPS_MAX
        {
            stamps.push((client, read_ns));
        }
    }

    /// The stamps as lines of client order id and nanoseconds.
    pub(super) fn stamp_lines(&self) -> String {
        let mut lines = String::new();
        for (client, read_ns) in self.stamps.iter().flatten() {
            lines.push_str(client.as_str());
            lines.push(' ');
            lines.push_str(&read_ns.to_string());
            lines.push('\n');
        }
        lines
    }
}

impl Symbol {
    /// The rules as `exchangeInfo` tells them.
    pub(super) fn told(&self) -> &SymbolRules {
        self.told_rules.as_ref().unwrap_or(&self.rules)
    }
}

impl Account {
    fn new(spec: &AccountSpec, signer: Signer, profile: &Profile) -> Self {
        Self {
            key: spec.key.clone(),
            signer,
            require_stp: spec.require_stp,
            orders: Product::ALL.map(|product| OrderLimit::new(profile.market(product))),
            updated_ms: 0,
        }
    }
}

fn check(options: &VenueOptions) -> Result<(), VenueError> {
    let names: Vec<String> = options
        .symbols
        .iter()
        .map(|symbol| match symbol.product {
            Product::Spot => symbol.name.clone(),
            Product::UsdM => format!("{} ({})", symbol.name, symbol.product.as_str()),
        })
        .collect();
    options.check_faults()?;
    unique("symbols", names.iter())?;
    unique("accounts", options.accounts.iter().map(|account| &account.key))
}

/// At least one name, none twice, no more than the engine numbers.
fn unique<'a>(what: &'static str, mut names: impl Iterator<Item = &'a String>) -> Result<(), VenueError> {
    let mut seen = HashSet::new();
    if let Some(twice) = names.find(|name| !seen.insert(*name)) {
        return Err(VenueError::Duplicate(twice.clone()));
    }
    match seen.len() {
        0 => Err(VenueError::Empty(what)),
        // Two assets a symbol at most, and all of them numbered in 16 bits.
        count if count > usize::from(u16::MAX / 2) => Err(VenueError::TooMany(what)),
        _ => Ok(()),
    }
}
