//! What a session says of its troubles.

use super::homes::Counts;

/// What the client says, fit for a line.
pub(super) fn reason(reason: &str) -> String {
    let reason = reason.split(" (after ").next().unwrap_or_default();
    reason.chars().filter(|c| !c.is_control()).take(160).collect()
}

/// How the topics differ from what they were.
pub(super) fn difference(known: &Counts, now: &Counts) -> String {
    for (topic, count) in known {
        match now.get(topic) {
            Some(new) if new == count => {}
            Some(new) => return format!("topic {topic:?} has {new} partitions now, it had {count}"),
            None => return format!("topic {topic:?} is gone"),
        }
    }
    let new = now.keys().find(|topic| !known.contains_key(*topic)).map_or("", String::as_str);
    format!("topic {new:?} is there now")
}
