//! Answers of the REST interface that only this dialect has: exchangeInfo, the account's settings, positions,
//! mark price, listen key.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::event::Position;
use crate::units::Decimal;
use crate::wire::binance::answer::read_as;
use crate::wire::binance::limit::RateLimit;
use crate::wire::binance::number::Text;
use crate::wire::order_fault::OrderFault;

/// What `exchangeInfo` says of limits and symbols.
#[derive(Clone, Debug)]
pub struct ExchangeInfo {
    /// The venue's limits.
    pub rate_limits: Vec<RateLimit>,
    /// The symbols that were wanted and exist.
    pub symbols: Vec<SymbolInfo>,
}

/// One symbol of `exchangeInfo`.
#[derive(Clone, Debug, Deserialize)]
pub struct SymbolInfo {
    /// Its name, upper case.
    pub symbol: String,
    /// `TRADING`, or why it does not.
    pub status: String,
    filters: Vec<Filter>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "filterType")]
enum Filter {
    #[serde(rename = "PRICE_FILTER", rename_all = "camelCase")]
    Price { tick_size: Text },
    #[serde(rename = "LOT_SIZE", rename_all = "camelCase")]
    Lot { step_size: Text, min_qty: Text },
    #[serde(rename = "MIN_NOTIONAL")]
    MinNotional { notional: Text },
    #[serde(other)]
    Other,
}

/// The account's settings (`accountConfig`).
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountConfig {
    /// The account may trade.
    pub can_trade: bool,
    /// Hedge mode: a symbol has a long and a short position.
    pub dual_side_position: bool,
}

/// Reads the answer of `exchangeInfo`, which always lists every symbol there is; only the `wanted` are looked at.
///
/// # Errors
/// [`OrderFault::Field`].
pub fn read_exchange_info(text: &str, wanted: &[&str]) -> Result<ExchangeInfo, OrderFault> {
    #[derive(Deserialize)]
    struct Body<'a> {
        #[serde(rename = "rateLimits", default)]
        rate_limits: Vec<RateLimit>,
        #[serde(borrow)]
        symbols: Vec<&'a RawValue>,
    }
    #[derive(Deserialize)]
    struct Named<'a> {
        #[serde(borrow)]
        symbol: Cow<'a, str>,
    }
    let body: Body<'_> = read_as(text, "symbols")?;
    let is_wanted = |symbol: &&RawValue| {
        serde_json::from_str::<Named<'_>>(symbol.get()).is_ok_and(|named| wanted.contains(&&*named.symbol))
    };
    let wanted = body.symbols.into_iter().filter(is_wanted);
    let symbols: Result<Vec<SymbolInfo>, _> = wanted.map(|symbol| read_as(symbol.get(), "symbols")).collect();
    Ok(ExchangeInfo { rate_limits: body.rate_limits, symbols: symbols? })
}

/// Reads the answer of `accountConfig`.
///
/// # Errors
/// [`OrderFault::Field`].
pub fn read_account_config(text: &str) -> Result<AccountConfig, OrderFault> {
    read_as(text, "dualSidePosition")
}

/// Reads the answer of `positionRisk`.
///
/// # Errors
/// [`OrderFault::Field`].
pub fn read_positions(text: &str) -> Result<Vec<Position<'_>>, OrderFault> {
    read_as(text, "positionAmt")
}

/// Reads the mark price out of the answer of `premiumIndex` about one symbol.
///
/// # Errors
/// [`OrderFault::Field`].
pub fn read_mark_price(text: &str) -> Result<Decimal, OrderFault> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Body {
        mark_price: Text,
    }
    let body: Body = read_as(text, "markPrice")?;
    Ok(body.mark_price.0)
}

/// Reads the answer of `listenKey`.
///
/// # Errors
/// [`OrderFault::Field`], also of a key that could not stand in an address.
pub fn read_listen_key(text: &str) -> Result<String, OrderFault> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Body {
        listen_key: String,
    }
    let body: Body = read_as(text, "listenKey")?;
    let is_plain = |key: &str| !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_plain(&body.listen_key).then_some(body.listen_key).ok_or(OrderFault::Field { field: "listenKey" })
}

impl SymbolInfo {
    /// The price step; zero = no such filter.
    #[must_use]
    pub fn tick(&self) -> Decimal {
        self.first(|filter| match filter {
            Filter::Price { tick_size } => Some(tick_size.0),
            Filter::Lot { .. } | Filter::MinNotional { .. } | Filter::Other => None,
        })
    }

    /// The quantity step in the base asset; zero = no such filter.
    #[must_use]
    pub fn step(&self) -> Decimal {
        self.first(|filter| match filter {
            Filter::Lot { step_size, .. } => Some(step_size.0),
            Filter::Price { .. } | Filter::MinNotional { .. } | Filter::Other => None,
        })
    }

    /// The least quantity in the base asset; zero = no such filter.
    #[must_use]
    pub fn min_qty(&self) -> Decimal {
        self.first(|filter| match filter {
            Filter::Lot { min_qty, .. } => Some(min_qty.0),
            Filter::Price { .. } | Filter::MinNotional { .. } | Filter::Other => None,
        })
    }

    /// The least price times quantity; zero = no such filter.
    #[must_use]
    pub fn min_notional(&self) -> Decimal {
        self.first(|filter| match filter {
            Filter::MinNotional { notional } => Some(notional.0),
            Filter::Price { .. } | Filter::Lot { .. } | Filter::Other => None,
        })
    }

    fn first(&self, of: impl Fn(&Filter) -> Option<Decimal>) -> Decimal {
        self.filters.iter().find_map(of).unwrap_or(Decimal::ZERO)
    }
}
