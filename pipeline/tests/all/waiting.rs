//! When a tick fires: gate, Conflate, ages and On Quiet, through the instrument that owns them.

mod gate;

use std::time::Duration;

use crate::support::{at_ns, num, settings, tick, top};
use pipeline::command::Command;
use pipeline::event::{Denial, FeedTick, OrderReport};
use pipeline::instrument::{Instrument, Phase, Settings};
use pipeline::rules::Rules;
use pipeline::skip::Skip;
use pipeline::time::{Nanos, Now};
use pipeline::waiting::QUEUE_LEN_MAX;
use schemas::config::{Conflate, OnQuiet};
use schemas::ids::ClientOrderId;

const MS: u64 = 1_000_000;

fn at(ms: u64) -> Now {
    at_ns(ms * MS)
}

/// As `settings`, with an Interval.
fn with_interval(seconds: &str) -> Settings {
    let mut settings = settings();
    settings.rules.params.interval = num(seconds);
    settings.rules = Rules::new(settings.rules.params);
    settings
}

/// An instrument that trades, on a book that is confirmed now.
fn live(settings: Settings, now: Now) -> Instrument {
    let mut instrument = Instrument::new(settings);
    instrument.handle_connected(true, now);
    instrument.handle_report(&OrderReport::OpenOrders(Vec::new()), now);
    instrument.handle_top(Some(top(None, None, 1, now)));
    assert_eq!((maker(&mut instrument), instrument.phase()), (None, Phase::Live));
    instrument
}

/// The maker that was asked for last, if any.
fn maker(instrument: &mut Instrument) -> Option<ClientOrderId> {
    let commands = std::iter::from_fn(|| instrument.poll_command());
    let places = commands.filter_map(|command| match command {
        Command::PlaceMaker(leg) => Some(leg.id),
        Command::PlaceTaker(_) | Command::Cancel(_) | Command::Query(_) | Command::ListOpen => None,
    });
    places.last()
}

/// Ends the pair in flight by a refused maker; the price that it was decided on.
fn end_pair(instrument: &mut Instrument, maker: ClientOrderId, now: Now) -> String {
    instrument.handle_report(&OrderReport::Denied { id: maker, why: Denial::TooLate }, now);
    let trade = instrument.poll_finished(now).expect("the pair is over");
    trade.tick.tick.price.unwrap().to_string()
}

fn skipped(instrument: &Instrument, skip: Skip) -> u64 {
    instrument.counts().skips[skip.index()]
}

fn hand_over(instrument: &mut Instrument, price: &str, now: Now) {
    instrument.handle_tick(tick(price, "1", now), now);
}

#[test]
fn of_the_ticks_that_wait_the_newest_fires() {
    let mut instrument = live(settings(), at(0));
    hand_over(&mut instrument, "100", at(1));
    let first = maker(&mut instrument).expect("an open gate fires at once");
    for (ms, price) in [(2, "101"), (3, "102"), (4, "103")] {
        hand_over(&mut instrument, price, at(ms));
    }
    let counts = instrument.counts();
    assert_eq!((counts.ticks, counts.pairs, counts.conflated, counts.waiting), (4, 1, 2, 1));
    assert_eq!(end_pair(&mut instrument, first, at(5)), "100");
    let second = maker(&mut instrument).expect("what waits fires when the gate opens");
    assert_eq!(end_pair(&mut instrument, second, at(6)), "103");
    assert!(maker(&mut instrument).is_none() && instrument.counts().balance());
}

#[test]
fn a_queue_keeps_the_order_and_overflows_when_it_is_full() {
    let mut instrument = live(Settings { conflate: Conflate::Queue, ..settings() }, at(0));
    hand_over(&mut instrument, "1", at(1));
    let mut next = maker(&mut instrument);
    for price in 2..QUEUE_LEN_MAX + 12 {
        hand_over(&mut instrument, &price.to_string(), at(1));
    }
    let counts = instrument.counts();
    assert_eq!((counts.waiting, counts.overflow, counts.conflated), (1_024, 10, 0));
    assert!(counts.balance());
    let mut prices = Vec::new();
    while let Some(id) = next {
        prices.push(end_pair(&mut instrument, id, at(2)).parse::<usize>().unwrap());
        next = maker(&mut instrument);
    }
    assert!(prices.iter().copied().eq(1..=QUEUE_LEN_MAX + 1), "{prices:?}");
    assert!(instrument.counts().balance());
}

