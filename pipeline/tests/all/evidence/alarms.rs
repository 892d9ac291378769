//! What the venue says that cannot be, and what an instrument concludes from pair after pair.

use pipeline::alarm::Alarm;
use pipeline::command::Command;
use pipeline::event::OrderReport;
use pipeline::instrument::Instrument;
use pipeline::trade::Outcome;
use schemas::order::{OrderStatus, Side};
use schemas::wire::order_update::{Fill, OrderUpdate, Terms};

use super::{commands, live, next_pair, update};
use crate::support::{at_ns, num, settings};

fn alarms(instrument: &mut Instrument) -> Vec<Alarm> {
    std::iter::from_fn(|| instrument.poll_alarm()).collect()
}

fn fill(price: &str, qty: &str) -> Option<Fill> {
    Some(Fill { trade_id: 1, price: num(price), qty: num(qty), is_maker: true })
}

/// A statement that contradicts what was sent proves nothing: the order is in doubt, and the instrument is to halt.
#[test]
fn statements_that_contradict_what_was_sent() {
    type Change = fn(&mut OrderUpdate);
    let cases: [(&str, Alarm, Change); 8] = [
        ("side", Alarm::Mismatch, |said| said.terms.side = Some(Side::Sell)),
        ("price", Alarm::Mismatch, |said| said.terms.price = Some(num("100.01"))),
        ("quantity", Alarm::Mismatch, |said| said.terms.qty = Some(num("1.001"))),
        ("more than ordered", Alarm::ImpossibleFill, |said| said.executed = num("1.001")),
        ("less than nothing", Alarm::ImpossibleFill, |said| said.executed = num("-0.001")),
        ("a fill beyond the order", Alarm::ImpossibleFill, |said| said.last_fill = fill("100", "1.001")),
        ("a fill below nothing", Alarm::ImpossibleFill, |said| said.last_fill = fill("100", "-1")),
        ("a fill at a worse price", Alarm::ImpossibleFill, |said| said.last_fill = fill("100.01", "1")),
    ];
    for (name, alarm, change) in cases {
        for status in [OrderStatus::New, OrderStatus::Filled, OrderStatus::Canceled] {
            let (mut instrument, maker, now) = live(settings());
            let mut said = update(maker, status, "0", None);
            change(&mut said);
            instrument.handle_report(&OrderReport::Update(said), now);
            assert_eq!(alarms(&mut instrument), [alarm], "{name}");
            assert_eq!(instrument.maybe_open(), [maker], "{name}");
            assert_eq!(commands(&mut instrument), [], "{name}: no taker");
            assert!(instrument.poll_finished(now).is_none(), "{name}");
            // Asked for from now on, until the venue says what can be.
            let asked_at = instrument.poll_timeout(now).expect(name);
            instrument.handle_timeout(at_ns(asked_at.0));
            assert!(matches!(commands(&mut instrument)[..], [Command::Query(_)]), "{name}");
        }
    }
}

#[test]
fn statements_that_repeat_what_was_sent_are_believed() {
    let (mut instrument, maker, now) = live(settings());
    let terms = Terms { side: Some(Side::Buy), price: Some(num("100.0")), qty: Some(num("1.00000")) };
    let better = fill("99.99", "1");
    let said = OrderUpdate { terms, ..update(maker, OrderStatus::Filled, "1", better) };
    instrument.handle_report(&OrderReport::Update(said), now);
    assert_eq!(alarms(&mut instrument), []);
    assert_eq!(instrument.poll_finished(now).unwrap().outcome(), Outcome::Sniped);
}

