//! The book against the rules of its venue: one test a rule, one line a fault.

use std::time::Duration;

use pipeline::book::{
    BUFFERED_DIFFS_MAX, Best, Book, BookRequest, BookState, Diff, LEVELS_MAX, Level, Snapshot, Top, TopAnswer,
};
use pipeline::time::{Nanos, Now};
use schemas::units::Decimal;
use schemas::wire::book_fault::BookFault;

fn at(ms: u64) -> Now {
    Now { mono: Nanos(ms * 1_000_000), wall_ms: 1_790_000_000_000 + i64::try_from(ms).unwrap() }
}

fn number(text: &str) -> Decimal {
    Decimal::parse(text).unwrap()
}

fn levels(pairs: &[(&str, &str)]) -> Vec<Level> {
    pairs.iter().map(|(price, qty)| Level { price: number(price), qty: number(qty) }).collect()
}

fn diff(first_id: u64, last_id: u64, bids: &[(&str, &str)], asks: &[(&str, &str)]) -> Diff {
    Diff { first_id, last_id, event_time_ms: None, previous_id: None, bids: levels(bids), asks: levels(asks) }
}

fn snapshot(last_id: u64, bids: &[(&str, &str)], asks: &[(&str, &str)]) -> Snapshot {
    Snapshot { last_id, bids: levels(bids), asks: levels(asks) }
}

fn best(update_id: u64, bid: (&str, &str), ask: (&str, &str)) -> Best {
    Best { update_id, bid: levels(&[bid]).pop(), ask: levels(&[ask]).pop() }
}

fn ticket(book: &mut Book, now: Now) -> Option<u32> {
    book.poll_request(now).map(|BookRequest::Snapshot { ticket }| ticket)
}

/// A book at update id 100: 99 x 1 / 101 x 2.
fn live() -> Book {
    let mut book = Book::new();
    book.handle_subscribed(at(0));
    let ticket = ticket(&mut book, at(0)).unwrap();
    assert_eq!(book.handle_snapshot(ticket, &snapshot(100, &[("99", "1")], &[("101", "2")]), at(10)), None);
    book
}

fn shown(book: &Book, now: Now) -> Option<String> {
    let side = |level: Option<Level>| level.map_or("none".to_owned(), |l| format!("{}x{}", l.price, l.qty));
    book.top(now)
        .top
        .map(|Top { bid, ask, update_id, .. }| format!("{}/{} @{update_id}", side(bid), side(ask)))
}

#[test]
fn nothing_is_shown_before_a_snapshot_bridges_the_diffs() {
    let mut book = Book::new();
    assert_eq!(ticket(&mut book, at(0)), None, "nothing is asked without a connection");
    book.handle_subscribed(at(0));
    book.handle_diff(&diff(95, 98, &[("98", "1")], &[]), at(1));
    book.handle_diff(&diff(99, 102, &[("99", "3")], &[("101", "0")]), at(2));
    book.handle_diff(&diff(103, 104, &[], &[("102", "4")]), at(3));
    assert_eq!((shown(&book, at(3)), book.state(at(3))), (None, BookState::Syncing));
    let ticket = ticket(&mut book, at(3)).unwrap();
    book.handle_snapshot(ticket, &snapshot(100, &[("99", "1")], &[("101", "2")]), at(4));
    assert_eq!(shown(&book, at(4)).unwrap(), "99x3/102x4 @104");
    assert_eq!(book.state(at(4)), BookState::Live);
}

#[test]
fn a_snapshot_that_joins_the_diffs_exactly_is_enough() {
    let mut book = Book::new();
    book.handle_subscribed(at(0));
    book.handle_diff(&diff(101, 101, &[("99", "5")], &[]), at(1));
    let ticket = ticket(&mut book, at(1)).unwrap();
    assert_eq!(book.handle_snapshot(ticket, &snapshot(100, &[], &[("101", "2")]), at(2)), None);
    assert_eq!(shown(&book, at(2)).unwrap(), "99x5/101x2 @101");
}

