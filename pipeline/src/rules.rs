//! The decision: (instrument, memory, tick, top, now, draw) -> a pair or a skip.
//!
//! The steps and their numbers are those of the decision rules (docs/rules.md). Pure and exact.

use schemas::config::RuleParams;
use schemas::order::{PositionSide, Side};
use schemas::tick::Tick;
use schemas::units::{Decimal, Price, Qty};

use crate::chance::Draw;
use crate::limits::InstrumentLimits;
use crate::skip::Skip;
use crate::{normalise, quote, sides};

/// One instrument's rules, with what can be worked out once.
#[derive(Clone, Debug)]
pub struct Rules {
    /// The configuration's values.
    pub params: RuleParams,
    /// Interval in whole milliseconds, rounded up: ages are whole, so the comparison stays exact.
    pub interval_ms: i64,
    pub(crate) limits: InstrumentLimits,
}

impl Rules {
    /// Works out what does not depend on ticks.
    #[must_use]
    pub fn new(params: RuleParams) -> Self {
        let interval_ms = params.interval.to_steps(3, schemas::units::Rounding::Up);
        Self {
            interval_ms: interval_ms.and_then(|ms| i64::try_from(ms).ok()).unwrap_or(i64::MAX),
            limits: InstrumentLimits::new(&params),
            params,
        }
    }
}

/// What an instrument remembers: empty at start, changed only when a pair is decided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// The last pair, if there was one.
    pub last: Option<LastPair>,
}

/// What is remembered of the last pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastPair {
    /// Its price.
    pub price: Price,
    /// Its quantity before the conversion to contracts.
    pub qty: Qty,
    /// Whole minutes since the epoch.
    pub minute: i64,
    /// Wall clock, milliseconds since the epoch.
    pub fired_ms: i64,
}

/// Best bid and ask as the venue wrote them; either may be missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BestPrices {
    /// Best bid.
    pub bid: Option<Decimal>,
    /// Best ask.
    pub ask: Option<Decimal>,
}

/// A decided pair: two limit orders at one price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair {
    /// The price of both legs.
    pub price: Price,
    /// The quantity of both orders: lots, or contracts for futures (see [`Pair::sent_in`]).
    pub order_qty: Qty,
    /// Digits after the point of `order_qty`: Qty Decimals, or 0 for contracts.
    pub order_qty_decimals: u8,
    /// The quantity in lots, before the conversion to contracts.
    pub qty: Qty,
    /// The maker's side; the taker takes the other.
    pub maker_side: Side,
    /// The maker's position side.
    pub maker_position: PositionSide,
    /// The taker's position side.
    pub taker_position: PositionSide,
    /// The rules that fired.
    pub rules: RuleSet,
}

impl Pair {
    /// The pair with its order quantity as the venue counts it: contracts times the base asset of one, or as it is
    /// decided. `None` beyond numbers.
    #[must_use]
    pub fn sent_in(self, contract_size: Option<Decimal>) -> Option<Self> {
        let Some(contract_size) = contract_size else { return Some(self) };
        let decimals = u8::try_from(contract_size.decimals()).ok()?;
        let of_one = contract_size.to_steps_exact(decimals)?;
        let order_qty = Qty::from_steps(self.order_qty.steps().checked_mul(of_one)?);
        let order_qty_decimals = self.order_qty_decimals.checked_add(decimals)?;
        Some(Self { order_qty, order_qty_decimals, ..self })
    }
}

/// A rule that may fire, in the order of the steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// 6a.
    SamePrice,
    /// 6b.
    DivergenceCap,
    /// 7.
    MinuteOpen,
    /// 8.
    BookClamp,
    /// 11.
    MinQty,
    /// 12.
    MinAmount,
    /// 13.
    MaxAmount,
    /// 15.
    SameQty,
    /// 17.
    SideForced,
}

impl Rule {
    /// All rules, in the order of the steps.
    pub const ALL: [Self; 9] = [
        Self::SamePrice,
        Self::DivergenceCap,
        Self::MinuteOpen,
        Self::BookClamp,
        Self::MinQty,
        Self::MinAmount,
        Self::MaxAmount,
        Self::SameQty,
        Self::SideForced,
    ];

    /// The name in answers and labels.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SamePrice => "same_price",
            Self::DivergenceCap => "divergence_cap",
            Self::MinuteOpen => "minute_open",
            Self::BookClamp => "book_clamp",
            Self::MinQty => "min_qty",
            Self::MinAmount => "min_amount",
            Self::MaxAmount => "max_amount",
            Self::SameQty => "same_qty",
            Self::SideForced => "side_forced",
        }
    }

    fn bit(self) -> u16 {
        let position = Self::ALL.iter().position(|rule| *rule == self).unwrap_or(0);
        1 << position
    }
}

/// Which rules fired for a pair.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RuleSet(u16);

impl RuleSet {
    /// Notes that a rule fired.
    pub fn insert(&mut self, rule: Rule) {
        self.0 |= rule.bit();
    }

    /// Whether a rule fired.
    #[must_use]
    pub fn contains(self, rule: Rule) -> bool {
        self.0 & rule.bit() != 0
    }

    /// The rules that fired, in the order of the steps.
    pub fn iter(self) -> impl Iterator<Item = Rule> {
        Rule::ALL.into_iter().filter(move |rule| self.contains(*rule))
    }
}

/// Turns a tick into a pair, or says why not. A pair changes the memory; a skip changes nothing.
///
/// `now_ms` is the wall clock in whole milliseconds since the epoch.
///
/// # Errors
/// The [`Skip`] of the first step that refuses.
pub fn decide(
    rules: &Rules,
    memory: &mut Memory,
    tick: &Tick,
    top: BestPrices,
    now_ms: i64,
    draw: Draw,
) -> Result<Pair, Skip> {
    let (Some(tick_price), Some(tick_qty)) = (positive(tick.price), positive(tick.qty)) else {
        return Err(Skip::InvalidTick);
    };
    if memory.last.is_some_and(|last| now_ms.saturating_sub(last.fired_ms) < rules.interval_ms) {
        return Err(Skip::Interval);
    }
    let mut fired = RuleSet::default();
    let top = quote::tick_top(rules, top)?;
    let price = quote::price(rules, memory.last, tick_price, &top, now_ms, &mut fired)?;
    let last_qty = memory.last.map(|last| last.qty);
    let qty = normalise::qty(rules, last_qty, tick_qty, price, draw.coefficient, &mut fired)?;
    let (order_qty, order_qty_decimals) = normalise::order_qty(rules, qty)?;
    let maker_side = sides::maker(rules, tick.side, draw.maker_side, price, &top, &mut fired);
    memory.last = Some(LastPair { price, qty, minute: quote::minute(now_ms), fired_ms: now_ms });
    Ok(Pair {
        price,
        order_qty,
        order_qty_decimals,
        qty,
        maker_side,
        maker_position: sides::position(rules, maker_side),
        taker_position: sides::position(rules, maker_side.opposite()),
        rules: fired,
    })
}

fn positive(number: Option<Decimal>) -> Option<Decimal> {
    number.filter(|number| number.is_positive())
}
