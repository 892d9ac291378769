//! The matching engine on a mix of orders, and the crate `orderbook-rs` on the same list beside it.
//!
//! What each does for an operation is told in `benches/README.md`: ours books balances and writes every report,
//! theirs keeps no balances; theirs locks, so that threads may share it, ours has one owner.

#[path = "support/mix.rs"]
mod mix;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use orderbook_rs::{Id, OrderBook, TimeInForce};
use schemas::order::Side;

use mix::{Op, Venue};

const OPERATIONS: usize = 100_000;

/// The other book, and whether it tells anybody.
struct Other {
    book: OrderBook<()>,
    trades: Arc<AtomicU64>,
    placed: u64,
}

impl Other {
    fn new(is_told: bool) -> Self {
        let mut book = OrderBook::new("MIX");
        let trades = Arc::new(AtomicU64::new(0));
        if is_told {
            let counter = Arc::clone(&trades);
            book.set_trade_listener(Arc::new(move |result| {
                counter.fetch_add(result.match_result.trades().len() as u64, Ordering::Relaxed);
            }));
            book.set_price_level_listener(Arc::new(|event| {
                std::hint::black_box(event);
            }));
        }
        let mut other = Self { book, trades, placed: 0 };
        mix::ground().for_each(|op| other.play(op));
        other
    }

    fn play(&mut self, op: Op) {
        match op {
            Op::Post { side, price, qty, .. } => {
                let id = self.next_id();
                let gtc = TimeInForce::Gtc;
                let done =
                    self.book.add_post_only_order(id, price as u128, qty as u64, their(side), gtc, None);
                assert!(done.is_ok(), "made so that none is refused");
            }
            Op::Take { side, price, qty, .. } => {
                let (id, ioc) = (self.next_id(), TimeInForce::Ioc);
                // An error is how it tells of a rest that expired.
                let done = self.book.add_limit_order(id, price as u128, qty as u64, their(side), ioc, None);
                let _ = std::hint::black_box(done);
            }
            Op::Cancel(id) => {
                let done = self.book.cancel_order(Id::Sequential(id));
                assert!(matches!(done, Ok(Some(_))), "made so that it rests");
            }
        }
    }

    fn next_id(&mut self) -> Id {
        self.placed += 1;
        Id::Sequential(self.placed)
    }
}

fn their(side: Side) -> orderbook_rs::Side {
    match side {
        Side::Buy => orderbook_rs::Side::Buy,
        Side::Sell => orderbook_rs::Side::Sell,
    }
}

/// Both must have done the same before their times may be compared.
fn same_work(ops: &[Op]) {
    let (mut ours, mut theirs) = (Venue::new(), Other::new(true));
    let mut trades = 0;
    for op in ops {
        ours.play(*op);
        theirs.play(*op);
        trades += ours.trades() as u64;
    }
    assert_eq!(trades, theirs.trades.load(Ordering::Relaxed), "as many trades");
    for side in [Side::Buy, Side::Sell] {
        let levels: Vec<_> = ours.engine.levels(ours.symbol, side).collect();
        let other: Vec<_> = theirs
            .book
            .levels_with_cumulative_depth(their(side))
            .map(|level| level.expect("a level can be read"))
            .map(|level| (level.price as i64, level.quantity as i64))
            .collect();
        assert_eq!(levels, other, "the same levels");
        assert!(levels.len() as i64 > mix::LEVELS * 9 / 10, "the book neither drains nor fills");
    }
}

fn benches(criterion: &mut Criterion) {
    let ops = mix::mix(OPERATIONS, 1);
    same_work(&ops);
    let mut group = criterion.benchmark_group("engine/45 post 45 take 10 cancel");
    group.throughput(Throughput::Elements(OPERATIONS as u64)).sample_size(20);
    group.bench_function("self-trader", |bencher| {
        bencher.iter_batched(
            || {
                // Once before the clock runs: what it allocates, it keeps.
                let mut venue = Venue::new();
                ops.iter().for_each(|op| venue.play(*op));
                venue.restart();
                venue
            },
            |mut venue| {
                ops.iter().for_each(|op| venue.play(*op));
                venue
            },
            BatchSize::PerIteration,
        );
    });
    for (name, is_told) in [("orderbook-rs", false), ("orderbook-rs, with listeners", true)] {
        group.bench_function(name, |bencher| {
            bencher.iter_batched(
                || Other::new(is_told),
                |mut other| {
                    ops.iter().for_each(|op| other.play(*op));
                    other
                },
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

criterion_group!(engine, benches);
criterion_main!(engine);
