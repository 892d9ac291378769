//! Exact counts, and whether the books add up.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Extract;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use crate::simulator::binance::OrderLimit;
use crate::simulator::ledger::journal::Checked;
use crate::simulator::server::Shared;
use crate::simulator::state::{State, Symbol};
use crate::simulator::symbols::Product;

/// `GET /venue/totals`.
pub(super) async fn totals(Extract(shared): Extract<Arc<Shared>>) -> Json<Value> {
    let state = shared.lock();
    let totals = state.history.totals;
    let orders = || state.accounts.iter().flat_map(|account| &account.orders);
    let summary = state.journal.tally.summary();
    let mut told = json!({
        "orders": totals.orders,
        "rejected": totals.rejected,
        "older_epochs_refused": state.owners.refused(),
        "trades": totals.trades,
        "cancels": totals.cancels,
        "expired": totals.expired,
        "prevented": totals.prevented,
        "open_orders": state.engine().open_order_count(),
        "weight_peak": state.addresses.peak(),
        "weight_refused": state.addresses.refused(),
        "orders_peak": orders().map(OrderLimit::peak).max(),
        "orders_refused": orders().map(OrderLimit::refused).sum::<u64>(),
        "held_refused": state.faults.held_refused(),
        "symbols": symbols(&state, Product::Spot),
        "products": products(&state),
        "accounts": accounts(&state),
        "commands": summary.commands,
        "refused": summary.refused,
        "events": summary.events,
        "event_log_hash": summary.event_log_hash,
    });
    let Value::Object(conservation) = conservation(state.journal.checked.as_ref()) else { return Json(told) };
    told.as_object_mut().expect("made as one").extend(conservation);
    Json(told)
}

/// `POST /venue/check`: status 500 if the books do not add up.
pub(super) async fn check(Extract(shared): Extract<Arc<Shared>>) -> Response {
    let mut state = shared.lock();
    let checked = state.check();
    let status = match checked.broken {
        None => StatusCode::OK,
        Some(_) => StatusCode::INTERNAL_SERVER_ERROR,
    };
    (status, Json(conservation(Some(checked)))).into_response()
}

/// `GET /venue/health`: status 503 once the ledger has failed; the venue is about to end then.
pub(super) async fn health(Extract(shared): Extract<Arc<Shared>>) -> Response {
    match shared.lock().journal.failure() {
        None => Json(json!({"status": "ok"})).into_response(),
        Some(failure) => (StatusCode::SERVICE_UNAVAILABLE, Json(json!({"status": failure}))).into_response(),
    }
}

/// `GET /venue/stamps`: lines of client order id and nanoseconds since the epoch; not found if stamps are off.
pub(super) async fn stamps(Extract(shared): Extract<Arc<Shared>>) -> Response {
    if shared.stamps {
        shared.lock().stamp_lines().into_response()
    } else {
        StatusCode::NOT_FOUND.into_response()
    }
}

fn conservation(checked: Option<&Checked>) -> Value {
    let result = match checked {
        None => "unchecked".to_owned(),
        Some(Checked { broken: None, .. }) => "ok".to_owned(),
        Some(Checked { broken: Some(broken), .. }) => format!("broken: {broken}"),
    };
    json!({
        "conservation": result,
        "conservation_checked_ms": checked.map(|checked| checked.time_ms),
        "conservation_checked_commands": checked.map(|checked| checked.commands),
    })
}

fn products(state: &State) -> Value {
    let product = |product: Product| {
        let tally = state.journal.tally.of(state.symbols_of(product).map(|symbol| symbol.id));
        let told = json!({
            "orders": tally.orders,
            "trades": tally.trades,
            "cancels": tally.cancels,
            "expired": tally.expired,
            "prevented": tally.prevented,
            "symbols": symbols(state, product),
        });
        (product.as_str().to_owned(), told)
    };
    Product::ALL.into_iter().map(product).collect::<Map<_, _>>().into()
}

fn symbols(state: &State, product: Product) -> Map<String, Value> {
    let symbol = |symbol: &Symbol| {
        let volume = state.history.volume_of_all(symbol.id);
        let tally = state.journal.tally.of([symbol.id]);
        let told = json!({
            "orders": tally.orders,
            "trades": volume.trades,
            "volume": symbol.base_amount(volume.qty),
            "quoteVolume": symbol.quote(volume.quote),
        });
        (symbol.spec.name.clone(), told)
    };
    state.symbols_of(product).map(symbol).collect()
}

/// Open orders by account and product.
fn accounts(state: &State) -> Map<String, Value> {
    let account = |(id, account): (_, &crate::simulator::state::Account)| {
        let open = |product| {
            state
                .symbols_of(product)
                .map(|symbol| state.engine().open_orders_of(id, symbol.id))
                .sum::<usize>()
        };
        let told = json!({"open_orders": {
            Product::Spot.as_str(): open(Product::Spot),
            Product::UsdM.as_str(): open(Product::UsdM),
        }});
        (account.key.clone(), told)
    };
    state.engine().accounts().zip(&state.accounts).map(account).collect()
}
