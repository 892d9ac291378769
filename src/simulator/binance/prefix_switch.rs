//! The venue's own dead man's switch: an account's orders whose client ids begin with a prefix are cancelled when it
//! has not been set anew for as long as it was set. Both products have it; no public venue has.
//!
//! Unlike `countdownCancelAll` it touches nobody else's orders on the same symbol, and it outlives a reset of the venue:
//! an order that was on its way then arrives afterwards, and its owner relies on the switch.

use std::collections::BTreeMap;

use serde_json::json;

use super::error::ApiError;
use super::route::{self, Answer, Request};
use crate::simulator::engine::{AccountId, OrderId};
use crate::simulator::publish::publish;
use crate::simulator::state::State;
use crate::simulator::symbols::Product;

/// Shorter ones would mean too many orders.
const PREFIX_LEN_MIN: usize = 6;
const PREFIX_LEN_MAX: usize = 36;
/// Most prefixes of one request.
const PREFIXES_MAX: usize = 200;
/// Most switches that run at once.
const SWITCHES_MAX: usize = 10_000;
const COUNTDOWN_MS_MAX: i64 = 600_000;

/// What a switch guards.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Guarded {
    product: Product,
    account: AccountId,
    prefix: String,
}

/// The switches that run, and when each fires: milliseconds since the epoch.
#[derive(Debug, Default)]
pub(in crate::simulator) struct PrefixSwitches(BTreeMap<Guarded, i64>);

impl PrefixSwitches {
    fn due(&mut self, now_ms: i64) -> Vec<Guarded> {
        let due = self.0.iter().filter(|(_, due_ms)| **due_ms <= now_ms);
        let due: Vec<Guarded> = due.map(|(guarded, _)| guarded.clone()).collect();
        for guarded in &due {
            self.0.remove(guarded);
        }
        due
    }
}

/// `countdownCancelPrefix`: sets, restarts or, with zero, stops the switches of these prefixes.
pub(in crate::simulator) fn count_down(state: &mut State, request: &Request<'_>, product: Product) -> Answer {
    if !state.own_switch {
        return Err(ApiError { status: 404, ..ApiError::unsupported() });
    }
    let text = request.params.required("countdownTime")?;
    let in_bounds = |ms: &i64| (0..=COUNTDOWN_MS_MAX).contains(ms);
    let ms = text.parse().ok().filter(in_bounds).ok_or_else(|| ApiError::illegal("countdownTime"))?;
    let prefixes = prefixes(request.params.required("prefixes")?)?;
    for prefix in &prefixes {
        let guarded = Guarded { product, account: request.account(), prefix: (*prefix).to_owned() };
        if ms == 0 {
            state.switches.0.remove(&guarded);
        } else {
            state.switches.0.insert(guarded, request.now_ms.saturating_add(ms));
        }
    }
    if state.switches.0.len() > SWITCHES_MAX {
        return Err(ApiError::overloaded());
    }
    route::json(&json!({"prefixes": prefixes, "countdownTime": ms.to_string()}))
}

fn prefixes(text: &str) -> Result<Vec<&str>, ApiError> {
    let prefixes: Vec<&str> = text.split(',').collect();
    let is_one = |prefix: &&str| {
        (PREFIX_LEN_MIN..=PREFIX_LEN_MAX).contains(&prefix.len())
            && prefix.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:/".contains(&byte))
    };
    if prefixes.len() > PREFIXES_MAX || !prefixes.iter().all(is_one) {
        return Err(ApiError::illegal("prefixes"));
    }
    Ok(prefixes)
}

/// Fires the switches that have run out; they are off then.
pub(in crate::simulator) fn tick(state: &mut State, now_ms: i64) {
    for Guarded { product, account, prefix } in state.switches.due(now_ms) {
        state.at(now_ms);
        let is_meant = |order: &&crate::simulator::engine::Order| {
            state.symbol(order.symbol).spec.product == product && order.client.as_str().starts_with(&prefix)
        };
        let own = state.engine().open_orders_of_account(account).filter(is_meant);
        let mut ids: Vec<OrderId> = own.map(|order| order.id).collect();
        ids.sort_unstable();
        for id in ids {
            if state.cancel(id, now_ms).is_some() {
                publish(state, now_ms);
            }
        }
    }
}
