//! What a venue is like: where it listens, how it behaves, what it lists, who trades there.

use std::fmt;
use std::net::SocketAddr;
use std::num::NonZeroU64;
use std::path::PathBuf;
use std::time::Duration;

use schemas::units::Decimal;

use super::crowd::CrowdSettings;
use super::faults::{FaultScript, ScriptError};
use super::profile::Profile;
use super::symbols::{Product, SymbolSpec};
use super::tls::{TlsError, TlsOptions};

/// Where the mark prices of the two perpetuals begin.
const BTC_START: i128 = 65_000;
const ETH_START: i128 = 3_500;

/// How long the public venue's listen keys live.
const LISTEN_KEY_MS: i64 = 3_600_000;

/// Everything that makes one venue different from another.
#[derive(Clone, Debug)]
pub struct VenueOptions {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// A second port, with TLS.
    pub tls: Option<TlsOptions>,
    /// How it behaves.
    pub profile: Profile,
    /// Request weight that an address may spend in a minute; the profile's unless given.
    pub weight_per_minute: Option<u64>,
    /// Unfilled orders that an account may have in 10 s; the profile's unless given.
    pub orders_per_10s: Option<u64>,
    /// What it lists; books start empty.
    pub symbols: Vec<SymbolSpec>,
    /// Who may trade; each begins with ample balances of everything.
    pub accounts: Vec<AccountSpec>,
    /// How long a USD-M listen key lives, in milliseconds.
    pub listen_key_ms: i64,
    /// The seed by which USD-M batches are worked through in random order; none: in the order of the request.
    pub shuffle_batches: Option<u64>,
    /// Strangers that rest and trade beside the accounts.
    pub crowd: Option<CrowdSettings>,
    /// Refuse requests with parameters that the venue does not know (-1104); otherwise they are ignored.
    pub strict_parameters: bool,
    /// Whether it has a dead man's switch that honours prefixes of client ids; no public venue has.
    pub own_switch: bool,
    /// Every websocket connection is cut after so long.
    pub connection_life: Duration,
    /// Note the moment at which each `order.place` frame was read, for `GET /venue/stamps`.
    pub stamps: bool,
    /// Write those stamps to this file at the end: lines of client order id and nanoseconds since the epoch.
    pub stamp_file: Option<PathBuf>,
    /// What is written down while it runs.
    pub ledger: LedgerOptions,
    /// What goes wrong, and when.
    pub faults: FaultScript,
    /// Where the chance of faults begins.
    pub fault_seed: u64,
}

/// What a venue writes down, and how often it checks itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerOptions {
    /// Orders and trades that are remembered at least, each; the latest ones.
    pub history: usize,
    /// Write every command of the engine to this file.
    pub record: Option<PathBuf>,
    /// Write every entry of the event log to this file.
    pub event_log: Option<PathBuf>,
    /// Check after so many commands that the books add up; otherwise at the end and when asked.
    pub check_every: Option<NonZeroU64>,
}

impl Default for LedgerOptions {
    fn default() -> Self {
        Self { history: 1_000_000, record: None, event_log: None, check_every: None }
    }
}

impl Default for VenueOptions {
    /// BTCUSDT and ETHUSDT on Spot and as perpetuals, account `test-key`, profile `open`, a free port of loopback.
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            tls: None,
            profile: Profile::open(),
            weight_per_minute: None,
            orders_per_10s: None,
            symbols: vec![
                SymbolSpec::named("BTCUSDT", 2, 6),
                SymbolSpec::named("ETHUSDT", 2, 6),
                perpetual("BTCUSDT", BTC_START),
                perpetual("ETHUSDT", ETH_START),
            ],
            accounts: vec![AccountSpec::new("test-key", "test-secret")],
            listen_key_ms: LISTEN_KEY_MS,
            shuffle_batches: None,
            crowd: None,
            strict_parameters: false,
            own_switch: true,
            connection_life: Duration::from_secs(24 * 60 * 60),
            stamps: false,
            stamp_file: None,
            ledger: LedgerOptions::default(),
            faults: FaultScript::default(),
            fault_seed: 1,
        }
    }
}

