//! Says the same trouble once: a client that cannot log in tells of it many times a second.

use std::collections::BTreeSet;

/// What was said since all was well.
#[derive(Debug, Default)]
pub(super) struct Says {
    said: BTreeSet<String>,
}

impl Says {
    /// Whether `kind` was not said yet; it is now.
    pub(super) fn is_news(&mut self, kind: &str) -> bool {
        // Kinds are few; a name in one (a topic) could still make them many.
        self.said.len() < 100 && self.said.insert(kind.to_owned())
    }

    /// Whether anything was said.
    pub(super) fn has_said(&self) -> bool {
        !self.said.is_empty()
    }

    /// All is well again.
    pub(super) fn well(&mut self) {
        self.said.clear();
    }
}
