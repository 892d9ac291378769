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
use super::secret_ref::SecretRef;
use super::{kafka_options, urls};
use crate::units::Decimal;

/// The settings of the whole process. `Default` is what holds where the file names none.
#[derive(Clone, PartialEq, Eq)]
pub struct Process {
    /// Feed: where ticks come from; none as long as `feed_reference` is not followed.
    pub feed: Option<FeedUrl>,
    /// Feed, where the file only says where the address is to be found.
    pub feed_reference: Option<SecretRef>,
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
    /// Admin Token: what a request that halts or releases must carry.
    pub admin_token: SecretRef,
    /// Halt File: everything is halted while it is there.
    pub halt_file: Option<PathBuf>,
    /// Halt State: where halts outlast the process.
    pub halt_state: Option<PathBuf>,
    /// Labels: file for one JSON line a pair.
    pub labels: Option<PathBuf>,
    /// Labels Kafka: topic for one message a pair, keyed by maker symbol.
    pub labels_kafka: Option<KafkaUrl>,
    /// Journal: folder for what was about to leave, and what became of it.
    pub journal: Option<PathBuf>,
    /// Journal Sync.
    pub journal_sync: JournalSync,
    /// Dead Man Switch.
    pub dead_man_switch: DeadManSwitch,
    /// Sharding: how a fleet shares its instruments.
    pub sharding: Sharding,
    /// Shards: how many processes share the instruments, the accounts and the addresses; in a group the most.
    pub shards: u32,
    /// Lease Store: `redis://` or `rediss://`; the feed's Redis unless named. May carry a password.
    pub lease_store: Option<SecretRef>,
    /// Kafka Options: options of the Kafka client, passed through.
    pub kafka_options: Vec<KafkaOption>,
    /// Takeover Delay: how long a group's new owner waits where its predecessor may still trade, milliseconds.
    pub takeover_delay_ms: u64,
    /// Max Account Orders Per Second, where it is given.
    pub max_account_orders_per_second: Option<u32>,
    /// Max Requests Per Second, where it is given.
    pub max_requests_per_second: Option<u32>,
    /// Max Orders Per Hour, where it is given.
    pub max_orders_per_hour: Option<u64>,
    /// Max Notional Per Hour, quote asset, where it is given.
    pub max_notional_per_hour: Option<Decimal>,
    /// Log Format.
    pub log_format: LogFormat,
    /// Log File: where logs go instead of standard output; a new file each day.
    pub log_file: Option<PathBuf>,
}

/// When what is written to the journal reaches the device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum JournalSync {
    /// Within 5 ms: an order that has left outlives a kill of the process, not always one of the host.
    #[default]
    Batch,
    /// Before an order leaves.
    Always,
}

/// Whether the venue's own dead man's switch is used, which cancels what is open when this process falls silent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DeadManSwitch {
    /// Where the venue has one that hits nobody else's orders; then no order leaves while it is not armed.
    #[default]
    Auto,
    /// No order leaves without it.
    On,
    /// It is left alone.
    Off,
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
            feed_reference: None,
            feed_format: FeedFormat::Ticker,
            ticker_prefix: "ticker_".to_owned(),
            seed: 1,
            instance: "main".to_owned(),
            admin_address: None,
            admin_token: SecretRef::None,
            halt_file: None,
            halt_state: None,
            labels: None,
            labels_kafka: None,
            journal: None,
            journal_sync: JournalSync::Batch,
            dead_man_switch: DeadManSwitch::Auto,
            sharding: Sharding::Alone,
            shards: 1,
            lease_store: None,
            kafka_options: Vec::new(),
            takeover_delay_ms: 5_000,
            max_account_orders_per_second: None,
            max_requests_per_second: None,
            max_orders_per_hour: None,
            max_notional_per_hour: None,
            log_format: LogFormat::Text,
            log_file: None,
        }
    }
}

impl fmt::Debug for Process {
    /// Without the feed's URL, which may carry a password; references mask themselves.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Process")
            .field("feed", &self.feed.as_ref().map(|_| "***"))
            .field("feed_reference", &self.feed_reference)
            .field("feed_format", &self.feed_format)
            .field("ticker_prefix", &self.ticker_prefix)
            .field("seed", &self.seed)
            .field("instance", &self.instance)
            .field("admin_address", &self.admin_address)
            .field("admin_token", &self.admin_token)
            .field("halt_file", &self.halt_file)
            .field("halt_state", &self.halt_state)
            .field("labels", &self.labels)
            .field("labels_kafka", &self.labels_kafka)
            .field("journal", &self.journal)
            .field("journal_sync", &self.journal_sync)
            .field("dead_man_switch", &self.dead_man_switch)
            .field("sharding", &self.sharding)
            .field("shards", &self.shards)
            .field("lease_store", &self.lease_store)
            .field("kafka_options", &self.kafka_options)
            .field("takeover_delay_ms", &self.takeover_delay_ms)
            .field("max_account_orders_per_second", &self.max_account_orders_per_second)
            .field("max_requests_per_second", &self.max_requests_per_second)
            .field("max_orders_per_hour", &self.max_orders_per_hour)
            .field("max_notional_per_hour", &self.max_notional_per_hour)
            .field("log_format", &self.log_format)
            .field("log_file", &self.log_file)
            .finish()
    }
}

