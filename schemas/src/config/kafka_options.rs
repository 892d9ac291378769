//! Options of the Kafka client that a configuration passes through, and those that it must not touch.

use super::fault::Code;
use super::kafka::KafkaOption;
use super::node::{Node, Object};
use super::reader::{self, Reader};
use super::secret_ref::SecretRef;

/// The key that holds them.
const KEY: &str = "Kafka Options";
/// Longest name of an option and longest value in the file, bytes.
const NAME_BYTES_MAX: usize = 64;
const VALUE_BYTES_MAX: usize = 16 * 1024;
/// What a name has in it whose value is a secret.
const SECRET_MARKS: [&str; 4] = ["password", "secret", ".key.pem", "jaas"];

const GROUP: &str = "the program keeps the group itself (want group, protocol and static in Feed)";
const POSITION: &str =
    "the program never commits to continue from there, and every assignment starts at the end";
const TIMES: &str = "the proof of ownership is built on the program's own times";
const ADDRESS: &str = "brokers stand in the address (want kafka://host:port[,host:port]/TOPIC)";
const PLUGIN: &str = "the program loads no library and starts no program";
const OWN: &str = "the program sets it itself";
const PARTITIONER: &str = "the address names it (want partitioner=murmur2, crc32 or fnv1a there)";

/// Which options are refused, and why. A `*` stands for anything at the beginning or the end.
const REFUSED: &[(&str, &str)] = &[
    ("group.*", GROUP),
    ("partition.assignment*", GROUP),
    ("enable.auto.commit", POSITION),
    ("enable.auto.offset.store", POSITION),
    ("auto.commit*", POSITION),
    ("auto.offset.reset", POSITION),
    ("offset.*", POSITION),
    ("session.timeout.ms", TIMES),
    ("heartbeat.interval.ms", TIMES),
    ("max.poll.interval.ms", TIMES),
    ("bootstrap.servers", ADDRESS),
    ("metadata.broker.list", ADDRESS),
    ("partitioner", PARTITIONER),
    ("plugin.*", PLUGIN),
    ("sasl.kerberos*", PLUGIN),
    ("ssl.engine.*", PLUGIN),
    ("ssl.providers", PLUGIN),
    ("client.id", OWN),
    ("statistics.interval.ms", OWN),
    ("test.mock.*", OWN),
    ("*_cb", OWN),
];

/// Reads the options in the order in which they are written; `None` where one was refused.
pub(super) fn read(reader: &mut Reader<'_, '_>) -> Option<Vec<KafkaOption>> {
    if !reader.has(KEY) {
        return Some(Vec::new());
    }
    let object = reader.object(KEY)?;
    for name in object.repeated() {
        reader.fault_within(Code::Key, KEY, name, || "given twice".to_owned());
    }
    let options: Vec<_> = object.keys().map(|name| option(reader, object, name)).collect();
    options.into_iter().collect()
}

/// The names that are refused, as a pattern of the JSON Schema.
pub(super) fn refused_pattern() -> String {
    let pattern = |(name, _): &(&str, &str)| name.replace('.', r"\.").replace('*', ".*");
    format!("^({})$", REFUSED.iter().map(pattern).collect::<Vec<_>>().join("|"))
}

fn option(reader: &mut Reader<'_, '_>, object: &Object<'_>, name: &str) -> Option<KafkaOption> {
    if !is_name(name) {
        // Not shown: what stands where a name should may be anything.
        let message =
            || format!("a name that no option has; not shown (want 1 to {NAME_BYTES_MAX} of a-z 0-9 . _)");
        reader.fault(Code::Key, KEY, message);
        return None;
    }
    if let Some((_, why)) = REFUSED.iter().find(|(pattern, _)| matches(pattern, name)) {
        reader.fault_within(Code::Key, KEY, name, || format!("refused: {why}"));
        return None;
    }
    let Some(value) = object.get(name).and_then(|node| value(name, node)) else {
        let message = "wrong type or value (got something else; not shown, want text on one line, a number, true, \
            false, {\"env\": NAME} or {\"file\": PATH})";
        reader.fault_within(Code::Type, KEY, name, || message.to_owned());
        return None;
    };
    let secret = SECRET_MARKS.iter().any(|mark| name.contains(mark));
    if secret && matches!(value, SecretRef::Literal(_)) {
        reader.warn_of_secret(KEY, Some(name));
    }
    Some(KafkaOption { name: name.to_owned(), value })
}

fn value(name: &str, node: &Node<'_>) -> Option<SecretRef> {
    match node {
        Node::Flag(flag) => Some(SecretRef::literal(&flag.to_string())),
        Node::Number(text) => Some(SecretRef::literal(text)),
        Node::Text(text) => {
            // Certificates and keys in PEM have lines.
            let legal = |letter: char| !letter.is_control() || (letter == '\n' && name.ends_with(".pem"));
            let fits = (1..=VALUE_BYTES_MAX).contains(&text.len()) && text.chars().all(legal);
            fits.then(|| SecretRef::literal(text))
        }
        Node::Object(object) => reader::reference(object),
        Node::Null | Node::List(_) => None,
    }
}

fn is_name(name: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._".contains(&byte);
    (1..=NAME_BYTES_MAX).contains(&name.len()) && name.bytes().all(legal)
}

fn matches(pattern: &str, name: &str) -> bool {
    match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (Some(end), _) => name.ends_with(end),
        (None, Some(beginning)) => name.starts_with(beginning),
        (None, None) => name == pattern,
    }
}
