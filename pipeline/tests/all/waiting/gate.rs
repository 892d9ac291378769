//! What shuts an instrument's gate though it is ours: halts, a clock that is not sure, a probe that has not matched.

use pipeline::book::Level;
use pipeline::command::{Command, PlaceLeg};
use pipeline::event::{Denial, OrderReport};
use pipeline::halt::Bar;
use pipeline::instrument::{Instrument, Phase};
use pipeline::probe::{ProbeState, Smallest};
use pipeline::skip::Skip;
use pipeline::time::Now;
use schemas::ids::ClientOrderId;
use schemas::order::OrderStatus;
use schemas::wire::order_update::{Fill, OrderUpdate};

use super::{at, end_pair, hand_over, live, maker, skipped};
use crate::support::{num, settings, top};

fn commands(instrument: &mut Instrument) -> Vec<Command> {
    std::iter::from_fn(|| instrument.poll_command()).collect()
}

fn swept(instrument: &mut Instrument, now: Now) {
    assert_eq!((commands(instrument), instrument.phase()), (vec![Command::ListOpen], Phase::Sweeping));
    instrument.handle_report(&OrderReport::OpenOrders(Vec::new()), now);
    assert_eq!(instrument.phase(), Phase::Live);
}

/// Promise P17.
#[test]
fn a_halt_skips_what_waits_and_what_comes_and_sweeps_at_both_ends() {
    let mut instrument = live(settings(), at(0));
    hand_over(&mut instrument, "100", at(1));
    let first = maker(&mut instrument).unwrap();
    hand_over(&mut instrument, "101", at(2));
    instrument.handle_bar(Some(Bar::Halted), at(3));
    assert_eq!(skipped(&instrument, Skip::Halted), 1, "what waited");
    assert!(commands(&mut instrument).is_empty(), "the pair in flight comes to its end first");
    end_pair(&mut instrument, first, at(4));
    instrument.handle_timeout(at(5));
    swept(&mut instrument, at(6));
    hand_over(&mut instrument, "102", at(7));
    assert_eq!((skipped(&instrument, Skip::Halted), maker(&mut instrument)), (2, None));

    instrument.handle_bar(None, at(8));
    hand_over(&mut instrument, "103", at(9));
    swept(&mut instrument, at(10));
    let next = maker(&mut instrument).expect("what came during the last sweep fires after it");
    assert_eq!(end_pair(&mut instrument, next, at(11)), "103");
    assert!(instrument.counts().balance());
}

/// Promise P25.
#[test]
fn a_clock_that_is_not_sure_skips_ticks_and_sweeps_nothing() {
    let mut instrument = live(settings(), at(0));
    instrument.handle_bar(Some(Bar::ClockUnsure), at(1));
    hand_over(&mut instrument, "100", at(2));
    assert_eq!((skipped(&instrument, Skip::ClockUnsure), instrument.phase()), (1, Phase::Live));
    assert!(commands(&mut instrument).is_empty());
    instrument.handle_bar(None, at(3));
    hand_over(&mut instrument, "101", at(4));
    assert!(maker(&mut instrument).is_some() && instrument.counts().balance());
}

#[test]
fn an_instrument_that_is_made_anew_uses_no_number_twice_and_goes_on_counting() {
    let mut first = live(settings(), at(0));
    for ms in 1..5 {
        hand_over(&mut first, "100", at(ms));
        let id = maker(&mut first).unwrap();
        end_pair(&mut first, id, at(ms));
    }
    let mut numbers = Vec::new();
    let mut counts = first.counts();
    for restart in 1..4 {
        let mut anew = Instrument::anew(settings(), counts, restart);
        anew.begin(pipeline::ownership::Term::alone(settings().epoch), at(10));
        anew.handle_connected(true, at(10));
        anew.handle_report(&OrderReport::OpenOrders(Vec::new()), at(10));
        anew.handle_top(Some(top(None, None, 1, at(10))));
        for _ in 0..3 {
            hand_over(&mut anew, "100", at(11));
            let id = maker(&mut anew).unwrap();
            numbers.push(id.sequence());
            end_pair(&mut anew, id, at(11));
        }
        assert!(anew.counts().balance());
        counts = anew.counts();
    }
    assert_eq!(counts.pairs, 4 + 9);
    assert!(numbers.iter().all(|number| *number > 1_000) && numbers.is_sorted(), "{numbers:?}");
    numbers.dedup();
    assert_eq!(numbers.len(), 9);
}

fn level(price: &str) -> Option<Level> {
    Some(Level { price: num(price), qty: num("1") })
}

/// An instrument that probes first, between those prices.
fn probing(bid: &str, ask: &str) -> Instrument {
    let mut instrument = Instrument::new(settings());
    instrument.probe_first(Smallest { qty: num("0.01"), notional: num("5") });
    instrument.handle_connected(true, at(0));
    instrument.handle_top(Some(top(level(bid), level(ask), 1, at(0))));
    instrument.handle_report(&OrderReport::OpenOrders(Vec::new()), at(0));
    instrument
}

fn probe(instrument: &mut Instrument) -> PlaceLeg {
    let mut places = commands(instrument).into_iter().filter_map(|command| match command {
        Command::PlaceMaker(leg) => Some(leg),
        Command::PlaceTaker(_) | Command::Cancel(_) | Command::Query(_) | Command::ListOpen => None,
    });
    places.next_back().expect("the probe")
}