#[test]
fn a_tick_within_the_interval_waits_for_its_end() {
    let mut instrument = live(with_interval("0.2505"), at(0));
    hand_over(&mut instrument, "100", at(0));
    let first = maker(&mut instrument).unwrap();
    end_pair(&mut instrument, first, at(10));
    hand_over(&mut instrument, "101", at(20));
    assert_eq!((maker(&mut instrument), instrument.poll_timeout(at(20))), (None, Some(at(251).mono)));
    instrument.handle_timeout(at(250));
    assert_eq!(maker(&mut instrument), None);
    instrument.handle_timeout(at(251));
    assert!(maker(&mut instrument).is_some());
    assert_eq!(skipped(&instrument, Skip::Interval), 0);
}

/// Rule 2 goes by the wall clock: while it stands behind the last fire nothing fires, and nothing spins.
/// Fault C1.
/// Promise P25.
#[test]
fn a_wall_clock_that_goes_back_keeps_the_gate_shut() {
    let back = |ms: u64, by_ms: i64| Now { wall_ms: at(ms).wall_ms - by_ms, ..at(ms) };
    for on_quiet in [OnQuiet::Hold, OnQuiet::Repeat] {
        let mut instrument = live(Settings { on_quiet, ..with_interval("0.1") }, at(0));
        hand_over(&mut instrument, "100", at(0));
        let first = maker(&mut instrument).unwrap();
        end_pair(&mut instrument, first, at(10));
        hand_over(&mut instrument, "101", back(200, 1_000));
        assert_eq!(maker(&mut instrument), None);
        assert_eq!(instrument.poll_timeout(back(200, 1_000)), Some(at(1_100).mono));
        // The clock is set right again: the next event opens the gate.
        instrument.handle_timeout(at(300));
        assert!(maker(&mut instrument).is_some());
    }
}

#[test]
fn nothing_fires_before_the_sweep_nor_while_the_gateway_is_down() {
    let mut instrument = Instrument::new(settings());
    instrument.handle_top(Some(top(None, None, 1, at(0))));
    hand_over(&mut instrument, "100", at(0));
    instrument.handle_connected(true, at(1));
    assert_eq!((maker(&mut instrument), instrument.phase()), (None, Phase::Sweeping));
    instrument.handle_connected(false, at(2));
    instrument.handle_report(&OrderReport::OpenOrders(Vec::new()), at(2));
    hand_over(&mut instrument, "101", at(3));
    assert_eq!((maker(&mut instrument), instrument.poll_timeout(at(3))), (None, None));
    instrument.handle_connected(true, at(4));
    assert!(maker(&mut instrument).is_some());
    assert_eq!((instrument.counts().conflated, instrument.counts().pairs), (1, 1));
}

/// By event time where there is one, else by arrival; the limits themselves still pass.
/// Fault F15.
/// Promise P4.
#[test]
fn ticks_have_an_age() {
    let cases: [(Option<i64>, u64, Option<Skip>); 10] = [
        (Some(0), 0, None),
        (Some(5_000), 0, None),
        (Some(5_001), 0, Some(Skip::StaleTick)),
        (Some(i64::MAX), 0, Some(Skip::StaleTick)),
        (Some(-2_000), 0, None),
        (Some(-2_001), 0, Some(Skip::FutureTick)),
        (Some(0), 5_000, None),
        (Some(0), 5_001, Some(Skip::StaleTick)),
        (None, 5_000, None),
        (None, 5_001, Some(Skip::StaleTick)),
    ];
    for (age_ms, since_arrival_ms, want) in cases {
        let now = at(60_000);
        let mut instrument = live(settings(), now);
        let mut feed = tick("100", "1", at(60_000 - since_arrival_ms));
        feed.tick.time_ms = age_ms.map(|age_ms| now.wall_ms.saturating_sub(age_ms));
        instrument.handle_tick(feed, now);
        assert_eq!(maker(&mut instrument).is_some(), want.is_none(), "{age_ms:?} {since_arrival_ms}");
        if let Some(skip) = want {
            assert_eq!(skipped(&instrument, skip), 1, "{age_ms:?} {since_arrival_ms}");
        }
        assert!(instrument.counts().balance());
    }
}

