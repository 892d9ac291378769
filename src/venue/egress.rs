//! The way out to one venue: everything that this process sends there asks here first and tells here what came back.
//!
//! A venue counts and bans an address, not a connection. So its order gateways, REST clients, books and user streams
//! share one breaker and one budget of connections. A [`Target`](super::guard::Target) carries it: its clones are one
//! address.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pipeline::gateway::{Address, Connects, Errand, Standing};
use pipeline::time::Nanos;
use schemas::wire::binance::api_error::{ApiError, ErrorClass};

use crate::clock::{self, Clock};

/// Connections in five minutes from one address: a venue stands 300.
const CONNECTS_MAX: usize = 240;
/// How long a connection that a full window holds back sleeps at most before it looks again.
const NAP_MAX: Duration = Duration::from_secs(1);

/// It did not leave: the venue wants this address to be silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("held back: the venue wants silence for {} ms", .wait.as_millis())]
pub struct Held {
    /// When to ask again.
    pub wait: Duration,
}

/// The way out to one venue. Clones are the same one.
#[derive(Clone, Debug)]
pub struct Egress(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    clock: Clock,
    address: Address,
    connects: Mutex<Connects>,
}

impl Default for Egress {
    fn default() -> Self {
        let connects = Mutex::new(Connects::new(CONNECTS_MAX, Duration::ZERO));
        Self(Arc::new(Inner { clock: Clock::of_process(), address: Address::default(), connects }))
    }
}

impl Egress {
    /// The breaker, for a gateway's machine, which asks it by itself.
    #[must_use]
    pub fn address(&self) -> Address {
        self.0.address.clone()
    }

    /// Whether both are the same way out.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Asks whether something may leave now. Whoever is let through and hears an answer tells it.
    ///
    /// # Errors
    /// [`Held`]: it must not.
    pub fn admit(&self, errand: Errand) -> Result<(), Held> {
        let now = self.now();
        let mut breaker = self.0.address.lock();
        if breaker.admit(errand, now) {
            Ok(())
        } else {
            Err(Held { wait: breaker.from(errand, now).since(now) })
        }
    }

    /// Whether nothing holds anything back.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.standing() == Standing::Open
    }

    /// How the address stands with the venue.
    #[must_use]
    pub fn standing(&self) -> Standing {
        self.0.address.lock().standing(self.now())
    }

    /// How much longer the ban lasts, if there is one.
    #[must_use]
    pub fn banned_for(&self) -> Option<Duration> {
        match self.standing() {
            Standing::Banned(until) => Some(until.since(self.now())),
            Standing::Open | Standing::Limited(_) | Standing::HalfOpen => None,
        }
    }

    /// Answers that told the address to wait (429), and that it was banned (418).
    #[must_use]
    pub fn counts(&self) -> [u64; 2] {
        self.0.address.lock().counts()
    }

    /// The venue answered with something else than a limit.
    pub fn handle_served(&self) {
        self.0.address.lock().handle_served(self.now());
    }

    /// The venue answered with an error of its own. `told` is what a header says of how long to wait.
    pub fn handle_refused(&self, error: &ApiError, told: Option<Duration>) {
        if error.class() == ErrorClass::RateLimited {
            let said = error.retry_after.map(|retry| retry.wait(clock::wall_ms()));
            self.handle_status(error.status, said.or(told));
        } else {
            self.handle_served();
        }
    }

    /// The venue answered with that status: 429 and 418 say that it wants silence.
    pub fn handle_status(&self, status: u16, wait: Option<Duration>) {
        let now = self.now();
        let mut breaker = self.0.address.lock();
        let was = breaker.standing(now);
        match status {
            418 => breaker.handle_banned(wait, now),
            429 => breaker.handle_limited(wait, now),
            _ => {}
        }
        let is = breaker.standing(now);
        drop(breaker);
        if is != was {
            tracing::warn!(status, standing = ?is, "the venue wants silence from this address");
        }
    }

    /// Turns to connect, for one stream.
    #[must_use]
    pub fn turns(&self) -> Turns {
        Turns { egress: self.clone(), own: Connects::of_stream() }
    }

    /// A connection begins.
    ///
    /// # Errors
    /// [`Held`]: it must not, because of the venue or because too many began lately.
    pub(crate) fn connect(&self) -> Result<(), Held> {
        let now = self.now();
        let mut connects = self.connects();
        let from = connects.from(now);
        if from > now {
            return Err(Held { wait: from.since(now) });
        }
        self.admit(Errand::Ask)?;
        connects.begin(now);
        if connects.in_window(now) == connects.most() * 4 / 5 {
            tracing::warn!(most = connects.most(), "four fifths of the connections of five minutes are used");
        }
        Ok(())
    }

    /// Connections that began in the last five minutes, as a part of the most.
    #[must_use]
    pub fn connects_in_window(&self) -> (usize, usize) {
        let connects = self.connects();
        (connects.in_window(self.now()), connects.most())
    }

    fn now(&self) -> Nanos {
        self.0.clock.now().mono
    }

    fn connects(&self) -> MutexGuard<'_, Connects> {
        self.0.connects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One stream's turns to connect: one a second, 60 in five minutes, and none while the venue wants silence.
#[derive(Debug)]
pub struct Turns {
    egress: Egress,
    own: Connects,
}

impl Turns {
    /// Waits for the next turn and takes it.
    ///
    /// # Cancel safety
    /// A dropped future has taken no turn.
    pub async fn next(&mut self) {
        loop {
            let now = self.egress.now();
            let silence = self.egress.0.address.lock().from(Errand::Ask, now);
            let at = self.own.from(now).max(silence).max(self.egress.connects().from(now));
            if at <= now {
                self.own.begin(now);
                return;
            }
            // What holds it back may end sooner or later than it says.
            tokio::time::sleep(at.since(now).min(NAP_MAX)).await;
        }
    }
}
