//! Stage 3: one pair from decision to end: maker, then taker, then the maker's rest is cancelled.

use std::time::Duration;

use schemas::ids::{ClientOrderId, Leg as LegKind};
use schemas::order::OrderStatus;
use schemas::units::{Decimal, Qty};
use schemas::wire::order_update::Fill;

use crate::alarm::Alarm;
use crate::cancel::{Closing, Step};
use crate::command::{Cause, Command, OrderHandle, PlaceLeg};
use crate::event::{FeedTick, OpenOrder, OrderReport};
use crate::leg::{End, Leg, LegState, sum};
use crate::rules::Pair;
use crate::time::{Nanos, Now};

/// How long the maker's own fill event may take once the taker reports that it has traded everything; then
/// the maker is cancelled like any other rest.
const FILL_GRACE: Duration = Duration::from_millis(100);
/// How long the trades of a leg may go unnamed. Nothing of the pair is open any more: only the next one waits.
const NAMING_PATIENCE: Duration = Duration::from_secs(1);

/// An IOC order may show as open for a moment between its events; one that still does after this is in doubt.
const TAKER_PATIENCE: Duration = Duration::from_secs(2);

/// What became of a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Outcome {
    /// Both legs traded everything, with each other.
    Matched,
    /// The maker never rested.
    MakerRefused,
    /// The taker traded nothing, nor did the maker.
    TakerMissed,
    /// A stranger took from the maker.
    Sniped,
    /// The legs traded with each other in part, or with strangers.
    Partial,
    /// Self-trade prevention took a leg.
    Prevented,
    /// A leg's outcome was unknown for a time, or whom it traded with stayed so; no match is shown.
    UnknownResolved,
}

impl Outcome {
    /// All outcomes.
    pub const ALL: [Self; 7] = [
        Self::Matched,
        Self::MakerRefused,
        Self::TakerMissed,
        Self::Sniped,
        Self::Partial,
        Self::Prevented,
        Self::UnknownResolved,
    ];

    /// The name in labels and summaries.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Matched => "matched",
            Self::MakerRefused => "maker_refused",
            Self::TakerMissed => "taker_missed",
            Self::Sniped => "sniped",
            Self::Partial => "partial",
            Self::Prevented => "prevented",
            Self::UnknownResolved => "unknown_resolved",
        }
    }
}

/// A pair in flight.
#[derive(Clone, Debug)]
pub struct Trade {
    /// What was decided.
    pub pair: Pair,
    /// The tick that it was decided on.
    pub tick: FeedTick,
    /// The post-only leg.
    pub maker: Leg,
    /// The IOC leg.
    pub taker: Leg,
    /// When it was decided.
    pub decided: Now,
    /// The update id of the top that it was decided on.
    pub book_update_id: u64,
    recv_window: Duration,
    not_after: [Nanos; 2],
    maker_closing: Option<Closing>,
    taker_closing: Option<Closing>,
    /// The legs' fills were waited for long enough.
    fills_missed: bool,
    alarm: Option<Alarm>,
}

impl Trade {
    /// A decided pair whose maker has not been asked for yet. Ids and latest moments to leave are the maker's,
    /// then the taker's.
    #[must_use]
    pub fn new(
        pair: Pair,
        tick: FeedTick,
        ids: [ClientOrderId; 2],
        recv_window: Duration,
        not_after: [Nanos; 2],
        decided: Now,
    ) -> Self {
        let mut maker = Leg::new(ids[0]);
        maker.qty_steps = pair.order_qty.steps();
        maker.qty_decimals = pair.order_qty_decimals;
        let mut taker = Leg::new(ids[1]);
        taker.qty_decimals = pair.order_qty_decimals;
        Self {
            pair,
            tick,
            maker,
            taker,
            decided,
            book_update_id: 0,
            recv_window,
            not_after,
            maker_closing: None,
            taker_closing: None,
            fills_missed: false,
            alarm: None,
        }
    }

    /// At that price the venue must say that the legs are.
    pub fn expect_price(&mut self, price: Decimal) {
        self.maker.expect(self.pair.maker_side, price);
        self.taker.expect(self.pair.maker_side.opposite(), price);
    }

