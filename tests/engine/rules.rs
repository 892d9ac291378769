//! Spot rules by hand: lives, MARKET orders, fees, amendments, modifications, the reset, and what is refused.

use schemas::order::{OrderStatus, PositionSide, Side};
use self_trader::simulator::engine::{
    AccountId, AssetId, ClientId, Command, DEPOSITS_MAX, EndReason, Event, Life, NewOrder, OrderId,
    OrderKind, Reject, SymbolId,
};

use crate::support::{Small, UNIT};

#[test]
fn a_product_beyond_128_bits_is_refused_not_wrapped() {
    let mut small = Small::with(DEPOSITS_MAX / 3);
    let new = small.order(0, Side::Buy, i64::MAX, i64::MAX, Life::Gtc);
    assert_eq!(small.place(new), Err(Reject::InsufficientBalance));
    let new = small.contract(0, Side::Buy, i64::MAX, i64::MAX, Life::Gtc);
    assert_eq!(small.place(new), Err(Reject::TooMuch));
    assert_eq!(small.engine.balance(small.accounts[0], small.quote).free, DEPOSITS_MAX / 3);
}

#[test]
fn a_post_only_order_does_not_take_even_our_own() {
    let mut small = Small::new(1_000);
    let new = small.order(0, Side::Sell, 100, 5, Life::Gtx);
    small.place(new).unwrap();
    let new = small.order(0, Side::Buy, 100, 5, Life::Gtx);
    assert_eq!(small.place(new), Err(Reject::WouldMatch));
    let new = small.order(0, Side::Buy, 99, 5, Life::Gtx);
    assert_eq!(small.place(new).unwrap().status, OrderStatus::New);
}

#[test]
fn what_makes_no_order_is_refused() {
    let mut small = Small::new(1_000);
    for (price, qty) in [(0, 5), (5, 0), (-1, 5), (5, -1)] {
        let new = small.order(0, Side::Buy, price, qty, Life::Gtc);
        assert_eq!(small.place(new), Err(Reject::NotPositive), "{price} {qty}");
    }
    let market = small.market(0, Side::Buy, 5);
    let limit = small.order(0, Side::Buy, 5, 5, Life::Gtc);
    let table = [
        (NewOrder { life: Life::Gtc, ..market }, Reject::Unsupported),
        (NewOrder { price: 5, ..market }, Reject::NotPositive),
        (NewOrder { quote_qty: Some(5), ..market }, Reject::NotPositive),
        (NewOrder { quote_qty: Some(0), qty: 0, ..market }, Reject::NotPositive),
        (NewOrder { quote_qty: Some(5), ..limit }, Reject::Unsupported),
        (NewOrder { reduce_only: true, ..limit }, Reject::PositionSideMismatch),
        (NewOrder { position: PositionSide::Both, ..limit }, Reject::PositionSideMismatch),
        (NewOrder { account: AccountId::new(99), ..limit }, Reject::UnknownId),
        (NewOrder { symbol: SymbolId::new(99), ..limit }, Reject::UnknownId),
    ];
    for (new, want) in table {
        assert_eq!(small.place(new), Err(want), "{new:?}");
    }
}

#[test]
fn a_fok_order_trades_whole_or_not_at_all() {
    let mut small = Small::new(10_000);
    small.limit(0, Side::Sell, 100, 5);
    small.limit(0, Side::Sell, 101, 5);
    let new = small.order(1, Side::Buy, 100, 6, Life::Fok);
    let order = small.place(new).unwrap();
    assert_eq!((order.status, order.end), (OrderStatus::Expired, Some(EndReason::FokUnfilled)));
    assert_eq!(small.held(1, small.quote), (10_000, 0), "all of it is given back");
    let new = small.order(1, Side::Buy, 101, 6, Life::Fok);
    assert_eq!(small.place(new).unwrap().status, OrderStatus::Filled);
    let new = small.contract(1, Side::Buy, 101, 6, Life::Fok);
    assert_eq!(small.place(new), Err(Reject::CannotFill), "a perpetual's is refused");
}

#[test]
fn a_market_order_takes_what_there_is_and_the_rest_expires() {
    let mut small = Small::new(10_000);
    small.limit(0, Side::Sell, 100, 5);
    small.limit(0, Side::Sell, 102, 5);
    let new = small.market(1, Side::Buy, 12);
    let order = small.place(new).unwrap();
    assert_eq!((order.filled, order.quote), (10, 1_010));
    assert_eq!((order.status, order.end), (OrderStatus::Expired, Some(EndReason::NoLiquidity)));
    assert_eq!(small.held(1, small.quote), (8_990, 0));
}

