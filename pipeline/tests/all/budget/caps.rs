//! Orders an hour and notional an hour: exact, and denied as whole pairs.

use pipeline::gateway::{Bounds, Gateway, LaneBounds, LaneId};
use schemas::units::Decimal;

use super::cancels::{asked, at, gateway, is_capped, pair, refusal};

const HOUR_MS: u64 = 3_600_000;

fn capped(gateway: &mut Gateway<pipeline::gateway::Alone>) -> usize {
    std::iter::from_fn(|| gateway.poll_report()).filter(|(_, report)| is_capped(report)).count()
}

#[test]
fn the_hours_orders_are_counted_and_the_next_pair_is_denied() {
    let bounds = Bounds { orders_an_hour: Some(5), ..Bounds::default() };
    let mut gateway = gateway(&[], &bounds);
    for sequence in 0..3 {
        let [maker, taker] = pair(sequence);
        gateway.handle_command(LaneId(0), maker);
        let left = asked(&mut gateway, at(sequence));
        assert_eq!(left.len(), usize::from(sequence < 2), "two pairs are four orders");
        if sequence < 2 {
            gateway.handle_command(LaneId(0), taker);
            assert_eq!(asked(&mut gateway, at(sequence)), [taker]);
        }
    }
    assert_eq!(capped(&mut gateway), 1);
    gateway.handle_command(LaneId(0), pair(4)[0]);
    assert_eq!((asked(&mut gateway, at(HOUR_MS - 60_000)).len(), capped(&mut gateway)), (0, 1));
    gateway.handle_command(LaneId(0), pair(5)[0]);
    assert_eq!(asked(&mut gateway, at(HOUR_MS + 120_000)).len(), 1, "an hour later it may");
}

/// Each order is worth 5 times 10.0, or 1.00.
#[test]
fn what_the_hours_orders_are_worth_is_exact() {
    for (most, price_decimals, pairs) in
        [("100", 1, 1), ("99.99999999", 1, 0), ("200", 1, 2), ("199.99", 1, 1), ("10", 2, 1), ("9.99", 2, 0)]
    {
        let bounds = Bounds {
            notional_an_hour: Some(Decimal::parse(most).unwrap()),
            lanes: vec![LaneBounds { orders_a_second: None, price_decimals }],
            ..Bounds::default()
        };
        let mut gateway = gateway(&[], &bounds);
        let mut begun = 0;
        for sequence in 0..5 {
            gateway.handle_command(LaneId(0), pair(sequence)[0]);
            if asked(&mut gateway, at(sequence)).len() == 1 {
                gateway.handle_command(LaneId(0), pair(sequence)[1]);
                asked(&mut gateway, at(sequence));
                begun += 1;
            }
        }
        assert_eq!((begun, capped(&mut gateway)), (pairs, 5 - pairs), "cap {most}");
    }
}

/// A refused order was sent all the same.
#[test]
fn a_refused_order_counts() {
    let mut gateway = gateway(&[], &Bounds { orders_an_hour: Some(2), ..Bounds::default() });
    gateway.handle_command(LaneId(0), pair(0)[0]);
    let out = gateway.poll_send(at(0)).unwrap();
    gateway.handle_answer(out.request, refusal());
    gateway.handle_command(LaneId(0), pair(1)[0]);
    assert_eq!((asked(&mut gateway, at(1)).len(), capped(&mut gateway)), (0, 1));
}

/// What left half an hour ago counts on when what left an hour ago does no more.
#[test]
fn each_minute_of_the_hour_is_forgotten_by_itself() {
    let mut gateway = gateway(&[], &Bounds { orders_an_hour: Some(4), ..Bounds::default() });
    let mut begins = |sequence: u64, ms: u64| {
        let [maker, taker] = pair(sequence);
        gateway.handle_command(LaneId(0), maker);
        let begun = asked(&mut gateway, at(ms)) == [maker];
        if begun {
            gateway.handle_command(LaneId(0), taker);
            assert_eq!(asked(&mut gateway, at(ms)), [taker]);
        }
        begun
    };
    assert!(begins(0, 0));
    assert!(begins(1, HOUR_MS / 2));
    assert!(!begins(2, HOUR_MS / 2 + 1));
    assert!(!begins(3, HOUR_MS + 49_999), "the minute that was half over counts whole");
    assert!(begins(3, HOUR_MS + 50_000));
    assert!(!begins(4, HOUR_MS + 50_000), "the second half hour's still count");
    assert!(begins(5, HOUR_MS / 2 * 3 + 120_000));
}
