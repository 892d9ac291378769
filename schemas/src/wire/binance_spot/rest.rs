//! Answers of the REST interface that only this dialect has: exchangeInfo, account.

use serde::Deserialize;

use crate::units::Decimal;
use crate::wire::binance::answer::read_as;
use crate::wire::binance::limit::RateLimit;
use crate::wire::binance::number::Text;
use crate::wire::order_fault::OrderFault;

/// What `account` says that matters before the first order.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountInfo {
    /// The account must not use self-trade prevention NONE.
    #[serde(default)]
    pub require_self_trade_prevention: bool,
    /// The account may trade.
    pub can_trade: bool,
}

/// Reads the answer of `account`.
///
/// # Errors
/// [`OrderFault::Field`].
pub fn read_account(text: &str) -> Result<AccountInfo, OrderFault> {
    read_as(text, "canTrade")
}

/// What `exchangeInfo` says of limits and symbols.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExchangeInfo {
    /// The venue's limits.
    #[serde(default)]
    pub rate_limits: Vec<RateLimit>,
    /// The symbols that were asked for.
    pub symbols: Vec<SymbolInfo>,
}

/// One symbol of `exchangeInfo`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SymbolInfo {
    /// Its name, upper case.
    pub symbol: String,
    /// `TRADING`, or why it does not.
    pub status: String,
    /// The mode that holds for orders that name none.
    #[serde(default)]
    pub default_self_trade_prevention_mode: String,
    /// The modes that an order may name.
    #[serde(default)]
    pub allowed_self_trade_prevention_modes: Vec<String>,
    filters: Vec<Filter>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "filterType")]
enum Filter {
    #[serde(rename = "PRICE_FILTER", rename_all = "camelCase")]
    Price { tick_size: Text },
    #[serde(rename = "LOT_SIZE", rename_all = "camelCase")]
    Lot { step_size: Text, min_qty: Text },
    #[serde(rename = "NOTIONAL", rename_all = "camelCase")]
    Notional { min_notional: Text },
    #[serde(rename = "MIN_NOTIONAL", rename_all = "camelCase")]
    MinNotional { min_notional: Text },
    #[serde(other)]
    Other,
}

impl SymbolInfo {
    /// The price step; zero = no such filter.
    #[must_use]
    pub fn tick(&self) -> Decimal {
        self.first(|filter| match filter {
            Filter::Price { tick_size } => Some(tick_size.0),
            Filter::Lot { .. } | Filter::Notional { .. } | Filter::MinNotional { .. } | Filter::Other => None,
        })
    }

    /// The quantity step; zero = no such filter.
    #[must_use]
    pub fn step(&self) -> Decimal {
        self.first(|filter| match filter {
            Filter::Lot { step_size, .. } => Some(step_size.0),
            Filter::Price { .. } | Filter::Notional { .. } | Filter::MinNotional { .. } | Filter::Other => {
                None
            }
        })
    }

    /// The least quantity; zero = no such filter.
    #[must_use]
    pub fn min_qty(&self) -> Decimal {
        self.first(|filter| match filter {
            Filter::Lot { min_qty, .. } => Some(min_qty.0),
            Filter::Price { .. } | Filter::Notional { .. } | Filter::MinNotional { .. } | Filter::Other => {
                None
            }
        })
    }

    /// The least price times quantity; zero = no such filter.
    #[must_use]
    pub fn min_notional(&self) -> Decimal {
        self.first(|filter| match filter {
            Filter::Notional { min_notional } | Filter::MinNotional { min_notional } => Some(min_notional.0),
            Filter::Price { .. } | Filter::Lot { .. } | Filter::Other => None,
        })
    }

    fn first(&self, of: impl Fn(&Filter) -> Option<Decimal>) -> Decimal {
        self.filters.iter().find_map(of).unwrap_or(Decimal::ZERO)
    }
}

/// Reads the answer of `exchangeInfo`.
///
/// # Errors
/// [`OrderFault::Field`].
pub fn read_exchange_info(text: &str) -> Result<ExchangeInfo, OrderFault> {
    read_as(text, "symbols")
}
