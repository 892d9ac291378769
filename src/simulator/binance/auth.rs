//! Who asks: key, timestamp, signature, in this order.

use std::borrow::Cow;
use std::net::IpAddr;

use super::error::{ApiError, legal};
use super::params::Params;
use crate::simulator::engine::AccountId;
use crate::simulator::state::State;

const RECV_WINDOW_MS: i128 = 5_000;
const RECV_WINDOW_MS_MAX: i128 = 60_000;
/// How far a client's clock may be ahead.
const AHEAD_MS: i128 = 1_000;
/// A timestamp of more than that is in microseconds.
const MILLIS_MAX: i64 = 100_000_000_000_000;

/// What a request brings along to show who asks.
#[derive(Debug)]
pub(in crate::simulator) struct Credentials<'a> {
    /// Where it comes from.
    pub(in crate::simulator) address: IpAddr,
    pub(in crate::simulator) key: Option<Cow<'a, str>>,
    pub(in crate::simulator) signature: Option<Cow<'a, str>>,
    /// The bytes that the signature covers.
    pub(in crate::simulator) signed: [Cow<'a, str>; 2],
    /// Whom the connection is logged on as.
    pub(in crate::simulator) session: Option<AccountId>,
    /// What a request without a key is answered.
    pub(in crate::simulator) no_key: fn() -> ApiError,
}

/// The account that a signed request is from.
pub(in crate::simulator) fn authenticate(
    state: &State,
    params: &Params<'_>,
    credentials: &Credentials<'_>,
    now_ms: i64,
) -> Result<AccountId, ApiError> {
    if let (Some(account), None, None) = (credentials.session, &credentials.key, &credentials.signature) {
        let timestamp = params.required("timestamp")?;
        return in_time(timestamp, params.get("recvWindow"), now_ms).map(|()| account);
    }
    signed(state, params, credentials, now_ms)
}

/// The account that logs on to a session: only who signs with Ed25519 may.
pub(in crate::simulator) fn authenticate_session(
    state: &State,
    params: &Params<'_>,
    credentials: &Credentials<'_>,
    now_ms: i64,
) -> Result<AccountId, ApiError> {
    params.required("timestamp")?;
    params.required("signature")?;
    let account = identify(state, credentials)?;
    if !state.accounts[account.index()].signer.opens_sessions() {
        return Err(ApiError::no_session_for_hmac());
    }
    signed(state, params, credentials, now_ms)
}

fn signed(
    state: &State,
    params: &Params<'_>,
    credentials: &Credentials<'_>,
    now_ms: i64,
) -> Result<AccountId, ApiError> {
    let timestamp = params.required("timestamp")?;
    let key = credentials.key.as_deref().filter(|key| !key.is_empty()).ok_or_else(credentials.no_key)?;
    let signature = credentials.signature.as_deref().ok_or_else(|| ApiError::mandatory("signature"))?;
    let account = account_of(state, key)?;
    in_time(timestamp, params.get("recvWindow"), now_ms)?;
    let [first, second] = &credentials.signed;
    let signer = &state.accounts[account.index()].signer;
    if signer.verify([first, second], signature) { Ok(account) } else { Err(ApiError::bad_signature()) }
}

/// The account whose key came along, signed or not, or that the connection is logged on as.
pub(in crate::simulator) fn identify(
    state: &State,
    credentials: &Credentials<'_>,
) -> Result<AccountId, ApiError> {
    if let (Some(account), None) = (credentials.session, &credentials.key) {
        return Ok(account);
    }
    let key = credentials.key.as_deref().filter(|key| !key.is_empty()).ok_or_else(credentials.no_key)?;
    account_of(state, key)
}

/// The account of a key: -2015 where nobody has it, -2014 where nobody could have.
fn account_of(state: &State, key: &str) -> Result<AccountId, ApiError> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let unknown = || {
        if key.bytes().all(plain) { ApiError::unknown_key() } else { ApiError::bad_key_format() }
    };
    state.account_of_key(key).ok_or_else(unknown)
}

/// Whether a request that was in time when it came still is.
pub(in crate::simulator) fn again_in_time(params: &Params<'_>, now_ms: i64) -> Result<(), ApiError> {
    in_time(params.required("timestamp")?, params.get("recvWindow"), now_ms)
}

/// Neither too old for its window nor ahead of the server's clock. Counted in thousandths of a millisecond,
/// since a window may have three decimals.
fn in_time(timestamp: &str, recv_window: Option<&str>, now_ms: i64) -> Result<(), ApiError> {
    let timestamp: i64 = timestamp.parse().map_err(|_| ApiError::illegal("timestamp"))?;
    let timestamp =
        if timestamp > MILLIS_MAX { i128::from(timestamp) } else { i128::from(timestamp) * 1_000 };
    let window = match recv_window {
        None => RECV_WINDOW_MS * 1_000,
        Some(text) => schemas::units::Decimal::parse(text)
            .ok()
            .and_then(|window| window.to_steps_exact(3))
            .ok_or_else(|| ApiError::illegal_in("recvWindow", legal::DECIMAL))?,
    };
    if window > RECV_WINDOW_MS_MAX * 1_000 {
        return Err(ApiError::bad_recv_window());
    }
    let now = i128::from(now_ms) * 1_000;
    if timestamp >= now + AHEAD_MS * 1_000 {
        return Err(ApiError::too_early());
    }
    // The server's clock is read in whole milliseconds: less than one of them is no lateness.
    if now - timestamp > window { Err(ApiError::too_late()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_is_closed_at_both_ends() {
        let now = 1_790_000_000_000;
        let refused = |timestamp: &str, window| in_time(timestamp, window, now).err().map(|error| error.code);
        assert_eq!(refused("1790000000999", None), None);
        assert_eq!(refused("1790000001000", None), Some(-1021));
        assert_eq!(refused("1789999995000", None), None);
        assert_eq!(refused("1789999994999", None), Some(-1021));
        assert_eq!(refused("1789999999000", Some("999.5")), Some(-1021));
        assert_eq!(refused("1789999999000", Some("1000.125")), None);
        assert_eq!(refused("1789999999000", Some("60000.001")), Some(-1131));
        assert_eq!(refused("1789999999999000", Some("2")), None, "microseconds");
        assert_eq!(refused("soon", None), Some(-1100));
    }
}
