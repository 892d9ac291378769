//! From a decoded tick to its two encoded orders nothing is allocated, counted by the allocator itself.

#[path = "../benches/support/chain.rs"]
mod chain;

use chain::Chain;

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
