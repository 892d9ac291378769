//! Keeps the venue's dead man's switch armed for the instruments of one account, by REST, beside its orders.
//!
//! When to renew and how long to rely on it is [`pipeline::switch`]'s to say. Two kinds of venue have a switch: an
//! embedded or staging venue has one that honours a prefix of client ids, and USD-M cancels all of an account's orders
//! on a symbol, whoever sent them. That one is armed only while no order of anybody else rests there.

mod calls;

use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use pipeline::gateway::{RateLimit, RateLimitKind};
use pipeline::switch::{IN_DOUBT_MAX, Switch, Times, View};
use pipeline::time::Nanos;
use schemas::config::{DeadManSwitch, Dialect};
use schemas::ids::InstrumentPrefix;

use self::calls::{Calls, Outcome};
use super::account::AccountKey;
use crate::clock::Clock;
use crate::failpoint::break_in;
use crate::ownership::{Armed, Hold};
use crate::venue::guard::Target;

/// The switch of an embedded or staging venue, which costs next to nothing.
const BY_PREFIX: Times = Times {
    countdown: Duration::from_secs(5),
    renew_every: Duration::from_secs(1),
    window: Duration::from_secs(1),
    order_window: ORDER_WINDOW,
    in_doubt_max: IN_DOUBT_MAX,
};
/// USD-M's own, at 11 of the weight limit a renewal.
const BY_SYMBOL: Times =
    Times { countdown: Duration::from_secs(30), renew_every: Duration::from_secs(10), ..BY_PREFIX };
/// An order's recvWindow, and a margin for clocks.
const ORDER_WINDOW: Duration = Duration::from_millis(2_500);
/// Most prefixes of one renewal.
const PREFIXES_MAX: usize = 200;
/// Calls under way at once.
const CALLS_MAX: usize = 4;
/// How often what is known of the orders is looked at while it keeps a renewal back.
const LOOK: Duration = Duration::from_millis(20);
/// The same where nothing is ours.
const LOOK_IDLE: Duration = Duration::from_millis(200);
/// What a renewal of one symbol costs on USD-M: a list of its open orders, and the countdown.
const SYMBOL_WEIGHT: u64 = 11;
/// The most of an address's weight limit that switches may take: a quarter.
const SHARE: u64 = 4;

/// One instrument.
#[derive(Clone, Debug)]
pub struct SwitchLane {
    /// The venue's symbol.
    pub symbol: String,
    /// What its orders' ids begin with.
    pub prefix: InstrumentPrefix,
    /// Where it is told whether the switch is armed.
    pub hold: Arc<Hold>,
}

/// What a switch is kept with.
#[derive(Debug)]
pub struct SwitchParts {
    /// Where the venue is.
    pub target: Target,
    /// Key and secret.
    pub account: AccountKey,
    /// Venue time minus ours.
    pub clock_offset_ms: Arc<AtomicI64>,
    /// Whether orders may leave without it.
    pub wanted: DeadManSwitch,
    /// The instruments.
    pub lanes: Vec<SwitchLane>,
}

/// The ways in which a venue may be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Prefix,
    Symbol,
    None,
}

impl Way {
    /// What to try first.
    fn first(target: &Target) -> Self {
        if target.is_private() { Self::Prefix } else { Self::after_prefix(target) }
    }

    /// What is left where the venue has no switch by prefix.
    fn after_prefix(target: &Target) -> Self {
        match target.dialect() {
            Dialect::BinanceUsdm => Self::Symbol,
            Dialect::BinanceSpot | Dialect::Okx => Self::None,
        }
    }

    const fn times(self) -> Times {
        match self {
            Self::Prefix | Self::None => BY_PREFIX,
            Self::Symbol => BY_SYMBOL,
        }
    }
}

/// Whether instruments of that venue wait for a switch from the start.
#[must_use]
pub fn is_expected(target: &Target, wanted: DeadManSwitch) -> bool {
    match wanted {
        DeadManSwitch::Off => false,
        DeadManSwitch::On => true,
        DeadManSwitch::Auto => Way::first(target) != Way::None,
    }
}

/// Takes what renewals will cost out of the weight limits that orders may use; every one of `sharers` processes does.
/// Where that is more than a quarter of the limit, nothing is taken and `false` comes back: no switch is to be kept.
#[must_use]
pub fn reserve(target: &Target, symbols: usize, sharers: u32, limits: &mut [RateLimit]) -> bool {
    let a_minute = |every: Duration| 60 / every.as_secs().max(1);
    let [symbols, calls] =
        [symbols, symbols.div_ceil(PREFIXES_MAX)].map(|count| u64::try_from(count).unwrap_or(u64::MAX));
    let weight = match Way::first(target) {
        Way::None => return true,
        Way::Prefix => calls * a_minute(BY_PREFIX.renew_every),
        Way::Symbol => symbols.saturating_mul(SYMBOL_WEIGHT) * a_minute(BY_SYMBOL.renew_every),
    };
    let weight = weight.saturating_mul(sharers.max(1).into());
    let weights = || limits.iter().filter(|limit| limit.kind == RateLimitKind::Weight);
    let part = |limit: &RateLimit| weight.saturating_mul(limit.interval_ms.unsigned_abs()) / 60_000;
    if weights().any(|limit| part(limit) > limit.count / SHARE) {
        return false;
    }
    for limit in limits.iter_mut().filter(|limit| limit.kind == RateLimitKind::Weight) {
        limit.count -= part(limit);
    }
    true
}

