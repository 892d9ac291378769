//! The order gateway's machine: what leaves when, and what each answer, silence or loss proves.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Duration;

use pipeline::alarm::Alarm;
use pipeline::command::{Command, OrderHandle, PlaceLeg};
use pipeline::event::{CancelFailure, Denial, OpenOrder, OrderReport};
use pipeline::gateway::{
    Address, Alone, Answer, Gateway, GatewaySettings, LaneId, Outgoing, Permit, RateLimit, RateLimitKind,
    Silence, VenueRefusal, Verdict, Weights,
};
use pipeline::time::{Nanos, Now};
use proptest::prelude::*;
use schemas::ids::{ClientOrderId, Epoch, InstrumentPrefix, Leg};
use schemas::order::{OrderStatus, PositionSide, Side};
use schemas::units::{Decimal, Price, Qty};
use schemas::wire::order_update::OrderUpdate;

/// What requests cost of the weight limit.
const WEIGHTS: Weights = Weights { cancel: 1, query: 4, list: 6 };

const LANES: [&str; 3] = ["BTCUSDT", "ETHUSDT", "SOLUSDT"];
/// A whole minute, so that windows begin where tests begin.
const START_MS: i64 = 1_700_000_040_000;
const PATIENCE: Duration = Duration::from_secs(2);

fn at(ms: u64) -> Now {
    Now { mono: Nanos((10_000 + ms) * 1_000_000), wall_ms: START_MS + i64::try_from(ms).unwrap() }
}

fn gateway(limits: &[RateLimit], inflight_max: usize) -> Gateway<Alone> {
    gateway_with(limits, inflight_max, Alone)
}

fn gateway_with<P: Permit>(limits: &[RateLimit], inflight_max: usize, permit: P) -> Gateway<P> {
    let lanes = LANES.iter().map(|symbol| InstrumentPrefix::new("test", symbol)).collect();
    let limits = limits.to_vec();
    let mut gateway = Gateway::new(
        GatewaySettings {
            lanes,
            limits,
            answer_patience: PATIENCE,
            inflight_max,
            sharers: 1,
            weights: WEIGHTS,
            lists_beside: false,
        },
        permit,
    );
    gateway.handle_connected();
    gateway
}

fn orders(count: u64, interval_ms: i64) -> RateLimit {
    RateLimit { kind: RateLimitKind::Orders, interval_ms, count }
}

fn weight(count: u64, interval_ms: i64) -> RateLimit {
    RateLimit { kind: RateLimitKind::Weight, interval_ms, count }
}

fn id(lane: usize, sequence: u64) -> ClientOrderId {
    ClientOrderId::new(InstrumentPrefix::new("test", LANES[lane]), Epoch::new(1), sequence, Leg::Maker)
}

fn place_until(id: ClientOrderId, not_after: Now) -> Command {
    Command::PlaceMaker(PlaceLeg {
        id,
        side: Side::Buy,
        price: Price::from_steps(100),
        qty: Qty::from_steps(1),
        qty_decimals: 0,
        position_side: PositionSide::None,
        not_after: not_after.mono,
        generation: pipeline::ownership::Generation::default(),
        cause: pipeline::command::Cause::default(),
    })
}

fn place(id: ClientOrderId) -> Command {
    place_until(id, at(3_600_000))
}

fn cancel(id: ClientOrderId) -> Command {
    Command::Cancel(OrderHandle { id, venue_id: Some(1) })
}

fn query(id: ClientOrderId) -> Command {
    Command::Query(OrderHandle { id, venue_id: None })
}

fn update(id: ClientOrderId, status: OrderStatus) -> OrderUpdate {
    OrderUpdate {
        terms: Default::default(),
        client_id: id,
        venue_order_id: 1,
        status,
        executed: Decimal::ZERO,
        last_fill: None,
        prevented: false,
        event_time_ms: None,
    }
}

fn refused(code: i64, verdict: Verdict) -> Answer {
    Answer::Refused(VenueRefusal { code, verdict, silent_for: None, silence: Silence::Most })
}

fn sent<P: Permit>(gateway: &mut Gateway<P>, now: Now) -> Vec<Outgoing> {
    std::iter::from_fn(|| gateway.poll_send(now)).collect()
}

fn asked<P: Permit>(gateway: &mut Gateway<P>, now: Now) -> Vec<Command> {
    sent(gateway, now).into_iter().map(|outgoing| outgoing.command).collect()
}

fn reports<P: Permit>(gateway: &mut Gateway<P>) -> Vec<(LaneId, OrderReport)> {
    std::iter::from_fn(|| gateway.poll_report()).collect()
}

#[test]
fn without_events_only_cancels_and_questions_leave() {
    let mut gateway = gateway(&[], 16);
    gateway.handle_command(LaneId(0), place(id(0, 1)));
    gateway.handle_events(false);
    let denied = |id| Some((LaneId(0), OrderReport::Denied { id, why: Denial::Disconnected }));
    assert_eq!(gateway.poll_report(), denied(id(0, 1)), "it waited and never left");
    for command in [place(id(0, 2)), cancel(id(0, 9)), query(id(0, 9))] {
        gateway.handle_command(LaneId(0), command);
    }
    assert_eq!(gateway.poll_report(), denied(id(0, 2)));
    assert_eq!(asked(&mut gateway, at(0)), [cancel(id(0, 9)), query(id(0, 9))]);
    gateway.handle_events(true);
    gateway.handle_command(LaneId(0), place(id(0, 3)));
    assert_eq!(asked(&mut gateway, at(1)), [place(id(0, 3))]);
}

#[test]
fn a_list_that_went_another_way_says_nothing_of_the_connection() {
    for (lists_beside, lost) in [(true, false), (false, true)] {
        let settings = GatewaySettings {
            lanes: vec![InstrumentPrefix::new("test", LANES[0])],
            limits: vec![],
            answer_patience: PATIENCE,
            inflight_max: 4,
            sharers: 1,
            weights: WEIGHTS,
            lists_beside,
        };
        let mut gateway = Gateway::new(settings, Alone);
        gateway.handle_connected();
        gateway.handle_command(LaneId(0), Command::ListOpen);
        assert!(gateway.poll_send(at(0)).is_some());
        assert_eq!(gateway.handle_timeout(at(2_001)), lost);
        assert_eq!(gateway.poll_report(), Some((LaneId(0), OrderReport::ListFailed)));
    }
}

