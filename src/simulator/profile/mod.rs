//! What a venue is like: self-trade prevention, limits, filters and fees, apart for each product.

use schemas::units::Decimal;

use super::engine::StpMode;
use super::symbols::Product;

const SECOND_MS: i64 = 1_000;
const MINUTE_MS: i64 = 60 * SECOND_MS;
const DAY_MS: i64 = 24 * 60 * MINUTE_MS;

/// How a venue behaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// What it is called.
    pub name: String,
    /// How its Spot symbols trade.
    pub spot: MarketProfile,
    /// How its USD-M symbols trade.
    pub usdm: MarketProfile,
}

/// How the symbols of one product trade.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MarketProfile {
    /// The self-trade prevention that an order gets which names none.
    pub default_stp: StpMode,
    /// The modes that an order may name.
    pub allowed_stp: Vec<StpMode>,
    /// Request weight that an address may spend in a minute.
    pub weight_per_minute: u64,
    /// Requests that an address may send in five minutes, whatever they weigh.
    pub requests_per_5min: u64,
    /// Websocket connections that an address may try in five minutes.
    pub connections_per_5min: u64,
    /// Messages, pings and pongs that a stream connection may send in a second before it is cut; none = any
    /// number.
    pub messages_per_s: Option<u32>,
    /// Orders that an account may have in two windows of the wall clock.
    pub orders: [OrderWindow; 2],
    /// Open orders of an account on one symbol.
    pub open_orders: usize,
    /// Least price times quantity, in the quote asset.
    pub least_notional: Decimal,
    /// What a trade costs the one whose order rested, in millionths.
    pub maker_fee_ppm: i32,
    /// What a trade costs the one whose order came, in millionths.
    pub taker_fee_ppm: i32,
}

/// So many orders in so long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderWindow {
    /// How long the window is, in milliseconds; windows begin at multiples of it.
    pub length_ms: i64,
    /// How many orders fit.
    pub limit: u64,
}

impl Default for Profile {
    fn default() -> Self {
        Self::open()
    }
}

impl Profile {
    /// Self-trades allowed, limits far above what anybody sends.
    #[must_use]
    pub fn open() -> Self {
        let market = |second_ms| MarketProfile {
            default_stp: StpMode::None,
            allowed_stp: vec![StpMode::None, StpMode::ExpireMaker],
            weight_per_minute: 100_000_000,
            requests_per_5min: 100_000_000,
            connections_per_5min: 1_000_000,
            messages_per_s: None,
            orders: [
                OrderWindow { length_ms: 10 * SECOND_MS, limit: 10_000_000 },
                OrderWindow { length_ms: second_ms, limit: 100_000_000_000 },
            ],
            open_orders: 1_000_000,
            least_notional: Decimal::from_steps(0, 0),
            maker_fee_ppm: 0,
            taker_fee_ppm: 0,
        };
        Self { name: "open".to_owned(), spot: market(DAY_MS), usdm: market(MINUTE_MS) }
    }

    /// As the public venues: self-trades prevented, small limits, a least notional.
    #[must_use]
    pub fn strict() -> Self {
        let market = |weight, messages, [ten_seconds, second]: [u64; 2], second_ms| MarketProfile {
            default_stp: StpMode::ExpireMaker,
            allowed_stp: vec![StpMode::ExpireMaker],
            weight_per_minute: weight,
            requests_per_5min: 300_000,
            connections_per_5min: 300,
            messages_per_s: Some(messages),
            orders: [
                OrderWindow { length_ms: 10 * SECOND_MS, limit: ten_seconds },
                OrderWindow { length_ms: second_ms, limit: second },
            ],
            open_orders: 200,
            least_notional: Decimal::from_steps(5, 0),
            maker_fee_ppm: 0,
            taker_fee_ppm: 0,
        };
        Self {
            name: "strict".to_owned(),
            spot: market(6_000, 5, [50, 160_000], DAY_MS),
            usdm: market(2_400, 10, [300, 1_200], MINUTE_MS),
        }
    }

    /// The built-in profile of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "open" => Some(Self::open()),
            "strict" => Some(Self::strict()),
            _ => None,
        }
    }

    /// How the symbols of a product trade.
    #[must_use]
    pub const fn market(&self, product: Product) -> &MarketProfile {
        match product {
            Product::Spot => &self.spot,
            Product::UsdM => &self.usdm,
        }
    }
}
