//! Subscriptions to an account's events, and log-on: what only the WS API knows.

use std::sync::Arc;

use super::error::ApiError;
use super::hub::UserSubscription;
use crate::simulator::engine::AccountId;
use crate::simulator::outbox::Outbox;
use crate::simulator::state::State;

/// Subscribes a connection to an account's events. Answers the subscription's number.
pub(super) fn subscribe(
    state: &mut State,
    account: AccountId,
    outbox: &Arc<Outbox>,
    next: &mut u64,
) -> Result<String, ApiError> {
    let users = state.hub.users_mut();
    if users.iter().any(|user| user.outbox.id == outbox.id && user.account == account) {
        return Err(ApiError::already_subscribed());
    }
    let id = *next;
    *next += 1;
    users.push(UserSubscription { id, account, outbox: Arc::clone(outbox) });
    Ok(format!("{{\"subscriptionId\":{id}}}"))
}

/// Ends one subscription of a connection, or all.
pub(super) fn unsubscribe(state: &mut State, outbox: &Outbox, id: Option<u64>) -> Result<String, ApiError> {
    let users = state.hub.users_mut();
    let meant = |user: &UserSubscription| user.outbox.id == outbox.id && id.is_none_or(|id| user.id == id);
    if id.is_some() && !users.iter().any(meant) {
        return Err(ApiError::not_subscribed());
    }
    users.retain(|user| !meant(user));
    Ok("{}".to_owned())
}

/// A connection's subscriptions.
pub(super) fn list(state: &State, outbox: &Outbox) -> String {
    let own = state.hub.users().iter().filter(|user| user.outbox.id == outbox.id);
    let items: Vec<_> = own.map(|user| format!("{{\"subscriptionId\":{}}}", user.id)).collect();
    format!("[{}]", items.join(","))
}
