//! HMAC-SHA256 signatures; the secret goes in once and never comes out.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use schemas::wire::binance::request::Sign;
use sha2::Sha256;

/// Signs with a key that was prepared once: each signature starts from a copy of that state.
#[derive(Clone)]
pub struct HmacSigner {
    keyed: Hmac<Sha256>,
}

impl HmacSigner {
    /// A signer for the secret's bytes.
    #[must_use]
    pub fn new(secret: &[u8]) -> Self {
        Self { keyed: Hmac::new_from_slice(secret).expect("an HMAC takes a key of any length") }
    }
}

impl Sign for HmacSigner {
    fn sign(&self, payload: &[u8], hex_out: &mut [u8; 64]) {
        let mut mac = self.keyed.clone();
        mac.update(payload);
        write_hex(&mac.finalize().into_bytes(), hex_out);
    }
}

impl fmt::Debug for HmacSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HmacSigner(***)")
    }
}

fn write_hex(bytes: &[u8], out: &mut [u8; 64]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for (byte, pair) in bytes.iter().zip(out.chunks_exact_mut(2)) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 15)];
    }
}
