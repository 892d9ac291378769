//! One instrument: ticks, tops and reports in; commands and finished pairs out.
//!
//! One pair is in flight at a time. A tick fires at once while the gate is open; otherwise it waits by
//! Conflate. Nothing is decided before the venue was swept of our orders and while the gateway is down, nor while
//! the instrument is not ours.

use std::collections::VecDeque;
use std::time::Duration;

use schemas::config::OnQuiet;
use schemas::ids::{ClientOrderId, Epoch, Leg as LegKind};
use schemas::order::OrderStatus;
use schemas::units::Decimal;

use crate::book::Top;
use crate::book::own::OwnView;
use crate::close_out::{CloseOut, Closed};
use crate::command::Command;
use crate::counts::Counts;
use crate::event::{CancelFailure, FeedTick, OpenOrder, OrderReport};
use crate::ownership::Term;
use crate::rules::{BestPrices, Memory, decide};
pub use crate::settings::{Phase, Settings};
use crate::skip::Skip;
use crate::sweep::Sweep;
use crate::time::{Nanos, Now};
use crate::trade::{Outcome, Trade, report_id};
use crate::waiting::{Admitted, Waiting};

/// A tick's time may lie this far ahead.
const FUTURE_MS_MAX: i64 = 2_000;
/// On Quiet `repeat` fires no more often than this, whatever the Interval.
const REPEAT_MIN: Duration = Duration::from_millis(1);

/// A maker of ours rested, so the book changed; the book that we are shown has yet to say so.
#[derive(Clone, Copy, Debug)]
struct Unseen {
    /// The update id of the top that the maker was decided on.
    update_id: u64,
    /// When the venue acknowledged the maker.
    since: Nanos,
}

/// Whether the book's keeper is to be told that its book stands still.
#[derive(Clone, Copy, Debug, Default)]
struct Doubt {
    pending: bool,
    last: Option<Nanos>,
}

/// The state machine of one instrument.
#[derive(Debug)]
pub struct Instrument {
    settings: Settings,
    memory: Memory,
    waiting: Waiting,
    trade: Option<Trade>,
    finished: Option<Trade>,
    sweep: Option<Sweep>,
    /// What an earlier run left in doubt.
    close_out: CloseOut,
    /// What an interrupted sweep had found.
    found: Vec<OpenOrder>,
    phase: Phase,
    term: Option<Term>,
    /// The pairs counted before the term began.
    pairs_before: u64,
    /// The whole instrument stops, not only the term.
    stopping: bool,
    connected: bool,
    budget: bool,
    top: Option<Top>,
    own: OwnView,
    unseen: Option<Unseen>,
    doubt: Doubt,
    last_tick: Option<FeedTick>,
    quiet_since: Nanos,
    counts: Counts,
    outbox: VecDeque<Command>,
}

