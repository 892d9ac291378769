//! The rate budget: the venue's own limits and the counts in its answers, and bounds of ours.
//!
//! Places may use four fifths of each limit of the venue; the last fifth is for cancels and questions. A maker leaves
//! only where its taker and two cancels fit as well, and they are kept back for it until the pair is over. A cancel is
//! counted and never waits. Processes that share an account and an address each spend only their part; the venue's own
//! counts, which hold everybody's requests, are judged against the whole.

use std::time::Duration;

use super::bounds::{Bounds, LaneBounds};
use super::caps::Caps;
use super::gcra::Gcra;
use super::machine::LaneId;
use super::reserve::{CANCELS, Reserve};
use super::window::Window;
use crate::command::{Command, PlaceLeg};
use crate::event::OrderReport;
use crate::time::{Nanos, Now};

/// What a limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RateLimitKind {
    /// Orders of the account.
    Orders,
    /// Weight of requests from this address.
    Weight,
}

/// One limit of a venue, or one count of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// What it counts.
    pub kind: RateLimitKind,
    /// The window's length, milliseconds; windows begin at whole multiples of it since the epoch.
    pub interval_ms: i64,
    /// The most in a window, or how many the venue has counted in this one.
    pub count: u64,
}

/// What requests cost of a venue's weight limit; places are bounded by the limit of orders.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Weights {
    /// A cancel.
    pub cancel: u64,
    /// A question about one order.
    pub query: u64,
    /// A list of one symbol's open orders.
    pub list: u64,
}

/// The budget of one account and address.
#[derive(Clone, Debug, Default)]
pub struct Limiter {
    windows: Vec<Window>,
    weights: Weights,
    lanes: Vec<(LaneBounds, Option<Gcra>)>,
    account: Option<Gcra>,
    address: Option<Gcra>,
    caps: Caps,
    reserve: Reserve,
    /// No new order before this moment of the venue's clock, milliseconds.
    orders_from: Nanos,
}

/// Requests that leave, or that are kept back.
#[derive(Clone, Copy, Debug, Default)]
struct Cost {
    orders: u64,
    weight: u64,
    requests: u64,
}

impl Limiter {
    /// One of `sharers` equal parts of the budget that a venue's limits give, rounded down; without limits
    /// everything may leave at once.
    #[must_use]
    pub fn new(limits: &[RateLimit], sharers: u32) -> Self {
        Self { windows: limits.iter().map(|limit| Window::new(*limit, sharers)).collect(), ..Self::default() }
    }

    /// What a request costs of the venue's weight limit.
    #[must_use]
    pub fn weighing(self, weights: Weights) -> Self {
        Self { weights, ..self }
    }

    /// Bounds of our own on top; the account's are shared by `sharers`.
    #[must_use]
    pub fn bounded(mut self, bounds: &Bounds, sharers: u32) -> Self {
        let address_sharers = bounds.address_sharers.max(sharers);
        for window in self.windows.iter_mut().filter(|window| window.kind() == RateLimitKind::Weight) {
            window.share(address_sharers);
        }
        let lane = |lane: &LaneBounds| (*lane, lane.orders_a_second.map(|rate| Gcra::new(rate, 1, 2)));
        // A pair is two orders and, at worst, two cancels.
        let address = |rate| Gcra::new(rate, address_sharers, 2 + CANCELS);
        Self {
            lanes: bounds.lanes.iter().map(lane).collect(),
            account: bounds.account_orders_a_second.map(|rate| Gcra::new(rate, sharers, 2)),
            address: bounds.requests_a_second.map(address),
            caps: Caps::new(bounds, sharers),
            ..self
        }
    }

    /// Whether so many pairs may begin now, whosever they are.
    #[must_use]
    pub fn allows_pairs(&self, pairs: u64, now: Now) -> bool {
        self.pairs_from(pairs, now) <= now.mono
    }

    /// Whether a maker of that lane may leave now, with its taker and two cancels.
    #[must_use]
    pub fn allows_maker(&self, lane: LaneId, now: Now) -> bool {
        self.lane_from(lane) <= now.mono && self.allows_pairs(1, now)
    }

    /// Whether a question of that weight may leave now.
    #[must_use]
    pub fn allows_question(&self, weight: u64, now: Now) -> bool {
        !self.windows.iter().any(|window| window.bars(weight, self.kept().weight, now))
    }

    /// Whether an order, and what it brings with it, stays within the caps of the hour.
    #[must_use]
    pub fn allows_by_the_hour(&self, lane: LaneId, command: &Command, now: Now) -> bool {
        match command {
            Command::PlaceMaker(leg) => self.caps.allows(2, leg, self.price_decimals(lane), now.mono),
            // Its maker was allowed with it.
            Command::PlaceTaker(_) | Command::Cancel(_) | Command::Query(_) | Command::ListOpen => true,
        }
    }

    /// Notes that a request of a lane left.
    pub fn spend(&mut self, lane: LaneId, command: &Command, now: Now) {
        self.reserve.expire(now.mono);
        match command {
            Command::PlaceMaker(leg) => {
                self.spend_order(lane, leg, now);
                self.reserve.begin(leg.id, lane, now.mono);
            }
            Command::PlaceTaker(leg) => {
                self.spend_order(lane, leg, now);
                self.reserve.taker_left(leg.id);
            }
            Command::Cancel(handle) => self.reserve.cancel_left(handle.id),
            Command::Query(_) | Command::ListOpen => {}
        }
        let orders = u64::from(command.is_place());
        self.spend_cost(Cost { orders, weight: self.weights.of(command), requests: 1 }, now);
    }

