//! What strangers sent, made fit for one line of a log: short, printable.

use std::fmt::{self, Write};

/// Most bytes of a stranger's text that are shown.
pub const CUT_LEN_MAX: usize = 64;

/// Shows the first 64 bytes of a text, control characters escaped.
#[derive(Clone, Copy, Debug)]
pub struct Cut<'a>(pub &'a str);

impl fmt::Display for Cut<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut room = CUT_LEN_MAX;
        for character in self.0.chars() {
            let shown =
                if character.is_control() { character.escape_default().len() } else { character.len_utf8() };
            if shown > room {
                return f.write_str("...");
            }
            room -= shown;
            if character.is_control() {
                write!(f, "{}", character.escape_default())?;
            } else {
                f.write_char(character)?;
            }
        }
        Ok(())
    }
}

/// [`Cut`] as an owned text, `secret` replaced first so that no part of it can survive the cut.
#[must_use]
pub fn cut_without(text: &str, secret: &str) -> Box<str> {
    if secret.is_empty() || !text.contains(secret) {
        return Cut(text).to_string().into();
    }
    Cut(&text.replace(secret, "***")).to_string().into()
}