/// Keeps the switch until dropped. Nothing is switched off then: it fires where nobody renews it.
pub async fn run(parts: SwitchParts, clock: Clock) {
    Keeper::new(parts, clock).run().await;
}

/// Calls under way: which instruments each is for, and what came of it.
type UnderWay = FuturesUnordered<BoxFuture<'static, (Way, Vec<usize>, Outcome)>>;

struct Keeper {
    clock: Clock,
    calls: Arc<Calls>,
    target: Target,
    wanted: DeadManSwitch,
    lanes: Vec<SwitchLane>,
    way: Way,
    switches: Vec<Switch>,
    /// Of each: orders of somebody else rest on its symbol.
    shared: Vec<bool>,
    /// Renewals have failed since the last one that did not.
    failing: bool,
    /// The venue has taken a renewal this way.
    has_renewed: bool,
}

impl Keeper {
    fn new(parts: SwitchParts, clock: Clock) -> Self {
        let SwitchParts { target, account, clock_offset_ms, wanted, lanes } = parts;
        let way = Way::first(&target);
        Self {
            clock,
            calls: Arc::new(Calls::new(target.clone(), account, clock_offset_ms, clock)),
            target,
            wanted,
            switches: lanes.iter().map(|_| Switch::new(way.times())).collect(),
            shared: vec![false; lanes.len()],
            lanes,
            way,
            failing: false,
            has_renewed: false,
        }
    }

    async fn run(mut self) {
        let mut under_way = UnderWay::new();
        while self.way != Way::None {
            break_in("switch");
            self.begin(&mut under_way);
            self.show();
            let wake = self.clock.instant(self.next_look());
            tokio::select! {
                Some((way, lanes, outcome)) = under_way.next() => {
                    // What another way brought is of no more interest.
                    if way == self.way {
                        self.heed(&lanes, outcome);
                    }
                }
                () = tokio::time::sleep_until(wake) => {}
            }
        }
        self.go_without();
    }

    /// Sends what is due.
    fn begin(&mut self, under_way: &mut UnderWay) {
        let now = self.clock.now().mono;
        while under_way.len() < CALLS_MAX {
            let most = if self.way == Way::Prefix { PREFIXES_MAX } else { 1 };
            let mut due = Vec::new();
            for place in 0..self.lanes.len() {
                if due.len() < most && self.switches[place].poll_renewal(view(&self.lanes[place], now), now) {
                    due.push(place);
                }
            }
            if due.is_empty() {
                return;
            }
            let calls = Arc::clone(&self.calls);
            let (way, countdown) = (self.way, self.way.times().countdown);
            under_way.push(if way == Way::Prefix {
                let prefixes: Vec<InstrumentPrefix> =
                    due.iter().map(|place| self.lanes[*place].prefix).collect();
                Box::pin(async move { (way, due, calls.by_prefix(&prefixes, countdown).await) })
            } else {
                let SwitchLane { symbol, prefix, .. } = self.lanes[due[0]].clone();
                Box::pin(async move { (way, due, calls.by_symbol(&symbol, prefix, countdown).await) })
            });
        }
    }

    fn heed(&mut self, lanes: &[usize], outcome: Outcome) {
        let now = self.clock.now().mono;
        match outcome {
            Outcome::Renewed => {
                self.says(lanes, None);
                self.has_renewed = true;
                for place in lanes {
                    self.switches[*place].handle_acknowledged();
                    self.shared[*place] = false;
                }
            }
            Outcome::Shared { others } => {
                for place in lanes {
                    if !std::mem::replace(&mut self.shared[*place], true) {
                        let symbol = &self.lanes[*place].symbol;
                        tracing::warn!(
                            symbol,
                            others,
                            "the venue's dead man's switch is not armed: it would cancel others' orders"
                        );
                    }
                    self.switches[*place].handle_off();
                }
            }
            Outcome::Failed(error) => {
                metrics::counter!("st_dms_failures_total").increment(1);
                self.says(lanes, Some(&error));
                lanes.iter().for_each(|place| self.switches[*place].handle_failed(now));
            }
            // A venue that has armed it has it, whatever a page or a proxy says later.
            Outcome::NoSuchCall if self.has_renewed => {
                let error = "the venue says that there is no such call".to_owned();
                self.heed(lanes, Outcome::Failed(error));
            }
            Outcome::NoSuchCall => self.next_way(),
        }
    }

