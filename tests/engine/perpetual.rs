//! Perpetuals by hand: positions, profit, margin, reduce-only, hedge mode.

use schemas::order::{OrderStatus, PositionSide, Side};
use self_trader::simulator::engine::{Command, EndReason, Event, Life, NewOrder, Order, Position, Reject};

use crate::support::{Small, UNIT};

const ONE_WAY: PositionSide = PositionSide::Both;

/// The account buys or sells from another one.
fn trade(small: &mut Small, account: usize, side: Side, price: i64, qty: i64) -> Order {
    let new = small.contract(2, side.opposite(), price, qty, Life::Gtc);
    small.place(new).unwrap();
    let new = small.contract(account, side, price, qty, Life::Ioc);
    small.place(new).unwrap()
}

fn available(small: &Small, account: usize) -> i128 {
    small.engine.available(small.accounts[account], small.margin)
}

#[test]
fn a_position_grows_shrinks_and_turns() {
    let mut small = Small::new(10_000);
    trade(&mut small, 0, Side::Buy, 100, 4);
    trade(&mut small, 0, Side::Buy, 110, 4);
    assert_eq!(small.position(0, ONE_WAY), Position { qty: 8, cost: 840, realised: 0 });
    trade(&mut small, 0, Side::Sell, 120, 2);
    assert_eq!(small.trades()[0].taker.realised, 30 * UNIT);
    assert_eq!(small.position(0, ONE_WAY), Position { qty: 6, cost: 630, realised: 30 * UNIT });
    assert_eq!(small.held(0, small.margin), (10_030, 0));
    // Six are closed at a loss of five each, four are sold short.
    trade(&mut small, 0, Side::Sell, 100, 10);
    assert_eq!(small.position(0, ONE_WAY), Position { qty: -4, cost: -400, realised: 0 });
    assert_eq!(small.held(0, small.margin), (10_000, 0));
}

#[test]
fn what_a_rounded_share_leaves_comes_out_with_the_last_lot() {
    let mut small = Small::new(10_000);
    trade(&mut small, 0, Side::Buy, 100, 2);
    trade(&mut small, 0, Side::Buy, 101, 1);
    // A third of 301 is 100.33: 100 is released, towards zero.
    trade(&mut small, 0, Side::Sell, 101, 1);
    assert_eq!(small.position(0, ONE_WAY), Position { qty: 2, cost: 201, realised: UNIT });
    trade(&mut small, 0, Side::Sell, 101, 2);
    assert_eq!(small.position(0, ONE_WAY), Position { qty: 0, cost: 0, realised: 2 * UNIT });
}

#[test]
fn fees_come_from_the_wallet() {
    let mut small = Small::new(10_000);
    small.apply(Command::Fees { symbol: small.perpetual, maker_ppm: 200, taker_ppm: 400 }).unwrap();
    trade(&mut small, 0, Side::Buy, 100, 10);
    let [trade] = small.trades()[..] else { panic!("one trade") };
    assert_eq!((trade.maker.fee_asset, trade.maker.fee), (small.margin, UNIT / 5));
    assert_eq!((trade.taker.fee_asset, trade.taker.fee), (small.margin, UNIT * 2 / 5));
    let wallet = small.engine.balance(small.accounts[0], small.margin).free;
    assert_eq!(wallet, 10_000 * UNIT - UNIT * 2 / 5);
}

#[test]
fn margin_bounds_what_may_be_open() {
    let mut small = Small::new(100);
    // 20 times 100: notional 2,000 in all.
    let new = small.contract(0, Side::Buy, 100, 20, Life::Gtc);
    let order = small.place(new).unwrap();
    assert_eq!(available(&small, 0), 0);
    let new = small.contract(0, Side::Buy, 1, 1, Life::Gtc);
    assert_eq!(small.place(new), Err(Reject::InsufficientMargin));
    // The other side needs no more than the dearer of both.
    let new = small.contract(0, Side::Sell, 200, 10, Life::Gtc);
    small.place(new).unwrap();
    let new = small.contract(0, Side::Sell, 200, 1, Life::Gtc);
    assert_eq!(small.place(new), Err(Reject::InsufficientMargin));
    let (account, symbol) = (small.accounts[0], small.perpetual);
    let leverage = |leverage| Command::Leverage { account, symbol, leverage };
    assert_eq!(small.apply(leverage(10)), Err(Reject::InsufficientMargin));
    assert_eq!(small.apply(leverage(0)), Err(Reject::OutOfBounds));
    assert_eq!(small.apply(leverage(126)), Err(Reject::OutOfBounds));
    small.apply(leverage(40)).unwrap();
    assert_eq!(available(&small, 0), 50 * UNIT);
    small.apply(Command::Cancel { id: order.id, now_ms: 0 }).unwrap();
    assert_eq!(available(&small, 0), 50 * UNIT, "the sells need as much");
}

