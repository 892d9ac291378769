//! What time it is at a venue: measured again and again, for the gateway's timestamps and for the gate that shuts where
//! that is not known well enough.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use pipeline::clock_gate::{ClockGate, ClockTrouble};
use pipeline::time::{Nanos, Now};
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::clock::Clock;
use crate::failpoint::break_in;
use crate::ownership::Hold;
use crate::start::StartBoard;
use crate::venue::binance::rest::RestClient;
use crate::venue::binance::start;
use crate::venue::guard::Target;

/// How often the venue's clock is measured while it is sure.
const EVERY: Duration = Duration::from_secs(30);
/// The same while it is not, and after a measurement that failed.
const SOON: Duration = Duration::from_secs(1);
/// How often our own clock is looked at: whether it was set.
const TURN: Duration = Duration::from_millis(250);
/// How long one measurement may take.
const PATIENCE: Duration = Duration::from_secs(3);

/// Follows one venue's clock for an account's instruments.
pub(in crate::app) struct ClockFollower {
    pub(in crate::app) target: Target,
    pub(in crate::app) venue: &'static str,
    /// Venue time minus ours, for the gateway.
    pub(in crate::app) offset_ms: Arc<AtomicI64>,
    pub(in crate::app) gate: ClockGate,
    /// The instruments, by their places in the configuration, and their holds.
    pub(in crate::app) places: Vec<usize>,
    pub(in crate::app) holds: Vec<Arc<Hold>>,
    pub(in crate::app) start: StartBoard,
    pub(in crate::app) clock: Clock,
}

/// Until dropped.
pub(in crate::app) async fn follow(mut follower: ClockFollower) {
    let rest = RestClient::new(follower.target.clone());
    let mut turns = interval(TURN);
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut next = follower.clock.now().mono + EVERY;
    let mut verdict = Ok(());
    follower.publish(follower.clock.now());
    loop {
        turns.tick().await;
        break_in("clock");
        follower.gate.handle_turn(follower.clock.now());
        follower.tell(&mut verdict);
        let now = follower.clock.now();
        if now.mono >= next {
            next = follower.measure(&rest).await;
            follower.tell(&mut verdict);
        } else if verdict.is_err() {
            next = next.min(now.mono + SOON);
        }
    }
}

impl ClockFollower {
    /// Measures once; when to do so again.
    async fn measure(&mut self, rest: &RestClient) -> Nanos {
        let measured = timeout(PATIENCE, start::clock_offset(rest, &self.clock)).await;
        let now = self.clock.now();
        match measured {
            Ok(Ok(offset)) => {
                self.gate.handle_measured(offset.offset_ms, offset.round_trip, now);
                self.publish(now);
            }
            Ok(Err(error)) => {
                tracing::warn!(%error, "the venue's clock could not be measured");
                return now.mono + SOON;
            }
            Err(_) => {
                tracing::warn!("the venue's clock could not be measured within {PATIENCE:?}");
                return now.mono + SOON;
            }
        }
        now.mono + if self.gate.verdict(now).is_ok() { EVERY } else { SOON }
    }

    fn publish(&self, now: Now) {
        let Some((offset_ms, uncertain)) = self.gate.offset(now) else { return };
        self.offset_ms.store(offset_ms, Ordering::Relaxed);
        let millis = u32::try_from(offset_ms.unsigned_abs()).unwrap_or(u32::MAX);
        let seconds = f64::from(millis) / 1_000.0;
        let seconds = if offset_ms < 0 { -seconds } else { seconds };
        metrics::gauge!("st_clock_offset_seconds", "venue" => self.venue).set(seconds);
        metrics::gauge!("st_clock_uncertainty_seconds", "venue" => self.venue).set(uncertain.as_secs_f64());
    }

    /// Shuts or opens the gate where the verdict has changed.
    fn tell(&self, known: &mut Result<(), ClockTrouble>) {
        let now = self.clock.now();
        if let Some((_, uncertain)) = self.gate.offset(now) {
            metrics::gauge!("st_clock_uncertainty_seconds", "venue" => self.venue)
                .set(uncertain.as_secs_f64());
        }
        let verdict = self.gate.verdict(now);
        if verdict.is_ok() != known.is_ok() {
            self.holds.iter().for_each(|hold| hold.set_clock_unsure(verdict.is_err()));
            match verdict {
                Ok(()) => tracing::info!(venue = self.venue, "the venue's clock is known again"),
                Err(trouble) => tracing::error!(venue = self.venue, "no order leaves: {trouble}"),
            }
        }
        if verdict != *known {
            self.start.set_clock(&self.places, verdict.err());
            *known = verdict;
        }
    }
}
