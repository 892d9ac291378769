//! What a venue is like: where it listens, how it behaves, what it lists, who trades there.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use super::engine::StpMode;
use super::symbols::SymbolSpec;

/// Everything that makes one venue different from another.
#[derive(Clone, Debug)]
pub struct VenueOptions {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
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
    /// Note the moment at which each `order.place` frame was read, for `GET /venue/stamps`.
    pub stamps: bool,
    /// Write those stamps to this file at the end: lines of client order id and nanoseconds since the epoch.
    pub stamp_file: Option<PathBuf>,
}

impl Default for VenueOptions {
    /// BTCUSDT and ETHUSDT, account `test-key`, profile `open`, a free port of loopback.
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            profile: Profile::Open,
            weight_per_minute: None,
            orders_per_10s: None,
            symbols: vec![SymbolSpec::named("BTCUSDT", 2, 6), SymbolSpec::named("ETHUSDT", 2, 6)],
            accounts: vec![AccountSpec::new("test-key", "test-secret")],
            stamps: false,
            stamp_file: None,
        }
    }
}

/// How a venue behaves: self-trade prevention, filters, limits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Profile {
    /// Self-trades allowed, limits far above what anybody sends.
    #[default]
    Open,
    /// As the public venues: self-trades prevented, small limits, a least notional.
    Strict,
}

impl Profile {
    /// Its name on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Strict => "strict",
        }
    }

    /// The self-trade prevention that an order gets which names none.
    pub(super) const fn default_stp(self) -> StpMode {
        match self {
            Self::Open => StpMode::None,
            Self::Strict => StpMode::ExpireMaker,
        }
    }

    /// The modes that an order may name.
    pub(super) const fn allowed_stp(self) -> &'static [StpMode] {
        match self {
            Self::Open => &[StpMode::None, StpMode::ExpireMaker],
            Self::Strict => &[StpMode::ExpireMaker],
        }
    }

    /// Request weight in a minute.
    pub(super) const fn weight_per_minute(self) -> u64 {
        match self {
            Self::Open => 100_000_000,
            Self::Strict => 6_000,
        }
    }

    /// Unfilled orders in 10 s.
    pub(super) const fn orders_per_10s(self) -> u64 {
        match self {
            Self::Open => 10_000_000,
            Self::Strict => 50,
        }
    }

    /// Unfilled orders in a day.
    pub(super) const fn orders_per_day(self) -> u64 {
        match self {
            Self::Open => 100_000_000_000,
            Self::Strict => 160_000,
        }
    }

    /// Open orders of an account on one symbol.
    pub(super) const fn open_orders(self) -> usize {
        match self {
            Self::Open => 1_000_000,
            Self::Strict => 200,
        }
    }

    /// Least price times quantity, whole units of the quote asset.
    pub(super) const fn least_notional(self) -> u32 {
        match self {
            Self::Open => 0,
            Self::Strict => 5,
        }
    }
}

/// One account.
#[derive(Clone)]
pub struct AccountSpec {
    /// The API key.
    pub key: String,
    /// The HMAC secret.
    pub secret: String,
}

impl AccountSpec {
    /// An account with that key and secret.
    #[must_use]
    pub fn new(key: &str, secret: &str) -> Self {
        Self { key: key.to_owned(), secret: secret.to_owned() }
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
    /// Two symbols or two accounts share a name.
    #[error("venue: {0} is listed twice")]
    Duplicate(String),
    /// Nothing to trade, or nobody to trade.
    #[error("venue: no {0}")]
    Empty(&'static str),
    /// More than the engine numbers.
    #[error("venue: more than 32,767 {0}")]
    TooMany(&'static str),
    /// No thread or runtime to be had.
    #[error("venue: cannot start its thread: {0}")]
    Thread(#[source] std::io::Error),
}
