//! The client and what it calls back. Callbacks run inside its poll, on the lanes' thread: they wait for nothing.

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;

use rdkafka::client::ClientContext;
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext, StreamConsumer};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::types::RDKafkaRespErr;
use tokio::sync::mpsc;

use super::group::Group;
use super::homes::Counts;
use super::membership::Tenure;
use super::metrics;
use super::watcher::Watched;
use pipeline::time::Nanos;

/// The client.
pub(super) type Consumer = StreamConsumer<Context>;

/// What the session loop is told of.
#[derive(Debug)]
pub(super) enum Event {
    /// The topics, or why they cannot be seen; and when they were looked at.
    Topics(Result<Counts, String>, Nanos),
    /// Partitions came, or none did: the group has taken us in.
    Joined,
    /// The client says that it is in the group and at rest.
    Steady,
    /// Partitions are to be handed over, then unassigned.
    Leave(Leave),
    /// A commit that was begun then has proved these.
    Proved(Vec<Tenure>, Nanos),
    /// The client cannot reach or convince the brokers.
    Trouble(RDKafkaErrorCode, String),
    /// The client does not go on by itself, and why.
    Stuck(&'static str),
}

/// Partitions to hand over.
#[derive(Clone, Debug)]
pub(super) struct Leave {
    pub(super) tenures: Vec<Tenure>,
    pub(super) partitions: TopicPartitionList,
}

/// What the client calls back on.
#[derive(Debug)]
pub(super) struct Context {
    events: mpsc::Sender<Event>,
    watched: SyncSender<Watched>,
    /// Known once the topics are.
    group: OnceLock<Arc<Group>>,
    closing: AtomicBool,
    /// The client did not take an assignment.
    failed: AtomicBool,
}

/// A client with this configuration.
pub(super) fn create(
    config: &ClientConfig,
    events: mpsc::Sender<Event>,
    watched: SyncSender<Watched>,
) -> KafkaResult<Consumer> {
    let context = Context {
        events,
        watched,
        group: OnceLock::new(),
        closing: AtomicBool::new(false),
        failed: AtomicBool::new(false),
    };
    config.create_with_context(context)
}

impl Context {
    /// Whose partitions the callbacks speak of; before the subscription.
    pub(super) fn set_group(&self, group: Arc<Group>) {
        // There is one group a session.
        let _ = self.group.set(group);
    }

    /// Whose partitions these are, once that is known.
    pub(super) fn group(&self) -> Option<&Group> {
        self.group.get().map(Arc::as_ref)
    }

    /// From now on partitions are only unassigned: the holds have been seen to.
    pub(super) fn close(&self) {
        self.closing.store(true, Ordering::Release);
    }

    /// Whether the session is at its end: the threads look at it, for their queues may be full.
    pub(super) fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Acquire)
    }

    /// Whether an assignment failed: the session has to begin anew.
    pub(super) fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Acquire)
    }

    fn assign(&self, consumer: &BaseConsumer<Self>, group: &Group, partitions: &mut TopicPartitionList) {
        let slots = slots(group, partitions);
        group.assign(&slots);
        let assigned =
            partitions.set_all_offsets(Offset::End).and_then(|()| consumer.incremental_assign(partitions));
        if let Err(error) = assigned {
            tracing::error!(target: "feed", "FEED-037 feed: kafka: the assignment failed ({error})");
            // Without its ticks nothing may be held, and only another session would be given them.
            group.lose(&slots);
            self.failed.store(true, Ordering::Release);
            // The client waits for an answer, also before it closes: nothing was taken.
            if let Err(error) = consumer.incremental_assign(&TopicPartitionList::new()) {
                tracing::debug!(target: "feed", "kafka: nor is it taken that nothing is assigned ({error})");
            }
            return;
        }
        metrics::rebalance("assign");
        // If the loop is that far behind, it hears of it from the statistics.
        let _ = self.events.try_send(Event::Joined);
    }

    /// Hands the list to the session loop, which unassigns when all is closed; lost partitions go at once.
    fn revoke(&self, consumer: &BaseConsumer<Self>, group: &Group, partitions: &TopicPartitionList) {
        let slots = slots(group, partitions);
        if consumer.assignment_lost() {
            metrics::rebalance("lost");
            group.lose(&slots);
            return unassign(consumer, partitions);
        }
        metrics::rebalance("revoke");
        let tenures = group.leave(&slots);
        let leave = Leave { tenures, partitions: partitions.clone() };
        if self.events.try_send(Event::Leave(leave)).is_err() {
            group.lose(&slots);
            unassign(consumer, partitions);
        }
    }
}

impl ConsumerContext for Context {
    fn rebalance(
        &self,
        consumer: &BaseConsumer<Self>,
        err: RDKafkaRespErr,
        partitions: &mut TopicPartitionList,
    ) {
        let group = self.group.get().filter(|_| !self.is_closing());
        let Some(group) = group else { return unassign(consumer, partitions) };
        if err == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS {
            self.assign(consumer, group, partitions);
        } else {
            self.revoke(consumer, group, partitions);
        }
    }

    fn commit_callback(&self, _: KafkaResult<()>, _: &TopicPartitionList) {}
}

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        // What matters of it comes as an error too; here the same line may come many times a second.
        tracing::debug!(target: "feed", ?level, facility, "kafka: {message}");
    }

    fn stats_raw(&self, statistics: &[u8]) {
        // A watcher that is behind takes the next ones.
        let _ = self.watched.try_send(Watched::Statistics(statistics.to_vec()));
    }

    fn error(&self, error: KafkaError, reason: &str) {
        let code = error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Unknown);
        // Each is counted where the loop receives it; of many, some may stay unsaid.
        let _ = self.events.try_send(Event::Trouble(code, reason.to_owned()));
    }
}

/// Takes partitions from the client.
pub(super) fn unassign<C: rdkafka::consumer::Consumer<Context>>(
    consumer: &C,
    partitions: &TopicPartitionList,
) {
    if let Err(error) = consumer.incremental_unassign(partitions) {
        tracing::warn!(target: "feed", "kafka: unassigning failed ({error})");
    }
}

/// The slots of a list; partitions that are newer than the session have none, and no symbol at home.
fn slots(group: &Group, partitions: &TopicPartitionList) -> Vec<usize> {
    let elements = partitions.elements();
    elements.iter().filter_map(|element| group.homes.slot(element.topic(), element.partition())).collect()
}
