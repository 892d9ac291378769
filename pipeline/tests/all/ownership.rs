//! An instrument that has several owners in turn: what it may do before, during and after a term of its own.

use std::time::Duration;

use crate::support::{at_ns, num, settings, tick, top};
use pipeline::book::Level;
use pipeline::command::{Command, PlaceLeg};
use pipeline::event::{Denial, FeedTick, OpenOrder, OrderReport};
use pipeline::instrument::{Instrument, Phase};
use pipeline::ownership::Term;
use pipeline::skip::Skip;
use pipeline::time::{Nanos, Now};
use schemas::ids::{ClientOrderId, Epoch, Leg};
use schemas::order::OrderStatus;
use schemas::tick::TickId;
use schemas::units::Decimal;
use schemas::wire::order_update::OrderUpdate;

const SECOND: Duration = Duration::from_secs(1);

fn at(ms: u64) -> Now {
    at_ns(ms * 1_000_000)
}

fn term(epoch: u32, from_ms: u64) -> Term {
    Term { epoch: Epoch::new(epoch), from: at(from_ms), shared: true, traded_up_to: None }
}

/// A connected instrument that nobody owns.
fn idle() -> Instrument {
    let mut instrument = Instrument::idle(settings());
    instrument.handle_connected(true, at(0));
    instrument
}

/// One that is owned under epoch 10 and has swept.
fn live(now: Now) -> Instrument {
    let mut instrument = idle();
    instrument.begin(Term { from: now, ..term(10, 0) }, now);
    assert_eq!(commands(&mut instrument), [Command::ListOpen]);
    instrument.handle_report(&OrderReport::OpenOrders(Vec::new()), now);
    instrument.handle_top(Some(top(level("99"), level("101"), 1, now)));
    assert_eq!(instrument.phase(), Phase::Live);
    instrument
}

#[expect(clippy::unnecessary_wraps, reason = "read as a side of a top")]
fn level(price: &str) -> Option<Level> {
    Some(Level { price: num(price), qty: Decimal::ONE })
}

fn commands(instrument: &mut Instrument) -> Vec<Command> {
    std::iter::from_fn(|| instrument.poll_command()).collect()
}

fn skipped(instrument: &Instrument) -> u64 {
    instrument.counts().skips[Skip::NotOwner.index()]
}

fn order(epoch: u32) -> OpenOrder {
    let id = ClientOrderId::new(settings().prefix, Epoch::new(epoch), 3, Leg::Maker);
    OpenOrder { id, venue_id: u64::from(epoch) }
}

fn statement(id: ClientOrderId, status: OrderStatus) -> OrderReport {
    OrderReport::Update(OrderUpdate {
        terms: Default::default(),
        client_id: id,
        venue_order_id: 1,
        status,
        executed: Decimal::ZERO,
        last_fill: None,
        prevented: false,
        event_time_ms: None,
    })
}

fn maker(commands: &[Command]) -> PlaceLeg {
    match commands {
        [Command::PlaceMaker(leg)] => *leg,
        other => panic!("{other:?}"),
    }
}

fn canceled(commands: &[Command]) -> Vec<Epoch> {
    let epoch = |command: &Command| match command {
        Command::Cancel(handle) => Some(handle.id.epoch()),
        Command::PlaceMaker(_) | Command::PlaceTaker(_) | Command::Query(_) | Command::ListOpen => None,
    };
    commands.iter().filter_map(epoch).collect()
}

#[test]
fn what_is_not_ours_trades_nothing_and_waits_for_nothing() {
    let mut instrument = idle();
    instrument.handle_top(Some(top(level("99"), level("101"), 1, at(10))));
    instrument.handle_tick(tick("100", "1", at(10)), at(10));
    assert_eq!(commands(&mut instrument), []);
    assert_eq!((skipped(&instrument), instrument.poll_timeout(at(10))), (1, None));
    assert!(instrument.is_quiet() && instrument.counts().balance());
}

/// Fault O22.
#[test]
fn a_term_begins_with_a_sweep_not_before_its_moment() {
    let mut instrument = idle();
    instrument.begin(term(10, 5_000), at(1_000));
    assert_eq!(commands(&mut instrument), []);
    assert_eq!(instrument.poll_timeout(at(1_000)), Some(at(5_000).mono));
    instrument.handle_timeout(at(5_000));
    assert_eq!(commands(&mut instrument), [Command::ListOpen]);
    instrument.handle_report(&OrderReport::OpenOrders(vec![order(9), order(10), order(11)]), at(5_010));
    assert_eq!(canceled(&commands(&mut instrument)), [Epoch::new(10), Epoch::new(9)]);
    instrument.handle_timeout(at(5_300));
    assert_eq!(commands(&mut instrument), [Command::ListOpen]);
    instrument.handle_report(&OrderReport::OpenOrders(vec![order(11)]), at(5_310));
    assert_eq!((instrument.phase(), instrument.counts().swept), (Phase::Live, 2));
}

