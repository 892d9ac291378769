//! One instrument, its gateway and a venue in virtual time: everything that happens comes from one seed.

use std::collections::BTreeMap;
use std::time::Duration;

use pipeline::book::{Level, Top};
use pipeline::chance::Chance;
use pipeline::command::Command;
use pipeline::gateway::{
    Alone, Answer, Gateway, GatewaySettings, LaneId, Outgoing, RateLimit, RateLimitKind, Silence,
    VenueRefusal, Verdict, Weights,
};
use pipeline::instrument::{Instrument, Phase, Settings};
use pipeline::rules::Rules;
use pipeline::time::Now;
use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};
use schemas::config::{Conflate, OnQuiet, Placement, SamePolicy, SidePolicy};
use schemas::order::Side;
use schemas::units::Decimal;
use schemas::wire::order_update::OrderUpdate;

use super::checks::{Checks, predecessors};
use super::venue::Venue;
use crate::support::{at_ns, num, settings, tick, top};

const MS: u64 = 1_000_000;
/// Events that may happen at one moment; more is a loop without end.
const AT_ONCE_MAX: u32 = 10_000;
const TOO_MANY: i64 = -1003;
const TOO_LATE: i64 = -1021;
const NO_SUCH_ORDER: i64 = -2011;
const INTERNAL: i64 = -1000;
const TIMED_OUT: i64 = -1007;

/// How likely each thing goes wrong while faults are on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Faults {
    pub(crate) lose_request: f64,
    pub(crate) lose_answer: f64,
    pub(crate) lose_event: f64,
    pub(crate) repeat_event: f64,
    /// A message takes up to 6 s.
    pub(crate) dawdle: f64,
    pub(crate) refuse_cancel: f64,
    /// The venue did it, and says that it does not know.
    pub(crate) doubt: f64,
    pub(crate) too_many: f64,
    /// Mean times between; zero for never.
    pub(crate) cut_every_ms: u64,
    pub(crate) book_lost_every_ms: u64,
    /// The book goes on confirming what it showed last, and does not move.
    pub(crate) book_frozen_every_ms: u64,
    pub(crate) stranger_every_ms: u64,
    /// How late the book shows what happened.
    pub(crate) book_late_ms: u64,
}

#[derive(Debug)]
enum Event {
    Tick,
    Request {
        link: u32,
        sent_ns: u64,
        outgoing: Outgoing,
    },
    Answer {
        link: u32,
        request: u64,
        answer: Answer,
    },
    Update {
        link: u32,
        update: OrderUpdate,
    },
    Top {
        update_id: u64,
        bid: Option<Level>,
        ask: Option<Level>,
    },
    Confirm,
    BookLost {
        silently: bool,
    },
    BookFrozen,
    BookBack,
    Stranger,
    Cut,
    Link,
    /// The instrument is told whether the gateway is connected.
    Told,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum BookIs {
    Live,
    Lost,
    Frozen,
}

pub(crate) struct World {
    rng: Xoshiro256PlusPlus,
    now: Now,
    queue: BTreeMap<(u64, u64), Event>,
    turns: u64,
    at_once: u32,
    pub(crate) instrument: Instrument,
    gateway: Gateway<Alone>,
    pub(crate) venue: Venue,
    pub(crate) checks: Checks,
    faults: Faults,
    healthy: bool,
    /// The number of the connection, odd while it is up.
    link: u32,
    book: BookIs,
    /// How often the instrument doubted its book.
    pub(crate) doubts: u32,
    shown: Option<Top>,
    silent_until_ms: i64,
    price: i128,
}

impl World {
    pub(crate) fn new(seed: u64, faults: Faults) -> Self {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        let settings = random_settings(&mut rng, seed);
        let limit = |kind, count| RateLimit { kind, interval_ms: 10_000, count };
        let gateway = GatewaySettings {
            lanes: vec![settings.prefix],
            limits: vec![limit(RateLimitKind::Orders, 5_000), limit(RateLimitKind::Weight, 20_000)],
            answer_patience: Duration::from_secs(2),
            inflight_max: 16,
            sharers: 1,
            weights: Weights { cancel: 1, query: 4, list: 6 },
            lists_beside: false,
        };
        let mut world = Self {
            rng,
            now: at_ns(MS),
            queue: BTreeMap::new(),
            turns: 0,
            at_once: 0,
            instrument: Instrument::new(settings),
            gateway: Gateway::new(gateway, Alone),
            venue: Venue::new(seed % 2 == 1),
            checks: Checks::default(),
            faults,
            healthy: false,
            link: 0,
            book: BookIs::Live,
            doubts: 0,
            shown: None,
            silent_until_ms: 0,
            price: 10_000,
        };
        world.begin();
        world
    }

