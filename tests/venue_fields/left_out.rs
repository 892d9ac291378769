//! Fields that a twin has and the venue leaves out on purpose, each with its reason.

/// One field.
pub(crate) struct LeftOut {
    /// `Spot`, `USD-M`, or `*`.
    pub(crate) product: &'static str,
    /// The kind of message, or `*`.
    pub(crate) kind: &'static str,
    /// Its path, or the end of it after a dot.
    pub(crate) path: &'static str,
    pub(crate) reason: &'static str,
}

const fn any(path: &'static str, reason: &'static str) -> LeftOut {
    LeftOut { product: "*", kind: "*", path, reason }
}

const fn of(product: &'static str, kind: &'static str, path: &'static str, reason: &'static str) -> LeftOut {
    LeftOut { product, kind, path, reason }
}

const CONDITIONAL: &str = "told only of orders that have it: stops, trailing, iceberg, strategies, order lists, pegs, smart routing";
const PREVENTED: &str = "told only of orders whose self-trade was prevented";
const WITHDRAWN: &str = "withdrawn by the public venue since the twin was recorded";
const FILTERS: &str = "a filter that the venue's symbols do not have";
const COINM: &str = "a field of coin-margined contracts";
const OLDER_VERSION: &str = "the twin shows fields of version 2 of the call";
const OTHER_SHAPE: &str =
    "the twin shows the fields of a queried order, which the public venue's documentation does not have here";
const NO_RULE: &str = "no symbol of the default listing has such a rule";
const SPELLING: &str = "the public venue's documentation spells it unRealizedProfit, which is sent";

/// The list.
pub(crate) const LEFT_OUT: &[LeftOut] = &[
    any("strategyId", CONDITIONAL),
    any("strategyType", CONDITIONAL),
    any("trailingDelta", CONDITIONAL),
    any("trailingTime", CONDITIONAL),
    any("preventedMatchId", PREVENTED),
    any("preventedQuantity", PREVENTED),
    of("Spot", "@trade", "a", WITHDRAWN),
    of("Spot", "@trade", "b", WITHDRAWN),
    of("Spot", "GET /api/v3/exchangeInfo", "symbols[].permissions[]", WITHDRAWN),
    of("Spot", "GET /api/v3/exchangeInfo", "symbols[].filters[].applyToMarket", FILTERS),
    of("Spot", "GET /api/v3/exchangeInfo", "symbols[].filters[].limit", FILTERS),
    of("Spot", "GET /api/v3/exchangeInfo", "symbols[].filters[].maxPosition", FILTERS),
    of("Spot", "GET /api/v3/exchangeInfo", "symbols[].filters[].multiplierDown", FILTERS),
    of("Spot", "GET /api/v3/exchangeInfo", "symbols[].filters[].multiplierUp", FILTERS),
    of("Spot", "openOrders.cancelAll", "icebergQty", OTHER_SHAPE),
    of("Spot", "openOrders.cancelAll", "isWorking", OTHER_SHAPE),
    of("Spot", "openOrders.cancelAll", "stopPrice", OTHER_SHAPE),
    of("Spot", "openOrders.cancelAll", "time", OTHER_SHAPE),
    of("Spot", "openOrders.cancelAll", "updateTime", OTHER_SHAPE),
    of("Spot", "openOrders.cancelAll", "workingTime", OTHER_SHAPE),
    any("activatePrice", CONDITIONAL),
    any("priceRate", CONDITIONAL),
    of("USD-M", "ORDER_TRADE_UPDATE", "AP", CONDITIONAL),
    of("USD-M", "ORDER_TRADE_UPDATE", "cr", CONDITIONAL),
    of("USD-M", "PUT /fapi/v1/order", "cumBase", COINM),
    of("USD-M", "PUT /fapi/v1/order", "pair", COINM),
    of("USD-M", "PUT /fapi/v1/batchOrders", "cumBase", COINM),
    of("USD-M", "PUT /fapi/v1/batchOrders", "pair", COINM),
    of("USD-M", "GET /fapi/v3/positionRisk", "isAutoAddMargin", OLDER_VERSION),
    of("USD-M", "GET /fapi/v3/positionRisk", "leverage", OLDER_VERSION),
    of("USD-M", "GET /fapi/v3/positionRisk", "marginType", OLDER_VERSION),
    of("USD-M", "GET /fapi/v3/positionRisk", "maxNotionalValue", OLDER_VERSION),
    of("USD-M", "GET /fapi/v1/exchangeInfo", "multiplierDecimal", FILTERS),
    of("USD-M", "GET /fapi/v1/exchangeInfo", "multiplierDown", FILTERS),
    of("USD-M", "GET /fapi/v1/exchangeInfo", "multiplierUp", FILTERS),
    of("Spot", "PUT /api/v3/order/amend/keepPriority", "cummulativeQuoteQty", OTHER_SHAPE),
    of("Spot", "PUT /api/v3/order/amend/keepPriority", "icebergQty", OTHER_SHAPE),
    of("Spot", "PUT /api/v3/order/amend/keepPriority", "isWorking", OTHER_SHAPE),
    of("Spot", "PUT /api/v3/order/amend/keepPriority", "origQty", OTHER_SHAPE),
    of("Spot", "PUT /api/v3/order/amend/keepPriority", "origQuoteOrderQty", OTHER_SHAPE),
    of("Spot", "PUT /api/v3/order/amend/keepPriority", "stopPrice", OTHER_SHAPE),
    of("Spot", "PUT /api/v3/order/amend/keepPriority", "time", OTHER_SHAPE),
    of("Spot", "PUT /api/v3/order/amend/keepPriority", "updateTime", OTHER_SHAPE),
    of("Spot", "order.amend.keepPriority", "cummulativeQuoteQty", OTHER_SHAPE),
    of("Spot", "order.amend.keepPriority", "icebergQty", OTHER_SHAPE),
    of("Spot", "order.amend.keepPriority", "isWorking", OTHER_SHAPE),
    of("Spot", "order.amend.keepPriority", "origQty", OTHER_SHAPE),
    of("Spot", "order.amend.keepPriority", "origQuoteOrderQty", OTHER_SHAPE),
    of("Spot", "order.amend.keepPriority", "stopPrice", OTHER_SHAPE),
    of("Spot", "order.amend.keepPriority", "time", OTHER_SHAPE),
    of("Spot", "order.amend.keepPriority", "updateTime", OTHER_SHAPE),
    of("Spot", "order.cancel", "icebergQty", OTHER_SHAPE),
    of("Spot", "order.cancel", "isWorking", OTHER_SHAPE),
    of("Spot", "order.cancel", "stopPrice", OTHER_SHAPE),
    of("Spot", "order.cancel", "time", OTHER_SHAPE),
    of("Spot", "order.cancel", "updateTime", OTHER_SHAPE),
    of("Spot", "order.cancel", "workingTime", OTHER_SHAPE),
    of("Spot", "GET /api/v3/exchangeInfo", "symbols[].filters[].avgPriceMins", FILTERS),
    of("Spot", "GET /api/v3/exchangeInfo", "symbols[].filters[].maxNumAlgoOrders", FILTERS),
    of("Spot", "GET /api/v3/exchangeInfo", "symbols[].filters[].minNotional", FILTERS),
    of("Spot", "GET /api/v3/executionRules", "symbolRules[].rules[]", NO_RULE),
    of("Spot", "executionRules", "symbolRules[].rules[]", NO_RULE),
    of("USD-M", "v2/account.position", "unrealizedProfit", SPELLING),
];
