//! Who may halt and release: whoever has the Admin Token, or, where there is none, whoever is on this host.

use std::net::SocketAddr;

use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::answer::Refusal;
use crate::secret::Secret;

/// Parameters by which somebody might put a token into an address, where logs would keep it.
const IN_QUERY: [&str; 5] = ["token", "access_token", "admin_token", "authorization", "auth"];

/// What the Admin Token is recognised by: not the token itself.
#[derive(Clone)]
pub(super) struct Token([u8; 32]);

impl Token {
    pub(super) fn new(token: &Secret) -> Self {
        Self(tag(token.expose().as_bytes()).finalize().into_bytes().into())
    }

    /// Compares in the same time whatever the difference.
    fn is(&self, given: &[u8]) -> bool {
        tag(given).verify_slice(&self.0).is_ok()
    }
}

fn tag(text: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(b"self-trader admin").expect("a key of any length will do");
    mac.update(text);
    mac
}

/// Whether a request may change what is halted.
///
/// # Errors
/// ADM-001.
pub(super) async fn check(token: Option<&Token>, peer: SocketAddr, parts: &Parts) -> Result<(), Refusal> {
    let query = parts.uri.query().unwrap_or_default();
    let names = query.split('&').map(|pair| pair.split('=').next().unwrap_or_default());
    if names.into_iter().any(|name| IN_QUERY.iter().any(|known| name.eq_ignore_ascii_case(known))) {
        return Err(
            Refusal::denied("a token in the address is always refused; want Authorization: Bearer").await
        );
    }
    let Some(token) = token else {
        let local = peer.ip().to_canonical().is_loopback();
        return if local { Ok(()) } else { Err(Refusal::denied("no Admin Token: from loopback only").await) };
    };
    let mut given = parts.headers.get_all(AUTHORIZATION).iter();
    let (first, second) = (given.next(), given.next());
    let bearer =
        first.filter(|_| second.is_none()).and_then(|value| value.as_bytes().strip_prefix(b"Bearer "));
    match bearer {
        Some(bearer) if token.is(bearer) => Ok(()),
        Some(_) => Err(Refusal::denied("not the Admin Token").await),
        None => Err(Refusal::denied("want Authorization: Bearer and the Admin Token").await),
    }
}
