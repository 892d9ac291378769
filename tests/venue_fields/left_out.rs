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

const CONDITIONAL: &str = "only told of orders that have it: stops, trailing, iceberg, strategies, order lists, pegs, smart routing";
const PREVENTED: &str = "only told of orders whose self-trade was prevented";
const WITHDRAWN: &str = "withdrawn by the public venue";

/// The list.
pub(crate) const LEFT_OUT: &[LeftOut] = &[
    any("strategyId", CONDITIONAL),
    any("strategyType", CONDITIONAL),
    any("trailingDelta", CONDITIONAL),
    any("trailingTime", CONDITIONAL),
    any("preventedMatchId", PREVENTED),
    any("preventedQuantity", PREVENTED),
    of("Spot", "trade", "a", WITHDRAWN),
    of("Spot", "trade", "b", WITHDRAWN),
];
