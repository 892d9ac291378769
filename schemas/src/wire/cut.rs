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

/// A word of so many bytes with letters and digits may be a key, a signature or a password.
const KEY_LEN_MIN: usize = 20;

/// [`Cut`] as an owned text, `secret` and whatever else may be one replaced first, so that no part of it can survive
/// the cut. A venue may repeat what it was sent.
#[must_use]
pub fn cut_without(text: &str, secret: &str) -> Box<str> {
    let known = if secret.is_empty() { text.to_owned() } else { text.replace(secret, "***") };
    let mut shown = String::with_capacity(known.len());
    for piece in known.split_inclusive(|letter: char| !is_of_key(letter)) {
        let word = piece.trim_end_matches(|letter: char| !is_of_key(letter));
        if may_be_key(word) {
            shown.push_str("***");
            shown.push_str(&piece[word.len()..]);
        } else {
            shown.push_str(piece);
        }
    }
    Cut(&shown).to_string().into()
}

fn is_of_key(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, '+' | '/' | '=' | '_' | '-' | '~' | '%')
}

fn may_be_key(word: &str) -> bool {
    word.len() >= KEY_LEN_MIN
        && word.bytes().any(|byte| byte.is_ascii_digit())
        && word.bytes().any(|byte| byte.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Promise P11.
    #[test]
    fn what_may_be_a_key_is_masked_and_words_are_not() {
        let cut = |text: &str| cut_without(text, "known").to_string();
        assert_eq!(cut("known: bad"), "***: bad");
        assert_eq!(cut("Signature 3df74d95aa39f46db465 is bad."), "Signature *** is bad.");
        assert_eq!(cut("a=3df74d95aa39f46db465, b"), "***, b");
        assert_eq!(
            cut("Mandatory parameter 'selfTradePreventionMode' 1"),
            "Mandatory parameter 'selfTradePreventionMode' 1"
        );
        assert_eq!(cut(&format!("{}9 tail", "x".repeat(1_000))), "*** tail");
        assert_eq!(cut("two  spaces\n"), "two  spaces\\n");
    }
}
