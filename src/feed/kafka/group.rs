//! A session's membership where it meets the holds: what an assignment, a proof, a hand-over and a loss do to the
//! instruments at home in the partitions.
//!
//! Shared by the session loop and the proof's thread. What they share is locked for the length of a copy; the way
//! of a tick takes no lock.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::join_all;
use pipeline::ownership::Generation;
use pipeline::time::Nanos;
use schemas::ids::Epoch;

use super::homes::{Counts, Homes};
use super::membership::{Membership, Tenure};
use super::metrics::LET_GO_TOTAL;
use super::note::Note;
use super::settings::{LOOK_HOLDS, PROOF, STALL};
use crate::clock::Clock;
use crate::ownership::Hold;

/// A session's membership.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) homes: Arc<Homes>,
    members: Mutex<Membership>,
    clock: Clock,
    /// When the session loop last turned.
    turned: AtomicU64,
    /// When the newest successful commit was begun.
    proved: AtomicU64,
    /// When the newest look was begun that found the topics as this session knows them.
    looked: AtomicU64,
}

impl Group {
    pub(super) fn new(homes: Arc<Homes>, first: u64, takeover_delay: Duration, clock: Clock) -> Self {
        let now = clock.now().mono.0;
        Self {
            members: Mutex::new(Membership::new(homes.places().len(), first, takeover_delay)),
            homes,
            clock,
            turned: AtomicU64::new(now),
            proved: AtomicU64::new(now),
            looked: AtomicU64::new(0),
        }
    }

    /// The generation that the next session begins with.
    pub(super) fn next_generation(&self) -> u64 {
        self.members().next_generation()
    }

    /// Slots that are ours from now on. On the lanes' thread.
    pub(super) fn assign(&self, slots: &[usize]) {
        let now = self.clock.now();
        let mut members = self.members();
        for slot in slots {
            let generation = members.assign(*slot, now);
            self.homes.set_generation(*slot, generation);
        }
    }

    /// Slots that may be somebody else's already: nothing more is done for them. On the lanes' thread.
    pub(super) fn lose(&self, slots: &[usize]) {
        for slot in slots {
            self.homes.set_generation(*slot, Generation::default());
            self.holds(*slot).iter().for_each(|hold| hold.lose());
            self.members().gone(*slot);
        }
    }

    /// Ends the terms against which the venue told of a later owner, and begins with these slots as if they were
    /// assigned anew: under an epoch above that one, after Takeover Delay. Gives whether there were any. On the
    /// lanes' thread.
    pub(super) fn heed_conflicts(&self) -> bool {
        let contested = |slot: &usize| {
            // All of them are asked: each forgets that it was.
            self.holds(*slot).iter().filter(|hold| hold.take_superseded()).count() > 0
        };
        let slots: Vec<usize> = self.slots().into_iter().filter(contested).collect();
        if slots.is_empty() {
            return false;
        }
        tracing::error!(
            target: "feed",
            partitions = slots.len(),
            "FEED-040 owners of later epochs have traded while partitions were ours: beginning with them anew"
        );
        self.lose(&slots);
        self.assign(&slots);
        true
    }

    /// Slots to hand over: no order leaves from now on, and the lanes close what runs. On the lanes' thread.
    pub(super) fn leave(&self, slots: &[usize]) -> Vec<Tenure> {
        let mut members = self.members();
        let leaving = slots.iter().filter_map(|slot| {
            self.homes.set_generation(*slot, Generation::default());
            self.holds(*slot).iter().for_each(|hold| hold.leave());
            members.leave(*slot)
        });
        leaving.collect()
    }

    /// Waits until the lanes of these slots have closed, at most so long. Gives those that have; the others are
    /// let go at once and counted.
    ///
    /// # Cancel safety
    /// May be dropped; nothing is let go then.
    pub(super) async fn quiet(&self, leaving: Vec<Tenure>, at_most: Duration) -> Vec<Tenure> {
        let all =
            join_all(leaving.iter().flat_map(|tenure| self.holds(tenure.slot)).map(|hold| hold.quiet()));
        // Too late is seen below, hold by hold.
        let _ = tokio::time::timeout(at_most, all).await;
        let (quiet, busy): (Vec<_>, Vec<_>) =
            leaving.into_iter().partition(|tenure| self.is_quiet(tenure.slot));
        self.let_go(&busy);
        quiet
    }

    fn is_quiet(&self, slot: usize) -> bool {
        self.holds(slot).iter().all(|hold| hold.quiet().now_or_never().is_some())
    }

