//! A profile out of a recorded exchangeInfo.
//!
//! Taken are the limits and, of each symbol, what a profile can say of it. What is recorded and not kept (order
//! lists, icebergs, conditional orders, margin) is left out.

use schemas::config::profile::{Base, FILTER_TYPES};
use serde_json::{Map, Value, json};

use crate::simulator::symbols::Product;

/// Why a recording gives no profile.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    /// There is no such answer in it.
    #[error("no exchangeInfo in it (want a JSON object with rateLimits and symbols)")]
    NoExchangeInfo,
    /// No symbol is left.
    #[error("no symbol in it that trades, or none of those named")]
    NoSymbols,
    /// A symbol that was named is not in it.
    #[error("no symbol {0:.64} in it")]
    Unknown(String),
}

/// Finds the answer in a recording: alone, after other lines, or in one line of many behind its address.
///
/// # Errors
/// There is none.
pub fn find(text: &str) -> Result<Value, ImportError> {
    let from_brace = |text: &str| {
        let start = text.find('{')?;
        let mut values = serde_json::Deserializer::from_str(&text[start..]).into_iter::<Value>();
        values.next()?.ok().filter(|value| value["symbols"].is_array() && value["rateLimits"].is_array())
    };
    let named = text.lines().filter(|line| line.contains("exchangeInfo")).find_map(from_brace);
    named.or_else(|| from_brace(text)).ok_or(ImportError::NoExchangeInfo)
}

/// Puts a recorded exchangeInfo of either product into a profile file. Unless `only` names symbols, all that
/// trade are taken; of USD-M, perpetual contracts.
///
/// # Errors
/// No symbol is left, or one that is named is missing.
pub fn add(file: &mut Map<String, Value>, info: &Value, only: &[String]) -> Result<(), ImportError> {
    let listed = info["symbols"].as_array().map(Vec::as_slice).unwrap_or_default();
    let product = product_of(listed);
    let is_wanted = |symbol: &&Value| {
        let name = symbol["symbol"].as_str().unwrap_or_default();
        if only.is_empty() { symbol["status"] == "TRADING" } else { only.iter().any(|want| want == name) }
    };
    let perpetual = |symbol: &&Value| product == Product::Spot || symbol["contractType"] == "PERPETUAL";
    let taken: Vec<Value> =
        listed.iter().filter(is_wanted).filter(perpetual).map(|listing| symbol(listing, product)).collect();
    if taken.is_empty() {
        return Err(ImportError::NoSymbols);
    }
    let section = match product {
        Product::Spot => "Spot",
        Product::UsdM => "USD-M",
    };
    file.insert(section.to_owned(), limits(info, product));
    let symbols = file.entry("Symbols").or_insert_with(|| json!([]));
    if let Value::Array(symbols) = symbols {
        symbols.extend(taken);
    }
    Ok(())
}

/// A profile file with nothing in it but its base.
#[must_use]
pub fn empty(base: Base) -> Map<String, Value> {
    let base = match base {
        Base::Open => "open",
        Base::Strict => "strict",
    };
    Map::from_iter([("Base".to_owned(), base.into())])
}

/// The first of the symbols named that a profile file lacks.
///
/// # Errors
/// There is one.
pub fn check(file: &Map<String, Value>, only: &[String]) -> Result<(), ImportError> {
    let symbols = file.get("Symbols").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let missing = only.iter().find(|want| symbols.iter().all(|symbol| symbol["Symbol"] != want.as_str()));
    missing.map_or(Ok(()), |name| Err(ImportError::Unknown(name.clone())))
}

fn product_of(listed: &[Value]) -> Product {
    match listed.first() {
        Some(symbol) if symbol.get("contractType").is_some() => Product::UsdM,
        Some(_) | None => Product::Spot,
    }
}

fn limits(info: &Value, product: Product) -> Value {
    let limits = info["rateLimits"].as_array().map(Vec::as_slice).unwrap_or_default();
    let find = |kind: &str, interval: &str, count: u64| {
        let is_it = |limit: &&Value| {
            limit["rateLimitType"] == kind && limit["interval"] == interval && limit["intervalNum"] == count
        };
        limits.iter().find(is_it).map(|limit| limit["limit"].clone())
    };
    let (long_key, long) = match product {
        Product::Spot => ("Orders Per Day", find("ORDERS", "DAY", 1)),
        Product::UsdM => ("Orders Per Minute", find("ORDERS", "MINUTE", 1)),
    };
    let raw = if product == Product::Spot { find("RAW_REQUESTS", "MINUTE", 5) } else { None };
    let all = [
        ("Weight Per Minute", find("REQUEST_WEIGHT", "MINUTE", 1)),
        ("Requests Per 5 Minutes", raw),
        ("Orders Per 10 Seconds", find("ORDERS", "SECOND", 10)),
        (long_key, long),
    ];
    members(all)
}

fn symbol(listing: &Value, product: Product) -> Value {
    let text = |name: &str| listing.get(name).filter(|value| value.is_string()).cloned();
    let status = if listing["status"] == "TRADING" { "TRADING" } else { "BREAK" };
    let stp = words(listing, "allowedSelfTradePreventionModes", &STP);
    let contract = if product == Product::UsdM { Some(contract(listing)) } else { None };
    members([
        ("Symbol", text("symbol")),
        ("Product", Some(product.as_str().into())),
        ("Base Asset", text("baseAsset")),
        ("Quote Asset", text("quoteAsset")),
        ("Status", Some(status.into())),
        ("Order Types", words(listing, "orderTypes", &["LIMIT", "LIMIT_MAKER", "MARKET"])),
        ("Default STP", stp.is_some().then(|| text("defaultSelfTradePreventionMode")).flatten()),
        ("Allowed STP", stp),
        ("Contract", contract),
        ("Filters", Some(filters(listing))),
    ])
}

const STP: [&str; 6] = ["NONE", "EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH", "DECREMENT", "TRANSFER"];

/// Those of a recorded list that a profile knows; none where nothing of it is.
fn words(listing: &Value, name: &str, known: &[&str]) -> Option<Value> {
    let recorded = listing[name].as_array()?;
    let kept: Vec<&str> =
        known.iter().copied().filter(|word| recorded.iter().any(|own| own == word)).collect();
    if kept.is_empty() { None } else { Some(kept.into()) }
}

fn contract(listing: &Value) -> Value {
    let get = |name: &str| listing.get(name).filter(|value| !value.is_null()).cloned();
    members([
        ("Price Precision", get("pricePrecision")),
        ("Quantity Precision", get("quantityPrecision")),
        ("Maintenance Margin Percent", get("maintMarginPercent")),
        ("Required Margin Percent", get("requiredMarginPercent")),
        ("Liquidation Fee", get("liquidationFee")),
        ("Market Take Bound", get("marketTakeBound")),
        ("Trigger Protect", get("triggerProtect")),
    ])
}

/// The filters that a venue has, as they were recorded.
fn filters(listing: &Value) -> Value {
    let recorded = listing["filters"].as_array().map(Vec::as_slice).unwrap_or_default();
    let known = |filter: &&Value| FILTER_TYPES.iter().any(|name| filter["filterType"] == *name);
    recorded.iter().filter(known).cloned().collect()
}

fn members<const N: usize>(all: [(&str, Option<Value>); N]) -> Value {
    let given = all.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Value::Object(given.collect())
}