#[test]
fn a_tick_that_waited_too_long_is_stale_when_its_turn_comes() {
    let mut instrument = live(Settings { conflate: Conflate::Queue, ..settings() }, at(0));
    hand_over(&mut instrument, "100", at(0));
    let first = maker(&mut instrument).unwrap();
    for (ms, price) in [(1, "101"), (2, "102"), (4_000, "103")] {
        hand_over(&mut instrument, price, at(ms));
    }
    instrument.handle_top(Some(top(None, None, 2, at(6_000))));
    end_pair(&mut instrument, first, at(6_000));
    let next = maker(&mut instrument).expect("the third is young enough");
    assert_eq!(skipped(&instrument, Skip::StaleTick), 2);
    assert_eq!(end_pair(&mut instrument, next, at(6_001)), "103");
}

/// Promise P4.
#[test]
fn a_book_that_is_not_live_is_not_traded_on() {
    let stale = |instrument: &Instrument| skipped(instrument, Skip::StaleBook);
    let mut instrument = live(settings(), at(0));
    instrument.handle_top(None);
    hand_over(&mut instrument, "100", at(1));
    assert_eq!((maker(&mut instrument), stale(&instrument)), (None, 1));
    // Confirmed 2 s ago is young enough, a nanosecond more is not.
    instrument.handle_top(Some(top(None, None, 2, at(0))));
    let edge = at(2_000);
    let past = Now { mono: Nanos(edge.mono.0 + 1), ..edge };
    hand_over(&mut instrument, "100", past);
    assert_eq!((maker(&mut instrument), stale(&instrument)), (None, 2));
    hand_over(&mut instrument, "100", edge);
    assert!(maker(&mut instrument).is_some());
    // A skip takes no draw and no sequence number.
    assert_eq!((instrument.counts().pairs, stale(&instrument)), (1, 2));
}

/// Our maker rested and the book never showed it: two seconds later it is doubted, once in a while.
/// Fault B7.
#[test]
fn a_book_that_stands_still_is_doubted_and_any_other_update_clears_it() {
    let mut instrument = live(settings(), at(0));
    let mut moment = 0;
    let mut pair = |instrument: &mut Instrument, ms: u64, update_id: u64| {
        moment = ms;
        instrument.handle_top(Some(top(None, None, update_id, at(moment))));
        hand_over(instrument, "100", at(moment));
        let Some(id) = maker(instrument) else { return false };
        instrument.handle_report(&OrderReport::Sent { id, at: at(moment).mono }, at(moment));
        instrument.handle_report(&acknowledged_and_cancelled(id), at(moment));
        instrument.poll_finished(at(moment)).expect("the pair is over");
        true
    };
    assert!(pair(&mut instrument, 0, 7) && pair(&mut instrument, 2_000, 7));
    assert!(!pair(&mut instrument, 2_001, 7), "a pair on a book that stands still");
    assert!(instrument.poll_doubt() && !instrument.poll_doubt());
    assert!(!pair(&mut instrument, 4_000, 7) && !instrument.poll_doubt());
    assert!(!pair(&mut instrument, 4_001, 7) && instrument.poll_doubt());
    // The venue began anew: its ids are lower, and no less news.
    assert!(pair(&mut instrument, 4_100, 3));
    assert_eq!(skipped(&instrument, Skip::StaleBook), 3);
}

fn acknowledged_and_cancelled(id: ClientOrderId) -> OrderReport {
    OrderReport::Update(schemas::wire::order_update::OrderUpdate {
        terms: Default::default(),
        client_id: id,
        venue_order_id: 1,
        status: schemas::order::OrderStatus::Canceled,
        executed: num("0"),
        last_fill: None,
        prevented: false,
        event_time_ms: None,
    })
}

/// Runs an instrument from deadline to deadline, ending each pair after `pair_ms`; when pairs were decided.
fn fires(instrument: &mut Instrument, from_ms: u64, to_ms: u64, pair_ms: u64) -> Vec<u64> {
    let (mut now, mut fired, mut flight, mut ran) = (at(from_ms), Vec::new(), None, None);
    loop {
        if let Some(id) = maker(instrument) {
            fired.push(now.mono.0 / MS);
            flight = Some((id, now.mono + Duration::from_millis(pair_ms)));
        }
        let due = [instrument.poll_timeout(now), flight.map(|(_, at)| at)].into_iter().flatten().min();
        let Some(due) = due.filter(|due| *due <= at(to_ms).mono) else { return fired };
        assert!(due >= now.mono, "a deadline that has passed: {due:?} at {now:?}");
        now = at_ns(due.0);
        instrument.handle_top(Some(top(None, None, due.0, now)));
        match flight.take_if(|(_, at)| *at <= due) {
            Some((id, _)) => drop(end_pair(instrument, id, now)),
            None => {
                assert_ne!(ran.replace(due), Some(due), "a deadline that does not go away");
                instrument.handle_timeout(now);
            }
        }
    }
}

