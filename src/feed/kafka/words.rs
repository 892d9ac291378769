//! What a session says of its troubles.

use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaConfRes;

use super::homes::Counts;
use crate::feed::decode::shown;

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

/// Why there is no client. Of an option its name alone: its value may be a secret, and the client repeats it, in
/// its description too.
pub(super) fn refused(error: &KafkaError) -> String {
    let KafkaError::ClientConfig(kind, _, name, _) = error else { return reason(&error.to_string()) };
    let name = shown(name.as_bytes());
    if *kind == RDKafkaConfRes::RD_KAFKA_CONF_UNKNOWN {
        return format!("Kafka option {name}: the client does not know it");
    }
    format!("Kafka option {name}: the client does not take its value (not shown)")
}
