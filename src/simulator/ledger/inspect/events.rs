//! The event log: `GET /venue/events?since=SEQ&limit=&product=&symbol=&kind=`.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State as Extract};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Meant, bad_query};
use crate::simulator::ledger::Names;
use crate::simulator::ledger::event_log::Entry;
use crate::simulator::server::Shared;
use crate::simulator::symbols::Product;

/// Entries of one answer, unless `limit` says otherwise.
const LIMIT: usize = 1_000;
/// Most entries of one answer.
const LIMIT_MAX: usize = 10_000;

/// What is asked for.
#[derive(Debug, Deserialize)]
pub(super) struct Wanted {
    /// The number of the first entry.
    #[serde(default)]
    since: u64,
    limit: Option<usize>,
    product: Option<Product>,
    symbol: Option<String>,
    kind: Option<String>,
}

/// The entries that fit, oldest first; `next` is what to ask for as `since` to go on.
pub(super) async fn events(Extract(shared): Extract<Arc<Shared>>, Query(wanted): Query<Wanted>) -> Response {
    let state = shared.lock();
    let Some(meant) = Meant::read(&state, wanted.product, wanted.symbol.as_deref()) else {
        return bad_query("symbol: not listed");
    };
    let limit = wanted.limit.unwrap_or(LIMIT).min(LIMIT_MAX);
    let everything = wanted.product.is_none() && wanted.symbol.is_none();
    let fits = |entry: &Entry| {
        wanted.kind.as_deref().is_none_or(|kind| kind == entry.what.kind())
            && (everything || entry.what.symbol().is_some_and(|id| meant.is(state.symbol(id))))
    };
    let names = Names { symbols: &state.symbols, accounts: &state.accounts };
    let (oldest, newest) = state.journal.entries.bounds();
    let mut next = newest + 1;
    let mut events: Vec<Value> = Vec::new();
    for entry in state.journal.entries.from(wanted.since) {
        if events.len() == limit {
            next = entry.number;
            break;
        }
        if fits(entry) {
            events.push(entry.view(names));
        }
    }
    Json(json!({"oldest": oldest, "newest": newest, "next": next, "events": events})).into_response()
}