#[test]
fn a_tick_that_a_predecessor_may_have_traded_is_not_traded_again() {
    let now = at(10_000);
    let mut instrument = live(now);
    let early =
        |received: Now, time: Now| FeedTick { received, since: received.mono, ..tick("100", "1", time) };
    instrument.handle_tick(early(at(10_001), at(9_999)), at(10_001));
    instrument.handle_tick(early(at(9_999), at(10_001)), at(10_001));
    assert_eq!((commands(&mut instrument), skipped(&instrument)), (vec![], 2));
    instrument.handle_tick(tick("100", "1", at(10_001)), at(10_001));
    assert_eq!(maker(&commands(&mut instrument)).id.epoch(), Epoch::new(10));
}

fn numbered(number: u64, now: Now) -> FeedTick {
    let mut tick = tick("100", "1", now);
    tick.tick.id = Some(TickId::new(&number.to_string()));
    tick
}

/// Promise P2. Clocks that are wrong and messages that come late make no second pair where the owner before told how far
/// it came.
#[test]
fn a_trade_that_the_owner_before_told_of_is_not_traded_again_whatever_the_clocks_say() {
    let now = at(10_000);
    let mut instrument = idle();
    instrument.begin(Term { from: now, traded_up_to: Some(20_000), ..term(10, 0) }, now);
    commands(&mut instrument);
    instrument.handle_report(&OrderReport::OpenOrders(Vec::new()), now);
    instrument.handle_top(Some(top(level("99"), level("101"), 1, now)));
    assert_eq!(instrument.traded_up_to(), None, "it has made no pair of its own");
    for number in [20_000, 19_999, 20_000 - 8_191] {
        instrument.handle_tick(numbered(number, at(10_900)), at(10_001));
    }
    assert_eq!((commands(&mut instrument), skipped(&instrument)), (vec![], 3));
    instrument.handle_tick(numbered(20_001, at(10_002)), at(10_002));
    maker(&commands(&mut instrument));
    assert_eq!(instrument.traded_up_to(), Some(20_001));
}

#[test]
fn a_publisher_that_counts_anew_is_not_held_against_what_the_owner_before_told() {
    let told = Term { traded_up_to: Some(20_000), ..term(10, 10_000) };
    let now = at(80_000);
    assert!(told.is_before(&numbered(19_000, at(69_000)), now));
    assert!(told.is_before(&numbered(19_000, at(70_000)), now), "the whole minute long");
    assert!(!told.is_before(&numbered(19_000, at(70_001)), now), "a minute later it is nobody else's");
    assert!(
        !told.is_before(&numbered(20_000 - 8_192, at(10_001)), now),
        "further back than repeats are known"
    );
    assert!(!Term { shared: false, ..told }.is_before(&numbered(20_000, now), now));
}

/// Promise P18. An instrument that failed begins its term anew and finds its own order: the epoch stays the one that the
/// lease proves, or nothing would ever leave again.
#[test]
fn an_order_of_the_running_epoch_that_a_sweep_finds_changes_no_epoch_that_a_store_gave_out() {
    let now = at(10_000);
    let mut instrument = idle();
    instrument.begin(Term { from: now, ..term(10, 0) }, now);
    commands(&mut instrument);
    instrument.handle_report(&OrderReport::OpenOrders(vec![order(10)]), now);
    assert_eq!(canceled(&commands(&mut instrument)), [Epoch::new(10)]);
    instrument.handle_timeout(at(10_300));
    commands(&mut instrument);
    instrument.handle_report(&OrderReport::OpenOrders(Vec::new()), at(10_310));
    instrument.handle_top(Some(top(level("99"), level("101"), 1, at(10_310))));
    instrument.handle_tick(tick("100", "1", at(10_310)), at(10_310));
    assert_eq!(maker(&commands(&mut instrument)).id.epoch(), Epoch::new(10));
}

