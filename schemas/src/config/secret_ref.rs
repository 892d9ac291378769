//! Where a secret is to be found. Its value is never shown, and never written.

use std::fmt;
use std::path::PathBuf;

/// Where a secret is to be found.
#[derive(Clone, PartialEq, Eq)]
pub enum SecretRef {
    /// Nowhere: left empty.
    None,
    /// In the configuration itself (accepted with a warning).
    Literal(String),
    /// In an environment variable.
    Env(String),
    /// In a file.
    File(PathBuf),
}

impl SecretRef {
    /// Text as it stands in the file.
    #[must_use]
    pub fn literal(text: &str) -> Self {
        if text.is_empty() { Self::None } else { Self::Literal(text.to_owned()) }
    }
}

impl fmt::Debug for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("None"),
            Self::Literal(_) => f.write_str("Literal(***)"),
            Self::Env(name) => write!(f, "Env({name:?})"),
            Self::File(path) => write!(f, "File({path:?})"),
        }
    }
}
