//! A Kafka producer that knows its topics and counts what became of its messages; for tapes and for labels.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseRecord, Producer as _, ProducerContext, ThreadedProducer};
use schemas::config::{KafkaUrl, Partitioner};

use crate::feed::decode::shown;
use crate::secret::Secret;

/// How long a broker may take to tell its topics.
const METADATA_MAX: Duration = Duration::from_secs(5);
/// What the address decides, and an option therefore must not.
const OF_THE_ADDRESS: [&str; 3] = ["bootstrap.servers", "metadata.broker.list", "partitioner"];
/// Most of the client's own words that are shown, characters.
const WORDS_MAX: usize = 160;

/// Why there is no producer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProducerError {
    /// An option that the client does not know or take.
    #[error("Kafka option {name}: {why}")]
    Option {
        /// Its name; its value may be a secret.
        name: String,
        /// What is wrong.
        why: String,
    },
    /// No broker answered.
    #[error("no broker answers: {0}")]
    Away(String),
    /// A topic that is not there.
    #[error("no such topic (got {0})")]
    NoTopic(String),
}

/// Why a message was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotTaken {
    /// There is no room in the queue yet.
    Full,
    /// It is no use to try again; counted as taken and never confirmed.
    Refused,
}

/// What a producer is opened with.
#[derive(Clone, Debug)]
pub struct Settings<'a> {
    /// Where to.
    pub url: &'a KafkaUrl,
    /// What holds unless an option says otherwise.
    pub defaults: &'a [(&'a str, &'a str)],
    /// What the user says.
    pub options: &'a [(String, Secret)],
    /// What holds whatever an option says.
    pub fixed: &'a [(&'a str, &'a str)],
}

/// What became of messages; shared with the thread that hears it.
#[derive(Debug, Default)]
pub struct Deliveries {
    taken: AtomicU64,
    delivered: AtomicU64,
    first_failure: OnceLock<String>,
    trouble: Mutex<Option<String>>,
}

/// Hears of each message that has ended, on the client's thread: it must not wait.
pub type Heard = Box<dyn Fn(Result<(), &str>) + Send + Sync>;

/// An open producer. Dropping it throws away what is still on its way.
pub struct Producer {
    client: ThreadedProducer<Context>,
    deliveries: Arc<Deliveries>,
    topics: HashSet<String>,
}

impl Producer {
    /// Opens a producer and asks which topics there are; creates none. Blocks for up to 5 s.
    ///
    /// # Errors
    /// [`ProducerError::Option`] for an option that cannot be; [`ProducerError::Away`] where no broker answers or
    /// it refuses the login.
    pub fn open(settings: &Settings<'_>, heard: Option<Heard>) -> Result<Self, ProducerError> {
        let config = config(settings)?;
        let deliveries = Arc::<Deliveries>::default();
        let context = Context { deliveries: Arc::clone(&deliveries), heard };
        let client: ThreadedProducer<Context> =
            config.create_with_context(context).map_err(|error| refused_option(&error))?;
        // All topics, because asking for one may make the broker create it.
        let metadata = client.client().fetch_metadata(None, METADATA_MAX);
        let metadata = metadata.map_err(|error| {
            ProducerError::Away(deliveries.trouble().unwrap_or_else(|| words(&error.to_string())))
        })?;
        let there = metadata.topics().iter().filter(|topic| topic.error().is_none());
        let topics = there.map(|topic| topic.name().to_owned()).collect();
        Ok(Self { client, deliveries, topics })
    }

    /// Whether the topic was there when the producer was opened.
    ///
    /// # Errors
    /// [`ProducerError::NoTopic`].
    pub fn has(&self, topic: &str) -> Result<(), ProducerError> {
        let missing = || ProducerError::NoTopic(shown(topic.as_bytes()));
        if self.topics.contains(topic) { Ok(()) } else { Err(missing()) }
    }

    /// Takes a message into the queue; never waits.
    ///
    /// # Errors
    /// [`NotTaken`].
    pub fn send(&self, topic: &str, key: &str, payload: &[u8], time_ms: i64) -> Result<(), NotTaken> {
        let record = BaseRecord::to(topic).key(key).payload(payload).timestamp(time_ms);
        match self.client.send(record) {
            Ok(()) => {
                self.deliveries.taken.fetch_add(1, Ordering::Relaxed);
                Ok(())
            }
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), _)) => Err(NotTaken::Full),
            Err((error, _)) => {
                self.deliveries.taken.fetch_add(1, Ordering::Relaxed);
                self.deliveries.failure(&error);
                Err(NotTaken::Refused)
            }
        }
    }

    /// Waits until nothing is on its way any more, or `within` has passed.
    pub fn flush(&self, within: Duration) {
        if let Err(error) = self.client.flush(within) {
            tracing::debug!(target: "kafka", %error, "messages are still on their way");
        }
    }

    /// What became of the messages so far.
    #[must_use]
    pub const fn deliveries(&self) -> &Arc<Deliveries> {
        &self.deliveries
    }
}