/// Promise P15. Fault O22. A list that was asked for before the sweep's moment, by a pair of a lost term, shows nothing of
/// what the owner between may still place.
#[test]
fn a_list_that_was_asked_for_before_the_term_is_no_sweep() {
    let now = at(10_000);
    let mut instrument = live(now);
    instrument.handle_tick(tick("100", "1", now), now);
    let leg = maker(&commands(&mut instrument));
    instrument.lose(now);
    instrument.begin(Term { from: at(40_000), ..term(12, 0) }, at(11_000));
    instrument.handle_report(&OrderReport::Unknown { id: leg.id }, at(11_000));
    let mut asked = Vec::new();
    for second in 12..40 {
        instrument.handle_timeout(at(second * 1_000));
        for command in commands(&mut instrument) {
            match command {
                Command::ListOpen => {
                    asked.push(second);
                    instrument.handle_report(&OrderReport::OpenOrders(Vec::new()), at(second * 1_000));
                }
                Command::Query(handle) => {
                    let none = OrderReport::QueryFailed { id: handle.id, not_found: true };
                    instrument.handle_report(&none, at(second * 1_000));
                }
                Command::PlaceMaker(_) | Command::PlaceTaker(_) | Command::Cancel(_) => {}
            }
        }
        instrument.poll_finished(at(second * 1_000));
    }
    assert!(!asked.is_empty(), "the pair asked for lists of its own");
    assert_eq!(instrument.phase(), Phase::Sweeping);
    instrument.handle_timeout(at(40_000));
    assert_eq!(commands(&mut instrument), [Command::ListOpen], "the sweep's own list, at its moment");
    instrument.handle_report(&OrderReport::OpenOrders(vec![order(11)]), at(40_010));
    assert_eq!(canceled(&commands(&mut instrument)), [Epoch::new(11)]);
}

/// Promise P1. An order beside the pair that is known to be open keeps the venue's switch from being renewed for ever.
#[test]
fn an_order_beside_the_pair_that_will_not_go_is_told_to_the_switch() {
    let now = at(10_000);
    let mut instrument = live(now);
    assert_eq!(instrument.switch_view().oldest, None);
    instrument.handle_report(&statement(order(9).id, OrderStatus::New), now);
    assert_eq!(instrument.switch_view().oldest, Some(now.mono));
    instrument.handle_report(&statement(order(9).id, OrderStatus::Canceled), at(12_000));
    assert_eq!(instrument.switch_view().oldest, None);
}

/// Promise P23. While orders in doubt are asked for, a change of the link or the switch is no reason to sweep again.
#[test]
fn the_close_out_is_not_begun_anew_by_every_word_of_the_link() {
    let now = at(10_000);
    let mut instrument = idle();
    instrument.close_out(&[order(9).id]);
    instrument.begin(Term { from: now, ..term(10, 0) }, now);
    assert_eq!(commands(&mut instrument), [Command::ListOpen]);
    instrument.handle_report(&OrderReport::OpenOrders(Vec::new()), now);
    assert_eq!(instrument.phase(), Phase::Sweeping);
    let mut lists = 0;
    for ms in 10_001..10_050 {
        instrument.handle_budget(ms % 2 == 0, at(ms));
        instrument.handle_connected(true, at(ms));
        lists += commands(&mut instrument).iter().filter(|command| **command == Command::ListOpen).count();
    }
    assert!(lists <= 1, "{lists} lists; the close-out asks for one");
    instrument.handle_connected(false, at(10_100));
    instrument.handle_connected(true, at(10_200));
    assert_eq!(commands(&mut instrument), [Command::ListOpen], "a lost connection is");
}

/// Found, not sent: it may have been there before the term, whatever the clocks say of when it happened.
#[test]
fn a_tick_that_was_found_is_a_predecessors_unless_nobody_shares() {
    let now = at(10_000);
    let found = |since: Nanos| FeedTick { since, ..tick("100", "1", at(10_001)) };
    let mut shared = live(now);
    shared.handle_tick(found(Nanos(0)), at(10_001));
    shared.handle_tick(found(at(9_999).mono), at(10_001));
    assert_eq!((commands(&mut shared), skipped(&shared)), (vec![], 2));
    shared.handle_tick(found(now.mono), at(10_001));
    maker(&commands(&mut shared));
    assert!(!Term::alone(Epoch::new(10)).is_before(&found(Nanos(0)), Now::default()));
}

#[test]
fn leaving_ends_the_pair_sweeps_and_is_quiet() {
    let now = at(10_000);
    let mut instrument = live(now);
    instrument.handle_tick(tick("100", "1", now), now);
    let leg = maker(&commands(&mut instrument));
    instrument.handle_tick(tick("100.5", "1", now), now);
    instrument.leave(now);
    instrument.handle_tick(tick("100.6", "1", now), now);
    assert_eq!(skipped(&instrument), 1, "a tick that comes while leaving");
    assert!(!instrument.is_quiet());
    instrument.handle_report(&statement(leg.id, OrderStatus::Rejected), now);
    assert!(instrument.poll_finished(now).is_some());
    assert_eq!(commands(&mut instrument), [Command::ListOpen]);
    instrument.handle_report(&OrderReport::OpenOrders(vec![order(12)]), now);
    assert!(instrument.is_quiet(), "an order of a later epoch is somebody else's");
    assert_eq!((instrument.phase(), skipped(&instrument)), (Phase::Idle, 2));
    assert!(instrument.counts().balance());
}

