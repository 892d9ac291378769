//! One instrument: ticks, tops and reports in; commands and finished pairs out.
//!
//! One pair is in flight at a time. A tick fires at once while the gate is open; otherwise it waits by
//! Conflate. Nothing is decided before the venue was swept of our orders and while the gateway is down, nor while
//! the instrument is not ours.

mod bar;
mod fire;
mod outbox;
mod probing;
mod repeat;
mod report;
mod still_book;
mod term;

use std::collections::{BTreeSet, VecDeque};

use schemas::ids::ClientOrderId;

use self::outbox::Outbox;
use self::still_book::{Doubt, Unseen};
use crate::alarm::Alarm;
use crate::book::Top;
use crate::book::own::OwnView;
use crate::close_out::CloseOut;
use crate::command::Command;
use crate::counts::Counts;
use crate::event::{FeedTick, OpenOrder};
use crate::gateway::Gcra;
use crate::halt::Bar;
use crate::leg::Leg;
use crate::ownership::Term;
use crate::position::Position;
use crate::probe::Probe;
use crate::rules::Memory;
pub use crate::settings::{Phase, Settings};
use crate::skip::Skip;
use crate::strangers::Strangers;
use crate::sweep::Sweep;
use crate::switch::View;
use crate::time::{Nanos, Now};
use crate::trade::Trade;
use crate::waiting::{Admitted, Waiting};