/// Of the latest pairs strangers may have a twentieth; of a few nothing is concluded.
/// Fault O10. Promise P27.
#[test]
fn strangers_that_take_too_much_halt() {
    for (every, pairs, alarmed) in
        [(1, 49, false), (1, 50, true), (20, 60, false), (25, 400, false), (15, 200, true)]
    {
        let (mut instrument, mut maker, mut now) = live(settings());
        let mut seen = false;
        for pair in 1..=pairs {
            let taken = Fill { trade_id: pair, price: num("100"), qty: num("1"), is_maker: true };
            if pair % every == 0 {
                let filled = update(maker, OrderStatus::Filled, "1", Some(taken));
                instrument.handle_report(&OrderReport::Update(filled), now);
            } else {
                let said = OrderReport::Update(update(maker, OrderStatus::New, "0", None));
                instrument.handle_report(&said, now);
                let [Command::PlaceTaker(taker)] = commands(&mut instrument)[..] else { panic!("no taker") };
                for id in [maker, taker.id] {
                    let filled = update(id, OrderStatus::Filled, "1", Some(taken));
                    instrument.handle_report(&OrderReport::Update(filled), now);
                }
            }
            assert!(instrument.poll_finished(now).is_some());
            seen |= alarms(&mut instrument) == [Alarm::ForeignFills];
            now = at_ns(now.mono.0 + 1_000_000_000);
            maker = next_pair(&mut instrument, now);
        }
        assert_eq!(seen, alarmed, "every {every} of {pairs}");
    }
}

/// Half of each pair is a stranger's: far more than a twentieth.
#[test]
fn pairs_that_are_shared_in_halves_count() {
    let (mut instrument, mut maker, mut now) = live(settings());
    let mut seen = 0;
    for pair in 1..=50 {
        let half = |trade_id| Some(Fill { trade_id, price: num("100"), qty: num("0.5"), is_maker: true });
        let said = OrderReport::Update(update(maker, OrderStatus::New, "0", None));
        instrument.handle_report(&said, now);
        let [Command::PlaceTaker(taker)] = commands(&mut instrument)[..] else { panic!("no taker") };
        for (id, status, executed, fill) in [
            (maker, OrderStatus::PartiallyFilled, "0.5", half(2 * pair)),
            (maker, OrderStatus::Filled, "1", half(2 * pair + 1)),
            (taker.id, OrderStatus::Expired, "0.5", half(2 * pair + 1)),
        ] {
            instrument.handle_report(&OrderReport::Update(update(id, status, executed, fill)), now);
        }
        assert_eq!(instrument.poll_finished(now).map(|trade| trade.outcome()), Some(Outcome::Partial));
        seen += alarms(&mut instrument).len();
        now = at_ns(now.mono.0 + 1_000_000_000);
        maker = next_pair(&mut instrument, now);
    }
    assert_eq!(seen, 1);
}

/// A trade that only one leg's venue told of is nobody's: events may be lost.
#[test]
fn trades_that_nobody_named_are_not_strangers() {
    let (mut instrument, mut maker, mut now) = live(settings());
    for pair in 1..=60 {
        let said = OrderReport::Update(update(maker, OrderStatus::New, "0", None));
        instrument.handle_report(&said, now);
        let [Command::PlaceTaker(taker)] = commands(&mut instrument)[..] else { panic!("no taker") };
        let named = Fill { trade_id: pair, price: num("100"), qty: num("1"), is_maker: false };
        for (id, fill) in [(taker.id, Some(named)), (maker, None)] {
            let filled = update(id, OrderStatus::Filled, "1", fill);
            instrument.handle_report(&OrderReport::Update(filled), now);
        }
        now = at_ns(now.mono.0 + 1_000_000_000);
        instrument.handle_timeout(now);
        assert_eq!(instrument.poll_finished(now).unwrap().outcome(), Outcome::UnknownResolved);
        maker = next_pair(&mut instrument, now);
    }
    assert_eq!(alarms(&mut instrument), []);
}

/// Three pairs in a row, and no fewer.
/// Fault O12.
#[test]
fn self_trade_prevention_of_pair_after_pair_halts() {
    let (mut instrument, mut maker, mut now) = live(settings());
    let prevented = [true, true, false, true, true, true];
    for (place, prevented) in prevented.into_iter().enumerate() {
        let status = if prevented { OrderStatus::ExpiredInMatch } else { OrderStatus::Rejected };
        instrument.handle_report(&OrderReport::Update(update(maker, status, "0", None)), now);
        assert!(instrument.poll_finished(now).is_some());
        let alarmed = alarms(&mut instrument) == [Alarm::SelfTradePrevented];
        assert_eq!(alarmed, place == 5, "pair {place}");
        now = at_ns(now.mono.0 + 1_000_000_000);
        maker = next_pair(&mut instrument, now);
    }
}
