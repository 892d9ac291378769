//! What the tests of the instrument share: one instrument on a market of its own, its ticks and tops.

use std::time::Duration;

use pipeline::book::{Level, Top};
use pipeline::chance::Chance;
use pipeline::event::FeedTick;
use pipeline::instrument::Settings;
use pipeline::rules::Rules;
use pipeline::time::{Nanos, Now};
use proptest::prelude::ProptestConfig;
use schemas::config::{
    Conflate, EmptyBook, OnQuiet, Placement, RuleParams, SamePolicy, SidePolicy, TermType,
};
use schemas::ids::{Epoch, InstrumentPrefix};
use schemas::order::{PositionSide, Side};
use schemas::tick::Tick;
use schemas::units::Decimal;

/// The wall clock when the monotonic one shows zero.
pub(crate) const START_MS: i64 = 1_700_000_000_000;

/// Both clocks, so long after the start.
pub(crate) fn at_ns(ns: u64) -> Now {
    Now { mono: Nanos(ns), wall_ms: START_MS + i64::try_from(ns / 1_000_000).unwrap() }
}

pub(crate) fn num(text: &str) -> Decimal {
    Decimal::parse(text).unwrap()
}

/// An instrument that repeats each tick as it is, maker against the tick's taker: 2 price and 3 quantity
/// decimals, no Interval.
pub(crate) fn settings() -> Settings {
    let params = RuleParams {
        term: TermType::Spot,
        price_decimals: 2,
        qty_decimals: 3,
        position_side: PositionSide::None,
        interval: Decimal::ZERO,
        qty_multiplier: Decimal::ONE,
        price_divergence: Decimal::ONE,
        max_amount: num("1000000"),
        min_qty: Decimal::ZERO,
        min_amount: Decimal::ZERO,
        contract_size: num("0.1"),
        leverage: num("2"),
        placement: Placement::Touch,
        empty_book: EmptyBook::Trade,
        same_price: SamePolicy::Keep,
        same_qty: SamePolicy::Keep,
        side: SidePolicy::Follow,
    };
    Settings {
        rules: Rules::new(params),
        contract_size: None,
        conflate: Conflate::Newest,
        on_quiet: OnQuiet::Hold,
        tick_age_max: Duration::from_secs(5),
        book_age_max: Duration::from_secs(2),
        recv_window: Duration::from_secs(2),
        strangers_max: num("0.05"),
        prefix: InstrumentPrefix::new("test", "BTCUSDT"),
        epoch: Epoch::new(7),
        chance: Chance::new(1, "BTCUSDT"),
    }
}

/// A tick of now whose taker sold: our maker buys.
pub(crate) fn tick(price: &str, qty: &str, now: Now) -> FeedTick {
    let tick = Tick {
        price: Some(num(price)),
        qty: Some(num(qty)),
        side: Some(Side::Sell),
        time_ms: Some(now.wall_ms),
        id: None,
    };
    let generation = pipeline::ownership::Generation::default();
    FeedTick { tick, received: now, since: now.mono, generation }
}

/// A top that the venue confirmed now.
pub(crate) fn top(bid: Option<Level>, ask: Option<Level>, update_id: u64, now: Now) -> Top {
    Top { bid, ask, update_id, confirmed: now }
}

/// How many cases or seeds a test takes: `most`, or `PROPTEST_CASES` where that is fewer.
pub(crate) fn at_most(most: u32) -> u32 {
    let wanted = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    wanted.map_or(most, |wanted: u32| wanted.min(most))
}

/// A property's settings: at most so many cases.
pub(crate) fn cases(most: u32) -> ProptestConfig {
    ProptestConfig::with_cases(at_most(most))
}
