//! What is kept back for pairs that have begun: the taker that is to follow, and two cancels.

use std::time::Duration;

use schemas::ids::{ClientOrderId, Leg};

use super::machine::LaneId;
use crate::event::OrderReport;
use crate::time::Nanos;

/// Cancels that are kept back for a pair.
pub(super) const CANCELS: u64 = 2;
/// What is kept back for a pair of which nothing more is heard comes free after this.
const KEPT_MAX: Duration = Duration::from_secs(60);

/// One pair's.
#[derive(Clone, Copy, Debug)]
struct Kept {
    maker: ClientOrderId,
    lane: LaneId,
    taker: bool,
    cancels: u64,
    /// Which of its legs may be open.
    open: [bool; 2],
    until: Nanos,
}

/// All pairs' together.
#[derive(Clone, Debug, Default)]
pub(super) struct Reserve {
    /// In the order in which they began.
    pairs: Vec<Kept>,
    takers: u64,
    cancels: u64,
}

impl Reserve {
    /// A maker left.
    pub(super) fn begin(&mut self, maker: ClientOrderId, lane: LaneId, now: Nanos) {
        let until = now + KEPT_MAX;
        self.pairs.push(Kept { maker, lane, taker: true, cancels: CANCELS, open: [true, false], until });
        self.takers += 1;
        self.cancels += CANCELS;
    }

    /// A taker left.
    pub(super) fn taker_left(&mut self, id: ClientOrderId) {
        self.change(id, |kept| {
            kept.taker = false;
            kept.open[1] = true;
        });
    }

    /// A cancel left.
    pub(super) fn cancel_left(&mut self, id: ClientOrderId) {
        self.change(id, |kept| kept.cancels = kept.cancels.saturating_sub(1));
    }

    /// Evidence may show that a leg is over; nothing else sets free what is kept for it.
    pub(super) fn hear(&mut self, report: &OrderReport) {
        let ended = match report {
            OrderReport::Update(update) => update.status.is_final().then_some(update.client_id),
            OrderReport::Rejected { id, .. } | OrderReport::Denied { id, .. } => Some(*id),
            OrderReport::Sent { .. }
            | OrderReport::Unknown { .. }
            | OrderReport::CancelFailed { .. }
            | OrderReport::QueryFailed { .. }
            | OrderReport::OpenOrders(_)
            | OrderReport::ListFailed
            | OrderReport::Alarm(_) => None,
        };
        let Some(id) = ended else { return };
        self.change(id, |kept| {
            match id.leg() {
                // No taker follows a maker that is over.
                Leg::Maker => (kept.open[0], kept.taker) = (false, false),
                Leg::Taker => kept.open[1] = false,
            }
            if kept.open == [false, false] {
                kept.cancels = 0;
            }
        });
    }

    /// Lets go what was kept for too long.
    pub(super) fn expire(&mut self, now: Nanos) {
        while self.pairs.first().is_some_and(|kept| kept.until <= now) {
            let kept = self.pairs.remove(0);
            self.takers -= u64::from(kept.taker);
            self.cancels -= kept.cancels;
        }
    }

    /// When [`Reserve::expire`] next lets something go.
    pub(super) fn expires(&self) -> Option<Nanos> {
        self.pairs.first().map(|kept| kept.until)
    }

    /// Takers that are to follow.
    pub(super) const fn takers(&self) -> u64 {
        self.takers
    }

    /// Takers of one lane that are to follow.
    pub(super) fn takers_of(&self, lane: LaneId) -> u64 {
        self.pairs.iter().map(|kept| u64::from(kept.taker && kept.lane == lane)).sum()
    }

    /// Cancels that are kept back.
    pub(super) const fn cancels(&self) -> u64 {
        self.cancels
    }

    fn change(&mut self, id: ClientOrderId, change: impl FnOnce(&mut Kept)) {
        let same = |kept: &Kept| same_pair(kept.maker, id);
        let Some(at) = self.pairs.iter().position(same) else { return };
        let Some(kept) = self.pairs.get_mut(at) else { return };
        let (takers, cancels) = (u64::from(kept.taker), kept.cancels);
        change(kept);
        self.takers = self.takers - takers + u64::from(kept.taker);
        self.cancels = self.cancels - cancels + kept.cancels;
        if !kept.taker && kept.cancels == 0 {
            self.pairs.remove(at);
        }
    }
}

/// All of an id but its last character names the pair.
fn same_pair(one: ClientOrderId, other: ClientOrderId) -> bool {
    let pair = |id: &ClientOrderId| id.as_str().len() - 1;
    one.as_str()[..pair(&one)] == other.as_str()[..pair(&other)]
}
