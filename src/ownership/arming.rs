//! What an instrument and the venue's dead man's switch know of each other: the lane says what may be open, whoever
//! keeps the switch says whether it is armed.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use pipeline::switch::View;
use pipeline::time::Nanos;
use tokio::sync::watch;

/// Whether orders may rely on a switch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Armed {
    /// The venue has none, or none is wanted: nothing waits for it.
    #[default]
    NotNeeded,
    /// It is wanted and not armed: no order leaves.
    No,
    /// It is wanted and not armed, since it would hit others' orders; orders leave all the same.
    Waived,
    /// It is armed.
    Yes,
}

/// One instrument's side of the switch, written and read from any thread.
#[derive(Debug, Default)]
pub struct Arming {
    swept: AtomicBool,
    /// When the oldest order was sent that may be open, plus one; 0 = none is.
    oldest: AtomicU64,
    /// When the last acknowledged renewal left, plus one; 0 = none did.
    renewed: AtomicU64,
    armed: watch::Sender<Armed>,
}

impl Arming {
    /// The lane's: what may be open from now on. To be said before an order leaves.
    pub fn show(&self, view: View) {
        self.oldest.store(view.oldest.map_or(0, |since| since.0.saturating_add(1)), Ordering::Release);
        self.swept.store(view.swept, Ordering::Release);
    }

    /// What the lane last said.
    #[must_use]
    pub fn view(&self) -> View {
        let swept = self.swept.load(Ordering::Acquire);
        View { swept, oldest: self.oldest.load(Ordering::Acquire).checked_sub(1).map(Nanos) }
    }

    /// The switch's: whether it is armed, and when the last acknowledged renewal left.
    pub(super) fn set(&self, armed: Armed, renewed: Option<Nanos>) {
        self.renewed.store(renewed.map_or(0, |left| left.0.saturating_add(1)), Ordering::Release);
        self.armed.send_if_modified(|known| std::mem::replace(known, armed) != armed);
    }

    /// Whether it is armed, for the lane.
    #[must_use]
    pub fn armed(&self) -> watch::Receiver<Armed> {
        self.armed.subscribe()
    }

    /// Whether it is armed, now.
    #[must_use]
    pub fn is(&self) -> Armed {
        *self.armed.borrow()
    }

    /// When the last acknowledged renewal left.
    #[must_use]
    pub fn renewed(&self) -> Option<Nanos> {
        self.renewed.load(Ordering::Acquire).checked_sub(1).map(Nanos)
    }
}
