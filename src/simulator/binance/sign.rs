//! Signatures, HMAC-SHA256 and Ed25519, checked over exactly the bytes that were sent.

use std::borrow::Cow;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use ring::signature::{ED25519, UnparsedPublicKey};
use sha2::Sha256;

/// What an Ed25519 key begins with in the form in which clients' tools write it (SPKI).
const SPKI: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// How a request was signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// HMAC-SHA256 with the account's secret, in hex.
    Hmac,
    /// Ed25519 with the account's private key, in base64.
    Ed25519,
}

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
pub struct Signer {
    hmac: Hmac<Sha256>,
    ed25519: Option<PublicKey>,
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signer")
    }
}

impl Signer {
    /// A signer with that secret.
    #[must_use]
    pub fn new(secret: &str) -> Self {
        let hmac = Hmac::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
        Self { hmac, ed25519: None }
    }

    /// The same, and who signs with that key's other half.
    #[must_use]
    pub fn with_ed25519(self, key: Option<PublicKey>) -> Self {
        Self { ed25519: key, ..self }
    }

    /// Whether it knows an Ed25519 key.
    #[must_use]
    pub const fn has_ed25519(&self) -> bool {
        self.ed25519.is_some()
    }

    /// Whether `signature` is that of the parts, one directly after the other; see [`Signer::scheme`].
    #[must_use]
    pub fn verify(&self, parts: [&str; 2], signature: &str) -> bool {
        self.scheme(parts, signature).is_some()
    }

    /// How the parts, one directly after the other, were signed: 64 hex digits in either case are HMAC's,
    /// base64 of 64 bytes is Ed25519's. None if the signature is another's. Takes the same time for every wrong
    /// signature of one kind.
    #[must_use]
    pub fn scheme(&self, parts: [&str; 2], signature: &str) -> Option<Scheme> {
        match unhex(signature) {
            Some(signature) => {
                let mut mac = self.hmac.clone();
                for part in parts {
                    mac.update(part.as_bytes());
                }
                mac.verify_slice(&signature).ok().map(|()| Scheme::Hmac)
            }
            None => self.is_ed25519(parts, signature).then_some(Scheme::Ed25519),
        }
    }

    fn is_ed25519(&self, parts: [&str; 2], signature: &str) -> bool {
        let (Some(PublicKey(key)), Ok(signature)) = (self.ed25519, STANDARD.decode(signature)) else {
            return false;
        };
        UnparsedPublicKey::new(&ED25519, key).verify(parts.concat().as_bytes(), &signature).is_ok()
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
