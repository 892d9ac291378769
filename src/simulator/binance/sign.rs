//! HMAC-SHA256 signatures, checked over exactly the bytes that were sent.

use std::borrow::Cow;
use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::simulator::options::Credential;

/// One account's secret, ready to check signatures with.
#[derive(Clone)]
pub struct Signer(Option<Hmac<Sha256>>);

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signer")
    }
}

impl Signer {
    /// A signer with that credential. Ed25519 keys verify nothing yet.
    #[must_use]
    pub fn new(credential: &Credential) -> Self {
        match credential {
            Credential::Hmac(secret) => {
                let hmac = Hmac::new_from_slice(secret.as_bytes());
                Self(Some(hmac.expect("HMAC takes keys of any length")))
            }
            Credential::Ed25519(_) | Credential::Nobody => Self(None),
        }
    }

    /// Whether `signature` (64 hex digits, either case) is that of the parts, one directly after the other.
    /// Takes the same time for every wrong signature.
    #[must_use]
    pub fn verify(&self, parts: [&str; 2], signature: &str) -> bool {
        let (Some(signature), Some(hmac)) = (unhex(signature), &self.0) else { return false };
        let mut mac = hmac.clone();
        for part in parts {
            mac.update(part.as_bytes());
        }
        mac.verify_slice(&signature).is_ok()
    }
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let digits: &[u8; 64] = text.as_bytes().try_into().ok()?;
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let (high, low) = (hex_digit(pair[0])?, hex_digit(pair[1])?);
        *byte = high << 4 | low;
    }
    Some(bytes)
}

pub(in crate::simulator) const fn hex_digit(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

/// What a websocket request's signature covers: every parameter but the signature, sorted by name,
/// `name=value` joined by `&`, nothing percent-encoded. A value is a string's content, or the raw token.
#[must_use]
pub fn payload(params: &[(Cow<'_, str>, Cow<'_, str>)]) -> String {
    let mut params: Vec<_> = params.iter().filter(|(name, _)| name != "signature").collect();
    params.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    let mut payload = String::with_capacity(320);
    for (name, value) in params {
        if !payload.is_empty() {
            payload.push('&');
        }
        payload.push_str(name);
        payload.push('=');
        payload.push_str(value);
    }
    payload
}

/// A raw query or form body without its `signature` pair, and that pair's value as it stands there.
#[must_use]
pub fn cut_signature(raw: &str) -> (Cow<'_, str>, Option<&str>) {
    let signature = raw.split('&').find_map(|pair| pair.strip_prefix("signature="));
    if signature.is_none() {
        return (Cow::Borrowed(raw), None);
    }
    let rest: Vec<_> = raw.split('&').filter(|pair| !pair.starts_with("signature=")).collect();
    (Cow::Owned(rest.join("&")), signature)
}
