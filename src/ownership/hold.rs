//! One instrument's hold: written by whoever proves the ownership, halts it or keeps the venue's switch armed; read by
//! its lane and, at the last moment before an order leaves, by its gateway. Shutting it is one store, from any thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering};

use pipeline::event::Denial;
use pipeline::halt::Bar;
use pipeline::ownership::{Claim, Generation, Term};
use pipeline::time::Nanos;
use schemas::ids::Epoch;
use tokio::sync::watch;

use super::{Armed, Arming};

/// A hold that needs no proof.
const FOR_EVER: Nanos = Nanos(u64::MAX);
/// Bars, one bit each.
const HALTED: u8 = 1;
const RECOVERING: u8 = 2;
const CLOCK_UNSURE: u8 = 4;
const UNFIT: u8 = 8;

/// Whether, since when and until when an instrument is ours.
#[derive(Debug)]
pub struct Hold {
    epoch: AtomicU32,
    generation: AtomicU64,
    /// Until when the ownership is proved; 0 = shut.
    until: AtomicU64,
    /// Why nothing new is to leave, whoever owns it: [`HALTED`], [`RECOVERING`], [`CLOCK_UNSURE`],
    /// [`UNFIT`].
    bars: AtomicU8,
    /// Until when the venue's own dead man's switch is known to be armed.
    armed_until: AtomicU64,
    arming: Arming,
    /// The latest epoch that is known to have placed, or may have: no term of ours begins at or below it. 0 = none.
    floor: AtomicU32,
    /// The venue has taken or shown an order of the running term.
    traded: AtomicBool,
    /// The running term was ended because a later owner's orders are at the venue.
    superseded: AtomicBool,
    /// How often that happened.
    conflicts: AtomicU64,
    claim: watch::Sender<Claim>,
    /// The same as `bars`, for who waits for it to change.
    barred: watch::Sender<Option<Bar>>,
    /// The lane has nothing left of an earlier term.
    quiet: watch::Sender<bool>,
    /// The reference trade of the lane's last pair, by its number; 0 = none.
    traded_up_to: AtomicU64,
}

