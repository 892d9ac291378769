//! A Kafka address: brokers, topic, and how its group and its partitions are to be read.

use super::secret_ref::SecretRef;

/// Longest topic and longest name of a group, bytes.
pub(super) const NAME_BYTES_MAX: usize = 249;
/// What stands for the symbol in a pattern of topics.
const SYMBOL: &str = "{symbol}";

/// `kafka://host:port[,host:port]/TOPIC[?group=NAME][&protocol=classic|consumer][&static=true]
/// [&partitioner=murmur2|crc32|fnv1a][&key=symbol|follow_key]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KafkaUrl {
    /// `host:port[,host:port]`.
    pub brokers: String,
    /// The topic, or one a symbol.
    pub topic: KafkaTopic,
    /// The consumer group.
    pub group: Option<String>,
    /// How the group is kept.
    pub protocol: GroupProtocol,
    /// Static membership, under the pod's name: a member that comes back within the session keeps its partitions.
    pub static_member: bool,
    /// Which partition a key belongs to.
    pub partitioner: Partitioner,
    /// What publishers key their messages by.
    pub key: KafkaKey,
}

/// Where an instrument's messages lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KafkaTopic {
    /// All in one topic.
    One(String),
    /// One topic a symbol: a name with `{symbol}` in it.
    PerSymbol(String),
}

/// How a consumer group is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GroupProtocol {
    /// The classic protocol, cooperative-sticky.
    #[default]
    Classic,
    /// KIP-848: assignments by the broker.
    Consumer,
}

/// How publishers choose the partition of a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Partitioner {
    /// Java's, and librdkafka's `murmur2_random`.
    #[default]
    Murmur2,
    /// librdkafka's `consistent_random`.
    Crc32,
    /// librdkafka's `fnv1a_random`.
    Fnv1a,
}

/// What messages are keyed by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KafkaKey {
    /// The follow symbol.
    #[default]
    Symbol,
    /// The follow key.
    FollowKey,
}

/// One option of the Kafka client, passed through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KafkaOption {
    /// The client's name of it.
    pub name: String,
    /// Its value; a reference where it is a secret.
    pub value: SecretRef,
}

impl KafkaUrl {
    /// Brokers and a topic; the rest as it is given where an address names nothing else.
    #[must_use]
    pub fn new(brokers: &str, topic: &str) -> Self {
        let topic = topic.to_owned();
        Self {
            brokers: brokers.to_owned(),
            topic: if topic.contains(SYMBOL) { KafkaTopic::PerSymbol(topic) } else { KafkaTopic::One(topic) },
            group: None,
            protocol: GroupProtocol::default(),
            static_member: false,
            partitioner: Partitioner::default(),
            key: KafkaKey::default(),
        }
    }
}

impl KafkaTopic {
    /// The topic of a follow symbol.
    #[must_use]
    pub fn of(&self, follow_symbol: &str) -> String {
        match self {
            Self::One(topic) => topic.clone(),
            Self::PerSymbol(pattern) => pattern.replace(SYMBOL, follow_symbol),
        }
    }

    /// Whether a broker would take the name; in a pattern, with any legal symbol that is short enough.
    pub(super) fn is_legal(&self) -> bool {
        match self {
            Self::One(topic) => is_topic(topic),
            // What stands for the symbol is never empty, so that "." with it is a name.
            Self::PerSymbol(pattern) => is_topic(&pattern.replacen(SYMBOL, "S", 1)),
        }
    }
}

/// Whether a broker takes the name as a topic's.
pub(super) fn is_topic(name: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    (1..=NAME_BYTES_MAX).contains(&name.len()) && name.bytes().all(legal) && name != "." && name != ".."
}