#[test]
fn cancels_and_questions_overtake_places() {
    let mut gateway = gateway(&[], 100);
    let all = [
        place(id(0, 1)),
        place(id(1, 1)),
        cancel(id(2, 1)),
        place(id(2, 2)),
        query(id(0, 9)),
        Command::ListOpen,
    ];
    all.into_iter().for_each(|command| gateway.handle_command(LaneId(0), command));
    let order = [all[2], all[4], all[5], all[0], all[1], all[3]];
    assert_eq!(asked(&mut gateway, at(0)), order);
}

#[test]
fn a_cancel_that_waits_is_not_queued_twice_and_the_queues_have_bounds() {
    let mut gateway = gateway(&[], 4);
    (10..14).for_each(|sequence| gateway.handle_command(LaneId(0), query(id(0, sequence))));
    assert_eq!(asked(&mut gateway, at(0)).len(), 4);
    // The table is full: everything waits.
    for _ in 0..3 {
        gateway.handle_command(LaneId(0), cancel(id(0, 0)));
        gateway.handle_command(LaneId(1), query(id(1, 0)));
    }
    assert_eq!((asked(&mut gateway, at(1)), reports(&mut gateway)), (vec![], vec![]));
    (1..9).for_each(|sequence| gateway.handle_command(LaneId(0), cancel(id(0, sequence))));
    let mut failed = reports(&mut gateway);
    let gave_way = OrderReport::QueryFailed { id: id(1, 0), not_found: false };
    assert_eq!(failed.remove(0), (LaneId(1), gave_way), "a question gives way to a cancel");
    let no_answer = |report: &OrderReport| {
        matches!(report, OrderReport::CancelFailed { why: CancelFailure::NoAnswer, .. })
    };
    assert!(failed.len() == 5 && failed.iter().all(|(_, report)| no_answer(report)), "{failed:?}");
    (0..9).for_each(|sequence| gateway.handle_command(LaneId(2), place(id(2, sequence))));
    let denied = reports(&mut gateway);
    let full = |report: &OrderReport| matches!(report, OrderReport::Denied { why: Denial::QueueFull, .. });
    assert!(denied.len() == 5 && denied.iter().all(|(_, report)| full(report)), "{denied:?}");
    gateway.handle_timeout(at(3_000));
    assert_eq!(asked(&mut gateway, at(3_000)), [0, 1, 2, 3].map(|sequence| cancel(id(0, sequence))));
}

#[test]
fn places_leave_a_fifth_of_every_limit_to_cancels() {
    let mut gateway = gateway(&[orders(10, 10_000), weight(100, 60_000)], 100);
    (0..12).for_each(|sequence| gateway.handle_command(LaneId(0), place(id(0, sequence))));
    // A maker pays for its taker as well.
    assert_eq!(asked(&mut gateway, at(0)).len(), 4);
    (0..30).for_each(|sequence| gateway.handle_command(LaneId(0), cancel(id(0, sequence))));
    assert_eq!(
        asked(&mut gateway, at(1)),
        (0..30).map(|sequence| cancel(id(0, sequence))).collect::<Vec<_>>()
    );
    // What is held back leaves with the next window, and the deadline says when that is. Four takers may still follow.
    assert_eq!(asked(&mut gateway, at(1)), []);
    reports(&mut gateway);
    gateway.handle_timeout(at(5_000));
    assert_eq!(gateway.poll_timeout(at(5_000)), Some(at(10_000).mono));
    assert_eq!(asked(&mut gateway, at(9_999)), []);
    assert_eq!(asked(&mut gateway, at(10_000)).len(), 2);
}

/// A full day's worth of orders must not keep a question from waking up with its own window.
#[test]
fn a_question_wakes_with_the_window_that_holds_it_back() {
    let mut gateway = gateway(&[orders(5, 86_400_000), weight(20, 60_000)], 100);
    (0..5).for_each(|sequence| gateway.handle_command(LaneId(0), place(id(0, sequence))));
    assert_eq!(asked(&mut gateway, at(0)).len(), 2);
    (0..10).for_each(|sequence| gateway.handle_command(LaneId(0), query(id(0, sequence))));
    // Of 20, two makers have spent 2, and 6 are kept for their takers and cancels.
    assert_eq!(asked(&mut gateway, at(0)).len(), 3);
    gateway.handle_timeout(at(30_000));
    reports(&mut gateway);
    assert_eq!(gateway.poll_timeout(at(30_000)), Some(at(60_000).mono));
    assert_eq!(asked(&mut gateway, at(60_000)).len(), 5);
}

/// Promise P6.
#[test]
fn a_cancel_waits_for_no_budget_of_ours() {
    let mut gateway = gateway(&[orders(4, 10_000), weight(10, 60_000)], 100);
    (0..5).for_each(|sequence| gateway.handle_command(LaneId(0), query(id(0, sequence))));
    assert_eq!(asked(&mut gateway, at(0)).len(), 2);
    (0..20).for_each(|sequence| gateway.handle_command(LaneId(0), cancel(id(0, sequence))));
    assert_eq!(asked(&mut gateway, at(0)).len(), 20);
    gateway.handle_count(weight(99, 60_000), at(1));
    gateway.handle_command(LaneId(0), cancel(id(0, 99)));
    assert_eq!(asked(&mut gateway, at(1)), [cancel(id(0, 99))]);
}

/// A question weighs 4 and a list 6: neither leaves where it would pass the limit, nor does anything overtake.
#[test]
fn no_request_passes_the_limit_by_its_weight() {
    let mut gateway = gateway(&[weight(20, 60_000)], 100);
    gateway.handle_command(LaneId(0), Command::ListOpen);
    gateway.handle_command(LaneId(1), Command::ListOpen);
    gateway.handle_command(LaneId(2), Command::ListOpen);
    gateway.handle_command(LaneId(0), query(id(0, 0)));
    gateway.handle_command(LaneId(0), place(id(0, 1)));
    assert_eq!(asked(&mut gateway, at(0)), [Command::ListOpen; 3]);
    assert_eq!(asked(&mut gateway, at(60_000)), [query(id(0, 0)), place(id(0, 1))]);
}