impl Hold {
    /// Nobody's yet.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            epoch: AtomicU32::new(0),
            generation: AtomicU64::new(0),
            until: AtomicU64::new(0),
            bars: AtomicU8::new(0),
            armed_until: AtomicU64::new(FOR_EVER.0),
            arming: Arming::default(),
            floor: AtomicU32::new(0),
            traded: AtomicBool::new(false),
            superseded: AtomicBool::new(false),
            conflicts: AtomicU64::new(0),
            claim: watch::Sender::new(Claim::None),
            barred: watch::Sender::new(None),
            quiet: watch::Sender::new(true),
            traded_up_to: AtomicU64::new(0),
        })
    }

    /// A term begins, proved until that moment. Ticks of that generation may be traded on.
    pub fn begin(&self, term: Term, generation: Generation, until: Nanos) {
        self.until.store(0, Ordering::Release);
        self.traded.store(false, Ordering::Relaxed);
        self.superseded.store(false, Ordering::Relaxed);
        self.epoch.store(term.epoch.number(), Ordering::Release);
        self.generation.store(generation.0, Ordering::Release);
        self.until.store(until.0, Ordering::Release);
        self.set_traded_up_to(term.traded_up_to);
        self.quiet.send_replace(false);
        self.claim.send_replace(Claim::Held(term));
    }

    /// A term that needs no proof: one process owns everything.
    pub fn begin_alone(&self, epoch: Epoch) {
        self.begin(Term::alone(epoch), Generation::default(), FOR_EVER);
    }

    /// The running term is proved until that moment. A hold that is shut stays shut.
    pub fn prolong(&self, until: Nanos) {
        // A failed update is one that found the hold shut.
        let _ = self.until.fetch_update(Ordering::AcqRel, Ordering::Acquire, |proved| {
            (proved != 0).then_some(until.0.max(proved))
        });
    }

    /// From now on no order leaves; cancels still do. The lane is told nothing.
    pub fn shut(&self) {
        self.until.store(0, Ordering::Release);
    }

    /// Shut, and the lane is to close what runs: see [`Hold::quiet`]. Nothing happens to a hold that is not held.
    pub fn leave(&self) {
        self.shut();
        self.claim.send_if_modified(|claim| {
            let held = matches!(claim, Claim::Held(_));
            if held {
                *claim = Claim::Leaving;
            }
            held
        });
    }

    /// Shut, and the lane is told that the instrument is somebody else's, or nobody's.
    pub fn lose(&self) {
        self.shut();
        self.claim.send_if_modified(|claim| {
            let had = *claim != Claim::None;
            *claim = Claim::None;
            had
        });
    }

    /// Nothing new leaves any more, or it may again.
    pub fn set_halted(&self, halted: bool) {
        self.set_bar(HALTED, halted);
    }

    /// The lane failed and is being replaced, or its successor is through with its sweep.
    pub fn set_recovering(&self, recovering: bool) {
        self.set_bar(RECOVERING, recovering);
    }

    /// What time it is at the venue is not known well enough, or is again.
    pub fn set_clock_unsure(&self, unsure: bool) {
        self.set_bar(CLOCK_UNSURE, unsure);
    }

    /// The venue's filters, or the symbol's state, do not let the instrument trade, or do again.
    pub fn set_unfit(&self, unfit: bool) {
        self.set_bar(UNFIT, unfit);
    }

    /// Whether nothing new may leave because trading was halted.
    #[must_use]
    pub fn is_halted(&self) -> bool {
        self.bars.load(Ordering::Acquire) & HALTED != 0
    }

    /// What keeps new orders from leaving, whoever owns the instrument.
    #[must_use]
    pub fn bar(&self) -> Option<Bar> {
        bar_of(self.bars.load(Ordering::Acquire))
    }

    /// The same for the lane, which waits for it to change.
    #[must_use]
    pub fn barred(&self) -> watch::Receiver<Option<Bar>> {
        self.barred.subscribe()
    }

    fn set_bar(&self, bit: u8, set: bool) {
        if set {
            self.bars.fetch_or(bit, Ordering::AcqRel);
        } else {
            self.bars.fetch_and(!bit, Ordering::AcqRel);
        }
        // Read anew under the channel's lock: of two threads that change it, the later one tells the truth.
        self.barred.send_if_modified(|known| {
            let bar = self.bar();
            std::mem::replace(known, bar) != bar
        });
    }

    /// The venue's switch is known to be armed until that moment. A hold that is never told of a switch needs none.
    pub fn set_armed_until(&self, until: Nanos) {
        self.armed_until.store(until.0, Ordering::Release);
    }

    /// Whether the venue's switch is armed, until when orders may leave for that, and when the last acknowledged
    /// renewal left.
    pub fn set_armed(&self, armed: Armed, until: Nanos, renewed: Option<Nanos>) {
        let needs_none = matches!(armed, Armed::NotNeeded | Armed::Waived);
        self.set_armed_until(if needs_none { FOR_EVER } else { until });
        self.arming.set(armed, renewed);
    }

    /// What the lane and the venue's switch know of each other.
    #[must_use]
    pub const fn arming(&self) -> &Arming {
        &self.arming
    }

    /// Whether an order of that epoch, decided on a tick of that generation, may leave now.
    ///
    /// # Errors
    /// Why it may not.
    pub fn grants(&self, epoch: Epoch, generation: Generation, now: Nanos) -> Result<(), Denial> {
        // Opened in the other order: what is read after an open `until` belongs to it or to a later term.
        let proved = now.0 < self.until.load(Ordering::Acquire)
            && self.epoch.load(Ordering::Acquire) == epoch.number()
            && (generation == Generation::OWN || self.generation.load(Ordering::Acquire) == generation.0);
        if !proved {
            return Err(Denial::NoPermit);
        }
        if let Some(bar) = self.bar() {
            return Err(bar.denial());
        }
        if now.0 >= self.armed_until.load(Ordering::Acquire) { Err(Denial::SwitchOff) } else { Ok(()) }
    }

    /// The epoch of the running or the latest term.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        Epoch::new(self.epoch.load(Ordering::Acquire))
    }

    /// Until when the ownership is proved; zero = shut.
    #[must_use]
    pub fn until(&self) -> Nanos {
        Nanos(self.until.load(Ordering::Acquire))
    }

    /// Whether orders may leave now.
    #[must_use]
    pub fn is_open(&self, now: Nanos) -> bool {
        now < self.until()
    }

    /// What the lane is told; for the lane.
    #[must_use]
    pub fn claim(&self) -> watch::Receiver<Claim> {
        self.claim.subscribe()
    }

    /// From when on the instrument is ours, if it is or will be: an owner before may go on until then.
    #[must_use]
    pub fn from(&self) -> Nanos {
        match *self.claim.borrow() {
            Claim::Held(term) => term.from.mono,
            Claim::Leaving | Claim::None => Nanos(0),
        }
    }

    /// The lane found orders of as late an epoch as its own, and took a later one. Only where it is ours alone.
    pub fn outgrow(&self, epoch: Epoch) {
        if self.until() == FOR_EVER {
            self.epoch.fetch_max(epoch.number(), Ordering::AcqRel);
        }
    }

    /// An owner of that epoch is known to have placed: no term of ours begins at or below it.
    pub fn outgrow_owner(&self, epoch: Epoch) {
        self.floor.fetch_max(epoch.number(), Ordering::AcqRel);
    }

    /// The latest epoch that is known to have placed, if any.
    #[must_use]
    pub fn floor(&self) -> Option<Epoch> {
        Some(self.floor.load(Ordering::Acquire)).filter(|floor| *floor > 0).map(Epoch::new)
    }

    /// The venue showed an order of that epoch. While our own term is proved, a later one's means that somebody else
    /// owns what we hold: then the term is over. A process that shares with nobody hears others by its lane.
    pub fn saw(&self, epoch: Epoch, now: impl FnOnce() -> Nanos) {
        if epoch == self.epoch() {
            self.traded.store(true, Ordering::Relaxed);
        } else if epoch > self.epoch() && self.until() != FOR_EVER {
            self.outgrow_owner(epoch);
            if self.is_open(now()) {
                self.supersede();
            }
        }
    }

    /// The venue refused an order because an owner of that later epoch has placed.
    ///
    /// A process that shares with nobody and has not traded yet has only been started with a clock that is behind:
    /// it takes a later epoch. One that has traded was followed by another, which must not be thrown out again.
    pub fn refused_for(&self, epoch: Epoch, now: Nanos) {
        if epoch <= self.epoch() {
            return;
        }
        self.outgrow_owner(epoch);
        if !self.is_open(now) {
            return;
        }
        if self.until() == FOR_EVER && !self.traded.load(Ordering::Relaxed) {
            tracing::warn!(
                epoch = epoch.number(),
                "an owner of a later epoch has traded: taking a later one"
            );
            self.begin_alone(Epoch::new(epoch.number().saturating_add(1)));
            // Once: two that do so would go on for ever.
            self.traded.store(true, Ordering::Relaxed);
        } else {
            self.supersede();
        }
    }

    /// Whether the term was ended by a later owner's orders, since this was last asked.
    pub fn take_superseded(&self) -> bool {
        self.superseded.load(Ordering::Relaxed) && self.superseded.swap(false, Ordering::AcqRel)
    }

    /// How often a later owner's orders ended a term that was proved to be ours.
    #[must_use]
    pub fn conflicts(&self) -> u64 {
        self.conflicts.load(Ordering::Relaxed)
    }

    fn supersede(&self) {
        self.shut();
        self.conflicts.fetch_add(1, Ordering::Relaxed);
        self.superseded.store(true, Ordering::Release);
        self.lose();
    }

    /// Whether the instrument is ours, or still to be handed over by us.
    #[must_use]
    pub fn is_claimed(&self) -> bool {
        *self.claim.borrow() != Claim::None
    }

    /// Whether the instrument is ours, and not to be handed over.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        !matches!(*self.claim.borrow(), Claim::None | Claim::Leaving)
    }

    /// The lane says which reference trade, by its number, its last pair was made of: before it says that it is quiet.
    /// A lane that begins anew has none to say, and what was said before stays.
    pub fn set_traded_up_to(&self, number: Option<u64>) {
        if let Some(number) = number {
            self.traded_up_to.store(number, Ordering::Relaxed);
        }
    }

    /// What the next owner is to be told, once nothing is left here.
    #[must_use]
    pub fn traded_up_to(&self) -> Option<u64> {
        Some(self.traded_up_to.load(Ordering::Relaxed)).filter(|number| *number > 0)
    }

    /// The lane says whether anything of an earlier term is left.
    pub fn set_quiet(&self, quiet: bool) {
        self.quiet.send_if_modified(|known| std::mem::replace(known, quiet) != quiet);
    }

    /// Waits until nothing of an earlier term is left: orders ended, cancels confirmed by a last sweep.
    ///
    /// # Cancel safety
    /// May be dropped and called again.
    pub async fn quiet(&self) {
        // The sender is ours: it cannot be gone.
        let _ = self.quiet.subscribe().wait_for(|quiet| *quiet).await;
    }
}

const fn bar_of(bars: u8) -> Option<Bar> {
    if bars & (HALTED | RECOVERING | UNFIT) != 0 {
        Some(Bar::Halted)
    } else if bars & CLOCK_UNSURE != 0 {
        Some(Bar::ClockUnsure)
    } else {
        None
    }
}
