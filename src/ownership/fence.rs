//! The gateway's permit: an order leaves only under a hold that is proved at that moment.

use std::sync::Arc;

use pipeline::command::PlaceLeg;
use pipeline::event::Denial;
use pipeline::gateway::{LaneId, Permit};
use pipeline::time::Now;
use schemas::ids::{ClientOrderId, Epoch};

use super::Hold;
use crate::clock::Clock;

/// The holds of one gateway's lanes, by [`LaneId`].
#[derive(Debug)]
pub struct Fence {
    holds: Vec<Arc<Hold>>,
    clock: Clock,
}

impl Fence {
    /// Fences these lanes.
    #[must_use]
    pub fn new(holds: Vec<Arc<Hold>>, clock: Clock) -> Self {
        Self { holds, clock }
    }
}

impl Permit for Fence {
    fn grant(&mut self, lane: LaneId, leg: &PlaceLeg, now: Now) -> Result<(), Denial> {
        let hold = self.holds.get(lane.0).ok_or(Denial::NoPermit)?;
        hold.grants(leg.id.epoch(), leg.generation, now.mono)
    }

    fn hears(&self, lane: LaneId, id: ClientOrderId) -> bool {
        self.holds.get(lane.0).is_some_and(|hold| hold.is_claimed() || hold.epoch() == id.epoch())
    }

    fn saw(&mut self, lane: LaneId, epoch: Epoch) {
        if let Some(hold) = self.holds.get(lane.0) {
            hold.saw(epoch, || self.clock.now().mono);
        }
    }

    fn superseded(&mut self, lane: LaneId, newest: Epoch) {
        if let Some(hold) = self.holds.get(lane.0) {
            hold.refused_for(newest, self.clock.now().mono);
        }
    }
}

#[cfg(test)]
mod tests {
    use pipeline::ownership::{Claim, Generation, Term};
    use pipeline::time::Nanos;
    use schemas::ids::{Epoch, InstrumentPrefix, Leg};
    use schemas::order::{PositionSide, Side};
    use schemas::units::{Price, Qty};

    use super::*;

    const EPOCH: Epoch = Epoch::new(7);
    const GENERATION: Generation = Generation(3);
    const UNTIL: Nanos = Nanos(1_000);

    fn at(mono: u64) -> Now {
        Now { mono: Nanos(mono), wall_ms: 0 }
    }

    fn held() -> (Arc<Hold>, Fence) {
        let hold = Hold::new();
        hold.begin(Term { epoch: EPOCH, from: at(0), shared: true, traded_up_to: None }, GENERATION, UNTIL);
        let fence = Fence::new(vec![Arc::clone(&hold)], Clock::start());
        (hold, fence)
    }

    fn leg(epoch: Epoch, generation: Generation) -> PlaceLeg {
        PlaceLeg {
            id: ClientOrderId::new(InstrumentPrefix::new("test", "BTCUSDT"), epoch, 0, Leg::Maker),
            side: Side::Buy,
            price: Price::from_steps(1),
            qty: Qty::from_steps(1),
            qty_decimals: 0,
            position_side: PositionSide::None,
            not_after: Nanos(u64::MAX),
            generation,
            cause: Default::default(),
        }
    }

    #[test]
    fn an_order_leaves_by_its_own_epoch_its_own_assignment_and_a_proof_that_lasts() {
        let (_, mut fence) = held();
        let lane = LaneId(0);
        assert_eq!(fence.grant(lane, &leg(EPOCH, GENERATION), at(999)), Ok(()));
        assert_eq!(
            fence.grant(lane, &leg(EPOCH, GENERATION), at(1_000)),
            Err(Denial::NoPermit),
            "the proof is over"
        );
        assert_eq!(
            fence.grant(lane, &leg(Epoch::new(6), GENERATION), at(1)),
            Err(Denial::NoPermit),
            "an older term's"
        );
        assert_eq!(
            fence.grant(lane, &leg(Epoch::new(8), GENERATION), at(1)),
            Err(Denial::NoPermit),
            "nobody's yet"
        );
        assert_eq!(
            fence.grant(lane, &leg(EPOCH, Generation(2)), at(1)),
            Err(Denial::NoPermit),
            "fetched under an earlier assignment"
        );
        assert_eq!(
            fence.grant(LaneId(1), &leg(EPOCH, GENERATION), at(1)),
            Err(Denial::NoPermit),
            "no lane of ours"
        );
    }