/// Fault B2.
#[test]
fn a_snapshot_older_than_the_diffs_is_fetched_again_ever_later() {
    let mut book = Book::new();
    book.handle_subscribed(at(0));
    book.handle_diff(&diff(200, 201, &[("99", "5")], &[]), at(1));
    let mut now = at(1);
    let mut waits = Vec::new();
    for _ in 0..12 {
        let ticket = ticket(&mut book, now).unwrap();
        let fault = book.handle_snapshot(ticket, &snapshot(198, &[], &[]), now).unwrap();
        assert_eq!(fault.line("BTCUSDT"), "BOOK-002 BTCUSDT: snapshot too old (got 198, want 200 or newer)");
        assert_eq!(self::ticket(&mut book, now), None, "not at once");
        let due = book.poll_timeout().unwrap();
        waits.push(u64::try_from(due.since(now.mono).as_millis()).unwrap());
        now = now.after(due.since(now.mono));
    }
    assert_eq!(waits[..5], [200; 5], "bounded quick retries");
    assert!(waits.windows(2).all(|pair| pair[0] <= pair[1]) && waits[11] == 5_000, "{waits:?}");
    let ticket = ticket(&mut book, now).unwrap();
    assert_eq!(book.handle_snapshot(ticket, &snapshot(199, &[], &[]), now), None);
    assert_eq!(shown(&book, now).unwrap(), "99x5/none @201");
}

/// A diff of a dialect that chains them.
fn chained(previous: u64, first: u64, last: u64, bid: (&str, &str)) -> Diff {
    Diff { previous_id: Some(previous), ..diff(first, last, &[bid], &[]) }
}

/// A book that waits for its snapshot with these diffs, then gets one at 100: the first fault, and what shows.
fn bridged(diffs: &[Diff], more: &[Diff]) -> (Option<String>, Option<String>) {
    let mut book = Book::new();
    book.handle_subscribed(at(0));
    for diff in diffs {
        assert_eq!(book.handle_diff(diff, at(1)), None);
    }
    let ticket = ticket(&mut book, at(1)).unwrap();
    let mut fault = book.handle_snapshot(ticket, &snapshot(100, &[("99", "1")], &[("101", "2")]), at(2));
    for diff in more {
        fault = fault.or_else(|| book.handle_diff(diff, at(3)));
    }
    (fault.map(|fault| fault.line("X")), shown(&book, at(3)))
}

#[test]
fn chained_diffs_join_the_snapshot_within_and_each_other_exactly() {
    let whole = |id: u64| (None, Some(format!("99x7/101x2 @{id}")));
    let last = |previous, first, id| chained(previous, first, id, ("99", "7"));
    let early = |previous, first, id| chained(previous, first, id, ("99", "3"));
    // The snapshot lies within the first diff that is newer; the ids between two diffs are nobody's.
    assert_eq!(bridged(&[early(80, 85, 95), last(95, 99, 110)], &[]), whole(110));
    assert_eq!(bridged(&[last(95, 105, 110)], &[]), whole(110));
    // It ends a diff: the next one names it.
    assert_eq!(bridged(&[early(90, 91, 100), last(100, 140, 150)], &[]), whole(150));
    assert_eq!(bridged(&[], &[last(100, 140, 150)]), whole(150));
    assert_eq!(bridged(&[early(95, 98, 110)], &[last(110, 200, 220)]), whole(220));
    // What is told twice is told once.
    assert_eq!(bridged(&[early(95, 98, 110)], &[early(95, 98, 110), last(110, 200, 220)]), whole(220));
}

#[test]
fn a_broken_chain_is_a_gap_even_where_the_ids_would_overlap() {
    let diff = |previous, first, id| chained(previous, first, id, ("99", "3"));
    let gap = |have: u64, first: u64, last: u64| {
        (Some(format!("BOOK-001 X: sequence gap (have {have}, got {first}..{last})")), None)
    };
    assert_eq!(bridged(&[diff(95, 98, 110)], &[diff(120, 121, 130)]), gap(110, 121, 130));
    assert_eq!(bridged(&[diff(95, 98, 110)], &[diff(105, 106, 130)]), gap(110, 106, 130));
    assert_eq!(bridged(&[], &[diff(101, 102, 103)]), gap(100, 102, 103));
    let old = bridged(&[diff(150, 160, 170)], &[]);
    let line = "BOOK-002 X: snapshot too old (got 100, want 151 or newer)".to_owned();
    assert_eq!(old, (Some(line), None));
}

/// No snapshot could ever join it: it must not wait for one.
#[test]
fn a_diff_that_follows_one_to_come_does_not_hold_up_the_book() {
    let mut book = Book::new();
    book.handle_subscribed(at(0));
    assert!(book.handle_diff(&chained(u64::MAX, 101, 102, ("98", "3")), at(1)).is_some());
    let ticket = ticket(&mut book, at(300)).unwrap();
    assert_eq!(book.handle_snapshot(ticket, &snapshot(110, &[("98", "1")], &[]), at(310)), None);
    assert_eq!(shown(&book, at(310)).unwrap(), "98x1/none @110");
}

