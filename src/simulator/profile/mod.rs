//! What a venue is like: self-trade prevention, limits, filters and fees, apart for each product and symbol.

mod built_in;
pub mod file;
pub mod import;
mod listing;
mod rules;

use super::engine::StpMode;
use super::symbols::{Product, SymbolSpec};

pub use rules::{
    ContractRules, NotionalForm, NotionalRule, OrderType, PercentForm, PercentPrice, Range, STEPS_MAX,
    SideMultipliers, SymbolRules, SymbolStatus,
};

/// How a venue behaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// What it is called.
    pub name: String,
    /// How its Spot symbols trade.
    pub spot: MarketProfile,
    /// How its USD-M symbols trade.
    pub usdm: MarketProfile,
    /// How late it answers and tells.
    pub latency: Latency,
    /// An order of the program whose epoch a later one has followed is refused.
    pub refuse_older_epochs: bool,
}

/// How late answers and events come; what is asked is done at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Latency {
    /// From a request to its answer, milliseconds.
    pub answer_ms: u64,
    /// At most so much more, drawn for each answer.
    pub answer_jitter_ms: u64,
    /// From an event to its message on a stream, milliseconds.
    pub event_ms: u64,
    /// At most so much more, drawn for each message.
    pub event_jitter_ms: u64,
    /// Seed of the draws.
    pub seed: u64,
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
    /// Requests that an address may send in five minutes, whatever their weight; Spot only.
    pub raw_requests: Option<u64>,
    /// Websocket connections that an address may try in five minutes.
    pub connections_per_5min: u64,
    /// Messages, pings and pongs that a stream connection may send in a second before it is cut; none = any
    /// number.
    pub messages_per_s: Option<u32>,
    /// Orders that an account may have in two windows of the wall clock.
    pub orders: [OrderWindow; 2],
    /// What a trade costs the one whose order rested, in millionths.
    pub maker_fee_ppm: u32,
    /// What a trade costs the one whose order came, in millionths.
    pub taker_fee_ppm: u32,
    /// Where the filters of symbols that have none of their own come from.
    pub filters: Filters,
}

/// Which filters a symbol gets that names none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filters {
    /// Any price and quantity in the symbol's decimals.
    Wide,
    /// As the public venues have them for their main symbols.
    Public,
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

    /// How the symbols of a product trade.
    pub const fn market_mut(&mut self, product: Product) -> &mut MarketProfile {
        match product {
            Product::Spot => &mut self.spot,
            Product::UsdM => &mut self.usdm,
        }
    }

    /// A symbol's rules: its own, or those of its product.
    #[must_use]
    pub fn rules(&self, spec: &SymbolSpec) -> SymbolRules {
        match &spec.rules {
            Some(rules) => (**rules).clone(),
            None => built_in::rules(self.market(spec.product), spec),
        }
    }
}
