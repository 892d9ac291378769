//! A process's side of the venue's dead man's switch: the real machine, and what src/venue/binance/switch does with it,
//! without waiting.

use std::sync::Arc;
use std::time::Duration;

use pipeline::switch::{Switch, Times, View};
use pipeline::time::Nanos;
use self_trader::ownership::{Armed, Hold};

use super::Effect;
use crate::sabotage::Sabotage;

/// How long the venue's answer may take.
const PATIENCE: Duration = Duration::from_millis(1_500);
/// How often what is known of the orders is looked at while it keeps a renewal back.
const LOOK: Duration = Duration::from_millis(50);
/// The same where nothing is ours.
const LOOK_IDLE: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Switches {
    holds: Vec<Arc<Hold>>,
    switches: Vec<Switch>,
    /// Renewals on their way: their numbers, which instruments they are for, until when an answer is waited for.
    asked: Vec<(u64, Vec<usize>, Nanos)>,
    next: u64,
    countdown: Duration,
    blindly: bool,
}

impl Switches {
    pub(super) fn new(holds: &[Arc<Hold>], times: Times, sabotage: Option<Sabotage>) -> Self {
        holds.iter().for_each(|hold| hold.set_armed(Armed::No, Nanos(0), None));
        Self {
            holds: holds.to_vec(),
            switches: holds.iter().map(|_| Switch::new(times)).collect(),
            asked: Vec::new(),
            next: 0,
            countdown: times.countdown,
            blindly: sabotage == Some(Sabotage::RenewBlindly),
        }
    }

    pub(super) fn answered(&mut self, number: u64, is_renewed: bool, now: Nanos) {
        let Some(place) = self.asked.iter().position(|(asked, _, _)| *asked == number) else { return };
        let (_, lanes, _) = self.asked.remove(place);
        for lane in lanes {
            if is_renewed {
                self.switches[lane].handle_acknowledged();
            } else {
                self.switches[lane].handle_failed(now);
            }
        }
    }

    /// Sends what is due, and tells every instrument whether it may rely on its switch.
    pub(super) fn step(&mut self, venue_ms: i64, now: Nanos, effects: &mut Vec<Effect>) {
        while let Some((number, _, _)) = self.asked.iter().find(|(_, _, until)| *until <= now).cloned() {
            self.answered(number, false, now);
        }
        let mut due = Vec::new();
        for lane in 0..self.switches.len() {
            let view = self.view(lane, now);
            if self.switches[lane].poll_renewal(view, now) {
                due.push(lane);
            }
        }
        if !due.is_empty() {
            self.next += 1;
            self.asked.push((self.next, due.clone(), now + PATIENCE));
            effects.push(Effect::Renew {
                number: self.next,
                lanes: due,
                countdown: self.countdown,
                venue_ms,
            });
        }
        for (switch, hold) in self.switches.iter().zip(&self.holds) {
            let armed = if switch.is_armed(now) { Armed::Yes } else { Armed::No };
            hold.set_armed(armed, switch.armed_until(), switch.renewed());
        }
    }

    pub(super) fn poll_timeout(&self, now: Nanos) -> Option<Nanos> {
        let answer = self.asked.iter().map(|(_, _, until)| *until).min();
        let of_lane = |(switch, hold): (&Switch, &Arc<Hold>)| {
            let look = if hold.is_claimed() { LOOK } else { LOOK_IDLE };
            let due = switch.poll_timeout().map(|due| if due > now { due } else { now + look });
            let lapses = Some(switch.armed_until()).filter(|until| *until > now);
            [due, lapses]
        };
        let looks = self.switches.iter().zip(&self.holds).flat_map(of_lane).flatten();
        looks.chain(answer).min()
    }

    /// What the lane says of its orders, and nothing of an instrument that is not provably ours.
    fn view(&self, lane: usize, now: Nanos) -> View {
        let hold = &self.holds[lane];
        if self.blindly {
            return View { swept: true, oldest: None };
        }
        let view = hold.arming().view();
        View { swept: view.swept && hold.is_open(now), ..view }
    }
}
