//! Terms that end early, pairs whose lists overlap, numbers of probes, and what is counted on the way.

use std::collections::BTreeSet;
use std::time::Duration;

use pipeline::book::Level;
use pipeline::command::{Command, PlaceLeg};
use pipeline::event::{CancelFailure, Denial, OpenOrder, OrderReport};
use pipeline::halt::Bar;
use pipeline::instrument::{Instrument, Phase};
use pipeline::ownership::Term;
use pipeline::probe::Smallest;
use pipeline::time::{Nanos, Now};
use schemas::ids::{ClientOrderId, Epoch, InstrumentPrefix, Leg, PROBES_FROM};
use schemas::order::OrderStatus;

use crate::evidence::{commands, live, next_pair, update};
use crate::support::{at_ns, num, settings, tick, top};

fn at(ms: u64) -> Now {
    at_ns(ms * 1_000_000)
}

fn order(sequence: u64) -> OpenOrder {
    let prefix = InstrumentPrefix::new("test", "BTCUSDT");
    OpenOrder { id: ClientOrderId::new(prefix, Epoch::new(5), sequence, Leg::Maker), venue_id: 5 }
}

/// One that is shared, owned from the tenth second on.
fn owned() -> Instrument {
    let mut instrument = Instrument::idle(settings());
    instrument.handle_connected(true, at(0));
    let from = at(10_000);
    instrument.begin(Term { epoch: Epoch::new(8), from, shared: true, traded_up_to: None }, at(0));
    instrument
}

/// Nothing was placed in a term whose first moment never came: what is at the venue is its next owner's to sweep.
#[test]
fn a_term_that_never_began_is_left_without_a_sweep() {
    let mut instrument = owned();
    instrument.leave(at(9_999));
    assert_eq!((commands(&mut instrument), instrument.phase()), (vec![], Phase::Idle));
    let mut instrument = owned();
    instrument.handle_timeout(at(10_000));
    assert_eq!(commands(&mut instrument), [Command::ListOpen]);
    instrument.leave(at(10_001));
    assert_eq!((commands(&mut instrument).len(), instrument.phase()), (1, Phase::Stopping), "a last sweep");
}

/// Once something was placed the last sweep is due, whatever the clock says of the term's first moment.
#[test]
fn a_term_that_has_placed_is_swept_even_before_its_moment() {
    let mut instrument = owned();
    instrument.handle_timeout(at(10_000));
    commands(&mut instrument);
    instrument.handle_report(&OrderReport::OpenOrders(Vec::new()), at(10_000));
    let maker = next_pair(&mut instrument, at(10_000));
    let rejected = OrderReport::Rejected { id: maker, code: -2010, would_match: false };
    instrument.handle_report(&rejected, at(10_000));
    instrument.poll_finished(at(10_000)).expect("the pair is over");
    instrument.leave(at(9_000));
    assert_eq!((commands(&mut instrument), instrument.phase()), (vec![], Phase::Stopping));
    instrument.handle_timeout(at(10_000));
    assert_eq!(commands(&mut instrument), [Command::ListOpen]);
}

/// A sweep that is cut short has counted what it cancelled.
#[test]
fn what_a_sweep_cancelled_is_counted_however_it_ends() {
    let ends: [fn(&mut Instrument); 3] = [
        |instrument| instrument.stop(at(1_001)),
        |instrument| instrument.lose(at(1_001)),
        |instrument| instrument.handle_connected(false, at(1_001)),
    ];
    for (place, end) in ends.into_iter().enumerate() {
        let mut instrument = Instrument::new(settings());
        instrument.handle_connected(true, at(1_000));
        commands(&mut instrument);
        let found = OrderReport::OpenOrders(vec![order(0), order(1)]);
        instrument.handle_report(&found, at(1_000));
        assert_eq!(commands(&mut instrument).len(), 2, "both are cancelled");
        let open = instrument.maybe_open();
        assert_eq!(open, [order(0).id, order(1).id]);
        end(&mut instrument);
        let counted = if place == 2 { 0 } else { 2 };
        assert_eq!(instrument.counts().swept, counted, "end {place}");
        assert_eq!(instrument.maybe_open().is_empty(), place == 1, "somebody else's now: {place}");
    }
}

