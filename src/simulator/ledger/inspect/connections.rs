//! Who is connected: `GET /venue/connections`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Extract;
use serde_json::{Value, json};

use crate::simulator::binance::hub::Peer;
use crate::simulator::engine::AccountId;
use crate::simulator::outbox::Outbox;
use crate::simulator::server::Shared;
use crate::simulator::state::State;

/// Every open websocket, the oldest first.
pub(super) async fn connections(Extract(shared): Extract<Arc<Shared>>) -> Json<Vec<Value>> {
    let state = shared.lock();
    Json(state.hub.peers().map(|(peer, outbox)| view(&state, peer, outbox)).collect())
}

fn view(state: &State, peer: &Peer, outbox: &Outbox) -> Value {
    let seen = state.connections.get(outbox.id);
    let key = |account: AccountId| state.accounts[account.index()].key.as_str();
    let users = state.hub.users().iter().filter(|user| user.outbox.id == outbox.id);
    let traffic = outbox.traffic();
    json!({
        "connection": outbox.id,
        "kind": if peer.is_api { "ws_api" } else { "streams" },
        "product": peer.product,
        "address": peer.address,
        "opened": seen.map(|seen| seen.opened_ms),
        "account": seen.and_then(|seen| seen.logged_on).map(key),
        "streams": seen.map(|seen| &seen.streams),
        "userStreams": users.map(|user| key(user.account)).collect::<Vec<_>>(),
        "messages": traffic.messages,
        "bytes": traffic.bytes,
        "waitingMessages": traffic.waiting_messages,
        "waitingBytes": traffic.waiting_bytes,
    })
}
