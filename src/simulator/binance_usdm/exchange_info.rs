//! `exchangeInfo`: what is listed, its filters and the venue's limits.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::filters;
use crate::simulator::binance::limits::RateLimit;
use crate::simulator::binance::route::{self, Answer, Request};
use crate::simulator::state::{State, Symbol};
use crate::simulator::symbols::Product;

/// When perpetuals are delivered: never.
const NEVER_MS: i64 = 4_133_404_800_000;
/// When all were listed, as the oldest of the public venue was.
const ONBOARD_MS: i64 = 1_569_398_400_000;

/// The answer, for all symbols.
pub(super) fn exchange_info(state: &mut State, request: &Request<'_>) -> Answer {
    let limits = rate_limits(state, request.now_ms);
    let margins: BTreeSet<_> = state.symbols_of(Product::UsdM).map(|symbol| symbol.quote).collect();
    let asset = |id| json!({"asset": state.asset(id).name, "marginAvailable": true, "autoAssetExchange": "0"});
    route::json(&json!({
        "timezone": "UTC",
        "serverTime": request.now_ms,
        "futuresType": "U_MARGINED",
        "rateLimits": limits,
        "exchangeFilters": [],
        "assets": margins.into_iter().map(asset).collect::<Vec<_>>(),
        "symbols": state.symbols_of(Product::UsdM).map(|symbol| listing(state, symbol)).collect::<Vec<_>>(),
    }))
}

fn rate_limits(state: &mut State, now_ms: i64) -> Vec<RateLimit> {
    // Every account has the same limits, and there is at least one.
    let orders =
        state.accounts.first_mut().map(|account| account.orders[Product::UsdM.index()].shown(now_ms));
    let weight = state.weight_mut(Product::UsdM).shown(now_ms);
    let longer_first = orders.map(|[ten_seconds, minute]| [minute, ten_seconds]);
    let all = std::iter::once(weight).chain(longer_first.into_iter().flatten());
    all.map(RateLimit::without_count).collect()
}

fn listing(state: &State, symbol: &Symbol) -> Value {
    let spec = &symbol.spec;
    json!({
        "symbol": spec.name,
        "pair": spec.name,
        "contractType": "PERPETUAL",
        "deliveryDate": NEVER_MS,
        "onboardDate": ONBOARD_MS,
        "status": "TRADING",
        "maintMarginPercent": "2.5000",
        "requiredMarginPercent": "5.0000",
        "baseAsset": spec.base,
        "quoteAsset": spec.quote,
        "marginAsset": spec.quote,
        "pricePrecision": spec.price_decimals,
        "quantityPrecision": spec.qty_decimals,
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
        "underlyingType": "COIN",
        "underlyingSubType": [],
        "settlePlan": 0,
        "triggerProtect": "0.0500",
        "liquidationFee": "0.012500",
        "marketTakeBound": "0.05",
        "maxMoveOrderLimit": 10_000,
        "filters": filters(state, symbol),
        "orderTypes": ["LIMIT", "MARKET"],
        "timeInForce": ["GTC", "IOC", "FOK", "GTX", "GTD"],
        "permissionSets": [],
    })
}

fn filters(state: &State, symbol: &Symbol) -> Value {
    let rules = filters::of(state, symbol);
    let lot = |name: &str, range: filters::Range| {
        json!({
            "filterType": name,
            "minQty": symbol.qty(range.min),
            "maxQty": symbol.qty(range.max).trimmed(0),
            "stepSize": symbol.qty(range.step),
        })
    };
    let mut all = vec![
        json!({
            "filterType": "PRICE_FILTER",
            "minPrice": symbol.price(rules.price.min),
            "maxPrice": symbol.price(rules.price.max).trimmed(0),
            "tickSize": symbol.price(rules.price.step),
        }),
        lot("LOT_SIZE", rules.lot),
        lot("MARKET_LOT_SIZE", rules.market_lot),
        json!({"filterType": "MAX_NUM_ORDERS", "limit": rules.max_orders}),
        json!({"filterType": "MIN_NOTIONAL", "notional": rules.least_notional.to_string()}),
    ];
    if let Some((up, down)) = rules.percent {
        all.push(json!({
            "filterType": "PERCENT_PRICE",
            "multiplierUp": up.to_string(),
            "multiplierDown": down.to_string(),
            "multiplierDecimal": up.scale().max(down.scale()).to_string(),
        }));
    }
    Value::Array(all)
}