impl Deliveries {
    /// Messages that the broker confirmed.
    #[must_use]
    pub fn delivered(&self) -> u64 {
        self.delivered.load(Ordering::Relaxed)
    }

    /// Messages that the broker has not confirmed: given up, or still on their way.
    #[must_use]
    pub fn unconfirmed(&self) -> u64 {
        self.taken.load(Ordering::Relaxed).saturating_sub(self.delivered())
    }

    /// Why the first message was given up, or what the client last complained of.
    #[must_use]
    pub fn first_failure(&self) -> Option<String> {
        self.first_failure.get().cloned().or_else(|| self.trouble())
    }

    /// Notes a failure; gives why the first one was.
    fn failure(&self, error: &KafkaError) -> &str {
        self.first_failure.get_or_init(|| words(&error.to_string()))
    }

    fn trouble(&self) -> Option<String> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Hears what the client tells.
struct Context {
    deliveries: Arc<Deliveries>,
    heard: Option<Heard>,
}

impl ClientContext for Context {
    fn log(&self, _level: RDKafkaLogLevel, facility: &str, message: &str) {
        tracing::debug!(target: "kafka", facility, "{}", words(message));
    }

    fn error(&self, error: KafkaError, reason: &str) {
        // That all brokers are down says less than what was said before of one of them.
        if error.rdkafka_error_code() != Some(RDKafkaErrorCode::AllBrokersDown) {
            let mut trouble = self.deliveries.trouble.lock().unwrap_or_else(PoisonError::into_inner);
            *trouble = Some(words(reason));
        }
    }
}

impl ProducerContext for Context {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        let ended = match result {
            Ok(_) => {
                self.deliveries.delivered.fetch_add(1, Ordering::Relaxed);
                Ok(())
            }
            Err((error, _)) => Err(self.deliveries.failure(error)),
        };
        if let Some(heard) = &self.heard {
            heard(ended);
        }
    }
}

fn config(settings: &Settings<'_>) -> Result<ClientConfig, ProducerError> {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", &settings.url.brokers);
    config.set("client.id", "self-trader");
    config.set("partitioner", partitioner(settings.url.partitioner));
    for (name, value) in settings.defaults {
        config.set(*name, *value);
    }
    for (name, value) in settings.options {
        if OF_THE_ADDRESS.contains(&name.as_str()) {
            let why = "the address says it".to_owned();
            return Err(ProducerError::Option { name: name.clone(), why });
        }
        config.set(name, value.expose());
    }
    for (name, value) in settings.fixed {
        config.set(*name, *value);
    }
    Ok(config)
}

const fn partitioner(partitioner: Partitioner) -> &'static str {
    match partitioner {
        Partitioner::Murmur2 => "murmur2_random",
        Partitioner::Crc32 => "consistent_random",
        Partitioner::Fnv1a => "fnv1a_random",
    }
}

/// What the client says of an option, without the option's value.
fn refused_option(error: &KafkaError) -> ProducerError {
    if let KafkaError::ClientConfig(_, _, name, _) = error {
        let why = "unknown, or its value is none of it; not shown".to_owned();
        return ProducerError::Option { name: shown(name.as_bytes()), why };
    }
    // What remains is about options together, and names no value of them.
    ProducerError::Option { name: "s".to_owned(), why: words(&error.to_string()) }
}

/// The client's own words in one line.
fn words(text: &str) -> String {
    let printable = |char: char| if char.is_control() { ' ' } else { char };
    text.chars().take(WORDS_MAX).map(printable).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_option_that_is_refused_is_told_by_its_name_alone() {
        const CANARY: &str = "canary-90ce";
        let url = KafkaUrl::new("h:1", "t");
        for name in ["sasl.pasword", "security.protocol", "message.max.bytes"] {
            let options = [(name.to_owned(), Secret::new(CANARY.to_owned()))];
            let settings = Settings { url: &url, defaults: &[], options: &options, fixed: &[] };
            let Err(error) = Producer::open(&settings, None) else { panic!("{name} was taken") };
            for told in [error.to_string(), format!("{error:?}"), format!("{settings:?}")] {
                assert!(told.contains(name) && !told.contains(CANARY), "{told}");
            }
        }
    }
}
