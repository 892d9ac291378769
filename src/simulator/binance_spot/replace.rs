//! `order.cancelReplace`: one order out, another in.

use serde_json::value::{RawValue, to_raw_value};

use super::answers::cancelled;
use super::order_rules;
use super::orders::{cancel_open, cancellable, named_or_made, place_checked, target};
use crate::simulator::binance::error::ApiError;
use crate::simulator::binance::route::{Answer, Request, json};
use crate::simulator::engine::{SymbolId, Target};
use crate::simulator::state::State;
use crate::simulator::symbols::Product;
use serde::Serialize;

/// What becomes of the new order if the old one cannot be cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    StopOnFailure,
    AllowFailure,
}

/// How far the two halves got.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Outcome {
    cancel_result: &'static str,
    new_order_result: &'static str,
    cancel_response: Box<RawValue>,
    new_order_response: Option<Box<RawValue>>,
}

const SUCCESS: &str = "SUCCESS";
const FAILURE: &str = "FAILURE";
const NOT_ATTEMPTED: &str = "NOT_ATTEMPTED";

/// Cancels, then places. The new order is checked first: if it fails a check, nothing happens at all.
pub(super) fn cancel_replace(state: &mut State, request: &Request<'_>) -> Answer {
    let params = request.params;
    let symbol = request.symbol(state)?;
    let mode = match params.required("cancelReplaceMode")? {
        "STOP_ON_FAILURE" => Mode::StopOnFailure,
        "ALLOW_FAILURE" => Mode::AllowFailure,
        _ => return Err(ApiError::not_valid("cancelReplaceMode")),
    };
    let cancel_only = match params.get("orderRateLimitExceededMode") {
        None | Some("DO_NOTHING") => false,
        Some("CANCEL_ONLY") => true,
        Some(_) => return Err(ApiError::not_valid("orderRateLimitExceededMode")),
    };
    let target = target(params, "cancelOrderId", "cancelOrigClientOrderId")?;
    let target = target.ok_or_else(|| ApiError::neither("cancelOrigClientOrderId", "cancelOrderId"))?;
    let placement = order_rules::read(state, request)?;
    let within = state.orders_mut(request.account(), Product::Spot).check(request.now_ms);
    if let (Err(error), false) = (&within, cancel_only) {
        return Err(error.clone());
    }
    let cancelled = cancel(state, request, symbol, target);
    if cancelled.is_err() && mode == Mode::StopOnFailure {
        // The order counts though it was not tried.
        state.orders_mut(request.account(), Product::Spot).accepted(request.now_ms);
        return answer(cancelled, None);
    }
    let placed = within.and_then(|()| place_checked(state, request, &placement));
    answer(cancelled, Some(placed))
}

fn cancel(state: &mut State, request: &Request<'_>, symbol: SymbolId, target: Target) -> Answer {
    let open = cancellable(state, request, (symbol, target), "cancelOrigClientOrderId")?;
    let cancel_id = named_or_made(state, request.params, "cancelNewClientOrderId")?;
    let order = cancel_open(state, request, open.id, cancel_id)?;
    json(&cancelled(state.symbol(symbol), &order, (&cancel_id, state.tags.of(order.id)), request.now_ms))
}

/// 200 if both went well, 409 and -2021 if one did, otherwise -2022 with the new order's status.
fn answer(cancelled: Answer, placed: Option<Answer>) -> Answer {
    let went_well = (cancelled.is_ok(), placed.as_ref().is_some_and(Result::is_ok));
    let limited = matches!(&placed, Some(Err(error)) if error.status == 429);
    let outcome = Outcome {
        cancel_result: if went_well.0 { SUCCESS } else { FAILURE },
        new_order_result: match &placed {
            None => NOT_ATTEMPTED,
            Some(Ok(_)) => SUCCESS,
            Some(Err(_)) => FAILURE,
        },
        cancel_response: raw(cancelled),
        new_order_response: placed.map(raw),
    };
    let error = match went_well {
        (true, true) => return json(&outcome),
        (true, false) | (false, true) => ApiError::new(409, -2021, "Order cancel-replace partially failed."),
        (false, false) => {
            ApiError::new(if limited { 429 } else { 400 }, -2022, "Order cancel-replace failed.")
        }
    };
    Err(ApiError { data: Some(to_raw_value(&outcome).expect("an outcome serialises")), ..error })
}

fn raw(answer: Answer) -> Box<RawValue> {
    match answer {
        Ok(body) => {
            let text = String::from_utf8(body).expect("JSON is text");
            RawValue::from_string(text).expect("an answer is JSON")
        }
        Err(error) => to_raw_value(&error).expect("errors serialise"),
    }
}