impl Instrument {
    /// An instrument that is ours alone: it begins with its sweep as soon as the gateway is connected.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let term = Term::alone(settings.epoch);
        Self { phase: Phase::Sweeping, term: Some(term), ..Self::idle(settings) }
    }

    /// An instrument that is not ours until a term begins.
    #[must_use]
    pub fn idle(settings: Settings) -> Self {
        Self {
            waiting: Waiting::new(settings.conflate),
            settings,
            memory: Memory::default(),
            trade: None,
            finished: None,
            sweep: None,
            close_out: CloseOut::default(),
            found: Vec::new(),
            phase: Phase::Idle,
            term: None,
            pairs_before: 0,
            stopping: false,
            connected: false,
            budget: true,
            top: None,
            own: OwnView::default(),
            unseen: None,
            doubt: Doubt::default(),
            last_tick: None,
            quiet_since: Nanos::default(),
            counts: Counts::default(),
            outbox: VecDeque::with_capacity(8),
        }
    }

    /// Orders that an earlier run left in doubt: they are asked for once the first sweep is done, before any pair.
    pub fn close_out(&mut self, in_doubt: &[ClientOrderId]) {
        self.close_out = CloseOut::new(in_doubt);
    }

    /// A tick of the reference market.
    pub fn handle_tick(&mut self, tick: FeedTick, now: Now) {
        self.counts.ticks += 1;
        if self.term.is_none_or(|term| term.is_before(&tick)) || self.is_leaving() {
            self.counts.skips[Skip::NotOwner.index()] += 1;
            return;
        }
        self.last_tick = Some(tick);
        self.quiet_since = now.mono;
        if self.waiting.is_empty() && self.gate_open(now) {
            self.fire(tick, now);
        } else {
            match self.waiting.push(tick) {
                Admitted::Waits => {}
                Admitted::Conflated => self.counts.conflated += 1,
                Admitted::Overflow => self.counts.overflow += 1,
            }
        }
        self.advance(now);
    }

    /// A term begins: sweep, then trade. What an earlier one left behind comes to its end first.
    pub fn begin(&mut self, term: Term, now: Now) {
        if self.stopping {
            return;
        }
        self.let_go();
        self.settings.epoch = term.epoch;
        self.term = Some(term);
        self.pairs_before = self.counts.pairs;
        self.phase = Phase::Sweeping;
        self.sweep = self.connected.then(|| self.new_sweep(now));
        self.advance(now);
    }

    /// The term is to end in order: no new pair; the running one ends, then a last sweep, then the instrument is
    /// idle.
    pub fn leave(&mut self, now: Now) {
        match self.phase {
            Phase::Sweeping | Phase::Live => self.close_term(),
            Phase::Idle | Phase::Stopping | Phase::Stopped => {}
        }
        self.advance(now);
    }

    /// The term is over, whatever runs: somebody else may own the instrument already. Only orders of our own are
    /// still brought to their end.
    pub fn lose(&mut self, now: Now) {
        self.let_go();
        if !self.stopping {
            self.phase = Phase::Idle;
        }
        self.advance(now);
    }

    /// The venue's top of book; `None` while it is not live.
    pub fn handle_top(&mut self, top: Option<Top>) {
        self.top = top;
        // Any other id is news; a venue that began anew counts from the start.
        if let (Some(top), Some(unseen)) = (top, self.unseen)
            && top.update_id != unseen.update_id
        {
            self.unseen = None;
        }
    }

    /// The gateway came up or went down.
    pub fn handle_connected(&mut self, connected: bool, now: Now) {
        self.connected = connected;
        if connected && self.phase == Phase::Sweeping && self.sweep.is_none() {
            self.sweep = Some(self.new_sweep(now));
        }
        if !connected {
            self.close_out.handle_disconnected();
        }
        self.advance(now);
    }

    /// Whether the gateway has the rate budget for another pair; without it ticks wait.
    pub fn handle_budget(&mut self, budget: bool, now: Now) {
        self.budget = budget;
        self.advance(now);
    }

    /// A report of the gateway.
    pub fn handle_report(&mut self, report: &OrderReport, now: Now) {
        if let Some(sweep) = &mut self.sweep {
            sweep.handle_report(report, now.mono);
            if matches!(report, OrderReport::OpenOrders(_)) {
                self.found.clear();
            }
        }
        self.count_refusal(report);
        let known = self.trade.as_mut().is_some_and(|trade| trade.handle_report(report, now.mono));
        if known {
            self.follow_own_maker(now);
        } else if self.close_out.handle_report(report, now.mono) {
            // An earlier run's: nothing of ours changes.
        } else if self.is_foreign(report) {
            self.counts.foreign += 1;
        } else if report_id(report).is_some() && self.sweep.is_none() {
            self.counts.late_reports += 1;
        }
        self.advance(now);
    }

    /// A deadline passed.
    pub fn handle_timeout(&mut self, now: Now) {
        self.repeat_when_quiet(now);
        self.advance(now);
    }

    /// No new pair; what runs comes to its end, then a last sweep. Asking again changes nothing.
    pub fn stop(&mut self, now: Now) {
        self.stopping = true;
        match self.phase {
            Phase::Sweeping | Phase::Live => self.close_term(),
            Phase::Idle => self.phase = Phase::Stopping,
            Phase::Stopping | Phase::Stopped => {}
        }
        self.advance(now);
    }

    /// The next command to carry out, if any.
    pub fn poll_command(&mut self) -> Option<Command> {
        self.outbox.pop_front()
    }

    /// A pair that has come to its end, if any. The gate stays shut until it is taken: then what waits fires.
    pub fn poll_finished(&mut self, now: Now) -> Option<Trade> {
        let finished = self.finished.take()?;
        self.advance(now);
        Some(finished)
    }

    /// An order in doubt whose end is known now, if any.
    pub fn poll_closed(&mut self) -> Option<(ClientOrderId, Closed)> {
        self.close_out.poll_closed()
    }

    /// Whether the book's keeper is to be told, now, that its book stands still though our own maker changed it.
    pub fn poll_doubt(&mut self) -> bool {
        std::mem::take(&mut self.doubt.pending)
    }

    /// When to call [`Instrument::handle_timeout`] if nothing else happens.
    #[must_use]
    pub fn poll_timeout(&self, now: Now) -> Option<Nanos> {
        let trade = self.trade.as_ref().and_then(Trade::poll_timeout);
        let sweep = self.sweep.as_ref().filter(|_| self.connected).and_then(Sweep::poll_timeout);
        let gate = (self.is_idle() && !self.waiting.is_empty()).then(|| now.mono + self.interval_left(now));
        let doubts = self.close_out.poll_timeout().filter(|_| self.connected);
        [trade, sweep, gate, doubts, self.repeat_at(now)].into_iter().flatten().min()
    }

    /// The pair in flight, taken out unfinished: for whoever has to give up.
    pub fn abandon(&mut self) -> Option<Trade> {
        self.trade.take()
    }

    /// What it counted so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        Counts { waiting: u64::try_from(self.waiting.len()).unwrap_or(u64::MAX), ..self.counts }
    }

    /// Nothing of an earlier term is left: what was to be handed over may be let go.
    #[must_use]
    pub const fn is_quiet(&self) -> bool {
        matches!(self.phase, Phase::Idle | Phase::Stopped) && self.trade.is_none()
    }

    /// What it is doing.
    #[must_use]
    pub const fn phase(&self) -> Phase {
        self.phase
    }

    /// When the maker in flight was decided on, if one may rest.
    #[must_use]
    pub fn open_maker_since(&self) -> Option<Nanos> {
        let trade = self.trade.as_ref().filter(|trade| trade.maker_may_rest())?;
        Some(trade.maker.sent_at.unwrap_or(trade.decided.mono))
    }

    /// Orders that may still be open at the venue.
    #[must_use]
    pub fn maybe_open(&self) -> Vec<ClientOrderId> {
        let legs = self.trade.iter().flat_map(|trade| [&trade.maker, &trade.taker]);
        let mut open: Vec<ClientOrderId> = legs.filter(|leg| !leg.is_quiet()).map(|leg| leg.id).collect();
        open.extend(
            self.sweep.iter().flat_map(Sweep::open).chain(&self.found).map(|order: &OpenOrder| order.id),
        );
        open.sort_unstable();
        open.dedup();
        open
    }

    /// The settings it was made with.
    #[must_use]
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Moves everything on as far as it goes without waiting.
    fn advance(&mut self, now: Now) {
        loop {
            self.run_trade(now);
            self.run_sweep(now);
            self.run_close_out(now);
            if !self.gate_open(now) {
                return;
            }
            let Some(tick) = self.waiting.pop() else { return };
            self.fire(tick, now);
        }
    }

    /// Nothing of this term fires any more: what is left is closed, then swept.
    fn close_term(&mut self) {
        self.phase = Phase::Stopping;
        if let Some(sweep) = self.sweep.take() {
            self.counts.swept += sweep.swept();
            self.found = sweep.open().to_vec();
        }
    }

    /// Drops what belongs to a term that is no longer ours.
    fn let_go(&mut self) {
        self.term = None;
        self.last_tick = None;
        self.found.clear();
        if let Some(sweep) = self.sweep.take() {
            self.counts.swept += sweep.swept();
        }
        while self.waiting.pop().is_some() {
            self.counts.skips[Skip::NotOwner.index()] += 1;
        }
    }

    /// The term ends, the instrument does not.
    fn is_leaving(&self) -> bool {
        self.phase == Phase::Stopping && !self.stopping
    }

    /// The term's first moment is still to come: nothing was placed under it.
    fn waits_for(&self, term: Term, now: Now) -> bool {
        term.shared && now.mono < term.from.mono && self.counts.pairs == self.pairs_before
    }

    fn new_sweep(&self, now: Now) -> Sweep {
        let shared = self.term.filter(|term| term.shared);
        let from = shared.map_or(now.mono, |term| now.mono.max(term.from.mono));
        Sweep::new(from, shared.map(|term| term.epoch))
    }

    fn count_refusal(&mut self, report: &OrderReport) {
        match report {
            OrderReport::Rejected { would_match: false, .. } => self.counts.refused += 1,
            OrderReport::CancelFailed { why: CancelFailure::Refused(_), .. } => {
                self.counts.cancels_refused += 1;
            }
            OrderReport::Rejected { .. }
            | OrderReport::CancelFailed { .. }
            | OrderReport::Sent { .. }
            | OrderReport::Update(_)
            | OrderReport::Denied { .. }
            | OrderReport::Unknown { .. }
            | OrderReport::QueryFailed { .. }
            | OrderReport::OpenOrders(_)
            | OrderReport::ListFailed => {}
        }
    }

    /// A new order of our prefix that is not of our epoch: somebody else trades what we own.
    fn is_foreign(&self, report: &OrderReport) -> bool {
        let OrderReport::Update(update) = report else { return false };
        let foreign = update.client_id.epoch() != self.settings.epoch;
        foreign && update.status == OrderStatus::New && self.phase == Phase::Live
    }

    fn run_sweep(&mut self, now: Now) {
        let settled = self.trade.is_none() || self.phase == Phase::Stopping;
        if self.phase == Phase::Stopping && self.trade.is_none() && self.sweep.is_none() {
            if self.term.is_none_or(|term| self.waits_for(term, now)) {
                // What is at the venue is a successor's to sweep, and nothing of it is ours.
                self.let_go();
                self.phase = if self.stopping { Phase::Stopped } else { Phase::Idle };
                return;
            }
            self.sweep = Some(self.new_sweep(now));
        }
        let Some(sweep) = self.sweep.as_mut().filter(|_| self.connected && settled) else { return };
        while let Some(command) = sweep.poll_command(now.mono) {
            self.outbox.push_back(command);
        }
        if sweep.is_done() {
            let (swept, highest) = (sweep.swept(), sweep.highest_epoch());
            self.sweep = None;
            match self.phase {
                Phase::Sweeping => {
                    self.counts.swept += swept;
                    self.outgrow(highest);
                    self.close_out.begin(now.mono);
                    if self.close_out.is_over(now.mono) {
                        self.phase = Phase::Live;
                    }
                }
                Phase::Stopping if self.stopping => self.phase = Phase::Stopped,
                Phase::Stopping => {
                    self.let_go();
                    self.phase = Phase::Idle;
                }
                Phase::Idle | Phase::Live | Phase::Stopped => {}
            }
        }
    }

    /// What an earlier run left in doubt is asked for between the sweep and the first pair.
    fn run_close_out(&mut self, now: Now) {
        if self.phase != Phase::Sweeping || self.sweep.is_some() || !self.connected {
            return;
        }
        while let Some(command) = self.close_out.poll_command(now.mono) {
            self.outbox.push_back(command);
        }
        if self.close_out.is_over(now.mono) {
            self.phase = Phase::Live;
        }
    }

    /// Whatever the clock says: no epoch of ours is at or below one that has orders at the venue.
    fn outgrow(&mut self, highest: Option<Epoch>) {
        if let Some(highest) = highest.filter(|highest| *highest >= self.settings.epoch) {
            self.settings.epoch = Epoch::new(highest.number().saturating_add(1));
        }
    }

    fn run_trade(&mut self, now: Now) {
        let Some(trade) = &mut self.trade else { return };
        while let Some(command) = trade.poll_command(now.mono) {
            self.outbox.push_back(command);
        }
        if trade.is_over() {
            let outcome = trade.outcome();
            let position = Outcome::ALL.iter().position(|known| *known == outcome).unwrap_or(0);
            self.counts.outcomes[position] += 1;
            self.counts.late_reports += u64::from(trade.maker.stale_updates + trade.taker.stale_updates);
            self.own.maker_ended(now);
            self.finished = self.trade.take();
        }
    }

    const fn is_idle(&self) -> bool {
        let between_pairs = self.trade.is_none() && self.finished.is_none();
        matches!(self.phase, Phase::Live) && self.connected && self.budget && between_pairs
    }

    fn gate_open(&self, now: Now) -> bool {
        self.is_idle() && self.interval_left(now).is_zero()
    }

    /// What is left of the Interval since the last fire.
    fn interval_left(&self, now: Now) -> Duration {
        let left = self.memory.last.map_or(0, |last| {
            self.settings.rules.interval_ms.saturating_sub(now.wall_ms.saturating_sub(last.fired_ms))
        });
        Duration::from_millis(u64::try_from(left).unwrap_or(0))
    }

    /// Decides on one tick: a pair or a skip.
    fn fire(&mut self, tick: FeedTick, now: Now) {
        match self.decide(&tick, now) {
            Ok(trade) => {
                self.trade = Some(trade);
                self.run_trade(now);
            }
            Err(skip) => self.counts.skips[skip.index()] += 1,
        }
    }

    fn decide(&mut self, tick: &FeedTick, now: Now) -> Result<Trade, Skip> {
        let tick_until = self.tick_until(tick, now)?;
        self.doubt_a_book_that_stands_still(now);
        let top = self.live_top(now).ok_or(Skip::StaleBook)?;
        let view = self.own.view(&top, now);
        let best =
            BestPrices { bid: view.bid.map(|level| level.price), ask: view.ask.map(|level| level.price) };
        let sequence = self.counts.pairs - self.pairs_before;
        let draw = self.settings.chance.draw(self.counts.pairs);
        let pair = decide(&self.settings.rules, &mut self.memory, &tick.tick, best, now.wall_ms, draw)?;
        let pair = pair.sent_in(self.settings.contract_size).ok_or(Skip::LimitsConflict)?;
        self.counts.pairs += 1;
        let price = pair.price.decimal(self.settings.rules.params.price_decimals);
        let resting = pair.order_qty.decimal(pair.order_qty_decimals);
        self.own.maker_resting(pair.maker_side, price, resting, view);
        let id = |leg| ClientOrderId::new(self.settings.prefix, self.settings.epoch, sequence, leg);
        // The taker meets our own maker: that one rests already, so its own freshness counts, not what is left
        // of the tick's and the book's.
        let ages = self.settings.tick_age_max.min(self.settings.book_age_max);
        let not_after = [tick_until.min(top.confirmed.mono + self.settings.book_age_max), now.mono + ages];
        let ids = [id(LegKind::Maker), id(LegKind::Taker)];
        let mut trade = Trade::new(pair, *tick, ids, self.settings.recv_window, not_after, now);
        trade.book_update_id = top.update_id;
        Ok(trade)
    }

    /// Until when a tick may be traded on, by its event time or else its arrival.
    fn tick_until(&self, tick: &FeedTick, now: Now) -> Result<Nanos, Skip> {
        let age = match tick.tick.time_ms.map(|time_ms| now.wall_ms.saturating_sub(time_ms)) {
            Some(age_ms) if age_ms < -FUTURE_MS_MAX => return Err(Skip::FutureTick),
            Some(age_ms) => Duration::from_millis(u64::try_from(age_ms).unwrap_or(0)),
            None => now.mono.since(tick.received.mono),
        };
        let left = self.settings.tick_age_max.checked_sub(age).ok_or(Skip::StaleTick)?;
        Ok(now.mono + left)
    }

    fn live_top(&self, now: Now) -> Option<Top> {
        let confirmed = |top: &Top| now.mono.since(top.confirmed.mono) <= self.settings.book_age_max;
        self.top.filter(|top| confirmed(top) && !self.stands_still(now))
    }

    /// Our own maker rested Max Book Age ago, and no update has come since: whatever confirms the top, the book
    /// behind it does not move with the venue.
    fn stands_still(&self, now: Now) -> bool {
        self.unseen.is_some_and(|unseen| now.mono.since(unseen.since) > self.settings.book_age_max)
    }

    fn doubt_a_book_that_stands_still(&mut self, now: Now) {
        let lately = self.doubt.last.is_some_and(|last| now.mono.since(last) < self.settings.book_age_max);
        if self.stands_still(now) && !lately {
            self.doubt = Doubt { pending: true, last: Some(now.mono) };
        }
    }

    /// Keeps the view of our own resting quantity in step with the maker.
    fn follow_own_maker(&mut self, now: Now) {
        let Some(trade) = &self.trade else { return };
        let maker = &trade.maker;
        if let Some(since) = maker.acknowledged_at
            && self.unseen.is_none()
            && self.top.is_some_and(|top| top.update_id <= trade.book_update_id)
        {
            self.unseen = Some(Unseen { update_id: trade.book_update_id, since });
        }
        if maker.is_ended() {
            self.own.maker_ended(now);
        } else {
            let remaining = Decimal::from_steps(maker.remaining_steps(), maker.qty_decimals);
            self.own.maker_filled(remaining);
        }
    }

    /// When On Quiet `repeat` fires next, if it does: an Interval after the last tick or repeat, but not
    /// before the gate opens and not after the tick is stale.
    fn repeat_at(&self, now: Now) -> Option<Nanos> {
        let wanted = self.settings.on_quiet == OnQuiet::Repeat && self.waiting.is_empty() && self.is_idle();
        let tick = self.last_tick.as_ref().filter(|_| wanted)?;
        let interval_ms = u64::try_from(self.settings.rules.interval_ms).unwrap_or(0);
        let quiet = self.quiet_since + Duration::from_millis(interval_ms).max(REPEAT_MIN);
        let at = quiet.max(now.mono + self.interval_left(now));
        self.tick_until(tick, now).is_ok_and(|until| at <= until).then_some(at)
    }

    fn repeat_when_quiet(&mut self, now: Now) {
        let due = self.repeat_at(now).is_some_and(|at| now.mono >= at);
        let Some(tick) = self.last_tick.filter(|_| due) else { return };
        self.counts.repeats += 1;
        self.quiet_since = now.mono;
        self.fire(tick, now);
    }
}
