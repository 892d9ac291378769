//! One order: what each word of the venue makes of it.

use pipeline::alarm::Alarm;
use pipeline::event::{Denial, OpenOrder, OrderReport};
use pipeline::leg::{End, Leg, LegState, Placing};
use pipeline::time::Nanos;
use schemas::ids::{ClientOrderId, Epoch, InstrumentPrefix, Leg as LegKind};
use schemas::order::{OrderStatus, Side};
use schemas::wire::order_update::{Fill, OrderUpdate, Terms};

use crate::evidence::update;
use crate::support::num;

const NOW: Nanos = Nanos(5);

fn id() -> ClientOrderId {
    ClientOrderId::new(InstrumentPrefix::new("test", "BTCUSDT"), Epoch::new(3), 1, LegKind::Maker)
}

fn said(status: OrderStatus, executed: &str) -> OrderReport {
    OrderReport::Update(update(id(), status, executed, None))
}

/// An order of 1.000 that has been asked for.
fn asked() -> Leg {
    let mut leg = Leg::new(id());
    (leg.qty_steps, leg.qty_decimals) = (1_000, 3);
    assert!(leg.ask() && !leg.ask(), "it is asked for once");
    leg
}

/// Promise P14.
#[test]
fn an_outcome_is_confirmed_refused_denied_or_unknown() {
    assert_eq!(Leg::new(id()).placing(), None);
    assert_eq!(asked().placing(), Some(Placing::Unknown));
    let told = |report: OrderReport| {
        let mut leg = asked();
        assert_eq!(leg.handle(&report, NOW), None);
        leg.placing()
    };
    assert_eq!(told(OrderReport::Unknown { id: id() }), Some(Placing::Unknown));
    assert_eq!(told(said(OrderStatus::New, "0")), Some(Placing::Confirmed));
    assert_eq!(told(said(OrderStatus::Canceled, "0")), Some(Placing::Confirmed));
    let why = Denial::TooLate;
    assert_eq!(told(OrderReport::Denied { id: id(), why }), Some(Placing::DeniedLocally(why)));
    let refused = told(OrderReport::Rejected { id: id(), code: -2010, would_match: false });
    let Some(Placing::Refused(evidence)) = refused else { panic!("{refused:?}") };
    assert_eq!(evidence.end(), End::Refused(-2010));
}

/// Of an order of an earlier run only that it left before is known.
#[test]
fn an_order_in_doubt_is_as_if_it_had_left_now() {
    let leg = Leg::in_doubt(id(), NOW);
    assert_eq!((leg.state(), leg.was_unknown, leg.sent_at), (LegState::Unknown, true, Some(NOW)));
    assert!(!leg.is_full() && !leg.is_ended() && !leg.is_quiet(), "its quantity is not known");
}

/// Whatever the venue says of its terms contradicts nothing that is known here.
#[test]
fn an_order_in_doubt_may_have_been_of_any_quantity() {
    let mut leg = Leg::in_doubt(id(), NOW);
    let terms = Terms { side: Some(Side::Sell), price: Some(num("7")), qty: Some(num("3")) };
    let told = OrderUpdate { terms, ..update(id(), OrderStatus::PartiallyFilled, "2", None) };
    assert_eq!(leg.handle(&OrderReport::Update(told), NOW), None);
    assert_eq!((leg.state(), leg.executed()), (LegState::Open, num("2")));
}

/// What is over stays over: a list that holds it, or an open status, is a statement that goes back.
#[test]
fn an_order_that_is_over_is_not_opened_again() {
    let mut leg = asked();
    leg.handle(&said(OrderStatus::New, "0"), NOW);
    leg.handle(&said(OrderStatus::PartiallyFilled, "0.4"), NOW);
    assert_eq!((leg.remaining_steps(), leg.stale_updates), (600, 0));
    leg.handle(&said(OrderStatus::PartiallyFilled, "0.4"), NOW);
    assert_eq!(leg.stale_updates, 0, "the same once more is no step back");
    leg.handle(&said(OrderStatus::PartiallyFilled, "0.3"), NOW);
    assert_eq!((leg.remaining_steps(), leg.stale_updates), (600, 1));
    leg.handle(&said(OrderStatus::Canceled, "0.4"), NOW);
    assert_eq!((leg.ended_at, leg.stale_updates), (Some(NOW), 1));
    leg.handle(&said(OrderStatus::Canceled, "0.4"), Nanos(9));
    assert_eq!(leg.stale_updates, 1, "an end that is told twice is no step back");
    leg.handle(&said(OrderStatus::New, "0.4"), Nanos(9));
    leg.listed(&OpenOrder { id: id(), venue_id: 8 }, Nanos(9));
    assert_eq!((leg.end(), leg.ended_at), (Some(End::Final(OrderStatus::Canceled)), Some(NOW)));
    assert_eq!((leg.stale_updates, leg.venue_id), (2, Some(8)));
}

/// Nothing that is said of the way there undoes what the venue has said.
#[test]
fn what_was_acknowledged_is_neither_refused_nor_denied() {
    let mut leg = asked();
    leg.handle(&said(OrderStatus::New, "0"), NOW);
    leg.handle(&OrderReport::Denied { id: id(), why: Denial::TooLate }, NOW);
    leg.handle(&OrderReport::Rejected { id: id(), code: -2010, would_match: false }, NOW);
    assert_eq!(leg.state(), LegState::Open);
}

/// A transport that fails after the venue has spoken takes nothing back.
#[test]
fn what_the_venue_said_is_not_unknown() {
    let mut leg = asked();
    leg.listed(&OpenOrder { id: id(), venue_id: 8 }, NOW);
    leg.handle(&OrderReport::Unknown { id: id() }, NOW);
    assert_eq!((leg.state(), leg.was_unknown), (LegState::Open, false));
    assert_eq!((leg.acknowledged_at, leg.venue_id), (Some(NOW), Some(8)));
}

/// Once a part of it was prevented from trading with ourselves, it stays so.
#[test]
fn what_was_prevented_stays_prevented() {
    let mut leg = asked();
    leg.handle(&said(OrderStatus::New, "0"), NOW);
    assert!(!leg.prevented);
    let prevented =
        OrderUpdate { prevented: true, ..update(id(), OrderStatus::PartiallyFilled, "0.2", None) };
    leg.handle(&OrderReport::Update(prevented), NOW);
    leg.handle(&said(OrderStatus::Canceled, "0.2"), NOW);
    assert!(leg.prevented);
}

/// The bounds of what can be: all of the quantity, at exactly the limit, is a fill like any other; nothing is none.
#[test]
fn all_of_it_at_its_limit_is_possible() {
    for (side, worse) in [(Side::Buy, "100.01"), (Side::Sell, "99.99")] {
        let traded = |price: &str, qty: &str| {
            let mut leg = asked();
            leg.expect(side, num("100"));
            let fill = Fill { trade_id: 1, price: num(price), qty: num(qty), is_maker: true };
            leg.handle(&OrderReport::Update(update(id(), OrderStatus::New, "0", Some(fill))), NOW)
        };
        assert_eq!((traded("100", "1"), traded("100", "0")), (None, None), "{side:?}");
        assert_eq!(traded(worse, "1"), Some(Alarm::ImpossibleFill), "{side:?}");
    }
}
