//! What must hold after every event, whatever the venue and the transport do.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use pipeline::book::Top;
use pipeline::command::{Command, PlaceLeg};
use pipeline::instrument::{Instrument, Phase};
use pipeline::leg::{End, LegState};
use pipeline::time::{Nanos, Now};
use pipeline::trade::{Outcome, Trade};
use schemas::ids::{ClientOrderId, Epoch, Leg};
use schemas::units::Decimal;

use super::venue::{Print, QTY_DECIMALS, Venue};

/// The observer's own account of a run.
#[derive(Debug, Default)]
pub(crate) struct Checks {
    /// The pair in flight: its maker, whether its taker was sent, and until when either may leave.
    flight: Option<(PlaceLeg, bool, [Nanos; 2])>,
    /// A maker of ours rested since then, and the book that is shown is older.
    unseen: Option<Nanos>,
    book_update_id: u64,
    asked: BTreeSet<ClientOrderId>,
    left: BTreeSet<ClientOrderId>,
    pub(crate) finished: BTreeSet<u64>,
    pub(crate) outcomes: [u64; Outcome::ALL.len()],
    pub(crate) oldest_maker: Duration,
    trace: DefaultHasher,
}

impl Checks {
    /// The instrument wants something.
    pub(crate) fn asks(
        &mut self,
        command: &Command,
        instrument: &Instrument,
        venue: &Venue,
        top: Option<Top>,
        now: Now,
    ) {
        match command {
            Command::PlaceMaker(maker) => {
                assert!(self.asked.insert(maker.id), "{} is asked for twice", maker.id);
                assert!(self.flight.is_none(), "a second pair in flight");
                assert_eq!(instrument.phase(), Phase::Live);
                assert_eq!(venue.open(), [], "a pair while an order of ours is open");
                let top = top.expect("a pair on no book");
                let book_age_max = instrument.settings().book_age_max;
                let fresh_until = top.confirmed.mono + book_age_max;
                assert!(now.mono <= fresh_until, "a pair on a stale book");
                let still = self.unseen.map_or(Duration::ZERO, |since| now.mono.since(since));
                assert!(still <= book_age_max, "a pair on a book that stands still");
                self.book_update_id = top.update_id;
                self.flight = Some((*maker, false, [fresh_until, now.mono + book_age_max]));
            }
            Command::PlaceTaker(taker) => {
                assert!(self.asked.insert(taker.id), "{} is asked for twice", taker.id);
                let (maker, sent, _) = self.flight.as_mut().expect("a taker without a maker");
                assert!(!std::mem::replace(sent, true), "a second taker");
                assert!(venue.orders.contains_key(&maker.id), "a taker before its maker is known");
                assert_eq!((taker.id.sequence(), taker.price), (maker.id.sequence(), maker.price));
                assert_eq!(taker.side, maker.side.opposite());
                assert!(taker.qty <= maker.qty && taker.qty.steps() > 0);
            }
            Command::Cancel(order) | Command::Query(order) => {
                assert_eq!(order.id.prefix(), instrument.settings().prefix);
            }
            Command::ListOpen => {}
        }
    }

    /// The instrument is shown a top.
    pub(crate) fn shows(&mut self, update_id: u64) {
        if update_id > self.book_update_id {
            self.unseen = None;
        }
    }

    /// A request leaves the gateway.
    pub(crate) fn leaves(&mut self, command: &Command, now: Now) {
        format!("{} {command:?}", now.mono.0).hash(&mut self.trace);
        if let Command::PlaceMaker(leg) | Command::PlaceTaker(leg) = command {
            assert!(self.left.insert(leg.id), "{} left twice", leg.id);
            let (_, _, [maker_until, taker_until]) =
                self.flight.as_ref().expect("an order of no pair leaves");
            let until = if leg.id.leg() == Leg::Maker { maker_until } else { taker_until };
            assert!(now.mono <= *until, "{} left on a stale book", leg.id);
        }
    }

    /// A place reaches the venue and is accepted there.
    pub(crate) fn accepted(&self, id: ClientOrderId) {
        assert!(!self.finished.contains(&id.sequence()), "{id} arrived after its pair was over");
    }

    /// After every event.
    pub(crate) fn holds(&mut self, instrument: &Instrument, venue: &Venue, now: Now) {
        let counts = instrument.counts();
        assert!(counts.balance(), "{counts:?}");
        let ended: u64 = counts.outcomes.iter().sum();
        assert!(counts.pairs == ended || counts.pairs == ended + 1, "{counts:?}");
        let (open, maybe_open) = (venue.open(), instrument.maybe_open());
        let epoch = instrument.settings().epoch;
        let ours: Vec<ClientOrderId> =
            open.iter().map(|order| order.id).filter(|id| id.epoch() == epoch).collect();
        assert!(ours.len() <= 1, "more than one order of ours is open: {ours:?}");
        for id in ours {
            assert_eq!(id.leg(), Leg::Maker);
            assert!(maybe_open.contains(&id), "{id} is open and not known to be");
            let age = now.mono.since(Nanos(venue.orders[&id].since_ns));
            self.oldest_maker = self.oldest_maker.max(age);
        }
        assert!(
            instrument.phase() != Phase::Stopped || open.is_empty(),
            "stopped with open orders: {open:?}"
        );
    }

