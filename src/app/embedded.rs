//! The embedded venue of a run, with what its instruments need.

use schemas::config::{Instrument, RuleParams, TermType, Venue};
use schemas::units::MAX_DECIMALS;

use super::error::StartError;
use crate::simulator::{self, RunningVenue, SymbolSpec, VenueOptions};

/// Starts the embedded venue if an instrument asks for it, with each instrument's own decimals.
pub(super) fn start(instruments: &[Instrument]) -> Result<Option<RunningVenue>, StartError> {
    let wanted = instruments.iter().filter(|instrument| instrument.venue == Venue::Simulated);
    let symbols: Vec<SymbolSpec> = wanted
        .map(|instrument| {
            let (rules, name) = (&instrument.rules, &instrument.maker_symbol);
            match rules.term {
                TermType::Spot => SymbolSpec::named(name, rules.price_decimals, rules.qty_decimals),
                TermType::Future => SymbolSpec::perpetual(name, rules.price_decimals, lots_of(rules)),
            }
        })
        .collect();
    if symbols.is_empty() {
        return Ok(None);
    }
    Ok(Some(simulator::start(VenueOptions { symbols, ..VenueOptions::default() })?))
}

/// Digits of the base asset that a contract and an order's lots need.
fn lots_of(rules: &RuleParams) -> u8 {
    let of_contract = u8::try_from(rules.contract_size.decimals()).unwrap_or(MAX_DECIMALS);
    of_contract.max(rules.qty_decimals)
}