/// Reads everything but the instruments.
pub(super) fn read(reader: &mut Reader<'_, '_>) -> Option<Process> {
    let (feed, feed_reference) = feed(reader);
    let admin_address = admin_address(reader);
    let admin_token = admin_token(reader);
    let halt_file = reader.text("Halt File").map(PathBuf::from);
    let halt_state = reader.text("Halt State").map(PathBuf::from);
    let feed_format = reader.word("Feed Format");
    let ticker_prefix = reader.text("Ticker Prefix");
    let seed = reader.whole("Seed");
    let instance = reader.text("Instance");
    let labels = reader.text("Labels").map(PathBuf::from);
    let labels_kafka = labels_kafka(reader);
    let journal = reader.text("Journal").map(PathBuf::from);
    let journal_sync = reader.word("Journal Sync");
    let dead_man_switch = reader.word("Dead Man Switch");
    let sharding = reader.word("Sharding");
    let shards = reader.whole("Shards");
    let lease_store = lease_store(reader);
    let kafka_options = kafka_options::read(reader);
    let takeover_delay_ms = reader.millis("Takeover Delay");
    let rates = ["Max Account Orders Per Second", "Max Requests Per Second"];
    let rates = rates.map(|name| reader.whole(name).and_then(|rate| u32::try_from(rate).ok()));
    let [max_account_orders_per_second, max_requests_per_second] = rates;
    let max_orders_per_hour = reader.whole("Max Orders Per Hour");
    let max_notional_per_hour = reader.number("Max Notional Per Hour");
    let log_format = reader.word("Log Format");
    let log_file = reader.text("Log File").map(PathBuf::from);
    Some(Process {
        feed,
        feed_reference,
        feed_format: feed_format?,
        ticker_prefix: ticker_prefix?,
        seed: seed?,
        instance: instance?,
        admin_address,
        admin_token: admin_token?,
        halt_file,
        halt_state,
        labels,
        labels_kafka,
        journal,
        journal_sync: journal_sync?,
        dead_man_switch: dead_man_switch?,
        sharding: sharding?,
        shards: u32::try_from(shards?).ok()?,
        lease_store: lease_store?,
        kafka_options: kafka_options?,
        takeover_delay_ms: takeover_delay_ms?,
        max_account_orders_per_second,
        max_requests_per_second,
        max_orders_per_hour,
        max_notional_per_hour,
        log_format: log_format?,
        log_file,
    })
}

/// The address, or where it is to be found.
fn feed(reader: &mut Reader<'_, '_>) -> (Option<FeedUrl>, Option<SecretRef>) {
    let text = match reader.secret("Feed") {
        Some(SecretRef::Literal(text)) => text,
        None | Some(SecretRef::None) => return (None, None),
        reference @ Some(SecretRef::Env(_) | SecretRef::File(_)) => return (None, reference),
    };
    match urls::feed_url(&text) {
        Ok(feed) => {
            if urls::has_password(&text) {
                reader.warn_of_secret("Feed", None);
            }
            (Some(feed), None)
        }
        Err(cause) => {
            reader.fault(Code::Type, "Feed", || cause);
            (None, None)
        }
    }
}

/// `None` only where there was a fault.
fn lease_store(reader: &mut Reader<'_, '_>) -> Option<Option<SecretRef>> {
    if !reader.has("Lease Store") {
        return Some(None);
    }
    let reference = reader.secret("Lease Store")?;
    if let SecretRef::Literal(text) = &reference {
        if let Err(cause) = urls::lease_store_url(text) {
            reader.fault(Code::Type, "Lease Store", || cause);
            return None;
        }
        if urls::has_password(text) {
            reader.warn_of_secret("Lease Store", None);
        }
    }
    Some(Some(reference))
}

fn labels_kafka(reader: &mut Reader<'_, '_>) -> Option<KafkaUrl> {
    let text = reader.text("Labels Kafka")?;
    let labels = urls::labels_topic(&text);
    labels.map_err(|cause| reader.fault(Code::Type, "Labels Kafka", || cause)).ok()
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

fn admin_token(reader: &mut Reader<'_, '_>) -> Option<SecretRef> {
    let token = reader.secret("Admin Token")?;
    if matches!(token, SecretRef::Literal(_)) {
        reader.warn_of_secret("Admin Token", None);
    }
    Some(token)
}
