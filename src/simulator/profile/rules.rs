//! What one symbol allows: everything that the dialects' filters and listings are made of.
//!
//! Prices are in the symbol's ticks and quantities in its lots, as the engine counts them. What a filter calls a
//! tick size or a step size is a multiple of those.

use schemas::units::Decimal;

use crate::simulator::engine::StpMode;

/// Most ticks in a price and lots in a quantity: their product stays far inside 128 bits.
pub const STEPS_MAX: i64 = 1_000_000_000_000_000;

/// The rules of one symbol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SymbolRules {
    /// Whether it trades.
    pub status: SymbolStatus,
    /// `PRICE_FILTER`, in ticks.
    pub price: Range,
    /// `LOT_SIZE`, in lots.
    pub lot: Range,
    /// `MARKET_LOT_SIZE`, in lots: MARKET orders only.
    pub market_lot: Range,
    /// `PERCENT_PRICE` and its kin; none: any price.
    pub percent_price: Option<PercentPrice>,
    /// `NOTIONAL` and its kin; none: any amount.
    pub notional: Option<NotionalRule>,
    /// Open orders of an account.
    pub max_orders: usize,
    /// Open conditional orders of an account. There are none; it is only shown.
    pub max_algo_orders: Option<u64>,
    /// Spot's `MAX_POSITION`: most of the base asset that an account may hold and bid for, in lots.
    pub max_position: Option<i64>,
    /// Spot's price range rule: the part of an incoming order that would trade outside it expires.
    pub price_range: Option<SideMultipliers>,
    /// What orders there are, in the order in which they are listed.
    pub order_types: Vec<OrderType>,
    /// The self-trade prevention of an order that names none.
    pub default_stp: StpMode,
    /// The modes that an order may name.
    pub allowed_stp: Vec<StpMode>,
    /// What a trade costs the one whose order rested, in millionths of the amount.
    pub maker_fee_ppm: u32,
    /// What a trade costs the one whose order came, in millionths of the amount.
    pub taker_fee_ppm: u32,
    /// What only a contract has; Spot symbols carry it unread.
    pub contract: ContractRules,
}

/// Whether a symbol trades.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum SymbolStatus {
    /// It does.
    #[default]
    Trading,
    /// Listed, and no order is taken.
    Halt,
    /// Listed, and closed for longer.
    Break,
}

/// Least, most and step of a price or a quantity. A zero switches that part off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// The least that passes; 0: anything above zero.
    pub min: i64,
    /// The most that passes; 0: anything.
    pub max: i64,
    /// Spot: values are multiples of it. USD-M: values are that far, or multiples of it, above `min`. 0: any.
    pub step: i64,
}

/// How far a price may be from the reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PercentPrice {
    /// Which filter says so.
    pub form: PercentForm,
    /// The bounds, as multiples of the reference: Spot's average price, USD-M's mark price. On USD-M only
    /// `bid_up` and `ask_down` bind. The forms that know no sides carry the same bounds for both.
    pub bounds: SideMultipliers,
    /// Spot: minutes of trades in the reference; 0: the last price.
    pub avg_price_mins: u32,
}

/// Which filter bounds prices around the reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PercentForm {
    /// `PERCENT_PRICE`.
    Both,
    /// `PERCENT_PRICE_BY_SIDE`; Spot only.
    BySide,
}

/// Bounds of a price as multiples of a reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SideMultipliers {
    /// The most that a buyer may offer.
    pub bid_up: Decimal,
    /// The least that a buyer may offer.
    pub bid_down: Decimal,
    /// The most that a seller may ask.
    pub ask_up: Decimal,
    /// The least that a seller may ask.
    pub ask_down: Decimal,
}

/// How much price times quantity may be, in the quote asset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotionalRule {
    /// Which filter says so.
    pub form: NotionalForm,
    /// The least that passes; 0: anything.
    pub min: Decimal,
    /// Whether `min` binds MARKET orders.
    pub min_to_market: bool,
    /// The most that passes; none: anything. Never with `MIN_NOTIONAL`.
    pub max: Option<Decimal>,
    /// Whether `max` binds MARKET orders.
    pub max_to_market: bool,
    /// Spot: minutes of trades in the price that a MARKET order is valued at; 0: the last price.
    pub avg_price_mins: u32,
}

/// Which filter bounds amounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotionalForm {
    /// `MIN_NOTIONAL`: USD-M's, and Spot's older one.
    Min,
    /// `NOTIONAL`; Spot only.
    MinMax,
}

/// A type of order that a symbol takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OrderType {
    /// `LIMIT`.
    Limit,
    /// `LIMIT_MAKER`; Spot only.
    LimitMaker,
    /// `MARKET`.
    Market,
}

/// What a contract has beside its filters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContractRules {
    /// Most decimals of a price; not its tick.
    pub price_precision: u8,
    /// Most decimals of a quantity; not its step.
    pub quantity_precision: u8,
    /// The most leverage that an account may set, 1 to 125.
    pub max_leverage: u32,
    /// Maintenance margin, per cent of the position's value.
    pub maintenance_percent: Decimal,
    /// Margin required at the default leverage, per cent of the position's value.
    pub required_percent: Decimal,
    /// Part of the value that a liquidation costs. There are none; it is only shown.
    pub liquidation_fee: Decimal,
    /// How far from the mark price a MARKET order trades, as a part of it.
    pub market_take_bound: Decimal,
    /// Threshold of conditional orders. There are none; it is only shown.
    pub trigger_protect: Decimal,
}

impl Range {
    /// Anything from one step up to what the engine counts.
    pub const ALL: Self = Self { min: 1, max: STEPS_MAX, step: 1 };

    /// Whether a value passes by Spot's rule: steps count from zero.
    #[must_use]
    pub const fn allows(&self, value: i64) -> bool {
        self.bounds(value) && (self.step == 0 || value % self.step == 0)
    }

    /// Whether a value passes by USD-M's rule: steps count from the least value.
    #[must_use]
    pub const fn allows_from_min(&self, value: i64) -> bool {
        self.bounds(value) && (self.step == 0 || (value - self.min) % self.step == 0)
    }

    /// Whether a value is neither too small nor too large, whatever its step.
    #[must_use]
    pub const fn bounds(&self, value: i64) -> bool {
        value > 0 && value >= self.min && (self.max == 0 || value <= self.max)
    }
}

impl SideMultipliers {
    /// The same bounds for both sides.
    #[must_use]
    pub const fn both(up: Decimal, down: Decimal) -> Self {
        Self { bid_up: up, bid_down: down, ask_up: up, ask_down: down }
    }
}

impl OrderType {
    /// As exchangeInfo writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Limit => "LIMIT",
            Self::LimitMaker => "LIMIT_MAKER",
            Self::Market => "MARKET",
        }
    }
}

impl SymbolStatus {
    /// As exchangeInfo writes it; USD-M's words for a closed symbol are the dialect's own.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Trading => "TRADING",
            Self::Halt => "HALT",
            Self::Break => "BREAK",
        }
    }
}