fn says(id: ClientOrderId, status: OrderStatus, executed: &str, fill: bool) -> OrderReport {
    let fill = fill.then(|| Fill { trade_id: 9, price: num("100.01"), qty: num(executed), is_maker: false });
    OrderReport::Update(OrderUpdate {
        client_id: id,
        venue_order_id: 1,
        status,
        executed: num(executed),
        terms: Default::default(),
        last_fill: fill,
        prevented: false,
        event_time_ms: None,
    })
}

/// Promise P2, P15.
#[test]
fn a_probe_goes_first_between_bid_and_ask_and_leaves_decisions_and_numbers_as_they_are() {
    let mut instrument = probing("100", "100.05");
    hand_over(&mut instrument, "100.02", at(1));
    let leg = probe(&mut instrument);
    assert!(leg.id.is_probe() && leg.cause.trade.is_none());
    // 5 / 100.01, a tenth above it.
    assert_eq!(
        (leg.price.text(2).to_string(), leg.qty.text(3).to_string()),
        ("100.01".into(), "0.055".into())
    );
    assert_eq!(instrument.probe_state(), ProbeState::Sent);
    instrument.handle_report(&says(leg.id, OrderStatus::New, "0", false), at(2));
    let taker = commands(&mut instrument);
    let [Command::PlaceTaker(taker)] = taker.as_slice() else { panic!("{taker:?}") };
    instrument.handle_report(&says(taker.id, OrderStatus::Filled, "0.055", true), at(3));
    assert_eq!(instrument.counts().waiting, 1, "the tick waits for the probe");
    instrument.handle_report(&says(leg.id, OrderStatus::Filled, "0.055", true), at(4));
    assert_eq!(instrument.probe_state(), ProbeState::Passed);
    assert!(instrument.poll_finished(at(5)).is_some_and(|trade| trade.maker.id.is_probe()));
    let first = maker(&mut instrument).expect("the tick that waited");
    let counts = instrument.counts();
    assert_eq!((first.sequence(), counts.pairs, counts.outcomes.iter().sum::<u64>()), (0, 1, 0));
    assert!(counts.balance());
}

/// Promise P15.
/// Fault O12, K5.
#[test]
fn a_probe_that_is_refused_or_prevented_keeps_the_gate_shut_and_is_tried_again() {
    for (report, state) in
        [(None, ProbeState::Refused(-2_010)), (Some(OrderStatus::ExpiredInMatch), ProbeState::Prevented)]
    {
        let mut instrument = probing("100", "100.05");
        let leg = probe(&mut instrument);
        let report = match report {
            None => OrderReport::Rejected { id: leg.id, code: -2_010, would_match: false },
            Some(status) => says(leg.id, status, "0", false),
        };
        instrument.handle_report(&report, at(1));
        assert!(instrument.poll_finished(at(1)).is_some());
        assert_eq!(instrument.probe_state(), state);
        hand_over(&mut instrument, "100.02", at(2));
        assert!(commands(&mut instrument).is_empty(), "{state:?}");
        instrument.handle_top(Some(top(level("100"), level("100.05"), 2, at(1_500))));
        instrument.handle_timeout(at(1_500));
        let again = probe(&mut instrument);
        assert!(again.id.is_probe() && again.id != leg.id, "{state:?}");
    }
}

#[test]
fn without_room_the_probe_waits_and_at_last_the_first_pair_has_to_tell() {
    let mut instrument = probing("100", "100.01");
    assert_eq!(maker(&mut instrument), None);
    assert_eq!(instrument.probe_state(), ProbeState::NoRoom);
    for second in 1..=21 {
        let now = at(second * 1_000);
        instrument.handle_top(Some(top(level("100"), level("100.01"), 2, now)));
        instrument.handle_timeout(now);
    }
    assert_eq!(instrument.probe_state(), ProbeState::Unproved);
    hand_over(&mut instrument, "100", at(21_001));
    assert!(maker(&mut instrument).is_some_and(|id| !id.is_probe()));
}

#[test]
fn in_an_empty_book_the_probe_takes_the_reference_price_and_spends_no_tick() {
    let mut instrument = Instrument::new(settings());
    instrument.probe_first(Smallest::default());
    instrument.handle_connected(true, at(0));
    instrument.handle_top(Some(top(None, None, 1, at(0))));
    instrument.handle_report(&OrderReport::OpenOrders(Vec::new()), at(0));
    assert_eq!((maker(&mut instrument), instrument.probe_state()), (None, ProbeState::NoRoom));
    hand_over(&mut instrument, "123.456", at(30));
    let leg = probe(&mut instrument);
    assert_eq!((leg.id.is_probe(), leg.price.text(2).to_string()), (true, "123.46".into()));
    assert_eq!(instrument.counts().waiting, 1);
}

/// Promise P17.
#[test]
fn no_probe_leaves_while_halted() {
    let mut instrument = Instrument::new(settings());
    instrument.probe_first(Smallest::default());
    instrument.handle_bar(Some(Bar::Halted), at(0));
    instrument.handle_connected(true, at(0));
    instrument.handle_top(Some(top(level("100"), level("100.05"), 1, at(0))));
    instrument.handle_report(&OrderReport::OpenOrders(Vec::new()), at(0));
    assert_eq!(commands(&mut instrument), vec![Command::ListOpen]);
    instrument.handle_timeout(at(100));
    assert!(commands(&mut instrument).is_empty());
    instrument.handle_report(
        &OrderReport::Denied {
            id: ClientOrderId::new(settings().prefix, settings().epoch, 0, schemas::ids::Leg::Maker),
            why: Denial::Halted,
        },
        at(101),
    );
    assert_eq!(instrument.probe_state(), ProbeState::Waits);
}
