//! Where labels go: a file, a Kafka topic, both or neither. All of it blocks: it belongs on a thread of its own.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use schemas::config::{KafkaUrl, Process};
use schemas::label::Label;
use tokio::sync::Notify;

use super::kafka::KafkaLabels;
use crate::clock;
use crate::config::Access;
use crate::publish::producer::Deliveries;
use crate::secret::Secret;

/// Where labels are to go.
#[derive(Clone, Debug, Default)]
pub struct LabelSinks {
    /// A file that lines are appended to.
    pub file: Option<PathBuf>,
    /// A topic.
    pub kafka: Option<KafkaSink>,
}

/// A topic of labels.
#[derive(Clone, Debug)]
pub struct KafkaSink {
    /// Brokers and topic.
    pub url: KafkaUrl,
    /// Options of the client.
    pub options: Vec<(String, Secret)>,
}

/// Open sinks.
pub(crate) struct OpenSinks {
    file: Option<BufWriter<File>>,
    /// The file has failed, and has a line in part.
    given_up: bool,
    kafka: Option<KafkaLabels>,
    line: Vec<u8>,
}

impl LabelSinks {
    /// Those that a configuration names.
    #[must_use]
    pub fn new(process: &Process, access: &Access) -> Self {
        let topic = |url: &KafkaUrl| KafkaSink { url: url.clone(), options: access.kafka_options.clone() };
        Self { file: process.labels.clone(), kafka: process.labels_kafka.as_ref().map(topic) }
    }

    /// Opens them; blocks for up to 5 s where there is a topic. `failed` is told when the topic gave a label up.
    pub(crate) fn open(&self, failed: &Arc<Notify>) -> anyhow::Result<OpenSinks> {
        let file = self.file.as_ref().map(|path| {
            let opened = File::options().create(true).append(true).open(path);
            opened.with_context(|| format!("failed to open the label file {}", path.display()))
        });
        let kafka = self.kafka.as_ref().map(|sink| KafkaLabels::open(sink, Arc::clone(failed)));
        let file = file.transpose()?.map(BufWriter::new);
        Ok(OpenSinks { file, given_up: false, kafka: kafka.transpose()?, line: Vec::with_capacity(2_048) })
    }
}

impl OpenSinks {
    /// Whether nobody wants labels.
    pub(crate) const fn is_empty(&self) -> bool {
        self.file.is_none() && self.kafka.is_none()
    }

    /// Writes labels to the file, which then has them, and hands them to the topic's client, which answers later.
    /// The topic gets what the file refuses.
    pub(crate) fn write(&mut self, labels: impl Iterator<Item = Label>) -> std::io::Result<()> {
        let given_up = || std::io::Error::other("given up after an earlier failure");
        let mut written = if self.given_up { Err(given_up()) } else { Ok(()) };
        for label in labels {
            self.line.clear();
            serde_json::to_writer(&mut self.line, &label)?;
            if let Some(kafka) = &self.kafka {
                kafka.write(&label.maker_symbol, &self.line, clock::wall_ms());
            }
            self.line.push(b'\n');
            if let (Some(file), Ok(())) = (&mut self.file, &written) {
                written = file.write_all(&self.line);
            }
        }
        if let (Some(file), Ok(())) = (&mut self.file, &written) {
            written = file.flush();
        }
        self.given_up = written.is_err();
        written
    }

    /// Waits for the topic.
    pub(crate) fn finish(&self) {
        if let Some(kafka) = &self.kafka {
            kafka.flush();
        }
    }

    /// What became of the labels that went to the topic.
    pub(crate) fn deliveries(&self) -> Option<Arc<Deliveries>> {
        self.kafka.as_ref().map(|kafka| Arc::clone(kafka.deliveries()))
    }
}
