//! The committed JSON Schemas are those of the types. `UPDATE_GOLDEN=1` writes them anew.

use std::collections::BTreeSet;
use std::path::Path;

use schemas::json_schema::json_schemas;
use serde_json::Value;

#[test]
fn the_committed_schemas_have_not_drifted() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("json");
    let mut expected = BTreeSet::new();
    for (name, schema) in json_schemas() {
        let file = format!("{name}.schema.json");
        let path = folder.join(&file);
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(&path, format!("{schema:#}\n")).unwrap();
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{file}: {error}"));
        let committed: Value = serde_json::from_str(&committed).unwrap();
        assert_eq!(committed, schema, "{file} differs from its types; UPDATE_GOLDEN=1 writes it anew");
        expected.insert(file);
    }
    let there = std::fs::read_dir(&folder).unwrap();
    let there: BTreeSet<String> =
        there.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(there, expected, "a schema without a type, or the reverse");
}

/// A schema that promised other bounds or defaults than the parser's would be worse than none.
#[test]
fn the_configurations_examples_use_keys_of_the_schema_only() {
    let schema = schemas::config::json_schema();
    let known = |form: &str, key: &str| schema["$defs"][form]["properties"].get(key).is_some();
    for text in [include_str!("../examples/prototype.json"), include_str!("../examples/simulated.json")] {
        let list: Vec<serde_json::Map<String, Value>> = serde_json::from_str(text).unwrap();
        assert!(list.iter().flat_map(|entry| entry.keys()).all(|key| known("Instrument", key)));
    }
    let whole: Value = serde_json::from_str(include_str!("../examples/complete.json")).unwrap();
    assert!(whole.as_object().unwrap().keys().all(|key| known("Process", key)));
    let process = schema["$defs"]["Process"]["properties"].as_object().unwrap();
    // A key of a later version has nothing to show but its default.
    let process = process.iter().filter(|(_, property)| property.get("const").is_none());
    assert_eq!(
        whole.as_object().unwrap().keys().collect::<BTreeSet<_>>(),
        process.map(|(key, _)| key).collect(),
        "the example shows every key"
    );
    let instrument = whole["instruments"][0].as_object().unwrap();
    let all = schema["$defs"]["Instrument"]["properties"].as_object().unwrap();
    assert_eq!(
        instrument.keys().collect::<BTreeSet<_>>(),
        all.keys().collect(),
        "the example shows every key"
    );
}