    fn begin(&mut self) {
        for sequence in 0..self.rng.random_range(0..4) {
            let price = 9_900 + i128::from(sequence);
            self.venue.leave(predecessors(&self.instrument, sequence), Side::Buy, price);
        }
        self.venue.prevents = self.faults.doubt > 0.0 && self.rng.random_bool(0.05);
        for (after_ms, event) in [(0, Event::Link), (0, Event::Tick), (0, Event::Confirm)] {
            self.after(after_ms * MS, event);
        }
        self.again(self.faults.cut_every_ms, Event::Cut);
        self.again(self.faults.stranger_every_ms, Event::Stranger);
        let silently = self.rng.random_bool(0.5);
        self.again(self.faults.book_lost_every_ms, Event::BookLost { silently });
        self.again(self.faults.book_frozen_every_ms, Event::BookFrozen);
    }

    /// Lets so much time pass.
    pub(crate) fn run(&mut self, ms: u64) {
        let end = self.now.mono.0 + ms * MS;
        while self.step(end) {}
        self.now = at_ns(end);
    }

    /// Lets time pass until it is done; panics if it is not by then.
    pub(crate) fn run_until(&mut self, ms: u64, done: impl Fn(&Self) -> bool) {
        let end = self.now.mono.0 + ms * MS;
        while !done(self) {
            assert!(self.step(end), "not done after {ms} ms: {:?}", self.instrument);
        }
    }

    /// Faults end: whatever is broken is made good.
    pub(crate) fn heal(&mut self) {
        self.healthy = true;
        self.venue.prevents = false;
        self.venue.strangers_leave();
        self.after(0, Event::BookBack);
        if self.link.is_multiple_of(2) {
            self.after(0, Event::Link);
        }
    }

    pub(crate) fn stop(&mut self) {
        self.instrument.stop(self.now);
        self.settle();
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.instrument.phase() == Phase::Stopped
    }

    /// One event, or one deadline, if there is one before the end.
    fn step(&mut self, end: u64) -> bool {
        let queued = self.queue.keys().next().map_or(u64::MAX, |(at, _)| *at);
        let deadlines = [self.instrument.poll_timeout(self.now), self.gateway.poll_timeout(self.now)];
        let deadline = deadlines.into_iter().flatten().min().map_or(u64::MAX, |at| at.0);
        let at = queued.min(deadline).max(self.now.mono.0);
        if at > end {
            return false;
        }
        self.at_once = if at > self.now.mono.0 { 0 } else { self.at_once + 1 };
        assert!(self.at_once < AT_ONCE_MAX, "no progress in time: {:?}", self.instrument);
        self.now = at_ns(at);
        if deadline <= queued {
            self.gateway.handle_timeout(self.now);
            self.instrument.handle_timeout(self.now);
        } else if let Some((_, event)) = self.queue.pop_first() {
            self.happen(event);
        }
        self.settle();
        true
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Tick => self.tick(),
            Event::Request { link, sent_ns, outgoing } => self.request(link, sent_ns, outgoing),
            Event::Answer { link, request, answer } if link == self.link => {
                self.gateway.handle_answer(request, answer);
            }
            Event::Update { link, update } if link == self.link => self.gateway.handle_update(update),
            Event::Answer { .. } | Event::Update { .. } => {}
            Event::Top { update_id, bid, ask } => self.show(update_id, bid, ask),
            Event::Confirm => {
                self.publish();
                self.after(1_000 * MS, Event::Confirm);
            }
            Event::BookLost { silently } => self.lose_book(silently),
            Event::BookFrozen => {
                if !self.healthy && self.book == BookIs::Live {
                    self.book = BookIs::Frozen;
                }
                self.again(self.faults.book_frozen_every_ms, Event::BookFrozen);
            }
            Event::BookBack => {
                self.book = BookIs::Live;
                self.publish();
            }
            Event::Stranger => self.stranger(),
            Event::Cut => self.cut(),
            Event::Link => {
                if self.link.is_multiple_of(2) {
                    self.link += 1;
                    self.gateway.handle_connected();
                    self.after(self.now.mono.0 % MS, Event::Told);
                }
            }
            Event::Told => self.instrument.handle_connected(!self.link.is_multiple_of(2), self.now),
        }
    }

