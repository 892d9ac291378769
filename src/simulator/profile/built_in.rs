//! The profiles `open` and `strict`, and the filters that they give to symbols.

use schemas::units::Decimal;

use super::rules::{
    ContractRules, NotionalForm, NotionalRule, OrderType, PercentForm, PercentPrice, Range, STEPS_MAX,
    SideMultipliers, SymbolRules, SymbolStatus,
};
use super::{Filters, Latency, MarketProfile, OrderWindow, Profile};
use crate::simulator::engine::StpMode;
use crate::simulator::symbols::{Product, SymbolSpec};

const SECOND_MS: i64 = 1_000;
const MINUTE_MS: i64 = 60 * SECOND_MS;
const DAY_MS: i64 = 24 * 60 * MINUTE_MS;

/// The highest price of a symbol with public filters, in whole units of the quote asset.
const PUBLIC_PRICE_MAX: i64 = 1_000_000;
/// The largest quantity of a symbol with public filters, in whole units of the base asset.
const PUBLIC_QTY_MAX: i64 = 9_000;
/// The largest quantity of a MARKET order there.
const PUBLIC_MARKET_QTY_MAX: i64 = 100;

impl Profile {
    /// Self-trades allowed, limits far above what anybody sends.
    #[must_use]
    pub fn open() -> Self {
        let market = |product, second_ms| MarketProfile {
            default_stp: StpMode::None,
            allowed_stp: [&[StpMode::None], modes(product)].concat(),
            weight_per_minute: 100_000_000,
            raw_requests: None,
            connections_per_5min: 1_000_000,
            messages_per_s: None,
            orders: [
                OrderWindow { length_ms: 10 * SECOND_MS, limit: 10_000_000 },
                OrderWindow { length_ms: second_ms, limit: 100_000_000_000 },
            ],
            maker_fee_ppm: 0,
            taker_fee_ppm: 0,
            filters: Filters::Wide,
        };
        Self {
            name: "open".to_owned(),
            spot: market(Product::Spot, DAY_MS),
            usdm: market(Product::UsdM, MINUTE_MS),
            latency: Latency::default(),
            refuse_older_epochs: true,
        }
    }

    /// As the public venues: self-trades prevented, small limits, their filters.
    #[must_use]
    pub fn strict() -> Self {
        let market = |product, weight, [ten_seconds, second]: [u64; 2], second_ms| MarketProfile {
            default_stp: StpMode::ExpireMaker,
            allowed_stp: modes(product).to_vec(),
            weight_per_minute: weight,
            raw_requests: None,
            connections_per_5min: 300,
            messages_per_s: Some(match product {
                Product::Spot => 5,
                Product::UsdM => 10,
            }),
            orders: [
                OrderWindow { length_ms: 10 * SECOND_MS, limit: ten_seconds },
                OrderWindow { length_ms: second_ms, limit: second },
            ],
            maker_fee_ppm: 0,
            taker_fee_ppm: 0,
            filters: Filters::Public,
        };
        let spot = market(Product::Spot, 6_000, [50, 160_000], DAY_MS);
        Self {
            name: "strict".to_owned(),
            spot: MarketProfile { raw_requests: Some(300_000), ..spot },
            usdm: market(Product::UsdM, 2_400, [300, 1_200], MINUTE_MS),
            latency: Latency::default(),
            refuse_older_epochs: true,
        }
    }
}

/// The modes of self-trade prevention that the public venue of a product has.
const fn modes(product: Product) -> &'static [StpMode] {
    match product {
        Product::Spot => &[
            StpMode::ExpireTaker,
            StpMode::ExpireMaker,
            StpMode::ExpireBoth,
            StpMode::Decrement,
            StpMode::Transfer,
        ],
        Product::UsdM => &[StpMode::ExpireTaker, StpMode::ExpireMaker, StpMode::ExpireBoth],
    }
}

/// The rules of a symbol that has none of its own.
pub(super) fn rules(market: &MarketProfile, spec: &SymbolSpec) -> SymbolRules {
    let wide = wide(market, spec);
    match market.filters {
        Filters::Wide => wide,
        Filters::Public => public(wide, spec),
    }
}

/// The rules of a symbol with no filter that binds.
pub(super) fn wide(market: &MarketProfile, spec: &SymbolSpec) -> SymbolRules {
    SymbolRules {
        status: SymbolStatus::Trading,
        price: Range::ALL,
        lot: Range::ALL,
        market_lot: Range::ALL,
        percent_price: None,
        notional: None,
        max_orders: 1_000_000,
        max_algo_orders: None,
        max_position: None,
        price_range: None,
        order_types: match spec.product {
            Product::Spot => vec![OrderType::Limit, OrderType::LimitMaker, OrderType::Market],
            Product::UsdM => vec![OrderType::Limit, OrderType::Market],
        },
        default_stp: market.default_stp,
        allowed_stp: market.allowed_stp.clone(),
        maker_fee_ppm: market.maker_fee_ppm,
        taker_fee_ppm: market.taker_fee_ppm,
        contract: ContractRules {
            price_precision: spec.price_decimals,
            quantity_precision: spec.qty_decimals,
            max_leverage: 125,
            maintenance_percent: Decimal::new(25_000, 4),
            required_percent: Decimal::new(50_000, 4),
            liquidation_fee: Decimal::new(12_500, 6),
            market_take_bound: Decimal::new(5, 2),
            trigger_protect: Decimal::new(500, 4),
        },
    }
}

fn public(wide: SymbolRules, spec: &SymbolSpec) -> SymbolRules {
    let (up, down, avg_price_mins) = match spec.product {
        Product::Spot => (Decimal::new(5, 0), Decimal::new(2, 1), 5),
        Product::UsdM => (Decimal::new(10_500, 4), Decimal::new(9_500, 4), 0),
    };
    SymbolRules {
        price: Range { max: steps(PUBLIC_PRICE_MAX, spec.price_decimals), ..Range::ALL },
        lot: Range { max: steps(PUBLIC_QTY_MAX, spec.qty_decimals), ..Range::ALL },
        market_lot: Range { max: steps(PUBLIC_MARKET_QTY_MAX, spec.qty_decimals), ..Range::ALL },
        percent_price: Some(PercentPrice {
            form: match spec.product {
                Product::Spot => PercentForm::BySide,
                Product::UsdM => PercentForm::Both,
            },
            bounds: SideMultipliers::both(up, down),
            avg_price_mins,
        }),
        notional: Some(public_notional(spec)),
        max_orders: 200,
        max_algo_orders: Some(match spec.product {
            Product::Spot => 5,
            Product::UsdM => 10,
        }),
        ..wide
    }
}

fn public_notional(spec: &SymbolSpec) -> NotionalRule {
    let (form, max) = match spec.product {
        Product::Spot => (NotionalForm::MinMax, Some(Decimal::new(9_000_000, 0))),
        Product::UsdM => (NotionalForm::Min, None),
    };
    let min = match (spec.product, spec.base.as_str()) {
        (Product::UsdM, "BTC") => 100,
        (Product::UsdM, "ETH") => 20,
        (Product::Spot | Product::UsdM, _) => 5,
    };
    NotionalRule {
        form,
        min: Decimal::new(min, 0),
        min_to_market: true,
        max,
        max_to_market: false,
        avg_price_mins: 5,
    }
}

/// Whole units in steps, as far as the engine counts.
const fn steps(units: i64, decimals: u8) -> i64 {
    let steps = match 10_i64.checked_pow(decimals as u32) {
        Some(one) => units.saturating_mul(one),
        None => STEPS_MAX,
    };
    if steps < STEPS_MAX { steps } else { STEPS_MAX }
}
