//! JSON as a tree that keeps the text of numbers, the order of keys, and keys given twice.

use std::collections::HashSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::fault::{Code, Fault, cut};
use super::keys;

/// Deepest nesting that is read.
pub(super) const DEPTH_MAX: usize = 16;

/// One JSON value.
pub(super) enum Node<'a> {
    Null,
    Flag(bool),
    /// The number's text, as it stands in the file.
    Number(&'a str),
    Text(String),
    List(Vec<Self>),
    Object(Object<'a>),
}

/// A JSON object as it was written.
pub(super) struct Object<'a>(Vec<(String, Node<'a>)>);

impl<'a> Object<'a> {
    /// The value of a key; the first one, should it be there twice.
    pub(super) fn get(&self, name: &str) -> Option<&Node<'a>> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    /// The keys in the order in which they were written.
    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(key, _)| key.as_str())
    }

    /// Keys that were given before.
    pub(super) fn repeated(&self) -> Vec<&str> {
        let mut seen = HashSet::new();
        self.keys().filter(|key| !seen.insert(*key)).collect()
    }
}

impl Node<'_> {
    /// What it is, without what it holds.
    pub(super) const fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Flag(_) => "true or false",
            Self::Number(_) => "a number",
            Self::Text(_) => "text",
            Self::List(_) => "a list",
            Self::Object(_) => "an object",
        }
    }
}

impl fmt::Display for Node<'_> {
    /// As a message shows it. What is inside lists and objects is not shown: it may be a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null | Self::List(_) | Self::Object(_) => f.write_str(self.kind()),
            Self::Flag(flag) => write!(f, "{flag}"),
            Self::Number(text) => f.write_str(&cut(text)),
            Self::Text(text) => write!(f, "\"{}\"", cut(text)),
        }
    }
}

/// Reads a whole JSON text.
pub(super) fn read(text: &str) -> Result<Node<'_>, Fault> {
    let document: &RawValue = serde_json::from_str(text).map_err(|error| syntax(text, 0, &error))?;
    walk(text, document, 0)
}

fn walk<'a>(text: &'a str, raw: &'a RawValue, depth: usize) -> Result<Node<'a>, Fault> {
    let value = raw.get();
    let offset = value.as_ptr().addr() - text.as_ptr().addr();
    let nested = matches!(value.as_bytes().first(), Some(b'{' | b'['));
    if nested && depth == DEPTH_MAX {
        let (line, column) = position(text, offset);
        let message = format!("nesting deeper than {DEPTH_MAX}");
        return Err(Fault::new(Code::Syntax, format!("{line}:{column}"), message));
    }
    let wrong = |error| syntax(text, offset, &error);
    match value.as_bytes().first() {
        Some(b'{') => {
            let Pairs(pairs) = serde_json::from_str(value).map_err(wrong)?;
            let pairs = pairs.into_iter().map(|(key, raw)| Ok((key, walk(text, raw, depth + 1)?)));
            Ok(Node::Object(Object(pairs.collect::<Result<_, Fault>>()?)))
        }
        Some(b'[') => {
            let items: Vec<&RawValue> = serde_json::from_str(value).map_err(wrong)?;
            let items = items.into_iter().map(|raw| walk(text, raw, depth + 1));
            Ok(Node::List(items.collect::<Result<_, Fault>>()?))
        }
        Some(b'"') => Ok(Node::Text(serde_json::from_str(value).map_err(wrong)?)),
        Some(b't' | b'f') => Ok(Node::Flag(value == "true")),
        Some(b'n') => Ok(Node::Null),
        _ => Ok(Node::Number(value)),
    }
}

/// The members of an object, none dropped.
struct Pairs<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Pairs<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = Pairs<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs<'de>, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }

        deserializer.deserialize_map(Members)
    }
}

/// A syntax error by line and column. The line itself is not shown, since a secret may stand in it; the
/// last key of ours before it is.
fn syntax(text: &str, offset: usize, error: &serde_json::Error) -> Fault {
    let (first_line, first_column) = position(text, offset);
    let line = first_line + error.line().max(1) - 1;
    let column = if error.line() <= 1 { first_column + error.column().max(1) - 1 } else { error.column() };
    let cause = error.to_string();
    let cause = cause.split_once(" at line ").map_or(cause.as_str(), |(cause, _)| cause);
    let start = text.split_inclusive('\n').take(line - 1).map(str::len).sum::<usize>();
    let near = match last_key(text.as_bytes(), start + column) {
        Some(key) => format!(" (after \"{key}\")"),
        None => String::new(),
    };
    Fault::new(Code::Syntax, format!("{line}:{column}"), format!("{cause}{near}"))
}

/// Line and column (in bytes), both from 1.
fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = &text.as_bytes()[..offset];
    let line = before.iter().filter(|byte| **byte == b'\n').count();
    let start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    (line + 1, offset - start + 1)
}

fn last_key(text: &[u8], end: usize) -> Option<&'static str> {
    let before = &text[..end.min(text.len())];
    let at = |name: &str| before.windows(name.len()).rposition(|part| part == name.as_bytes());
    keys::names().filter_map(|name| Some((at(&format!("\"{name}\""))?, name))).max().map(|(_, name)| name)
}
