//! What only a WS API connection can be asked: to log on, and to be told an account's events.

use std::sync::Arc;

use crate::simulator::binance::auth::{authenticate, authenticate_session};
use crate::simulator::binance::error::ApiError;
use crate::simulator::binance::hub::UserSubscription;
use crate::simulator::binance::route::{Answer, json};
use crate::simulator::binance::time::Moment;
use crate::simulator::binance::ws_api::{Session, SessionRequest};
use crate::simulator::engine::AccountId;
use crate::simulator::outbox::Outbox;
use crate::simulator::state::State;

/// Most subscriptions of one connection at a time.
const ACTIVE_MAX: usize = 1_000;
/// Most subscriptions in the life of one connection.
const SUBSCRIPTIONS_MAX: u64 = 65_535;

/// Carries a session request out.
pub(in crate::simulator) fn answer(
    session: &mut Session,
    state: &mut State,
    method: &str,
    request: &SessionRequest<'_>,
) -> Answer {
    match method {
        "session.logon" => {
            let account = authenticate_session(state, request.params, request.credentials, request.now_ms)?;
            if session.logged_on.is_some_and(|(before, _)| before != account) {
                log_out(session, state, request.now_ms);
            }
            session.logged_on = Some((account, request.now_ms));
            state.logged_on(&session.outbox, Some(account));
            status(session, state, request.now_ms)
        }
        "session.status" => status(session, state, request.now_ms),
        "session.logout" => {
            log_out(session, state, request.now_ms);
            status(session, state, request.now_ms)
        }
        "session.subscriptions" => Ok(list(state, &session.outbox).into_bytes()),
        "userDataStream.subscribe" | "userDataStream.subscribe.signature" => {
            let account = subscriber(session, state, request)?;
            let by_logon = request.credentials.signature.is_none();
            subscribe(session, state, account, by_logon).map(String::into_bytes)
        }
        "userDataStream.unsubscribe" => {
            let id = request.params.number("subscriptionId")?;
            unsubscribe(state, &session.outbox, id, request.now_ms).map(String::into_bytes)
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
        "authorizedSince": session.logged_on.map(|(_, since)| Moment(since)),
        "connectedSince": Moment(session.connected_ms),
        "returnRateLimits": session.show_limits,
        "serverTime": Moment(now_ms),
        "userDataStream": listens,
    }))
}

fn subscribe(
    session: &mut Session,
    state: &mut State,
    account: AccountId,
    by_logon: bool,
) -> Result<String, ApiError> {
    let (outbox, users) = (&session.outbox, state.hub.users_mut());
    let own = || users.iter().filter(|user| user.outbox.id == outbox.id);
    if own().any(|user| user.account == account) {
        return Err(ApiError::already_subscribed());
    }
    if own().count() >= ACTIVE_MAX || session.subscriptions >= SUBSCRIPTIONS_MAX {
        return Err(ApiError::subscriptions_used_up());
    }
    let id = session.subscriptions;
    session.subscriptions += 1;
    users.push(UserSubscription { id, account, by_logon, outbox: Arc::clone(outbox) });
    Ok(format!("{{\"subscriptionId\":{id}}}"))
}

/// Ends the log-on, and the subscription that came of it.
fn log_out(session: &mut Session, state: &mut State, now_ms: i64) {
    session.logged_on = None;
    let outbox = &session.outbox;
    state.logged_on(outbox, None);
    end(state, now_ms, |user| user.outbox.id == outbox.id && user.by_logon);
}

/// Ends one subscription of a connection, or all.
fn unsubscribe(state: &mut State, outbox: &Outbox, id: Option<u64>, now_ms: i64) -> Result<String, ApiError> {
    let meant = |user: &UserSubscription| user.outbox.id == outbox.id && id.is_none_or(|id| user.id == id);
    if id.is_some() && !state.hub.users().iter().any(meant) {
        return Err(ApiError::not_subscribed());
    }
    end(state, now_ms, meant);
    Ok("{}".to_owned())
}

/// Ends subscriptions; each is told so as its last event.
fn end(state: &mut State, now_ms: i64, meant: impl Fn(&UserSubscription) -> bool) {
    state.hub.users_mut().retain(|user| {
        if !meant(user) {
            return true;
        }
        let at = user.outbox.unit.during(|| Moment(now_ms).written());
        let event = format!("{{\"e\":\"eventStreamTerminated\",\"E\":{at}}}");
        user.outbox.push(format!("{{\"subscriptionId\":{},\"event\":{event}}}", user.id).into());
        false
    });
}

fn list(state: &State, outbox: &Outbox) -> String {
    let own = state.hub.users().iter().filter(|user| user.outbox.id == outbox.id);
    let items: Vec<_> = own.map(|user| format!("{{\"subscriptionId\":{}}}", user.id)).collect();
    format!("[{}]", items.join(","))
}
