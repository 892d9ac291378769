//! The time line of faults: what is on at a moment, whom it strikes. Time is an argument, chance is seeded.

use std::collections::{BTreeMap, VecDeque};

use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};

use super::kind::{Fault, Reach, Stream};
use super::notice::{FaultMoment, FaultNotice, NOTICES_MAX};
use super::switch::{Connection, FaultSwitch, LineKind};
use crate::simulator::symbols::Product;

/// Most switches that are on or wait at one time; one more is refused.
pub(super) const SWITCHES_MAX: usize = 4_096;
const MILLION: u32 = 1_000_000;

/// What something is about, so that it can be told whether a fault strikes it. What is not known is not struck by a
/// fault that asks for it.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::simulator) struct Target<'a> {
    pub(in crate::simulator) product: Option<Product>,
    pub(in crate::simulator) symbol: Option<&'a str>,
    /// An API key.
    pub(in crate::simulator) account: Option<&'a str>,
    pub(in crate::simulator) line: Option<LineTag>,
    /// A request's WS API method and its REST verb and path; empty where it has none.
    pub(in crate::simulator) names: [&'a str; 2],
    /// Touched by faults only if they name its operation.
    pub(in crate::simulator) unsigned: bool,
    pub(in crate::simulator) stream: Option<Stream>,
}

/// A connection as faults see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::simulator) struct LineTag {
    pub(in crate::simulator) number: u64,
    pub(in crate::simulator) kind: LineKind,
    /// An account's events come over it.
    pub(in crate::simulator) user: bool,
}

/// A switch that is on.
#[derive(Debug)]
pub(super) struct Active {
    id: u64,
    pub(super) switch: FaultSwitch,
    pub(super) began_ms: u64,
    until_ms: Option<u64>,
    left: Option<u64>,
}

/// What the world outside has to carry out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Began(FaultSwitch),
    Ended(FaultSwitch),
}

/// What is on and what is to come.
#[derive(Debug)]
pub(super) struct Plan {
    now_ms: u64,
    rng: Xoshiro256PlusPlus,
    ids: u64,
    /// By moment, then in the order in which they were asked for.
    waiting: BTreeMap<(u64, u64), FaultSwitch>,
    on: Vec<Active>,
    notices: VecDeque<FaultNotice>,
}

