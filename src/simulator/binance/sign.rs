//! Signatures, HMAC-SHA256 and Ed25519, checked over exactly the bytes that were sent.

use std::borrow::Cow;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use ring::signature::{ED25519, UnparsedPublicKey};
use sha2::Sha256;

use crate::simulator::options::Credential;

/// What an Ed25519 key begins with in the form in which clients' tools write it (SPKI).
const SPKI: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// An Ed25519 public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    /// Reads a key: PEM (`-----BEGIN PUBLIC KEY-----`), or base64 of the same bytes or of the 32 bytes alone.
    ///
    /// # Errors
    /// What is wrong with it, in a few words.
    pub fn parse(text: &str) -> Result<Self, String> {
        let lines = text.lines().map(str::trim).filter(|line| !line.starts_with("-----"));
        let bytes =
            STANDARD.decode(lines.collect::<String>()).map_err(|error| format!("no base64: {error}"))?;
        let key = bytes.strip_prefix(&SPKI).unwrap_or(&bytes);
        key.try_into().map(Self).map_err(|_| "no Ed25519 public key: want 32 bytes".to_owned())
    }
}

/// What one account's signatures are checked with.
#[derive(Clone)]
pub enum Signer {
    /// The account's secret.
    Hmac(Box<Hmac<Sha256>>),
    /// The other half of the account's private key.
    Ed25519(PublicKey),
    /// No signature is right.
    Nobody,
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signer")
    }
}

impl Signer {
    /// A signer with that credential.
    ///
    /// # Errors
    /// What is wrong with the key, in a few words.
    pub fn new(credential: &Credential) -> Result<Self, String> {
        match credential {
            Credential::Hmac(secret) => {
                let hmac = Hmac::new_from_slice(secret.as_bytes());
                Ok(Self::Hmac(Box::new(hmac.expect("HMAC takes keys of any length"))))
            }
            Credential::Ed25519(key) => PublicKey::parse(key).map(Self::Ed25519),
            Credential::Nobody => Ok(Self::Nobody),
        }
    }

    /// Whether who signs with it may log on to a session.
    #[must_use]
    pub const fn opens_sessions(&self) -> bool {
        matches!(self, Self::Ed25519(_))
    }

    /// Whether `signature` is that of the parts, one directly after the other: 64 hex digits in either case, or
    /// base64 of an Ed25519 signature. Takes the same time for every wrong signature.
    #[must_use]
    pub fn verify(&self, parts: [&str; 2], signature: &str) -> bool {
        match self {
            Self::Hmac(hmac) => is_hmac(hmac, parts, signature),
            Self::Ed25519(key) => is_ed25519(*key, parts, signature),
            Self::Nobody => false,
        }
    }
}

fn is_hmac(hmac: &Hmac<Sha256>, parts: [&str; 2], signature: &str) -> bool {
    let Some(signature) = unhex(signature) else { return false };
    let mut mac = hmac.clone();
    for part in parts {
        mac.update(part.as_bytes());
    }
    mac.verify_slice(&signature).is_ok()
}

fn is_ed25519(PublicKey(key): PublicKey, parts: [&str; 2], signature: &str) -> bool {
    let Ok(signature) = STANDARD.decode(signature) else { return false };
    UnparsedPublicKey::new(&ED25519, key).verify(parts.concat().as_bytes(), &signature).is_ok()
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
