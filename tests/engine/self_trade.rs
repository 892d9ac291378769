//! Self-trade prevention by hand: the table of modes, and who counts as oneself.

use schemas::order::{OrderStatus, PositionSide, Side};
use self_trader::simulator::engine::{Command, EndReason, Event, Life, NewOrder, Prevented, StpMode};

use crate::support::Small;

/// Mode; maker's and taker's quantity; how each stands afterwards; what was taken off each.
type Row = (StpMode, (i64, i64), (OrderStatus, OrderStatus), (Option<i64>, Option<i64>));

fn prevented(small: &Small) -> Vec<Prevented> {
    let prevented =
        |event: &Event| if let Event::Prevented(prevented) = event { Some(*prevented) } else { None };
    small.events.iter().filter_map(prevented).collect()
}

#[test]
fn each_mode_does_what_the_venues_table_says() {
    use OrderStatus::{ExpiredInMatch as Over, New};
    use StpMode::{Decrement, ExpireBoth, ExpireMaker, ExpireTaker, Transfer};
    let table: [Row; 11] = [
        (ExpireTaker, (5, 5), (New, Over), (None, Some(5))),
        (ExpireTaker, (5, 3), (New, Over), (None, Some(3))),
        (ExpireMaker, (5, 5), (Over, New), (Some(5), None)),
        (ExpireMaker, (5, 3), (Over, New), (Some(5), None)),
        (ExpireBoth, (5, 5), (Over, Over), (Some(5), Some(5))),
        (ExpireBoth, (5, 3), (Over, Over), (Some(5), Some(3))),
        (Decrement, (5, 5), (Over, Over), (Some(5), Some(5))),
        (Decrement, (5, 3), (New, Over), (Some(3), Some(3))),
        (Decrement, (3, 5), (Over, New), (Some(3), Some(3))),
        (Transfer, (5, 5), (Over, Over), (Some(5), Some(5))),
        (Transfer, (5, 3), (New, Over), (Some(3), Some(3))),
    ];
    for (mode, (rests, comes), statuses, taken) in table {
        let mut small = Small::new(1_000);
        small.with_stp(StpMode::Transfer, 0, Side::Sell, 100, rests);
        let taker = small.with_stp(mode, 0, Side::Buy, 100, comes);
        let [met] = prevented(&small)[..] else { panic!("{mode:?}: met once") };
        assert!(small.trades().is_empty(), "{mode:?}");
        assert_eq!((met.maker.order.status, taker.status), statuses, "{mode:?} {rests} {comes}");
        assert_eq!((met.maker.taken.map(|t| t.qty), met.taker.taken.map(|t| t.qty)), taken, "{mode:?}");
        assert!(!met.transferred && met.price == 100, "one account has nobody to transfer to");
        let over = [met.maker.order, met.taker.order].into_iter().filter(|order| order.status == Over);
        over.for_each(|order| assert_eq!(order.end, Some(EndReason::SelfTrade), "{mode:?}"));
    }
}

#[test]
fn the_mode_of_who_comes_decides() {
    let mut small = Small::new(1_000);
    small.with_stp(StpMode::ExpireBoth, 0, Side::Sell, 100, 5);
    let taker = small.with_stp(StpMode::None, 0, Side::Buy, 100, 5);
    assert_eq!((taker.status, small.trades().len()), (OrderStatus::Filled, 1));
}

#[test]
fn accounts_of_one_trade_group_count_as_one() {
    let mut small = Small::new(1_000);
    let groups = [Some(7), Some(7), Some(8)];
    for (account, group) in small.accounts.into_iter().zip(groups) {
        small.apply(Command::TradeGroup { account, group }).unwrap();
    }
    small.with_stp(StpMode::None, 0, Side::Sell, 100, 5);
    let taker = small.with_stp(StpMode::ExpireTaker, 1, Side::Buy, 100, 5);
    assert_eq!(taker.status, OrderStatus::ExpiredInMatch);
    assert_eq!(prevented(&small)[0].trade_group, Some(7));
    assert_eq!(small.with_stp(StpMode::ExpireTaker, 2, Side::Buy, 100, 2).status, OrderStatus::Filled);
    // Out of the group it is a stranger.
    let account = small.accounts[1];
    small.apply(Command::TradeGroup { account, group: None }).unwrap();
    assert_eq!(small.with_stp(StpMode::ExpireTaker, 1, Side::Buy, 100, 3).status, OrderStatus::Filled);
}

