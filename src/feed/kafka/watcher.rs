//! Looks at the topics and reads the client's statistics, on a thread of its own: a question to the brokers may
//! take long, and statistics of many partitions are long.
//!
//! The topics are looked at here because the client does not say everything: under KIP-848 a topic that does not
//! exist is no error, ever, and a partition more moves symbols without a word.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::Duration;

use pipeline::time::Nanos;
use rdkafka::consumer::Consumer as _;
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::metadata::{Metadata, MetadataTopic};
use rdkafka::statistics::Statistics;
use tokio::sync::mpsc;

use super::client::{Consumer, Event};
use super::homes::{Counts, Homes};
use super::settings::{LOOK_AGAIN, LOOK_EVERY, LOOK_MAX};
use super::statistics::Reading;
use crate::clock::Clock;
use crate::failpoint::break_in;
use crate::vital;

/// Up to so many topics are asked for by name.
const BY_NAME_MAX: usize = 8;

/// What the thread is given.
#[derive(Debug)]
pub(super) enum Watched {
    /// The client's statistics, JSON.
    Statistics(Vec<u8>),
    /// The partitions of the session, once they are known.
    Homes(Arc<Homes>),
    /// End.
    End,
}

/// Watches over a session.
pub(super) struct Watcher {
    pub(super) consumer: Arc<Consumer>,
    pub(super) topics: Vec<String>,
    pub(super) events: mpsc::Sender<Event>,
    /// When the session loop last received a message.
    pub(super) received: Arc<AtomicU64>,
    pub(super) clock: Clock,
}

impl Watcher {
    /// Starts the thread. It ends when it is told to, or finds the client closing.
    pub(super) fn start(self, watched: Receiver<Watched>) -> std::io::Result<JoinHandle<()>> {
        let events = self.events.clone();
        let failed = move || {
            // Gone: then the session is over.
            let _ = events.blocking_send(Event::Stuck("its thread kafka-watch failed"));
        };
        vital::spawn_or("kafka-watch", "feed", failed, move || self.run(&watched))
    }

    fn run(&self, watched: &Receiver<Watched>) {
        let mut look = Look::default();
        let mut reading = Reading::default();
        let mut next = self.clock.now().mono;
        loop {
            let told = watched.recv_timeout(next.since(self.clock.now().mono));
            if self.consumer.context().is_closing() {
                return;
            }
            break_in("kafka_watch");
            match told {
                Ok(Watched::Statistics(json)) => self.read(&json, &mut reading),
                Ok(Watched::Homes(homes)) => reading.set_homes(homes),
                Err(RecvTimeoutError::Timeout) => next = self.clock.now().mono + self.look(&mut look),
                Ok(Watched::End) | Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn read(&self, json: &[u8], reading: &mut Reading) {
        let Ok(statistics) = serde_json::from_slice::<Statistics>(json) else { return };
        let received = Nanos(self.received.load(Ordering::Acquire));
        // Both are seen again in the next ones, if they still hold.
        if let Some(why) = reading.take(&statistics, received, self.clock.now().mono) {
            let _ = self.events.try_send(Event::Stuck(why));
        }
        if statistics.cgrp.is_some_and(|group| group.state == "up" && group.join_state == "steady") {
            let _ = self.events.try_send(Event::Steady);
        }
    }

    /// Looks at the topics; gives the wait until the next look.
    fn look(&self, look: &mut Look) -> Duration {
        let begun = self.clock.now().mono;
        let found = self.counts().map_err(|error| error.to_string());
        if let (Ok(counts), Some(group)) = (&found, self.consumer.context().group()) {
            group.looked(counts, begun);
        }
        let told = look.take(found, self.topics.len());
        let Some((told, again)) = told else { return LOOK_AGAIN };
        // If the queue is full, the next look tells.
        let _ = self.events.try_send(Event::Topics(told, begun));
        again
    }

    fn counts(&self) -> KafkaResult<Counts> {
        if self.topics.len() > BY_NAME_MAX {
            return Ok(counts(&self.consumer.fetch_metadata(None, LOOK_MAX)?, &self.topics));
        }
        let mut all = Counts::new();
        for topic in &self.topics {
            if self.consumer.context().is_closing() {
                return Err(KafkaError::Canceled);
            }
            all.append(&mut counts(&self.consumer.fetch_metadata(Some(topic), LOOK_MAX)?, &self.topics));
        }
        Ok(all)
    }
}

fn counts(metadata: &Metadata, wanted: &[String]) -> Counts {
    let exists =
        |topic: &&MetadataTopic| topic.error().is_none() && wanted.iter().any(|name| name == topic.name());
    let count = |topic: &MetadataTopic| i32::try_from(topic.partitions().len()).unwrap_or(i32::MAX);
    let found = metadata.topics().iter().filter(exists).map(|topic| (topic.name().to_owned(), count(topic)));
    found.filter(|(_, count)| *count > 0).collect()
}

/// What was seen of the topics. A difference counts when it is seen twice: one broker may be behind another.
#[derive(Debug, Default)]
struct Look {
    known: Option<Counts>,
    seen: Option<Counts>,
}

impl Look {
    /// What to tell, and when to look again; `None` where another look must confirm it.
    fn take(
        &mut self,
        found: Result<Counts, String>,
        wanted: usize,
    ) -> Option<(Result<Counts, String>, Duration)> {
        let counts = match found {
            Ok(counts) => counts,
            Err(error) => return Some((Err(error), LOOK_AGAIN)),
        };
        let confirmed = self.seen.replace(counts.clone()).as_ref() == Some(&counts);
        if self.known.as_ref().is_some_and(|known| *known != counts) && !confirmed {
            return None;
        }
        if !counts.is_empty() {
            self.known = Some(counts.clone());
        }
        let again = if counts.len() < wanted { LOOK_AGAIN } else { LOOK_EVERY };
        Some((Ok(counts), again))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topics(counts: &[(&str, i32)]) -> Counts {
        counts.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
    }

    #[test]
    fn a_difference_is_told_when_it_is_seen_twice() {
        let mut look = Look::default();
        let (none, six, seven) = (topics(&[]), topics(&[("t", 6)]), topics(&[("t", 7)]));
        assert_eq!(look.take(Ok(none.clone()), 1), Some((Ok(none.clone()), LOOK_AGAIN)));
        assert_eq!(look.take(Ok(six.clone()), 1), Some((Ok(six.clone()), LOOK_EVERY)));
        assert_eq!(look.take(Ok(seven.clone()), 1), None);
        assert_eq!(look.take(Ok(six.clone()), 1), Some((Ok(six), LOOK_EVERY)));
        assert_eq!(look.take(Ok(seven.clone()), 1), None);
        assert_eq!(look.take(Ok(seven.clone()), 1), Some((Ok(seven), LOOK_EVERY)));
        assert_eq!(look.take(Ok(none.clone()), 1), None);
        assert_eq!(look.take(Ok(none.clone()), 1), Some((Ok(none), LOOK_AGAIN)));
    }
}
