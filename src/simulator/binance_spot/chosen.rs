//! Which symbols a request is about.

use std::collections::HashSet;

use serde::Serialize;

use crate::simulator::binance::error::ApiError;
use crate::simulator::binance::params::Params;
use crate::simulator::binance::route::{Answer, Request, json};
use crate::simulator::engine::SymbolId;
use crate::simulator::profile::SymbolStatus;
use crate::simulator::state::State;
use crate::simulator::symbols::Product;

/// Most symbols that a request for tickers of a window of its own may name.
const WINDOWS_MAX: usize = 100;

/// No more symbols named than the venue reckons a window for.
pub(super) fn few(request: &Request<'_>) -> Result<(), ApiError> {
    match request.params.list("symbols")? {
        Some(names) if names.len() > WINDOWS_MAX => Err(ApiError::too_many_values(WINDOWS_MAX, names.len())),
        Some(_) | None => Ok(()),
    }
}

/// One object for `symbol`, an array for `symbols` or for none. `symbolStatus` leaves out what has another
/// status; a single symbol must have it.
pub(super) fn one_or_many<V: Serialize>(
    state: &State,
    request: &Request<'_>,
    view: impl Fn(SymbolId) -> V,
) -> Answer {
    let status = wanted_status(request.params)?;
    let fits = |id: &SymbolId| has_status(state, *id, status);
    match (request.params.get("symbol"), request.params.list("symbols")?) {
        (Some(_), Some(_)) => Err(ApiError::bad_combination()),
        (Some(_), None) => json(&view(one(state, request)?)),
        (None, Some(names)) => {
            json(&named(state, &names)?.into_iter().filter(fits).map(view).collect::<Vec<_>>())
        }
        (None, None) => json(&all(state).filter(fits).map(view).collect::<Vec<_>>()),
    }
}

/// The symbol that `symbol` names: -1220 where it has another status than `symbolStatus`.
pub(super) fn one(state: &State, request: &Request<'_>) -> Result<SymbolId, ApiError> {
    let symbol = request.symbol(state)?;
    let fits = has_status(state, symbol, wanted_status(request.params)?);
    if fits { Ok(symbol) } else { Err(ApiError::other_symbol_status()) }
}

fn has_status(state: &State, symbol: SymbolId, wanted: Option<SymbolStatus>) -> bool {
    wanted.is_none_or(|status| state.symbol(symbol).rules.status == status)
}

/// The status that `symbolStatus` names; -1122 for none there is.
pub(super) fn wanted_status(params: &Params<'_>) -> Result<Option<SymbolStatus>, ApiError> {
    let all = [SymbolStatus::Trading, SymbolStatus::Halt, SymbolStatus::Break];
    let status = |word: &str| {
        let found = all.into_iter().find(|status| status.as_str() == word);
        found.ok_or(ApiError::bad_symbol_status())
    };
    params.get("symbolStatus").map(status).transpose()
}

/// All that is listed.
pub(super) fn all(state: &State) -> impl Iterator<Item = SymbolId> {
    state.symbols_of(Product::Spot).map(|symbol| symbol.id)
}

/// The symbols of those names: -1121 for one that is not listed, -1151 for one that is there twice.
pub(super) fn named(state: &State, names: &[String]) -> Result<Vec<SymbolId>, ApiError> {
    let mut seen = HashSet::with_capacity(names.len());
    let mut ids = Vec::with_capacity(names.len());
    for name in names {
        let id = state.symbol_named(Product::Spot, name).ok_or(ApiError::bad_symbol())?;
        if !seen.insert(id) {
            return Err(ApiError::repeated_symbol());
        }
        ids.push(id);
    }
    Ok(ids)
}
