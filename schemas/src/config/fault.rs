//! What is wrong with a configuration, one line a fault. No fault ever holds a secret's value.

use std::fmt;

/// Most faults (and most warnings) that are kept; what goes beyond is only counted.
pub const FAULTS_MAX: usize = 1_000;
/// Most printable bytes of a value that a message shows.
const SHOWN_BYTES_MAX: usize = 64;

/// The kinds of faults, by their published codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Code {
    /// The file cannot be read as text.
    File,
    /// Not JSON.
    Syntax,
    /// A key that does not exist here, or one given twice.
    Key,
    /// A value of the wrong type, or none.
    Type,
    /// The venue is not one of the sandboxes.
    Venue,
    /// The staging address is not a private one.
    Address,
    /// A secret stands in the file itself (a warning).
    LiteralSecret,
    /// A number or text beyond its bounds.
    Range,
    /// At odds with the venue's own filters.
    Filters,
    /// The same twice.
    Duplicate,
    /// Two keys that do not go together.
    Together,
    /// A secret that its reference does not lead to.
    Secret,
    /// Too few or too many instruments.
    Count,
    /// Comes with a later version.
    Later,
}

impl Code {
    /// The published code; also the metric's label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::File => "CFG-001",
            Self::Syntax => "CFG-002",
            Self::Key => "CFG-003",
            Self::Type => "CFG-004",
            Self::Venue => "CFG-005",
            Self::Address => "CFG-006",
            Self::LiteralSecret => "CFG-007",
            Self::Range => "CFG-008",
            Self::Filters => "CFG-009",
            Self::Duplicate => "CFG-010",
            Self::Together => "CFG-011",
            Self::Secret => "CFG-012",
            Self::Count => "CFG-014",
            Self::Later => "CFG-016",
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One fault or warning; its text is one line: `CODE where: what is wrong (got X, want Y)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Which kind.
    pub code: Code,
    /// Where: a JSON pointer, `line:column` of a syntax error, or empty for the file as a whole.
    pub pointer: String,
    /// What is wrong.
    pub message: String,
}

impl Fault {
    /// A fault; the caller keeps secrets out of it.
    #[must_use]
    pub fn new(code: Code, pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code, pointer: pointer.into(), message: message.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pointer = if self.pointer.is_empty() { "file" } else { &self.pointer };
        write!(f, "{} {pointer}: {}", self.code, self.message)
    }
}

/// Foreign text as a message may show it: 64 printable bytes, the rest cut, what is not printable escaped.
#[must_use]
pub fn cut(text: &str) -> String {
    let mut shown = String::new();
    for letter in text.chars() {
        match letter {
            '\'' => shown.push(letter),
            _ => shown.extend(letter.escape_debug()),
        }
        if shown.len() > SHOWN_BYTES_MAX {
            let end = (0..=SHOWN_BYTES_MAX).rev().find(|at| shown.is_char_boundary(*at)).unwrap_or(0);
            shown.truncate(end);
            shown.push_str("...");
            break;
        }
    }
    shown
}

/// The pointer of a member: RFC 6901 escapes, and fit to be shown.
pub(super) fn member(pointer: &str, name: &str) -> String {
    format!("{pointer}/{}", cut(&name.replace('~', "~0").replace('/', "~1")))
}

/// Collects every fault of a file instead of stopping at the first.
#[derive(Debug, Default)]
pub(super) struct Faults {
    faults: Vec<Fault>,
    warnings: Vec<Fault>,
    beyond: usize,
}

impl Faults {
    /// Notes a fault. The message is built only where it is kept.
    pub(super) fn add(&mut self, code: Code, pointer: &str, message: impl FnOnce() -> String) {
        if self.faults.len() < FAULTS_MAX {
            self.faults.push(Fault::new(code, pointer, message()));
        } else {
            self.beyond += 1;
        }
    }

    /// Notes something that does not stop the program.
    pub(super) fn warn(&mut self, code: Code, pointer: &str, message: &str) {
        if self.warnings.len() < FAULTS_MAX {
            self.warnings.push(Fault::new(code, pointer, message));
        }
    }

    /// The warnings, or all the faults if there are any.
    pub(super) fn finish(mut self) -> Result<Vec<Fault>, Vec<Fault>> {
        if self.beyond > 0 {
            let message = format!("{} more faults, not listed", self.beyond);
            self.faults.push(Fault::new(Code::File, "", message));
        }
        if self.faults.is_empty() { Ok(self.warnings) } else { Err(self.faults) }
    }
}
