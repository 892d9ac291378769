//! A maker leaves only with its taker and two cancels kept back; a cancel never waits.

use std::time::Duration;

use pipeline::command::{Cause, Command, OrderHandle, PlaceLeg};
use pipeline::event::{Denial, OrderReport};
use pipeline::gateway::{
    Alone, Answer, Bounds, Gateway, GatewaySettings, LaneBounds, LaneId, Outgoing, RateLimit, RateLimitKind,
    VenueRefusal, Verdict, Weights,
};
use pipeline::ownership::Generation;
use pipeline::time::{Nanos, Now};
use proptest::prelude::*;
use schemas::ids::{ClientOrderId, Epoch, InstrumentPrefix, Leg};
use schemas::order::{OrderStatus, PositionSide, Side};
use schemas::units::{Decimal, Price, Qty};
use schemas::wire::order_update::OrderUpdate;

const LANES: [&str; 3] = ["BTCUSDT", "ETHUSDT", "SOLUSDT"];
const WALL_MS: i64 = 1_700_000_040_000;

pub(crate) fn at(ms: u64) -> Now {
    Now { mono: Nanos((10_000 + ms) * 1_000_000), wall_ms: WALL_MS + i64::try_from(ms).unwrap() }
}

fn id(lane: usize, sequence: u64, leg: Leg) -> ClientOrderId {
    ClientOrderId::new(InstrumentPrefix::new("test", LANES[lane]), Epoch::new(1), sequence, leg)
}

fn leg(id: ClientOrderId) -> PlaceLeg {
    PlaceLeg {
        id,
        side: Side::Buy,
        price: Price::from_steps(100),
        qty: Qty::from_steps(5),
        qty_decimals: 0,
        position_side: PositionSide::None,
        not_after: Nanos(u64::MAX),
        generation: Generation::default(),
        cause: Cause::default(),
    }
}

/// The two orders of the first lane's pair with that number.
pub(crate) fn pair(sequence: u64) -> [Command; 2] {
    pair_of(0, sequence)
}

pub(crate) fn pair_of(lane: usize, sequence: u64) -> [Command; 2] {
    [
        Command::PlaceMaker(leg(id(lane, sequence, Leg::Maker))),
        Command::PlaceTaker(leg(id(lane, sequence, Leg::Taker))),
    ]
}

fn cancel(id: ClientOrderId) -> Command {
    Command::Cancel(OrderHandle { id, venue_id: None })
}

pub(crate) fn gateway(limits: &[RateLimit], bounds: &Bounds) -> Gateway<Alone> {
    let settings = GatewaySettings {
        lanes: LANES.iter().map(|symbol| InstrumentPrefix::new("test", symbol)).collect(),
        limits: limits.to_vec(),
        answer_patience: Duration::from_secs(2),
        inflight_max: 4_096,
        sharers: 1,
        weights: Weights { cancel: 1, query: 4, list: 6 },
        lists_beside: false,
    };
    let mut gateway = Gateway::new(settings, Alone).bounded(bounds);
    gateway.handle_connected();
    gateway
}

pub(crate) fn asked(gateway: &mut Gateway<Alone>, now: Now) -> Vec<Command> {
    std::iter::from_fn(|| gateway.poll_send(now)).map(|outgoing| outgoing.command).collect()
}

fn ended(id: ClientOrderId) -> OrderUpdate {
    OrderUpdate {
        client_id: id,
        venue_order_id: 1,
        status: OrderStatus::Filled,
        executed: Decimal::ZERO,
        last_fill: None,
        prevented: false,
        event_time_ms: None,
        terms: Default::default(),
    }
}

fn lanes(orders_a_second: u32) -> Bounds {
    let lane = LaneBounds { orders_a_second: Some(orders_a_second), price_decimals: 0 };
    Bounds { lanes: vec![lane; LANES.len()], ..Bounds::default() }
}