#[test]
fn a_transfer_moves_balances_without_a_trade_and_without_a_fee() {
    let mut small = Small::new(1_000);
    small.apply(Command::Fees { symbol: small.spot, maker_ppm: 1_000, taker_ppm: 1_000 }).unwrap();
    for account in [small.accounts[0], small.accounts[1]] {
        small.apply(Command::TradeGroup { account, group: Some(1) }).unwrap();
    }
    small.with_stp(StpMode::Transfer, 0, Side::Sell, 100, 5);
    let taker = small.with_stp(StpMode::Transfer, 1, Side::Buy, 101, 5);
    assert_eq!((taker.status, taker.filled, taker.prevented), (OrderStatus::ExpiredInMatch, 0, 5));
    assert!(prevented(&small)[0].transferred && small.trades().is_empty());
    assert_eq!((small.held(0, small.base), small.held(0, small.quote)), ((995, 0), (1_500, 0)));
    assert_eq!((small.held(1, small.base), small.held(1, small.quote)), ((1_005, 0), (500, 0)));
    assert_eq!(small.engine.fees_earned(small.quote), 0);
}

#[test]
fn a_transfer_on_a_perpetual_moves_positions() {
    let mut small = Small::new(1_000);
    for account in [small.accounts[0], small.accounts[1]] {
        small.apply(Command::TradeGroup { account, group: Some(1) }).unwrap();
    }
    for (account, side) in [(0, Side::Sell), (1, Side::Buy)] {
        let new = small.contract(account, side, 100, 5, Life::Gtc);
        small.place(NewOrder { stp: StpMode::Transfer, ..new }).unwrap();
    }
    assert!(small.trades().is_empty());
    assert_eq!(small.position(0, PositionSide::Both).qty, -5);
    assert_eq!(small.position(1, PositionSide::Both).qty, 5);
}

#[test]
fn an_order_that_only_one_side_means_to_transfer_is_decremented() {
    let mut small = Small::new(1_000);
    for account in [small.accounts[0], small.accounts[1]] {
        small.apply(Command::TradeGroup { account, group: Some(1) }).unwrap();
    }
    small.with_stp(StpMode::Decrement, 0, Side::Sell, 100, 5);
    small.with_stp(StpMode::Transfer, 1, Side::Buy, 100, 5);
    assert!(!prevented(&small)[0].transferred);
    assert_eq!(small.held(0, small.quote), (1_000, 0));
}

#[test]
fn a_fok_order_does_not_count_what_prevention_would_take() {
    let mut small = Small::new(1_000);
    small.with_stp(StpMode::None, 0, Side::Sell, 100, 5);
    small.limit(1, Side::Sell, 101, 5);
    let fok = |small: &mut Small, stp, qty| {
        let new = small.order(0, Side::Buy, 101, qty, Life::Fok);
        small.place(NewOrder { stp, ..new }).unwrap()
    };
    for (stp, qty) in [(StpMode::ExpireTaker, 5), (StpMode::Decrement, 8), (StpMode::ExpireMaker, 6)] {
        let order = fok(&mut small, stp, qty);
        assert_eq!((order.status, order.end), (OrderStatus::Expired, Some(EndReason::FokUnfilled)));
        assert_eq!(small.asks(), [(100, 5), (101, 5)], "{stp:?} touched the book");
    }
    // What lies behind the maker that expires is enough.
    let order = fok(&mut small, StpMode::ExpireMaker, 5);
    assert_eq!((order.status, small.asks()), (OrderStatus::Filled, vec![]));
}
