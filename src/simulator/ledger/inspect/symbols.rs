//! What is listed, and how it stands.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Extract;
use schemas::order::Side;
use serde_json::{Value, json};

use crate::simulator::server::Shared;
use crate::simulator::state::{State, Symbol};

/// `GET /venue/symbols`.
pub(super) async fn symbols(Extract(shared): Extract<Arc<Shared>>) -> Json<Vec<Value>> {
    let state = shared.lock();
    Json(state.symbols.iter().map(|symbol| view(&state, symbol)).collect())
}

fn view(state: &State, symbol: &Symbol) -> Value {
    let engine = state.engine();
    let (maker_ppm, taker_ppm) = engine.fees(symbol.id);
    let best =
        |side| engine.best(symbol.id, side).map(|(price, qty)| json!([symbol.price(price), symbol.qty(qty)]));
    json!({
        "product": symbol.spec.product,
        "symbol": symbol.spec.name,
        "base": symbol.spec.base,
        "quote": symbol.spec.quote,
        "priceDecimals": symbol.spec.price_decimals,
        "qtyDecimals": symbol.spec.qty_decimals,
        "makerFeePpm": maker_ppm,
        "takerFeePpm": taker_ppm,
        "markPrice": engine.mark(symbol.id).map(|ticks| symbol.price(ticks)),
        "lastPrice": state.history.volume(symbol.id).last_price.map(|ticks| symbol.price(ticks)),
        "bid": best(Side::Buy),
        "ask": best(Side::Sell),
        "updateId": engine.update_id(symbol.id),
        "frozen": symbol.frozen.is_some(),
    })
}