    fn tick(&mut self) {
        let move_by = self.rng.random_range(-3..=3);
        self.price = (self.price + move_by).clamp(9_000, 11_000);
        let (price, qty) = (Decimal::from_steps(self.price, 2), self.rng.random_range(1..2_000));
        let mut feed = tick("1", "1", self.now);
        feed.tick.price = Some(price);
        feed.tick.qty = Some(Decimal::from_steps(qty, 3));
        feed.tick.side = Some(if self.rng.random_bool(0.5) { Side::Buy } else { Side::Sell });
        let age_ms = if self.rng.random_bool(0.02) { self.rng.random_range(-4_000..8_000) } else { 0 };
        feed.tick.time_ms = Some(self.now.wall_ms - age_ms).filter(|_| !self.rng.random_bool(0.1));
        self.instrument.handle_tick(feed, self.now);
        let gap = self.rng.random_range(1..150);
        self.after(gap * MS, Event::Tick);
    }

    /// Commands to the gateway, requests to the venue, reports to the instrument, until nothing moves.
    fn settle(&mut self) {
        loop {
            let mut moved = false;
            while let Some(command) = self.instrument.poll_command() {
                self.checks.asks(&command, &self.instrument, &self.venue, self.shown, self.now);
                self.gateway.handle_command(LaneId(0), command);
                moved = true;
            }
            while let Some(outgoing) = self.gateway.poll_send(self.now) {
                let is_cancel = matches!(outgoing.command, Command::Cancel(_));
                let silent = self.now.wall_ms < self.silent_until_ms;
                assert!(!silent || is_cancel, "a request while the venue wants silence");
                self.checks.leaves(&outgoing.command, self.now);
                self.transmit(outgoing);
                moved = true;
            }
            self.gateway.handle_written(self.now.mono);
            if self.instrument.poll_doubt() {
                self.fetch_book();
            }
            while let Some((_, report)) = self.gateway.poll_report() {
                self.instrument.handle_report(&report, self.now);
                moved = true;
            }
            while let Some(trade) = self.instrument.poll_finished(self.now) {
                self.checks.ends(&trade, &self.venue, self.shown);
                moved = true;
            }
            self.checks.holds(&self.instrument, &self.venue, self.now);
            if !moved {
                return;
            }
        }
    }

    fn transmit(&mut self, outgoing: Outgoing) {
        if self.fails(self.faults.lose_request) {
            return;
        }
        let (link, sent_ns, delay) = (self.link, self.now.mono.0, self.delay());
        self.after(delay, Event::Request { link, sent_ns, outgoing });
    }

