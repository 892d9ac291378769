//! `/venue/faults`.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State as Extract;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::effects;
use super::plan::SWITCHES_MAX;
use super::script::{FaultScript, ScriptError};
use super::switch::FaultSwitch;
use crate::clock;
use crate::simulator::server::Shared;
use crate::simulator::state::State;

/// `GET /venue/faults`: what is on.
pub(in crate::simulator) async fn list(Extract(shared): Extract<Arc<Shared>>) -> Json<Vec<FaultSwitch>> {
    Json(on(&shared.lock()))
}

/// `POST /venue/faults`: one switch or an array of them; all or none of them are turned.
pub(in crate::simulator) async fn switch(Extract(shared): Extract<Arc<Shared>>, body: Bytes) -> Response {
    let mut state = shared.lock();
    match read(&state, &body) {
        Ok(script) => {
            effects::turn(&mut state, script.switches(), clock::wall_ms());
            Json(on(&state)).into_response()
        }
        Err(error) => {
            let body = Json(json!({"code": -1100, "msg": error.to_string()}));
            (StatusCode::BAD_REQUEST, body).into_response()
        }
    }
}

/// `DELETE /venue/faults`: all off, and nothing to come.
pub(in crate::simulator) async fn clear(Extract(shared): Extract<Arc<Shared>>) -> Json<Vec<FaultSwitch>> {
    let mut state = shared.lock();
    effects::clear(&mut state, clock::wall_ms());
    Json(on(&state))
}

fn read(state: &State, body: &[u8]) -> Result<FaultScript, ScriptError> {
    let script = FaultScript::parse_request(&String::from_utf8_lossy(body))?;
    let symbols = state.symbols.iter().map(|symbol| &symbol.spec);
    script.check_names(symbols, state.accounts.iter().map(|account| account.key.as_str()))?;
    let count = state.faults.plan().len() + script.switches().len();
    if count > SWITCHES_MAX { Err(ScriptError::TooMany(count)) } else { Ok(script) }
}

fn on(state: &State) -> Vec<FaultSwitch> {
    state.faults.plan().list().cloned().collect()
}
