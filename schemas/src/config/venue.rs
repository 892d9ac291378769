//! The venues that orders may go to: a closed set of sandboxes. No public venue can be named by an address.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::address::StagingAddress;
use super::fault::{Code, cut};
use super::instrument::TermType;
use super::keys;
use super::reader::{Reader, maker_exchanges};

/// A venue: which sandbox, never where a public one is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Venue {
    /// The embedded venue, inside this process.
    Simulated,
    /// Binance Spot's public testnet.
    BinanceSpotTestnet,
    /// Binance USD-M Futures' public testnet.
    BinanceUsdmTestnet,
    /// OKX demo trading.
    OkxDemo,
    /// A private venue.
    Staging {
        /// What it speaks.
        dialect: Dialect,
        /// Where it is.
        address: StagingAddress,
    },
}

/// The protocol that a venue speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Dialect {
    /// Binance Spot.
    BinanceSpot,
    /// Binance USD-M Futures.
    BinanceUsdm,
    /// OKX v5.
    Okx,
}

impl Venue {
    /// The name that the configuration uses.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        let (name, _) = match self {
            Self::Simulated => keys::MAKER_EXCHANGES[0],
            Self::BinanceSpotTestnet => keys::MAKER_EXCHANGES[1],
            Self::BinanceUsdmTestnet => keys::MAKER_EXCHANGES[2],
            Self::OkxDemo => keys::MAKER_EXCHANGES[3],
            Self::Staging { .. } => keys::MAKER_EXCHANGES[4],
        };
        name
    }

    /// The protocol that the venue speaks; the embedded one speaks what is asked of it.
    #[must_use]
    pub const fn dialect(&self) -> Option<Dialect> {
        match self {
            Self::Simulated => None,
            Self::BinanceSpotTestnet => Some(Dialect::BinanceSpot),
            Self::BinanceUsdmTestnet => Some(Dialect::BinanceUsdm),
            Self::OkxDemo => Some(Dialect::Okx),
            Self::Staging { dialect, .. } => Some(*dialect),
        }
    }

    /// Whether the venue has instruments of that term type.
    #[must_use]
    pub const fn offers(&self, term: TermType) -> bool {
        match (self.dialect(), term) {
            (Some(Dialect::BinanceSpot), TermType::Future) | (Some(Dialect::BinanceUsdm), TermType::Spot) => {
                false
            }
            (None | Some(Dialect::BinanceSpot | Dialect::BinanceUsdm | Dialect::Okx), _) => true,
        }
    }
}

/// Reads Maker Exchange, Dialect and Address.
pub(super) fn read(reader: &mut Reader<'_, '_>) -> Option<Venue> {
    let exchange = reader.text("Maker Exchange");
    let dialect = reader.word("Dialect");
    let address = address(reader);
    let staging = exchange.as_deref() == Some("staging");
    for name in ["Dialect", "Address"] {
        if reader.has(name) && !staging {
            reader.fault(Code::Together, name, || "goes only with Maker Exchange \"staging\"".to_owned());
        } else if staging && !reader.has(name) {
            reader.fault(Code::Type, name, || "missing (Maker Exchange \"staging\" needs it)".to_owned());
        }
    }
    match exchange.as_deref()? {
        "simulated" => Some(Venue::Simulated),
        "binance_spot" => Some(Venue::BinanceSpotTestnet),
        "binance_UMFuture" => Some(Venue::BinanceUsdmTestnet),
        "okx" => Some(Venue::OkxDemo),
        "staging" => Some(Venue::Staging { dialect: dialect?, address: address? }),
        other => {
            let message = || format!("\"{}\" is not a sandbox; allowed: {}", cut(other), maker_exchanges());
            reader.fault(Code::Venue, "Maker Exchange", message);
            None
        }
    }
}

fn address(reader: &mut Reader<'_, '_>) -> Option<StagingAddress> {
    let text = reader.text("Address")?;
    match text.parse() {
        Ok(address) => Some(address),
        Err(error) => {
            reader.fault(Code::Address, "Address", || format!("{error} (got \"{}\")", shown(&text)));
            None
        }
    }
}

/// The address without anything that somebody may have put before an `@`.
fn shown(text: &str) -> String {
    match text.rsplit_once('@') {
        Some((_, rest)) => format!("***@{}", cut(rest)),
        None => cut(text),
    }
}
