//! Reads labels back, from a file or a topic. All of it blocks: it belongs on a thread of its own.

use std::collections::BTreeSet;
use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::Message;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use schemas::config::{FeedUrl, KafkaTopic, KafkaUrl};

use super::join::LabelHead;
use crate::clock::Clock;
use crate::feed::decode::shown;
use crate::secret::Secret;

/// How long a broker may take over one answer.
const ANSWER_MAX: Duration = Duration::from_secs(10);
/// How long one look for messages may take.
const POLL_MAX: Duration = Duration::from_millis(200);
/// Longest line that is read; a label is some 1,200 bytes.
const LINE_MAX: u64 = 1 << 20;

/// Where labels lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LabelPlace {
    /// One JSON line a label.
    File(PathBuf),
    /// One message a label.
    Topic(KafkaUrl),
}

/// Which labels are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// All.
    All,
    /// Of a topic those stamped at that moment (milliseconds since the epoch) or later; of a file its last bytes.
    Recent {
        /// The moment.
        since_ms: i64,
        /// How many bytes.
        bytes: u64,
    },
}

/// Why labels cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file.
    #[error("LABEL-010 {}: cannot be read ({source})", path.display())]
    File {
        /// Its path.
        path: PathBuf,
        /// The system's words.
        source: io::Error,
    },
    /// The topic.
    #[error("LABEL-011 {url}: cannot be read ({why})")]
    Topic {
        /// Brokers and topic.
        url: String,
        /// What is wrong, without a secret.
        why: String,
    },
}

impl LabelPlace {
    /// Hands each label to `each`, and `None` for a line or message that is no label; a last line without its end
    /// is such a line too.
    ///
    /// # Errors
    /// [`ReadError`]. The options are of the Kafka client.
    pub fn read(
        &self,
        wanted: Wanted,
        options: &[(String, Secret)],
        mut each: impl FnMut(Option<LabelHead>),
    ) -> Result<(), ReadError> {
        match self {
            Self::File(path) => read_file(path, wanted, &mut each)
                .map_err(|source| ReadError::File { path: path.clone(), source }),
            Self::Topic(url) => read_topic(url, wanted, options, &mut each)
                .map_err(|why| ReadError::Topic { url: url.to_string(), why }),
        }
    }
}

impl FromStr for LabelPlace {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if !text.starts_with("kafka://") {
            return Ok(Self::File(PathBuf::from(text)));
        }
        match FeedUrl::parse(text).map_err(|error| error.to_string())? {
            FeedUrl::Kafka(url) => Ok(Self::Topic(url)),
            FeedUrl::Redis { .. } | FeedUrl::Tape { .. } | FeedUrl::Synthetic { .. } => {
                Err("want a file or kafka://host:port/TOPIC".to_owned())
            }
        }
    }
}

impl fmt::Display for LabelPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Topic(url) => url.fmt(f),
        }
    }
}

fn read_file(path: &Path, wanted: Wanted, each: &mut impl FnMut(Option<LabelHead>)) -> io::Result<()> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    let mut skip = false;
    if let Wanted::Recent { bytes, .. } = wanted
        && length > bytes
    {
        file.seek(SeekFrom::Start(length - bytes))?;
        skip = true;
    }
    let mut lines = BufReader::with_capacity(1 << 16, file);
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = io::Read::take(&mut lines, LINE_MAX).read_until(b'\n', &mut line)?;
        if read == 0 {
            return Ok(());
        }
        // The first line of a file's last bytes is a part of one.
        if !std::mem::take(&mut skip) {
            let whole = line.last() == Some(&b'\n');
            each(serde_json::from_slice(&line).ok().filter(|_| whole));
        }
    }
}

fn read_topic(
    url: &KafkaUrl,
    wanted: Wanted,
    options: &[(String, Secret)],
    each: &mut impl FnMut(Option<LabelHead>),
) -> Result<(), String> {
    let KafkaTopic::One(topic) = &url.topic else { return Err("want one topic".to_owned()) };
    let consumer = consumer(url, options)?;
    let from = beginnings(&consumer, topic, wanted)?;
    let mut left: BTreeSet<i32> = from.elements().iter().map(|one| one.partition()).collect();
    consumer.assign(&from).map_err(|error| words(&error))?;
    let clock = Clock::start();
    let (mut heard, mut trouble) = (clock.now().mono, None);
    while !left.is_empty() {
        match consumer.poll(POLL_MAX) {
            Some(Ok(message)) => {
                each(message.payload().and_then(|payload| serde_json::from_slice(payload).ok()));
                heard = clock.now().mono;
            }
            Some(Err(KafkaError::PartitionEOF(partition))) => {
                left.remove(&partition);
                heard = clock.now().mono;
            }
            // Most pass: the client connects anew and goes on.
            Some(Err(error)) => trouble = Some(words(&error)),
            None => {}
        }
        if clock.now().mono.since(heard) > ANSWER_MAX {
            return Err(trouble.unwrap_or_else(|| format!("no answer within {} s", ANSWER_MAX.as_secs())));
        }
    }
    Ok(())
}

/// A consumer that joins no group: the name is what the client wants to have.
fn consumer(url: &KafkaUrl, options: &[(String, Secret)]) -> Result<BaseConsumer, String> {
    let mut config = ClientConfig::new();
    for (name, value) in options {
        config.set(name, value.expose());
    }
    config
        .set("bootstrap.servers", &url.brokers)
        .set("group.id", "self-trader-report")
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true")
        .set("allow.auto.create.topics", "false");
    config.create().map_err(|error| words(&error))
}

/// Where to begin in each partition.
fn beginnings(consumer: &BaseConsumer, topic: &str, wanted: Wanted) -> Result<TopicPartitionList, String> {
    let metadata = consumer.fetch_metadata(Some(topic), ANSWER_MAX).map_err(|error| words(&error))?;
    let known = metadata.topics().iter().find(|known| known.name() == topic && known.error().is_none());
    let partitions = known.map_or(&[][..], |known| known.partitions());
    if partitions.is_empty() {
        return Err(format!("no such topic (got {})", shown(topic.as_bytes())));
    }
    let mut from = TopicPartitionList::new();
    for partition in partitions {
        let offset = match wanted {
            Wanted::All => Offset::Beginning,
            Wanted::Recent { since_ms, .. } => Offset::Offset(since_ms),
        };
        from.add_partition_offset(topic, partition.id(), offset).map_err(|error| words(&error))?;
    }
    match wanted {
        Wanted::All => Ok(from),
        Wanted::Recent { .. } => consumer.offsets_for_times(from, ANSWER_MAX).map_err(|error| words(&error)),
    }
}

/// The client's words; those about an option would show its value.
fn words(error: &KafkaError) -> String {
    if let KafkaError::ClientConfig(_, _, name, _) = error {
        return format!("Kafka option {}: not taken; its value is not shown", shown(name.as_bytes()));
    }
    shown(error.to_string().as_bytes())
}