#[test]
fn a_quiet_market_is_repeated_up_to_the_ticks_age() {
    let mut instrument = live(Settings { on_quiet: OnQuiet::Repeat, ..with_interval("1") }, at(0));
    hand_over(&mut instrument, "100", at(0));
    assert_eq!(fires(&mut instrument, 0, 60_000, 10), [0, 1_000, 2_000, 3_000, 4_000, 5_000]);
    let counts = instrument.counts();
    assert_eq!((counts.ticks, counts.repeats, counts.pairs), (1, 5, 6));
    assert!(counts.balance());
}

#[test]
fn a_tick_ends_the_quiet_and_hold_never_repeats() {
    let mut instrument = live(Settings { on_quiet: OnQuiet::Repeat, ..with_interval("1") }, at(0));
    hand_over(&mut instrument, "100", at(0));
    assert_eq!(fires(&mut instrument, 0, 2_500, 10), [0, 1_000, 2_000]);
    // This one waits for the gate; the quiet begins with it, and the next repeat waits for the gate too.
    hand_over(&mut instrument, "101", at(2_600));
    assert_eq!(fires(&mut instrument, 2_600, 6_500, 10), [3_000, 4_000, 5_000, 6_000]);
    let mut holds = live(with_interval("1"), at(0));
    hand_over(&mut holds, "100", at(0));
    assert_eq!(fires(&mut holds, 0, 60_000, 10), [0]);
    assert_eq!((holds.poll_timeout(at(60_000)), holds.counts().repeats), (None, 0));
}

#[test]
fn a_repeat_goes_by_event_time_too() {
    let mut instrument = live(Settings { on_quiet: OnQuiet::Repeat, ..with_interval("1") }, at(0));
    let mut feed: FeedTick = tick("100", "1", at(0));
    feed.tick.time_ms = Some(at(0).wall_ms - 3_500);
    instrument.handle_tick(feed, at(0));
    assert_eq!(fires(&mut instrument, 0, 60_000, 10), [0, 1_000]);
    assert_eq!(instrument.poll_timeout(at(1_100)), None);
}

/// Without an Interval a repeat comes each millisecond, and never while a pair is in flight.
#[test]
fn repeats_without_an_interval_keep_a_distance() {
    let mut instrument = live(Settings { on_quiet: OnQuiet::Repeat, ..settings() }, at(0));
    hand_over(&mut instrument, "100", at(0));
    assert_eq!(fires(&mut instrument, 0, 10, 0), (0..=10).collect::<Vec<_>>());
    let mut slow = live(Settings { on_quiet: OnQuiet::Repeat, ..settings() }, at(0));
    hand_over(&mut slow, "100", at(0));
    assert_eq!(fires(&mut slow, 0, 20, 7), [0, 7, 14]);
}

#[test]
fn ticks_while_stopping_are_counted_and_fire_no_more() {
    for (conflate, waiting, conflated, overflow) in
        [(Conflate::Newest, 1, 1_098, 0), (Conflate::Queue, 1_024, 0, 75)]
    {
        let settings = Settings { conflate, on_quiet: OnQuiet::Repeat, ..settings() };
        let mut instrument = live(settings, at(0));
        hand_over(&mut instrument, "100", at(0));
        let id = maker(&mut instrument).unwrap();
        instrument.stop(at(1));
        (0..1_000).for_each(|_| hand_over(&mut instrument, "101", at(2)));
        end_pair(&mut instrument, id, at(3));
        (0..99).for_each(|_| hand_over(&mut instrument, "102", at(4)));
        instrument.handle_report(&OrderReport::OpenOrders(Vec::new()), at(5));
        assert_eq!((maker(&mut instrument), instrument.phase()), (None, Phase::Stopped));
        let counts = instrument.counts();
        assert_eq!((counts.ticks, counts.pairs, counts.repeats), (1_100, 1, 0));
        assert_eq!((counts.waiting, counts.conflated, counts.overflow), (waiting, conflated, overflow));
        assert!(counts.balance());
        assert_eq!(instrument.poll_timeout(at(6)), None);
    }
}