    /// A pair is over.
    pub(crate) fn ends(&mut self, trade: &Trade, venue: &Venue, shown: Option<Top>) {
        if shown.is_some_and(|top| top.update_id == self.book_update_id) {
            self.unseen = self.unseen.or(trade.maker.acknowledged_at);
        }
        let (maker, taken, _) = self.flight.take().expect("a pair that was never in flight");
        assert_eq!((trade.maker.id, trade.taker.state() != LegState::Idle), (maker.id, taken));
        assert!(self.finished.insert(maker.id.sequence()));
        let outcome = trade.outcome();
        let place = Outcome::ALL.iter().position(|known| *known == outcome).unwrap();
        self.outcomes[place] += 1;
        format!("{outcome:?} {:?} {:?}", trade.maker, trade.taker).hash(&mut self.trace);
        for leg in [&trade.maker, &trade.taker] {
            leg_is_the_venues(leg, venue);
        }
        outcome_is_the_venues(trade, outcome, venue);
    }

    /// What the run came to, in one number.
    pub(crate) fn trace(&self) -> u64 {
        self.trace.finish()
    }

    pub(crate) fn outcome(&self, outcome: Outcome) -> u64 {
        let place = Outcome::ALL.iter().position(|known| *known == outcome).unwrap();
        self.outcomes[place]
    }
}

/// The leg's end, executed quantity and fills are what the venue's ledger holds.
fn leg_is_the_venues(leg: &pipeline::leg::Leg, venue: &Venue) {
    let Some(order) = venue.orders.get(&leg.id) else {
        assert!(leg.executed().is_zero() && leg.fills().is_empty(), "{leg:?} is not the venue's");
        assert!(
            !matches!(leg.end(), Some(End::Final(_) | End::Gone)),
            "{leg:?} ended at a venue that never had it"
        );
        return;
    };
    assert!(order.status.is_final(), "{} is over while it is {:?}", leg.id, order.status);
    assert_eq!(leg.executed(), Decimal::from_steps(order.executed, QTY_DECIMALS), "{leg:?}");
    assert_eq!(leg.end(), Some(End::Final(order.status)), "{}", leg.id);
    for fill in leg.fills() {
        let print =
            venue.prints.iter().find(|print| print.id == fill.trade_id).expect("a trade of the venue");
        assert!(print.maker == Some(leg.id) || print.taker == Some(leg.id));
        assert_eq!(fill.qty, Decimal::from_steps(print.qty, QTY_DECIMALS));
    }
}

/// The outcome is what the venue's list of trades says of the pair.
fn outcome_is_the_venues(trade: &Trade, outcome: Outcome, venue: &Venue) {
    let (maker, taker) = (Some(trade.maker.id), Some(trade.taker.id));
    let with_each_other = |print: &&Print| print.maker == maker && print.taker == taker;
    let matched: i128 = venue.prints.iter().filter(with_each_other).map(|print| print.qty).sum();
    let of = |id: Option<ClientOrderId>| -> i128 {
        let has = |print: &&Print| print.maker == id || print.taker == id;
        venue.prints.iter().filter(has).map(|print| print.qty).sum()
    };
    let (by_maker, by_taker, qty) = (of(maker), of(taker), trade.maker.qty_steps);
    let prevented = venue.orders.get(&trade.maker.id).is_some_and(|order| order.prevented);
    match outcome {
        Outcome::Matched => assert_eq!((matched, by_maker, by_taker), (qty, qty, qty)),
        Outcome::MakerRefused => assert!(!venue.orders.contains_key(&trade.maker.id)),
        Outcome::TakerMissed => assert_eq!((by_maker, by_taker), (0, 0)),
        Outcome::Sniped => assert!(matched == 0 && by_maker > 0),
        Outcome::Partial => assert!(by_taker > 0 && matched < qty),
        Outcome::Prevented => assert!(prevented),
        Outcome::UnknownResolved => {}
    }
    let all_said = trade.maker.is_itemised() && trade.taker.is_itemised();
    assert!(outcome == Outcome::Matched || matched < qty || !all_said, "a match is not seen: {trade:?}");
}

/// An order that a predecessor may have left.
pub(crate) fn predecessors(instrument: &Instrument, sequence: u64) -> ClientOrderId {
    let settings = instrument.settings();
    let epoch = Epoch::new(settings.epoch.number() - 1);
    ClientOrderId::new(settings.prefix, epoch, sequence, Leg::Maker)
}