#[test]
fn only_the_snapshot_that_was_asked_for_counts() {
    let mut book = Book::new();
    book.handle_subscribed(at(0));
    let old = ticket(&mut book, at(0)).unwrap();
    book.handle_disconnected();
    book.handle_subscribed(at(5));
    book.handle_snapshot(old, &snapshot(100, &[("99", "1")], &[]), at(6));
    assert_eq!(shown(&book, at(6)), None);
    let new = ticket(&mut book, at(6)).unwrap();
    assert_ne!(old, new);
    book.handle_snapshot_failed(new, at(7));
    assert!(ticket(&mut book, at(8)).is_none());
    let again = ticket(&mut book, at(1_000)).unwrap();
    book.handle_snapshot(again, &snapshot(100, &[("99", "1")], &[]), at(1_000));
    assert!(shown(&book, at(1_000)).is_some());
}

/// Fault B1.
#[test]
fn every_break_of_the_sequence_is_found_and_mended() {
    let breaks = [
        (diff(102, 103, &[], &[]), "BOOK-001 X: sequence gap (have 100, got 102..103)"),
        (diff(101, 99, &[], &[]), "BOOK-001 X: sequence gap (have 100, got 101..99)"),
        (diff(0, 0, &[], &[]), "BOOK-001 X: sequence gap (have 100, got 0..0)"),
        (diff(101, 1 << 63, &[], &[]), "BOOK-001 X: sequence gap (have 100, got 101..9223372036854775808)"),
        (chained(102, 101, 102, ("98", "3")), "BOOK-001 X: sequence gap (have 100, got 101..102)"),
        (chained(u64::MAX, 101, 102, ("98", "3")), "BOOK-001 X: sequence gap (have 100, got 101..102)"),
    ];
    for (broken, line) in breaks {
        let mut book = live();
        assert_eq!(book.handle_diff(&broken, at(20)).unwrap().line("X"), line);
        assert_eq!(shown(&book, at(20)), None, "{line}");
        let ticket = ticket(&mut book, at(300)).unwrap();
        assert_eq!(book.handle_snapshot(ticket, &snapshot(110, &[("98", "1")], &[]), at(310)), None);
        assert_eq!(shown(&book, at(310)).unwrap(), "98x1/none @110", "{line}");
        assert_eq!((book.counts().gaps, book.counts().resyncs), (1, 1));
    }
}

#[test]
fn the_diff_that_shows_a_gap_is_kept_for_the_next_snapshot() {
    let mut book = live();
    book.handle_diff(&diff(105, 106, &[("97", "7")], &[]), at(20));
    book.handle_diff(&diff(107, 107, &[("98", "8")], &[]), at(21));
    let ticket = ticket(&mut book, at(300)).unwrap();
    book.handle_snapshot(ticket, &snapshot(104, &[], &[]), at(310));
    assert_eq!(shown(&book, at(310)).unwrap(), "98x8/none @107");
}

#[test]
fn a_gap_among_the_waiting_diffs_keeps_what_comes_after_it() {
    let mut book = Book::new();
    book.handle_subscribed(at(0));
    book.handle_diff(&diff(99, 101, &[], &[]), at(1));
    book.handle_diff(&diff(104, 105, &[("98", "8")], &[]), at(2));
    book.handle_diff(&diff(106, 106, &[("98", "9")], &[]), at(3));
    let first = ticket(&mut book, at(3)).unwrap();
    let fault = book.handle_snapshot(first, &snapshot(100, &[], &[]), at(4));
    assert!(matches!(fault, Some(BookFault::Gap { have: 101, first: 104, last: 105 })), "{fault:?}");
    let second = ticket(&mut book, at(500)).unwrap();
    book.handle_snapshot(second, &snapshot(103, &[], &[]), at(501));
    assert_eq!(shown(&book, at(501)).unwrap(), "98x9/none @106");
}

/// Fault B8.
#[test]
fn old_news_is_ignored_and_confirms_nothing() {
    let mut book = live();
    book.handle_diff(&diff(101, 105, &[("98", "1")], &[]), at(100));
    book.handle_diff(&diff(101, 105, &[("98", "1")], &[]), at(900));
    book.handle_diff(&diff(90, 99, &[("99", "0")], &[]), at(901));
    book.handle_best(best(103, ("99", "1"), ("101", "2")), at(902));
    assert_eq!(shown(&book, at(902)).unwrap(), "99x1/101x2 @105");
    assert_eq!(book.counts().duplicates, 3);
    assert_eq!(book.top(at(902)).top.unwrap().confirmed, at(100));
}

