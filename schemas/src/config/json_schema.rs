//! The configuration's JSON Schema, from the table of keys.

use serde_json::{Map, Value, json};

use super::kafka_options;
use super::keys::{self, Form, Given, Key, Kind, Range};

/// The JSON Schema of a configuration file.
#[must_use]
pub fn json_schema() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Configuration",
        "description": "A list of instruments, an object with the process-wide settings beside them, or one instrument.",
        "oneOf": [
            { "$ref": "#/$defs/Instruments" },
            { "$ref": "#/$defs/Process" },
            { "$ref": "#/$defs/Instrument" },
        ],
        "$defs": {
            "Instruments": {
                "type": "array",
                "minItems": 1,
                "maxItems": super::INSTRUMENTS_MAX,
                "items": { "$ref": "#/$defs/Instrument" },
            },
            "Instrument": object(keys::INSTRUMENT),
            "Process": object(keys::PROCESS),
        },
    })
}

/// The schema of an object with these keys.
pub(super) fn object(keys: &[Key]) -> Value {
    let required: Vec<&str> =
        keys.iter().filter(|key| matches!(key.given, Given::Required)).map(|key| key.name).collect();
    let properties: Map<String, Value> =
        keys.iter().map(|key| (key.name.to_owned(), property(key))).collect();
    json!({
        "type": "object",
        "required": required,
        "properties": properties,
        "additionalProperties": false,
    })
}

fn property(key: &Key) -> Value {
    let mut schema = key.kind.schema();
    let members = schema.as_object_mut().expect("every kind's schema is an object");
    members.insert("description".to_owned(), key.doc.into());
    if let Given::Default(text) = key.given {
        let default = serde_json::from_str::<Value>(text).expect("the table's defaults are JSON");
        if matches!(key.kind, Kind::Later) {
            members.insert("const".to_owned(), default.clone());
        }
        members.insert("default".to_owned(), default);
    }
    schema
}

impl Kind {
    fn schema(&self) -> Value {
        match self {
            Self::Text(form) => json!({ "type": "string", "pattern": form.pattern() }),
            Self::Venue => json!({ "enum": keys::MAKER_EXCHANGES.map(|(name, _)| name) }),
            Self::Word(words) => json!({ "enum": words }),
            Self::Whole(range) => {
                json!({ "type": "integer", "minimum": range.start(), "maximum": range.end() })
            }
            Self::Number(range) => range.schema(),
            Self::Secret => json!({ "oneOf": [{ "type": "string" }, reference("env"), reference("file")] }),
            Self::Address => json!({
                "oneOf": [Self::Text(Form::Line).schema(), reference("env"), reference("file")],
            }),
            Self::Options => options(),
            Self::Instruments => json!({ "$ref": "#/$defs/Instruments" }),
            Self::Later => json!({}),
            Self::Flag => json!({ "type": "boolean" }),
            Self::Amount(range) => json!({ "oneOf": [range.schema(), { "type": "string" }] }),
            Self::Words(words) => {
                json!({ "type": "array", "items": { "enum": words }, "uniqueItems": true })
            }
            Self::Group(keys) => object(keys),
            Self::Groups(keys) => json!({ "type": "array", "items": object(keys) }),
            Self::Filters => super::profile::filters_schema(),
            Self::Amounts => json!({
                "type": "object",
                "additionalProperties": { "type": ["number", "string"] },
            }),
        }
    }
}

/// The options' names cannot be listed here: they are the client's. Those that are refused can.
fn options() -> Value {
    json!({
        "type": "object",
        "propertyNames": {
            "pattern": "^[a-z0-9._]{1,64}$",
            "not": { "pattern": kafka_options::refused_pattern() },
        },
        "additionalProperties": {
            "oneOf": [
                { "type": "string", "minLength": 1 },
                { "type": ["number", "boolean"] },
                reference("env"),
                reference("file"),
            ],
        },
    })
}

fn reference(name: &str) -> Value {
    json!({
        "type": "object",
        "required": [name],
        "properties": { name: { "type": "string", "minLength": 1 } },
        "additionalProperties": false,
    })
}

impl Form {
    const fn pattern(self) -> &'static str {
        match self {
            Self::Name => r"^\S{1,64}$",
            Self::Prefix => r"^\S{0,64}$",
            Self::Instance => "^[a-z0-9]{1,4}$",
            Self::Line => "^.{1,4096}$",
        }
    }
}

impl Range {
    fn schema(&self) -> Value {
        let bound = |text| serde_json::from_str::<Value>(text).expect("the table's bounds are JSON numbers");
        let low = if self.from_low { "minimum" } else { "exclusiveMinimum" };
        let high = if self.to_high { "maximum" } else { "exclusiveMaximum" };
        json!({ "type": "number", low: bound(self.low), high: bound(self.high) })
    }
}