    /// A request reaches the venue, perhaps after its connection is gone.
    fn request(&mut self, link: u32, sent_ns: u64, outgoing: Outgoing) {
        if link != self.link && self.rng.random_bool(0.5) {
            return;
        }
        let answer = if self.fails(self.faults.too_many) {
            refusal(TOO_MANY, Verdict::Refused, Some(Duration::from_secs(1)))
        } else {
            self.carry_out(sent_ns, &outgoing.command)
        };
        self.tell_events();
        self.publish();
        if self.fails(self.faults.lose_answer) {
            return;
        }
        if let Answer::Refused(VenueRefusal { silent_for: Some(wait), .. }) = &answer {
            if link == self.link {
                // Told at once, so that the check of silence is strict.
                let until_ms = self.now.wall_ms + i64::try_from(wait.as_millis()).unwrap();
                self.silent_until_ms = self.silent_until_ms.max(until_ms);
                self.gateway.handle_answer(outgoing.request, answer);
            }
            return;
        }
        let delay = self.delay();
        self.after(delay, Event::Answer { link, request: outgoing.request, answer });
    }

    fn carry_out(&mut self, sent_ns: u64, command: &Command) -> Answer {
        let age = Duration::from_nanos(self.now.mono.0 - sent_ns);
        let too_late = age > self.instrument.settings().recv_window;
        let answer = match command {
            Command::PlaceMaker(_) | Command::PlaceTaker(_) if too_late => {
                refusal(TOO_LATE, Verdict::Refused, None)
            }
            Command::PlaceMaker(leg) => match self.venue.place_maker(leg, self.now.mono.0) {
                Ok(updates) => Answer::Updates(updates),
                Err(code) => refusal(code, Verdict::Refused, None),
            },
            Command::PlaceTaker(leg) => Answer::Updates(self.venue.place_taker(leg, self.now.mono.0)),
            Command::Cancel(_) if self.fails(self.faults.refuse_cancel) => {
                refusal(INTERNAL, Verdict::Refused, None)
            }
            Command::Cancel(order) => found(self.venue.cancel(order.id)),
            Command::Query(order) => found(self.venue.query(order.id)),
            Command::ListOpen => Answer::OpenOrders(self.venue.open()),
        };
        if let (Command::PlaceMaker(leg) | Command::PlaceTaker(leg), Answer::Updates(_)) = (command, &answer)
        {
            self.checks.accepted(leg.id);
        }
        if self.fails(self.faults.doubt) { refusal(TIMED_OUT, Verdict::Unknown, None) } else { answer }
    }

    fn tell_events(&mut self) {
        for update in std::mem::take(&mut self.venue.events) {
            let times = 1 + u32::from(self.fails(self.faults.repeat_event));
            for _ in 0..times {
                if !self.fails(self.faults.lose_event) {
                    let (link, delay) = (self.link, self.delay());
                    self.after(delay, Event::Update { link, update });
                }
            }
        }
    }

    fn publish(&mut self) {
        if let (BookIs::Frozen, Some(shown)) = (self.book, self.shown) {
            self.after(0, Event::Top { update_id: shown.update_id, bid: shown.bid, ask: shown.ask });
        }
        if self.book == BookIs::Live {
            let (bid, ask) = (self.venue.level(Side::Buy), self.venue.level(Side::Sell));
            let late_ms = if self.healthy { 30 } else { 30 + self.faults.book_late_ms };
            let delay = self.rng.random_range(0..late_ms * MS);
            self.after(delay, Event::Top { update_id: self.venue.update_id, bid, ask });
        }
    }

    fn show(&mut self, update_id: u64, bid: Option<Level>, ask: Option<Level>) {
        let moves = self.book == BookIs::Live || self.shown.is_some_and(|shown| shown.update_id == update_id);
        if self.book != BookIs::Lost && moves && self.shown.is_none_or(|shown| shown.update_id <= update_id) {
            self.checks.shows(update_id);
            self.shown = Some(top(bid, ask, update_id, self.now));
            self.instrument.handle_top(self.shown);
        }
    }

