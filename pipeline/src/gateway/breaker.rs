//! One breaker an address: a venue counts what an address asks for all together, and bans it as a whole.
//!
//! Told to wait (429), no order and no question leaves until the time is up; a few cancels do, since a maker that
//! rests is worse. Banned (418), nothing leaves at all. Afterwards one request goes ahead, and the rest follow once
//! it is served.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::time::Nanos;

/// How long a venue that says no time is left alone.
pub const LIMITED_DEFAULT: Duration = Duration::from_secs(60);
/// The shortest ban there is.
pub const BANNED_DEFAULT: Duration = Duration::from_secs(120);
/// No wait is shorter.
const WAIT_MIN: Duration = Duration::from_secs(1);
/// The longest wait that is believed.
pub const WAIT_MAX: Duration = Duration::from_secs(3 * 86_400);
/// Cancels that may leave while the venue wants to be left alone: fewer than it takes for not listening.
const CANCELS_MAX: u32 = 8;
/// How long the request that goes ahead may go without an answer before another one does.
const PROBE_PATIENCE: Duration = Duration::from_secs(3);

/// What somebody wants to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Errand {
    /// A new order.
    Place,
    /// A cancel.
    Cancel,
    /// Anything else: a question, a setting, a connection.
    Ask,
}

/// How an address stands with a venue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Standing {
    /// Everything may leave.
    #[default]
    Open,
    /// Told to wait until then.
    Limited(Nanos),
    /// One request goes ahead of the others.
    HalfOpen,
    /// Banned until then.
    Banned(Nanos),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Closed,
    Limited,
    Banned,
}

/// The breaker of one address.
#[derive(Clone, Copy, Debug, Default)]
pub struct Breaker {
    state: State,
    until: Nanos,
    cancels_left: u32,
    /// Since when one request is ahead of the others.
    probe: Option<Nanos>,
    limited: u64,
    banned: u64,
}

impl Breaker {
    /// Whether it may leave now. After a wait the first one asked for is the one that goes ahead.
    pub fn admit(&mut self, errand: Errand, now: Nanos) -> bool {
        if !self.admits(errand, now) {
            return false;
        }
        if self.state == State::Closed {
            return true;
        }
        if self.goes_ahead(now) {
            self.probe = Some(now);
        } else {
            self.cancels_left -= 1;
        }
        true
    }

    /// Whether [`Breaker::admit`] would let it leave.
    #[must_use]
    pub fn admits(&self, errand: Errand, now: Nanos) -> bool {
        self.state == State::Closed || self.goes_ahead(now) || self.spares(errand)
    }

    /// When it may leave, as far as is known now; not after `now` = at once.
    #[must_use]
    pub fn from(&self, errand: Errand, now: Nanos) -> Nanos {
        if self.admits(errand, now) {
            return now;
        }
        self.until.max(self.probe.map_or(self.until, |since| since + PROBE_PATIENCE))
    }

    /// The venue refused a request because of its limits (429).
    pub fn handle_limited(&mut self, wait: Option<Duration>, now: Nanos) {
        self.limited += 1;
        let wait = wait.unwrap_or(LIMITED_DEFAULT);
        if self.state == State::Banned && now < self.until {
            self.wait(State::Banned, wait, now);
            return;
        }
        if self.state != State::Limited {
            self.cancels_left = CANCELS_MAX;
        }
        self.wait(State::Limited, wait, now);
    }

    /// The venue has banned this address (418).
    pub fn handle_banned(&mut self, wait: Option<Duration>, now: Nanos) {
        self.banned += 1;
        self.wait(State::Banned, wait.unwrap_or(BANNED_DEFAULT), now);
    }

    /// The venue did what it was asked for, or refused it for another reason.
    pub fn handle_served(&mut self, now: Nanos) {
        if self.probe.is_some() && now >= self.until {
            *self = Self { limited: self.limited, banned: self.banned, ..Self::default() };
        }
    }

    /// How the address stands.
    #[must_use]
    pub fn standing(&self, now: Nanos) -> Standing {
        match self.state {
            State::Closed => Standing::Open,
            State::Limited | State::Banned if now >= self.until => Standing::HalfOpen,
            State::Limited => Standing::Limited(self.until),
            State::Banned => Standing::Banned(self.until),
        }
    }

    /// Answers that told this address to wait, and that it was banned.
    #[must_use]
    pub const fn counts(&self) -> [u64; 2] {
        [self.limited, self.banned]
    }

    fn goes_ahead(&self, now: Nanos) -> bool {
        let waits = self.probe.is_some_and(|since| now.since(since) < PROBE_PATIENCE);
        self.state != State::Closed && now >= self.until && !waits
    }

    fn spares(&self, errand: Errand) -> bool {
        self.state == State::Limited && errand == Errand::Cancel && self.cancels_left > 0
    }

    fn wait(&mut self, state: State, wait: Duration, now: Nanos) {
        // An earlier end shortens nothing.
        self.until = self.until.max(now + wait.clamp(WAIT_MIN, WAIT_MAX));
        self.state = state;
        self.probe = None;
    }
}

/// The breaker of one address, shared by everything in this process that sends from it. Clones are the same one.
#[derive(Clone, Debug, Default)]
pub struct Address(Arc<Mutex<Breaker>>);

impl Address {
    /// The breaker, for one step.
    pub fn lock(&self) -> MutexGuard<'_, Breaker> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
