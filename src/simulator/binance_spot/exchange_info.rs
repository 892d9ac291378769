//! `exchangeInfo`: what is listed, its filters and the venue's limits; and `executionRules`.

use serde_json::{Value, json};

use super::chosen::{all, named, wanted_status};
use super::filters;
use super::views::stp_word;
use crate::simulator::binance::error::{ApiError, legal};
use crate::simulator::binance::limits::RateLimit;
use crate::simulator::binance::params::Params;
use crate::simulator::binance::route::{self, Answer, Request};
use crate::simulator::binance::time::Moment;
use crate::simulator::engine::SymbolId;
use crate::simulator::profile::OrderType;
use crate::simulator::state::{State, Symbol};
use crate::simulator::symbols::Product;

/// The one permission that every symbol and every account has.
const PERMISSION: &str = "SPOT";

/// The answer, for all symbols or for those named.
pub(super) fn exchange_info(state: &mut State, request: &Request<'_>) -> Answer {
    let params = request.params;
    let ids = listed(state, request)?;
    let limits = rate_limits(state, request.now_ms);
    let sets = params.flag("showPermissionSets").unwrap_or(true);
    let symbols: Vec<_> = ids.into_iter().map(|id| listing(state, state.symbol(id), sets)).collect();
    route::json(&json!({
        "timezone": "UTC",
        "serverTime": Moment(request.now_ms),
        "rateLimits": limits,
        "exchangeFilters": [],
        "symbols": symbols,
    }))
}

/// By name, or by permission and status: not both ways.
fn listed(state: &State, request: &Request<'_>) -> Result<Vec<SymbolId>, ApiError> {
    let params = request.params;
    let (permissions, status) = (permissions(params)?, wanted_status(params)?);
    let by_kind = permissions.is_some() || status.is_some();
    match (params.get("symbol"), params.list("symbols")?) {
        (Some(_), Some(_)) => Err(ApiError::bad_combination()),
        (Some(_), None) | (None, Some(_)) if by_kind => Err(ApiError::bad_combination()),
        (Some(_), None) => Ok(vec![request.symbol(state)?]),
        (None, Some(names)) => named(state, &names),
        (None, None) => {
            let permitted = permissions.is_none_or(|all| all.iter().any(|own| own == PERMISSION));
            let fits = |id: &SymbolId| status.is_none_or(|status| state.symbol(*id).rules.status == status);
            Ok(all(state).filter(|_| permitted).filter(fits).collect())
        }
    }
}

/// One permission, or a JSON array of them.
fn permissions(params: &Params<'_>) -> Result<Option<Vec<String>>, ApiError> {
    match params.get("permissions") {
        Some(text) if !text.starts_with('[') => Ok(Some(vec![text.to_owned()])),
        Some(text) => {
            let list = serde_json::from_str(text);
            list.map(Some).map_err(|_| ApiError::illegal_in("permissions", legal::SYMBOLS))
        }
        None => Ok(None),
    }
}

fn rate_limits(state: &mut State, now_ms: i64) -> Vec<RateLimit> {
    // Every account has the same limits, and there is at least one.
    let orders =
        state.accounts.first_mut().map(|account| account.orders[Product::Spot.index()].shown(now_ms));
    let (weight, requests) = state.addresses.listed(Product::Spot);
    let orders = orders.into_iter().flatten().map(RateLimit::without_count);
    std::iter::once(weight).chain(orders).chain(requests).collect()
}

fn listing(state: &State, symbol: &Symbol, permission_sets: bool) -> Value {
    let rules = symbol.told();
    let stp: Vec<_> = rules.allowed_stp.iter().map(|mode| stp_word(*mode)).collect();
    let order_types: Vec<_> = rules.order_types.iter().map(|kind| kind.as_str()).collect();
    let precision = |asset| state.asset(asset).decimals.max(8);
    json!({
        "symbol": symbol.spec.name,
        "status": rules.status.as_str(),
        "baseAsset": symbol.spec.base,
        "baseAssetPrecision": precision(symbol.base),
        "quoteAsset": symbol.spec.quote,
        "quotePrecision": precision(symbol.quote),
        "quoteAssetPrecision": precision(symbol.quote),
        "baseCommissionPrecision": 8,
        "quoteCommissionPrecision": 8,
        "orderTypes": order_types,
        "icebergAllowed": false,
        "ocoAllowed": false,
        "otoAllowed": false,
        "opoAllowed": false,
        "quoteOrderQtyMarketAllowed": rules.order_types.contains(&OrderType::Market),
        "allowTrailingStop": false,
        "cancelReplaceAllowed": true,
        "amendAllowed": true,
        "pegInstructionsAllowed": false,
        "isSpotTradingAllowed": true,
        "isMarginTradingAllowed": false,
        "filters": filters::list(symbol),
        "permissions": [],
        "permissionSets": if permission_sets { json!([[PERMISSION]]) } else { json!([]) },
        "defaultSelfTradePreventionMode": stp_word(rules.default_stp),
        "allowedSelfTradePreventionModes": stp,
    })
}

/// `executionRules`: by name, by status, or all.
pub(super) fn execution_rules(state: &mut State, request: &Request<'_>) -> Answer {
    let ids = listed(state, request)?;
    let rules = ids.into_iter().map(|id| {
        let symbol = state.symbol(id);
        let range = symbol.rules.price_range.as_ref().map(|range| {
            json!({
                "ruleType": "PRICE_RANGE",
                "bidLimitMultUp": range.bid_up.to_string(),
                "bidLimitMultDown": range.bid_down.to_string(),
                "askLimitMultUp": range.ask_up.to_string(),
                "askLimitMultDown": range.ask_down.to_string(),
            })
        });
        json!({"symbol": symbol.spec.name, "rules": range.into_iter().collect::<Vec<_>>()})
    });
    route::json(&json!({"symbolRules": rules.collect::<Vec<_>>()}))
}

/// What `executionRules` weighs.
pub(super) fn rules_weight(params: &Params<'_>) -> u64 {
    match (params.get("symbol"), params.list("symbols")) {
        (Some(_), _) => 2,
        (None, Ok(Some(names))) => (2 * names.len() as u64).min(40),
        (None, Ok(None) | Err(_)) => 40,
    }
}

/// `referencePrice`: no symbol has ever had one.
pub(super) fn reference_price(state: &mut State, request: &Request<'_>) -> Answer {
    request.symbol(state)?;
    Err(ApiError::no_reference_price())
}