#[test]
fn a_diff_that_overlaps_what_is_known_is_applied_whole() {
    let mut book = live();
    assert_eq!(book.handle_diff(&diff(98, 103, &[("99", "4")], &[]), at(20)), None);
    assert_eq!(shown(&book, at(20)).unwrap(), "99x4/101x2 @103");
}

#[test]
fn quantities_are_absolute_and_zero_removes() {
    let mut book = live();
    book.handle_diff(&diff(101, 101, &[("99", "7"), ("98", "1")], &[("101", "0")]), at(20));
    assert_eq!(shown(&book, at(20)).unwrap(), "99x7/none @101");
    book.handle_diff(&diff(102, 102, &[("99", "0"), ("55", "0")], &[("101", "0.000")]), at(21));
    assert_eq!(shown(&book, at(21)).unwrap(), "98x1/none @102");
    assert_eq!(book.counts().unknown_removals, 2, "legal, and counted");
}

#[test]
fn of_one_price_twice_the_last_counts() {
    let mut book = live();
    book.handle_diff(&diff(101, 101, &[("98", "1"), ("98", "2")], &[]), at(20));
    assert_eq!(book.bids().map(|level| level.qty.to_string()).collect::<Vec<_>>(), ["1", "2"]);
    let mut book = Book::new();
    book.handle_subscribed(at(0));
    let ticket = ticket(&mut book, at(0)).unwrap();
    let unsorted =
        snapshot(1, &[("97", "1"), ("99", "1"), ("98", "3"), ("99", "2")], &[("103", "1"), ("101", "1")]);
    book.handle_snapshot(ticket, &unsorted, at(1));
    assert_eq!(shown(&book, at(1)).unwrap(), "99x2/101x1 @1", "unsorted is sorted");
    assert_eq!(book.counts().repeated_prices, 1);
    assert_eq!(book.bids().count(), 3);
}

#[test]
fn one_number_is_one_price_however_it_is_written() {
    let mut book = live();
    book.handle_diff(&diff(101, 101, &[("99.000", "7")], &[("1.01e2", "0")]), at(20));
    assert_eq!(shown(&book, at(20)).unwrap(), "99.000x7/none @101");
    assert_eq!(book.bids().count(), 1);
}

#[test]
fn the_newest_account_of_the_top_wins() {
    let mut book = live();
    book.handle_best(best(103, ("99.5", "1"), ("100.5", "1")), at(20));
    assert_eq!(shown(&book, at(20)).unwrap(), "99.5x1/100.5x1 @103");
    book.handle_diff(&diff(101, 102, &[("99.2", "1")], &[]), at(21));
    assert_eq!(shown(&book, at(21)).unwrap(), "99.5x1/100.5x1 @103", "an older diff changes only the depth");
    book.handle_diff(&diff(103, 104, &[("99.6", "1")], &[("100.5", "1")]), at(22));
    assert_eq!(shown(&book, at(22)).unwrap(), "99.6x1/100.5x1 @104");
    book.handle_best(best(102, ("1", "1"), ("2", "1")), at(23));
    assert_eq!(shown(&book, at(23)).unwrap(), "99.6x1/100.5x1 @104", "an older quote changes nothing");
}

#[test]
fn a_quote_that_came_while_syncing_counts_if_it_is_newer() {
    let mut book = Book::new();
    book.handle_subscribed(at(0));
    book.handle_best(best(105, ("99.5", "1"), ("100.5", "1")), at(1));
    let ticket = ticket(&mut book, at(1)).unwrap();
    book.handle_snapshot(ticket, &snapshot(100, &[("99", "1")], &[("101", "2")]), at(2));
    assert_eq!(shown(&book, at(2)).unwrap(), "99.5x1/100.5x1 @105");
}

#[test]
fn two_accounts_of_one_update_must_agree() {
    let line = "BOOK-011 X: top mismatch at 101 (best quote says 99x9/101x2, the book says 99x5/101x2)";
    let mut book = live();
    book.handle_diff(&diff(101, 101, &[("99", "5")], &[]), at(20));
    assert_eq!(book.handle_best(best(101, ("99", "5"), ("101", "2.0")), at(21)), None);
    assert_eq!(book.handle_best(best(101, ("99", "9"), ("101", "2")), at(22)).unwrap().line("X"), line);
    assert_eq!(shown(&book, at(22)), None);
    let mut book = live();
    book.handle_best(best(101, ("99", "9"), ("101", "2")), at(20));
    let fault = book.handle_diff(&diff(101, 101, &[("99", "5")], &[]), at(21));
    assert_eq!(fault.unwrap().line("X"), line);
    assert_eq!((book.counts().mismatches, book.counts().resyncs), (1, 1));
}

