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

    /// Counts that the switch of that fault that is on for a target has struck, if there is one.
    pub(super) fn count(&mut self, fault: Fault, target: &Target<'_>) {
        let own = |active: &&mut Active| active.switch.fault == fault && strikes(&active.switch, target);
        if let Some(active) = self.on.iter_mut().find(own) {
            active.switch.applied += 1;
        }
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::span::Span;
    use super::*;

    fn switch(fault: Fault, at: u64, lasts: Option<u64>) -> FaultSwitch {
        FaultSwitch { at: Some(Span::of_ms(at)), lasts: lasts.map(Span::of_ms), ..FaultSwitch::new(fault) }
    }

    fn on(plan: &Plan) -> Vec<Fault> {
        plan.list().map(|switch| switch.fault).collect()
    }

    #[test]
    fn a_switch_begins_ends_and_comes_again_when_it_is_told() {
        let mut plan = Plan::new(1);
        plan.turn(FaultSwitch { every: Some(Span::of_ms(100)), ..switch(Fault::LoseAnswers, 50, Some(20)) });
        let mut seen = Vec::new();
        for now in (0..300).step_by(10) {
            plan.advance(now);
            seen.push(plan.is_on());
        }
        let want = (0..300).step_by(10).map(|now| now >= 50 && (now - 50) % 100 < 20);
        assert_eq!(seen, want.collect::<Vec<_>>());
        let notices = plan.take_notices();
        assert_eq!(
            notices.iter().map(|notice| notice.at_ms).collect::<Vec<_>>(),
            [50, 70, 150, 170, 250, 270]
        );
        assert!(plan.take_notices().is_empty());
    }

    #[test]
    fn the_later_switch_takes_the_place_of_the_earlier_and_off_ends_both() {
        let mut plan = Plan::new(1);
        plan.turn(FaultSwitch { every: Some(Span::of_ms(5)), ..switch(Fault::LoseAnswers, 0, Some(1_000)) });
        plan.turn(switch(Fault::LoseAnswers, 1, None));
        plan.advance(2);
        assert_eq!(on(&plan), [Fault::LoseAnswers]);
        plan.turn(FaultSwitch { on: false, ..switch(Fault::LoseAnswers, 0, None) });
        plan.advance(3);
        assert_eq!(on(&plan), []);
        plan.advance(100);
        assert_eq!(on(&plan), [], "its repetitions have ended with it");
    }

    #[test]
    fn what_is_used_up_strikes_no_more() {
        let mut plan = Plan::new(1);
        plan.turn(FaultSwitch { count: Some(2), ..FaultSwitch::new(Fault::LoseAnswers) });
        plan.advance(0);
        let struck = (0..5).filter(|_| plan.strike(Fault::LoseAnswers, &Target::default()).is_some()).count();
        assert_eq!((struck, on(&plan)), (2, vec![]));
        plan.advance(1);
        assert!(!plan.is_on());
        assert_eq!(plan.take_notices().last().map(|notice| notice.switch.applied), Some(2));
    }

    #[test]
    fn a_scope_strikes_what_it_names_and_nothing_else() {
        let line = |number, kind| Some(LineTag { number, kind, user: false });
        let target = Target {
            product: Some(Product::Spot),
            symbol: Some("BTCUSDT"),
            account: Some("key"),
            line: line(3, LineKind::WsApi),
            names: ["order.place", "POST /api/v3/order"],
            ..Target::default()
        };
        type Change = fn(&mut FaultSwitch);
        let own: [Change; 8] = [
            |_| {},
            |switch| switch.symbol = Some("BTCUSDT".to_owned()),
            |switch| switch.product = Some(Product::Spot),
            |switch| switch.account = Some("key".to_owned()),
            |switch| switch.connection = Some(Connection::Number(3)),
            |switch| switch.connection = Some(Connection::Kind(LineKind::WsApi)),
            |switch| switch.operation = Some("POST /api/v3/order".to_owned()),
            |switch| switch.operation = Some("order.*".to_owned()),
        ];
        let other: [Change; 7] = [
            |switch| switch.symbol = Some("ETHUSDT".to_owned()),
            |switch| switch.product = Some(Product::UsdM),
            |switch| switch.account = Some("other".to_owned()),
            |switch| switch.connection = Some(Connection::Number(4)),
            |switch| switch.connection = Some(Connection::Kind(LineKind::User)),
            |switch| switch.operation = Some("order".to_owned()),
            |switch| switch.params.stream = Some(Stream::Trade),
        ];
        let strikes = |change: Change| {
            let mut switch = FaultSwitch::new(Fault::Reject);
            change(&mut switch);
            super::strikes(&switch, &target)
        };
        assert!(own.into_iter().all(strikes));
        assert!(!other.into_iter().any(strikes));
    }

    proptest! {
        /// However time goes on: what is on at the end is what began and has not ended, every beginning has at most
        /// one end, and the same seed strikes alike.
        #[test]
        fn the_time_line_does_not_depend_on_how_often_it_is_looked_at(
            spans in prop::collection::vec((0_u64..500, prop::option::of(1_u64..300), 0_usize..3), 1..20),
            steps in prop::collection::vec(1_u64..200, 1..20),
            seed in any::<u64>(),
        ) {
            let faults = [Fault::LoseAnswers, Fault::LoseRequests, Fault::Freeze];
            let plan = || {
                let mut plan = Plan::new(seed);
                for (at, lasts, fault) in &spans {
                    plan.turn(switch(faults[*fault], *at, *lasts));
                }
                plan
            };
            let (mut often, mut once) = (plan(), plan());
            let mut now = 0;
            for step in &steps {
                now += step;
                often.advance(now);
            }
            once.advance(now);
            prop_assert_eq!(on(&often), on(&once));
            let notices = often.take_notices();
            prop_assert_eq!(&notices, &once.take_notices());
            let began = notices.iter().filter(|notice| notice.moment == FaultMoment::Began).count();
            let ended = notices.iter().filter(|notice| notice.moment == FaultMoment::Ended).count();
            prop_assert_eq!(began - ended, on(&often).len());
            let draws = |plan: &mut Plan| (0..8).map(|_| plan.draw(1_000)).collect::<Vec<_>>();
            prop_assert_eq!(draws(&mut often), draws(&mut once));
        }
    }
}
