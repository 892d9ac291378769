//! `exchangeInfo`: what is listed, its filters and the venue's limits.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::simulator::binance::limits::RateLimit;
use crate::simulator::binance::route::{self, Answer, Request};
use crate::simulator::profile::{Range, SymbolStatus};
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
    let asset =
        |id| json!({"asset": state.asset(id).name, "marginAvailable": true, "autoAssetExchange": "0"});
    route::json(&json!({
        "timezone": "UTC",
        "serverTime": request.now_ms,
        "futuresType": "U_MARGINED",
        "rateLimits": limits,
        "exchangeFilters": [],
        "assets": margins.into_iter().map(asset).collect::<Vec<_>>(),
        "symbols": state.symbols_of(Product::UsdM).map(listing).collect::<Vec<_>>(),
    }))
}

fn rate_limits(state: &mut State, now_ms: i64) -> Vec<RateLimit> {
    // Every account has the same limits, and there is at least one.
    let orders =
        state.accounts.first_mut().map(|account| account.orders[Product::UsdM.index()].shown(now_ms));
    let (weight, _) = state.addresses.listed(Product::UsdM);
    let longer_first = orders.map(|[ten_seconds, minute]| [minute, ten_seconds]);
    let orders = longer_first.into_iter().flatten().map(RateLimit::without_count);
    std::iter::once(weight).chain(orders).collect()
}

fn listing(symbol: &Symbol) -> Value {
    let (spec, rules) = (&symbol.spec, symbol.told());
    let contract = &rules.contract;
    json!({
        "symbol": spec.name,
        "pair": spec.name,
        "contractType": "PERPETUAL",
        "deliveryDate": NEVER_MS,
        "onboardDate": ONBOARD_MS,
        "status": status(rules.status),
        "maintMarginPercent": contract.maintenance_percent.to_string(),
        "requiredMarginPercent": contract.required_percent.to_string(),
        "baseAsset": spec.base,
        "quoteAsset": spec.quote,
        "marginAsset": spec.quote,
        "pricePrecision": contract.price_precision,
        "quantityPrecision": contract.quantity_precision,
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
        "underlyingType": "COIN",
        "underlyingSubType": ["PoW"],
        "settlePlan": 0,
        "triggerProtect": contract.trigger_protect.to_string(),
        "liquidationFee": contract.liquidation_fee.to_string(),
        "marketTakeBound": contract.market_take_bound.to_string(),
        "maxMoveOrderLimit": 10_000,
        "filters": filters(symbol),
        "orderTypes": rules.order_types.iter().map(|kind| kind.as_str()).collect::<Vec<_>>(),
        "timeInForce": ["GTC", "IOC", "FOK", "GTX", "GTD"],
        "permissionSets": [],
    })
}

/// USD-M's words; a break is the one that its enumeration has for a symbol that was taken off.
const fn status(status: SymbolStatus) -> &'static str {
    match status {
        SymbolStatus::Trading => "TRADING",
        SymbolStatus::Halt => "PENDING_TRADING",
        SymbolStatus::Break => "CLOSE",
    }
}

fn filters(symbol: &Symbol) -> Value {
    let rules = symbol.told();
    let lot = |name: &str, range: Range| {
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
    ];
    if let Some(limit) = rules.max_algo_orders {
        all.push(json!({"filterType": "MAX_NUM_ALGO_ORDERS", "limit": limit}));
    }
    let least = rules.notional.as_ref().map_or_else(|| "0".to_owned(), |rule| rule.min.to_string());
    all.push(json!({"filterType": "MIN_NOTIONAL", "notional": least}));
    if let Some(percent) = &rules.percent_price {
        let (up, down) = (percent.bounds.bid_up, percent.bounds.ask_down);
        all.push(json!({
            "filterType": "PERCENT_PRICE",
            "multiplierUp": up.to_string(),
            "multiplierDown": down.to_string(),
            "multiplierDecimal": up.scale().max(down.scale()).to_string(),
        }));
    }
    Value::Array(all)
}
