//! A fleet: processes of the real program that share symbols, over a real broker and a real Redis, with the
//! venue's own ledger as the judge.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]
#![expect(clippy::print_stdout, reason = "a test that is skipped says why, and gaps are shown")]

#[path = "support/kafka.rs"]
#[expect(dead_code, reason = "shared with tests that use more of it")]
mod kafka;
#[path = "support/process.rs"]
#[expect(dead_code, reason = "shared with tests that use more of it")]
mod process;
#[path = "support/proxy.rs"]
mod proxy;
#[path = "support/redis.rs"]
#[expect(dead_code, reason = "shared with tests that use more of it")]
mod redis;

#[path = "fleet/ledger.rs"]
mod ledger;
#[path = "fleet/members.rs"]
mod members;
#[path = "fleet/publisher.rs"]
mod publisher;

#[test]
fn load() {
    use std::time::Duration;
    let Some(redis) = redis::Redis::start(&[]) else { return };
    let mut fleet = members::Fleet::new(members::symbol_count());
    let steady = publisher::Steady::redis(&redis, &fleet.symbols);
    fleet.start("one", &serde_json::json!({ "Feed": redis.url() }), &[]);
    fleet.member("one").wait_until_ready();
    let began = process::now();
    for _ in 0..10 {
        members::pass(Duration::from_secs(1));
        println!("{:?} {}", began.elapsed(), fleet.venue.trades());
    }
    drop(steady);
    println!("{}", fleet.stop("one"));
    let l = fleet.finish("load");
    println!("{} {:?}", l.unlabelled(), began.elapsed());
}
