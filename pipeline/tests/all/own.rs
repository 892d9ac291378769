//! Our own maker must never be taken for the market.

use std::time::Duration;

use pipeline::book::own::OwnView;
use pipeline::book::{Level, Top};
use pipeline::time::{Nanos, Now};
use schemas::order::Side;
use schemas::units::Decimal;

fn at(ms: u64) -> Now {
    Now { mono: Nanos(ms * 1_000_000), wall_ms: 0 }
}

fn number(text: &str) -> Decimal {
    Decimal::parse(text).unwrap()
}

/// `99x1/101x2`, `none` for an empty side.
fn top(update_id: u64, text: &str) -> Top {
    let side = |text: &str| {
        let (price, qty) = text.split_once('x')?;
        Some(Level { price: number(price), qty: number(qty) })
    };
    let (bid, ask) = text.split_once('/').unwrap();
    Top { bid: side(bid), ask: side(ask), update_id, confirmed: at(0) }
}

fn text(top: &Top) -> String {
    let side = |level: Option<Level>| level.map_or("none".to_owned(), |l| format!("{}x{}", l.price, l.qty));
    format!("{}/{}", side(top.bid), side(top.ask))
}

fn seen(view: &mut OwnView, update_id: u64, raw: &str, ms: u64) -> String {
    let top = view.view(&top(update_id, raw), at(ms));
    assert_eq!(top.update_id, update_id);
    text(&top)
}

#[test]
fn without_a_maker_the_view_is_the_book() {
    let mut view = OwnView::new();
    assert_eq!(seen(&mut view, 1, "99x1/101x2", 0), "99x1/101x2");
    assert_eq!(seen(&mut view, 2, "none/none", 1), "none/none");
}

/// Fault B12.
#[test]
fn in_a_dead_market_our_maker_leaves_the_side_empty() {
    let mut view = OwnView::new();
    view.maker_resting(Side::Buy, number("100"), number("5"), top(1, "none/none"));
    assert_eq!(seen(&mut view, 1, "none/none", 1), "none/none", "not shown yet");
    assert_eq!(seen(&mut view, 2, "100x5/none", 2), "none/none");
    assert_eq!(seen(&mut view, 3, "100x5/103x1", 3), "none/103x1", "the other side is the market's");
}

/// Fault B12.
#[test]
fn others_at_our_price_stay() {
    let mut view = OwnView::new();
    view.maker_resting(Side::Sell, number("101"), number("5"), top(1, "99x1/101x2"));
    assert_eq!(seen(&mut view, 1, "99x1/101x2", 1), "99x1/101x2", "not shown yet");
    assert_eq!(seen(&mut view, 2, "99x1/101x7", 2), "99x1/101x2");
    assert_eq!(seen(&mut view, 3, "99x1/101x8.5", 3), "99x1/101x3.5", "somebody joins");
    assert_eq!(
        seen(&mut view, 4, "99x1/101x5", 4),
        "99x1/101x2",
        "all others leave: the level of before counts"
    );
}

#[test]
fn a_better_or_worse_price_of_others_is_the_market() {
    let mut view = OwnView::new();
    view.maker_resting(Side::Buy, number("100"), number("5"), top(1, "99x1/101x2"));
    assert_eq!(seen(&mut view, 2, "100x5/101x2", 1), "99x1/101x2");
    assert_eq!(seen(&mut view, 3, "100.5x1/101x2", 2), "100.5x1/101x2");
    assert_eq!(seen(&mut view, 4, "98x4/101x2", 3), "98x4/101x2");
}

#[test]
fn what_is_filled_is_no_longer_taken_out() {
    let mut view = OwnView::new();
    view.maker_resting(Side::Sell, number("101"), number("5"), top(1, "none/101x2"));
    view.maker_filled(number("3"));
    assert_eq!(seen(&mut view, 2, "none/101x5", 1), "none/101x2");
    assert_eq!(seen(&mut view, 1, "none/101x7", 2), "none/101x2", "the book lags behind the fill");
    view.maker_filled(number("0"));
    assert_eq!(seen(&mut view, 2, "none/101x5", 3), "none/101x2", "and behind the last one");
    assert_eq!(seen(&mut view, 3, "none/101x2", 4), "none/101x2");
}