/// Of the orders that were given up, so many are remembered.
const GIVEN_UP_MAX: usize = 64;

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
    outbox: Outbox,
    /// Legs that ended without a final status of the venue's: one that shows up after all is cancelled.
    given_up: VecDeque<ClientOrderId>,
    strangers: Strangers,
    /// Pairs in a row of which self-trade prevention took a leg.
    prevented_in_a_row: u32,
    /// What keeps it from trading though it is ours.
    bar: Option<Bar>,
    probe: Probe,
    /// The number of a term's first pair.
    sequence_from: u64,
    /// How often it was made anew.
    restarts: u64,
    /// How fast its orders may leave.
    rate: Option<Gcra>,
    position: Position,
    /// What it found out about itself and nobody has taken yet.
    alarms: BTreeSet<Alarm>,
    /// The reference trade, by its number, that the last pair was made of: none until this term has one.
    traded_up_to: Option<u64>,
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
            strangers: Strangers::new(settings.strangers_max),
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
            outbox: Outbox::default(),
            given_up: VecDeque::with_capacity(GIVEN_UP_MAX),
            prevented_in_a_row: 0,
            bar: None,
            probe: Probe::default(),
            sequence_from: 0,
            restarts: 0,
            rate: None,
            position: Position::default(),
            alarms: BTreeSet::new(),
            traded_up_to: None,
        }
    }

    /// One that takes the place of another that failed, with what that one had counted. Its orders' numbers begin
    /// behind all that the other can have used.
    #[must_use]
    pub fn anew(settings: Settings, counts: Counts, restarts: u64) -> Self {
        // Between two readings of its counts an instrument decides on a pair or two.
        let sequence_from = counts.pairs.saturating_add(restarts.saturating_mul(1_024));
        Self { counts, sequence_from, restarts, ..Self::idle(settings) }
    }

    /// Orders that an earlier run left in doubt: they are asked for once the first sweep is done, before any pair.
    pub fn close_out(&mut self, in_doubt: &[ClientOrderId]) {
        self.close_out = CloseOut::new(in_doubt);
    }

    /// Orders that it may send in a second: ticks that come faster wait by Conflate.
    pub fn limit_rate(&mut self, orders_a_second: u32) {
        self.rate = Some(Gcra::new(orders_a_second, 1, 2));
    }

    /// Its position, and the bound that it keeps within: a pair that might carry it beyond is an alarm.
    pub fn bound_position(&mut self, position: Position) {
        self.position = position;
    }

    /// A tick of the reference market.
    pub fn handle_tick(&mut self, tick: FeedTick, now: Now) {
        self.counts.ticks += 1;
        if self.term.is_none_or(|term| term.is_before(&tick, now)) || self.is_leaving() {
            self.counts.skips[Skip::NotOwner.index()] += 1;
            return;
        }
        if let Some(bar) = self.bar {
            self.counts.skips[bar.skip().index()] += 1;
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

    /// The gateway came up or went down.
    pub fn handle_connected(&mut self, connected: bool, now: Now) {
        let was_connected = std::mem::replace(&mut self.connected, connected);
        // What a sweep saw before the connection was lost may have changed since.
        if connected && !was_connected && self.phase == Phase::Sweeping && self.sweep.is_none() {
            self.sweep = Some(self.new_sweep(now));
        }
        self.advance(now);
    }

    /// Whether the gateway has the rate budget for another pair; without it ticks wait.
    pub fn handle_budget(&mut self, budget: bool, now: Now) {
        self.budget = budget;
        self.advance(now);
    }

    /// A deadline passed.
    pub fn handle_timeout(&mut self, now: Now) {
        self.repeat_when_quiet(now);
        self.advance(now);
    }

    /// The next command to carry out, if any.
    pub fn poll_command(&mut self) -> Option<Command> {
        self.outbox.pop()
    }

    /// A pair that has come to its end, if any. The gate stays shut until it is taken: then what waits fires.
    pub fn poll_finished(&mut self, now: Now) -> Option<Trade> {
        let finished = self.finished.take()?;
        self.advance(now);
        Some(finished)
    }

    /// Why it must be halted, by its own finding; each reason once until it is taken.
    pub fn poll_alarm(&mut self) -> Option<Alarm> {
        self.alarms.pop_first()
    }

    /// An order of an earlier run whose end is known now, if any.
    pub fn poll_closed(&mut self) -> Option<Leg> {
        let leg = self.close_out.poll_closed()?;
        self.give_up(&leg);
        Some(leg)
    }

    /// When to call [`Instrument::handle_timeout`] if nothing else happens.
    #[must_use]
    pub fn poll_timeout(&self, now: Now) -> Option<Nanos> {
        let trade = self.trade.as_ref().and_then(Trade::poll_timeout);
        let sweep = self.sweep.as_ref().filter(|_| self.may_sweep()).and_then(Sweep::poll_timeout);
        let gate = (self.is_idle() && !self.waiting.is_empty()).then(|| now.mono + self.interval_left(now));
        let doubts = self.close_out_timeout();
        let probe = self.probe.poll_timeout().filter(|_| self.may_probe());
        [trade, sweep, gate, doubts, probe, self.repeat_at(now)].into_iter().flatten().min()
    }

    /// The pair in flight, taken out unfinished: for whoever has to give up.
    pub fn abandon(&mut self) -> Option<Trade> {
        self.trade.take()
    }

    /// The reference trade, by its number, that the last pair of this term was made of.
    #[must_use]
    pub const fn traded_up_to(&self) -> Option<u64> {
        self.traded_up_to
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

    /// What the venue's dead man's switch goes by: swept, and when the oldest order was sent that may be open.
    #[must_use]
    pub fn switch_view(&self) -> View {
        let sent = |trade: &Trade| {
            let unsettled = [&trade.maker, &trade.taker].into_iter().filter(|leg| !leg.is_quiet());
            unsettled.map(|leg| leg.sent_at.unwrap_or(trade.decided.mono)).min()
        };
        let pair = self.trade.as_ref().and_then(sent);
        let oldest = pair.into_iter().chain(self.close_out.oldest_open()).min();
        View { swept: self.phase == Phase::Live, oldest }
    }

    /// Orders that may still be open at the venue.
    #[must_use]
    pub fn maybe_open(&self) -> Vec<ClientOrderId> {
        let legs = self.trade.iter().flat_map(|trade| [&trade.maker, &trade.taker]);
        let mut open: Vec<ClientOrderId> = legs.filter(|leg| !leg.is_quiet()).map(|leg| leg.id).collect();
        open.extend(
            self.sweep.iter().flat_map(Sweep::open).chain(&self.found).map(|order: &OpenOrder| order.id),
        );
        open.extend(self.close_out.open());
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
            self.run_probe(now);
            if !self.gate_open(now) {
                return;
            }
            let Some(tick) = self.waiting.pop() else { return };
            self.fire(tick, now);
        }
    }
}