/// Answers about orders that a sweep cancels concern no pair, and a list is about no order.
#[test]
fn what_a_sweep_hears_is_not_late() {
    let mut instrument = Instrument::new(settings());
    instrument.handle_connected(true, at(1_000));
    commands(&mut instrument);
    instrument.handle_report(&OrderReport::OpenOrders(vec![order(0)]), at(1_000));
    let failed = |why| OrderReport::CancelFailed { id: order(0).id, why };
    instrument.handle_report(&failed(CancelFailure::Refused(-1)), at(1_001));
    assert_eq!((instrument.counts().late_reports, instrument.counts().cancels_refused), (0, 1));
    instrument.handle_timeout(at(1_200));
    instrument.handle_report(&OrderReport::OpenOrders(Vec::new()), at(1_201));
    assert_eq!(instrument.phase(), Phase::Live);
    instrument.handle_report(&OrderReport::OpenOrders(Vec::new()), at(1_202));
    assert_eq!(instrument.counts().late_reports, 0);
    instrument.handle_report(&failed(CancelFailure::NoAnswer), at(1_203));
    assert_eq!((instrument.counts().late_reports, instrument.counts().cancels_refused), (1, 1));
}

/// Legs whose outcome was unknown, and statements that went back, are counted when their pair is over.
#[test]
fn doubts_and_steps_back_are_counted() {
    let (mut instrument, maker, now) = live(settings());
    instrument.handle_report(&OrderReport::Unknown { id: maker }, now);
    for (status, executed) in [
        (OrderStatus::PartiallyFilled, "0.4"),
        (OrderStatus::PartiallyFilled, "0.3"),
        (OrderStatus::Canceled, "0.4"),
    ] {
        instrument.handle_report(&OrderReport::Update(update(maker, status, executed, None)), now);
    }
    instrument.poll_finished(now).expect("the pair is over");
    assert_eq!((instrument.counts().unknown, instrument.counts().late_reports), (1, 1));
}

/// Fault O4. Of several orders that were given up each one that turns up is cancelled.
#[test]
fn each_order_that_was_given_up_is_known_when_it_turns_up() {
    let (mut instrument, mut maker, mut now) = live(settings());
    let mut given_up = Vec::new();
    for _ in 0..3 {
        given_up.push(maker);
        instrument.handle_report(&OrderReport::Denied { id: maker, why: Denial::TooLate }, now);
        instrument.poll_finished(now).expect("the pair is over");
        now = at_ns(now.mono.0 + 1_000_000_000);
        maker = next_pair(&mut instrument, now);
    }
    for (place, id) in given_up.into_iter().enumerate() {
        instrument.handle_report(&OrderReport::Update(update(id, OrderStatus::New, "0", None)), now);
        assert_eq!(instrument.counts().zombies, u64::try_from(place).unwrap() + 1);
        assert!(matches!(commands(&mut instrument)[..], [Command::Cancel(handle)] if handle.id == id));
    }
}

/// Both legs want the list of open orders: one serves both, and one that does not come is asked for again after 5 s.
#[test]
fn a_list_that_is_under_way_is_not_asked_for_twice() {
    let (mut instrument, maker, now) = live(settings());
    let said = |id| OrderReport::Update(update(id, OrderStatus::New, "0", None));
    instrument.handle_report(&said(maker), now);
    let [Command::PlaceTaker(PlaceLeg { id: taker, .. })] = commands(&mut instrument)[..] else { panic!() };
    instrument.handle_report(&said(taker), now);
    let later = |ms: u64| at_ns(now.mono.0 + ms * 1_000_000);
    instrument.handle_timeout(later(2_000));
    assert_eq!(commands(&mut instrument).len(), 2, "both are cancelled");
    let denied = |id| OrderReport::QueryFailed { id, not_found: true };
    for (id, ms, lists) in [(maker, 3_000, 1), (taker, 4_000, 0)] {
        let why = CancelFailure::UnknownOrder;
        instrument.handle_report(&OrderReport::CancelFailed { id, why }, later(ms));
        commands(&mut instrument);
        instrument.handle_report(&denied(id), later(ms));
        let asked = commands(&mut instrument);
        assert_eq!(asked.iter().filter(|asked| **asked == Command::ListOpen).count(), lists, "{asked:?}");
    }
    let mut lists = Vec::new();
    for ms in (4_000..14_000).step_by(50) {
        instrument.handle_timeout(later(ms));
        lists.extend(
            commands(&mut instrument).into_iter().filter(|asked| *asked == Command::ListOpen).map(|_| ms),
        );
    }
    assert_eq!(lists, [8_000, 13_000]);
}