/// Fault B6.
#[test]
fn an_empty_side_and_an_empty_book_are_live() {
    let mut book = Book::new();
    book.handle_subscribed(at(0));
    let ticket = ticket(&mut book, at(0)).unwrap();
    book.handle_snapshot(ticket, &snapshot(0, &[], &[]), at(1));
    assert_eq!(
        (shown(&book, at(1)).unwrap(), book.state(at(1))),
        ("none/none @0".to_owned(), BookState::Live)
    );
    book.handle_best(Best { update_id: 1, bid: None, ask: levels(&[("5", "1")]).pop() }, at(2));
    assert_eq!(
        (shown(&book, at(2)).unwrap(), book.state(at(2))),
        ("none/5x1 @1".to_owned(), BookState::Live)
    );
}

/// Fault B6.
#[test]
fn a_crossed_book_is_shown_as_such_and_thrown_away_if_it_stays() {
    for crossing in ["101", "102"] {
        let mut book = live();
        book.handle_diff(&diff(101, 101, &[(crossing, "1")], &[]), at(1_000));
        assert_eq!(book.state(at(1_000)), BookState::Crossed);
        assert!(book.top(at(1_000)).top.unwrap().is_crossed());
        assert_eq!(book.handle_timeout(at(1_999)), None);
        assert_eq!(book.poll_timeout(), Some(at(2_000).mono));
        let line = book.handle_timeout(at(2_000)).unwrap().line("X");
        assert_eq!(line, format!("BOOK-005 X: crossed book (bid {crossing}, ask 101)"));
        assert_eq!(shown(&book, at(2_000)), None);
    }
    let mut book = live();
    book.handle_diff(&diff(101, 101, &[("101", "1")], &[]), at(1_000));
    book.handle_diff(&diff(102, 102, &[("101", "0")], &[]), at(1_500));
    assert_eq!(book.handle_timeout(at(3_000)), None, "it has uncrossed by itself");
    assert_eq!(book.state(at(1_500)), BookState::Live);
}

#[test]
fn an_answer_confirms_what_it_agrees_with() {
    let mut book = live();
    let top = TopAnswer { bid: levels(&[("99.0", "1")]).pop(), ask: levels(&[("101", "2")]).pop() };
    assert_eq!(book.state(at(2_011)), BookState::Stale, "nobody confirmed it for two seconds");
    assert_eq!(book.handle_top_answer(top, at(3_000)), None);
    assert_eq!(book.top(at(3_000)).top.unwrap().confirmed, at(3_000));
    assert_eq!(book.state(at(5_000)), BookState::Live);
}

/// Fault B9.
#[test]
fn the_second_answer_in_a_row_that_disagrees_throws_the_book_away() {
    let wrong = TopAnswer { bid: None, ask: levels(&[("101", "2")]).pop() };
    let mut book = live();
    assert_eq!(book.handle_top_answer(wrong, at(1_000)), None, "it may have crossed an update on its way");
    book.handle_diff(&diff(101, 101, &[("98", "1")], &[]), at(1_500));
    assert_eq!(book.handle_top_answer(wrong, at(2_000)), None, "an update came between");
    assert_eq!(book.top(at(2_000)).top.unwrap().confirmed, at(1_500));
    let line = book.handle_top_answer(wrong, at(3_000)).unwrap().line("X");
    assert_eq!(line, "BOOK-011 X: top mismatch at 101 (answer says none/101x2, the book says 99x1/101x2)");
    assert_eq!(shown(&book, at(3_000)), None);
    assert_eq!(book.handle_top_answer(wrong, at(3_001)), None, "nothing to compare with while syncing");
}

/// Fault B7.
#[test]
fn diffs_that_fall_silent_while_the_quote_moves_are_noticed() {
    let mut book = live();
    book.handle_best(best(103, ("99.5", "1"), ("100.5", "1")), at(60_000));
    book.handle_best(best(104, ("99.6", "1"), ("100.5", "1")), at(64_999));
    assert_eq!(book.handle_timeout(at(64_999)), None);
    let line = book.handle_timeout(at(65_000)).unwrap().line("X");
    assert_eq!(line, "BOOK-012 X: diffs fell silent (have 100, best quote at 104)");
    let mut book = live();
    book.handle_best(best(103, ("99.5", "1"), ("100.5", "1")), at(60_000));
    book.handle_diff(&diff(101, 102, &[], &[]), at(64_000));
    assert_eq!(book.handle_timeout(at(65_000)), None, "behind, but not silent");
}

