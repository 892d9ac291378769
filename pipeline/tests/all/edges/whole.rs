//! An instrument as a whole: what it is told before it begins, and what it hands out.

use std::time::Duration;

use pipeline::alarm::Alarm;
use pipeline::command::Command;
use pipeline::event::{OpenOrder, OrderReport};
use pipeline::evidence::Asked;
use pipeline::gateway::Connects;
use pipeline::instrument::Instrument;
use pipeline::position::{Bound, Position};
use pipeline::skip::Skip;
use pipeline::sweep::Sweep;
use pipeline::time::{Nanos, Now};
use schemas::ids::{ClientOrderId, Epoch, InstrumentPrefix, Leg};
use schemas::order::OrderStatus;

use crate::evidence::{commands, live, next_pair, update};
use crate::support::{at_ns, num, settings, tick, top};

fn at(ms: u64) -> Now {
    at_ns(ms * 1_000_000)
}

fn order(epoch: u32) -> OpenOrder {
    let prefix = InstrumentPrefix::new("test", "BTCUSDT");
    OpenOrder { id: ClientOrderId::new(prefix, Epoch::new(epoch), 0, Leg::Maker), venue_id: 5 }
}

fn places(commands: &[Command]) -> usize {
    commands.iter().filter(|command| command.is_place()).count()
}

/// Two orders a second are a pair a second; the tick that comes at once waits for the next.
#[test]
fn ticks_faster_than_the_rate_wait() {
    let mut instrument = Instrument::new(settings());
    instrument.limit_rate(2);
    instrument.handle_connected(true, at(1_000));
    commands(&mut instrument);
    instrument.handle_report(&OrderReport::OpenOrders(Vec::new()), at(1_000));
    let maker = next_pair(&mut instrument, at(1_000));
    let ended = OrderReport::Update(update(maker, OrderStatus::Rejected, "0", None));
    instrument.handle_report(&ended, at(1_001));
    instrument.poll_finished(at(1_001)).expect("the pair is over");
    instrument.handle_tick(tick("100", "1", at(1_001)), at(1_001));
    assert_eq!(commands(&mut instrument), []);
    let next = instrument.poll_timeout(at(1_001)).expect("a tick waits");
    assert_eq!(next, at(2_000).mono);
    instrument.handle_timeout(at(2_000));
    assert_eq!(places(&commands(&mut instrument)), 1);
}

/// Promise P8.
#[test]
fn a_pair_that_might_pass_the_bound_is_an_alarm_and_no_pair() {
    let mut instrument = Instrument::new(settings());
    instrument.bound_position(Position::new(Some(Bound::Qty(num("0.9")))));
    instrument.handle_connected(true, at(1_000));
    commands(&mut instrument);
    instrument.handle_report(&OrderReport::OpenOrders(Vec::new()), at(1_000));
    instrument.handle_top(Some(top(None, None, 1, at(1_000))));
    instrument.handle_tick(tick("100", "1", at(1_000)), at(1_000));
    assert_eq!((commands(&mut instrument), instrument.poll_alarm()), (vec![], Some(Alarm::PositionBound)));
    assert_eq!(instrument.counts().skips[Skip::PositionBound.index()], 1);
    instrument.handle_tick(tick("100", "0.9", at(1_001)), at(1_001));
    assert_eq!(places(&commands(&mut instrument)), 1);
}

/// Promise P14. What an earlier run left is handed out with its end, once, and by then nothing of it is open.
#[test]
fn an_earlier_runs_order_is_handed_out_with_its_end() {
    let mut instrument = Instrument::new(settings());
    instrument.close_out(&[order(6).id]);
    instrument.handle_connected(true, at(1_000));
    commands(&mut instrument);
    instrument.handle_report(&OrderReport::OpenOrders(Vec::new()), at(1_000));
    assert!(instrument.poll_closed().is_none());
    let said = update(order(6).id, OrderStatus::Filled, "1", None);
    instrument.handle_report(&OrderReport::Update(said), at(1_100));
    let closed = instrument.poll_closed().expect("its end is known");
    assert_eq!((closed.id, closed.is_ended()), (order(6).id, true));
    assert!(instrument.poll_closed().is_none() && instrument.maybe_open().is_empty());
}

#[test]
fn who_gives_up_takes_the_pair_out() {
    let (mut instrument, maker, _) = live(settings());
    assert_eq!(instrument.abandon().map(|trade| trade.maker.id), Some(maker));
    assert!(instrument.abandon().is_none() && instrument.maybe_open().is_empty());
}

/// Whatever the clock says: what was found at the venue is of an epoch before ours.
#[test]
fn epochs_begin_above_what_a_sweep_finds() {
    let mut instrument = Instrument::new(settings());
    instrument.handle_connected(true, at(1_000));
    commands(&mut instrument);
    instrument.handle_report(&OrderReport::OpenOrders(vec![order(9), order(8)]), at(1_000));
    assert_eq!(commands(&mut instrument).len(), 2, "both are cancelled");
    instrument.handle_timeout(at(1_200));
    assert_eq!(commands(&mut instrument), [Command::ListOpen]);
    instrument.handle_report(&OrderReport::OpenOrders(Vec::new()), at(1_201));
    assert_eq!(next_pair(&mut instrument, at(1_202)).epoch(), Epoch::new(10));
}

#[test]
fn what_a_sweep_found_is_open_until_a_list_lacks_it() {
    let mut sweep = Sweep::new(Nanos(5), None);
    assert!(sweep.open().is_empty() && sweep.highest_epoch().is_none());
    sweep.handle_report(&OrderReport::OpenOrders(vec![order(9)]), Some(Nanos(4)), Nanos(6));
    assert!(sweep.open().is_empty(), "it was asked for before the sweep began");
    sweep.handle_report(&OrderReport::OpenOrders(vec![order(9), order(3)]), Some(Nanos(5)), Nanos(6));
    assert_eq!(sweep.open(), [order(9), order(3)]);
    assert_eq!(std::iter::from_fn(|| sweep.poll_command(Nanos(6))).count(), 2);
    assert_eq!((sweep.highest_epoch(), sweep.swept()), (Some(Epoch::new(9)), 2));
    sweep.handle_report(&OrderReport::OpenOrders(Vec::new()), Some(Nanos(7)), Nanos(8));
    assert!(sweep.open().is_empty() && sweep.is_done());
}

/// Eight questions are remembered, the oldest of them first.
#[test]
fn an_answer_counts_for_the_oldest_question() {
    let mut asked = Asked::default();
    assert_eq!((asked.latest(), asked.answered()), (None, None));
    for ns in 1..=9 {
        asked.ask(Nanos(ns));
    }
    assert_eq!(asked.latest(), Some(Nanos(8)));
    let answered: Vec<u64> = std::iter::from_fn(|| asked.answered()).map(|at| at.0).collect();
    assert_eq!(answered, [1, 2, 3, 4, 5, 6, 7, 8]);
}

#[test]
fn a_budget_of_connections_has_room_for_one_at_least() {
    assert_eq!((Connects::of_stream().most(), Connects::new(0, Duration::ZERO).most()), (60, 1));
}