fn level(price: &str) -> Option<Level> {
    Some(Level { price: num(price), qty: num("1") })
}

/// The numbers of the probes of a machine that was made anew so many times, each of them refused.
fn probes(restarts: u64) -> Vec<u64> {
    let mut instrument = Instrument::anew(settings(), Default::default(), restarts);
    instrument.probe_first(Smallest { qty: num("0.01"), notional: num("5") });
    instrument.begin(Term::alone(Epoch::new(7)), at(0));
    instrument.handle_connected(true, at(0));
    commands(&mut instrument);
    instrument.handle_report(&OrderReport::OpenOrders(Vec::new()), at(0));
    let mut numbers = Vec::new();
    for ms in (0..600_000).step_by(500) {
        instrument.handle_top(Some(top(level("100"), level("100.05"), 1 + ms, at(ms))));
        instrument.handle_timeout(at(ms));
        for command in commands(&mut instrument) {
            let Command::PlaceMaker(leg) = command else { panic!("{command:?}") };
            assert_eq!(leg.not_after, at(ms).mono + Duration::from_secs(2), "the lesser of both ages");
            numbers.push(leg.id.sequence());
            let rejected = OrderReport::Rejected { id: leg.id, code: -2010, would_match: false };
            instrument.handle_report(&rejected, at(ms));
            instrument.poll_finished(at(ms)).expect("the probe is over");
        }
    }
    numbers
}

/// Promise P2. Probes have numbers of their own, ten thousand for each machine; after 160 machines they come again.
#[test]
fn no_two_probes_have_one_number() {
    let mut numbers = BTreeSet::new();
    for restarts in [0, 1, 3, 159] {
        let of_one = probes(restarts);
        assert!(of_one.len() > 1, "{of_one:?}");
        for number in of_one {
            let from = PROBES_FROM + restarts * 10_000;
            assert!((from..from + 10_000).contains(&number), "{number} of machine {restarts}");
            assert!(numbers.insert(number), "{number} twice");
        }
    }
    assert_eq!(probes(163), probes(3));
}

#[test]
fn what_bars_it_and_what_it_closes_is_told() {
    let mut instrument = Instrument::new(settings());
    assert_eq!((instrument.bar(), instrument.is_closing_out()), (None, false));
    instrument.close_out(&[order(6).id]);
    instrument.handle_connected(true, at(0));
    assert!(!instrument.is_closing_out(), "it sweeps");
    commands(&mut instrument);
    instrument.handle_report(&OrderReport::OpenOrders(Vec::new()), at(0));
    assert!(instrument.is_closing_out());
    instrument.handle_connected(false, at(1));
    assert!(!instrument.is_closing_out(), "nobody can be asked");
    instrument.handle_connected(true, at(2));
    let ended = update(order(6).id, OrderStatus::Canceled, "0", None);
    instrument.handle_report(&OrderReport::Update(ended), at(2));
    for bar in [Some(Bar::Halted), Some(Bar::ClockUnsure), None] {
        instrument.handle_bar(bar, at(3));
        assert_eq!(instrument.bar(), bar);
    }
    assert_ne!(instrument.poll_timeout(at(3)), Some(Nanos(0)));
}

/// A tick that comes after a stop, or before a term, makes no pair.
#[test]
fn nothing_fires_between_terms() {
    let mut instrument = owned();
    instrument.lose(at(1));
    instrument.handle_top(Some(top(level("99"), level("101"), 1, at(1))));
    instrument.handle_tick(tick("100", "1", at(1)), at(1));
    assert_eq!(commands(&mut instrument), []);
}