#[test]
fn losing_ends_the_term_at_once_and_our_own_maker_is_still_cancelled() {
    let now = at(10_000);
    let mut instrument = live(now);
    instrument.handle_tick(tick("100", "1", now), now);
    let leg = maker(&commands(&mut instrument));
    instrument.lose(now);
    assert_eq!(instrument.phase(), Phase::Idle);
    assert!(!instrument.is_quiet());
    instrument.handle_report(&statement(leg.id, OrderStatus::New), now);
    let [Command::PlaceTaker(taker)] = commands(&mut instrument)[..] else { panic!("the taker's turn") };
    instrument.handle_report(&OrderReport::Denied { id: taker.id, why: Denial::NoPermit }, now);
    let sent = commands(&mut instrument);
    assert_eq!(canceled(&sent), [Epoch::new(10)], "{sent:?}");
    instrument.handle_report(&statement(leg.id, OrderStatus::Canceled), now.after(SECOND));
    assert!(instrument.poll_finished(now).is_some());
    assert!(instrument.is_quiet());
    assert_eq!(commands(&mut instrument), [], "a term that was lost is not ours to sweep after");
}

#[test]
fn a_new_term_waits_for_the_pair_of_a_lost_one_and_has_ids_of_its_own() {
    let now = at(10_000);
    let mut instrument = live(now);
    instrument.handle_tick(tick("100", "1", now), now);
    let lost = maker(&commands(&mut instrument));
    instrument.lose(now);
    instrument.begin(Term { from: at(11_000), ..term(11, 0) }, at(11_000));
    assert_eq!(commands(&mut instrument), [], "the old pair first");
    instrument.handle_report(&statement(lost.id, OrderStatus::Canceled), at(11_010));
    instrument.poll_finished(at(11_010)).unwrap();
    assert_eq!(commands(&mut instrument), [Command::ListOpen]);
    instrument.handle_report(&OrderReport::OpenOrders(Vec::new()), at(11_020));
    instrument.handle_top(Some(top(level("99"), level("101"), 2, at(11_020))));
    instrument.handle_tick(tick("100", "1", at(11_020)), at(11_020));
    let leg = maker(&commands(&mut instrument));
    assert_eq!((leg.id.epoch(), leg.id.sequence()), (Epoch::new(11), 0));
}

#[test]
fn another_owners_new_order_on_what_is_ours_is_counted() {
    let now = at(10_000);
    let mut instrument = live(now);
    instrument.handle_report(&statement(order(12).id, OrderStatus::New), now);
    instrument.handle_report(&statement(order(9).id, OrderStatus::Canceled), now);
    instrument.handle_report(&statement(order(10).id, OrderStatus::New), now);
    assert_eq!(instrument.counts().foreign, 1);
}

/// It left under an earlier owner and reached the venue after our sweep; a later owner's is nobody's to touch here.
/// Fault O4, O22.
#[test]
fn an_earlier_owners_order_that_arrives_late_is_cancelled() {
    let now = at(10_000);
    let mut instrument = live(now);
    instrument.handle_report(&statement(order(9).id, OrderStatus::New), now);
    assert_eq!(canceled(&commands(&mut instrument)), [Epoch::new(9)]);
    assert_eq!(instrument.maybe_open(), [order(9).id]);
    instrument.handle_report(&statement(order(9).id, OrderStatus::Canceled), now);
    assert_eq!((instrument.counts().zombies, instrument.maybe_open()), (1, vec![]));
    instrument.handle_report(&statement(order(11).id, OrderStatus::New), now);
    assert_eq!(commands(&mut instrument), []);
}

#[test]
fn stopping_what_is_not_ours_needs_no_word_of_the_venue() {
    let mut instrument = idle();
    instrument.stop(at(1));
    assert_eq!((instrument.phase(), commands(&mut instrument)), (Phase::Stopped, vec![]));
    let now = at(10_000);
    let mut instrument = live(now);
    instrument.leave(now);
    instrument.stop(now);
    assert_eq!(commands(&mut instrument), [Command::ListOpen]);
    instrument.handle_report(&OrderReport::OpenOrders(Vec::new()), now);
    assert_eq!(instrument.phase(), Phase::Stopped);
    instrument.begin(term(11, 0), now);
    assert_eq!(instrument.phase(), Phase::Stopped, "a stop is for good");
}
