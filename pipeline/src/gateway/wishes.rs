//! What a venue's answers say of silence, until a reading of our clock tells when that is over.
//!
//! A wish is a length of time from its answer on, never a moment of the wall clock: that may be set while the wish is
//! on its way, and would make it too short or hours too long.

use std::time::Duration;

use super::breaker::{Address, WAIT_MAX};
use super::evidence::Silence;
use super::limiter::Limiter;
use crate::time::Nanos;

/// Wishes that nobody was told of yet.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Wishes {
    address: Option<(Duration, Silence)>,
    orders: Option<Duration>,
}

impl Wishes {
    /// An answer asks for silence from now on.
    pub(super) fn hear(&mut self, wait: Duration, silence: Silence) {
        let wait = wait.min(WAIT_MAX);
        if silence == Silence::Orders {
            self.orders = self.orders.max(Some(wait));
            return;
        }
        // Of two, a ban is the stricter one.
        let both = |(known, earlier): (Duration, Silence)| {
            (known.max(wait), if earlier == Silence::All { earlier } else { silence })
        };
        self.address = Some(self.address.map_or((wait, silence), both));
    }

    /// Nothing is to be told.
    pub(super) const fn is_empty(&self) -> bool {
        self.address.is_none() && self.orders.is_none()
    }

    /// Tells those whom it concerns.
    pub(super) fn tell(&mut self, address: &Address, limiter: &mut Limiter, now: Nanos) {
        if let Some(wait) = self.orders.take() {
            limiter.hold_orders(now + wait);
        }
        match self.address.take() {
            Some((wait, Silence::All)) => address.lock().handle_banned(Some(wait), now),
            Some((wait, Silence::Most | Silence::Orders)) => address.lock().handle_limited(Some(wait), now),
            None => {}
        }
    }
}