#[test]
fn silence_holds_everything_but_cancels_until_it_ends() {
    let mut gateway = gateway(&[], 100);
    gateway.handle_command(LaneId(0), query(id(0, 0)));
    let request = sent(&mut gateway, at(0))[0].request;
    let wait = Duration::from_secs(30);
    let refusal = VenueRefusal {
        code: -1003,
        verdict: Verdict::Unknown,
        silent_for: Some(wait),
        silence: Silence::Most,
    };
    gateway.handle_answer(request, Answer::Refused(refusal));
    assert_eq!(
        reports(&mut gateway),
        [(LaneId(0), OrderReport::QueryFailed { id: id(0, 0), not_found: false })]
    );
    gateway.handle_command(LaneId(0), cancel(id(0, 0)));
    gateway.handle_command(LaneId(0), place(id(0, 1)));
    assert_eq!(asked(&mut gateway, at(0)), [cancel(id(0, 0))]);
    gateway.handle_timeout(at(20_000));
    reports(&mut gateway);
    // An earlier end does not shorten a later one.
    let earlier = VenueRefusal { silent_for: Some(Duration::from_secs(9)), ..refusal };
    gateway.handle_answer(99, Answer::Refused(earlier));
    assert_eq!(gateway.late_answers(), 1);
    assert_eq!(asked(&mut gateway, at(20_000)), []);
    assert_eq!(asked(&mut gateway, at(29_999)), []);
    assert_eq!(gateway.poll_timeout(at(29_000)), Some(at(30_000).mono));
    assert!(!gateway.has_budget(at(29_999)));
    // One goes ahead; the rest follow once it was served.
    gateway.handle_command(LaneId(1), place(id(1, 1)));
    let ahead = sent(&mut gateway, at(30_000));
    assert_eq!(ahead.iter().map(|outgoing| outgoing.command).collect::<Vec<_>>(), [place(id(0, 1))]);
    assert_eq!(asked(&mut gateway, at(30_500)), []);
    gateway.handle_answer(ahead[0].request, Answer::Updates(vec![update(id(0, 1), OrderStatus::New)]));
    assert_eq!(asked(&mut gateway, at(30_500)), [place(id(1, 1))]);
}

/// Fault O18. Promise P7.
#[test]
fn a_ban_holds_everything_of_every_gateway_behind_the_address() {
    let address = Address::default();
    let [mut banned, mut other] = [0, 1].map(|_| gateway(&[], 100).behind(address.clone()));
    banned.handle_command(LaneId(0), query(id(0, 0)));
    let request = sent(&mut banned, at(0))[0].request;
    let silent_for = Some(Duration::from_secs(120));
    let refusal = VenueRefusal { code: -1003, verdict: Verdict::Refused, silent_for, silence: Silence::All };
    banned.handle_answer(request, Answer::Refused(refusal));
    assert_eq!(banned.poll_send(at(0)), None);
    for gateway in [&mut banned, &mut other] {
        for command in [cancel(id(0, 0)), query(id(0, 1)), Command::ListOpen, place(id(0, 2))] {
            gateway.handle_command(LaneId(0), command);
        }
        assert_eq!(asked(gateway, at(119_999)), []);
        assert!(!gateway.has_budget(at(119_999)));
    }
    assert_eq!(asked(&mut other, at(120_000)), [cancel(id(0, 0))], "one goes ahead");
    assert_eq!(asked(&mut banned, at(120_000)), []);
}

/// A wish for silence is a length of time: a wall clock that is set meanwhile, or was wrong when it was heard, changes
/// nothing. One that was put back by an hour would make it an hour longer.
///
/// Fault C1, O17. Promise P7, P23.
#[test]
fn a_wall_clock_that_is_set_neither_shortens_silence_nor_prolongs_it() {
    for silence in [Silence::Orders, Silence::Most, Silence::All] {
        for (before_ms, after_ms) in [(0, 3_600_000), (0, -3_600_000), (-3_600_000, 0), (100, 0), (0, 100)] {
            let mut gateway = gateway(&[], 100);
            let by = |ms, step_ms| Now { wall_ms: at(ms).wall_ms + step_ms, ..at(ms) };
            gateway.handle_command(LaneId(0), place(id(0, 0)));
            let request = sent(&mut gateway, by(0, before_ms))[0].request;
            let silent_for = Some(Duration::from_secs(10));
            let refusal = VenueRefusal { code: -1003, verdict: Verdict::Refused, silent_for, silence };
            gateway.handle_answer(request, Answer::Refused(refusal));
            assert!(!gateway.has_budget(by(0, before_ms)), "{silence:?}");
            gateway.handle_command(LaneId(0), place(id(0, 1)));
            assert_eq!(asked(&mut gateway, by(0, before_ms)), []);
            assert_eq!(asked(&mut gateway, by(9_999, after_ms)), [], "{silence:?} {before_ms} {after_ms}");
            let left = asked(&mut gateway, by(10_000, after_ms));
            assert_eq!(left, [place(id(0, 1))], "{silence:?} {before_ms} {after_ms}");
        }
    }
}

/// Promise P23. A venue that answers late still tells: what it refused need not be proved to be absent.
#[test]
fn a_refusal_that_comes_too_late_ends_the_doubt_and_comes_once() {
    let mut gateway = gateway(&[], 100);
    gateway.handle_command(LaneId(0), place(id(0, 0)));
    let request = sent(&mut gateway, at(0))[0].request;
    gateway.handle_timeout(at(10_000));
    assert_eq!(reports(&mut gateway), [(LaneId(0), OrderReport::Unknown { id: id(0, 0) })]);
    gateway.handle_answer(request, refused(-1007, Verdict::Unknown));
    assert_eq!(reports(&mut gateway), []);
    gateway.handle_command(LaneId(0), place(id(0, 1)));
    let request = sent(&mut gateway, at(10_000))[0].request;
    gateway.handle_timeout(at(20_000));
    reports(&mut gateway);
    for reports_wanted in [1, 0] {
        gateway.handle_answer(request, refused(-2010, Verdict::Refused));
        let told = reports(&mut gateway);
        assert_eq!(told.len(), reports_wanted);
        assert!(told.iter().all(|(_, report)| matches!(report, OrderReport::Rejected { .. })));
    }
}