    /// The book goes out of sequence, or falls silent without a word.
    fn lose_book(&mut self, silently: bool) {
        if self.healthy {
            return;
        }
        self.book = BookIs::Lost;
        if !silently {
            self.shown = None;
            self.instrument.handle_top(None);
        }
        let (back_ms, next) = (self.rng.random_range(10..4_000), self.rng.random_bool(0.5));
        self.after(back_ms * MS, Event::BookBack);
        self.again(self.faults.book_lost_every_ms + back_ms, Event::BookLost { silently: next });
    }

    /// The instrument doubts its book: it is thrown away and fetched anew.
    fn fetch_book(&mut self) {
        self.doubts += 1;
        self.book = BookIs::Lost;
        self.shown = None;
        self.instrument.handle_top(None);
        let delay = self.delay();
        self.after(2 * delay, Event::BookBack);
    }

    fn stranger(&mut self) {
        if self.healthy {
            return;
        }
        let side = if self.rng.random_bool(0.5) { Side::Buy } else { Side::Sell };
        let price = self.price + self.rng.random_range(-4..=4);
        let qty = self.rng.random_range(1..1_500);
        self.venue.stranger(side, price, qty);
        if self.rng.random_bool(0.3) {
            self.venue.strangers_leave();
        }
        self.tell_events();
        self.publish();
        self.again(self.faults.stranger_every_ms, Event::Stranger);
    }

    fn cut(&mut self) {
        if self.healthy {
            return;
        }
        if !self.link.is_multiple_of(2) {
            self.link += 1;
            self.gateway.handle_disconnected();
            self.after(self.now.mono.0 % MS, Event::Told);
        }
        let back_ms = self.rng.random_range(1..1_500);
        self.after(back_ms * MS, Event::Link);
        self.again(self.faults.cut_every_ms + back_ms, Event::Cut);
    }

    fn fails(&mut self, likely: f64) -> bool {
        !self.healthy && likely > 0.0 && self.rng.random_bool(likely)
    }

    /// 0.1 to 50 ms; far more where messages dawdle.
    fn delay(&mut self) -> u64 {
        if self.fails(self.faults.dawdle) {
            return self.rng.random_range(0..6_000) * MS;
        }
        self.rng.random_range(MS / 10..50 * MS)
    }

    fn after(&mut self, ns: u64, event: Event) {
        self.turns += 1;
        self.queue.insert((self.now.mono.0 + ns, self.turns), event);
    }

    /// Again after a random time of that mean; never if it is zero.
    fn again(&mut self, every_ms: u64, event: Event) {
        if every_ms > 0 {
            let ms = self.rng.random_range(1..2 * every_ms);
            self.after(ms * MS, event);
        }
    }
}

fn found(update: Option<OrderUpdate>) -> Answer {
    match update {
        Some(update) => Answer::Updates(vec![update]),
        None => refusal(NO_SUCH_ORDER, Verdict::NoSuchOrder, None),
    }
}

fn refusal(code: i64, verdict: Verdict, silent_for: Option<Duration>) -> Answer {
    Answer::Refused(VenueRefusal { code, verdict, silent_for, silence: Silence::Most })
}

fn random_settings(rng: &mut Xoshiro256PlusPlus, seed: u64) -> Settings {
    let base = settings();
    let mut either = |likely: f64| rng.random_bool(likely);
    let mut params = base.rules.params.clone();
    params.interval = if either(0.3) { num("0.05") } else { Decimal::ZERO };
    params.placement = if either(0.2) { Placement::Inside } else { Placement::Touch };
    params.same_price = if either(0.5) { SamePolicy::Nudge } else { SamePolicy::Keep };
    params.same_qty = if either(0.5) { SamePolicy::Nudge } else { SamePolicy::Keep };
    params.side = if either(0.5) { SidePolicy::Random } else { SidePolicy::Follow };
    Settings {
        rules: Rules::new(params),
        contract_size: None,
        conflate: if either(0.5) { Conflate::Newest } else { Conflate::Queue },
        on_quiet: if either(0.3) { OnQuiet::Repeat } else { OnQuiet::Hold },
        chance: Chance::new(seed, "BTCUSDT"),
        ..base
    }
}