#[test]
fn a_market_order_must_be_able_to_pay_for_all_it_reaches() {
    let mut small = Small::new(1_000);
    small.limit(0, Side::Sell, 100, 20);
    let new = small.market(1, Side::Buy, 11);
    assert_eq!(small.place(new), Err(Reject::InsufficientBalance));
    let new = small.market(1, Side::Buy, 10);
    assert_eq!(small.place(new).unwrap().status, OrderStatus::Filled);
    let new = small.market(1, Side::Sell, 1_011);
    assert_eq!(small.place(new), Err(Reject::InsufficientBalance), "a seller must have all of it");
}

#[test]
fn a_market_order_by_quote_quantity_spends_as_much_as_makes_whole_steps() {
    let mut small = Small::new(10_000);
    small.limit(0, Side::Sell, 100, 5);
    small.limit(0, Side::Sell, 130, 5);
    let by_quote = |small: &mut Small, side, quote| {
        let new = small.market(1, side, 0);
        small.place(NewOrder { quote_qty: Some(quote), ..new }).unwrap()
    };
    let order = by_quote(&mut small, Side::Buy, 250);
    assert_eq!((order.status, order.qty, order.quote), (OrderStatus::Filled, 2, 200));
    // Three at 100 and one at 130: the 29 that are left buy none.
    let order = by_quote(&mut small, Side::Buy, 459);
    assert_eq!((order.status, order.qty, order.quote), (OrderStatus::Filled, 4, 430));
    small.apply(Command::Step { symbol: small.spot, lots: 2 }).unwrap();
    let order = by_quote(&mut small, Side::Buy, 399);
    assert_eq!((order.status, order.qty, order.quote), (OrderStatus::Filled, 2, 260));
    let order = by_quote(&mut small, Side::Buy, 1_000);
    assert_eq!((order.status, order.end), (OrderStatus::Expired, Some(EndReason::NoLiquidity)));
    assert_eq!((order.filled, order.remaining()), (2, 0));
}

#[test]
fn a_fee_is_paid_from_what_is_received_and_kept_by_the_venue() {
    let mut small = Small::new(1_000);
    small.apply(Command::Fees { symbol: small.spot, maker_ppm: 1_000, taker_ppm: 333_333 }).unwrap();
    small.limit(0, Side::Sell, 100, 1);
    small.limit(1, Side::Buy, 100, 1);
    let [trade] = small.trades()[..] else { panic!("one trade") };
    assert_eq!((trade.maker.fee_asset, trade.maker.fee), (small.quote, UNIT / 10));
    assert_eq!((trade.taker.fee_asset, trade.taker.fee), (small.base, UNIT / 1_000_000 * 333_333));
    let got = small.engine.balance(small.accounts[0], small.quote).free;
    assert_eq!(got, 1_100 * UNIT - UNIT / 10);
    assert_eq!(small.engine.fees_earned(small.quote), UNIT / 10);
    let fees = Command::Fees { symbol: small.spot, maker_ppm: 1_000_001, taker_ppm: 0 };
    assert_eq!(small.apply(fees), Err(Reject::OutOfBounds));
}

#[test]
fn an_amended_order_keeps_its_place_and_a_modified_one_loses_it() {
    let mut small = Small::new(10_000);
    let (first, second) = (small.limit(0, Side::Sell, 100, 5), small.limit(0, Side::Sell, 100, 5));
    let client = ClientId::new("renamed");
    small.apply(Command::Amend { id: first.id, qty: 3, client, now_ms: 9 }).unwrap();
    let told = small.events.iter().find_map(|event| {
        let Event::Amended { order, client_before, .. } = event else { return None };
        Some((order.amended_ms, order.amends, *client_before))
    });
    assert_eq!(told, Some((9, 1, first.client)));
    assert_eq!((small.asks(), small.held(0, small.base)), (vec![(100, 8)], (9_992, 8)));
    small.limit(1, Side::Buy, 100, 1);
    assert_eq!(small.trades()[0].maker.order.id, first.id, "still the first");
    small.apply(Command::Modify { id: first.id, price: 100, qty: 4, now_ms: 9 }).unwrap();
    small.limit(1, Side::Buy, 100, 1);
    assert_eq!(small.trades()[0].maker.order.id, second.id, "the last by now");
}

#[test]
fn an_amendment_leaves_less_than_before_and_more_than_what_is_gone() {
    let mut small = Small::new(10_000);
    let order = small.limit(0, Side::Sell, 100, 5);
    small.limit(1, Side::Buy, 100, 2);
    for qty in [i64::MIN, 0, 2, 5, 6, i64::MAX] {
        let amend = Command::Amend { id: order.id, qty, client: None, now_ms: 0 };
        assert_eq!(small.apply(amend), Err(Reject::AmendQty), "{qty}");
    }
    let unknown = Command::Amend { id: OrderId(99), qty: 1, client: None, now_ms: 0 };
    assert_eq!(small.apply(unknown), Err(Reject::UnknownOrder));
    let other = small.limit(0, Side::Sell, 101, 5);
    let taken = Command::Amend { id: other.id, qty: 1, client: Some(order.client), now_ms: 0 };
    assert_eq!(small.apply(taken), Err(Reject::DuplicateClientId));
}

