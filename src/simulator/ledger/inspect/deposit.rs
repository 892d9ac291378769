//! `POST /venue/deposit`: gives an account an amount out of nowhere.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Extract;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use schemas::units::Decimal;
use serde::Deserialize;
use serde_json::{Value, json};

use super::bad_query;
use crate::clock;
use crate::simulator::binance_spot::reports;
use crate::simulator::engine::{AMOUNT_DECIMALS, Command};
use crate::simulator::publish::publish;
use crate::simulator::server::Shared;
use crate::simulator::state::State;
use crate::simulator::symbols::Product;

/// What is to be given, and to whom.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Deposit {
    api_key: String,
    #[serde(default)]
    product: Product,
    asset: String,
    /// Text, so that it is exact.
    amount: String,
}

/// Carries it out; a Spot account is told by its events.
pub(super) async fn deposit(Extract(shared): Extract<Arc<Shared>>, body: axum::body::Bytes) -> Response {
    let deposit: Deposit = match serde_json::from_slice(&body) {
        Ok(deposit) => deposit,
        Err(error) => return bad_query(&format!("deposit: {error}")),
    };
    match carry_out(&mut shared.lock(), &deposit, clock::wall_ms()) {
        Ok(told) => (StatusCode::OK, Json(told)).into_response(),
        Err(what) => bad_query(what),
    }
}

fn carry_out(state: &mut State, deposit: &Deposit, now_ms: i64) -> Result<Value, &'static str> {
    let account = state.account_of_key(&deposit.api_key).ok_or("apiKey: no such account")?;
    let asset = state.asset_id(deposit.product, &deposit.asset).ok_or("asset: of no listed symbol")?;
    let amount = Decimal::parse(&deposit.amount).ok().and_then(|it| it.to_steps_exact(AMOUNT_DECIMALS));
    let amount = amount.filter(|steps| *steps > 0).ok_or("amount: want a number above zero")?;
    state.at(now_ms);
    state.apply(&Command::Deposit { account, asset, amount }).map_err(|_| "amount: too large")?;
    publish(state, now_ms);
    if deposit.product == Product::Spot {
        reports::deposited(state, account, (asset, amount), now_ms);
    }
    Ok(json!({"apiKey": deposit.api_key, "asset": deposit.asset, "amount": deposit.amount}))
}