    /// Both legs are over, or were never to be sent, and what can be known of them is.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.maker.is_ended() && self.taker.is_quiet() && !self.wants_taker() && self.fills_until().is_none()
    }

    /// The maker may be resting at the venue.
    #[must_use]
    pub const fn maker_may_rest(&self) -> bool {
        !self.maker.is_quiet()
    }

    /// Takes in a report about one of the legs; `false` if it is about neither.
    pub fn handle_report(&mut self, report: &OrderReport, now: Nanos) -> bool {
        let Some(kind) = report_id(report).and_then(|id| self.leg_of(id)) else {
            return false;
        };
        let (leg, closing) = self.leg_mut(kind);
        let alarm = leg.handle(report, now);
        if let Some(evidence) = closing.as_mut().and_then(|closing| closing.handle(report, leg, now)) {
            leg.close(evidence, now);
        }
        self.alarm = self.alarm.or(alarm);
        true
    }

    /// Takes in a list of the symbol's open orders that was asked for at that moment.
    pub fn handle_list(&mut self, orders: &[OpenOrder], asked_at: Nanos, now: Nanos) {
        for kind in [LegKind::Maker, LegKind::Taker] {
            let (leg, closing) = self.leg_mut(kind);
            let proof = closing.as_mut().and_then(|closing| closing.handle_list(orders, leg, asked_at, now));
            if let Some(evidence) = proof {
                leg.close(evidence, now);
            }
        }
    }

    /// What the venue said that cannot be, if it did.
    pub const fn take_alarm(&mut self) -> Option<Alarm> {
        self.alarm.take()
    }

    /// What is due now, if anything. Call until `None`.
    pub fn poll_command(&mut self, now: Nanos) -> Option<Command> {
        if self.maker.ask() {
            return Some(Command::PlaceMaker(self.place(LegKind::Maker)));
        }
        if self.wants_taker() {
            self.taker.qty_steps = self.maker.remaining_steps();
            if self.taker.ask() {
                return Some(Command::PlaceTaker(self.place(LegKind::Taker)));
            }
        }
        self.fills_missed |= self.fills_until().is_some_and(|until| now >= until);
        self.begin_closing(now);
        close(&self.maker, self.maker_closing.as_mut(), now)
            .or_else(|| close(&self.taker, self.taker_closing.as_mut(), now))
    }

    /// When to call [`Trade::poll_command`] again if nothing else happens.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Nanos> {
        let closing = |leg: &Leg, closing: Option<&Closing>| {
            closing.filter(|_| !leg.is_ended()).map(|closing| closing.deadline(leg))
        };
        let maker = closing(&self.maker, self.maker_closing.as_ref());
        let taker = closing(&self.taker, self.taker_closing.as_ref());
        let grace = self.grace_until().filter(|_| self.maker_closing.is_none() && !self.maker.is_ended());
        let lingering = self.lingers_until().filter(|_| self.taker_closing.is_none());
        [maker, taker, grace, lingering, self.fills_until()].into_iter().flatten().min()
    }

    /// What became of it. Meaningful once it is over.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        let prevented =
            |leg: &Leg| leg.prevented || leg.end() == Some(End::Final(OrderStatus::ExpiredInMatch));
        if prevented(&self.maker) || prevented(&self.taker) {
            return Outcome::Prevented;
        }
        if self.is_matched() {
            return Outcome::Matched;
        }
        if self.maker.was_unknown || self.taker.was_unknown {
            return Outcome::UnknownResolved;
        }
        match (self.maker.executed().is_zero(), self.taker.executed().is_zero()) {
            // Without an acknowledgement of the maker no taker left.
            (true, true)
                if self.taker.state() == LegState::Idle
                    || self.maker.end() == Some(End::Final(OrderStatus::Rejected)) =>
            {
                Outcome::MakerRefused
            }
            (true, true) => Outcome::TakerMissed,
            (false, true) => Outcome::Sniped,
            (false, false) if !(self.maker.is_itemised() && self.taker.is_itemised()) => {
                Outcome::UnknownResolved
            }
            (false, false) if self.shared_fills().next().is_none() => Outcome::Sniped,
            (_, false) => Outcome::Partial,
        }
    }

    /// The taker leaves when the maker is known to rest, once, for what of the maker has not traded.
    fn wants_taker(&self) -> bool {
        self.taker.state() == LegState::Idle
            && self.maker.state() == LegState::Open
            && self.maker_closing.is_none()
            && self.maker.remaining_steps() > 0
    }

    fn place(&self, kind: LegKind) -> PlaceLeg {
        let maker = self.pair.maker_side;
        let [maker_until, taker_until] = self.not_after;
        let (leg, side, position_side, not_after) = match kind {
            LegKind::Maker => (&self.maker, maker, self.pair.maker_position, maker_until),
            LegKind::Taker => (&self.taker, maker.opposite(), self.pair.taker_position, taker_until),
        };
        PlaceLeg {
            id: leg.id,
            side,
            price: self.pair.price,
            qty: Qty::from_steps(leg.qty_steps),
            qty_decimals: leg.qty_decimals,
            position_side,
            not_after,
            generation: self.tick.generation,
            cause: Cause::from(&self.tick.tick),
        }
    }

    /// A maker is brought to its end when its outcome is unknown, when the taker is done or in doubt, or when what is
    /// left of it is too little for one; a taker when its outcome is unknown, or when it goes on showing as open,
    /// which an IOC order must not.
    fn begin_closing(&mut self, now: Nanos) {
        let in_doubt =
            self.taker.state() == LegState::Unknown || self.lingers_until().is_some_and(|until| now >= until);
        let done = self.taker.is_ended() && self.grace_until().is_none_or(|until| now >= until);
        // A stranger may take a part that our digits cannot name: what it leaves is less than a step of ours.
        let crumb = self.taker.state() == LegState::Idle && self.maker.remaining_steps() == 0;
        let maker_must_end = match self.maker.state() {
            LegState::Unknown => true,
            LegState::Open => in_doubt || done || crumb,
            LegState::Idle | LegState::Waiting | LegState::Ended(_) => false,
        };
        if maker_must_end && self.maker_closing.is_none() {
            self.maker_closing = Some(Closing::new(&self.maker, self.recv_window, now));
        }
        if in_doubt && self.taker_closing.is_none() {
            self.taker_closing = Some(Closing::new(&self.taker, self.recv_window, now));
        }
    }

    /// Until when the maker's own fill event is waited for, if the taker traded everything.
    fn grace_until(&self) -> Option<Nanos> {
        self.taker.ended_at.filter(|_| self.taker.is_full()).map(|at| at + FILL_GRACE)
    }

    /// Until when the fills of a leg are waited for of which the venue told only how much had traded: it may name
    /// trades in its events alone, and those come over another connection. Without a taker's trade there is nothing
    /// that the maker's could be compared with.
    fn fills_until(&self) -> Option<Nanos> {
        if self.fills_missed {
            return None;
        }
        let told = !self.taker.was_unknown && self.taker_closing.is_none();
        let taker = self.taker.ended_at.filter(|_| told && !self.taker.is_itemised());
        let compared = !self.taker.executed().is_zero();
        let maker = self.maker.ended_at.filter(|_| compared && !self.maker.is_itemised());
        taker.max(maker).map(|at| at + NAMING_PATIENCE)
    }

    /// Until when a taker that shows as open is given.
    fn lingers_until(&self) -> Option<Nanos> {
        let open = self.taker.state() == LegState::Open;
        self.taker.acknowledged_at.filter(|_| open).map(|at| at + TAKER_PATIENCE)
    }

    /// The trades that both legs report make up all of both. That both are filled does not show it: each may
    /// have traded with strangers.
    fn is_matched(&self) -> bool {
        let all = self.maker.qty();
        self.maker.is_full()
            && self.taker.is_full()
            && self.taker.qty_steps == self.maker.qty_steps
            && sum(self.shared_fills()) == Some(all)
    }

    /// The maker's fills that the taker reports too.
    fn shared_fills(&self) -> impl Iterator<Item = &Fill> {
        let takers = self.taker.fills();
        self.maker.fills().iter().filter(|fill| takers.iter().any(|taker| taker.trade_id == fill.trade_id))
    }

    fn leg_of(&self, id: ClientOrderId) -> Option<LegKind> {
        [(self.maker.id, LegKind::Maker), (self.taker.id, LegKind::Taker)]
            .into_iter()
            .find_map(|(own, kind)| (own == id).then_some(kind))
    }

    fn leg_mut(&mut self, kind: LegKind) -> (&mut Leg, &mut Option<Closing>) {
        match kind {
            LegKind::Maker => (&mut self.maker, &mut self.maker_closing),
            LegKind::Taker => (&mut self.taker, &mut self.taker_closing),
        }
    }
}

fn close(leg: &Leg, closing: Option<&mut Closing>, now: Nanos) -> Option<Command> {
    let handle = OrderHandle { id: leg.id, venue_id: leg.venue_id };
    closing?.poll(leg, now).map(|step| match step {
        Step::Cancel => Command::Cancel(handle),
        Step::Query => Command::Query(handle),
        Step::List => Command::ListOpen,
    })
}

/// The order that a report is about.
#[must_use]
pub fn report_id(report: &OrderReport) -> Option<ClientOrderId> {
    match report {
        OrderReport::Sent { id, .. }
        | OrderReport::Rejected { id, .. }
        | OrderReport::Denied { id, .. }
        | OrderReport::Unknown { id }
        | OrderReport::CancelFailed { id, .. }
        | OrderReport::QueryFailed { id, .. } => Some(*id),
        OrderReport::Update(update) => Some(update.client_id),
        OrderReport::OpenOrders(_) | OrderReport::ListFailed | OrderReport::Alarm(_) => None,
    }
}
