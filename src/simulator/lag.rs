//! How late a profile makes a venue: so long after everything, and a draw more. What came first leaves first.

use std::time::Duration;

use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};
use tokio::time::Instant;

use super::profile::Latency;

/// The delays of one connection's messages.
#[derive(Debug)]
pub(super) struct Lags {
    rng: Xoshiro256PlusPlus,
    answers: Lag,
    events: Lag,
}

/// One kind of messages.
#[derive(Debug)]
struct Lag {
    least_ms: u64,
    jitter_ms: u64,
    /// When the last one is due.
    last: Option<Instant>,
}

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// It was asked for.
    Answer,
    /// It tells what happened.
    Event,
}

impl Lags {
    /// Those of a connection; none where everything comes at once.
    pub(super) fn new(latency: &Latency, connection: u64) -> Option<Self> {
        let lag = |least_ms, jitter_ms| Lag { least_ms, jitter_ms, last: None };
        let lags = Self {
            rng: Xoshiro256PlusPlus::seed_from_u64(latency.seed.rotate_left(32) ^ connection),
            answers: lag(latency.answer_ms, latency.answer_jitter_ms),
            events: lag(latency.event_ms, latency.event_jitter_ms),
        };
        (lags.answers.is_late() || lags.events.is_late()).then_some(lags)
    }

    /// When a message may leave, `delay` from now at the earliest; none if at once.
    pub(super) fn due(&mut self, kind: Kind, delay: Duration, now: Instant) -> Option<Instant> {
        let lag = match kind {
            Kind::Answer => &mut self.answers,
            Kind::Event => &mut self.events,
        };
        if !lag.is_late() {
            return (!delay.is_zero()).then(|| now + delay);
        }
        let ms = lag.least_ms + self.rng.random_range(0..=lag.jitter_ms);
        let due = now + delay + Duration::from_millis(ms);
        // Chance does not turn messages of one kind around.
        let due = lag.last.map_or(due, |last| due.max(last));
        lag.last = Some(due);
        Some(due)
    }
}

impl Lag {
    const fn is_late(&self) -> bool {
        self.least_ms > 0 || self.jitter_ms > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_are_within_their_bounds_in_order_and_the_seeds() {
        let latency = Latency { answer_ms: 5, answer_jitter_ms: 3, seed: 9, ..Latency::default() };
        let start = Instant::now();
        let draw = |connection| {
            let mut lags = Lags::new(&latency, connection).unwrap();
            (0..100_u64)
                .map(|at| {
                    let now = start + Duration::from_millis(at * 10);
                    lags.due(Kind::Answer, Duration::ZERO, now).unwrap() - now
                })
                .collect::<Vec<_>>()
        };
        let delays = draw(1);
        let [least, most] = [5, 8].map(Duration::from_millis);
        assert!(delays.iter().all(|delay| (least..=most).contains(delay)), "{delays:?}");
        assert!(delays.contains(&least) && delays.contains(&most));
        assert_eq!(delays, draw(1));
        assert_ne!(delays, draw(2));
        let mut lags = Lags::new(&latency, 1).unwrap();
        let dues: Vec<_> = (0..100).map(|_| lags.due(Kind::Answer, Duration::ZERO, start).unwrap()).collect();
        assert!(dues.is_sorted());
        assert_eq!(lags.due(Kind::Event, Duration::ZERO, start), None, "events are not late");
        assert!(Lags::new(&Latency::default(), 1).is_none());
    }
}
