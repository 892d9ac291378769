//! What a member of a group knows of its partitions: which assignment runs, which term it makes, what was proved.
//!
//! No I/O and no clock, so that whole fleets can be played through. A partition is a number, its *slot*.

use std::time::Duration;

use pipeline::ownership::{Generation, Term};
use pipeline::time::Now;
use schemas::ids::Epoch;

use super::note::{Note, NoteSays};
use super::settings::RECOUNT_MAX;
use crate::ownership::epoch_after;

/// The partitions of a session.
#[derive(Debug)]
pub struct Membership {
    slots: Vec<Slot>,
    /// Of each slot: the latest epoch that is known to have traded there, whatever a note says.
    floors: Vec<Option<Epoch>>,
    next: u64,
    takeover_delay: Duration,
    closing: bool,
}

/// One slot, under one assignment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tenure {
    /// Which slot.
    pub slot: usize,
    /// Which assignment of it.
    pub generation: Generation,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Slot {
    Away,
    Owned(Owned),
    /// To be handed over; not unassigned yet.
    Leaving(Owned),
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Owned {
    generation: Generation,
    since: Now,
    /// Known once the predecessor's note was read.
    term: Option<Term>,
    /// A commit of ours has succeeded since.
    begun: bool,
    /// The predecessor counted as many partitions as we do.
    counted: bool,
}

impl Membership {
    /// `slots` partitions, none of them ours. Generations begin at `first`, which is above zero.
    #[must_use]
    pub fn new(slots: usize, first: u64, takeover_delay: Duration) -> Self {
        Self {
            slots: vec![Slot::Away; slots],
            floors: vec![None; slots],
            next: first.max(1),
            takeover_delay,
            closing: false,
        }
    }

    /// From now on no term begins: what is assigned to one who leaves keeps its predecessor's note.
    pub const fn close(&mut self) {
        self.closing = true;
    }

    /// The generation that would come next; for the session after this one.
    #[must_use]
    pub const fn next_generation(&self) -> u64 {
        self.next
    }

    /// A slot was assigned.
    pub fn assign(&mut self, slot: usize, now: Now) -> Generation {
        let generation = Generation(self.next);
        self.next += 1;
        if let Some(place) = self.slots.get_mut(slot) {
            *place = Slot::Owned(Owned { generation, since: now, term: None, begun: false, counted: false });
        }
        generation
    }

    /// What is assigned and whose predecessor's note is not known yet.
    #[must_use]
    pub fn unread(&self) -> Vec<Tenure> {
        self.owned().filter(|(_, owned)| owned.term.is_none()).map(|(tenure, _)| tenure).collect()
    }

    /// An owner of that epoch is known to have traded there: no term that is read of after this begins at or below it.
    pub fn outgrow(&mut self, slot: usize, epoch: Epoch) {
        if let Some(floor) = self.floors.get_mut(slot) {
            *floor = (*floor).max(Some(epoch));
        }
    }

    /// The note that a slot's predecessor left, if any: fixes the term.
    ///
    /// After a confirmed hand-over nothing has to be waited for. Otherwise orders of a predecessor may be on
    /// their way until Takeover Delay after the assignment. Without a note that counts as many partitions as we
    /// do, the symbols at home here may have been elsewhere, with somebody who has still to hear of it.
    pub fn read(&mut self, tenure: Tenure, note: Option<Note>, count: i32, now: Now) {
        let delay = self.takeover_delay;
        let floor = self.floors.get(tenure.slot).copied().flatten();
        let Some(owned) = self.current(tenure).filter(|owned| owned.term.is_none()) else { return };
        let counted = note.filter(|note| note.count == Some(count));
        owned.counted = counted.is_some();
        let from = match counted.map(|note| note.says) {
            Some(NoteSays::Free) => now,
            Some(NoteSays::Held) => owned.since.after(delay),
            None => owned.since.after(delay + RECOUNT_MAX),
        };
        let epoch = epoch_after(note.map(|note| note.epoch).max(floor), now.wall_ms);
        owned.term = Some(Term { epoch, from, shared: true, traded_up_to: None });
    }

    /// What the next proof must name, each with its epoch, and whether its note may tell our count: not before
    /// those who may count otherwise are waited out, or the next owner would not wait for them.
    #[must_use]
    pub fn claims(&self, now: Now) -> Vec<(Tenure, Epoch, bool)> {
        let standing = self.owned().filter(|(_, owned)| owned.begun || !self.closing);
        let claim = |(tenure, owned): (Tenure, &Owned)| {
            let term = owned.term?;
            Some((tenure, term.epoch, owned.counted || now.mono >= term.from.mono))
        };
        standing.filter_map(claim).collect()
    }

    /// A commit that named this claim has succeeded. The first time, the term begins.
    pub fn proved(&mut self, tenure: Tenure) -> Option<Term> {
        let closing = self.closing;
        let owned = self.current(tenure).filter(|owned| owned.begun || !closing)?;
        let first = owned.term.is_some() && !std::mem::replace(&mut owned.begun, owned.term.is_some());
        owned.term.filter(|_| first)
    }

    /// A slot is to be handed over. `None` where it is not ours.
    pub fn leave(&mut self, slot: usize) -> Option<Tenure> {
        let place = self.slots.get_mut(slot)?;
        let Slot::Owned(owned) = *place else { return None };
        *place = Slot::Leaving(owned);
        Some(Tenure { slot, generation: owned.generation })
    }

    /// The epoch to write as free once everything of ours is closed.
    ///
    /// `None` for a term that never began, or that is younger than its own waiting: orders of *its* predecessor
    /// may still be on their way, so what the predecessor wrote must stand.
    #[must_use]
    pub fn may_free(&self, tenure: Tenure, now: Now) -> Option<Epoch> {
        let Some(Slot::Leaving(owned)) = self.slots.get(tenure.slot) else { return None };
        let term = owned.term.filter(|_| owned.begun && owned.generation == tenure.generation)?;
        (now.mono >= term.from.mono).then_some(term.epoch)
    }

    /// A slot is ours no more.
    pub fn gone(&mut self, slot: usize) {
        if let Some(place) = self.slots.get_mut(slot) {
            *place = Slot::Away;
        }
    }

    /// The slots that are ours and not to be handed over.
    #[must_use]
    pub fn slots(&self) -> Vec<usize> {
        self.owned().map(|(tenure, _)| tenure.slot).collect()
    }

    fn owned(&self) -> impl Iterator<Item = (Tenure, &Owned)> {
        self.slots.iter().enumerate().filter_map(|(slot, place)| match place {
            Slot::Owned(owned) => Some((Tenure { slot, generation: owned.generation }, owned)),
            Slot::Away | Slot::Leaving(_) => None,
        })
    }

    fn current(&mut self, tenure: Tenure) -> Option<&mut Owned> {
        match self.slots.get_mut(tenure.slot)? {
            Slot::Owned(owned) if owned.generation == tenure.generation => Some(owned),
            Slot::Owned(_) | Slot::Away | Slot::Leaving(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DELAY: Duration = Duration::from_secs(5);
    const COUNT: i32 = 6;
    const HELD: Note = Note::held(Epoch::new(1), Some(COUNT));

    fn at(seconds: u64) -> Now {
        Now { wall_ms: 1_800_000_000_000, ..Now::default() }.after(Duration::from_secs(seconds))
    }

    fn tenure(slot: usize, generation: Generation) -> Tenure {
        Tenure { slot, generation }
    }

    #[test]
    fn a_term_begins_with_the_first_proof_and_waits_unless_it_was_handed_over() {
        let mut member = Membership::new(2, 1, DELAY);
        let (waits, free) = (member.assign(0, at(1)), member.assign(1, at(1)));
        assert_eq!(member.claims(at(1)), []);
        assert_eq!(member.unread().len(), 2);
        member.read(tenure(0, waits), Some(Note::held(Epoch::new(900_000_000), Some(COUNT))), COUNT, at(2));
        member.read(tenure(1, free), Some(Note::free(Epoch::new(5), COUNT)), COUNT, at(2));
        let term = member.proved(tenure(0, waits)).unwrap();
        assert_eq!((term.epoch, term.from, term.shared), (Epoch::new(900_000_001), at(6), true));
        assert_eq!(member.proved(tenure(1, free)).unwrap().from, at(2));
        assert_eq!(member.proved(tenure(0, waits)), None, "it has begun");
    }

    #[test]
    fn what_belongs_to_an_earlier_assignment_is_no_longer_heard() {
        let mut member = Membership::new(1, 1, DELAY);
        let early = member.assign(0, at(1));
        member.read(tenure(0, early), Some(HELD), COUNT, at(1));
        member.gone(0);
        let late = member.assign(0, at(2));
        assert_ne!(early, late);
        member.read(tenure(0, early), Some(Note::free(Epoch::new(1), COUNT)), COUNT, at(2));
        assert_eq!(member.unread(), [tenure(0, late)]);
        assert_eq!(member.proved(tenure(0, early)), None);
        assert_eq!(member.claims(at(1)), []);
    }

    #[test]
    fn a_term_that_never_ran_says_nothing_of_its_predecessor() {
        let mut member = Membership::new(1, 1, DELAY);
        let mine = tenure(0, member.assign(0, at(1)));
        member.read(mine, Some(HELD), COUNT, at(1));
        assert!(member.proved(mine).is_some());
        assert_eq!(member.leave(0), Some(mine));
        assert_eq!(member.claims(at(1)), [], "what leaves is not claimed");
        assert_eq!(member.may_free(mine, at(5)), None, "the predecessor's orders may be on their way");
        assert!(member.may_free(mine, at(6)).is_some());
        member.gone(0);
        assert_eq!(member.may_free(mine, at(6)), None);
    }

    #[test]
    fn who_counts_other_partitions_is_waited_out_by_everyone_after() {
        let waited = at(1).after(DELAY + RECOUNT_MAX);
        let unknown =
            [None, Some(Note::free(Epoch::new(1), COUNT + 1)), Some(Note::held(Epoch::new(1), None))];
        for note in unknown {
            let mut member = Membership::new(1, 1, DELAY);
            let mine = tenure(0, member.assign(0, at(1)));
            member.read(mine, note, COUNT, at(2));
            assert_eq!(member.proved(mine).map(|term| term.from), Some(waited), "{note:?}");
            let tells = |now| member.claims(now).iter().map(|claim| claim.2).collect::<Vec<_>>();
            assert_eq!((tells(at(2)), tells(waited)), (vec![false], vec![true]), "{note:?}");
        }
    }

    #[test]
    fn one_who_leaves_begins_nothing_and_overwrites_no_note() {
        let mut member = Membership::new(2, 1, DELAY);
        let runs = tenure(0, member.assign(0, at(1)));
        member.read(runs, Some(Note::free(Epoch::new(1), COUNT)), COUNT, at(1));
        assert!(member.proved(runs).is_some());
        let late = tenure(1, member.assign(1, at(1)));
        member.read(late, Some(Note::free(Epoch::new(1), COUNT)), COUNT, at(1));
        member.close();
        assert_eq!(member.claims(at(1)).iter().map(|claim| claim.0).collect::<Vec<_>>(), [runs]);
        assert_eq!(member.proved(late), None);
        assert_eq!(member.leave(1), Some(late));
        assert_eq!(member.may_free(late, at(100)), None, "its predecessor's note stands");
        assert_eq!(member.leave(0), Some(runs));
        assert!(member.may_free(runs, at(1)).is_some());
    }

    /// How long a proof holds, and how long an order that has left may still arrive; together the delay.
    const PROVED: u64 = 3;
    const ARRIVES: u64 = 2;

    #[derive(Clone, Copy, Debug)]
    enum Happening {
        /// The owner proves itself, and reads its predecessor's note before that if it has not yet.
        Proof,
        /// The coordinator moves the partition; the lanes of the owner close.
        HandOver { to: usize },
        /// The same, but they do not close in time.
        LetGo { to: usize },
        /// The owner is thrown out and does not know it yet.
        Depose { to: usize },
        /// A second passes.
        Second,
    }

    fn happening() -> impl Strategy<Value = Happening> {
        prop_oneof![
            3 => Just(Happening::Proof),
            2 => (0..3_usize).prop_map(|to| Happening::HandOver { to }),
            1 => (0..3_usize).prop_map(|to| Happening::LetGo { to }),
            1 => (0..3_usize).prop_map(|to| Happening::Depose { to }),
            4 => Just(Happening::Second),
        ]
    }

    /// One partition, the coordinator's note on it, and three members of whom one at a time is the owner.
    struct Fleet {
        members: Vec<Membership>,
        tenures: Vec<Option<Tenure>>,
        terms: Vec<Option<(Term, u64)>>,
        owner: usize,
        note: Option<Note>,
        second: u64,
        /// Until when orders of that member and epoch may reach the venue.
        arriving: Vec<(usize, Epoch, u64)>,
    }

    impl Fleet {
        fn new() -> Self {
            let mut fleet = Self {
                members: (0..3).map(|_| Membership::new(1, 1, DELAY)).collect(),
                tenures: vec![None; 3],
                terms: vec![None; 3],
                owner: 0,
                note: Some(HELD),
                second: 100,
                arriving: Vec::new(),
            };
            fleet.give(0);
            fleet
        }

        fn give(&mut self, to: usize) {
            self.owner = to;
            // Whoever was thrown out and is taken in again has heard of it by then.
            self.terms[to] = None;
            self.members[to].gone(0);
            let generation = self.members[to].assign(0, at(self.second));
            self.tenures[to] = Some(tenure(0, generation));
        }

        fn happens(&mut self, happening: Happening) {
            match happening {
                Happening::Proof => self.prove(),
                Happening::HandOver { to } => self.hand_over(to, true),
                Happening::LetGo { to } => self.hand_over(to, false),
                Happening::Depose { to } => self.give(to),
                Happening::Second => self.second += 1,
            }
        }

        fn prove(&mut self) {
            let (owner, now) = (self.owner, at(self.second));
            let Some(mine) = self.tenures[owner] else { return };
            self.members[owner].read(mine, self.note, COUNT, now);
            for (_, epoch, counts) in self.members[owner].claims(now) {
                self.note = Some(Note::held(epoch, counts.then_some(COUNT)));
            }
            if let Some(term) = self.members[owner].proved(mine) {
                self.terms[owner] = Some((term, 0));
            }
            if let Some((_, until)) = &mut self.terms[owner] {
                *until = self.second + PROVED;
            }
        }

        fn hand_over(&mut self, to: usize, closes: bool) {
            let (owner, now) = (self.owner, at(self.second));
            if let Some(mine) = self.members[owner].leave(0).filter(|_| closes) {
                self.arriving.retain(|(member, _, _)| *member != owner);
                if let Some(epoch) = self.members[owner].may_free(mine, now) {
                    self.note = Some(Note::free(epoch, COUNT));
                }
            }
            self.terms[owner] = None;
            self.members[owner].gone(0);
            self.give(to);
        }

        /// Whoever may send an order does; nobody else's may still be on its way.
        fn trade(&mut self) -> Result<(), TestCaseError> {
            let (now, second) = (at(self.second), self.second);
            self.arriving.retain(|(_, _, until)| *until > second);
            for (member, term) in self.terms.iter().enumerate() {
                let Some((term, until)) = term else { continue };
                if second < *until && now.mono >= term.from.mono {
                    for (other, epoch, _) in &self.arriving {
                        prop_assert!(*other == member, "{other} and {member} at {second}");
                        prop_assert!(*epoch <= term.epoch, "an epoch went back");
                    }
                    self.arriving.push((member, term.epoch, second + ARRIVES));
                }
            }
            Ok(())
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn no_two_owners_have_orders_on_their_way(happenings in proptest::collection::vec(happening(), 1..80)) {
            let mut fleet = Fleet::new();
            for happening in happenings {
                fleet.happens(happening);
                fleet.trade()?;
            }
        }
    }
}
