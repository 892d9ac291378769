//! Scripts: switches on a time line, as JSON lines or one JSON array.

use super::effects::exact_steps;
use super::plan::SWITCHES_MAX;
use super::switch::FaultSwitch;
use crate::simulator::symbols::SymbolSpec;

/// Longest part of a foreign message that is shown.
const SHOWN_MAX: usize = 200;

/// What is to go wrong, and when.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FaultScript {
    switches: Vec<FaultSwitch>,
    /// The line or entry of each.
    places: Vec<usize>,
}

/// Why a script or a request is none. One line each.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScriptError {
    /// No JSON, or not of that shape.
    #[error("FLT-001 {place} {at}: {what}")]
    Syntax {
        /// `line` or `entry`.
        place: &'static str,
        /// Which, from 1.
        at: usize,
        /// What is wrong.
        what: String,
    },
    /// Parameters that contradict the fault or are out of bounds.
    #[error("FLT-002 {place} {at}: {what}")]
    Params {
        /// `line` or `entry`.
        place: &'static str,
        /// Which, from 1.
        at: usize,
        /// What is wrong.
        what: String,
    },
    /// A symbol or account that the venue does not have.
    #[error("FLT-003 entry {at}: {what}")]
    Unknown {
        /// Which line or entry, from 1.
        at: usize,
        /// What is wrong.
        what: String,
    },
    /// Too many at one time.
    #[error("FLT-004: too many faults (got {0}, want at most 4096)")]
    TooMany(usize),
}

impl FaultScript {
    /// Reads a script: one JSON array of switches, one switch, or one a line; empty lines and lines that begin with
    /// `#` do not count.
    ///
    /// # Errors
    /// Which line or entry is no switch, and why.
    pub fn parse(text: &str) -> Result<Self, ScriptError> {
        if text.trim_start().starts_with('[') {
            return Self::parse_request(text);
        }
        let mut script = Self::default();
        for (at, line) in text.lines().enumerate() {
            let line = line.trim();
            if !line.is_empty() && !line.starts_with('#') {
                script.add("line", at + 1, line)?;
            }
        }
        script.within_bounds()
    }

    /// Reads one switch or a JSON array of them.
    ///
    /// # Errors
    /// Which entry is no switch, and why.
    pub fn parse_request(text: &str) -> Result<Self, ScriptError> {
        let mut script = Self::default();
        if text.trim_start().starts_with('[') {
            let no_array = |error: serde_json::Error| {
                let (at, what) = (error.line(), cut(&words(&error)));
                ScriptError::Syntax { place: "line", at, what }
            };
            let entries: Vec<&serde_json::value::RawValue> = serde_json::from_str(text).map_err(no_array)?;
            for (at, entry) in entries.iter().enumerate() {
                script.add("entry", at + 1, entry.get())?;
            }
        } else {
            script.add("entry", 1, text)?;
        }
        script.within_bounds()
    }

    /// Whether the venue has what it names.
    ///
    /// # Errors
    /// Which symbol or account the venue does not have.
    pub fn check_names<'a>(
        &self,
        symbols: impl Iterator<Item = &'a SymbolSpec> + Clone,
        accounts: impl Iterator<Item = &'a str> + Clone,
    ) -> Result<(), ScriptError> {
        for (switch, at) in self.switches.iter().zip(&self.places) {
            let unknown = |what: String| Err(ScriptError::Unknown { at: *at, what });
            let meant = |spec: &&SymbolSpec| {
                switch.symbol.as_ref().is_none_or(|name| spec.name == *name)
                    && switch.product.is_none_or(|product| spec.product == product)
            };
            if let Some(what) = symbols.clone().filter(meant).find_map(|spec| too_fine(switch, spec)) {
                return unknown(what);
            }
            if let Some(name) = &switch.symbol
                && !symbols.clone().any(|spec| meant(&spec))
            {
                let name = name.escape_debug().to_string();
                return unknown(format!("symbol: not listed (got {name:.64})"));
            }
            if let Some(key) = &switch.account
                && !accounts.clone().any(|own| own == key)
            {
                return unknown("account: no such API key".to_owned());
            }
        }
        Ok(())
    }

    /// The JSON Schema of one switch: of a script's line or entry, of a request.
    #[must_use]
    pub fn json_schema() -> serde_json::Value {
        schemars::schema_for!(FaultSwitch).to_value()
    }

    /// The switches.
    #[must_use]
    pub fn switches(&self) -> &[FaultSwitch] {
        &self.switches
    }

    fn within_bounds(self) -> Result<Self, ScriptError> {
        let count = self.switches.len();
        if count > SWITCHES_MAX { Err(ScriptError::TooMany(count)) } else { Ok(self) }
    }

    fn add(&mut self, place: &'static str, at: usize, text: &str) -> Result<(), ScriptError> {
        let switch: FaultSwitch = serde_json::from_str(text).map_err(|error| ScriptError::Syntax {
            place,
            at,
            what: cut(&words(&error)),
        })?;
        switch.check().map_err(|what| ScriptError::Params { place, at, what })?;
        for one in switch.split() {
            self.switches.push(one);
            self.places.push(at);
        }
        Ok(())
    }
}

