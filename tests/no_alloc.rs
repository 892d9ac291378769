//! From a decoded tick to its two encoded orders nothing is allocated, and nothing by the matching engine once its
//! book is as large as it gets; counted by the allocator itself.

#[path = "../benches/support/chain.rs"]
mod chain;
#[path = "../benches/support/mix.rs"]
mod mix;

use chain::Chain;
use mix::Venue;

#[test]
fn a_tick_becomes_two_orders_without_an_allocation() {
    let mut chain = Chain::new(1);
    let ticks = chain::ticks();
    // The first pair grows the buffers.
    chain.tick(0, ticks[0]);
    chain.maker_rests(0);
    chain.end(0);
    for tick in &ticks[1..] {
        let counted = allocation_counter::measure(|| {
            assert!(chain.tick(0, *tick) > 300 && chain.maker_rests(0) > 300, "two frames");
        });
        assert_eq!(counted.count_total, 0, "allocations for {tick:?}");
        chain.end(0);
    }
}

#[test]
fn the_engine_trades_without_an_allocation() {
    let ops = mix::mix(50_000, 2);
    let mut venue = Venue::new();
    // The first round grows what is kept.
    ops.iter().for_each(|op| venue.play(*op));
    venue.restart();
    let mut trades = 0;
    let counted = allocation_counter::measure(|| {
        for op in &ops {
            venue.play(*op);
            trades += venue.trades();
        }
    });
    assert!(trades > 10_000, "the mix trades: {trades}");
    assert_eq!(counted.count_total, 0, "allocations of {} operations", ops.len());
}
