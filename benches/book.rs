//! The book's daily bread: one message of a stream read, and one applied.
//!
//! The messages are made here in the shape of recorded ones: prices and quantities of 8 decimals, a diff of 20
//! levels near the top of a book of 1,000 levels a side.

use std::fmt::Write;
use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use pipeline::book::{Book, BookRequest, Diff, Level, Snapshot};
use pipeline::time::Now;
use schemas::units::Decimal;
use schemas::wire::binance::stream::{StreamMessage, read};

const LEVELS: i128 = 1_000;

fn level(ticks: i128, qty: i128) -> Level {
    Level { price: Decimal::new(ticks * 1_000_000, 8), qty: Decimal::new(qty, 8) }
}

fn live() -> Book {
    let mut book = Book::new();
    book.handle_subscribed(Now::default());
    let Some(BookRequest::Snapshot { ticket }) = book.poll_request(Now::default()) else {
        unreachable!("a book that has just been subscribed asks for a snapshot")
    };
    let bids = (0..LEVELS).map(|at| level(6_000_000 - at, 150_000)).collect();
    let asks = (0..LEVELS).map(|at| level(6_000_001 + at, 150_000)).collect();
    book.handle_snapshot(ticket, &Snapshot { last_id: 0, bids, asks }, Now::default());
    book
}

/// Half of the levels are set, half removed; the diff after it does the reverse.
fn diff(id: u64) -> Diff {
    let qty = |at: i128| if (at + i128::from(id)) % 2 == 0 { 0 } else { 250_000 + at };
    let mut diff = Diff { first_id: id, last_id: id, ..Diff::default() };
    diff.bids = (1..=10).map(|at| level(6_000_000 - at * 3, qty(at))).collect();
    diff.asks = (1..=10).map(|at| level(6_000_001 + at * 3, qty(at))).collect();
    diff
}

fn side_text(levels: &[Level]) -> String {
    levels.iter().fold(String::new(), |mut text, level| {
        let comma = if text.is_empty() { "" } else { "," };
        write!(text, "{comma}[\"{}\",\"{}\"]", level.price, level.qty).expect("a String takes all");
        text
    })
}

fn depth_text(diff: &Diff) -> String {
    format!(
        r#"{{"stream":"btcusdt@depth@100ms","data":{{"e":"depthUpdate","E":1790000000200,"s":"BTCUSDT","U":{},"u":{},"b":[{}],"a":[{}]}}}}"#,
        diff.first_id,
        diff.last_id,
        side_text(&diff.bids),
        side_text(&diff.asks)
    )
}

const QUOTE: &str = r#"{"stream":"btcusdt@bookTicker","data":{"u":1,"s":"BTCUSDT","b":"60000.00000000","B":"0.00150000","a":"60000.01000000","A":"0.00150000"}}"#;

fn benches(criterion: &mut Criterion) {
    criterion.bench_function("book/apply diff of 20 levels", |bencher| {
        let mut book = live();
        let mut diffs = [diff(1), diff(2)];
        let mut id = 0_u64;
        bencher.iter(|| {
            id += 1;
            let diff = &mut diffs[usize::from(id.is_multiple_of(2))];
            (diff.first_id, diff.last_id) = (id, id);
            assert!(book.handle_diff(black_box(diff), Now::default()).is_none());
        });
    });
    criterion.bench_function("book/read diff of 20 levels", |bencher| {
        let text = depth_text(&diff(1));
        let mut diff = Diff::default();
        bencher
            .iter(|| assert!(matches!(read(black_box(&text), &mut diff), Ok(StreamMessage::Depth { .. }))));
    });
    criterion.bench_function("book/read best quote", |bencher| {
        let mut diff = Diff::default();
        bencher.iter(|| assert!(matches!(read(black_box(QUOTE), &mut diff), Ok(StreamMessage::Best { .. }))));
    });
}

criterion_group!(book, benches);
criterion_main!(book);