/// Fault B12.
#[test]
fn after_its_end_the_level_of_before_counts_until_the_venue_shows_a_newer_one() {
    let mut view = OwnView::new();
    view.maker_resting(Side::Buy, number("100"), number("5"), top(1, "99x1/101x2"));
    assert_eq!(seen(&mut view, 2, "100x5/101x2", 1), "99x1/101x2");
    view.maker_ended(at(2));
    assert_eq!(seen(&mut view, 2, "100x5/101x2", 2), "99x1/101x2", "still the update that showed it");
    assert_eq!(seen(&mut view, 3, "98x3/101x2", 3), "98x3/101x2", "the venue shows a newer one");
    assert_eq!(seen(&mut view, 4, "100x5/101x2", 4), "100x5/101x2", "a stranger, of the same size even");
}

#[test]
fn an_update_that_comes_late_is_a_ghost() {
    let mut view = OwnView::new();
    view.maker_resting(Side::Sell, number("100"), number("5"), top(1, "99x1/101x2"));
    view.maker_filled(number("2"));
    view.maker_ended(at(1));
    assert_eq!(seen(&mut view, 1, "99x1/101x2", 1), "99x1/101x2", "the book has not heard of it");
    assert_eq!(seen(&mut view, 2, "99x1/100x5", 2), "99x1/101x2", "now it has");
    assert_eq!(seen(&mut view, 3, "99x1/100x2", 3), "99x1/101x2", "and of its fill");
    assert_eq!(seen(&mut view, 4, "99x1/102x2", 4), "99x1/102x2");
    assert_eq!(seen(&mut view, 5, "99x1/100x5", 5), "99x1/100x5", "over: whatever comes is the market");
}

#[test]
fn a_stranger_at_our_price_after_our_end_is_the_market() {
    let mut view = OwnView::new();
    view.maker_resting(Side::Buy, number("100"), number("5"), top(1, "none/none"));
    assert_eq!(seen(&mut view, 2, "100x5/none", 1), "none/none");
    view.maker_ended(at(2));
    assert_eq!(seen(&mut view, 3, "100x1.25/none", 3), "100x1.25/none");
}

#[test]
fn nothing_haunts_longer_than_two_seconds() {
    let mut view = OwnView::new();
    view.maker_resting(Side::Buy, number("100"), number("5"), top(1, "none/none"));
    view.maker_ended(at(1_000));
    assert_eq!(seen(&mut view, 2, "100x5/none", 2_999), "none/none");
    assert_eq!(seen(&mut view, 2, "100x5/none", 3_000), "100x5/none");
}

#[test]
fn a_new_maker_is_not_mixed_up_with_the_ghost_of_the_last_one() {
    let mut view = OwnView::new();
    view.maker_resting(Side::Buy, number("100"), number("5"), top(1, "none/none"));
    view.maker_ended(at(1));
    view.maker_resting(Side::Buy, number("100"), number("3"), top(1, "none/none"));
    assert_eq!(seen(&mut view, 2, "100x5/none", 2), "none/none", "the last one's");
    assert_eq!(seen(&mut view, 3, "none/none", 3), "none/none");
    assert_eq!(seen(&mut view, 4, "100x3/none", 4), "none/none", "the new one's");
    assert_eq!(seen(&mut view, 5, "100x4/none", 5), "100x1/none", "and somebody with it");
}

#[test]
fn many_makers_in_a_row_are_remembered_boundedly() {
    let mut view = OwnView::new();
    for pair in 0..1_000_u64 {
        let price = Decimal::from_steps(i128::from(pair % 7) + 100, 0);
        view.maker_resting(Side::Buy, price, number("5"), top(pair, "none/none"));
        view.maker_ended(at(pair));
    }
    assert_eq!(seen(&mut view, 2_000, "105x5/none", 1_000), "none/none");
    let later = at(1_000).after(Duration::from_secs(3));
    assert_eq!(text(&view.view(&top(2_001, "105x5/none"), later)), "105x5/none");
}