#[test]
fn the_mark_makes_profit_that_bears_new_orders() {
    let mut small = Small::new(100);
    trade(&mut small, 0, Side::Buy, 100, 10);
    assert_eq!(available(&small, 0), 50 * UNIT);
    small.apply(Command::Mark { symbol: small.perpetual, price: 110 }).unwrap();
    let account = small.accounts[0];
    assert_eq!(small.engine.unrealised(account, small.margin), 100 * UNIT);
    assert_eq!(small.engine.position_margin(account, small.perpetual, ONE_WAY), 55 * UNIT);
    assert_eq!(available(&small, 0), 145 * UNIT);
    small.apply(Command::Mark { symbol: small.perpetual, price: 85 }).unwrap();
    assert!(available(&small, 0) < 0);
    let new = small.contract(0, Side::Buy, 85, 1, Life::Gtc);
    assert_eq!(small.place(new), Err(Reject::InsufficientMargin));
    // What makes the position smaller needs nothing.
    let new = small.contract(0, Side::Sell, 85, 10, Life::Gtc);
    small.place(new).unwrap();
    let new = small.contract(0, Side::Sell, 85, 11, Life::Gtc);
    assert_eq!(small.place(new), Err(Reject::InsufficientMargin));
    assert_eq!(small.apply(Command::Mark { symbol: small.spot, price: 1 }), Err(Reject::Unsupported));
}

#[test]
fn a_reduce_only_order_needs_a_position_of_its_size() {
    let mut small = Small::new(10_000);
    let reduce = |small: &mut Small, side, qty| {
        let new = small.contract(0, side, 120, qty, Life::Gtc);
        small.place(NewOrder { reduce_only: true, ..new })
    };
    assert_eq!(reduce(&mut small, Side::Sell, 1), Err(Reject::ReduceOnly));
    trade(&mut small, 0, Side::Buy, 100, 5);
    assert_eq!(reduce(&mut small, Side::Buy, 1), Err(Reject::ReduceOnly));
    assert_eq!(reduce(&mut small, Side::Sell, 6), Err(Reject::ReduceOnly));
    let before = available(&small, 0);
    reduce(&mut small, Side::Sell, 3).unwrap();
    reduce(&mut small, Side::Sell, 2).unwrap();
    assert_eq!(available(&small, 0), before, "it needs no margin");
    assert_eq!(reduce(&mut small, Side::Sell, 1), Err(Reject::ReduceOnly), "all of it is spoken for");
}

#[test]
fn closing_orders_without_a_position_expire_the_newest_first() {
    let mut small = Small::new(10_000);
    trade(&mut small, 0, Side::Buy, 100, 5);
    let mut resting = Vec::new();
    for qty in [3, 2] {
        let new = small.contract(0, Side::Sell, 120, qty, Life::Gtc);
        resting.push(small.place(NewOrder { reduce_only: true, ..new }).unwrap().id);
    }
    // Two are sold otherwise: the newer order has nothing left to close.
    trade(&mut small, 0, Side::Sell, 100, 2);
    let ended: Vec<_> = small
        .events
        .iter()
        .filter_map(|event| {
            let Event::Ended { order, .. } = event else { return None };
            Some((order.id, order.status, order.end))
        })
        .collect();
    assert_eq!(ended, [(resting[1], OrderStatus::Expired, Some(EndReason::ReduceOnly))]);
    assert!(small.engine.order(resting[0]).is_some());
}

#[test]
fn a_fok_order_does_not_count_on_a_closing_order_that_may_vanish() {
    let mut small = Small::new(10_000);
    trade(&mut small, 0, Side::Buy, 100, 5);
    let new = small.contract(0, Side::Sell, 110, 5, Life::Gtc);
    small.place(new).unwrap();
    let new = small.contract(0, Side::Sell, 120, 5, Life::Gtc);
    small.place(NewOrder { reduce_only: true, ..new }).unwrap();
    let new = small.contract(1, Side::Buy, 120, 10, Life::Fok);
    assert_eq!(small.place(new), Err(Reject::CannotFill));
    let new = small.contract(1, Side::Buy, 120, 10, Life::Ioc);
    assert_eq!(small.place(new).unwrap().filled, 5, "it did vanish");
}

#[test]
fn in_hedge_mode_long_and_short_stand_side_by_side() {
    let mut small = Small::new(10_000);
    let account = small.accounts[0];
    let hedge = |hedge| Command::PositionMode { account, hedge };
    small.apply(hedge(true)).unwrap();
    let open = |small: &mut Small, position, side, qty| {
        let new = small.contract(2, side, 100, qty, Life::Gtc);
        small.place(NewOrder { side: new.side.opposite(), ..new }).unwrap();
        let new = small.contract(0, side, 100, qty, Life::Ioc);
        small.place(NewOrder { position, ..new })
    };
    open(&mut small, PositionSide::Long, Side::Buy, 5).unwrap();
    open(&mut small, PositionSide::Short, Side::Sell, 3).unwrap();
    assert_eq!(small.position(0, PositionSide::Long).qty, 5);
    assert_eq!(small.position(0, PositionSide::Short).qty, -3);
    assert_eq!(available(&small, 0), 9_960 * UNIT, "both need margin");
    assert_eq!(open(&mut small, PositionSide::Long, Side::Sell, 6), Err(Reject::ReduceOnly));
    assert_eq!(open(&mut small, ONE_WAY, Side::Buy, 1), Err(Reject::PositionSideMismatch));
    assert_eq!(small.apply(hedge(false)), Err(Reject::OpenPosition));
    let new = small.contract(0, Side::Sell, 200, 5, Life::Gtc);
    let closing = NewOrder { position: PositionSide::Long, ..new };
    assert_eq!(
        small.place(NewOrder { reduce_only: true, ..closing }),
        Err(Reject::PositionSideMismatch),
        "hedge mode knows no reduce-only"
    );
    small.place(closing).unwrap();
    assert_eq!(small.apply(hedge(false)), Err(Reject::OpenOrders));
}