    /// Says once that renewals fail, and once that they no longer do.
    fn says(&mut self, lanes: &[usize], error: Option<&str>) {
        if std::mem::replace(&mut self.failing, error.is_some()) == error.is_some() {
            return;
        }
        let symbol = lanes.first().map(|place| self.lanes[*place].symbol.as_str());
        match error {
            Some(error) => tracing::warn!(symbol, error, "the venue's dead man's switch is not renewed"),
            None => tracing::info!(symbol, "the venue's dead man's switch is renewed again"),
        }
    }

    fn next_way(&mut self) {
        if self.way == Way::Prefix {
            self.way = Way::after_prefix(&self.target);
        } else {
            self.way = Way::None;
        }
        self.switches = self.lanes.iter().map(|_| Switch::new(self.way.times())).collect();
    }

    /// Tells every instrument whether it may rely on its switch.
    fn show(&self) {
        let now = self.clock.now().mono;
        for (place, lane) in self.lanes.iter().enumerate() {
            let switch = &self.switches[place];
            let armed = if switch.is_armed(now) {
                Armed::Yes
            } else if self.shared[place] && self.wanted == DeadManSwitch::Auto {
                Armed::Waived
            } else {
                Armed::No
            };
            lane.hold.set_armed(armed, switch.armed_until(), switch.renewed());
        }
    }

    /// The venue has no switch.
    fn go_without(&self) {
        let demanded = self.wanted == DeadManSwitch::On;
        if demanded {
            tracing::error!("Dead Man Switch is \"on\", and the venue has none: no order leaves");
        } else {
            tracing::info!("the venue has no dead man's switch");
        }
        for lane in &self.lanes {
            let armed = if demanded { Armed::No } else { Armed::NotNeeded };
            lane.hold.set_armed(armed, Nanos(0), None);
        }
    }

    /// When to look again: a renewal is due, or a switch is no longer to be relied on.
    fn next_look(&self) -> Nanos {
        let now = self.clock.now().mono;
        let of_lane = |(switch, lane): (&Switch, &SwitchLane)| {
            let due = switch.poll_timeout().map(|due| {
                let look = if lane.hold.is_claimed() { LOOK } else { LOOK_IDLE };
                if due > now { due } else { now + look }
            });
            let lapses = Some(switch.armed_until()).filter(|until| *until > now);
            [due, lapses]
        };
        let looks = self.switches.iter().zip(&self.lanes).flat_map(of_lane).flatten();
        looks.min().unwrap_or(now + LOOK_IDLE)
    }
}

/// What the lane says of its orders, and nothing of an instrument that is not provably ours.
fn view(lane: &SwitchLane, now: Nanos) -> View {
    let view = lane.hold.arming().view();
    View { swept: view.swept && lane.hold.is_open(now), ..view }
}

#[cfg(test)]
mod tests {
    use schemas::config::Venue;

    use super::*;

    fn limits() -> [RateLimit; 2] {
        let orders = RateLimit { kind: RateLimitKind::Orders, interval_ms: 10_000, count: 300 };
        [orders, RateLimit { kind: RateLimitKind::Weight, interval_ms: 60_000, count: 2_400 }]
    }

    #[test]
    fn renewals_take_their_part_of_the_weight_limit_and_no_more_than_a_quarter() {
        let usdm = Target::of(&Venue::BinanceUsdmTestnet).unwrap();
        let own = Target::simulated_futures("127.0.0.1:1".parse().unwrap()).unwrap();
        let spot = Target::of(&Venue::BinanceSpotTestnet).unwrap();
        for (target, symbols, sharers, left) in [
            (&usdm, 1, 1, Some(2_334)),
            (&usdm, 9, 1, Some(1_806)),
            (&usdm, 10, 1, None),
            (&usdm, 4, 2, Some(1_872)),
            (&usdm, 5, 2, None),
            (&own, 200, 1, Some(2_340)),
            (&own, 201, 1, Some(2_280)),
            (&spot, 1_000, 1, Some(2_400)),
        ] {
            let mut limits = limits();
            let kept = reserve(target, symbols, sharers, &mut limits);
            assert_eq!(kept.then_some(limits[1].count), left, "{symbols} symbols, {sharers} sharers");
            assert_eq!(limits[0].count, 300);
        }
    }

    #[test]
    fn instruments_wait_for_a_switch_where_there_may_be_one_or_one_is_demanded() {
        use DeadManSwitch::{Auto, Off, On};
        let own = Target::simulated("127.0.0.1:1".parse().unwrap()).unwrap();
        let spot = Target::of(&Venue::BinanceSpotTestnet).unwrap();
        let expected = |target: &Target| [Auto, On, Off].map(|wanted| is_expected(target, wanted));
        assert_eq!(expected(&own), [true, true, false]);
        assert_eq!(expected(&spot), [false, true, false]);
    }
}
