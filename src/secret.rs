//! Secrets: read from the environment or a file, masked everywhere. Nothing here logs, and no error of
//! this file holds what it failed to read.

use std::ffi::OsString;
use std::fmt;
use std::fs::File;
use std::io::Read;

use schemas::config::SecretRef;

/// Largest secret, bytes.
const SECRET_BYTES_MAX: usize = 64 * 1024;

/// A secret's value; overwritten when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Vec<u8>);

/// Why a reference leads to no secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// The variable is not set.
    #[error("environment variable {0} is not set")]
    NotSet(String),
    /// The file cannot be read.
    #[error("cannot read {path}: {cause}")]
    Unreadable {
        /// The file.
        path: String,
        /// The system's words.
        cause: String,
    },
    /// Empty, too long, or not text of one line.
    #[error("{0} holds no secret: want one line of text, at most 64 KiB")]
    NotOneLine(String),
    /// Empty, too long, or not text.
    #[error("{0} holds no certificate or key: want text of at most 64 KiB")]
    NotText(String),
}

impl Secret {
    /// A secret from text that is already in memory.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(text.into_bytes())
    }

    /// The value: for signing, and for nothing that is kept or shown.
    #[must_use]
    pub fn expose(&self) -> &str {
        std::str::from_utf8(&self.0).expect("made from text")
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Follows a reference; one line ending at the end is not part of the secret. No reference gives an
    /// empty secret.
    ///
    /// # Errors
    /// [`SecretError`], which names the variable or the file and never what is in it.
    pub fn resolve(
        reference: &SecretRef,
        env: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Self, SecretError> {
        let value = Self::follow(reference, env)?;
        match reference {
            SecretRef::None | SecretRef::Literal(_) => Ok(value),
            SecretRef::Env(_) | SecretRef::File(_) => value.one_line(|| place(reference)),
        }
    }

    /// Follows a reference to text that may have several lines, such as a certificate in PEM.
    ///
    /// # Errors
    /// As [`Secret::resolve`].
    pub fn resolve_pem(
        reference: &SecretRef,
        env: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Self, SecretError> {
        let value = Self::follow(reference, env)?;
        let text = std::str::from_utf8(&value.0).is_ok_and(|text| !text.contains('\0'));
        let fits = (1..=SECRET_BYTES_MAX).contains(&value.0.len());
        if text && fits { Ok(value) } else { Err(SecretError::NotText(place(reference))) }
    }

    fn follow(reference: &SecretRef, env: impl Fn(&str) -> Option<OsString>) -> Result<Self, SecretError> {
        match reference {
            SecretRef::None => Ok(Self(Vec::new())),
            SecretRef::Literal(text) => Ok(Self::new(text.clone())),
            SecretRef::Env(name) => {
                let value = env(name).ok_or_else(|| SecretError::NotSet(name.clone()))?;
                Ok(Self(value.into_encoded_bytes()))
            }
            SecretRef::File(path) => {
                let unreadable = |error: std::io::Error| SecretError::Unreadable {
                    path: path.display().to_string(),
                    cause: error.to_string(),
                };
                let file = File::open(path).map_err(unreadable)?;
                // All the room at once: a growing vector would leave copies behind.
                let mut value = Self(Vec::with_capacity(SECRET_BYTES_MAX + 1));
                file.take(SECRET_BYTES_MAX as u64 + 1).read_to_end(&mut value.0).map_err(unreadable)?;
                Ok(value)
            }
        }
    }

    fn one_line(mut self, place: impl FnOnce() -> String) -> Result<Self, SecretError> {
        if self.0.last() == Some(&b'\n') {
            self.0.pop();
            if self.0.last() == Some(&b'\r') {
                self.0.pop();
            }
        }
        let text = std::str::from_utf8(&self.0).is_ok_and(|text| !text.chars().any(char::is_control));
        let fits = (1..=SECRET_BYTES_MAX).contains(&self.0.len());
        if text && fits { Ok(self) } else { Err(SecretError::NotOneLine(place())) }
    }
}

/// Where a value came from, for a message.
fn place(reference: &SecretRef) -> String {
    match reference {
        SecretRef::None | SecretRef::Literal(_) => "the configuration".to_owned(),
        SecretRef::Env(name) => format!("environment variable {name}"),
        SecretRef::File(path) => path.display().to_string(),
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.fill(0);
        std::hint::black_box(&self.0);
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}
