//! Every JSON Schema of the project, by name; committed under `schemas/json/`, and held there by a test.

use serde_json::Value;

/// Name and JSON Schema of everything that is written for others to read.
#[must_use]
pub fn json_schemas() -> Vec<(&'static str, Value)> {
    vec![
        ("config", crate::config::json_schema()),
        ("crowd", crate::config::crowd::json_schema()),
        ("profile", crate::config::profile::json_schema()),
        ("label", schemars::schema_for!(crate::label::Label).to_value()),
        ("summary", schemars::schema_for!(crate::summary::Summary).to_value()),
    ]
}