/// A question that waits for its weight does not hold up the taker of a maker that rests already.
#[test]
fn a_question_without_weight_holds_up_no_taker() {
    let mut gateway = gateway(&[weight(40, 60_000)], 100);
    for sequence in 2..22 {
        gateway.handle_command(LaneId(0), query(id(0, sequence)));
    }
    assert!((1..20).contains(&asked(&mut gateway, at(0)).len()));
    let Command::PlaceMaker(leg) = place(id(0, 0)) else { unreachable!() };
    gateway.handle_command(LaneId(0), Command::PlaceTaker(leg));
    assert_eq!(asked(&mut gateway, at(1)), [Command::PlaceTaker(leg)]);
    gateway.handle_command(LaneId(0), place(id(0, 1)));
    assert_eq!(asked(&mut gateway, at(1)), [], "a maker comes after the questions");
}

/// Too many orders (-1015): new ones wait until the window ends, cancels and questions go on.
#[test]
fn an_account_that_placed_too_many_still_cancels_and_asks() {
    let mut gateway = gateway(&[], 100);
    gateway.handle_command(LaneId(0), place(id(0, 0)));
    let request = sent(&mut gateway, at(0))[0].request;
    let silent_for = Some(Duration::from_secs(10));
    let refusal =
        VenueRefusal { code: -1015, verdict: Verdict::Refused, silent_for, silence: Silence::Orders };
    gateway.handle_answer(request, Answer::Refused(refusal));
    for command in [place(id(0, 1)), query(id(0, 0)), cancel(id(0, 0))] {
        gateway.handle_command(LaneId(0), command);
    }
    assert_eq!(asked(&mut gateway, at(0)), [cancel(id(0, 0)), query(id(0, 0))]);
    gateway.handle_timeout(at(9_000));
    assert_eq!(gateway.poll_timeout(at(9_000)), Some(at(10_000).mono));
    assert_eq!(asked(&mut gateway, at(9_999)), []);
    assert_eq!(asked(&mut gateway, at(10_000)), [place(id(0, 1))]);
}

#[test]
fn the_venues_count_is_the_truth_and_what_is_on_its_way_comes_on_top() {
    let mut gateway = gateway(&[orders(10, 10_000), weight(1_000, 60_000)], 100);
    gateway.handle_command(LaneId(0), place(id(0, 0)));
    gateway.handle_command(LaneId(0), query(id(0, 9)));
    assert_eq!(asked(&mut gateway, at(0)).len(), 2);
    // Somebody else on the account has used 3; one of ours is on its way and its taker to come: 8 - 5 are left.
    gateway.handle_count(orders(3, 10_000), at(1));
    (1..9).for_each(|sequence| gateway.handle_command(LaneId(0), place(id(0, sequence))));
    assert_eq!(asked(&mut gateway, at(1)).len(), 1);
    // 990 of 1,000 used, and a question (4), 2 makers on their way, 2 takers and 4 cancels to come: nothing may leave.
    gateway.handle_count(weight(990, 60_000), at(2));
    gateway.handle_command(LaneId(0), query(id(0, 0)));
    assert_eq!(asked(&mut gateway, at(2)), []);
    // A window of another length is another window.
    gateway.handle_count(weight(0, 1_000), at(2));
    assert_eq!(asked(&mut gateway, at(2)), []);
    assert_eq!(asked(&mut gateway, at(60_000))[0], query(id(0, 0)));
}

#[test]
fn a_place_that_waited_too_long_never_leaves() {
    let mut gateway = gateway(&[orders(3, 60_000)], 100);
    let spent = place(id(0, 0));
    gateway.handle_command(LaneId(0), spent);
    assert_eq!(asked(&mut gateway, at(0)), [spent]);
    gateway.handle_command(LaneId(0), place_until(id(0, 1), at(500)));
    gateway.handle_command(LaneId(1), place_until(id(1, 1), at(100)));
    let late = |lane, id| (LaneId(lane), OrderReport::Denied { id, why: Denial::TooLate });
    assert_eq!(gateway.poll_timeout(at(0)), Some(at(101).mono));
    gateway.handle_timeout(at(101));
    assert_eq!(reports(&mut gateway), [late(1, id(1, 1))]);
    assert_eq!((asked(&mut gateway, at(501)), reports(&mut gateway)), (vec![], vec![late(0, id(0, 1))]));
}

#[test]
fn a_lost_connection_leaves_doubt_about_what_left_and_none_about_what_did_not() {
    let mut gateway = gateway(&[], 100);
    for command in [place(id(0, 0)), cancel(id(1, 0)), query(id(2, 0))] {
        gateway.handle_command(LaneId(0), command);
    }
    assert_eq!(asked(&mut gateway, at(0)).len(), 3);
    gateway.handle_command(LaneId(1), place(id(1, 1)));
    gateway.handle_command(LaneId(2), Command::ListOpen);
    gateway.handle_disconnected();
    let want = [
        (LaneId(0), OrderReport::CancelFailed { id: id(1, 0), why: CancelFailure::NoAnswer }),
        (LaneId(0), OrderReport::QueryFailed { id: id(2, 0), not_found: false }),
        (LaneId(0), OrderReport::Unknown { id: id(0, 0) }),
        (LaneId(2), OrderReport::ListFailed),
        (LaneId(1), OrderReport::Denied { id: id(1, 1), why: Denial::Disconnected }),
    ];
    assert_eq!(reports(&mut gateway), want);
    // Nothing waits for the link to come back.
    gateway.handle_command(LaneId(0), place(id(0, 5)));
    gateway.handle_written(at(1).mono);
    gateway.handle_connected();
    assert_eq!((asked(&mut gateway, at(1)), gateway.inflight()), (vec![], 0));
    let denied = OrderReport::Denied { id: id(0, 5), why: Denial::Disconnected };
    assert_eq!(reports(&mut gateway), [(LaneId(0), denied)]);
}

/// Grants or refuses as it is told.
#[derive(Clone, Default)]
struct Told(Rc<Cell<Option<Denial>>>);

impl Permit for Told {
    fn grant(&mut self, _: LaneId, _: &PlaceLeg, _: Now) -> Result<(), Denial> {
        self.0.get().map_or(Ok(()), Err)
    }

