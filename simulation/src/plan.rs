//! The list of faults that a seed gives: rounds of faults, each followed by a calm in which everything must heal.

use crate::coverage::{Cell, OrderState};
use crate::dice::Dice;
use crate::fault::{Fault, Kind};
use crate::{MS, SEC};

/// Faults begin in this part of a round.
pub const STORM: u64 = 210 * SEC;
/// Then all of them are over, and life must go on.
pub const CALM: u64 = 90 * SEC;
/// A round.
pub const ROUND: u64 = STORM + CALM;
/// Mean time between the beginnings of two faults.
const EVERY: u64 = 6 * SEC;
/// Time between two faults that are aimed at one cell.
const AIM_EVERY: u64 = 15 * SEC;

/// The faults of a run of that many nanoseconds, in the order of their beginnings.
#[must_use]
pub fn faults(seed: u64, length: u64, processes: usize) -> Vec<Fault> {
    let mut dice = Dice::new(seed, 0xfa17);
    let mut plan = Vec::new();
    for round in 0..length / ROUND {
        let begin = round * ROUND;
        let number = seed.wrapping_mul(length / ROUND).wrapping_add(round);
        storm(begin, number, processes, &mut dice, &mut plan);
    }
    numbered(plan)
}

/// The faults of one round that is to hit a cell of the coverage: again and again, and whatever else brings it about.
#[must_use]
pub fn aimed(cell: Cell, seed: u64, processes: usize) -> Vec<Fault> {
    let mut dice = Dice::new(seed, 0xa1);
    let mut plan = Vec::new();
    for turn in 0..STORM / AIM_EVERY - 1 {
        let at = (turn + 1) * AIM_EVERY;
        let process = process(processes, &mut dice);
        let level = 1 + u32::try_from(dice.between(0, 300)).unwrap_or(0);
        let one = |kind, after, lasts, awaits| {
            let at = at + after;
            Fault { index: 0, at, until: at + lasts, process, level, kind, awaits }
        };
        match cell {
            Cell::Faults(a, b) => {
                plan.extend([(a, 0), (b, SEC)].map(|(kind, after)| one(kind, after, 5 * SEC, None)))
            }
            Cell::State(kind, state) => {
                plan.push(one(kind, 0, AIM_EVERY - 5 * SEC, Some(state)));
                plan.extend(brings(state).map(|kind| one(kind, SEC, 3 * SEC, None)));
            }
        }
    }
    numbered(plan)
}

/// What brings an order into a state that it does not come to by itself.
const fn brings(state: OrderState) -> Option<Kind> {
    match state {
        OrderState::None | OrderState::MakerSent | OrderState::MakerRests | OrderState::TakerSent => None,
        OrderState::InDoubt | OrderState::Cancelling => Some(Kind::UnknownAnswer),
        OrderState::Sweeping | OrderState::Leaving | OrderState::NotOurs => Some(Kind::Stop),
    }
}

/// In the order of their beginnings.
fn numbered(mut plan: Vec<Fault>) -> Vec<Fault> {
    plan.sort_by_key(|fault| fault.at);
    for (index, fault) in plan.iter_mut().enumerate() {
        fault.index = index;
    }
    plan
}

/// One round. Beside chance, a pair of kinds that is this round's by its number meets, so that over many rounds each
/// meets each.
fn storm(begin: u64, number: u64, processes: usize, dice: &mut Dice, plan: &mut Vec<Fault>) {
    let mut at = begin + dice.between(5 * SEC, 10 * SEC);
    // A few kinds of one round come again and again: what takes two of the same is then found, too.
    let favourites = [dice.pick(&Kind::ALL), dice.pick(&Kind::ALL), dice.pick(&Kind::ALL)];
    while at < begin + STORM {
        let kind = if dice.thousandths(300) { dice.pick(&favourites) } else { dice.pick(&Kind::ALL) };
        let process = process(processes, dice);
        if dice.thousandths(100) {
            // In the middle of a hand-over.
            plan.push(one(Kind::Stop, at, process, begin, dice));
            at += dice.between(MS, 60 * MS);
        }
        let fault = one(kind, at, process, begin, dice);
        // One that begins in the calm would never be over.
        if at < begin + STORM {
            plan.push(fault);
        }
        at += dice.wait(EVERY);
    }
    for place in 0..3 {
        let [a, b] = pair(number * 3 + place);
        let at = begin + dice.between(10 * SEC, STORM - 25 * SEC);
        let process = process(processes, dice);
        let first = one(a, at, process, begin, dice);
        let within = first.at + dice.between(0, (first.until - first.at).min(2 * SEC));
        plan.push(first);
        plan.push(one(b, within, process, begin, dice));
    }
}