/// Promise P20.
#[test]
fn a_message_that_cannot_be_read_costs_the_book() {
    let mut book = live();
    book.handle_unreadable(at(20));
    assert_eq!((shown(&book, at(20)), book.counts().resyncs), (None, 1));
    let mut book = Book::new();
    book.handle_unreadable(at(0));
    assert_eq!(
        (book.counts().resyncs, ticket(&mut book, at(9_000))),
        (0, None),
        "nothing without a connection"
    );
}

#[test]
fn a_book_that_keeps_breaking_asks_ever_later_and_one_that_held_asks_at_once() {
    let mut book = live();
    let mut now = at(20);
    let mut waits = Vec::new();
    for _ in 0..12 {
        book.handle_unreadable(now);
        let wait = book.poll_timeout().unwrap().since(now.mono);
        waits.push(wait);
        now = now.after(wait);
        let ticket = ticket(&mut book, now).unwrap();
        book.handle_snapshot(ticket, &snapshot(500, &[], &[]), now);
    }
    assert!(
        waits.windows(2).all(|pair| pair[0] <= pair[1]) && waits[11] == Duration::from_secs(5),
        "{waits:?}"
    );
    now = now.after(Duration::from_secs(11));
    book.handle_unreadable(now);
    assert!(ticket(&mut book, now).is_some());
}

#[test]
fn a_lost_connection_takes_the_top_with_it() {
    let mut book = live();
    book.handle_disconnected();
    assert_eq!((shown(&book, at(20)), book.state(at(20))), (None, BookState::Syncing));
    assert_eq!(book.handle_diff(&diff(101, 101, &[], &[]), at(21)), None);
    assert_eq!(book.handle_best(best(101, ("1", "1"), ("2", "1")), at(21)), None);
    assert_eq!((ticket(&mut book, at(9_000)), book.poll_timeout()), (None, None));
}

#[test]
fn levels_are_capped_at_the_worse_end() {
    let mut book = Book::new();
    book.handle_subscribed(at(0));
    let ticket = ticket(&mut book, at(0)).unwrap();
    let many = |from: u64, count: u64| -> Vec<Level> {
        (from..from + count)
            .map(|price| Level { price: number(&price.to_string()), qty: Decimal::ONE })
            .collect()
    };
    let asks: Vec<Level> = many(30_000, 20_000);
    let bids: Vec<Level> = many(1, 20_000).into_iter().rev().collect();
    book.handle_snapshot(ticket, &Snapshot { last_id: 1, bids, asks }, at(1));
    assert_eq!((book.bids().count(), book.asks().count()), (LEVELS_MAX, LEVELS_MAX));
    assert_eq!(shown(&book, at(1)).unwrap(), "20000x1/30000x1 @1");
    let more = Diff {
        first_id: 2,
        last_id: 2,
        bids: many(20_001, 4_000),
        asks: vec![],
        event_time_ms: None,
        previous_id: None,
    };
    assert_eq!(book.handle_diff(&more, at(2)), None);
    assert!(book.bids().count() <= LEVELS_MAX + 256);
    assert_eq!(shown(&book, at(2)).unwrap(), "24000x1/30000x1 @2");
}

#[test]
fn waiting_diffs_are_capped_and_a_newer_snapshot_is_then_needed() {
    let mut book = Book::new();
    book.handle_subscribed(at(0));
    let extra = 10;
    for id in 1..=u64::try_from(BUFFERED_DIFFS_MAX).unwrap() + extra {
        book.handle_diff(&diff(id, id, &[("99", "1")], &[]), at(1));
    }
    let first = ticket(&mut book, at(1)).unwrap();
    let fault = book.handle_snapshot(first, &snapshot(extra - 1, &[], &[]), at(2));
    assert!(matches!(fault, Some(BookFault::OldSnapshot { got: 9, first: 11 })), "{fault:?}");
    let second = ticket(&mut book, at(500)).unwrap();
    assert_eq!(book.handle_snapshot(second, &snapshot(extra, &[], &[]), at(501)), None);
    assert_eq!(shown(&book, at(501)).unwrap(), "99x1/none @1010");
}
