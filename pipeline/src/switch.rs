//! The venue's dead man's switch for one instrument: when to renew it, and until when makers may rely on it.
//!
//! A switch cancels at the venue what is open once it has not been renewed for its countdown. Renewing it while merely
//! connected would keep an order alive whose end is not known: two faults in a row each restart the countdown. So it
//! is renewed only while the instrument was swept and no order of it is older than the in-doubt limit. Then no order
//! outlives that limit and one countdown, whatever becomes of this process and of the network:
//!
//! * an order that is open when a renewal arrives was sent at most the limit before: a renewal leaves only if the
//!   oldest order will not be older even where the venue takes it in at the end of its window, and refuses it later;
//! * an order that arrives after the last renewal finds the switch running: none leaves unless what is left of the
//!   countdown is longer than the order's own window.
//!
//! Nothing here waits: `poll_renewal` says when to ask the venue, `handle_*` takes what came of it.

use std::time::Duration;

use crate::clock_gate::UNSURE_MAX;
use crate::time::Nanos;

/// No order of ours may be older than this when the switch is renewed: promise P1's first part.
pub const IN_DOUBT_MAX: Duration = Duration::from_secs(3);

/// How a switch is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// How long after a renewal the venue cancels.
    pub countdown: Duration,
    /// From one renewal to the next.
    pub renew_every: Duration,
    /// How long after its timestamp the venue takes a renewal in; later it refuses it.
    pub window: Duration,
    /// How much of the countdown must be left when an order leaves: the order's own window and a margin.
    pub order_window: Duration,
    /// The oldest that an order may be when a renewal is taken in.
    pub in_doubt_max: Duration,
}

/// What is known of an instrument's orders.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// The sweep is complete, and the instrument ours to trade.
    pub swept: bool,
    /// When the oldest of those was sent that may be open.
    pub oldest: Option<Nanos>,
}

/// One instrument's switch.
#[derive(Clone, Debug)]
pub struct Switch {
    times: Times,
    /// When the renewal on its way left.
    on_its_way: Option<Nanos>,
    /// When the last acknowledged renewal left.
    renewed: Option<Nanos>,
    next: Nanos,
}

impl Times {
    /// How long after a renewal left orders may rely on it: until the next but one is due, so that one that fails
    /// stops placing within a period, and no longer than the countdown outlasts an order's own window.
    #[must_use]
    pub fn relied_on(&self) -> Duration {
        (self.renew_every * 2).min(self.countdown.saturating_sub(self.order_window))
    }
}

impl Switch {
    /// A switch that is not armed.
    #[must_use]
    pub const fn new(times: Times) -> Self {
        Self { times, on_its_way: None, renewed: None, next: Nanos(0) }
    }

    /// Whether a renewal is to leave now. If so it counts as on its way, and one of the `handle_*` must follow.
    pub fn poll_renewal(&mut self, view: View, now: Nanos) -> bool {
        if self.on_its_way.is_some() || now < self.next || !self.may_renew(view, now) {
            return false;
        }
        self.on_its_way = Some(now);
        self.next = now + self.times.renew_every;
        true
    }

    /// The venue has taken the renewal in. What it proves counts from when that left.
    pub fn handle_acknowledged(&mut self) {
        if let Some(left) = self.on_its_way.take() {
            self.renewed = Some(left);
        }
    }

    /// The venue refused it, or nothing came back: it may have arrived, which proves nothing.
    pub fn handle_failed(&mut self, now: Nanos) {
        if self.on_its_way.take().is_some() {
            self.next = self.next.min(now + self.times.renew_every / 2);
        }
    }

    /// The venue was told to switch it off instead: nothing may be relied on. It is asked again a period after that.
    pub const fn handle_off(&mut self) {
        (self.on_its_way, self.renewed) = (None, None);
    }

    /// Until when an order may leave.
    #[must_use]
    pub fn armed_until(&self) -> Nanos {
        self.renewed.map_or(Nanos(0), |left| left + self.times.relied_on())
    }

    /// Whether an order may leave now.
    #[must_use]
    pub fn is_armed(&self, now: Nanos) -> bool {
        now < self.armed_until()
    }

    /// When the last acknowledged renewal left.
    #[must_use]
    pub const fn renewed(&self) -> Option<Nanos> {
        self.renewed
    }

    /// When to look again, if what is known of the orders does not change before. `None` while a renewal is on its
    /// way.
    #[must_use]
    pub const fn poll_timeout(&self) -> Option<Nanos> {
        if self.on_its_way.is_some() { None } else { Some(self.next) }
    }

    /// Swept, and nothing too old even if the renewal arrives at the end of its window.
    fn may_renew(&self, view: View, now: Nanos) -> bool {
        // The venue's clock is known to half a second: its window may last so much longer than ours.
        let window = self.times.window + UNSURE_MAX;
        let young = |sent: Nanos| now.since(sent) + window <= self.times.in_doubt_max;
        view.swept && view.oldest.is_none_or(young)
    }
}