    fn hears(&self, _: LaneId, _: ClientOrderId) -> bool {
        true
    }

    fn saw(&mut self, _: LaneId, _: Epoch) {}

    fn superseded(&mut self, _: LaneId, _: Epoch) {}
}

/// What was handed out leaves only if it was written down, is still fresh and still permitted; what does not leave was
/// denied here, and its answer would be nobody's.
#[test]
fn an_order_that_waited_for_the_journal_leaves_only_if_all_still_holds() {
    let halted = Some(Denial::Halted);
    for (written, waited_ms, permit, why) in [
        (true, 500, None, None),
        (true, 501, None, Some(Denial::TooLate)),
        (true, 0, halted, Some(Denial::Halted)),
        (false, 0, None, Some(Denial::NoJournal)),
        // The first thing that is wrong is named.
        (false, 501, halted, Some(Denial::NoJournal)),
        (true, 501, halted, Some(Denial::TooLate)),
    ] {
        let told = Told::default();
        let mut gateway = gateway_with(&[], 1, told.clone());
        gateway.handle_command(LaneId(0), place_until(id(0, 0), at(500)));
        let request = sent(&mut gateway, at(0))[0].request;
        told.0.set(permit);
        let leaves = gateway.handle_journaled(request, written, at(waited_ms));
        assert_eq!(leaves, why.is_none(), "{why:?}");
        gateway.handle_written(at(waited_ms).mono);
        let report = match why {
            None => OrderReport::Sent { id: id(0, 0), at: at(waited_ms).mono },
            Some(why) => OrderReport::Denied { id: id(0, 0), why },
        };
        assert_eq!(reports(&mut gateway), [(LaneId(0), report)]);
        assert_eq!(gateway.inflight(), usize::from(why.is_none()));
        // Asked once more it does not leave a second time.
        if why.is_some() {
            assert!(!gateway.handle_journaled(request, true, at(0)));
            told.0.set(None);
            assert_eq!((sent(&mut gateway, at(0)).len(), reports(&mut gateway)), (0, vec![]));
            gateway.handle_timeout(at(10_000));
            assert_eq!(reports(&mut gateway), [], "nothing waits for an answer");
        }
    }
}

/// A connection that is lost between the journal and the frame: what was in doubt stays so, and nothing leaves late.
/// Fault O1.
#[test]
fn a_place_whose_connection_went_while_it_was_written_down_does_not_leave() {
    let mut gateway = gateway_with(&[], 4, Told::default());
    gateway.handle_command(LaneId(0), place(id(0, 0)));
    let request = sent(&mut gateway, at(0))[0].request;
    gateway.handle_disconnected();
    gateway.handle_connected();
    assert!(!gateway.handle_journaled(request, true, at(1)));
    gateway.handle_written(at(1).mono);
    assert_eq!(reports(&mut gateway), [(LaneId(0), OrderReport::Unknown { id: id(0, 0) })]);
}

/// Fault O3.
#[test]
fn an_answer_that_does_not_come_is_unknown_and_still_counts_when_it_does() {
    let mut gateway = gateway(&[], 100);
    gateway.handle_command(LaneId(1), place(id(1, 0)));
    let request = sent(&mut gateway, at(0))[0].request;
    gateway.handle_written(at(3).mono);
    let written = OrderReport::Sent { id: id(1, 0), at: at(3).mono };
    assert_eq!(reports(&mut gateway), [(LaneId(1), written)]);
    assert_eq!(gateway.poll_timeout(at(0)), Some(at(2_000).mono));
    gateway.handle_timeout(at(1_999));
    assert_eq!(reports(&mut gateway), []);
    gateway.handle_timeout(at(2_000));
    assert_eq!(reports(&mut gateway), [(LaneId(1), OrderReport::Unknown { id: id(1, 0) })]);
    assert_eq!((gateway.inflight(), gateway.asked(request)), (0, None));
    let late = update(id(1, 0), OrderStatus::New);
    gateway.handle_answer(request, Answer::Updates(vec![late]));
    assert_eq!(reports(&mut gateway), [(LaneId(1), OrderReport::Update(late))]);
    assert_eq!(gateway.late_answers(), 1);
}

/// Fault O5, O6, O7, O13, O20, O21. Promise P14.
#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn what_each_answer_proves() {
    let ours = id(0, 0);
    let unknown = || vec![OrderReport::Unknown { id: ours }];
    let alarmed = |alarm| vec![OrderReport::Alarm(alarm), OrderReport::Unknown { id: ours }];
    let update = |id| update(id, OrderStatus::New);
    let cases: Vec<(&str, Command, Answer, Vec<OrderReport>)> = vec![
        ("placed", place(ours), Answer::Updates(vec![update(ours)]), vec![OrderReport::Update(update(ours))]),
        ("another order's", place(ours), Answer::Updates(vec![update(id(0, 1))]), alarmed(Alarm::Mismatch)),
        (
            "partly another's",
            place(ours),
            Answer::Updates(vec![update(ours), update(id(0, 1))]),
            alarmed(Alarm::Mismatch),
        ),
        (
            "impossible",
            place(ours),
            Answer::Contradicts(Alarm::ImpossibleFill),
            alarmed(Alarm::ImpossibleFill),
        ),
        (
            "impossible of a question",
            query(ours),
            Answer::Contradicts(Alarm::Mismatch),
            vec![
                OrderReport::Alarm(Alarm::Mismatch),
                OrderReport::QueryFailed { id: ours, not_found: false },
            ],
        ),
        ("no such order, of a place", place(ours), refused(-2013, Verdict::NoSuchOrder), unknown()),
        ("nothing said", place(ours), Answer::Updates(vec![]), unknown()),
        ("a list", place(ours), Answer::OpenOrders(vec![]), unknown()),
        ("unreadable", place(ours), Answer::Unreadable, unknown()),
        ("in doubt", place(ours), refused(-1007, Verdict::Unknown), unknown()),
        (
            "refused",
            place(ours),
            refused(-2010, Verdict::Refused),
            vec![OrderReport::Rejected { id: ours, code: -2010, would_match: false }],
        ),
        (
            "would match",
            place(ours),
            refused(-2010, Verdict::WouldMatch),
            vec![OrderReport::Rejected { id: ours, code: -2010, would_match: true }],
        ),
        (
            "gone",
            cancel(ours),
            refused(-2011, Verdict::NoSuchOrder),
            vec![OrderReport::CancelFailed { id: ours, why: CancelFailure::UnknownOrder }],
        ),
        (
            "not now",
            cancel(ours),
            refused(-1000, Verdict::Refused),
            vec![OrderReport::CancelFailed { id: ours, why: CancelFailure::Refused(-1000) }],
        ),
        (
            "cancel in doubt",
            cancel(ours),
            refused(-1007, Verdict::Unknown),
            vec![OrderReport::CancelFailed { id: ours, why: CancelFailure::NoAnswer }],
        ),
        (
            "not found",
            query(ours),
            refused(-2013, Verdict::NoSuchOrder),
            vec![OrderReport::QueryFailed { id: ours, not_found: true }],
        ),
        (
            "question refused",
            query(ours),
            refused(-1003, Verdict::Refused),
            vec![OrderReport::QueryFailed { id: ours, not_found: false }],
        ),
        (
            "listed",
            Command::ListOpen,
            Answer::OpenOrders(vec![OpenOrder { id: ours, venue_id: 4 }]),
            vec![OrderReport::OpenOrders(vec![OpenOrder { id: ours, venue_id: 4 }])],
        ),
        ("not listed", Command::ListOpen, refused(-1000, Verdict::Refused), vec![OrderReport::ListFailed]),
        ("odd list", Command::ListOpen, Answer::Updates(vec![update(ours)]), vec![OrderReport::ListFailed]),
    ];
    for (name, command, answer, want) in cases {
        let mut gateway = gateway(&[], 100);
        gateway.handle_command(LaneId(0), command);
        let request = sent(&mut gateway, at(0))[0].request;
        let mismatched =
            u64::from(matches!(name, "another order's" | "partly another's" | "nothing said" | "odd list"));
        gateway.handle_answer(request, answer);
        let got: Vec<_> = reports(&mut gateway).into_iter().map(|(_, report)| report).collect();
        assert_eq!((got, gateway.mismatches()), (want, mismatched), "{name}");
    }
}

