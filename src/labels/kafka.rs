//! Labels to a Kafka topic: keyed by maker symbol, each once, none thrown away.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use schemas::config::KafkaTopic;
use tokio::sync::Notify;

use super::sinks::KafkaSink;
use crate::publish::producer::{Deliveries, Heard, NotTaken, Producer, Settings};

/// What holds unless an option says otherwise: a label that no broker takes within 30 s is given up, and with it
/// the run.
const DEFAULTS: [(&str, &str); 3] =
    [("message.timeout.ms", "30000"), ("linger.ms", "5"), ("queue.buffering.max.messages", "100000")];
/// Each label once, and only when it is safe.
const FIXED: [(&str, &str); 2] = [("enable.idempotence", "true"), ("acks", "all")];
/// How often to look for room in the client's queue. It comes, or the labels before are given up.
const ROOM_EVERY: Duration = Duration::from_millis(5);
/// How long the last labels may take. Whoever waits for the recorder waits for less.
const FLUSH_MAX: Duration = Duration::from_secs(30);

/// An open topic of labels.
pub(super) struct KafkaLabels {
    producer: Producer,
    topic: String,
}

impl KafkaLabels {
    /// Opens the topic; blocks for up to 5 s. `failed` is told when a label was given up.
    pub(super) fn open(sink: &KafkaSink, failed: Arc<Notify>) -> anyhow::Result<Self> {
        let url = sink.url.to_string();
        Self::try_open(sink, failed).with_context(|| format!("LABEL-001 {url}: cannot write labels"))
    }

    fn try_open(sink: &KafkaSink, failed: Arc<Notify>) -> anyhow::Result<Self> {
        let KafkaTopic::One(topic) = sink.url.topic.clone() else { bail!("want one topic for all symbols") };
        let settings =
            Settings { url: &sink.url, defaults: &DEFAULTS, options: &sink.options, fixed: &FIXED };
        let producer = Producer::open(&settings, Some(heard(failed)))?;
        producer.has(&topic)?;
        Ok(Self { producer, topic })
    }

    /// Hands a label over; waits where the client's queue is full.
    pub(super) fn write(&self, maker_symbol: &str, label: &[u8], time_ms: i64) {
        while self.producer.send(&self.topic, maker_symbol, label, time_ms) == Err(NotTaken::Full) {
            std::thread::sleep(ROOM_EVERY);
        }
    }

    /// Waits until the broker has everything, or has given it up.
    pub(super) fn flush(&self) {
        self.producer.flush(FLUSH_MAX);
    }

    pub(super) const fn deliveries(&self) -> &Arc<Deliveries> {
        self.producer.deliveries()
    }
}

/// Counts what the broker says; the first label that it does not take ends the run.
fn heard(failed: Arc<Notify>) -> Heard {
    // Counters that are asked for before the recorder of metrics is installed count nowhere.
    crate::telemetry::metrics::handle();
    let taken = metrics::counter!("st_labels_kafka_total");
    let failures = metrics::counter!("st_labels_kafka_failures_total");
    let first = std::sync::Once::new();
    Box::new(move |ended| match ended {
        Ok(()) => taken.increment(1),
        Err(why) => {
            failures.increment(1);
            first.call_once(|| tracing::error!("a label was not taken by its topic: {why}"));
            failed.notify_one();
        }
    })
}