/// Sizes that are no whole number of a symbol's own units.
fn too_fine(switch: &FaultSwitch, spec: &SymbolSpec) -> Option<String> {
    let params = &switch.params;
    let sizes = [
        ("tick_size", &params.tick_size, spec.price_decimals),
        ("step_size", &params.step_size, spec.qty_decimals),
    ];
    sizes.into_iter().find_map(|(name, size, decimals)| {
        let size = size.as_deref()?;
        let fits = exact_steps(size, decimals).is_some();
        (!fits).then(|| format!("{name}: {} has {decimals} decimals (got {size:.64})", spec.name))
    })
}

/// What the JSON reader says, without a place: the line is told already.
fn words(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rfind(" at line ") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}

fn cut(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(SHOWN_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        FaultScript::parse(text).unwrap_err().to_string()
    }

    #[test]
    fn lines_and_arrays_are_read_alike() {
        let lines = "# two\n{\"at\": \"2.5s\", \"for\": \"3s\", \"fault\": \"lose_answers\"}\n\n{\"fault\":\"halt\",\"symbol\":\"BTCUSDT\",\"status\":\"BREAK\"}\n";
        let array = r#"[{"at": 2500, "for_ms": 3000, "fault": "lose_answers"},
            {"fault": "halt", "symbol": "BTCUSDT", "status": "BREAK"}]"#;
        let [lines, array] = [lines, array].map(|text| FaultScript::parse(text).unwrap());
        assert_eq!(lines.switches(), array.switches());
        assert_eq!(lines.switches()[0].lasts.map(super::super::Span::ms), Some(3_000));
    }

    #[test]
    fn what_is_wrong_is_told_in_one_line_with_its_place() {
        assert!(refused("\n{").starts_with("FLT-001 line 2: "));
        assert!(refused("[{}]").starts_with("FLT-001 entry 1: missing field `fault`"));
        assert!(refused("{\"fault\":\"flood\"}").starts_with("FLT-001 line 1: unknown variant `flood`"));
        assert_eq!(
            refused("{\"fault\":\"lose_answers\",\"ms\":5}"),
            "FLT-002 line 1: ms: means nothing to lose_answers"
        );
        assert_eq!(
            refused("{\"fault\":\"halt\",\"count\":5}"),
            "FLT-002 line 1: count, probability: mean nothing to halt"
        );
        for text in [
            "{\"fault\":\"reject\",\"status\":99}",
            "{\"fault\":\"reject\",\"status\":\"HALT\"}",
            "{\"fault\":\"halt\",\"status\":400}",
            "{\"fault\":\"change_filters\"}",
            "{\"fault\":\"change_filters\",\"tick_size\":\"0\"}",
            "{\"fault\":\"lose_answers\",\"probability\":1000001}",
            "{\"fault\":\"lose_answers\",\"every\":\"1s\"}",
            "{\"fault\":\"freeze\",\"symbol\":\"BTCUSDT\"}",
            "{\"fault\":\"half_open\",\"operation\":\"time\"}",
            "{\"fault\":\"delay_answers\",\"ms\":600001}",
            "{\"fault\":\"lose_answers\",\"count\":0}",
        ] {
            assert!(refused(text).starts_with("FLT-002 line 1: "), "{text}");
        }
        assert!(refused("{\"fault\":\"halt\",\"x\\u0007\":1}").chars().all(|c| !c.is_control()));
    }

    #[test]
    fn the_schema_has_what_is_read_and_nothing_else() {
        let schema = FaultScript::json_schema();
        let known = schema["properties"].as_object().unwrap();
        for text in [
            r#"{"at":"2.5s","for":"3s","every":"10s","fault":"lose_answers","symbol":"BTCUSDT","account":"key"}"#,
            r#"{"fault":"reject","preset":"timeout","executed":true,"operation":"order.place","count":3}"#,
            r#"{"fault":"mute_stream","stream":"depth","connection":"streams","product":"spot","probability":5}"#,
        ] {
            FaultScript::parse(text).unwrap();
            let switch: serde_json::Value = serde_json::from_str(text).unwrap();
            for name in switch.as_object().unwrap().keys() {
                assert!(known.contains_key(name), "{name}");
            }
        }
        for name in known.keys().filter(|name| *name != "applied") {
            let text = format!("{{\"fault\":\"halt\",\"{name}\":{{}}}}");
            let words = refused(&text);
            assert!(!words.contains("unknown field"), "{words}");
        }
        let faults = schema.to_string();
        assert!(faults.contains("\"jump_mark\"") && faults.contains("\"usdm\""), "{schema:#}");
        assert_eq!(schema["required"], serde_json::json!(["fault"]));
    }

    #[test]
    fn names_are_looked_up() {
        let check = |text: &str| {
            let symbols = [SymbolSpec::named("BTCUSDT", 2, 6)];
            FaultScript::parse(text)
                .unwrap()
                .check_names(symbols.iter(), ["key"].into_iter())
                .map_err(|error| error.to_string())
        };
        assert_eq!(check(r#"{"fault":"halt","symbol":"BTCUSDT"}"#), Ok(()));
        assert!(
            check(r#"{"fault":"halt","symbol":"BTCUSDT","product":"usdm"}"#)
                .unwrap_err()
                .starts_with("FLT-003")
        );
        assert!(
            check(r#"{"fault":"halt","symbol":"NOPE"}"#).unwrap_err().starts_with("FLT-003 entry 1: symbol")
        );
        assert!(check(r#"{"fault":"lose_answers","account":"x"}"#).is_err());
        assert_eq!(check(r#"{"fault":"change_filters","tick_size":"0.5"}"#), Ok(()));
        assert!(check(r#"{"fault":"change_filters","tick_size":"0.001"}"#).is_err());
    }
}
