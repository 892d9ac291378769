//! From a decoded tick to its two encoded orders nothing is allocated, counted by the allocator itself.

#[path = "../benches/support/chain.rs"]
mod chain;

use chain::Chain;

#[test]
fn a_tick_becomes_two_orders_without_an_allocation() {
    let mut chain = Chain::default();
    let ticks = chain::ticks();
    // The first pair grows the buffers.
    chain.tick(ticks[0]);
    chain.maker_rests();
    chain.end();
    for tick in &ticks[1..] {
        let counted = allocation_counter::measure(|| {
            assert!(chain.tick(*tick) > 300 && chain.maker_rests() > 300, "two frames");
        });
        assert_eq!(counted.count_total, 0, "allocations for {tick:?}");
        chain.end();
    }
}
