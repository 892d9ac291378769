//! Publishing to Kafka: keyed by symbol, the partition chosen as the address says.

use std::collections::HashMap;
use std::time::Duration;

use schemas::config::{KafkaKey, KafkaTopic, KafkaUrl};

use super::producer::{NotTaken, Producer, ProducerError, Settings};
use super::{Message, Name, Report};
use crate::secret::Secret;

/// What holds unless an option says otherwise: each message leaves at once and stays in its place, once, also where
/// one before it is sent again; what no broker takes within 10 s is given up.
const DEFAULTS: [(&str, &str); 5] = [
    ("linger.ms", "0"),
    ("enable.idempotence", "true"),
    ("message.timeout.ms", "10000"),
    ("queue.buffering.max.messages", "100000"),
    ("socket.nagle.disable", "true"),
];
/// How long a message may wait for room in the queue.
const ROOM_MAX: Duration = Duration::from_secs(10);
/// How often to look for room.
const ROOM_EVERY: Duration = Duration::from_millis(1);
/// How long the last messages may take: a little more than it takes to give one up.
const FLUSH_MAX: Duration = Duration::from_secs(11);

/// A Kafka cluster before it is connected to.
pub(super) struct Cluster {
    url: KafkaUrl,
    options: Vec<(String, Secret)>,
}

/// A connection.
pub(super) struct Sender {
    url: KafkaUrl,
    producer: Producer,
    /// The topic of each symbol that came up.
    topics: HashMap<String, String>,
}

impl Cluster {
    pub(super) fn new(url: &KafkaUrl, options: &[(String, Secret)]) -> Self {
        Self { url: url.clone(), options: options.to_vec() }
    }

    pub(super) async fn connect(self) -> Result<Sender, ProducerError> {
        let Self { url, options } = self;
        let brokers = url.clone();
        let opened = tokio::task::spawn_blocking(move || {
            let settings = Settings { url: &brokers, defaults: &DEFAULTS, options: &options, fixed: &[] };
            Producer::open(&settings, None)
        });
        let producer = opened.await.unwrap_or_else(|error| Err(ProducerError::Away(error.to_string())))?;
        let sender = Sender { url, producer, topics: HashMap::new() };
        // One topic is there or not; of one a symbol each is looked for when its symbol comes up.
        if let KafkaTopic::One(topic) = &sender.url.topic {
            sender.producer.has(topic)?;
        }
        Ok(sender)
    }
}

impl Sender {
    /// Hands messages to the client, waiting for room where its queue is full.
    pub(super) async fn send(&mut self, messages: &[Message<'_>]) -> Result<(), String> {
        for message in messages {
            self.find_topic(message.name)?;
            let handed = tokio::time::timeout(ROOM_MAX, self.hand_over(message)).await;
            handed.map_err(|_| self.no_room())?;
        }
        Ok(())
    }

    /// Waits for what is on its way and says what became of everything.
    pub(super) async fn finish(self, report: &mut Report) {
        let deliveries = self.producer.deliveries().clone();
        let flushed = tokio::task::spawn_blocking(move || self.producer.flush(FLUSH_MAX)).await;
        report.undelivered = deliveries.unconfirmed();
        if flushed.is_err() || report.undelivered > 0 {
            report.first_failure = deliveries.first_failure();
        }
    }

    fn find_topic(&mut self, name: &Name) -> Result<(), String> {
        if !self.topics.contains_key(&name.symbol) {
            let topic = self.url.topic.of(&name.symbol);
            self.producer.has(&topic).map_err(|error| error.to_string())?;
            self.topics.insert(name.symbol.clone(), topic);
        }
        Ok(())
    }

    async fn hand_over(&self, message: &Message<'_>) {
        let key = match self.url.key {
            KafkaKey::Symbol => &message.name.symbol,
            KafkaKey::FollowKey => &message.name.follow_key,
        };
        let topic = &self.topics[&message.name.symbol];
        loop {
            match self.producer.send(topic, key, &message.payload, message.time_ms) {
                // What is refused is counted: a topic can be back with its broker.
                Ok(()) | Err(NotTaken::Refused) => return,
                Err(NotTaken::Full) => tokio::time::sleep(ROOM_EVERY).await,
            }
        }
    }

    fn no_room(&self) -> String {
        let why =
            self.producer.deliveries().first_failure().unwrap_or_else(|| "no cause is known".to_owned());
        format!("no room for a message within {} s: {why}", ROOM_MAX.as_secs())
    }
}
