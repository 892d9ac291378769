//! What only a WS API connection can be asked: to log on, and to be told an account's events.

use std::sync::Arc;

use crate::simulator::binance::auth::authenticate;
use crate::simulator::binance::error::ApiError;
use crate::simulator::binance::hub::UserSubscription;
use crate::simulator::binance::route::{Answer, json};
use crate::simulator::binance::ws_api::{Session, SessionRequest};
use crate::simulator::engine::AccountId;
use crate::simulator::outbox::Outbox;
use crate::simulator::state::State;

/// Carries a session request out.
pub(in crate::simulator) fn answer(
    session: &mut Session,
    state: &mut State,
    method: &str,
    request: &SessionRequest<'_>,
) -> Answer {
    match method {
        "session.logon" => {
            let account = authenticate(state, request.params, request.credentials, request.now_ms)?;
            session.logged_on = Some((account, request.now_ms));
            status(session, state, request.now_ms)
        }
        "session.status" => status(session, state, request.now_ms),
        "session.logout" => {
            session.logged_on = None;
            status(session, state, request.now_ms)
        }
        "session.subscriptions" => Ok(list(state, &session.outbox).into_bytes()),
        "userDataStream.subscribe" | "userDataStream.subscribe.signature" => {
            let account = subscriber(session, state, request)?;
            subscribe(session, state, account).map(String::into_bytes)
        }
        "userDataStream.unsubscribe" => {
            unsubscribe(state, &session.outbox, request.params.number("subscriptionId")?)
                .map(String::into_bytes)
        }
        _ => Err(ApiError::unsupported()),
    }
}

/// Whose events are asked for: a signed request says so itself, any other leaves it to the log-on.
fn subscriber(session: &Session, state: &State, request: &SessionRequest<'_>) -> Result<AccountId, ApiError> {
    match session.logged_on {
        Some((account, _)) if request.credentials.signature.is_none() => Ok(account),
        Some(_) | None => authenticate(state, request.params, request.credentials, request.now_ms),
    }
}

fn status(session: &Session, state: &State, now_ms: i64) -> Answer {
    let key = session.logged_on.map(|(account, _)| &state.accounts[account.index()].key);
    let listens = state.hub.users().iter().any(|user| user.outbox.id == session.outbox.id);
    json(&serde_json::json!({
        "apiKey": key,
        "authorizedSince": session.logged_on.map(|(_, since)| since),
        "connectedSince": session.connected_ms,
        "returnRateLimits": session.show_limits,
        "serverTime": now_ms,
        "userDataStream": listens,
    }))
}

fn subscribe(session: &mut Session, state: &mut State, account: AccountId) -> Result<String, ApiError> {
    let (outbox, users) = (&session.outbox, state.hub.users_mut());
    if users.iter().any(|user| user.outbox.id == outbox.id && user.account == account) {
        return Err(ApiError::already_subscribed());
    }
    let id = session.subscriptions;
    session.subscriptions += 1;
    users.push(UserSubscription { id, account, outbox: Arc::clone(outbox) });
    Ok(format!("{{\"subscriptionId\":{id}}}"))
}

/// Ends one subscription of a connection, or all.
fn unsubscribe(state: &mut State, outbox: &Outbox, id: Option<u64>) -> Result<String, ApiError> {
    let users = state.hub.users_mut();
    let meant = |user: &UserSubscription| user.outbox.id == outbox.id && id.is_none_or(|id| user.id == id);
    if id.is_some() && !users.iter().any(meant) {
        return Err(ApiError::not_subscribed());
    }
    users.retain(|user| !meant(user));
    Ok("{}".to_owned())
}

fn list(state: &State, outbox: &Outbox) -> String {
    let own = state.hub.users().iter().filter(|user| user.outbox.id == outbox.id);
    let items: Vec<_> = own.map(|user| format!("{{\"subscriptionId\":{}}}", user.id)).collect();
    format!("[{}]", items.join(","))
}