#[test]
fn a_modified_order_trades_where_it_crosses_and_is_cancelled_where_it_may_not() {
    let mut small = Small::new(10_000);
    small.limit(0, Side::Sell, 100, 5);
    let modify = |id, price, qty| Command::Modify { id, price, qty, now_ms: 0 };
    let bid = small.limit(1, Side::Buy, 90, 5);
    small.apply(modify(bid.id, 100, 3)).unwrap();
    assert_eq!((small.trades().len(), small.asks()), (1, vec![(100, 2)]));
    let new = small.order(1, Side::Buy, 90, 5, Life::Gtx);
    let post_only = small.place(new).unwrap();
    small.apply(modify(post_only.id, 100, 5)).unwrap();
    let ended = small.events.iter().find_map(|event| {
        let Event::Ended { order, .. } = event else { return None };
        Some((order.id, order.status, order.end))
    });
    assert_eq!(ended, Some((post_only.id, OrderStatus::Canceled, Some(EndReason::Modified))));
    let bid = small.limit(1, Side::Buy, 90, 5);
    assert_eq!(small.apply(modify(bid.id, 90, 5)), Err(Reject::NoChange));
    let before = small.held(1, small.quote);
    assert_eq!(small.apply(modify(bid.id, 90, 5_000)), Err(Reject::InsufficientBalance));
    assert_eq!((small.held(1, small.quote), small.events.len()), (before, 0), "it stays as it was");
}

#[test]
fn one_client_id_may_be_open_on_both_products() {
    let mut small = Small::new(10_000);
    let order = small.limit(0, Side::Sell, 100, 5);
    let new = small.contract(0, Side::Sell, 100, 5, Life::Gtc);
    small.place(NewOrder { client: order.client, ..new }).unwrap();
    assert_eq!(
        small.place(NewOrder { client: order.client, price: 101, ..new }),
        Err(Reject::DuplicateClientId)
    );
}

#[test]
fn after_the_reset_everything_begins_again() {
    let mut small = Small::new(10_000);
    small.apply(Command::Fees { symbol: small.spot, maker_ppm: 10, taker_ppm: 20 }).unwrap();
    small.limit(0, Side::Sell, 100, 5);
    small.limit(1, Side::Buy, 100, 2);
    small.apply(Command::Wipe).unwrap();
    assert_eq!(small.events, [Event::Wiped]);
    assert_eq!((small.engine.open_order_count(), small.asks()), (0, vec![]));
    assert_eq!(small.held(0, small.base), (0, 0));
    assert_eq!(small.engine.fees(small.spot), (10, 20), "what was set stays");
    let (account, asset) = (small.accounts[0], small.base);
    small.apply(Command::Deposit { account, asset, amount: 5 * UNIT }).unwrap();
    assert_eq!(small.limit(0, Side::Sell, 100, 5).id, OrderId(1));
}

#[test]
fn what_the_venue_takes_out_expires() {
    let mut small = Small::new(10_000);
    let order = small.limit(0, Side::Sell, 100, 5);
    small.apply(Command::Expire { id: order.id }).unwrap();
    let told = small.events.iter().find_map(|event| {
        let Event::Ended { order, .. } = event else { return None };
        Some((order.status, order.end))
    });
    assert_eq!(told, Some((OrderStatus::Expired, Some(EndReason::Venue))));
    assert_eq!(small.apply(Command::Expire { id: order.id }), Err(Reject::UnknownOrder));
    assert_eq!(small.apply(Command::Cancel { id: order.id, now_ms: 0 }), Err(Reject::UnknownOrder));
}

#[test]
fn a_deposit_is_above_zero_and_below_what_can_be_added_up() {
    let mut small = Small::with(DEPOSITS_MAX / 3);
    let (account, asset) = (small.accounts[0], small.base);
    for (amount, want) in [(0, Reject::NotPositive), (-1, Reject::NotPositive), (i128::MAX, Reject::TooMuch)]
    {
        assert_eq!(small.apply(Command::Deposit { account, asset, amount }), Err(want), "{amount}");
    }
    let unknown = Command::Deposit { account, asset: AssetId::new(99), amount: 1 };
    assert_eq!(small.apply(unknown), Err(Reject::UnknownId));
    assert_eq!(small.market(0, Side::Buy, 1).kind, OrderKind::Market);
}
