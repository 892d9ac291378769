//! A process's reading of the venue's clock: the real gate, and what src/app/account/clock.rs does with it, without
//! waiting.

use std::sync::Arc;
use std::time::Duration;

use pipeline::clock_gate::ClockGate;
use pipeline::time::{Nanos, Now};
use self_trader::ownership::Hold;

use super::Effect;

/// How often the venue's clock is measured while it is sure.
const EVERY: Duration = Duration::from_secs(30);
/// The same while it is not, and after a measurement that failed.
const SOON: Duration = Duration::from_secs(1);
/// How often our own clock is looked at.
const TURN: Duration = Duration::from_millis(250);
/// How long one measurement may take.
const PATIENCE: Duration = Duration::from_secs(3);

#[derive(Debug)]
pub(super) struct ClockFollower {
    gate: ClockGate,
    holds: Vec<Arc<Hold>>,
    was_sure: bool,
    /// The measurement under way: its number, and both clocks as it left.
    asked: Option<(u64, Now)>,
    number: u64,
    next: Nanos,
    turn: Nanos,
}

impl ClockFollower {
    /// Begins with the measurement of the start.
    pub(super) fn new(holds: &[Arc<Hold>], offset_ms: i64, now: Now) -> Self {
        let mut gate = ClockGate::default();
        gate.handle_measured(offset_ms, Duration::from_millis(2), now);
        Self {
            gate,
            holds: holds.to_vec(),
            was_sure: true,
            asked: None,
            number: 0,
            next: now.mono + EVERY,
            turn: now.mono,
        }
    }

    /// The venue said what time it is.
    pub(super) fn answered(&mut self, number: u64, venue_ms: i64, now: Now) {
        let Some((_, sent)) = self.asked.take_if(|(asked, _)| *asked == number) else { return };
        let between_ms = sent.wall_ms.midpoint(now.wall_ms);
        self.gate.handle_measured(venue_ms - between_ms, now.mono.since(sent.mono), now);
        self.next = now.mono + if self.gate.verdict(now).is_ok() { EVERY } else { SOON };
    }

    /// Looks at our own clock, measures the venue's where that is due, and tells the holds.
    pub(super) fn step(&mut self, now: Now, effects: &mut Vec<Effect>) {
        if now.mono >= self.turn {
            self.turn = now.mono + TURN;
            self.gate.handle_turn(now);
        }
        if self.asked.take_if(|(_, sent)| now.mono.since(sent.mono) >= PATIENCE).is_some() {
            self.next = now.mono + SOON;
        }
        let is_sure = self.gate.verdict(now).is_ok();
        if !is_sure {
            self.next = self.next.min(now.mono + SOON);
        }
        if self.asked.is_none() && now.mono >= self.next {
            self.number += 1;
            self.asked = Some((self.number, now));
            effects.push(Effect::AskTime { number: self.number });
        }
        if is_sure != self.was_sure {
            self.was_sure = is_sure;
            self.holds.iter().for_each(|hold| hold.set_clock_unsure(!is_sure));
        }
    }

    /// What to add to our clock to have the venue's.
    pub(super) fn offset_ms(&self, now: Now) -> i64 {
        self.gate.offset(now).map_or(0, |(offset_ms, _)| offset_ms)
    }

    pub(super) fn poll_timeout(&self) -> Nanos {
        let answer = self.asked.map(|(_, sent)| sent.mono + PATIENCE);
        self.turn.min(answer.unwrap_or(self.next))
    }
}