#[test]
fn events_find_their_lane_by_prefix_and_nobody_elses_is_spoken_of() {
    let mut gateway = gateway(&[], 100);
    for lane in [2, 0, 1] {
        let said = update(id(lane, 7), OrderStatus::Filled);
        gateway.handle_update(said);
        assert_eq!(reports(&mut gateway), [(LaneId(lane), OrderReport::Update(said))]);
    }
    let stranger = InstrumentPrefix::new("othr", LANES[0]);
    let stranger = ClientOrderId::new(stranger, Epoch::new(1), 7, Leg::Maker);
    gateway.handle_update(update(stranger, OrderStatus::Filled));
    assert_eq!(reports(&mut gateway), []);
}

/// Requests without an answer occupy their own place in the table and no other.
#[test]
fn one_lost_answer_holds_up_nobody() {
    let mut gateway = gateway(&[], 8);
    gateway.handle_command(LaneId(0), query(id(0, 0)));
    assert_eq!(asked(&mut gateway, at(0)).len(), 1);
    for sequence in 1..1_000 {
        gateway.handle_command(LaneId(1), place(id(1, sequence)));
        let out = sent(&mut gateway, at(sequence));
        assert_eq!(out.len(), 1, "place {sequence} is held up");
        gateway
            .handle_answer(out[0].request, Answer::Updates(vec![update(id(1, sequence), OrderStatus::New)]));
        assert_eq!(reports(&mut gateway).len(), 1);
    }
    assert_eq!((gateway.inflight(), gateway.poll_timeout(at(1_000))), (1, Some(at(2_000).mono)));
}

#[test]
fn a_table_full_of_places_still_has_room_for_cancels() {
    let mut gateway = gateway(&[], 10);
    (0..10).for_each(|sequence| gateway.handle_command(LaneId(0), place(id(0, sequence))));
    let out = sent(&mut gateway, at(0));
    assert_eq!(out.len(), 8);
    (0..3).for_each(|sequence| gateway.handle_command(LaneId(0), cancel(id(0, sequence))));
    assert_eq!(asked(&mut gateway, at(0)).len(), 2);
    // Only an answer or a deadline makes room: there is nothing to wake up for before.
    assert_eq!(gateway.poll_timeout(at(0)), Some(at(2_000).mono));
    gateway.handle_answer(out[0].request, Answer::Unreadable);
    assert_eq!(asked(&mut gateway, at(1)), [cancel(id(0, 2))]);
}

struct Never;

impl Permit for Never {
    fn grant(&mut self, _lane: LaneId, _leg: &PlaceLeg, _now: Now) -> Result<(), Denial> {
        Err(Denial::NoPermit)
    }

    fn hears(&self, _lane: LaneId, _id: ClientOrderId) -> bool {
        true
    }

    fn saw(&mut self, _lane: LaneId, _epoch: Epoch) {}

    fn superseded(&mut self, _lane: LaneId, _newest: Epoch) {}
}

/// Keeps what it is told of owners.
#[derive(Default)]
struct Ear(Rc<RefCell<Heard>>);

