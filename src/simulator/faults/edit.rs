//! Small changes of JSON text that leave the rest of it as it is.

use std::ops::Range;

/// Where the value of the first field of that name is, at whatever depth.
fn value(text: &str, name: &str) -> Option<Range<usize>> {
    let key = format!("\"{name}\":");
    let start = text.match_indices(&key).map(|(at, _)| at).find(|at| is_key(text, *at))? + key.len();
    let rest = text.get(start..)?;
    let len = match rest.as_bytes().first()? {
        b'"' => rest[1..].find('"')? + 2,
        b'[' => closing(rest)?,
        _ => rest.find([',', '}', ']'])?,
    };
    Some(start..start + len)
}

/// A name stands behind a brace or a comma; a text that only looks like one does not.
fn is_key(text: &str, at: usize) -> bool {
    at.checked_sub(1)
        .and_then(|before| text.as_bytes().get(before))
        .is_some_and(|byte| matches!(byte, b'{' | b','))
}

/// The length of the array that `text` begins with. Its texts have no brackets.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'[' => depth += 1,
            b']' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(at + 1);
        }
    }
    None
}

/// Adds to a whole number; nothing below zero comes out.
pub(super) fn add(text: &mut String, name: &str, by: i64) {
    let Some(range) = value(text, name) else { return };
    if let Ok(number) = text[range.clone()].parse::<u64>() {
        text.replace_range(range, &number.saturating_add_signed(by).to_string());
    }
}

/// Puts another text in a text's place.
pub(super) fn replace_text(text: &mut String, name: &str, with: &str) {
    if let Some(range) = value(text, name).filter(|range| text[range.clone()].starts_with('"')) {
        text.replace_range(range, &format!("\"{with}\""));
    }
}

/// Lets two fields change their values.
pub(super) fn swap(text: &mut String, one: &str, other: &str) {
    let (Some(first), Some(second)) = (value(text, one), value(text, other)) else { return };
    let (first, second) = if first.start < second.start { (first, second) } else { (second, first) };
    let (early, late) = (text[first.clone()].to_owned(), text[second.clone()].to_owned());
    text.replace_range(second, &early);
    text.replace_range(first, &late);
}

/// Gives a field the value of another.
pub(super) fn copy(text: &mut String, from: &str, to: &str) {
    let Some(value_of) = value(text, from).map(|range| text[range].to_owned()) else { return };
    if let Some(range) = value(text, to) {
        text.replace_range(range, &value_of);
    }
}

/// Empties a list.
pub(super) fn empty(text: &mut String, name: &str) {
    if let Some(range) = value(text, name).filter(|range| text[range.clone()].starts_with('[')) {
        text.replace_range(range, "[]");
    }
}

/// Puts a minus before a number in quotes, or before the quantity of a list's first level.
pub(super) fn negate(text: &mut String, name: &str) {
    let Some(range) = value(text, name) else { return };
    let quantity = match text.as_bytes().get(range.start) {
        Some(b'"') => Some(range.start + 1),
        Some(b'[') => text[range.clone()].find("\",\"").map(|at| range.start + at + 3),
        _ => None,
    };
    if let Some(at) = quantity {
        text.insert(at, '-');
    }
}

/// The text of the first field of that name.
pub(super) fn text_of<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    value(text, name).map(|range| text[range].trim_matches('"'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIFF: &str = r#"{"e":"depthUpdate","s":"BTCUSDT","U":11,"u":12,"b":[["1.0","2.0"],["0.9","1.0"]],"a":[["1.1","3.0"]]}"#;

    fn edited(text: &str, edit: impl FnOnce(&mut String)) -> serde_json::Value {
        let mut text = text.to_owned();
        edit(&mut text);
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn one_field_changes_and_the_rest_stays() {
        assert_eq!(edited(DIFF, |text| add(text, "u", 5))["u"], 17);
        assert_eq!(edited(DIFF, |text| add(text, "u", -50))["u"], 0);
        let swapped = edited(DIFF, |text| swap(text, "b", "a"));
        assert_eq!((&swapped["a"][1][0], &swapped["b"][0][0]), (&"0.9".into(), &"1.1".into()));
        assert_eq!(edited(DIFF, |text| empty(text, "b"))["b"], serde_json::json!([]));
        assert_eq!(edited(DIFF, |text| negate(text, "a"))["a"][0][1], "-3.0");
        assert_eq!(edited(DIFF, |text| copy(text, "b", "a"))["a"][0][0], "1.0");
        assert_eq!(text_of(DIFF, "s"), Some("BTCUSDT"));
        for same in [edited(DIFF, |text| add(text, "x", 1)), edited(DIFF, |text| add(text, "s", 1))] {
            assert_eq!(same, serde_json::from_str::<serde_json::Value>(DIFF).unwrap());
        }
    }

    #[test]
    fn a_text_that_looks_like_a_name_is_none() {
        let text = r#"{"c":"\"u\":1","u":2}"#;
        assert_eq!(edited(text, |text| add(text, "u", 1))["u"], 3);
    }
}
