//! The position bound: whatever strangers take, it is never passed.

use std::time::Duration;

use pipeline::event::{FeedTick, OrderReport};
use pipeline::ownership::Generation;
use pipeline::position::{Bound, Position};
use pipeline::rules::{Pair, RuleSet};
use pipeline::time::Nanos;
use pipeline::trade::Trade;
use proptest::prelude::*;
use schemas::ids::{ClientOrderId, Epoch, InstrumentPrefix, Leg};
use schemas::order::{OrderStatus, PositionSide, Side};
use schemas::tick::Tick;
use schemas::units::{Decimal, Price, Qty};
use schemas::wire::order_update::OrderUpdate;

use super::cancels::at;

const PRICE: &str = "20";

fn num(text: &str) -> Decimal {
    Decimal::parse(text).unwrap()
}

fn id(sequence: u64, leg: Leg) -> ClientOrderId {
    ClientOrderId::new(InstrumentPrefix::new("test", "BTCUSDT"), Epoch::new(1), sequence, leg)
}

fn trade(sequence: u64, maker_side: Side, steps: i128) -> Trade {
    let pair = Pair {
        price: Price::from_steps(20),
        order_qty: Qty::from_steps(steps),
        order_qty_decimals: 1,
        qty: Qty::from_steps(steps),
        maker_side,
        maker_position: PositionSide::None,
        taker_position: PositionSide::None,
        rules: RuleSet::default(),
    };
    let tick = FeedTick {
        tick: Tick { price: None, qty: None, side: None, time_ms: None, id: None },
        received: at(0),
        since: at(0).mono,
        generation: Generation::default(),
    };
    let ids = [id(sequence, Leg::Maker), id(sequence, Leg::Taker)];
    Trade::new(pair, tick, ids, Duration::from_secs(2), [Nanos(u64::MAX); 2], at(0))
}

/// A pair that ends with so many tenths of either leg traded.
fn play(position: &Position, sequence: u64, side: Side, steps: i128, traded: [i128; 2]) {
    let mut trade = trade(sequence, side, steps);
    position.follow(&trade);
    while trade.poll_command(at(0).mono).is_some() {}
    for (leg, traded) in [Leg::Maker, Leg::Taker].into_iter().zip(traded) {
        let update = update(id(sequence, leg), traded, OrderStatus::Canceled);
        trade.handle_report(&OrderReport::Update(update), at(1).mono);
        position.handle_update(&update);
        position.follow(&trade);
    }
}

fn update(id: ClientOrderId, traded: i128, status: OrderStatus) -> OrderUpdate {
    OrderUpdate {
        client_id: id,
        venue_order_id: 1,
        status,
        executed: Decimal::from_steps(traded, 1),
        last_fill: None,
        prevented: false,
        event_time_ms: None,
        terms: Default::default(),
    }
}

#[test]
fn a_pair_that_trades_with_itself_leaves_nothing_and_a_sniped_one_half() {
    let position = Position::new(Some(Bound::Qty(num("2.5"))));
    assert!(position.admits(num("2.5"), num(PRICE)) && !position.admits(num("2.6"), num(PRICE)));
    play(&position, 0, Side::Buy, 10, [10, 10]);
    assert!(position.net().is_zero());
    play(&position, 1, Side::Sell, 10, [7, 0]);
    assert_eq!(position.net(), num("-0.7"));
    assert!(position.admits(num("1.8"), num(PRICE)) && !position.admits(num("1.9"), num(PRICE)));
    // What is heard of a leg late counts once.
    let late = update(id(1, Leg::Taker), 2, OrderStatus::Canceled);
    position.handle_update(&late);
    position.handle_update(&late);
    assert_eq!(position.net(), num("-0.5"));
}

#[test]
fn what_is_open_counts_as_if_strangers_took_it() {
    let position = Position::new(Some(Bound::Qty(num("2"))));
    let open = trade(0, Side::Buy, 10);
    position.follow(&open);
    assert!(position.admits(num("1"), num(PRICE)) && !position.admits(num("1.1"), num(PRICE)));
}

#[test]
fn a_bound_of_an_amount_goes_by_the_price() {
    let position = Position::new(Some(Bound::Amount(num("30"))));
    assert!(position.admits(num("1.5"), num("20")) && !position.admits(num("1.6"), num("20")));
    assert!(position.admits(num("3"), num("10")) && !position.admits(num("3.1"), num("10")));
}

#[test]
fn a_bound_of_an_amount_is_exact_to_its_digits() {
    let position = Position::new(Some(Bound::Amount(num("30.55"))));
    // 30.55 / 20.5 is 1.490243...
    assert!(position.admits(num("1.4902"), num("20.5")) && !position.admits(num("1.4903"), num("20.5")));
}

/// A leg that is over can trade no more, though the pair's other leg may: what is bought counts apart from what is sold.
#[test]
fn a_leg_that_is_over_is_open_no_more() {
    let position = Position::new(Some(Bound::Qty(num("2"))));
    play(&position, 0, Side::Buy, 10, [10, 0]);
    assert_eq!(position.net(), num("1"));
    let mut open = trade(1, Side::Buy, 10);
    assert!(open.poll_command(at(0).mono).is_some());
    for status in [OrderStatus::New, OrderStatus::Canceled] {
        open.handle_report(&OrderReport::Update(update(id(1, Leg::Maker), 0, status)), at(1).mono);
        assert_eq!(open.poll_command(at(1).mono).is_some(), status == OrderStatus::New, "the taker");
    }
    position.follow(&open);
    assert!(!open.is_over());
    // Long by 1 of 2; only the taker, which sells, may still trade.
    assert!(position.admits(num("1"), num(PRICE)) && !position.admits(num("1.1"), num(PRICE)));
}

proptest! {
    #![proptest_config(crate::support::cases(1_000))]

    /// Promise P8. Fault O10.
    #[test]
    fn the_bound_is_never_passed(
        most in 5_i128..60,
        pairs in prop::collection::vec((any::<bool>(), 1_i128..20, 0_i128..=20, 0_i128..=20), 1..200),
    ) {
        let bound = Decimal::from_steps(most, 1);
        let position = Position::new(Some(Bound::Qty(bound)));
        let mut refused = 0;
        for (sequence, (buy, steps, maker, taker)) in pairs.into_iter().enumerate() {
            if !position.admits(Decimal::from_steps(steps, 1), num(PRICE)) {
                refused += 1;
                continue;
            }
            let side = if buy { Side::Buy } else { Side::Sell };
            let sequence = u64::try_from(sequence).unwrap();
            play(&position, sequence, side, steps, [maker.min(steps), taker.min(steps)]);
            let net = position.net();
            prop_assert!(net <= bound && Decimal::ZERO.checked_sub(net).unwrap() <= bound, "{net} of {bound}");
        }
        prop_assert!(refused < 200);
    }
}
