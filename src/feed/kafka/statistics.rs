//! The client's statistics: metrics, watermarks, and whether the client is stuck.

use std::collections::HashMap;
use std::sync::Arc;

use pipeline::ownership::Generation;
use pipeline::time::Nanos;
use rdkafka::statistics::{Partition, Statistics};

use super::homes::Homes;
use super::metrics::{BROKER_RTT_P99_SECONDS, LAG_MESSAGES, RX_BYTES_TOTAL};
use super::settings::{FORSAKEN, STUCK};

/// What was read so far.
#[derive(Debug, Default)]
pub(super) struct Reading {
    homes: Option<Arc<Homes>>,
    rx_bytes: u64,
    /// Where each partition that is ours ended, under which assignment.
    ends: HashMap<usize, (Generation, i64)>,
    stuck: Stuck,
    /// In how many statistics in a row the client had no broker.
    forsaken: u32,
}

impl Reading {
    /// Whose partitions count.
    pub(super) fn set_homes(&mut self, homes: Arc<Homes>) {
        self.homes = Some(homes);
    }

    /// Takes statistics in; our last message was received then. Gives why the client does not go on by itself:
    /// partitions have grown for [`STUCK`] and nothing of it came to us, or it has no broker left to ask.
    pub(super) fn take(
        &mut self,
        statistics: &Statistics,
        received: Nanos,
        now: Nanos,
    ) -> Option<&'static str> {
        self.export_traffic(statistics);
        if self.is_forsaken(statistics) {
            return Some("the client has forgotten its brokers");
        }
        let homes = self.homes.clone()?;
        let (mut moved, mut lag) = (false, 0);
        for (topic, of_topic) in &statistics.topics {
            for (number, partition) in &of_topic.partitions {
                let Some(slot) = homes.slot(topic, *number) else { continue };
                if partition.hi_offset >= 0 {
                    homes.places()[slot].set_high(partition.hi_offset);
                }
                let generation = homes.generation(slot);
                if generation != Generation::default() {
                    moved |= self.has_moved(slot, generation, partition.ls_offset);
                    lag = lag.max(behind(partition));
                }
            }
        }
        metrics::gauge!(LAG_MESSAGES).set(lag as f64);
        self.stuck.take(moved, received, now).then_some("the client has messages and hands none out")
    }

    /// A broker that has just begun may name no broker at all, not even itself. The client drops those that it
    /// knows then, those of its configuration too, and never asks anybody again.
    fn is_forsaken(&mut self, statistics: &Statistics) -> bool {
        let mut sources = statistics.brokers.values().map(|broker| broker.source.as_str());
        let known = sources.any(|source| matches!(source, "configured" | "learned"));
        self.forsaken = if known { 0 } else { self.forsaken + 1 };
        self.forsaken >= FORSAKEN
    }

    fn export_traffic(&mut self, statistics: &Statistics) {
        let rx_bytes = u64::try_from(statistics.rx_bytes).unwrap_or(0);
        metrics::counter!(RX_BYTES_TOTAL).increment(rx_bytes.saturating_sub(self.rx_bytes));
        self.rx_bytes = rx_bytes;
        let rtt = statistics.brokers.values().filter_map(|broker| Some(broker.rtt.as_ref()?.p99)).max();
        metrics::gauge!(BROKER_RTT_P99_SECONDS).set(rtt.unwrap_or(0) as f64 / 1e6);
    }

    fn has_moved(&mut self, slot: usize, generation: Generation, end: i64) -> bool {
        let before = self.ends.insert(slot, (generation, end));
        before.is_some_and(|(under, before)| under == generation && before >= 0 && end > before)
    }
}

/// Whether the client takes messages in and hands none out.
#[derive(Debug, Default)]
struct Stuck {
    looked: Option<Nanos>,
    since: Option<Nanos>,
}

impl Stuck {
    fn take(&mut self, moved: bool, received: Nanos, now: Nanos) -> bool {
        let looked = self.looked.replace(now);
        if self.since.is_some_and(|since| received >= since) {
            self.since = None;
        }
        if moved && looked.is_some_and(|looked| received < looked) {
            self.since.get_or_insert(now);
        }
        self.since.is_some_and(|since| now.since(since) >= STUCK)
    }
}

/// Messages that the client knows of and we have not received.
fn behind(partition: &Partition) -> i64 {
    if partition.app_offset < 0 { 0 } else { partition.hi_offset.saturating_sub(partition.app_offset).max(0) }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rdkafka::statistics::Broker;

    use super::*;

    #[test]
    fn stuck_is_what_moves_there_and_not_here() {
        let second = |seconds| Nanos(0) + Duration::from_secs(seconds);
        let mut stuck = Stuck::default();
        assert!(!stuck.take(true, second(1), second(2)));
        assert!(!stuck.take(true, second(1), second(4)));
        assert!(!stuck.take(true, second(5), second(6)), "received since");
        assert!(!stuck.take(true, second(5), second(8)));
        assert!(!stuck.take(false, second(5), second(16)));
        assert!(stuck.take(false, second(5), second(18)));
        assert!(!stuck.take(false, second(19), second(20)));
        assert!(!stuck.take(false, second(19), second(90)), "a quiet market moves nothing");
    }

    #[test]
    fn a_client_without_brokers_is_given_up() {
        let with = |source: &str| {
            let broker = Broker { source: source.to_owned(), ..Broker::default() };
            Statistics { brokers: HashMap::from([("b".to_owned(), broker)]), ..Statistics::default() }
        };
        let mut reading = Reading::default();
        let mut take = |source| reading.take(&with(source), Nanos(0), Nanos(0)).is_some();
        assert!(!take("learned"));
        assert!(!take("logical"));
        assert!(!take("configured"), "it is asking anew");
        assert!(!take("logical"));
        assert!(take("logical"));
    }

    #[test]
    fn a_partition_that_came_has_not_moved() {
        let mut reading = Reading::default();
        assert!(!reading.has_moved(0, Generation(1), 100));
        assert!(reading.has_moved(0, Generation(1), 101));
        assert!(!reading.has_moved(0, Generation(2), 150));
        assert!(!reading.has_moved(1, Generation(3), -1001));
        assert!(!reading.has_moved(1, Generation(3), 5));
    }
}