/// One symbol's rate holds up no other symbol.
#[test]
fn a_lane_that_has_spent_its_rate_holds_up_no_other() {
    let mut gateway = gateway(&[], &lanes(4));
    for sequence in 0..3 {
        gateway.handle_command(LaneId(0), pair_of(0, sequence)[0]);
    }
    gateway.handle_command(LaneId(1), pair_of(1, 0)[0]);
    // Two makers and two takers to come are what four a second allow.
    let first = asked(&mut gateway, at(0));
    assert_eq!(first, [pair_of(0, 0)[0], pair_of(0, 1)[0], pair_of(1, 0)[0]]);
    assert_eq!(asked(&mut gateway, at(1)), []);
    let wakes = gateway.poll_timeout(at(1)).unwrap();
    assert!(wakes > at(1).mono && wakes <= at(2_000).mono, "{wakes:?}");
}

#[test]
fn evidence_sets_free_what_was_kept_back() {
    let limits = [RateLimit { kind: RateLimitKind::Orders, interval_ms: 10_000, count: 10 }];
    let mut gateway = gateway(&limits, &Bounds::default());
    for lane in 0..3 {
        gateway.handle_command(LaneId(lane), pair_of(lane, 0)[0]);
    }
    assert_eq!(asked(&mut gateway, at(0)).len(), 3);
    // Eight for places: three makers left, three takers are to come.
    assert!(gateway.has_budget(at(0)));
    gateway.handle_command(LaneId(0), pair_of(0, 1)[0]);
    assert_eq!(asked(&mut gateway, at(0)).len(), 1);
    assert!(!gateway.has_budget(at(0)));
    // A transport that fails proves nothing.
    gateway.handle_disconnected();
    gateway.handle_connected();
    assert!(!gateway.has_budget(at(0)));
    for lane in 0..2 {
        gateway.handle_update(ended(id(lane, 0, Leg::Maker)));
    }
    assert!(gateway.has_budget(at(0)), "two of the takers are not to come any more");
}

#[test]
fn what_is_kept_for_a_pair_that_nobody_speaks_of_comes_free_after_a_minute() {
    let limits = [RateLimit { kind: RateLimitKind::Orders, interval_ms: 86_400_000, count: 5 }];
    let mut gateway = gateway(&limits, &Bounds::default());
    gateway.handle_command(LaneId(0), pair(0)[0]);
    gateway.handle_command(LaneId(0), pair(1)[0]);
    assert_eq!(asked(&mut gateway, at(0)).len(), 2);
    gateway.handle_command(LaneId(1), pair_of(1, 0)[0]);
    gateway.handle_timeout(at(30_000));
    assert_eq!(asked(&mut gateway, at(30_000)), []);
    let freed = gateway.poll_timeout(at(30_000)).unwrap();
    assert!(freed <= at(60_000).mono, "{freed:?}");
    gateway.handle_timeout(at(60_000));
    assert_eq!(asked(&mut gateway, at(60_000)), [pair_of(1, 0)[0]]);
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Begin { lane: usize },
    Follow { which: usize },
    Cancel { which: usize },
    Query { which: usize },
    End { which: usize, leg: bool },
    Count { used: u64 },
    Pass { ms: u64 },
}

fn step() -> impl Strategy<Value = Step> {
    let which = 0_usize..100;
    prop_oneof![
        8 => (0..LANES.len()).prop_map(|lane| Step::Begin { lane }),
        6 => which.clone().prop_map(|which| Step::Follow { which }),
        6 => which.clone().prop_map(|which| Step::Cancel { which }),
        4 => which.clone().prop_map(|which| Step::Query { which }),
        6 => (which, any::<bool>()).prop_map(|(which, leg)| Step::End { which, leg }),
        1 => (0_u64..50).prop_map(|used| Step::Count { used }),
        6 => (0_u64..3_000).prop_map(|ms| Step::Pass { ms }),
    ]
}

