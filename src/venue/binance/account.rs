//! The key and the secret of one account.

use std::fmt;

use schemas::wire::binance::encode::Account;

use super::sign::HmacSigner;

/// An API key and the signer that holds its secret.
#[derive(Clone)]
pub struct AccountKey {
    api_key: String,
    signer: HmacSigner,
}

impl AccountKey {
    /// Puts key and secret together.
    #[must_use]
    pub fn new(api_key: &str, secret: &[u8]) -> Self {
        Self { api_key: api_key.to_owned(), signer: HmacSigner::new(secret) }
    }

    /// The API key, as it goes on the wire.
    #[must_use]
    pub fn api_key(&self) -> &str {
        &self.api_key
    }

    /// Who signs.
    #[must_use]
    pub fn account(&self) -> Account<'_> {
        Account { api_key: &self.api_key, sign: &self.signer }
    }
}

impl fmt::Debug for AccountKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccountKey(***)")
    }
}