/// The pair of that number, of all pairs in turn.
fn pair(number: u64) -> [Kind; 2] {
    let count = Kind::COUNT;
    let mut left = usize::try_from(number).unwrap_or(0) % (count * (count + 1) / 2);
    for (first, kind) in Kind::ALL.into_iter().enumerate() {
        let others = count - first;
        if left < others {
            return [kind, Kind::ALL[first + left]];
        }
        left -= others;
    }
    [Kind::ALL[0]; 2]
}

fn process(processes: usize, dice: &mut Dice) -> usize {
    usize::try_from(dice.between(0, processes as u64)).unwrap_or(0)
}

fn one(kind: Kind, at: u64, process: usize, begin: u64, dice: &mut Dice) -> Fault {
    let [shortest, longest] = lasts(kind);
    let until = at + dice.between(shortest, longest);
    let level = u32::try_from(dice.between(1, 1_001)).unwrap_or(1);
    Fault { index: 0, at, until: until.min(begin + STORM), process, level, kind, awaits: None }
}

/// How long a fault of that kind lasts.
const fn lasts(kind: Kind) -> [u64; 2] {
    match kind {
        // What takes one moment is kept on a little, so that others meet it.
        Kind::Wipe | Kind::FeedRewind | Kind::StoreWipe | Kind::StoreRollback => [SEC, 3 * SEC],
        Kind::HostLoss => [8 * SEC, 20 * SEC],
        Kind::Kill
        | Kind::KillBeforeIntent
        | Kind::KillAfterIntent
        | Kind::KillAfterSend
        | Kind::Torn
        | Kind::BitFlip
        | Kind::Stop => [500 * MS, 12 * SEC],
        Kind::Pause => [200 * MS, 32 * SEC],
        Kind::PauseMidSend => [200 * MS, 15 * SEC],
        Kind::Ban | Kind::TooMany => [2 * SEC, 10 * SEC],
        Kind::FeedBurst | Kind::FeedFrozen | Kind::FeedJump => [200 * MS, 4 * SEC],
        Kind::SlowNetwork
        | Kind::LoseRequest
        | Kind::LoseAnswer
        | Kind::LoseEvent
        | Kind::RepeatEvent
        | Kind::Reorder
        | Kind::Zombie
        | Kind::Partition
        | Kind::Cut
        | Kind::Deaf
        | Kind::UnknownAnswer
        | Kind::Overloaded
        | Kind::RefuseCancel
        | Kind::SelfTrade
        | Kind::Filters
        | Kind::SymbolHalt
        | Kind::VenueDown
        | Kind::Strangers
        | Kind::BookLost
        | Kind::BookFrozen
        | Kind::BookLate
        | Kind::BookSilent
        | Kind::BookCrossed
        | Kind::FeedDown
        | Kind::FeedRepeat
        | Kind::FeedReorder
        | Kind::FeedStale
        | Kind::FeedFuture
        | Kind::FeedSecond
        | Kind::Starve
        | Kind::ClockStep
        | Kind::ClockRate
        | Kind::StoreDown
        | Kind::StoreSlow
        | Kind::DiskFull
        | Kind::DiskSlow
        | Kind::SyncSlow
        | Kind::SyncFails => [500 * MS, 25 * SEC],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_end_before_the_calm_and_are_the_same_each_time() {
        let plan = faults(7, 4 * ROUND, 2);
        assert_eq!(plan, faults(7, 4 * ROUND, 2));
        assert!(plan.len() > 100, "{}", plan.len());
        for fault in (0..4_000).flat_map(|seed| faults(seed, 4 * ROUND, 2)) {
            assert!(fault.at < fault.until && fault.until % ROUND <= STORM, "{fault}");
            assert_eq!(fault.at / ROUND, fault.until.saturating_sub(1) / ROUND);
        }
    }
}