proptest! {
    #![proptest_config(crate::support::cases(1_000))]

    /// Promise P5, P6: a cancel leaves at once whatever was spent, the venue hears no lane's and no account's orders
    /// faster than their rates allow, and every maker finds the window's budget for its taker and two cancels.
    #[test]
    fn cancels_never_wait_and_no_window_holds_too_many_orders(
        steps in prop::collection::vec(step(), 1..200),
        lane_rate in 1_u32..8,
        account_rate in 2_u32..12,
    ) {
        let limits = [
            RateLimit { kind: RateLimitKind::Orders, interval_ms: 10_000, count: 40 },
            RateLimit { kind: RateLimitKind::Weight, interval_ms: 60_000, count: 200 },
        ];
        let bounds = Bounds { account_orders_a_second: Some(account_rate), ..lanes(lane_rate) };
        let mut gateway = gateway(&limits, &bounds);
        let (mut now_ms, mut next) = (0, 0);
        let mut makers: Vec<(usize, u64)> = Vec::new();
        let mut takers = std::collections::BTreeSet::new();
        let mut left: Vec<(u64, usize)> = Vec::new();
        for step in steps {
            let of = |which: usize| (!makers.is_empty()).then(|| makers[which % makers.len()]);
            match step {
                Step::Begin { lane } => {
                    next += 1;
                    gateway.handle_command(LaneId(lane), pair_of(lane, next)[0]);
                }
                Step::Follow { which } => {
                    if let Some((lane, sequence)) = of(which).filter(|maker| takers.insert(*maker)) {
                        gateway.handle_command(LaneId(lane), pair_of(lane, sequence)[1]);
                    }
                }
                Step::Cancel { which } => {
                    if let Some((lane, sequence)) = of(which) {
                        let command = cancel(id(lane, sequence, Leg::Maker));
                        gateway.handle_command(LaneId(lane), command);
                        let out = gateway.poll_send(at(now_ms)).map(|out| out.command);
                        prop_assert_eq!(out, Some(command), "a cancel waits");
                    }
                }
                Step::Query { which } => {
                    if let Some((lane, sequence)) = of(which) {
                        let handle = OrderHandle { id: id(lane, sequence, Leg::Maker), venue_id: None };
                        gateway.handle_command(LaneId(lane), Command::Query(handle));
                    }
                }
                Step::End { which, leg } => {
                    if let Some((lane, sequence)) = of(which) {
                        // A pair whose maker is over gets no taker.
                        takers.insert((lane, sequence));
                        let leg = if leg { Leg::Maker } else { Leg::Taker };
                        gateway.handle_update(ended(id(lane, sequence, leg)));
                    }
                }
                Step::Count { used } => {
                    let counted = RateLimit { kind: RateLimitKind::Weight, interval_ms: 60_000, count: used };
                    gateway.handle_count(counted, at(now_ms));
                }
                Step::Pass { ms } => {
                    now_ms += ms;
                    gateway.handle_timeout(at(now_ms));
                }
            }
            while let Some(Outgoing { lane, command, .. }) = gateway.poll_send(at(now_ms)) {
                if let Command::PlaceMaker(leg) = command {
                    makers.push((lane.0, leg.id.sequence()));
                }
                if command.is_place() {
                    left.push((now_ms, lane.0));
                }
            }
            while gateway.poll_report().is_some() {}
        }
        for lane in 0..LANES.len() {
            let own: Vec<u64> = left.iter().filter(|(_, of)| *of == lane).map(|(at, _)| *at).collect();
            in_every_window(&own, lane_rate)?;
        }
        in_every_window(&left.iter().map(|(at, _)| *at).collect::<Vec<_>>(), account_rate)?;
    }
}

/// At most a second's worth at once, and the rate on top.
fn in_every_window(left: &[u64], rate: u32) -> Result<(), TestCaseError> {
    let burst = u64::from(rate.max(2));
    for (first, from) in left.iter().enumerate() {
        for (last, to) in left.iter().enumerate().skip(first) {
            let held = u64::try_from(last - first + 1).unwrap();
            let most = burst + (to - from) * u64::from(rate) / 1_000;
            prop_assert!(held <= most, "{held} orders within {} ms at {rate} a second", to - from);
        }
    }
    Ok(())
}

/// A cap of the hour denies a pair as a whole; whoever is refused is told so.
pub(crate) fn is_capped(report: &OrderReport) -> bool {
    matches!(report, OrderReport::Denied { why: Denial::Capped, .. })
}

/// A refusal that proves that the order does not exist.
pub(crate) fn refusal() -> Answer {
    Answer::Refused(VenueRefusal {
        code: -2010,
        verdict: Verdict::Refused,
        silent_for: None,
        silence: Default::default(),
    })
}