impl Plan {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            now_ms: 0,
            rng: Xoshiro256PlusPlus::seed_from_u64(seed),
            ids: 0,
            waiting: BTreeMap::new(),
            on: Vec::new(),
            notices: VecDeque::new(),
        }
    }

    /// Whether anything is on, so that anything could strike.
    pub(super) fn is_on(&self) -> bool {
        !self.on.is_empty()
    }

    pub(super) const fn now_ms(&self) -> u64 {
        self.now_ms
    }

    /// How many switches there are.
    pub(super) fn len(&self) -> usize {
        self.on.len() + self.waiting.len()
    }

    /// Turns a switch, now or when it asks for. What it changes now is told by [`Plan::advance`].
    pub(super) fn turn(&mut self, switch: FaultSwitch) {
        self.ids += 1;
        let at = self.now_ms + switch.at.map_or(0, super::span::Span::ms);
        self.waiting.insert((at, self.ids), switch);
    }

    /// All off, and nothing to come.
    pub(super) fn clear(&mut self) -> Vec<Change> {
        self.waiting.clear();
        let mut changes = Vec::new();
        while let Some(active) = self.on.pop() {
            self.ended(active, self.now_ms, &mut changes);
        }
        changes
    }

    /// The time is now `now_ms` since the start: what has begun and what has ended meanwhile, in order.
    pub(super) fn advance(&mut self, now_ms: u64) -> Vec<Change> {
        let now_ms = now_ms.max(self.now_ms);
        let mut changes = Vec::new();
        loop {
            let ends =
                self.on.iter().enumerate().filter_map(|(at, active)| Some((active.end_ms(self.now_ms)?, at)));
            let end = ends.min().filter(|(ms, _)| *ms <= now_ms);
            let begin = self.waiting.first_key_value().map(|(key, _)| *key).filter(|(ms, _)| *ms <= now_ms);
            // Of two at one moment the end comes first: a switch may take its own place.
            match (end, begin) {
                (Some((ms, at)), begin) if begin.is_none_or(|(begins, _)| ms <= begins) => {
                    self.now_ms = self.now_ms.max(ms);
                    let active = self.on.remove(at);
                    self.ended(active, ms, &mut changes);
                }
                (_, Some(key)) => {
                    self.now_ms = self.now_ms.max(key.0);
                    let switch = self.waiting.remove(&key).expect("it was just seen");
                    self.begin(switch, key, &mut changes);
                }
                (Some(_) | None, None) => break,
            }
        }
        self.now_ms = now_ms;
        changes
    }

    /// Whether a switch of that fault strikes, and with what; it is counted.
    pub(super) fn strike(&mut self, fault: Fault, target: &Target<'_>) -> Option<FaultSwitch> {
        self.strike_of(fault, target, |_| true)
    }

    /// As [`Plan::strike`], by those switches only that are meant.
    pub(super) fn strike_of(
        &mut self,
        fault: Fault,
        target: &Target<'_>,
        meant: impl Fn(&FaultSwitch) -> bool,
    ) -> Option<FaultSwitch> {
        let (on, rng) = (&mut self.on, &mut self.rng);
        let struck = on.iter_mut().find(|active| {
            let switch = &active.switch;
            switch.fault == fault
                && active.left != Some(0)
                && meant(switch)
                && strikes(switch, target)
                && switch.probability.is_none_or(|ppm| rng.random_range(0..MILLION) < ppm)
        })?;
        struck.left = struck.left.map(|left| left - 1);
        struck.switch.applied += 1;
        Some(struck.switch.clone())
    }

    /// The switch of that fault that is on for a target; nothing is counted.
    pub(super) fn holds(&self, fault: Fault, target: &Target<'_>) -> Option<&Active> {
        self.all(fault).find(|active| strikes(&active.switch, target))
    }

    /// All switches of that fault that are on.
    pub(super) fn all(&self, fault: Fault) -> impl Iterator<Item = &Active> {
        self.on.iter().filter(move |active| active.switch.fault == fault && active.left != Some(0))
    }

    /// Up to `most`, by chance.
    pub(super) fn draw(&mut self, most: u64) -> u64 {
        if most == 0 { 0 } else { self.rng.random_range(0..=most) }
    }

    /// What is on, in the order in which it began.
    pub(super) fn list(&self) -> impl Iterator<Item = &FaultSwitch> {
        self.on.iter().filter(|active| active.left != Some(0)).map(|active| &active.switch)
    }

    /// What has not been told yet.
    pub(super) fn take_notices(&mut self) -> Vec<FaultNotice> {
        self.notices.drain(..).collect()
    }

    fn begin(&mut self, mut switch: FaultSwitch, (at_ms, id): (u64, u64), changes: &mut Vec<Change>) {
        if let Some(every) = switch.every {
            self.ids += 1;
            let again = FaultSwitch { at: None, ..switch.clone() };
            self.waiting.insert((at_ms + every.ms(), self.ids), again);
        }
        switch.at = None;
        if let Some(place) = self.on.iter().position(|active| active.switch.same(&switch)) {
            let active = self.on.remove(place);
            self.ended(active, at_ms, changes);
        }
        if !switch.on {
            // Its repetitions end with it.
            self.waiting.retain(|_, waiting| !(waiting.every.is_some() && waiting.same(&switch)));
            return;
        }
        let (until_ms, left) = (switch.lasts.map(|lasts| at_ms + lasts.ms()), switch.count);
        let mut active = Active { id, switch, began_ms: at_ms, until_ms, left };
        self.note(&active, FaultMoment::Began, at_ms);
        changes.push(Change::Began(active.switch.clone()));
        if active.switch.fault.reach() == Reach::Once {
            active.switch.applied = 1;
            self.note(&active, FaultMoment::Ended, at_ms);
        } else {
            self.on.push(active);
        }
    }

    fn ended(&mut self, active: Active, at_ms: u64, changes: &mut Vec<Change>) {
        self.note(&active, FaultMoment::Ended, at_ms);
        changes.push(Change::Ended(active.switch));
    }

    fn note(&mut self, active: &Active, moment: FaultMoment, at_ms: u64) {
        if self.notices.len() == NOTICES_MAX {
            self.notices.pop_front();
        }
        self.notices.push_back(FaultNotice { at_ms, id: active.id, moment, switch: active.switch.clone() });
    }
}

impl Active {
    /// When it ends; what is used up has ended already.
    fn end_ms(&self, now_ms: u64) -> Option<u64> {
        if self.left == Some(0) {
            Some(self.until_ms.map_or(now_ms, |until| until.min(now_ms)))
        } else {
            self.until_ms
        }
    }
}

pub(super) fn strikes(switch: &FaultSwitch, target: &Target<'_>) -> bool {
    let same = |wanted: Option<&str>, own: Option<&str>| wanted.is_none_or(|wanted| own == Some(wanted));
    same(switch.symbol.as_deref(), target.symbol)
        && same(switch.account.as_deref(), target.account)
        && switch.product.is_none_or(|product| target.product == Some(product))
        && switch.connection.is_none_or(|wanted| target.line.is_some_and(|line| line.is(wanted)))
        && meant_stream(switch, target)
        && meant_operation(switch, target)
}

/// Where no stream is named the market streams are meant, and an account's own where the switch is about one.
fn meant_stream(switch: &FaultSwitch, target: &Target<'_>) -> bool {
    match switch.params.stream {
        Some(stream) => target.stream == Some(stream),
        None => {
            let about_users = switch.connection == Some(Connection::Kind(LineKind::User));
            target.stream != Some(Stream::User) || switch.account.is_some() || about_users
        }
    }
}

fn meant_operation(switch: &FaultSwitch, target: &Target<'_>) -> bool {
    match switch.operation.as_deref() {
        None => !target.unsigned,
        Some(wanted) => target.names.iter().any(|name| match wanted.strip_suffix('*') {
            Some(start) => name.starts_with(start),
            None => *name == wanted,
        }),
    }
}

impl LineTag {
    pub(super) fn is(self, wanted: Connection) -> bool {
        match wanted {
            Connection::Number(number) => self.number == number,
            Connection::Kind(LineKind::User) => self.user,
            Connection::Kind(kind) => self.kind == kind,
        }
    }
}
