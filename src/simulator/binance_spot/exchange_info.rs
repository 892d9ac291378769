//! `exchangeInfo`: what is listed, its filters and the venue's limits.

use schemas::units::Decimal;
use serde_json::{Value, json};

use super::market::named;
use super::views::stp_word;
use crate::simulator::binance::limits::RateLimit;
use crate::simulator::binance::numbers::Fixed;
use crate::simulator::binance::route::{self, Answer, Request};
use crate::simulator::profile::STEPS_MAX;
use crate::simulator::state::{State, Symbol};
use crate::simulator::symbols::Product;

/// The answer, for all symbols or for those named.
pub(super) fn exchange_info(state: &mut State, request: &Request<'_>) -> Answer {
    let ids = match (request.params.get("symbol"), request.params.list("symbols")?) {
        (Some(_), _) => vec![request.symbol(state)?],
        (None, Some(names)) => named(state, &names)?,
        (None, None) => state.symbols_of(Product::Spot).map(|symbol| symbol.id).collect(),
    };
    let limits = rate_limits(state, request.now_ms);
    route::json(&json!({
        "timezone": "UTC",
        "serverTime": request.now_ms,
        "rateLimits": limits,
        "exchangeFilters": [],
        "symbols": ids.into_iter().map(|id| listing(state, state.symbol(id))).collect::<Vec<_>>(),
    }))
}

fn rate_limits(state: &mut State, now_ms: i64) -> Vec<RateLimit> {
    // Every account has the same limits, and there is at least one.
    let orders =
        state.accounts.first_mut().map(|account| account.orders[Product::Spot.index()].shown(now_ms));
    let (weight, requests) = state.addresses.listed(Product::Spot);
    let orders = orders.into_iter().flatten().map(RateLimit::without_count);
    std::iter::once(weight).chain(orders).chain(requests).collect()
}

fn listing(state: &State, symbol: &Symbol) -> Value {
    let rules = &symbol.rules;
    let stp: Vec<_> = rules.allowed_stp.iter().map(|mode| stp_word(*mode)).collect();
    json!({
        "symbol": symbol.spec.name,
        "status": "TRADING",
        "baseAsset": symbol.spec.base,
        "baseAssetPrecision": state.asset(symbol.base).decimals.max(8),
        "quoteAsset": symbol.spec.quote,
        "quotePrecision": state.asset(symbol.quote).decimals.max(8),
        "quoteAssetPrecision": state.asset(symbol.quote).decimals.max(8),
        "baseCommissionPrecision": 8,
        "quoteCommissionPrecision": 8,
        "orderTypes": ["LIMIT", "LIMIT_MAKER"],
        "icebergAllowed": false,
        "ocoAllowed": false,
        "otoAllowed": false,
        "opoAllowed": false,
        "quoteOrderQtyMarketAllowed": false,
        "allowTrailingStop": false,
        "cancelReplaceAllowed": false,
        "amendAllowed": false,
        "pegInstructionsAllowed": false,
        "isSpotTradingAllowed": true,
        "isMarginTradingAllowed": false,
        "filters": filters(symbol),
        "permissions": [],
        "permissionSets": [["SPOT"]],
        "defaultSelfTradePreventionMode": stp_word(rules.default_stp),
        "allowedSelfTradePreventionModes": stp,
    })
}

fn filters(symbol: &Symbol) -> Value {
    let rules = &symbol.rules;
    let least = rules.notional.as_ref().map_or(Decimal::ZERO, |notional| notional.min);
    let notional = Fixed::new(least.mantissa(), u8::try_from(least.scale()).expect("at most 18 digits"));
    json!([
        {
            "filterType": "PRICE_FILTER",
            "minPrice": symbol.price(1),
            "maxPrice": symbol.price(STEPS_MAX),
            "tickSize": symbol.price(1),
        },
        {
            "filterType": "LOT_SIZE",
            "minQty": symbol.qty(1),
            "maxQty": symbol.qty(STEPS_MAX),
            "stepSize": symbol.qty(1),
        },
        {
            "filterType": "NOTIONAL",
            "minNotional": notional,
            "applyMinToMarket": false,
            "maxNotional": Fixed::ZERO,
            "applyMaxToMarket": false,
            "avgPriceMins": 0,
        },
        {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": rules.max_orders},
    ])
}