    /// Slots that go without a confirmed hand-over.
    fn let_go(&self, tenures: &[Tenure]) {
        if tenures.is_empty() {
            return;
        }
        self.count_let_go(tenures.len());
        tracing::warn!(target: "feed", partitions = tenures.len(), "let partitions go before their lanes had closed");
        self.lose(&tenures.iter().map(|tenure| tenure.slot).collect::<Vec<_>>());
    }

    /// Counts partitions that went without a confirmed hand-over.
    pub(super) fn count_let_go(&self, partitions: usize) {
        metrics::counter!(LET_GO_TOTAL).increment(partitions as u64);
    }

    /// The notes that say of these slots that nothing of ours is left; for the proof's thread.
    pub(super) fn farewells(&self, tenures: &[Tenure]) -> Vec<(Tenure, Note)> {
        let (members, now) = (self.members(), self.clock.now());
        let free = |tenure: &Tenure| {
            let epoch = members.may_free(*tenure, now)?;
            Some((*tenure, Note::free(epoch, self.homes.count(tenure.slot))))
        };
        tenures.iter().filter_map(free).collect()
    }

    /// Slots whose predecessor's note is still to be read.
    pub(super) fn unread(&self) -> Vec<Tenure> {
        self.members().unread()
    }

    /// The note of a slot's predecessor.
    pub(super) fn read(&self, tenure: Tenure, note: Option<Note>) {
        let count = self.homes.count(tenure.slot);
        let floor = self.holds(tenure.slot).iter().filter_map(|hold| hold.floor()).max();
        let mut members = self.members();
        floor.into_iter().for_each(|floor| members.outgrow(tenure.slot, floor));
        members.read(tenure, note, count, self.clock.now());
    }

    /// What the next proof must name.
    pub(super) fn claims(&self) -> Vec<(Tenure, Note)> {
        let held = |(tenure, epoch, counts): (Tenure, Epoch, bool)| {
            (tenure, Note::held(epoch, counts.then(|| self.homes.count(tenure.slot))))
        };
        let claims = self.members().claims(self.clock.now());
        claims.into_iter().map(held).collect()
    }

    /// A commit that named these succeeded; it was begun then. Any thread: only what is open stays open longer.
    pub(super) fn prolong(&self, tenures: &[Tenure], begun: Nanos) {
        self.proved.store(begun.0, Ordering::Release);
        for hold in tenures.iter().flat_map(|tenure| self.holds(tenure.slot)) {
            hold.prolong(begun + PROOF);
        }
    }

    /// The same on the lanes' thread: terms that it proves for the first time begin.
    pub(super) fn begin(&self, tenures: &[Tenure], begun: Nanos) {
        for tenure in tenures {
            let Some(term) = self.members().proved(*tenure) else { continue };
            for hold in self.holds(tenure.slot) {
                hold.begin(term, tenure.generation, begun + PROOF);
            }
        }
    }

    /// From now on no term begins, and the notes on what has none stay as they are.
    pub(super) fn close(&self) {
        self.members().close();
    }

    /// The slots that are ours.
    pub(super) fn slots(&self) -> Vec<usize> {
        self.members().slots()
    }

    /// Age of the newest proof.
    pub(super) fn proof_age(&self) -> Duration {
        self.clock.now().mono.since(Nanos(self.proved.load(Ordering::Acquire)))
    }

    /// The topics were seen in a look that was begun then.
    pub(super) fn looked(&self, counts: &Counts, begun: Nanos) {
        if *counts == self.homes.counts() {
            self.looked.fetch_max(begun.0, Ordering::AcqRel);
        }
    }

    /// Whether it is too long ago that the topics were seen as this session knows them: symbols may be at home
    /// elsewhere, and nothing may be proved.
    pub(super) fn is_blind(&self) -> bool {
        self.clock.now().mono.since(Nanos(self.looked.load(Ordering::Acquire))) > LOOK_HOLDS
    }

    /// The session loop turns.
    pub(super) fn turn(&self) {
        self.turned.store(self.clock.now().mono.0, Ordering::Release);
    }

    /// Whether the session loop stands still: then nobody would hear that a partition is gone, and nothing may be
    /// proved. It is counted where the trading thread's pulse is watched.
    pub(super) fn stands_still(&self) -> bool {
        self.clock.now().mono.since(Nanos(self.turned.load(Ordering::Acquire))) > STALL
    }

    fn holds(&self, slot: usize) -> &[Arc<Hold>] {
        &self.homes.places()[slot].holds
    }

    fn members(&self) -> MutexGuard<'_, Membership> {
        // Every change of it is whole, also that of a thread that has panicked since.
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
