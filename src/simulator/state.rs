//! The venue's state: one engine, its history, its faults, and who listens. One owner at a time holds it.

use std::collections::{HashMap, HashSet};

use schemas::order::Side;

use super::binance_spot::{Hub, OrderLimit, Signer, WeightLimit};
use super::engine::{AMOUNT_DECIMALS, AccountId, AssetId, ClientId, Engine, Event, MarketKind, SymbolId};
use super::faults::Faults;
use super::history::History;
use super::options::{AccountSpec, Profile, VenueError, VenueOptions};
use super::symbols::SymbolSpec;

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
    pub(super) orders: OrderLimit,
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
    pub(super) engine: Engine,
    /// What the last command brought about; emptied when it has been told.
    pub(super) events: Vec<Event>,
    /// The client id of the cancel that is being carried out.
    pub(super) cancel_id: Option<ClientId>,
    pub(super) profile: Profile,
    pub(super) symbols: Vec<Symbol>,
    pub(super) assets: Vec<Asset>,
    pub(super) accounts: Vec<Account>,
    pub(super) history: History,
    pub(super) faults: Faults,
    pub(super) weight: WeightLimit,
    pub(super) hub: Hub,
    /// Client id and moment of reading, nanoseconds since the epoch; none if stamps are off.
    pub(super) stamps: Option<Vec<(ClientId, u64)>>,
    symbols_by_name: HashMap<String, SymbolId>,
    accounts_by_key: HashMap<String, AccountId>,
    ids_made: u64,
}

impl State {
    pub(super) fn new(options: &VenueOptions) -> Result<Self, VenueError> {
        check(options)?;
        let mut engine = Engine::default();
        let (assets, symbols) = list(&mut engine, &options.symbols)?;
        let accounts: Vec<_> = options.accounts.iter().map(|spec| Account::new(spec, options)).collect();
        for _ in &accounts {
            let account = engine.add_account();
            for asset in symbols.iter().flat_map(|symbol| [symbol.base, symbol.quote]).collect::<HashSet<_>>()
            {
                engine
                    .deposit(account, asset, AMPLE * 10_i128.pow(AMOUNT_DECIMALS.into()))
                    .expect("far below what the engine counts");
            }
        }
        let names = symbols.iter().map(|symbol| (symbol.spec.name.clone(), symbol.id)).collect();
        let keys = engine.accounts().zip(&accounts).map(|(id, account)| (account.key.clone(), id)).collect();
        Ok(Self {
            engine,
            events: Vec::with_capacity(64),
            cancel_id: None,
            profile: options.profile,
            history: History::new(symbols.len()),
            faults: Faults::new(symbols.len()),
            weight: WeightLimit::new(options),
            hub: Hub::new(symbols.len()),
            stamps: (options.stamps || options.stamp_file.is_some()).then(|| Vec::with_capacity(STAMPS_MAX)),
            symbols_by_name: names,
            accounts_by_key: keys,
            ids_made: 0,
            symbols,
            assets,
            accounts,
        })
    }

    pub(super) fn symbol(&self, id: SymbolId) -> &Symbol {
        &self.symbols[id.index()]
    }

    pub(super) fn symbol_named(&self, name: &str) -> Option<SymbolId> {
        self.symbols_by_name.get(name).copied()
    }

    pub(super) fn asset(&self, id: AssetId) -> &Asset {
        &self.assets[id.index()]
    }

    pub(super) fn account_mut(&mut self, id: AccountId) -> &mut Account {
        &mut self.accounts[id.index()]
    }

    pub(super) fn account_of_key(&self, key: &str) -> Option<AccountId> {
        self.accounts_by_key.get(key).copied()
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

impl Account {
    fn new(spec: &AccountSpec, options: &VenueOptions) -> Self {
        Self {
            key: spec.key.clone(),
            signer: Signer::new(&spec.secret),
            orders: OrderLimit::new(options),
            updated_ms: 0,
        }
    }
}

fn check(options: &VenueOptions) -> Result<(), VenueError> {
    unique("symbols", options.symbols.iter().map(|symbol| &symbol.name))?;
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

/// Puts the symbols and their assets into the engine.
fn list(engine: &mut Engine, specs: &[SymbolSpec]) -> Result<(Vec<Asset>, Vec<Symbol>), VenueError> {
    let mut assets: Vec<Asset> = Vec::new();
    let mut ids = HashMap::new();
    let mut asset = |engine: &mut Engine, name: &String, decimals: u8| -> AssetId {
        let id = *ids.entry(name.clone()).or_insert_with(|| {
            assets.push(Asset { name: name.clone(), decimals });
            engine.add_asset()
        });
        assets[id.index()].decimals = assets[id.index()].decimals.max(decimals);
        id
    };
    let mut symbols = Vec::with_capacity(specs.len());
    for (at, spec) in specs.iter().enumerate() {
        let (price, qty) = (spec.price_decimals, spec.qty_decimals);
        let base = asset(engine, &spec.base, qty);
        let quote = asset(engine, &spec.quote, price.saturating_add(qty));
        let id = engine.add_symbol(MarketKind::Spot { base, quote }, price, qty).map_err(|_| {
            VenueError::Symbol {
                entry: at + 1,
                what: format!("{price} and {qty} decimals are too fine, want at most 18 together"),
            }
        })?;
        symbols.push(Symbol { id, spec: spec.clone(), base, quote, frozen: None });
    }
    Ok((assets, symbols))
}
