//! A valid configuration, mutated: it means the same, or is refused with a pointer; it never panics, and
//! no secret shows.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use proptest::prelude::*;
use schemas::config::{Config, Fault};

const CANARY: &str = "canary-81e3a7f2";

fn valid() -> String {
    include_str!("../examples/complete.json")
        .replace("{ \"env\": \"STAGING_API_KEY\" }", &format!("\"{CANARY}\""))
        .replace("\"Passphrase\": \"\"", &format!("\"Passphrase\": \"{CANARY}\""))
}

/// Everything that a user may come to see of a reading.
fn seen(result: &Result<Config, Vec<Fault>>) -> String {
    match result {
        Ok(config) => format!("{config:?}{config:#?}"),
        Err(faults) => {
            faults.iter().map(Fault::to_string).collect::<Vec<_>>().join("\n") + &format!("{faults:?}")
        }
    }
}

/// Whether the secret still stands under its keys only: an edit can join it to another key's value.
fn in_place(text: &str) -> bool {
    let at = |key: &str| text.matches(&format!("\"{key}\": \"{CANARY}")).count();
    text.matches(CANARY).count() == at("API KEY") + at("Passphrase")
}

/// A refusal names a place in the file: a pointer, or a line and column.
fn places(faults: &[Fault]) -> bool {
    faults.iter().all(|fault| {
        let line_and_column = fault.pointer.split(':').all(|part| part.parse::<usize>().is_ok());
        fault.pointer.starts_with('/') || line_and_column || fault.pointer.is_empty()
    })
}

fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("[]".to_owned()),
        Just("{}".to_owned()),
        "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,20})?(e[+-]?[0-9]{1,3})?",
        "\\PC{0,20}".prop_map(|text| serde_json::to_string(&text).unwrap()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8_000))]

    #[test]
    fn bytes_changed(edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4)) {
        let mut bytes = valid().into_bytes();
        for (place, byte) in edits {
            let at = place.index(bytes.len());
            bytes[at] = byte;
        }
        let result = Config::parse(&bytes);
        if std::str::from_utf8(&bytes).is_ok_and(in_place) {
            prop_assert!(!seen(&result).contains(CANARY), "{}", seen(&result));
        }
        if let Err(faults) = result {
            prop_assert!(!faults.is_empty() && places(&faults), "{:?}", faults);
        }
    }

    #[test]
    fn pieces_cut_out(place in any::<prop::sample::Index>(), length in 1_usize..40) {
        let text = valid();
        let at = place.index(text.len());
        let end = (at + length).min(text.len());
        let mutated = format!("{}{}", &text[..at], &text[end..]);
        let result = Config::parse(mutated.as_bytes());
        if in_place(&mutated) {
            prop_assert!(!seen(&result).contains(CANARY), "{}", seen(&result));
        }
        if let Err(faults) = result {
            prop_assert!(!faults.is_empty() && places(&faults), "{:?}", faults);
        }
    }

    /// Promise P24.
    #[test]
    fn a_value_replaced(which in any::<prop::sample::Index>(), value in value()) {
        let text = valid();
        let colons: Vec<usize> = text.match_indices("\": ").map(|(at, _)| at).collect();
        let colon = colons[which.index(colons.len())];
        let line_end = colon + text[colon..].find('\n').unwrap();
        let comma = if text[..line_end].ends_with(',') { "," } else { "" };
        let mutated = format!("{}\": {value}{comma}{}", &text[..colon], &text[line_end..]);
        let original = Config::parse(text.as_bytes()).unwrap();
        let result = Config::parse(mutated.as_bytes());
        prop_assert!(!seen(&result).contains(CANARY), "{}", seen(&result));
        match result {
            // Only what the one key says may differ: the rest of the file still means the same.
            Ok(config) => prop_assert_eq!(config.instruments.len(), original.instruments.len()),
            Err(faults) => prop_assert!(faults.iter().any(|fault| fault.pointer.starts_with('/') || fault.pointer.contains(':'))),
        }
    }

    /// Fault K1.
    /// Promise P24.
    #[test]
    fn anything_at_all(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(Config::parse(&bytes).is_err());
    }
}
