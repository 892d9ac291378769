//! Bounds of our own on what leaves: as configured, else what suits the venue. Where a venue is private its own limits
//! rule, and only the position is bounded unless more is asked for.

use pipeline::gateway::{Bounds, LaneBounds};
use pipeline::position::Bound;
use schemas::config::{Instrument, Process, TermType, Venue};
use schemas::units::{Decimal, Rounding, ratio};

/// What holds at a public venue where the configuration names nothing: polite, and far from its limits.
const PUBLIC_SYMBOL_RATE: u32 = 5;
const PUBLIC_ACCOUNT_RATE: u32 = 50;
const PUBLIC_REQUEST_RATE: u32 = 100;
const PUBLIC_ORDERS_AN_HOUR: u64 = 100_000;
const PUBLIC_NOTIONAL_AN_HOUR: Decimal = Decimal::new(100_000_000, 0);
/// The largest position, in orders of the largest size.
const ORDERS_HELD_MAX: i128 = 3;
/// Digits after the point of what it is worth.
const DECIMALS: u8 = 8;

/// What an instrument may send in a second.
pub(super) fn orders_a_second(instrument: &Instrument) -> Option<u32> {
    instrument.max_orders_per_second.or(is_public(&instrument.venue).then_some(PUBLIC_SYMBOL_RATE))
}

/// What an instrument may be left with.
pub(super) fn position(instrument: &Instrument) -> Bound {
    let rules = &instrument.rules;
    let leverage = if rules.term == TermType::Future { rules.leverage } else { Decimal::ONE };
    let scales = i64::from(rules.max_amount.scale()) + i64::from(leverage.scale());
    let exponent = i32::try_from(i64::from(DECIMALS) - scales).unwrap_or(0);
    let factors = [rules.max_amount.mantissa(), leverage.mantissa(), ORDERS_HELD_MAX];
    // What is beyond numbers bounds nothing.
    let steps = ratio(factors, 1, exponent, Rounding::Down).unwrap_or(i128::MAX);
    instrument.max_position.map_or(Bound::Amount(Decimal::from_steps(steps, DECIMALS)), Bound::Qty)
}

/// What an account's gateway may send; `on_address` accounts of this process share its address.
pub(super) fn of_account(
    process: &Process,
    instruments: &[Instrument],
    members: &[usize],
    on_address: u32,
) -> Bounds {
    let members = || members.iter().filter_map(|place| instruments.get(*place));
    let public = members().any(|instrument| is_public(&instrument.venue));
    let lane = |instrument: &Instrument| LaneBounds {
        orders_a_second: orders_a_second(instrument),
        price_decimals: instrument.rules.price_decimals,
    };
    Bounds {
        lanes: members().map(lane).collect(),
        account_orders_a_second: process
            .max_account_orders_per_second
            .or(public.then_some(PUBLIC_ACCOUNT_RATE)),
        requests_a_second: process.max_requests_per_second.or(public.then_some(PUBLIC_REQUEST_RATE)),
        address_sharers: process.shards.saturating_mul(on_address),
        orders_an_hour: process.max_orders_per_hour.or(public.then_some(PUBLIC_ORDERS_AN_HOUR)),
        notional_an_hour: process.max_notional_per_hour.or(public.then_some(PUBLIC_NOTIONAL_AN_HOUR)),
    }
}

const fn is_public(venue: &Venue) -> bool {
    match venue {
        Venue::BinanceSpotTestnet | Venue::BinanceUsdmTestnet | Venue::OkxDemo => true,
        Venue::Simulated | Venue::Staging { .. } => false,
    }
}
