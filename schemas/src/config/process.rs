//! The settings of the whole process, beside `instruments`.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::fault::{Code, cut};
use super::feed::FeedUrl;
use super::kafka::{KafkaOption, KafkaUrl};
use super::reader::Reader;

/// The settings of the whole process. `Default` is what holds where the file names none.
#[derive(Clone, PartialEq, Eq)]
pub struct Process {
    /// Feed: where ticks come from.
    pub feed: Option<FeedUrl>,
    /// Feed Format: how a message of the feed is written.
    pub feed_format: FeedFormat,
    /// Ticker Prefix: the follow key's middle part.
    pub ticker_prefix: String,
    /// Seed of every draw.
    pub seed: u64,
    /// Instance: 1 to 4 of a-z 0-9, part of every client order id.
    pub instance: String,
    /// Admin Address: metrics, probes and status.
    pub admin_address: Option<SocketAddr>,
    /// Labels: file for one JSON line a pair.
    pub labels: Option<PathBuf>,
    /// Labels Kafka: topic for one message a pair, keyed by maker symbol.
    pub labels_kafka: Option<KafkaUrl>,
    /// Sharding: how a fleet shares its instruments.
    pub sharding: Sharding,
    /// Shards: how many processes share the instruments, the accounts and the addresses; in a group the most.
    pub shards: u32,
    /// Lease Store: `redis://` or `rediss://`; the feed's Redis unless named. May carry a password.
    pub lease_store: Option<String>,
    /// Kafka Options: options of the Kafka client, passed through.
    pub kafka_options: Vec<KafkaOption>,
    /// Takeover Delay: how long a group's new owner waits where its predecessor may still trade, milliseconds.
    pub takeover_delay_ms: u64,
    /// Log Format.
    pub log_format: LogFormat,
    /// Log File: where logs go instead of standard output; a new file each day.
    pub log_file: Option<PathBuf>,
}

/// How a fleet shares its instruments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Sharding {
    /// One process owns everything.
    #[default]
    Alone,
    /// Each process owns what hashes to its ordinal, under leases.
    Static,
    /// Ownership follows the partitions of a Kafka group.
    Group,
}

impl Sharding {
    /// The name in the file and in metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Alone => "alone",
            Self::Static => "static",
            Self::Group => "group",
        }
    }
}

/// How logs are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// How a message of the feed is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum FeedFormat {
    /// An object with `price`, `qty` and, where known, `side`, `time`, `id`.
    #[default]
    Ticker,
}

impl Default for Process {
    fn default() -> Self {
        Self {
            feed: None,
            feed_format: FeedFormat::Ticker,
            ticker_prefix: "ticker_".to_owned(),
            seed: 1,
            instance: "main".to_owned(),
            admin_address: None,
            labels: None,
            labels_kafka: None,
            sharding: Sharding::Alone,
            shards: 1,
            lease_store: None,
            kafka_options: Vec::new(),
            takeover_delay_ms: 5_000,
            log_format: LogFormat::Text,
            log_file: None,
        }
    }
}

impl fmt::Debug for Process {
    /// Without the feed's URL, which may carry a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Process")
            .field("feed", &self.feed.as_ref().map(|_| "***"))
            .field("feed_format", &self.feed_format)
            .field("ticker_prefix", &self.ticker_prefix)
            .field("seed", &self.seed)
            .field("instance", &self.instance)
            .field("admin_address", &self.admin_address)
            .field("labels", &self.labels)
            .finish()
    }
}

/// Reads everything but the instruments.
pub(super) fn read(reader: &mut Reader<'_, '_>) -> Option<Process> {
    let feed = feed(reader);
    let admin_address = admin_address(reader);
    let feed_format = reader.word("Feed Format");
    let ticker_prefix = reader.text("Ticker Prefix");
    let seed = reader.whole("Seed");
    let instance = reader.text("Instance");
    let labels = reader.text("Labels").map(PathBuf::from);
    for name in ["Journal", "Journal Sync", "Sharding", "Shards", "Lease Store", "Kafka Options"] {
        reader.later(name);
    }
    Some(Process {
        feed,
        feed_format: feed_format?,
        ticker_prefix: ticker_prefix?,
        seed: seed?,
        instance: instance?,
        admin_address,
        labels,
        ..Process::default()
    })
}

fn feed(reader: &mut Reader<'_, '_>) -> Option<FeedUrl> {
    let text = reader.text("Feed")?;
    match FeedUrl::parse(&text) {
        Ok(FeedUrl::Kafka(_)) => {
            let message =
                "kafka:// comes with a later version (want redis://, rediss://, tape: or synthetic:)";
            reader.fault(Code::Later, "Feed", || message.to_owned());
            None
        }
        Ok(feed) => Some(feed),
        Err(error) => {
            // A URL with a user part may carry a password, and the cause may quote the URL.
            let cause = if text.contains('@') {
                "not a feed URL; not shown".to_owned()
            } else {
                cut(&error.to_string())
            };
            reader.fault(Code::Type, "Feed", || cause);
            None
        }
    }
}

fn admin_address(reader: &mut Reader<'_, '_>) -> Option<SocketAddr> {
    let text = reader.text("Admin Address")?;
    let address = text.parse().ok();
    if address.is_none() {
        let message = || format!("not an address (got \"{}\", want IP:port)", cut(&text));
        reader.fault(Code::Type, "Admin Address", message);
    }
    address
}
