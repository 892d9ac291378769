//! Secrets: read from the environment or a file, masked everywhere. Nothing here logs, and no error of
//! this file holds what it failed to read.
//!
//! A secret cannot be written out by accident: it has no `Serialize`, and what it wraps is private.
//!
//! ```compile_fail,E0277
//! let secret = self_trader::secret::Secret::new("canary".to_owned());
//! serde_json::to_string(&secret);
//! ```
//!
//! ```compile_fail,E0616
//! let secret = self_trader::secret::Secret::new("canary".to_owned());
//! println!("{:?}", secret.0);
//! ```
//!
//! Whatever holds one can be printed, and shows stars:
//!
//! ```
//! let credentials = self_trader::config::Credentials::embedded();
//! assert_eq!(format!("{:?} {}", credentials.secret, credentials.secret), "*** ***");
//! ```

use std::ffi::OsString;
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use schemas::config::SecretRef;
use zeroize::Zeroize;

/// Largest secret, bytes.
const SECRET_BYTES_MAX: usize = 64 * 1024;
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// The bit of a file's mode that lets everybody read it.
const READ_BY_OTHERS: u32 = 0o004;

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

    /// Follows a reference; a byte order mark at the start and one line ending at the end are not part of the
    /// secret. No reference gives an empty secret.
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
        if self.0.starts_with(BYTE_ORDER_MARK) {
            // In place: what moves to the front leaves no copy behind but at the end, which is cleared.
            let length = self.0.len() - BYTE_ORDER_MARK.len();
            self.0.copy_within(BYTE_ORDER_MARK.len().., 0);
            self.0[length..].zeroize();
            self.0.truncate(length);
        }
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

/// The file that a reference leads to, where everybody on the machine may read it.
#[must_use]
pub fn open_to_all(reference: &SecretRef) -> Option<&Path> {
    let SecretRef::File(path) = reference else { return None };
    let mode = std::fs::metadata(path).ok()?.permissions().mode();
    (mode & READ_BY_OTHERS != 0).then_some(path)
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
        self.0.zeroize();
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