fn perpetual(name: &str, start: i128) -> SymbolSpec {
    SymbolSpec { start_price: Some(Decimal::from_steps(start, 0)), ..SymbolSpec::perpetual(name, 2, 3) }
}

impl VenueOptions {
    /// Whether the faults name only what the venue has.
    ///
    /// # Errors
    /// Which symbol or account it does not have.
    pub fn check_faults(&self) -> Result<(), ScriptError> {
        self.faults.check_names(self.symbols.iter(), self.accounts.iter().map(|account| account.key.as_str()))
    }

    /// The profile with the limits that were given apart from it.
    pub(super) fn effective_profile(&self) -> Profile {
        let mut profile = self.profile.clone();
        for market in [&mut profile.spot, &mut profile.usdm] {
            market.weight_per_minute = self.weight_per_minute.unwrap_or(market.weight_per_minute);
            market.orders[0].limit = self.orders_per_10s.unwrap_or(market.orders[0].limit);
        }
        profile
    }
}

/// One account.
#[derive(Clone)]
pub struct AccountSpec {
    /// The API key.
    pub key: String,
    /// What its signatures are checked with.
    pub credential: Credential,
    /// What it begins with, by product and asset; none: ample amounts of everything.
    pub balances: Option<Vec<Balance>>,
    /// Accounts of one group count as one for self-trade prevention.
    pub trade_group: Option<u32>,
    /// No order of it may ask for self-trade prevention NONE.
    pub require_stp: bool,
    /// USD-M: long and short positions apart from the start.
    pub hedge: bool,
}

/// What an account's signatures are checked with.
#[derive(Clone)]
pub enum Credential {
    /// The secret of HMAC-SHA256.
    Hmac(String),
    /// The public key of Ed25519 as PEM.
    Ed25519(String),
    /// Nothing: nobody can log in. The crowd's accounts.
    Nobody,
}

/// What an account begins with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Balance {
    /// Spot balance or USD-M wallet.
    pub product: Product,
    /// The asset's name; it must be one of a listed symbol.
    pub asset: String,
    /// How much, above zero.
    pub amount: Decimal,
}

impl AccountSpec {
    /// An account with that key and secret.
    #[must_use]
    pub fn new(key: &str, secret: &str) -> Self {
        Self {
            key: key.to_owned(),
            credential: Credential::Hmac(secret.to_owned()),
            balances: None,
            trade_group: None,
            require_stp: false,
            hedge: false,
        }
    }
}

impl fmt::Debug for AccountSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccountSpec").field("key", &self.key).finish_non_exhaustive()
    }
}

/// Why a venue did not start.
#[derive(Debug, thiserror::Error)]
pub enum VenueError {
    /// The address cannot be bound.
    #[error("venue: cannot listen on {addr}: {source}")]
    Listen {
        /// The address asked for.
        addr: SocketAddr,
        /// What the system says.
        source: std::io::Error,
    },
    /// A line of a symbol list is no symbol.
    #[error("venue: symbols, entry {entry}: {what}")]
    Symbol {
        /// Which entry, from 1.
        entry: usize,
        /// What is wrong with it, and what was wanted.
        what: String,
    },
    /// An account cannot be opened.
    #[error("venue: account {key:.64}: {what}")]
    Account {
        /// Its API key.
        key: String,
        /// What is wrong with it, and what was wanted.
        what: String,
    },
    /// Two symbols or two accounts share a name.
    #[error("venue: {0} is listed twice")]
    Duplicate(String),
    /// Nothing to trade, or nobody to trade.
    #[error("venue: no {0}")]
    Empty(&'static str),
    /// More than the engine numbers.
    #[error("venue: more than 32,767 {0}")]
    TooMany(&'static str),
    /// A log cannot be begun.
    #[error("venue: {path}: cannot be written: {source}")]
    Log {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// No certificate for the TLS port.
    #[error("venue: TLS: {0}")]
    Tls(#[from] TlsError),
    /// A fault names what the venue does not have.
    #[error(transparent)]
    Faults(#[from] ScriptError),
    /// No thread or runtime to be had.
    #[error("venue: cannot start its thread: {0}")]
    Thread(#[source] std::io::Error),
}
