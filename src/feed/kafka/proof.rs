//! The proof of a membership: a synchronous commit, tried each second on a thread of its own.
//!
//! The client has no generation to show and, under KIP-848, no session of its own: cut off from the coordinator it
//! would fetch on for ever. The coordinator takes a commit from members alone, so a commit that succeeded says: at
//! the moment before it was sent, nobody else could have been given these partitions. One commit is in flight at a
//! time, and farewells come through the same thread: so what stands last on a partition was written last.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::Duration;

use pipeline::time::Nanos;
use rdkafka::consumer::{CommitMode, Consumer as _};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use tokio::sync::{mpsc, oneshot};

use super::client::{Consumer, Event};
use super::group::Group;
use super::membership::Tenure;
use super::metrics::COMMIT_FAILURES_TOTAL;
use super::note::Note;
use super::settings::{PROOF_EVERY, PROOF_RETRY, READ_MAX};
use crate::clock::Clock;
use crate::failpoint::break_in;
use crate::vital;

/// What the thread is asked for.
#[derive(Debug)]
pub(super) enum Ask {
    /// Something was assigned: prove it now.
    Prove,
    /// Say that nothing of ours is left on these; answers with those for which it stands.
    Free(Vec<Tenure>, oneshot::Sender<Vec<Tenure>>),
    /// End.
    End,
}

/// Proves a session's membership.
pub(super) struct Prover {
    pub(super) consumer: Arc<Consumer>,
    pub(super) group: Arc<Group>,
    pub(super) events: mpsc::Sender<Event>,
    pub(super) clock: Clock,
}

impl Prover {
    /// Starts the thread. It ends when it is asked to, or finds the client closing.
    pub(super) fn start(self, asks: Receiver<Ask>) -> std::io::Result<JoinHandle<()>> {
        let events = self.events.clone();
        let failed = move || {
            // Gone: then the session is over.
            let _ = events.blocking_send(Event::Stuck("its thread kafka-proof failed"));
        };
        vital::spawn_or("kafka-proof", "feed", failed, move || self.run(&asks))
    }

    fn run(&self, asks: &Receiver<Ask>) {
        let mut next = self.clock.now().mono;
        loop {
            let wait = next.since(self.clock.now().mono);
            let asked = asks.recv_timeout(wait);
            if self.consumer.context().is_closing() {
                return;
            }
            match asked {
                Ok(Ask::Free(tenures, answer)) => {
                    // Whoever has given up waiting has let them go.
                    let _ = answer.send(self.free(&tenures));
                    continue;
                }
                Ok(Ask::Prove) | Err(RecvTimeoutError::Timeout) => {}
                Ok(Ask::End) | Err(RecvTimeoutError::Disconnected) => return,
            }
            break_in("kafka_proof");
            let begun = self.clock.now().mono;
            next = begun + self.round(begun);
        }
    }

    /// One proof; gives the wait until the next.
    fn round(&self, begun: Nanos) -> Duration {
        if self.group.stands_still() || self.group.is_blind() {
            return PROOF_RETRY;
        }
        let read = self.read_notes();
        let claims = self.group.claims();
        if claims.is_empty() {
            return if read { PROOF_EVERY } else { PROOF_RETRY };
        }
        // Reading the notes took its time: the proof counts from here.
        if self.group.is_blind() {
            return PROOF_RETRY;
        }
        let sent = if read { self.clock.now().mono } else { begun };
        let proved = self.commit(&claims);
        if proved.is_empty() {
            return PROOF_RETRY;
        }
        self.group.prolong(&proved, sent);
        let whole = proved.len() == claims.len() && read;
        // A term that could not begin for want of room in the queue begins with the next proof.
        let told = self.events.try_send(Event::Proved(proved, sent)).is_ok();
        if whole && told { PROOF_EVERY } else { PROOF_RETRY }
    }

    /// Reads what predecessors left; gives whether nothing remains to be read. What cannot be read now is asked
    /// for again: without its epoch there is no later one.
    fn read_notes(&self) -> bool {
        let unread = self.group.unread();
        if unread.is_empty() {
            return true;
        }
        let mut wanted = TopicPartitionList::with_capacity(unread.len());
        for tenure in &unread {
            let place = &self.group.homes.places()[tenure.slot];
            wanted.add_partition(&place.topic, place.partition);
        }
        match self.consumer.committed_offsets(wanted, READ_MAX) {
            Ok(found) => unread.iter().filter(|tenure| !self.read_note(**tenure, &found)).count() == 0,
            Err(error) => {
                tracing::debug!(target: "feed", "kafka: the notes on our partitions cannot be read ({error})");
                false
            }
        }
    }

    fn read_note(&self, tenure: Tenure, found: &TopicPartitionList) -> bool {
        let place = &self.group.homes.places()[tenure.slot];
        let element = found.find_partition(&place.topic, place.partition);
        let Some(element) = element.filter(|element| element.error().is_ok()) else { return false };
        self.group.read(tenure, Note::parse(element.metadata()));
        true
    }

    fn free(&self, tenures: &[Tenure]) -> Vec<Tenure> {
        let farewells = self.group.farewells(tenures);
        if farewells.is_empty() { Vec::new() } else { self.commit(&farewells) }
    }

    /// Commits these notes; gives those that the coordinator has taken. An error of a commit is an error of all
    /// its partitions, unless it can only concern some of them.
    fn commit(&self, notes: &[(Tenure, Note)]) -> Vec<Tenure> {
        match self.commit_at_once(notes) {
            Ok(()) => notes.iter().map(|(tenure, _)| *tenure).collect(),
            Err(error) if is_of_one_partition(&error) && notes.len() > 1 => {
                let one_by_one = notes.iter().filter(|note| self.commit_at_once(&[**note]).is_ok());
                one_by_one.map(|(tenure, _)| *tenure).collect()
            }
            Err(_) => Vec::new(),
        }
    }

    fn commit_at_once(&self, notes: &[(Tenure, Note)]) -> KafkaResult<()> {
        let positions = self.consumer.position().unwrap_or_default();
        let mut list = TopicPartitionList::with_capacity(notes.len());
        for (tenure, note) in notes {
            let place = &self.group.homes.places()[tenure.slot];
            let position =
                positions.find_partition(&place.topic, place.partition).map(|known| known.offset());
            let offset = match position {
                Some(Offset::Offset(offset)) => offset,
                Some(_) | None => place.high().unwrap_or(0),
            };
            let mut element = list.add_partition(&place.topic, place.partition);
            element.set_offset(Offset::Offset(offset))?;
            element.set_metadata(note.to_string());
        }
        let committed = self.consumer.commit(&list, CommitMode::Sync);
        if let Err(error) = &committed {
            metrics::counter!(COMMIT_FAILURES_TOTAL).increment(1);
            tracing::debug!(target: "feed", "kafka: a commit failed ({error})");
        }
        committed
    }
}

/// Whether other partitions of the same commit may have been taken.
fn is_of_one_partition(error: &KafkaError) -> bool {
    matches!(
        error.rdkafka_error_code(),
        Some(
            RDKafkaErrorCode::UnknownTopicOrPartition
                | RDKafkaErrorCode::TopicAuthorizationFailed
                | RDKafkaErrorCode::InvalidCommitOffsetSize
                | RDKafkaErrorCode::OffsetMetadataTooLarge
        )
    )
}