    #[test]
    fn a_hold_that_was_shut_is_not_opened_by_a_late_proof() {
        for end in [Hold::shut, Hold::leave, Hold::lose] {
            let (hold, mut fence) = held();
            hold.prolong(Nanos(2_000));
            assert_eq!(fence.grant(LaneId(0), &leg(EPOCH, GENERATION), at(1_500)), Ok(()));
            end(&hold);
            hold.prolong(Nanos(3_000));
            assert_eq!(fence.grant(LaneId(0), &leg(EPOCH, GENERATION), at(1)), Err(Denial::NoPermit));
        }
    }

    #[test]
    fn a_proof_that_came_out_of_order_shortens_nothing() {
        let (hold, _) = held();
        hold.prolong(Nanos(2_000));
        hold.prolong(Nanos(1_500));
        assert_eq!(hold.until(), Nanos(2_000));
    }

    #[test]
    fn others_orders_are_heard_of_only_while_the_instrument_is_claimed() {
        let (hold, fence) = held();
        let [own, others] = [EPOCH, Epoch::new(9)].map(|epoch| leg(epoch, GENERATION).id);
        assert!(fence.hears(LaneId(0), own) && fence.hears(LaneId(0), others));
        hold.leave();
        assert_eq!(*hold.claim().borrow(), Claim::Leaving);
        assert!(fence.hears(LaneId(0), others), "it is still ours to close");
        hold.lose();
        assert!(fence.hears(LaneId(0), own) && !fence.hears(LaneId(0), others));
    }

    /// Fault O22.
    #[test]
    fn a_later_owners_order_ends_a_term_that_is_proved() {
        let later = Epoch::new(EPOCH.number() + 2);
        let tells: [fn(&mut Fence, LaneId, Epoch); 2] = [Fence::saw, Fence::superseded];
        for tell in tells {
            let (hold, mut fence) = held();
            hold.prolong(Nanos(u64::MAX - 1));
            tell(&mut fence, LaneId(0), Epoch::new(EPOCH.number() - 1));
            tell(&mut fence, LaneId(0), EPOCH);
            assert_eq!(
                (hold.conflicts(), hold.floor()),
                (0, None),
                "its own and those before it are no news"
            );
            tell(&mut fence, LaneId(0), later);
            assert_eq!(fence.grant(LaneId(0), &leg(EPOCH, GENERATION), at(1)), Err(Denial::NoPermit));
            assert_eq!((hold.conflicts(), hold.floor()), (1, Some(later)));
            assert_eq!(*hold.claim().borrow(), Claim::None);
            assert!(hold.take_superseded() && !hold.take_superseded(), "said once");
        }
    }

    #[test]
    fn a_later_owner_is_no_conflict_where_ours_is_over() {
        let tells: [fn(&mut Fence, LaneId, Epoch); 2] = [Fence::saw, Fence::superseded];
        for tell in tells {
            let (hold, mut fence) = held();
            hold.leave();
            tell(&mut fence, LaneId(0), Epoch::new(9));
            assert_eq!((hold.conflicts(), hold.floor()), (0, Some(Epoch::new(9))));
            assert_eq!(*hold.claim().borrow(), Claim::Leaving, "it is still ours to close");
        }
    }

    #[test]
    fn who_is_alone_takes_a_later_epoch_once_and_never_after_it_has_traded() {
        let alone = || {
            let hold = Hold::new();
            hold.begin_alone(EPOCH);
            (Arc::clone(&hold), Fence::new(vec![hold], Clock::start()))
        };
        let (hold, mut fence) = alone();
        fence.saw(LaneId(0), Epoch::new(40));
        assert_eq!(hold.epoch(), EPOCH, "its sweep looks after those");
        fence.superseded(LaneId(0), Epoch::new(50));
        assert_eq!(*hold.claim().borrow(), Claim::Held(Term::alone(Epoch::new(51))));
        fence.superseded(LaneId(0), Epoch::new(60));
        assert_eq!((*hold.claim().borrow(), hold.conflicts()), (Claim::None, 1));

        let (hold, mut fence) = alone();
        fence.saw(LaneId(0), EPOCH);
        fence.superseded(LaneId(0), Epoch::new(50));
        assert_eq!((*hold.claim().borrow(), hold.conflicts()), (Claim::None, 1));
    }
}
