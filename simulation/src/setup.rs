//! What a seed's world is made of, before anything fails.

use std::time::Duration;

use pipeline::chance::Chance;
use pipeline::instrument::Settings;
use pipeline::rules::Rules;
use pipeline::switch::{IN_DOUBT_MAX, Times};
use schemas::config::{
    Conflate, EmptyBook, OnQuiet, Placement, RuleParams, SamePolicy, SidePolicy, TermType,
};
use schemas::ids::{Epoch, InstrumentPrefix};
use schemas::order::PositionSide;
use schemas::units::Decimal;

use crate::dice::Dice;

/// Digits after the point of prices.
pub const PRICE_DECIMALS: u8 = 2;
/// Digits after the point of quantities.
pub const QTY_DECIMALS: u8 = 3;
/// How long a venue may take to accept an order after its timestamp.
pub const RECV_WINDOW: Duration = Duration::from_secs(2);
/// Max Tick Age.
pub const TICK_AGE_MAX: Duration = Duration::from_secs(5);
/// Max Book Age.
pub const BOOK_AGE_MAX: Duration = Duration::from_secs(2);

/// Which venue is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Profile {
    /// Orders and their events over one connection.
    Spot,
    /// Events over a connection of their own, lists over REST, answers without fills.
    Usdm,
    /// One or the other, by the seed.
    Mixed,
}

/// Whose process it is.
#[derive(Clone, Debug)]
pub struct ProcessSetup {
    /// Its ordinal: processes of one ordinal want the same instruments.
    pub ordinal: u32,
    /// Its instruments.
    pub symbols: Vec<usize>,
}

/// A venue's dead man's switch.
#[derive(Clone, Copy, Debug)]
pub struct VenueSwitch {
    /// How it is kept.
    pub times: Times,
    /// It is the embedded venue's, by the prefix of our ids: a reset of the venue leaves it running. Nobody says so of
    /// one by symbol, as USD-M's.
    pub outlives_reset: bool,
}

/// One seed's world.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Events come over a connection of their own.
    pub is_usdm: bool,
    /// One process, that needs no lease.
    pub is_alone: bool,
    /// The processes.
    pub processes: Vec<ProcessSetup>,
    /// The instruments.
    pub symbols: Vec<Settings>,
    /// Mean time between trades of a reference market, nanoseconds.
    pub tick_every: u64,
    /// The venue's dead man's switch, where it has one.
    pub switch: Option<VenueSwitch>,
    /// A probe pair goes before the first other one.
    pub probes: bool,
    /// Somebody else quotes the book.
    pub has_crowd: bool,
}

impl Setup {
    /// The world of a seed.
    #[must_use]
    pub fn new(seed: u64, profile: Profile) -> Self {
        let mut dice = Dice::new(seed, 0x5e7);
        let is_usdm = match profile {
            Profile::Spot => false,
            Profile::Usdm => true,
            Profile::Mixed => dice.thousandths(400),
        };
        let shape = dice.between(0, 10);
        let of = |ordinal, symbols: &[usize]| ProcessSetup { ordinal, symbols: symbols.to_vec() };
        let processes = match shape {
            0..2 => vec![of(0, &[0, 1])],
            2..7 => vec![of(0, &[0, 1]), of(0, &[0, 1])],
            _ => vec![of(0, &[0]), of(0, &[0]), of(1, &[1])],
        };
        Self {
            is_usdm,
            is_alone: shape < 2,
            processes,
            symbols: ["BTCUSDT", "ETHUSDT"].map(|symbol| settings(symbol, seed, &mut dice)).into(),
            switch: switch(is_usdm, &mut dice),
            probes: dice.thousandths(400),
            tick_every: dice.between(600, 2_500) * crate::MS,
            has_crowd: dice.thousandths(500),
        }
    }
}

/// By prefix, as the embedded venue's; by symbol, as USD-M's; or none, as on Spot.
fn switch(is_usdm: bool, dice: &mut Dice) -> Option<VenueSwitch> {
    let by_prefix = Times {
        countdown: Duration::from_secs(5),
        renew_every: Duration::from_secs(1),
        window: Duration::from_secs(1),
        order_window: Duration::from_millis(2_500),
        in_doubt_max: IN_DOUBT_MAX,
    };
    let by_symbol =
        Times { countdown: Duration::from_secs(30), renew_every: Duration::from_secs(10), ..by_prefix };
    match dice.between(0, 10) {
        0..6 => Some(VenueSwitch { times: by_prefix, outlives_reset: true }),
        6..8 if is_usdm => Some(VenueSwitch { times: by_symbol, outlives_reset: false }),
        _ => None,
    }
}

fn settings(symbol: &str, seed: u64, dice: &mut Dice) -> Settings {
    let params = RuleParams {
        term: TermType::Spot,
        price_decimals: PRICE_DECIMALS,
        qty_decimals: QTY_DECIMALS,
        position_side: PositionSide::None,
        interval: Decimal::new(i128::from(dice.pick(&[0, 0, 200, 1_000])), 3),
        qty_multiplier: Decimal::ONE,
        price_divergence: Decimal::new(5, 2),
        max_amount: Decimal::new(1_000, 0),
        min_qty: Decimal::ZERO,
        min_amount: Decimal::ZERO,
        contract_size: Decimal::new(1, 1),
        leverage: Decimal::new(2, 0),
        placement: dice.pick(&[Placement::Touch, Placement::Touch, Placement::Inside]),
        empty_book: EmptyBook::Trade,
        same_price: dice.pick(&[SamePolicy::Keep, SamePolicy::Nudge]),
        same_qty: dice.pick(&[SamePolicy::Keep, SamePolicy::Nudge]),
        side: dice.pick(&[SidePolicy::Follow, SidePolicy::Random]),
    };
    Settings {
        rules: Rules::new(params),
        contract_size: None,
        conflate: dice.pick(&[Conflate::Newest, Conflate::Queue]),
        on_quiet: OnQuiet::Hold,
        tick_age_max: TICK_AGE_MAX,
        book_age_max: BOOK_AGE_MAX,
        recv_window: RECV_WINDOW,
        strangers_max: Decimal::ONE,
        prefix: InstrumentPrefix::new("sim", symbol),
        epoch: Epoch::new(0),
        chance: Chance::new(seed, symbol),
    }
}
