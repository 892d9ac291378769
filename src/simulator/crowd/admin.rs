//! `POST /venue/price`: what the reference market's price is.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{RawQuery, State as Extract};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use schemas::config::cut;
use schemas::units::Decimal;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::clock;
use crate::simulator::engine::SymbolId;
use crate::simulator::server::Shared;
use crate::simulator::state::State;
use crate::simulator::symbols::Product;

/// Most prices of one request.
const PRICES_MAX: usize = 10_000;

/// One symbol's price.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Price {
    symbol: String,
    #[serde(default)]
    product: Product,
    price: Value,
}

/// One object or an array of them, or `?symbol=&price=&product=`. All are taken, or none if one cannot be.
pub(in crate::simulator) async fn price(
    Extract(shared): Extract<Arc<Shared>>,
    RawQuery(query): RawQuery,
    body: Bytes,
) -> Response {
    let now_ms = clock::wall_ms();
    match read(query.as_deref().unwrap_or_default(), &body)
        .and_then(|prices| tell(&mut shared.lock(), &prices, now_ms))
    {
        Ok(count) => Json(json!({ "prices": count })).into_response(),
        Err((status, what)) => (status, Json(json!({ "error": what }))).into_response(),
    }
}

type Refusal = (StatusCode, String);

fn bad(what: impl Into<String>) -> Refusal {
    (StatusCode::BAD_REQUEST, what.into())
}

fn read(query: &str, body: &[u8]) -> Result<Vec<Price>, Refusal> {
    let wrong = |error: serde_json::Error| bad(format!("no price: {error}"));
    let prices = match body.trim_ascii_start().first() {
        None => {
            let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            let fields = pairs.map(|(name, value)| (name.to_owned(), Value::from(value))).collect();
            vec![serde_json::from_value(Value::Object(fields)).map_err(wrong)?]
        }
        Some(b'[') => serde_json::from_slice(body).map_err(wrong)?,
        Some(_) => vec![serde_json::from_slice(body).map_err(wrong)?],
    };
    if prices.len() > PRICES_MAX {
        return Err(bad(format!("too many prices (got {}, want at most {PRICES_MAX})", prices.len())));
    }
    Ok(prices)
}

fn tell(state: &mut State, prices: &[Price], now_ms: i64) -> Result<usize, Refusal> {
    let ticks = prices.iter().map(|price| ticks(state, price)).collect::<Result<Vec<_>, _>>()?;
    let Some(crowd) = &mut state.crowd else {
        return Err((StatusCode::NOT_FOUND, "there is no crowd (start the venue with --crowd)".to_owned()));
    };
    for (symbol, price) in &ticks {
        crowd.tell(*symbol, *price, now_ms);
    }
    Ok(ticks.len())
}

/// The symbol, and the price rounded to a tick.
fn ticks(state: &State, told: &Price) -> Result<(SymbolId, i64), Refusal> {
    let id = state
        .symbol_named(told.product, &told.symbol)
        .ok_or_else(|| bad(format!("no {} symbol {}", told.product.as_str(), cut(&told.symbol))))?;
    let text = match &told.price {
        Value::String(text) => text.clone(),
        other @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
            other.to_string()
        }
    };
    let price = Decimal::parse(&text).ok().and_then(|price| state.symbol(id).spec.nearest_tick(price));
    let price = price.ok_or_else(|| bad(format!("price: want a number above zero (got {})", cut(&text))))?;
    Ok((id, price))
}
