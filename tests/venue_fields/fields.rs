//! The fields of a JSON message: a path to each, and which types stand there.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// What a message, or several of one kind, are made of. Elements of an array share one path, `name[]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fields(BTreeMap<String, BTreeSet<&'static str>>);

/// What two messages differ in.
#[derive(Debug, Default)]
pub(crate) struct Difference {
    pub(crate) missing: Vec<String>,
    pub(crate) surplus: Vec<String>,
    /// Path, type here, type there.
    pub(crate) other_type: Vec<String>,
}

impl Fields {
    /// Those of several messages of one kind.
    pub(crate) fn of<'a>(messages: impl IntoIterator<Item = &'a Value>) -> Self {
        let mut fields = Self::default();
        for message in messages {
            fields.add("", message);
        }
        fields
    }

    fn add(&mut self, path: &str, value: &Value) {
        let kind = match value {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Number(_) => "number",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        };
        self.0.entry(path.to_owned()).or_default().insert(kind);
        if let Value::Array(elements) = value {
            elements.iter().for_each(|element| self.add(&format!("{path}[]"), element));
        }
        if let Value::Object(members) = value {
            let dot = if path.is_empty() { "" } else { "." };
            members.iter().for_each(|(name, member)| self.add(&format!("{path}{dot}{name}"), member));
        }
    }

    /// What these lack of the twin's, and the other way round. Below a path that one side lacks nothing is told.
    pub(crate) fn against(&self, twin: &Self) -> Difference {
        let mut difference =
            Difference { missing: beyond(twin, self), surplus: beyond(self, twin), other_type: Vec::new() };
        for (path, ours) in &self.0 {
            if let Some(theirs) = twin.0.get(path)
                && !ours.contains("null")
                && !theirs.contains("null")
                && ours.is_disjoint(theirs)
            {
                let (ours, theirs) = (list(ours), list(theirs));
                difference.other_type.push(format!("{path} ({ours} for {theirs})"));
            }
        }
        difference
    }
}

fn beyond(more: &Fields, less: &Fields) -> Vec<String> {
    let mut told: Vec<String> = Vec::new();
    for path in more.0.keys().filter(|path| !less.0.contains_key(*path)) {
        let below = |top: &String| path.starts_with(top) && path[top.len()..].starts_with(['.', '[']);
        if !told.iter().any(below) {
            told.push(path.clone());
        }
    }
    told
}

fn list(kinds: &BTreeSet<&'static str>) -> String {
    kinds.iter().copied().collect::<Vec<_>>().join("/")
}