/// What it was told, of which lane, and the epoch.
type Heard = Vec<(&'static str, LaneId, u32)>;

impl Permit for Ear {
    fn grant(&mut self, _lane: LaneId, _leg: &PlaceLeg, _now: Now) -> Result<(), Denial> {
        Ok(())
    }

    fn hears(&self, _lane: LaneId, _id: ClientOrderId) -> bool {
        false
    }

    fn saw(&mut self, lane: LaneId, epoch: Epoch) {
        self.0.borrow_mut().push(("saw", lane, epoch.number()));
    }

    fn superseded(&mut self, lane: LaneId, newest: Epoch) {
        self.0.borrow_mut().push(("superseded", lane, newest.number()));
    }
}

/// Fault O22.
#[test]
fn whatever_tells_of_another_owner_is_told_to_the_permit() {
    let ear = Ear::default();
    let heard = Rc::clone(&ear.0);
    let mut gateway = Gateway::new(
        GatewaySettings {
            lanes: LANES.iter().map(|symbol| InstrumentPrefix::new("test", symbol)).collect(),
            limits: vec![],
            answer_patience: PATIENCE,
            inflight_max: 4,
            sharers: 1,
            weights: WEIGHTS,
            lists_beside: false,
        },
        ear,
    );
    gateway.handle_connected();
    let later = ClientOrderId::new(InstrumentPrefix::new("test", LANES[1]), Epoch::new(9), 7, Leg::Maker);
    gateway.handle_update(update(later, OrderStatus::New));
    assert_eq!(reports(&mut gateway), [], "heard of, and nobody's here");
    gateway.handle_command(LaneId(1), Command::ListOpen);
    let list = sent(&mut gateway, at(0))[0].request;
    let open = |id| OpenOrder { id, venue_id: 1 };
    gateway.handle_answer(list, Answer::OpenOrders(vec![open(id(1, 0)), open(later)]));
    gateway.handle_command(LaneId(0), place(id(0, 1)));
    let placed = sent(&mut gateway, at(1))[0].request;
    gateway.handle_answer(placed, refused(-2010, Verdict::Superseded(Epoch::new(8))));
    let told = [("saw", LaneId(1), 9), ("saw", LaneId(1), 9), ("superseded", LaneId(0), 8)];
    assert_eq!(*heard.borrow(), told);
    let refused = OrderReport::Rejected { id: id(0, 1), code: -2010, would_match: false };
    assert_eq!(reports(&mut gateway).pop(), Some((LaneId(0), refused)), "it was not done");
}

#[test]
fn without_a_permit_no_order_leaves_but_cancels_do() {
    let lanes = vec![InstrumentPrefix::new("test", LANES[0])];
    let settings = GatewaySettings {
        lanes,
        limits: vec![],
        answer_patience: PATIENCE,
        inflight_max: 4,
        sharers: 1,
        weights: WEIGHTS,
        lists_beside: false,
    };
    let mut gateway = Gateway::new(settings, Never);
    gateway.handle_connected();
    gateway.handle_command(LaneId(0), place(id(0, 0)));
    gateway.handle_command(LaneId(0), cancel(id(0, 1)));
    assert_eq!(asked(&mut gateway, at(0)), [cancel(id(0, 1))]);
    let denied = OrderReport::Denied { id: id(0, 0), why: Denial::NoPermit };
    assert_eq!(reports(&mut gateway), [(LaneId(0), denied)]);
}

/// Something that happens to a gateway.
#[derive(Clone, Copy, Debug)]
enum Step {
    Place { lane: usize, patience_ms: u64 },
    Cancel { lane: usize },
    Query { lane: usize },
    List { lane: usize },
    Answer { which: usize, kind: u8 },
    Count { used: u64 },
    Pass { ms: u64 },
    Disconnect,
    Connect,
}

fn step() -> impl Strategy<Value = Step> {
    let lane = 0..LANES.len();
    prop_oneof![
        8 => (lane.clone(), 0_u64..8_000).prop_map(|(lane, patience_ms)| Step::Place { lane, patience_ms }),
        4 => lane.clone().prop_map(|lane| Step::Cancel { lane }),
        2 => lane.clone().prop_map(|lane| Step::Query { lane }),
        1 => lane.prop_map(|lane| Step::List { lane }),
        8 => (0_usize..20, 0_u8..5).prop_map(|(which, kind)| Step::Answer { which, kind }),
        1 => (0_u64..12).prop_map(|used| Step::Count { used }),
        6 => prop_oneof![0_u64..50, 0_u64..1_000, 0_u64..15_000].prop_map(|ms| Step::Pass { ms }),
        1 => Just(Step::Disconnect),
        2 => Just(Step::Connect),
    ]
}

const LIMITS: [(RateLimitKind, i64, u64); 2] =
    [(RateLimitKind::Orders, 10_000, 10), (RateLimitKind::Weight, 60_000, 60)];

/// A gateway, and by a plain account of its own what must have come of everything.
struct Model {
    gateway: Gateway<Alone>,
    now_ms: u64,
    next: u64,
    /// What was asked of it; each by an id of its own.
    asked: BTreeSet<ClientOrderId>,
    left: BTreeSet<ClientOrderId>,
    verdicts: BTreeMap<ClientOrderId, u32>,
    /// Places that had no answer in time.
    unknown: BTreeSet<ClientOrderId>,
    open: Vec<Outgoing>,
    /// What left, by limit and window.
    used: BTreeMap<(usize, i64), u64>,
}

impl Model {
    fn new(inflight_max: usize) -> Self {
        let limits = LIMITS.map(|(kind, interval_ms, count)| RateLimit { kind, interval_ms, count });
        Self {
            gateway: gateway(&limits, inflight_max),
            now_ms: 0,
            next: 0,
            asked: BTreeSet::new(),
            left: BTreeSet::new(),
            verdicts: BTreeMap::new(),
            unknown: BTreeSet::new(),
            open: Vec::new(),
            used: BTreeMap::new(),
        }
    }

    fn now(&self) -> Now {
        at(self.now_ms)
    }

    fn fresh(&mut self, lane: usize) -> ClientOrderId {
        self.next += 1;
        self.asked.insert(id(lane, self.next));
        id(lane, self.next)
    }

    fn take(&mut self, step: Step) -> Result<(), TestCaseError> {
        match step {
            Step::Place { lane, patience_ms } => {
                let id = self.fresh(lane);
                let command = place_until(id, at(self.now_ms + patience_ms));
                self.gateway.handle_command(LaneId(lane), command);
            }
            Step::Cancel { lane } => {
                let id = self.fresh(lane);
                self.gateway.handle_command(LaneId(lane), cancel(id));
            }
            Step::Query { lane } => {
                let id = self.fresh(lane);
                self.gateway.handle_command(LaneId(lane), query(id));
            }
            Step::List { lane } => self.gateway.handle_command(LaneId(lane), Command::ListOpen),
            Step::Answer { which, kind } => self.answer(which, kind),
            Step::Count { used } => self.gateway.handle_count(orders(used, 10_000), self.now()),
            Step::Pass { ms } => self.pass(ms)?,
            Step::Disconnect => {
                self.gateway.handle_disconnected();
                self.open.clear();
                prop_assert_eq!(self.gateway.inflight(), 0);
            }
            Step::Connect => self.gateway.handle_connected(),
        }
        self.drain()
    }

    fn answer(&mut self, which: usize, kind: u8) {
        if self.open.is_empty() {
            return;
        }
        let outgoing = self.open.swap_remove(which % self.open.len());
        let id = match outgoing.command {
            Command::PlaceMaker(leg) | Command::PlaceTaker(leg) => leg.id,
            Command::Cancel(handle) | Command::Query(handle) => handle.id,
            Command::ListOpen => id(0, 0),
        };
        let answer = match kind {
            0 => refused(-2010, Verdict::Refused),
            1 => refused(-1007, Verdict::Unknown),
            2 => Answer::Unreadable,
            3 if outgoing.command == Command::ListOpen => Answer::OpenOrders(vec![]),
            _ => Answer::Updates(vec![update(id, OrderStatus::New)]),
        };
        self.gateway.handle_answer(outgoing.request, answer);
    }

    /// Time passes: nothing may be due before the deadline that the gateway names.
    fn pass(&mut self, ms: u64) -> Result<(), TestCaseError> {
        let end_ms = self.now_ms + ms;
        loop {
            let due = self.gateway.poll_timeout(self.now());
            let due_ms = due.map_or(u64::MAX, |at| at.0 / 1_000_000 - 10_000);
            prop_assert!(due_ms > self.now_ms, "a deadline that has passed: {due:?} at {}", self.now_ms);
            let quiet_ms = end_ms.min(due_ms - 1);
            self.gateway.handle_timeout(at(quiet_ms));
            prop_assert_eq!(self.gateway.poll_send(at(quiet_ms)), None, "missed: left before {:?}", due);
            prop_assert_eq!(self.gateway.poll_report(), None, "missed: reported before {:?}", due);
            self.now_ms = end_ms.min(due_ms);
            self.gateway.handle_timeout(self.now());
            self.drain()?;
            if self.now_ms == end_ms {
                return Ok(());
            }
        }
    }

    /// Everything that leaves and everything that is reported, entered and checked.
    fn drain(&mut self) -> Result<(), TestCaseError> {
        let now = self.now();
        for outgoing in sent(&mut self.gateway, now) {
            self.enter(outgoing)?;
        }
        for (_, report) in reports(&mut self.gateway) {
            let id = match report {
                OrderReport::Update(update) => {
                    // One that comes after its deadline is evidence beside the verdict.
                    self.verdicts.entry(update.client_id).or_insert(1);
                    continue;
                }
                // The venue refused what had no answer in time: the doubt is over.
                OrderReport::Rejected { id, .. } if self.unknown.remove(&id) => continue,
                OrderReport::Rejected { id, .. } => {
                    prop_assert!(self.left.contains(&id), "a verdict on an order that never left");
                    id
                }
                OrderReport::Unknown { id } => {
                    prop_assert!(self.left.contains(&id), "a verdict on an order that never left");
                    self.unknown.insert(id);
                    id
                }
                OrderReport::Denied { id, .. } => {
                    prop_assert!(!self.left.contains(&id), "an order that left is denied");
                    id
                }
                OrderReport::CancelFailed { id, .. } | OrderReport::QueryFailed { id, .. } => id,
                OrderReport::Sent { .. }
                | OrderReport::OpenOrders(_)
                | OrderReport::ListFailed
                | OrderReport::Alarm(_) => continue,
            };
            *self.verdicts.entry(id).or_default() += 1;
        }
        Ok(())
    }

    fn enter(&mut self, outgoing: Outgoing) -> Result<(), TestCaseError> {
        let mut spent = [0, 1];
        match outgoing.command {
            Command::PlaceMaker(leg) | Command::PlaceTaker(leg) => {
                prop_assert!(self.left.insert(leg.id), "{} left twice", leg.id);
                prop_assert!(leg.not_after >= self.now().mono, "{} left too late", leg.id);
                spent[0] = 1;
            }
            Command::Cancel(_) => {}
            Command::Query(_) => spent[1] = 4,
            Command::ListOpen => spent[1] = 6,
        }
        for (limit, (_, interval_ms, count)) in LIMITS.iter().enumerate() {
            let window = self.now().wall_ms.div_euclid(*interval_ms);
            let used = self.used.entry((limit, window)).or_default();
            *used += spent[limit];
            let most = if outgoing.command.is_place() { count - count / 5 } else { *count };
            let bounded = spent[limit] > 0 && !matches!(outgoing.command, Command::Cancel(_));
            prop_assert!(!bounded || *used <= most, "limit {limit}: {used} of {most}");
        }
        self.open.push(outgoing);
        Ok(())
    }
}

proptest! {
    #![proptest_config(crate::support::cases(2_000))]

    /// Whatever happens: a place leaves at most once and never late, every request has exactly one verdict, the
    /// limits hold, the table holds no more than it may, and no deadline is missed.
    #[test]
    fn every_request_has_one_verdict_whatever_happens(
        steps in prop::collection::vec(step(), 1..120),
        inflight_max in 1_usize..12,
    ) {
        let mut model = Model::new(inflight_max);
        for step in steps {
            // The venue's own count may only add to ours, so that our account of the limits stays strict.
            let step = if let Step::Count { used } = step { Step::Count { used: used.max(8) } } else { step };
            model.take(step)?;
            prop_assert!(model.gateway.inflight() <= inflight_max);
        }
        model.take(Step::Disconnect)?;
        for id in &model.asked {
            prop_assert_eq!(model.verdicts.get(id), Some(&1), "{}", id);
        }
    }
}

/// A window that rolls lets many lanes begin at once: none may be left with a maker that its taker cannot follow.
#[test]
fn a_taker_finds_the_budget_that_its_maker_has_paid() {
    let mut gateway = gateway(&[orders(10, 10_000)], 100);
    (0..20).for_each(|sequence| gateway.handle_command(LaneId(0), place(id(0, sequence))));
    let makers = asked(&mut gateway, at(0));
    for maker in &makers {
        let Command::PlaceMaker(leg) = *maker else { panic!("{maker:?}") };
        gateway.handle_command(LaneId(0), Command::PlaceTaker(leg));
    }
    let takers = asked(&mut gateway, at(1));
    assert!(
        takers.len() == makers.len() && takers.iter().all(|place| matches!(place, Command::PlaceTaker(_)))
    );
}