    /// What is kept back for a pair comes free with the evidence that its orders are over.
    pub fn hear(&mut self, report: &OrderReport) {
        self.reserve.hear(report);
    }

    /// The venue's own count is the truth; what is still on its way, in the same unit, comes on top.
    pub fn observe(&mut self, counted: RateLimit, in_flight: u64, now: Now) {
        for window in &mut self.windows {
            window.observe(counted, in_flight, now);
        }
    }

    /// The venue wants no new order of the account until then.
    pub fn hold_orders(&mut self, until: Nanos) {
        self.orders_from = self.orders_from.max(until);
    }

    /// The moment from which so many pairs may begin, as far as is known now.
    #[must_use]
    pub fn pairs_from(&self, pairs: u64, now: Now) -> Nanos {
        let kept = self.kept();
        let pair = self.pair();
        let needed = Cost {
            orders: pairs * pair.orders + kept.orders,
            weight: pairs * pair.weight + kept.weight,
            requests: pairs * pair.requests + kept.requests,
        };
        let full = |window: &&Window| window.left(now, true) < needed.of(window.kind());
        let rolls = self.windows.iter().filter(full).map(|window| window.next_ms(now));
        let held = Some(self.orders_from).filter(|until| *until > now.mono);
        let rolled = rolls.max().map(|at_ms| later(now, at_ms));
        let rates = [(&self.account, needed.orders), (&self.address, needed.requests)];
        let rates = rates.into_iter().filter_map(|(rate, count)| rate.as_ref().map(|rate| rate.from(count)));
        rates.chain(rolled).chain(held).max().unwrap_or_default()
    }

    /// The moment from which a maker of that lane may leave, by the lane's own rate.
    #[must_use]
    pub fn lane_from(&self, lane: LaneId) -> Nanos {
        let rate = self.lanes.get(lane.0).and_then(|(_, rate)| rate.as_ref());
        rate.map_or(Nanos::default(), |rate| rate.from(2 + self.reserve.takers_of(lane)))
    }

    /// The moment from which a question of that weight may leave, as far as is known now.
    #[must_use]
    pub fn question_from(&self, weight: u64, now: Now) -> Nanos {
        let kept = self.kept().weight;
        let full = self.windows.iter().filter(|window| window.bars(weight, kept, now));
        full.map(|window| later(now, window.next_ms(now))).max().unwrap_or(now.mono)
    }

    /// When something that is kept back comes free by itself.
    #[must_use]
    pub fn expires(&self) -> Option<Nanos> {
        self.reserve.expires()
    }

    /// Lets go what was kept back for too long.
    pub fn handle_timeout(&mut self, now: Now) {
        self.reserve.expire(now.mono);
    }

    /// What a pair may cost: both orders and two cancels.
    const fn pair(&self) -> Cost {
        Cost { orders: 2, weight: 2 + CANCELS * self.weights.cancel, requests: 2 + CANCELS }
    }

    /// What is kept back.
    const fn kept(&self) -> Cost {
        let (takers, cancels) = (self.reserve.takers(), self.reserve.cancels());
        Cost { orders: takers, weight: takers + cancels * self.weights.cancel, requests: takers + cancels }
    }

    fn spend_order(&mut self, lane: LaneId, leg: &PlaceLeg, now: Now) {
        self.caps.spend(leg, self.price_decimals(lane), now.mono);
        if let Some((_, Some(rate))) = self.lanes.get_mut(lane.0) {
            rate.spend(1, now.mono);
        }
    }

    fn spend_cost(&mut self, cost: Cost, now: Now) {
        for window in &mut self.windows {
            window.spend(cost.of(window.kind()), now);
        }
        if let Some(rate) = self.account.as_mut().filter(|_| cost.orders > 0) {
            rate.spend(cost.orders, now.mono);
        }
        if let Some(rate) = &mut self.address {
            rate.spend(cost.requests, now.mono);
        }
    }

    fn price_decimals(&self, lane: LaneId) -> u8 {
        self.lanes.get(lane.0).map_or(0, |(lane, _)| lane.price_decimals)
    }
}

impl Weights {
    /// What a request costs.
    #[must_use]
    pub const fn of(&self, command: &Command) -> u64 {
        match command {
            Command::PlaceMaker(_) | Command::PlaceTaker(_) => 1,
            Command::Cancel(_) => self.cancel,
            Command::Query(_) => self.query,
            Command::ListOpen => self.list,
        }
    }
}

impl Cost {
    const fn of(&self, kind: RateLimitKind) -> u64 {
        match kind {
            RateLimitKind::Orders => self.orders,
            RateLimitKind::Weight => self.weight,
        }
    }
}

/// A moment of the venue's clock by ours: never now, since what waits for it would be asked again at once.
fn later(now: Now, at_ms: i64) -> Nanos {
    let wait_ms = at_ms.saturating_sub(now.wall_ms).max(1);
    now.mono + Duration::from_millis(u64::try_from(wait_ms).unwrap_or(1))
}
